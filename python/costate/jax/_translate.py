"""A field written for JAX as the core's: the operations of its jaxpr, on Arrays of a trace."""

import jax
import numpy as np

from costate import _core, _numpy

try:
    from jax.extend.core import Literal
except ImportError:  # before JAX 0.4.36
    from jax.core import Literal


def _is_array(x):
    return isinstance(x, _core.Array)


def _powers(x, y):
    return x**y


_ELEMENTWISE = {
    **{name: getattr(_core, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh",
                                               "cosh", "tanh", "erf", "abs", "sign", "floor", "square", "stop_gradient")},
    "add": lambda x, y: x + y, "add_any": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "neg": lambda x: -x, "pow": _powers, "max": _core.maximum, "min": _core.minimum, "rem": lambda x, y: x - y * _numpy._UFUNCS["trunc"](x / y),
    "logistic": _core.sigmoid, "rsqrt": lambda x: 1 / _core.sqrt(x), "exp2": lambda x: 2.0**x, "ceil": lambda x: -_core.floor(-x),
    "erfc": lambda x: 1 - _core.erf(x), "asinh": lambda x: _core.log(x + _core.sqrt(x * x + 1)),
    "eq": _core.equal, "ne": lambda x, y: 1 - _core.equal(x, y), "lt": lambda x, y: x < y, "le": lambda x, y: x <= y, "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y, "and": lambda x, y: x * y, "or": _core.maximum, "not": lambda x: 1 - x, "is_finite": lambda x: _core.abs(x) < np.inf,
    "copy": lambda x: x, "copy_p": lambda x: x,
}


def _with_options(primitive, params, operands):
    """What has parameters that matter; None if it is not here."""
    x = operands[0]
    if primitive == "integer_pow":
        return x ** params["y"]
    if primitive == "convert_element_type":
        kind = np.dtype(params["new_dtype"]).kind
        return x if kind in "fb" or not _is_array(x) else None
    if primitive == "select_n" and len(operands) == 3:
        return _core.where(x, operands[2], operands[1])
    if primitive == "clamp":
        return _core.minimum(_core.maximum(operands[1], x), operands[2])
    if primitive in ("reduce_sum", "reduce_max", "reduce_min"):
        return {"reduce_sum": _core.sum, "reduce_max": _core.max, "reduce_min": _core.min}[primitive](x, list(params["axes"])) if params["axes"] else x
    if primitive == "cumsum" and not params["reverse"]:
        return _core.cumsum(x, params["axis"])
    if primitive == "concatenate":
        return _core.concat(operands, params["dimension"])
    if primitive == "stack":
        return np.stack(list(map(_numpy._as_array, operands)), params["axis"])
    if primitive == "dot_general":
        return _product(*operands, *params["dimension_numbers"])
    if primitive == "pad" and not any(between or before < 0 or behind < 0 for before, behind, between in params["padding_config"]):
        return _core.pad(x - operands[1], [(before, behind) for before, behind, _ in params["padding_config"]]) + operands[1]
    return None


def _moved_last(x, axes):
    """x with these axes behind the others, and how many numbers the others and these have."""
    others = [axis for axis in range(len(x.shape)) if axis not in axes]
    order = [*others, *axes]
    moved = x if order == sorted(order) else np.transpose(x, order)
    return moved, [x.shape[axis] for axis in others], int(np.prod([x.shape[axis] for axis in axes], dtype=int))


def _product(x, y, contracted, batched):
    if batched[0]:
        raise _core.NotSupported("[costate.jax] products with a batch of matrices are not translated; write them as sums.")
    left, left_axes, depth = _moved_last(x, list(contracted[0]))
    right, right_axes, _ = _moved_last(y, list(contracted[1]))
    rows, columns = int(np.prod(left_axes, dtype=int)), int(np.prod(right_axes, dtype=int))
    # [rows, depth] of x and [columns, depth] of y: a vector stands behind its matrix.
    if not left_axes:
        found = _core.matmul(right.reshape(columns, depth), left.reshape(depth))
    elif not right_axes:
        found = _core.matmul(left.reshape(rows, depth), right.reshape(depth))
    else:
        found = _core.matmul(left.reshape(rows, depth), np.transpose(right.reshape(columns, depth)))
    return _core.reshape(found, (*left_axes, *right_axes))


def _by_positions(equation, operands):
    """What only moves the numbers of its first operand: asked of JAX once, for their positions. None if it does more."""
    if equation.primitive.name not in ("reshape", "squeeze", "expand_dims", "slice", "rev", "transpose", "broadcast_in_dim", "dynamic_slice", "gather", "split"):
        return None
    x = operands[0]
    if not _is_array(x) or any(_is_array(other) for other in operands[1:]):
        return None
    with jax.ensure_compile_time_eval():
        moved = equation.primitive.bind(np.arange(x.size, dtype=np.int32).reshape(x.shape), *operands[1:], **_of_integers(equation))
    moved = moved if equation.primitive.multiple_results else [moved]
    return [_numpy._gathered(x, np.asarray(positions)) for positions in moved]


def _of_integers(equation):
    """Parameters without a number for what is out of range, which no integer is."""
    return {name: None if name == "fill_value" else value for name, value in equation.params.items()}


def _inner(equation):
    """The jaxpr that an operation calls."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        inner = equation.params.get(name)
        if inner is not None and equation.primitive.name not in ("scan", "while", "cond"):
            return (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, [])
    return None


def _results(equation, operands):
    name = equation.primitive.name
    inner = _inner(equation)
    if inner is not None:
        return evaluate(inner[0], inner[1], operands)
    if not any(map(_is_array, operands)):
        with jax.ensure_compile_time_eval():
            found = equation.primitive.bind(*operands, **equation.params)
        return [np.asarray(one) for one in (found if equation.primitive.multiple_results else [found])]
    operands = [one if _is_array(one) else np.asarray(one, dtype=np.float64) if np.asarray(one).dtype.kind in "fb" else np.asarray(one) for one in operands]
    moved = _by_positions(equation, operands)
    if moved is not None:
        return moved
    found = _ELEMENTWISE[name](*operands) if name in _ELEMENTWISE else _with_options(name, equation.params, operands)
    if found is None:
        raise _core.NotSupported(f"[costate.jax] the field uses '{name}', which is not translated; write it by other functions, or give the field in costate's.")
    return [found]


def evaluate(jaxpr, consts, inputs):
    """The outputs of a jaxpr on Arrays and numbers."""
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *inputs]))
    read = lambda atom: np.asarray(atom.val) if isinstance(atom, Literal) else values[atom]
    for equation in jaxpr.eqns:
        values.update(zip(equation.outvars, _results(equation, [read(atom) for atom in equation.invars])))
    return [read(atom) for atom in jaxpr.outvars]
