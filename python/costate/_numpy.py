"""NumPy's functions on Arrays of a trace: np.sin(y) is costate.sin(y).

What only moves numbers (np.roll, np.flip, np.vstack, …) is asked of NumPy once, for their positions.
"""

import functools
import inspect
import math
import numbers

import numpy as np

from costate import _core

_LN2, _LN10 = math.log(2), math.log(10)


def _is_true(x):
    return 1 - _core.equal(x, 0)


def _ceil(x):
    return -_core.floor(-x)


def _log_add_exp(x, y):
    """The larger one and what the other adds, each side with its own formula: both have the right slopes at x == y, too."""
    difference = _core.where(_core.equal(x, y) * _core.equal(_core.abs(x), math.inf), 0, x - y)  # inf - inf is NaN
    return _core.where(x > y, x + _core.softplus(-difference), y + _core.softplus(difference))


def hypot(x, y):
    """By x and y in units of the larger one, whose squares are neither too large nor too small. Its derivative at (0, 0) is 0, as norm's."""
    largest = _core.stop_gradient(_core.maximum(_core.abs(x), _core.abs(y)))  # the length does not depend on the unit
    is_zero = _core.equal(largest, 0)
    unit = _core.where(largest < math.inf, largest + is_zero, 1)
    return largest * _core.sqrt(_core.square(x / unit) + _core.square(y / unit) + is_zero)


# By the names of NumPy's ufuncs, and of two of SciPy's.
_UFUNCS = {
    **{name: getattr(_core, name) for name in ("square", "erf", "minimum", "maximum", "equal", "matmul")},
    "fabs": _core.abs, "expit": _core.sigmoid, "logaddexp": _log_add_exp,
    "negative": lambda x: -x, "positive": lambda x: +x, "reciprocal": lambda x: 1 / x, "ceil": _ceil,
    "trunc": lambda x: _core.where(x < 0, _ceil(x), _core.floor(x)), "conjugate": lambda x: +x,
    "log2": lambda x: _core.log(x) / _LN2, "log10": lambda x: _core.log(x) / _LN10, "exp2": lambda x: 2.0**x,
    "radians": lambda x: x * (math.pi / 180), "deg2rad": lambda x: x * (math.pi / 180),
    "degrees": lambda x: x * (180 / math.pi), "rad2deg": lambda x: x * (180 / math.pi),
    "add": lambda x, y: x + y, "subtract": lambda x, y: x - y, "multiply": lambda x, y: x * y, "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y, "float_power": lambda x, y: x**y, "floor_divide": lambda x, y: x // y,
    "divmod": lambda x, y: (x // y, x % y), "hypot": hypot,
    "less": lambda x, y: x < y, "less_equal": lambda x, y: x <= y, "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y, "not_equal": lambda x, y: x != y, "logical_not": lambda x: _core.equal(x, 0),
    "isnan": lambda x: x != x, "isinf": lambda x: _core.equal(_core.abs(x), math.inf), "isfinite": lambda x: _core.abs(x) < math.inf,
    "logical_and": lambda x, y: _is_true(x) * _is_true(y), "logical_or": lambda x, y: _core.maximum(_is_true(x), _is_true(y)),
    **{getattr(np, name).__name__: getattr(_core, function) for function, name in _core._numpy_names.items()},
}

_ROUND = "floor(x + 0.5), which takes halves up and not to the even neighbour"
_ASINH = "where(x < 0, -1, 1) * log1p(where(x < 0, -x, x) * (1 + tan(atan(abs(x)) / 2)))"
_ACOSH, _ATANH = "log1p(x - 1 + sqrt(x - 1) * sqrt(x + 1))", "(log1p(x) - log1p(-x)) / 2"
_NO_NAN = "x == x is 1 but at NaN"
# Others that come to mind first, and what there is instead. Where its numbers can be others, it says so.
_INSTEAD = {
    "einsum": "matmul, outer and sum", "tensordot": "matmul", "kron": "outer, reshape and transpose", "cross": "stack",
    "prod": "x[0] * x[1] * ..., or exp(sum(log(x))) where all numbers are positive",
    "cumprod": "exp(cumsum(log(x))) where all numbers are positive",
    "linalg.solve": "linear_solve", "linalg.inv": "linear_solve",
    "array_equal": "equal", "allclose": "abs", "isclose": "abs", "linspace": "+ and *, on a NumPy array of its steps",
    "round": _ROUND, "around": _ROUND, "rint": _ROUND, "fmod": "sign(x) * mod(abs(x), abs(y)); mod(x, y) has the sign of y",
    "fmin": "minimum, which is NaN where one of the two is", "fmax": "maximum, which is NaN where one of the two is",
    "argmax": "x == max(x), which is 1 at the place and 0 elsewhere", "argmin": "x == min(x), which is 1 at the place and 0 elsewhere",
    "median": "mean if another measure of the middle will do; there is no sort", "select": "where", "piecewise": "where", "heaviside": "where",
    "arcsinh": _ASINH, "asinh": _ASINH, "arccosh": _ACOSH, "acosh": _ACOSH, "arctanh": _ATANH, "atanh": _ATANH, "erfc": "1 - erf(x), which loses digits where x is large",
    "sinc": "sin(y) / y at y = pi * x, and where for 0", "copysign": "where(y < 0, -abs(x), abs(x))", "cbrt": "sign(x) * abs(x) ** (1 / 3)",
    "nansum": f"sum(where(x == x, x, 0)); {_NO_NAN}", "nanmean": f"sum(where(x == x, x, 0)) / sum(x == x); {_NO_NAN}",
    "average": "sum(w * x) / sum(w)", "trapezoid": "sum((y[1:] + y[:-1]) / 2 * (x[1:] - x[:-1]))",
    "gradient": "costate.gradient for derivatives, slices for differences", "block": "concatenate",
    "empty_like": "stack of its elements; no array is filled in a trace", "split": "slices, x[:2]", "array_split": "slices, x[:2]", "triu": "a NumPy mask times it", "tril": "a NumPy mask times it",
    "convolve": "conv1d of the kernel turned around, np.flip(kernel)", "fft.fft": "matmul with a NumPy matrix", "polyval": "powers, x ** 2", "nan_to_num": "where",
    "detach": "costate.stop_gradient", "view": "reshape", "unsqueeze": "reshape", "permute": "transpose", "at": "costate.where", "diag": "outer, or a NumPy constant times it",
}
# Attributes of arrays of numbers.
_KNOWN_LATER = "compile the program and call it; numbers are known then"
_OF_NUMBERS = {"astype": "compile's dtype says in which precision a program computes", "dtype": "compile's dtype says in which precision a program computes",
               "grad": "value_and_grad gives gradients",
               **dict.fromkeys(("item", "tolist", "numpy", "nonzero", "tobytes"), _KNOWN_LATER)}


def advice(name):
    """What stands in the place of a function of NumPy, '' if nothing is known: a name that is merely alike is another function."""
    there = getattr(np, name, None)
    if isinstance(there, float):  # pi
        return f"numpy.{name}"
    if callable(there) and (name in _UFUNCS or there in _FUNCTIONS):
        return f"numpy.{name}, which takes Arrays"
    return _INSTEAD.get(name, "")


def _hint(name):
    near = _INSTEAD.get(name)
    return f"; use {near}" if near else "; build it from costate's functions, as matmul, sum and where"


def _refuse(name, why="takes no Arrays of a trace"):
    """`name` with its package."""
    raise _core.CallError(f"[{name}] {why}{_hint(name.removeprefix('numpy.'))}.")


def _is_given(value):
    return value is not None and value is not np._NoValue


def _are_kept(keepdims):
    return keepdims is not np._NoValue and bool(keepdims)


def _check_options(name, options):
    given = [option for option, value in options.items() if _is_given(value)]
    if "out" in given:
        raise _core.CallError(f"[numpy.{name}] a NumPy array cannot hold an Array of a trace; write x = x + y instead of x += y.")
    if given:
        raise _core.CallError(f"[numpy.{name}] of Arrays of a trace has no option '{given[0]}'; leave it out.")


def _array_ufunc(self, ufunc, method, *inputs, **options):
    name = ufunc.__name__
    axes = {"axis": options.pop("axis", 0)} if method in ("reduce", "accumulate") else {}
    _check_options(name, options)
    if method == "__call__" and name in _UFUNCS:
        return _UFUNCS[name](*map(_as_array, inputs))
    by_method = {("add", "reduce"): _core.sum, ("minimum", "reduce"): _core.min, ("maximum", "reduce"): _core.max,
                 ("add", "accumulate"): _core.cumsum, ("multiply", "outer"): _core.outer}
    if (name, method) in by_method:
        return by_method[name, method](*inputs, **axes)
    package = "numpy" if hasattr(np, name) else "scipy.special"
    return _refuse(f"{package}.{name}" if method == "__call__" else f"{package}.{name}.{method}")


def _as_array(x):
    """An Array, so that operators are Python's on it; NumPy's on an array of numbers would come back here."""
    return x if isinstance(x, (_core.Array, _core.Parameter)) else _core.concat([x])


def _gathered(x, positions):
    flat = positions.ravel()
    if flat.size == x.size and (flat == np.arange(x.size)).all():
        return x.reshape(positions.shape)
    return _core.gather(x, flat.tolist(), positions.shape)


def _moved(function, x, *args, **options):
    """What a function that only moves numbers makes of x."""
    _check_options(function.__name__, {"out": options.pop("out", None)})
    return _gathered(x, function(np.arange(x.size).reshape(x.shape), *args, **options))


def _joined(function, parts, *args, **options):
    """What a function that only puts arrays together makes of them."""
    _check_options(function.__name__, {option: options.pop(option, None) for option in ("out", "dtype", "casting")})
    arrays = [_as_array(part) for part in parts]
    starts = np.cumsum([0] + [array.size for array in arrays])
    positions = function([start + np.arange(array.size).reshape(array.shape) for start, array in zip(starts, arrays)], *args, **options)
    return _gathered(_core.concat([array.ravel() for array in arrays]), positions)


def _method(name):
    """A function that is the method of its first argument."""
    def call(a, axis=None, **options):
        keepdims = {"keepdims": True} if _are_kept(options.pop("keepdims", False)) else {}
        _check_options(name, options)
        return getattr(a, name)(axis, **keepdims)
    return call


def _norm(x, ord=None, axis=None, keepdims=False):  # noqa: A002
    rank = x.ndim if axis is None else np.size(axis)
    euclidean = {1: (2,), 2: ("fro", "f")}.get(rank, ())
    if ord not in (None, *euclidean) or (axis is not None and rank not in (1, 2)):
        of = f"with ord={ord!r} of a {'vector' if rank == 1 else 'matrix'}" if rank in (1, 2) else f"of {rank} axes"
        _refuse("numpy.linalg.norm", f"of Arrays of a trace is the Euclidean length of a vector or a matrix alone, and not {of}")
    return _length(x, axis, keepdims)


def _length(x, axis, keepdims):
    length = _core.norm(x, axis)
    return length.reshape(x.sum(axis, keepdims=True).shape) if _are_kept(keepdims) else length


def _variance(a, axis=None, *, keepdims=False, **options):
    _check_options("var", {**options, "ddof": options.get("ddof") or None})
    return _core.square(a - a.mean(axis, keepdims=True)).mean(axis, keepdims=_are_kept(keepdims))


def _standard_deviation(a, axis=None, *, keepdims=False, **options):
    """By norm, whose derivative is 0 where all numbers are equal."""
    _check_options("std", {**options, "ddof": options.get("ddof") or None})
    length = _length(a - a.mean(axis, keepdims=True), axis, keepdims)
    return length * math.sqrt(length.size / a.size)


def _interp(x, xp, fp):
    values = _as_array(fp)
    return _core.interpolate(xp, values.reshape(values.size, 1), x)[0]


def _diff(x, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    if n < 0:
        raise _core.InvalidArgument(f"[numpy.diff] n, how often differences are taken, must not be negative; got {n}.")
    one = [1 if i == axis % x.ndim else length for i, length in enumerate(x.shape)]
    ends = [_core.broadcast_to(value, one) if value is not np._NoValue and np.ndim(value) == 0 else value for value in (prepend, append)]
    parts = [part for part in (ends[0], x, ends[1]) if part is not np._NoValue]
    x = _joined(np.concatenate, parts, axis=axis) if len(parts) > 1 else x
    for _ in range(n):
        x = _moved(lambda p: np.moveaxis(np.moveaxis(p, axis, 0)[1:], 0, axis), x) - _moved(
            lambda p: np.moveaxis(np.moveaxis(p, axis, 0)[:-1], 0, axis), x)
    return x


def _pad(array, pad_width, mode="constant", **options):
    of_itself = ("edge", "reflect", "symmetric", "wrap")
    if mode != "constant" and mode not in of_itself:
        raise _core.CallError(f"[numpy.pad] of Arrays of a trace has no mode '{mode}'; it has constant, {', '.join(of_itself[:-1])} and wrap.")
    if options.get("reflect_type", "even") != "even":
        raise _core.CallError(f"[numpy.pad] of Arrays of a trace has no reflect_type '{options['reflect_type']}'; it has even.")
    if mode in of_itself:
        return _moved(np.pad, array, pad_width, mode=mode, **options)
    values = options.pop("constant_values", 0)
    _check_options("pad", options)
    pairs = (array.ndim, 2)
    if isinstance(values, numbers.Real) and values == 0 and not isinstance(pad_width, dict):
        return _core.pad(array, np.broadcast_to(pad_width, pairs))
    # NumPy tells which value each place has: their positions are those behind array's own.
    behind = array.size + np.arange(2 * array.ndim).reshape(pairs)
    positions = np.pad(np.arange(array.size).reshape(array.shape), pad_width, constant_values=behind)
    return _gathered(_core.concat([array.ravel(), _core.broadcast_to(values, pairs).ravel()]), positions)


def _reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    """newshape is what NumPy before 2.1 calls the shape; copy makes no difference, since no Array is written to."""
    shape = newshape if shape is None else shape
    return _core.reshape(a, shape) if order in ("C", "A", None) else _moved(np.reshape, a, shape, order=order)


def _clip(a, a_min=np._NoValue, a_max=np._NoValue, *, min=np._NoValue, max=np._NoValue):  # noqa: A002
    for limit, classic, function in ((min, a_min, _core.maximum), (max, a_max, _core.minimum)):
        if limit is not np._NoValue and classic is not np._NoValue:
            raise _core.CallError("[numpy.clip] takes a_min and a_max, or min and max.")
        for number in (limit, classic):
            a = function(a, number) if _is_given(number) else a
    return _as_array(a)


def _product(function):
    """A product of vectors or matrices, which multiplies where one of the two is a number."""
    def call(a, b):
        a, b = _as_array(a), _as_array(b)
        return function(a, b) if a.ndim and b.ndim else a * b
    return call


def _where(condition, x=None, y=None):
    if x is None or y is None:
        raise _core.CallError("[numpy.where] needs x and y; which elements are true is not known while a program is traced.")
    return _core.where(condition, x, y)


_FUNCTIONS = {
    np.sum: _method("sum"), np.mean: _method("mean"), np.min: _method("min"), np.max: _method("max"), np.amin: _method("min"),
    np.amax: _method("max"), np.cumsum: _method("cumsum"), np.var: _variance, np.std: _standard_deviation,
    np.any: lambda a, axis=None, **options: _method("max")(_is_true(a), axis, **options),
    np.all: lambda a, axis=None, **options: _method("min")(_is_true(a), axis, **options),
    np.ptp: lambda a, axis=None, *, keepdims=False: _method("max")(a, axis, keepdims=keepdims) - _method("min")(a, axis, keepdims=keepdims),
    np.where: _where, np.pad: _pad, np.clip: _clip, np.linalg.norm: _norm, np.dot: _product(_core.matmul),
    np.vdot: lambda a, b: _core.matmul(_as_array(a).ravel(), _as_array(b).ravel()), np.inner: _product(lambda a, b: _core.matmul(a, b.T)),
    np.outer: lambda a, b: _core.outer(_as_array(a).ravel(), _as_array(b).ravel()), np.reshape: _reshape, np.broadcast_to: _core.broadcast_to,
    np.zeros_like: lambda a: np.zeros(a.shape), np.ones_like: lambda a: np.ones(a.shape),
    np.full_like: lambda a, fill_value: _core.broadcast_to(fill_value, a.shape), np.interp: _interp, np.diff: _diff,
    np.trace: lambda a, offset=0, axis1=0, axis2=1: _core.sum(_moved(np.diagonal, a, offset, axis1, axis2), -1), np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim, np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis], np.copy: lambda a: +a, np.real: lambda val: +val,
    **{function: functools.partial(_moved, function) for function in (
        np.ravel, np.transpose, np.squeeze, np.expand_dims, np.flip, np.flipud, np.fliplr, np.roll, np.rot90, np.take, np.tile,
        np.repeat, np.swapaxes, np.moveaxis, np.diagonal, np.delete)},
    **{function: functools.partial(_joined, function) for function in (
        np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack)},
    np.append: lambda arr, values, axis=None: _joined(np.concatenate, [arr, values], axis=axis),
    np.atleast_1d: lambda x: x if x.ndim else x.reshape(1),
}


def _unknown_options(function, args, kwargs):
    """The names of the arguments of NumPy's function that its counterpart does not take."""
    known = inspect.signature(_FUNCTIONS[function]).parameters
    kinds = [parameter.kind for parameter in known.values()]
    count = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    takes_any, takes_any_name = inspect.Parameter.VAR_POSITIONAL in kinds, inspect.Parameter.VAR_KEYWORD in kinds
    names = list(inspect.signature(function).parameters)[count:] if not takes_any else []
    surplus = [name for name, value in zip(names, args[count:]) if _is_given(value)]
    return [*surplus, *(name for name in kwargs if name not in known and not takes_any_name)]


def _call(function, *args, **kwargs):
    try:
        return _FUNCTIONS[function](*args, **kwargs)
    except TypeError as error:
        unknown = [] if isinstance(error, _core.CallError) else _unknown_options(function, args, kwargs)
        if not unknown:
            count = max((i + 1 for i, value in enumerate(args) if _is_given(value)), default=0)
            if count < len(args):
                return _FUNCTIONS[function](*args[:count], **kwargs)  # without last options that ask for nothing
            raise
    raise _core.CallError(f"[numpy.{function.__name__}] of Arrays of a trace has no option '{unknown[0]}'; leave it out.")


def _array_function(self, function, types, args, kwargs):
    if function not in _FUNCTIONS:
        _refuse(f"{function.__module__}.{function.__name__}")
    return _call(function, *args, **kwargs)


def _attribute(self, name):
    """The methods of NumPy's arrays that are functions here, and those that functions on arrays of objects look for."""
    if name in _UFUNCS:
        return functools.partial(_UFUNCS[name], self)
    if hasattr(np.ndarray, name) and getattr(np, name, None) in _FUNCTIONS:
        return functools.partial(_call, getattr(np, name), self)
    hint = f"; {_OF_NUMBERS[name]}" if name in _OF_NUMBERS else f"; use costate.{name}(x)" if name in vars(_core) else ""
    if hasattr(np, name) or name in _INSTEAD:
        hint = hint or _hint(name)
    raise AttributeError(f"{'an Array' if isinstance(self, _core.Array) else 'a Parameter'} has no '{name}'{hint}.")


def dispatch_numpy():
    """Makes NumPy's functions call costate's where an Array or a Parameter is among their arguments."""
    for kind in (_core.Array, _core.Parameter):
        kind.__array_ufunc__ = _array_ufunc
        kind.__array_function__ = _array_function
        kind.__getattr__ = _attribute
        kind.__floor__, kind.__ceil__, kind.__trunc__ = _core.floor, _ceil, _UFUNCS["trunc"]
        kind.__round__ = lambda self, digits=0: _refuse("numpy.round")
        kind.__divmod__ = lambda self, other: (self // other, self % other)
        kind.__rdivmod__ = lambda self, other: (other // self, other % self)
