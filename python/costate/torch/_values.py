"""Values of a recorded field as Arrays of a Costate trace, for one sample.

Each value is an Array without the axis of its tensor that is the batch: mostly the first one, or a later one, as that of a net for each of several
units. A view may have joined the batch with the axis after it (FOLDED); an Array then has that part of the axis which is its sample's. What
mixes samples is refused (Mixing): the whole batch is then one sample of the graph.
"""

import numpy as np

import costate

# Where the batch is: nowhere, in the first axis, joined with what follows it; the others are BATCHED + the number of axes before it.
SHARED, BATCHED, FOLDED = 0, 1, 1000


class Mixing(Exception):
    """The field does not act on each sample alone; says where."""


class Value:
    """An Array or a NumPy array of one sample; of a transposed matrix, the one before as well."""

    __slots__ = ("array", "kind", "transposed")

    def __init__(self, array, kind, transposed=None):
        self.array, self.kind, self.transposed = array, kind, transposed

    @property
    def shape(self):
        return tuple(self.array.shape)

    @property
    def rank(self):
        return len(self.shape) + (self.kind not in (SHARED, FOLDED))


def batch_axis(kind):
    return 0 if kind == FOLDED else kind - BATCHED


def array_axis(axis, kind, what):
    """The Array's axis of a tensor's, counted from the front; Mixing if that is the batch."""
    if kind == SHARED:
        return axis
    if axis == batch_axis(kind):
        raise Mixing(what)
    return axis if kind == FOLDED or axis < batch_axis(kind) else axis - 1


def aligned(values):
    """The arrays of operands of an elementwise operation, by PyTorch's broadcasting, and where the batch of the result is."""
    operands = [v for v in values if isinstance(v, Value)]
    rank = max((v.rank for v in operands), default=0)
    kinds = {v.kind if v.kind == FOLDED else v.kind + rank - v.rank for v in operands if v.kind}
    if len(kinds) > 1:
        raise Mixing("samples of one operand meet features of another")
    kind = max(kinds, default=SHARED)
    return [beside(v, rank, kind) if isinstance(v, Value) else v for v in values], kind


def beside(v, rank, kind):
    """A Value's array as it stands beside others in a tensor of `rank` axes, whose batch is where `kind` says."""
    if v.kind:
        if v.kind + (0 if kind == FOLDED else rank - v.rank) != kind or (kind == FOLDED and v.rank != rank):
            raise Mixing("samples of one operand meet features of another")
        return v.array
    at = v.rank - rank + batch_axis(kind)  # of its axes, the one that meets the batch
    if kind == SHARED or at < 0:
        return v.array
    if v.shape[at] != 1:
        raise Mixing("an operand has another number for each sample, which is known outside of the field only")
    return v.array if kind == FOLDED else reshaped(v.array, v.shape[:at] + v.shape[at + 1:])


def reshaped(array, shape):
    """An Array or a NumPy array in another shape."""
    return array.reshape(shape) if isinstance(array, np.ndarray) else costate.reshape(array, shape)


def elementwise(function):
    """The rule of a function that is computed number by number."""
    def rule(t, node, *args, **kwargs):
        arrays, kind = aligned(args)
        return Value(function(*arrays, **kwargs), kind)
    return rule


def name_of(node):
    """"add" of aten::add_.Tensor."""
    return node.func.name().split("::")[1].split(".")[0].rstrip("_")
