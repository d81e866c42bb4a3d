"""NumPy's functions on Arrays of a trace: np.sin(y) is costate.sin(y).

What only moves numbers (np.roll, np.flip, np.vstack, …) is asked of NumPy once, for their positions.
"""

import functools
import inspect
import math

import numpy as np

from costate import _core

_LN2, _LN10 = math.log(2), math.log(10)


def _is_true(x):
    return 1 - _core.equal(x, 0)


def _ceil(x):
    return -_core.floor(-x)


def _log_add_exp(x, y):
    return _core.maximum(x, y) + _core.log1p(_core.exp(-_core.abs(x - y)))


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
    "divmod": lambda x, y: (x // y, x % y), "hypot": lambda x, y: _core.sqrt(x * x + y * y),
    "less": lambda x, y: x < y, "less_equal": lambda x, y: x <= y, "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y, "not_equal": lambda x, y: x != y, "logical_not": lambda x: _core.equal(x, 0),
    "isnan": lambda x: x != x, "isinf": lambda x: _core.equal(_core.abs(x), math.inf), "isfinite": lambda x: _core.abs(x) < math.inf,
    "logical_and": lambda x, y: _is_true(x) * _is_true(y), "logical_or": lambda x, y: _core.maximum(_is_true(x), _is_true(y)),
    **{getattr(np, name).__name__: getattr(_core, function) for function, name in _core._numpy_names.items()},
}

_ROUND = "floor(x + 0.5), which takes halves up and not to the even neighbour"
_ASINH = "sign(x) * log1p(abs(x) + x * x / (1 + sqrt(1 + x * x)))"
_ACOSH, _ATANH = "log(x + sqrt(x * x - 1))", "(log1p(x) - log1p(-x)) / 2"
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
    "arcsinh": _ASINH, "asinh": _ASINH, "arccosh": _ACOSH, "acosh": _ACOSH, "arctanh": _ATANH, "atanh": _ATANH, "erfc": "1 - erf(x)",
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


def _check_options(name, options):
    given = [option for option, value in options.items() if value is not None and value is not np._NoValue and value is not False]
    if "out" in given:
        raise _core.CallError(f"[numpy.{name}] a NumPy array cannot hold an Array of a trace; write x = x + y instead of x += y.")
    if given:
        raise _core.CallError(f"[numpy.{name}] of Arrays of a trace has no option '{given[0]}'; leave it out.")


def _array_ufunc(self, ufunc, method, *inputs, **options):
    name = ufunc.__name__
    _check_options(name, {option: value for option, value in options.items() if option != "axis"})
    if method == "__call__" and name in _UFUNCS:
        return _UFUNCS[name](*map(_as_array, inputs))
    by_method = {("add", "reduce"): _core.sum, ("minimum", "reduce"): _core.min, ("maximum", "reduce"): _core.max,
                 ("add", "accumulate"): _core.cumsum, ("multiply", "outer"): _core.outer}
    if (name, method) in by_method:
        axis = {} if method == "outer" else {"axis": options.get("axis", 0)}
        return by_method[name, method](*inputs, **axis)
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
    return _gathered(x, function(np.arange(x.size).reshape(x.shape), *args, **options))


def _joined(function, parts, *args, **options):
    """What a function that only puts arrays together makes of them."""
    arrays = [_as_array(part) for part in parts]
    starts = np.cumsum([0] + [array.size for array in arrays])
    positions = function([start + np.arange(array.size).reshape(array.shape) for start, array in zip(starts, arrays)], *args, **options)
    return _gathered(_core.concat([array.ravel() for array in arrays]), positions)


def _method(name):
    """A function that is the method of its first argument."""
    def call(x, *args, **options):
        _check_options(name, {option: value for option, value in options.items() if option not in ("axis", "keepdims")})
        return getattr(x, name)(*args, **{option: value for option, value in options.items() if value is not np._NoValue})
    return call


def _norm(x, ord=None, axis=None, keepdims=False):  # noqa: A002
    if keepdims or (ord not in (None, 2) and not (ord == "fro" and axis is None)) or (ord == 2 and axis is None and x.ndim != 1):
        _refuse("numpy.linalg.norm", "of Arrays of a trace is the Euclidean length alone")
    return _core.norm(x, axis)


def _variance(x, axis=None, ddof=0, keepdims=False, **options):
    _check_options("var", {**options, "ddof": ddof or None})
    return _core.square(x - x.mean(axis, keepdims=True)).mean(axis, keepdims=keepdims is True)


def _interp(x, xp, fp):
    values = _as_array(fp)
    return _core.interpolate(xp, values.reshape(values.size, 1), x)[0]


def _diff(x, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    one = [1 if i == axis % x.ndim else length for i, length in enumerate(x.shape)]
    ends = [_core.broadcast_to(value, one) if value is not np._NoValue and np.ndim(value) == 0 else value for value in (prepend, append)]
    parts = [part for part in (ends[0], x, ends[1]) if part is not np._NoValue]
    x = _joined(np.concatenate, parts, axis=axis) if len(parts) > 1 else x
    for _ in range(n):
        x = _moved(lambda p: np.moveaxis(np.moveaxis(p, axis, 0)[1:], 0, axis), x) - _moved(
            lambda p: np.moveaxis(np.moveaxis(p, axis, 0)[:-1], 0, axis), x)
    return x


def _pad(x, pad_width, mode="constant", **options):
    if mode in ("edge", "reflect", "symmetric", "wrap"):  # numbers of x itself
        return _moved(np.pad, x, pad_width, mode=mode, **options)
    if mode != "constant":
        raise _core.CallError(f"[numpy.pad] of Arrays of a trace has no mode '{mode}'; it has constant, edge, reflect, symmetric and wrap.")
    _check_options("pad", {option: value for option, value in options.items() if option != "constant_values"})
    value = options.get("constant_values", 0)
    if np.ndim(value) != 0:
        raise _core.CallError("[numpy.pad] of Arrays of a trace takes one number as constant_values.")
    return _core.pad(x - value, pad_width) + value


def _where(condition, x=None, y=None):
    if x is None or y is None:
        raise _core.CallError("[numpy.where] needs x and y; which elements are true is not known while a program is traced.")
    return _core.where(condition, x, y)


_FUNCTIONS = {
    np.sum: _method("sum"), np.mean: _method("mean"), np.min: _method("min"), np.max: _method("max"), np.amin: _method("min"),
    np.amax: _method("max"), np.cumsum: _method("cumsum"), np.var: _variance,
    np.any: lambda x, axis=None, **options: _method("max")(_is_true(x), axis=axis, **options),
    np.all: lambda x, axis=None, **options: _method("min")(_is_true(x), axis=axis, **options),
    np.ptp: lambda x, axis=None: x.max(axis) - x.min(axis),
    np.std: lambda x, axis=None, **options: _core.sqrt(_variance(x, axis, **options)),
    np.where: _where, np.pad: _pad, np.clip: lambda x, *limits, **options: x.clip(*limits, **options), np.linalg.norm: _norm,
    np.dot: _core.matmul, np.vdot: lambda x, y: _core.matmul(_as_array(x).ravel(), _as_array(y).ravel()),
    np.inner: lambda x, y: _core.matmul(x, _as_array(y).T), np.outer: lambda x, y: _core.outer(_as_array(x).ravel(), _as_array(y).ravel()),
    np.reshape: lambda x, shape, **options: _core.reshape(x, shape), np.broadcast_to: _core.broadcast_to,
    np.zeros_like: lambda x: np.zeros(x.shape), np.ones_like: lambda x: np.ones(x.shape),
    np.full_like: lambda x, value: _core.broadcast_to(value, x.shape), np.interp: _interp, np.diff: _diff,
    np.trace: lambda x: _core.sum(_moved(np.diagonal, x)), np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size, np.copy: lambda x: +x, np.real: lambda x: +x,
    **{function: functools.partial(_moved, function) for function in (
        np.ravel, np.transpose, np.squeeze, np.expand_dims, np.flip, np.flipud, np.fliplr, np.roll, np.rot90, np.take, np.tile,
        np.repeat, np.swapaxes, np.moveaxis, np.diagonal, np.delete)},
    **{function: functools.partial(_joined, function) for function in (
        np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack)},
    np.append: lambda x, y, axis=None: _joined(np.concatenate, [x, y], axis=axis),
    np.atleast_1d: lambda x: x if x.ndim else x.reshape(1),
}


def _array_function(self, function, types, args, kwargs):
    if function not in _FUNCTIONS:
        _refuse(f"{function.__module__}.{function.__name__}")
    try:
        return _FUNCTIONS[function](*args, **kwargs)
    except TypeError as error:
        known = inspect.signature(_FUNCTIONS[function]).parameters
        unknown = [option for option in kwargs if option not in known]
        if isinstance(error, _core.CallError) or not unknown:
            raise
        refused = f"[numpy.{function.__name__}] of Arrays of a trace has no option '{unknown[0]}'; leave it out."
    raise _core.CallError(refused)


def _attribute(self, name):
    """The methods of NumPy's arrays that are functions here, and those that functions on arrays of objects look for."""
    if name in _UFUNCS:
        return functools.partial(_UFUNCS[name], self)
    if hasattr(np.ndarray, name) and getattr(np, name, None) in _FUNCTIONS:
        return functools.partial(_FUNCTIONS[getattr(np, name)], self)
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
