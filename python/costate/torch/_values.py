"""Values of a recorded field as Arrays of a Costate trace, for one sample.

Each value is an Array without its first axis where that is the batch (BATCHED). A view may have joined the batch with the axis after it
(FOLDED); an Array then has that part of the axis which is its sample's. What mixes samples is refused (Mixing): the whole batch is then
one sample of the graph.
"""

import numpy as np

import costate
from costate.torch._recorder import Ref

SHARED, BATCHED, FOLDED = 0, 1, 2  # what the first axis is


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
    def rank(self):
        return len(self.shape) + (self.is_batched == BATCHED)


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
        elif is_batched and not v.is_batched and v.rank == rank:
            if v.shape[0] != 1:
                raise Mixing("an operand has another number for each sample, which is known outside of the field only")
            arrays.append(reshaped(v.array, v.shape[1:]) if is_batched == BATCHED else v.array)
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
