"""The operations of a field written for JAX as the core's, on Arrays of a trace."""

import jax
import numpy as np

from costate import _core, _elementwise, _numpy
from costate.jax import _functions
from costate.jax._field import Handed, Later


def _is_array(x):
    return isinstance(x, _core.Array)


def _search(knots, x, is_right):
    """How many of the knots are before each number of x. JAX's derivative by them is 0, too."""
    knots = _core.stop_gradient(knots) if _is_array(knots) else knots
    one_each = _core.reshape(x, (*x.shape, 1))
    return _core.sum(one_each >= knots if is_right else one_each > knots, [len(x.shape)])


_ELEMENTWISE = {
    **_elementwise.FUNCTIONS, **_elementwise.LOGIC, "stop_gradient": _core.stop_gradient,
    "searchsorted left": lambda knots, x: _search(knots, x, False), "searchsorted right": lambda knots, x: _search(knots, x, True),
    **{name: getattr(_functions, name) for name in ("erfc", "asinh", "acosh", "atanh", "logaddexp")},
    "add": lambda x, y: x + y, "add_any": lambda x, y: x + y, "sub": lambda x, y: x - y, "div": lambda x, y: x / y,
    "pow": lambda x, y: x**y, "max": _functions.maximum, "min": _functions.minimum, "rem": _functions.remainder,
    "logistic": _core.sigmoid, "exp2": lambda x: 2.0**x, "cbrt": lambda x: _core.sign(x) * _core.abs(x) ** (1 / 3),
    "relu": lambda x: _core.maximum(0, x),  # of equal numbers the first has the derivative: JAX's at 0 is 0
    "is_finite": lambda x: _core.abs(x) < np.inf, "copy": lambda x: x, "copy_p": lambda x: x,
}

# What only moves numbers, and of which operands.
_MOVES = {**dict.fromkeys(("reshape", "squeeze", "expand_dims", "slice", "rev", "transpose", "broadcast_in_dim", "dynamic_slice", "gather", "split", "tile",
                           "unstack"),
                          (0,)),
          "pad": (0, 1), "scatter": (0, 2), "dynamic_update_slice": (0, 1)}
# Numbers are added, … to those at their places. The number that changes nothing stands where there is none.
_SCATTERED = {"scatter-add": (lambda x, y: x + y, 0.0), "scatter-sub": (lambda x, y: x - y, 0.0), "scatter-mul": (lambda x, y: x * y, 1.0), "scatter-min": (_functions.minimum, np.inf),
              "scatter-max": (_functions.maximum, -np.inf)}
_MOST_POSITIONS = 2**24  # which float32 tells apart: JAX is asked for them as for a derivative
# What integers that depend on t or z may meet: a program computes with floating-point numbers, which do not wrap around. Sums and differences
# are of those whose limits are known, as places in a table are.
_OF_INTEGERS = {*_MOVES, *_elementwise.COMPARISONS, "convert_element_type", "select_n", "concatenate", "max", "min", "clamp", "stop_gradient", "copy",
                "copy_p"}


def _converted(x, old, new):
    """None if the numbers of the new type are not floating-point numbers of the program."""
    if new.kind == "b":
        return x if old.kind == "b" else 1 - _core.equal(x, 0)
    if new.kind == "f" or np.can_cast(old, new):
        return x
    if old.kind == "f" and new in (np.int32, np.int64):
        return _functions.truncated(x, float(np.iinfo(new).min), float(np.iinfo(new).max))
    if old.kind == "i" and new == np.int32:
        return _functions.wrapped(x, float(np.iinfo(new).min), float(np.iinfo(new).max))
    return None


def _product_of(x, axes):
    """The product of the numbers along axes, by halves."""
    moved, others, count = _moved_last(x, list(axes))
    rows = int(np.prod(others, dtype=int))
    found = _core.reshape(moved, (rows, count))
    while found.shape[1] > 1:
        half = found.shape[1] // 2
        pairs = found[:, :half] * found[:, half:2 * half]
        found = pairs if found.shape[1] % 2 == 0 else _core.concat([pairs, found[:, 2 * half:]], 1)
    return _core.reshape(found, tuple(others)) if count else np.ones(others)


def _with_options(primitive, params, operands, dtype):
    """What has parameters that matter; None if it is not here."""
    x = operands[0]
    if primitive == "integer_pow":
        return x ** params["y"]
    if primitive == "convert_element_type":
        return _converted(x, dtype, np.dtype(params["new_dtype"]))
    if primitive == "select_n" and dtype.kind == "b":
        return _core.where(x, operands[2], operands[1])
    if primitive == "select_n":
        found = operands[1]
        for i, one in enumerate(operands[2:], 1):
            found = _core.where(x >= i, one, found)
        return found
    if primitive == "round":
        return _functions.rounded(x, to_even=int(params["rounding_method"]) == 1)
    if primitive == "clamp":
        return _core.minimum(operands[2], _core.maximum(*operands[:2]))  # (least, x, most); at a limit its derivative is 0
    if primitive in ("reduce_sum", "reduce_max", "reduce_min", "reduce_or", "reduce_and"):
        reduce = {"reduce_sum": _core.sum, "reduce_max": _core.max, "reduce_or": _core.max}.get(primitive, _core.min)
        return reduce(x, list(params["axes"])) if params["axes"] else x
    if primitive == "reduce_prod":
        return _product_of(x, params["axes"])
    if primitive == "cumsum" and not params["reverse"]:
        return _core.cumsum(x, params["axis"])
    if primitive == "concatenate":
        return _core.concat(operands, params["dimension"])
    if primitive == "stack":
        return np.stack(list(map(_numpy._as_array, operands)), params["axis"])
    if primitive == "conv_general_dilated":
        return _convolution(*operands, params)
    if primitive == "dot_general":
        return _product(*operands, *params["dimension_numbers"])
    return None


def _convolution(x, weights, params):
    """None of what conv2d is not: gradients of convolutions, batches, channels that are not first, padding that cuts off."""
    numbers, padding = params["dimension_numbers"], params["padding"]
    axes = tuple(range(len(x.shape)))
    is_plain = numbers.lhs_spec == numbers.rhs_spec == numbers.out_spec == axes and x.shape[0] == 1 and params["batch_group_count"] == 1
    if not is_plain or len(axes) not in (3, 4) or any(one != 1 for one in params["lhs_dilation"]) or any(low < 0 or high < 0 for low, high in padding):
        return None
    x = _core.pad(x, [(0, 0), (0, 0), *padding])
    options = {"stride": params["window_strides"], "dilation": params["rhs_dilation"], "groups": params["feature_group_count"]}
    one_axis = len(axes) == 3
    found = (_core.conv1d if one_axis else _core.conv2d)(
        _core.reshape(x, x.shape[1:]), weights, **{key: value[0] if one_axis and key != "groups" else value for key, value in options.items()})
    return _core.reshape(found, (1, *found.shape))


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


def _flat(x):
    return _core.reshape(_numpy._as_array(x), (int(np.prod(np.shape(x), dtype=int)),))


def _by_positions(name, equation, operands):
    """What only moves numbers of its operands: asked of JAX once, for their positions. None if these depend on t or z, but for a place along an axis."""
    moved = _MOVES[name]
    if any(_is_array(one) for i, one in enumerate(operands) if i not in moved):
        found = {"dynamic_slice": _dynamic_slice, "gather": _gather}.get(name, lambda *_: None)(equation, operands)
        return None if found is None else [found]
    starts = np.cumsum([0, *(np.size(_shaped(operands[i])) for i in moved)]).tolist()
    places = [*operands]
    for i, start in zip(moved, starts):
        shape = np.shape(_shaped(operands[i]))
        places[i] = np.arange(start, start + int(np.prod(shape, dtype=int)), dtype=np.int32).reshape(shape)
    with jax.ensure_compile_time_eval():
        found = _places_after(name, equation, places)
    parts = [operands[i] for i in moved]
    x = parts[0] if len(parts) == 1 else _core.concat(list(map(_flat, parts)))
    fill = equation.params.get("fill_value")
    return [_gathered(x, np.asarray(one), np.nan if fill is None else fill) for one in found]


def _taken(x, axis, places):
    """x's numbers along an axis at places that depend on t or z, which are within it: [place, other axes]."""
    x = x if _is_array(x) else np.asarray(x, dtype=np.float64)
    first = x if axis == 0 else np.transpose(x, [axis, *(i for i in range(len(x.shape)) if i != axis)])
    size, *others = first.shape
    is_there = _core.equal(_core.reshape(places, (places.shape[0], 1)), np.arange(float(size)))
    is_there = _core.reshape(is_there, (places.shape[0], size, *(1 for _ in others)))
    return _core.sum(_core.where(is_there, _core.reshape(_numpy._as_array(first), (1, size, *others)), 0.0), [1])


def _within(places, most):
    return _core.minimum(_core.maximum(places, 0.0), float(most))


def _dynamic_slice(equation, operands):
    x, starts = operands[0], operands[1:]
    for axis, (start, size) in enumerate(zip(starts, equation.params["slice_sizes"])):
        most = x.shape[axis] - size
        if _is_array(start) and most:
            found = _taken(x, axis, _core.reshape(_within(start, most), (1,)) + np.arange(float(size)))
            x = found if axis == 0 else np.transpose(found, [*range(1, axis + 1), 0, *range(axis + 1, len(x.shape))])
        elif most:
            begin = 0 if _is_array(start) else int(np.clip(start, 0, most))
            x = x[(*(slice(None) for _ in range(axis)), slice(begin, begin + size))]
    return x


def _gather(equation, operands):
    """None of a gather along several axes, or of several numbers beside each other."""
    (x, indices), numbers = operands, equation.params["dimension_numbers"]
    sizes = list(equation.params["slice_sizes"])
    if len(numbers.start_index_map) != 1 or numbers.operand_batching_dims:
        return None
    axis = int(numbers.start_index_map[0])
    if sizes != [*x.shape[:axis], 1, *x.shape[axis + 1:]]:
        return None
    batch, last = list(indices.shape[:-1]), x.shape[axis] - 1
    places = _core.reshape(indices, (int(np.prod(batch, dtype=int)),))
    found = _taken(x, axis, _within(places, last))
    if equation.params["mode"] == jax.lax.GatherScatterMode.FILL_OR_DROP:
        fill = equation.params["fill_value"]
        is_inside = _core.reshape((places >= 0.0) & (places <= float(last)), (places.shape[0], *(1 for _ in found.shape[1:])))
        found = _core.where(is_inside, found, np.nan if fill is None else float(fill))
    offsets = [size for i, size in enumerate(sizes) if i not in numbers.collapsed_slice_dims]
    found = _core.reshape(found, (*batch, *offsets))
    of_batch, of_offsets = iter(range(len(batch))), iter(range(len(batch), len(found.shape)))
    order = [next(of_offsets) if i in numbers.offset_dims else next(of_batch) for i in range(len(found.shape))]
    return found if order == sorted(order) else np.transpose(found, order)


def _shaped(x):
    return np.broadcast_to(0, x.shape) if _is_array(x) else x


def _places_after(name, equation, places):
    if name == "scatter":  # whose parameters hold a function of its operands' type
        options = {key: equation.params[key] for key in ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")}
        return [jax.lax.scatter(*map(jax.numpy.asarray, places), **options)]
    params = {**equation.params, "fill_value": -1} if "fill_value" in equation.params else equation.params
    found = equation.primitive.bind(*places, **params)
    return found if equation.primitive.multiple_results else [found]


def _gathered(x, positions, fill):
    """The numbers of x at these positions, `fill` at negative ones, which are outside of what was asked."""
    if (positions >= 0).all():
        return _numpy._gathered(_numpy._as_array(x), positions)
    return _numpy._gathered(_core.concat([_flat(x), np.asarray([fill], dtype=np.float64)]), np.where(positions < 0, int(np.prod(x.shape, dtype=int)), positions))


def _scattered(name, equation, operands):
    """Each number of the third operand added to, … the one of the first that is at its place. None if the places depend on t or z."""
    x, indices, updates = operands
    if _is_array(indices):
        return None
    size = int(np.prod(x.shape, dtype=int))
    if size > _MOST_POSITIONS:
        raise _core.NotSupported(f"[costate.jax] the field uses '{name}' into {size} numbers, and it is translated into at most {_MOST_POSITIONS}; take a smaller array.")
    options = {key: equation.params[key] for key in ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")}
    with jax.ensure_compile_time_eval():
        add = lambda numbers: jax.lax.scatter_add(jax.numpy.zeros(x.shape, np.float32), jax.numpy.asarray(indices), numbers, **options)
        _, pull = jax.vjp(add, jax.numpy.zeros(updates.shape, np.float32))
        targets = np.asarray(pull(np.arange(1, size + 1, dtype=np.float32).reshape(x.shape))[0]).astype(int).ravel() - 1  # -1: dropped
    function, nothing = _SCATTERED[name]
    numbers, rounds = _core.concat([_flat(updates), np.asarray([nothing])]), []
    for source, target in enumerate(targets):  # several at one place come one after another
        if target >= 0:
            number = next((i for i, one in enumerate(rounds) if one[target] == len(targets)), len(rounds))
            if number == len(rounds):
                rounds.append(np.full(size, len(targets)))
            rounds[number][target] = source
    for positions in rounds:
        x = function(x, _numpy._gathered(numbers, positions.reshape(x.shape)))
    return x


def _check_integers(name, equation, operands, made):
    dtypes = [atom.aval.dtype for atom, one in zip(equation.invars, operands) if isinstance(one, Later)]
    if any(dtype.kind in "iu" for dtype in dtypes) and name not in _OF_INTEGERS and made[0].limits is None:
        raise _core.NotSupported(f"[costate.jax] the field computes '{name}' of integers that depend on t or z, which is not translated; convert them to floating-point numbers.")


def _refusal(name, within):
    what = f"'{name}' in '{within}'" if within not in ("", name) else f"'{name}'"
    return _core.NotSupported(f"[costate.jax] the field uses {what}, which is not translated; write it by other functions, or give the field in costate's.")


def _results(name, equation, operands, within):
    if name in _MOVES:
        found = _by_positions(name, equation, operands)
    elif name in _SCATTERED:
        found = _scattered(name, equation, operands)
        found = None if found is None else [found]
    else:
        reals = [one if _is_array(one) else np.asarray(one, dtype=np.float64) for one in operands]
        dtype = np.dtype(equation.invars[0].aval.dtype)
        found = [_ELEMENTWISE[name](*reals) if name in _ELEMENTWISE else _with_options(name, equation.params, reals, dtype)]
    if found is None or found[0] is None:
        raise _refusal(name, within)
    return found


def evaluate(field, later, handed):
    """The outputs of a Field, of Arrays for what depends on t or z and for what is handed."""
    values = dict(enumerate(later))
    read = lambda one: values[one.place] if isinstance(one, Later) else handed[one.place] if isinstance(one, Handed) else one
    for name, equation, operands, made, within in field.steps:
        _check_integers(name, equation, operands, made)
        values.update(zip((one.place for one in made), _results(name, equation, list(map(read, operands)), within)))
    return list(map(read, field.outputs))
