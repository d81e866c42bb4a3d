"""States of several arrays: dicts, tuples, named tuples and dataclasses of them, nested as one likes.

The core solves one flat state of named parts. A Structure says which part is which array, and puts arrays together again.
"""

import dataclasses

import numpy as np

from costate import _core
from costate._names import type_of


@dataclasses.dataclass(frozen=True)
class _Node:
    """A dict, tuple, named tuple or dataclass (`kind`); what stands in it is None for an array."""

    kind: type
    names: tuple
    children: tuple

    def text(self):
        if self.kind is tuple:
            return f"a tuple of {len(self.names)}"
        what = "a dict with the keys" if self.kind is dict else f"a {self.kind.__name__} of"
        return f"{what} {', '.join(map(repr if self.kind is dict else str, self.names))}"


def _is_named_tuple(value):
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _is_node(value):
    """Whether it holds arrays, and is none. A tuple of numbers is an array, as a list of any kind."""
    if isinstance(value, dict) or _is_named_tuple(value) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return True
    return type(value) is tuple and any(_is_node(item) or getattr(item, "ndim", 0) > 0 for item in value)


def _holds_shapes(value):
    """The same of shapes, where a tuple of integers is a shape."""
    return _is_node(value) or (type(value) is tuple and any(not isinstance(item, (int, np.integer)) for item in value))


def _items(value):
    """The names of what a node holds, and their values."""
    if isinstance(value, dict):
        return dict, tuple(value), tuple(value.values())
    if type(value) is tuple:
        return tuple, tuple(range(len(value))), value
    names = value._fields if _is_named_tuple(value) else tuple(field.name for field in dataclasses.fields(value))
    return type(value), names, tuple(getattr(value, name) for name in names)


def _node_of(value, is_node, path, leaves):
    """The tree of a value; its leaves go into the list, each behind its path."""
    if not is_node(value):
        leaves.append((path, value))
        return None
    kind, names, values = _items(value)
    return _Node(kind, names, tuple(_node_of(one, is_node, f"{path}.{name}", leaves) for name, one in zip(names, values)))


def _has(node, value):
    """The values of a node in its order; None if it is something else."""
    if node.kind is dict:
        return [value[name] for name in node.names] if isinstance(value, dict) and set(value) == set(node.names) else None
    if isinstance(value, (tuple, list)) and not isinstance(value, node.kind) and node.kind is not tuple:
        return None
    if node.kind is tuple or isinstance(value, tuple):
        return list(value) if isinstance(value, (tuple, list)) and len(value) == len(node.names) else None
    return [getattr(value, name) for name in node.names] if isinstance(value, node.kind) else None


def _got(value):
    if isinstance(value, dict):
        return f"a dict with the keys {', '.join(map(repr, value))}" if value else "an empty dict"
    return f"a {type_of(value)} of {len(value)}" if isinstance(value, (tuple, list)) else type_of(value)


def _flattened(node, value, what, path, leaves):
    if node is None:
        leaves.append(value)
        return
    values = _has(node, value)
    if values is None:
        raise _core.ShapeError(f"{what} {node.text()}{f' for {path}' if '.' in path else ''}; got {_got(value)}.")
    for name, child, one in zip(node.names, node.children, values):
        _flattened(child, one, what, f"{path}.{name}", leaves)


def _made(node, leaves):
    if node is None:
        return next(leaves)
    values = [_made(child, leaves) for child in node.children]
    if node.kind in (dict, tuple):
        return dict(zip(node.names, values)) if node.kind is dict else tuple(values)
    if issubclass(node.kind, tuple):
        return node.kind(*values)
    made = object.__new__(node.kind)  # __init__ and __post_init__ may ask for numbers, which Arrays of a trace have not
    for name, value in zip(node.names, values):
        object.__setattr__(made, name, value)
    return made


def _numbers(path, leaf):
    try:
        array = np.asarray(leaf)
    except ValueError:
        raise _core.ShapeError(f"[solve] {path} must be an array of numbers; got a {type_of(leaf)} whose parts have different shapes.") from None
    if array.dtype.kind not in "fiub" or np.ma.is_masked(leaf):
        what = "a masked array; fill what is masked" if np.ma.is_masked(leaf) else type_of(leaf)
        raise _core.DtypeError(f"[solve] {path} must be an array of numbers; got {what}.")
    return array


def _shape_text(shape):
    return str(list(shape))


class Structure:
    """Which arrays a state has: `names` and, of one sample, `shapes`, in the order in which they stand in the flat state."""

    def __init__(self, node, names, shapes=None):
        self._node, self.names, self.shapes = node, names, shapes

    def leaves(self, state):
        """The arrays of z0."""
        return self._flat(state, "[solve] z0 must be", "z0")

    def arrays(self, value, what):
        """The arrays of what a field or a reset gave; `what` begins the error if it is something else."""
        return self._flat(value, what, "z")

    def _flat(self, value, what, path):
        leaves = []
        _flattened(self._node, value, what, path, leaves)
        return leaves

    def built(self, leaves):
        """The state of these arrays."""
        return _made(self._node, iter(leaves))

    def split(self, states):
        """What [..., state] holds in the structure: each array is [..., its own axes]."""
        if len(self.names) == 1:
            return self.built([states])
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        return self.built([states[..., int(end) - int(np.prod(shape)):int(end)].reshape((*states.shape[:-1], *shape)) for end, shape in zip(ends, self.shapes)])

    def with_shapes(self, shapes):
        """The same of arrays whose shapes are known now."""
        return Structure(self._node, self.names, [tuple(shape) for shape in shapes])

    def joined(self, leaves):
        """(structure, [state] or [batch, state], whether it is one sample) of the arrays of z0, which are flat if there are several."""
        arrays = [_numbers(path, leaf) for path, leaf in zip(self.names, leaves)]
        is_single = self._is_single(arrays) if self.shapes is None else self._is_one(arrays)
        known = self.with_shapes([array.shape if is_single else array.shape[1:] for array in arrays])
        batch = () if is_single else arrays[0].shape[:1]
        flat = [array.reshape((*batch, int(np.prod(shape)))) for array, shape in zip(arrays, known.shapes)]
        return known, arrays[0] if len(arrays) == 1 else np.concatenate(flat, axis=-1), is_single

    def _is_single(self, arrays):
        """As of one array: one sample has one axis at most."""
        if all(array.ndim <= 1 for array in arrays):
            return True
        first = arrays[0].shape[:1]
        for path, array in zip(self.names, arrays):
            if array.shape[:1] != first or array.ndim == 0:
                raise _core.ShapeError(
                    f"[solve] where an array of z0 has two axes, the first axis of each is the batch; got {self.names[0]} {_shape_text(arrays[0].shape)} "
                    f"and {path} {_shape_text(array.shape)}. For one sample that holds matrices, tell the shapes: vector_field(f, shapes).")
        return False

    def _is_one(self, arrays):
        """Whether the arrays have the shapes of one sample, and not those of a batch."""
        if all(array.shape == shape for array, shape in zip(arrays, self.shapes)):
            return True
        batch = arrays[0].shape[:1]
        for path, array, shape in zip(self.names, arrays, self.shapes):
            if array.ndim == 0 or array.shape != (*batch, *shape):
                raise _core.ShapeError(f"[solve] {path} must have shape {_shape_text(shape)}, or [batch] + {_shape_text(shape)} like the others; got "
                                       f"{_shape_text(array.shape)}.")
        return False

    def text(self, batch_and_times):
        """The shapes of [..., state] in the structure, for a repr."""
        return ", ".join(f"{name.removeprefix('z0.')}: {_shape_text([*batch_and_times, *shape])}" for name, shape in zip(self.names, self.shapes))


def _structure(value, is_node, what):
    leaves = []
    node = _node_of(value, is_node, "z0", leaves)
    if not leaves:
        raise _core.ShapeError(f"{what} must hold at least one array; got {_got(value)}.")
    return Structure(node, [path for path, _ in leaves]), [leaf for _, leaf in leaves]


def of_state(z0):
    """The Structure of a state of several arrays; None of one array."""
    return _structure(z0, _is_node, "[solve] z0")[0] if _is_node(z0) else None


def of_saved(value):
    """The Structure of what a save function gives; None of one array."""
    return _structure(value, _is_node, "[solve] what save gives")[0] if _is_node(value) else None


def of_shapes(shapes):
    """(Structure, its shapes) of the shapes of several arrays; None of one shape."""
    return _structure(shapes, _holds_shapes, "[vector_field] state_shape") if _holds_shapes(shapes) else None
