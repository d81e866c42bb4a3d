"""Values of a recorded field as Arrays of a Costate trace, for one sample.

Each value is an Array without its first axis where that is the batch (BATCHED). A view may have joined the batch with the axis after it
(FOLDED); an Array then has that part of the axis which is its sample's. Before the batch may stand an axis of 1 (INNER), as einsum makes
one, which an Array does not have either. What mixes samples is refused (Mixing): the whole batch is then
one sample of the graph.
"""

import numpy as np

import costate
from costate.torch._recorder import Ref

SHARED, BATCHED, FOLDED, INNER = 0, 1, 2, 3  # where the batch is
_HIDDEN = {SHARED: 0, BATCHED: 1, FOLDED: 0, INNER: 2}  # axes of a tensor that its Array does not have


class Mixing(Exception):
    """The field does not act on each sample alone; says where."""


class Value:
    """An Array or a NumPy array of one sample; of a transposed matrix, the one before as well."""

    __slots__ = ("array", "is_batched", "transposed")

    def __init__(self, array, is_batched, transposed=None):
        self.array, self.is_batched, self.transposed = array, is_batched, transposed

    @property
    def shape(self):
        return tuple(self.array.shape)

    @property
    def hidden(self):
        return _HIDDEN[self.is_batched]

    @property
    def rank(self):
        return len(self.shape) + self.hidden


def aligned(values):
    """The arrays of operands of an elementwise operation, by PyTorch's broadcasting, and whether the result is batched."""
    rank = max((v.rank for v in values if isinstance(v, Value)), default=0)
    kinds = {v.is_batched for v in values if isinstance(v, Value)} - {SHARED}
    if len(kinds) > 1:
        raise Mixing("samples of one operand meet features of another")
    is_batched = max(kinds, default=SHARED)
    arrays = []
    for v in values:
        if not isinstance(v, Value):
            arrays.append(v)
        elif v.is_batched and v.rank < rank:
            raise Mixing("samples of one operand meet features of another")
        elif is_batched and not v.is_batched and v.rank > rank - max(_HIDDEN[is_batched], 1):
            extra = v.rank - rank + max(_HIDDEN[is_batched], 1)
            if any(size != 1 for size in v.shape[:extra]):
                raise Mixing("an operand has another number for each sample, which is known outside of the field only")
            arrays.append(v.array if is_batched == FOLDED else reshaped(v.array, v.shape[extra:]))
        else:
            arrays.append(v.array)
    return arrays, is_batched


def reshaped(array, shape):
    """An Array or a NumPy array in another shape."""
    return array.reshape(shape) if isinstance(array, np.ndarray) else costate.reshape(array, shape)


def elementwise(function):
    """The rule of a function that is computed number by number."""
    def rule(t, node, *args, **kwargs):
        arrays, is_batched = aligned(args)
        return Value(function(*arrays, **kwargs), is_batched)
    return rule


def name_of(node):
    """"add" of aten::add_.Tensor."""
    return node.func.name().split("::")[1].split(".")[0].rstrip("_")


def refs_of(value):
    """All Refs in nested lists and dicts."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple)):
        for x in value:
            yield from refs_of(x)
    elif isinstance(value, dict):
        for x in value.values():
            yield from refs_of(x)
