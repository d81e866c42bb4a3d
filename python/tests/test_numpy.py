"""NumPy's functions, methods and operators on Arrays: each gives what NumPy gives on the numbers."""

import math

import costate
import numpy as np
import pytest
import scipy.special


def run(f, *inputs, dtype=np.float64):
    """f on Arrays of one sample each."""
    inputs = [np.asarray(x, dtype) for x in inputs]
    return costate.compile(costate.trace(f, {f"x{i}": x.shape for i, x in enumerate(inputs)}), dtype=dtype)(*inputs)[0]


X = np.array([0.3, -1.2, 2.5, 0.0])
M = np.random.default_rng(0).normal(size=(3, 4))
V = np.random.default_rng(1).uniform(0.1, 0.9, 4)

UNARY = [np.negative, np.positive, np.abs, np.absolute, np.fabs, np.sign, np.exp, np.expm1, np.exp2, np.square, np.sin, np.cos, np.tan,
         np.arctan, np.sinh, np.cosh, np.tanh, np.floor, np.ceil, np.trunc, np.radians, np.deg2rad, np.degrees, np.isnan, np.isinf,
         np.isfinite, np.logical_not, np.conjugate, scipy.special.erf, scipy.special.expit]
POSITIVE = [np.log, np.log2, np.log10, np.log1p, np.sqrt, np.reciprocal, np.arcsin, np.arccos]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.true_divide, np.arctan2, np.minimum, np.maximum, np.less, np.less_equal,
          np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and, np.logical_or, np.hypot, np.logaddexp, np.mod,
          np.remainder, np.floor_divide]


@pytest.mark.parametrize("function", UNARY + POSITIVE, ids=lambda f: f.__name__)
def test_unary_functions(function):
    x = V if function in POSITIVE else X
    np.testing.assert_allclose(run(function, x), function(x), rtol=1e-14, atol=1e-15)
    assert run(function, x[1]).shape == ()


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_binary_functions_in_both_orders(function):
    y = np.array([2.0, 0.5, -0.7, 1.0])
    wanted, swapped = function(X, y), function(y, X + 3)
    np.testing.assert_allclose(run(function, X, y), wanted, rtol=1e-14)
    np.testing.assert_allclose(run(lambda a: function(a, y), X), wanted, rtol=1e-14)
    np.testing.assert_allclose(run(lambda a: function(y, a), X + 3), swapped, rtol=1e-14)
    np.testing.assert_allclose(run(lambda a: function(a, 0.5), X), function(X, 0.5), rtol=1e-14)


def test_not_a_number_is_found():
    assert run(np.isnan, [1.0, np.nan]).tolist() == [0, 1]
    assert run(np.isfinite, [1.0, np.nan, np.inf]).tolist() == [1, 0, 0]
    assert run(np.isinf, [1.0, np.nan, -np.inf]).tolist() == [0, 0, 1]


OPERATORS = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a % b, lambda a, b: a // b,
             lambda a, b: divmod(a, b)[0], lambda a, b: divmod(a, b)[1], lambda a, b: a < b, lambda a, b: a >= b, lambda a, b: a == b,
             lambda a, b: a != b, lambda a, b: (a < b) & (a > 0), lambda a, b: (a < b) | (a > 0), lambda a, b: ~(a < b)]


@pytest.mark.parametrize("f", OPERATORS)
def test_operators_with_arrays_and_numbers_of_numpy(f):
    y = np.array([2.0, 0.5, -0.7, 1.0])
    np.testing.assert_allclose(run(f, X, y), f(X, y), rtol=1e-14)
    np.testing.assert_allclose(run(lambda a: f(a, y), X), f(X, y), rtol=1e-14)
    np.testing.assert_allclose(run(lambda b: f(X, b), y), f(X, y), rtol=1e-14)
    np.testing.assert_allclose(run(lambda a: f(a, np.float64(2)), X), f(X, 2), rtol=1e-14)
    np.testing.assert_allclose(run(lambda b: f(np.float64(2), b), y), f(2, y), rtol=1e-14)


def test_whole_quotients_are_pythons():
    x, y = [1.0, 0.3, -1.0, 5.5, -5.5, 5.5], [0.1, 0.1, 0.1, -2.0, 2.0, 2.0]
    assert run(lambda a, b: a // b, x, y).tolist() == [a // b for a, b in zip(x, y)]
    np.testing.assert_array_equal(run(lambda a, b: a % b, x, y), [a % b for a, b in zip(x, y)])


LARGE = {np.float64: (1e200, 1e-200), np.float32: (1e20, 1e-23)}  # their squares are inf and 0


@pytest.mark.parametrize("dtype", LARGE)
@pytest.mark.parametrize("function", [np.hypot, np.logaddexp])
def test_of_large_small_and_equal_numbers(function, dtype):
    sizes = [*LARGE[dtype], 0, 1, -1, 40, -40, np.inf, -np.inf]
    x, y = np.array(np.meshgrid(sizes, sizes), dtype).reshape(2, -1)
    np.testing.assert_allclose(run(function, x, y, dtype=dtype), function(x, y), rtol=4 * np.finfo(dtype).eps)
    assert np.isnan(run(function, [np.nan, 1], [1, np.nan])).all()


@pytest.mark.parametrize("function, x, y, slopes, curvatures", [
    (np.logaddexp, 2, 2, (0.5, 0.5), [[0.25, -0.25], [-0.25, 0.25]]), (np.logaddexp, -40, 0, (np.exp(-40), 1), [[0, 0], [0, 0]]),
    (np.logaddexp, np.inf, 1, (1, 0), [[0, 0], [0, 0]]), (np.logaddexp, 0, -1e9, (1, 0), [[0, 0], [0, 0]]),
    (np.hypot, 3, -4, (0.6, -0.8), [[0.128, 0.096], [0.096, 0.072]]), (np.hypot, 3e200, 4e200, (0.6, 0.8), [[0, 0], [0, 0]]),
    (np.hypot, -3e-200, 4e-200, (-0.6, 0.8), [[1.28e199, 0.96e199], [0.96e199, 0.72e199]]), (np.hypot, 0, 0, (0, 0), [[0, 0], [0, 0]]),
])
def test_derivatives_of_large_small_and_equal_numbers(function, x, y, slopes, curvatures):
    gradient = costate.value_and_grad(costate.trace(function, {"x": (), "y": ()}))
    np.testing.assert_allclose(costate.compile(gradient)(x, y)[1:], slopes, rtol=1e-14)
    second = costate.compile(costate.jvp(gradient))
    seen = [[float(tangent) for tangent in second(x, y, *direction)[4:]] for direction in ((1, 0), (0, 1))]
    np.testing.assert_allclose(seen, curvatures, rtol=1e-14, atol=1e-15)


PADS = [(1, {}), ((1, 2), {}), ([[1, 2], [0, 1]], {}), ((2,), {}), ([[1, 2]], {}), (1, {"constant_values": 1e17}), (1, {"constant_values": np.inf}),
        (2, {"constant_values": -np.inf}), (1, {"constant_values": np.nan}), ((2, 1), {"constant_values": (0.1, -3)}),
        ([[1, 2], [0, 1]], {"constant_values": [[1e30, 2], [np.nan, 0.3]]}), (0, {"constant_values": 3}), (1, {"mode": "reflect", "reflect_type": "even"}),
        (11, {"mode": "reflect"}), (11, {"mode": "symmetric"}), (11, {"mode": "wrap"}), (11, {"mode": "edge"})]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("widths, options", PADS)
def test_what_is_around_does_not_change_the_numbers(widths, options, dtype):
    m = M.astype(dtype)
    np.testing.assert_array_equal(run(lambda x: np.pad(x, widths, **options), m, dtype=dtype), np.pad(m, widths, **options))


def test_gradients_go_through_what_is_around():
    f = costate.trace(lambda x, c: np.sum(np.pad(x, 1, constant_values=c) * np.arange(5.0)) + np.pad(x, 1, constant_values=np.inf)[2], {"x": (3,), "c": ()})
    value, by_x, by_c = costate.compile(costate.value_and_grad(f))([1.0, 2.0, 3.0], 1e9)
    assert (value, by_x.tolist(), by_c) == (16 + 4e9, [1, 3, 3], 4)


def test_the_derivative_of_a_spread_of_equal_numbers_is_0():
    f = costate.trace(lambda x: np.std(x), {"x": (3,)})
    assert costate.compile(costate.value_and_grad(f))([2.0, 2.0, 2.0])[1].tolist() == [0, 0, 0]


FUNCTIONS = {
    "sum": np.sum, "sum_axis": lambda m: np.sum(m, axis=0), "sum_keepdims": lambda m: np.sum(m, axis=1, keepdims=True), "mean": np.mean,
    "mean_axes": lambda m: np.mean(m, axis=(0, 1)), "min": lambda m: np.min(m, 1), "max": lambda m: np.max(m, axis=-1), "amax": np.amax,
    "var": lambda m: np.var(m, axis=0), "std": np.std, "ptp": lambda m: np.ptp(m, axis=0), "any": lambda m: np.any(m > 1, axis=0),
    "all": lambda m: np.all(m > -1, axis=1), "cumsum": np.cumsum, "cumsum_axis": lambda m: np.cumsum(m, axis=1),
    "add.reduce": np.add.reduce, "add.reduce_all": lambda m: np.add.reduce(m, axis=None), "maximum.reduce": lambda m: np.maximum.reduce(m, axis=1),
    "add.accumulate": np.add.accumulate, "multiply.outer": lambda m: np.multiply.outer(m[0], V),
    "where": lambda m: np.where(m > 0, m, -0.1 * m), "clip": lambda m: np.clip(m, -0.5, 0.5), "clip_low": lambda m: np.clip(m, 0, None),
    "norm": lambda m: np.linalg.norm(m[0]), "norm_axis": lambda m: np.linalg.norm(m, axis=1), "norm_fro": np.linalg.norm,
    "dot": lambda m: np.dot(m, V), "dot_left": lambda m: np.dot(V, m.T), "matmul": lambda m: np.matmul(m, m.T), "vdot": lambda m: np.vdot(m, m),
    "inner": lambda m: np.inner(m[0], V), "outer": lambda m: np.outer(m[0], m[1]), "trace": lambda m: np.trace(m[:, :3]),
    "reshape": lambda m: np.reshape(m, (2, -1)), "ravel": np.ravel, "transpose": np.transpose, "squeeze": lambda m: np.squeeze(m[:1]),
    "expand_dims": lambda m: np.expand_dims(m, 1), "flip": np.flip, "flip_axis": lambda m: np.flip(m, 1), "roll": lambda m: np.roll(m, 1, axis=1),
    "take": lambda m: np.take(m, [2, 0], axis=0), "tile": lambda m: np.tile(m, 2), "repeat": lambda m: np.repeat(m, 2, axis=0),
    "swapaxes": lambda m: np.swapaxes(m, 0, 1), "moveaxis": lambda m: np.moveaxis(m, 0, 1), "diagonal": np.diagonal,
    "concatenate": lambda m: np.concatenate([m, np.ones((1, 4))]), "concatenate_axis": lambda m: np.concatenate([m, m], axis=1),
    "stack": lambda m: np.stack([m[0], V, m[1]]), "stack_axis": lambda m: np.stack([m[0], m[1]], axis=-1), "hstack": lambda m: np.hstack([m[0], 1.0]),
    "vstack": lambda m: np.vstack([m, V]), "column_stack": lambda m: np.column_stack([m[0], m[1]]), "append": lambda m: np.append(m[0], 2.0),
    "diff": lambda m: np.diff(m), "diff_axis": lambda m: np.diff(m, axis=0), "diff_twice": lambda m: np.diff(m, n=2),
    "diff_ends": lambda m: np.diff(m, prepend=0, append=m[:, :1]), "diff_rows": lambda m: np.diff(m, axis=0, append=2.0),
    "zeros_like": np.zeros_like, "ones_like": np.ones_like, "full_like": lambda m: np.full_like(m, 2.0), "broadcast_to": lambda m: np.broadcast_to(m[0], (2, 4)),
    "std_keepdims": lambda m: np.std(m, axis=1, keepdims=True), "std_axes": lambda m: np.std(m, (0, 1), keepdims=True),
    "keepdims_0": lambda m: np.sum(m, axis=1, keepdims=0),
    "var_keepdims": lambda m: np.var(m, axis=0, keepdims=True), "ptp_keepdims": lambda m: np.ptp(m, axis=1, keepdims=True),
    "any_keepdims": lambda m: np.any(m > 1, axis=0, keepdims=True), "clip_classic": lambda m: np.clip(m, a_min=-0.5, a_max=0.5),
    "clip_most": lambda m: np.clip(m, None, a_max=0.5), "clip_by": lambda m: np.clip(V, m[0], 0.8), "clip_number": lambda m: np.clip(0.2, m[0], m[1]),
    "norm_f": lambda m: np.linalg.norm(m, "fro"), "norm_f_axes": lambda m: np.linalg.norm(m, "fro", axis=(1, 0)), "norm_2": lambda m: np.linalg.norm(m, 2, axis=1),
    "norm_keepdims": lambda m: np.linalg.norm(m, axis=-1, keepdims=True), "norm_all_kept": lambda m: np.linalg.norm(m, keepdims=True),
    "norm_axes_kept": lambda m: np.linalg.norm(m, axis=(0, 1), keepdims=True), "trace_offset": lambda m: np.trace(m, 1),
    "trace_rank_3": lambda m: np.trace(np.reshape(m, (3, 2, 2))), "trace_axes": lambda m: np.trace(np.reshape(m, (3, 2, 2)), -1, axis1=2, axis2=0),
    "reshape_F": lambda m: np.reshape(m, (4, -1), order="F"), "reshape_A": lambda m: np.reshape(m, (2, 3, 2), order="A"), "ravel_F": lambda m: np.ravel(m, "F"),
    "dot_number": lambda m: np.dot(m[0, 0], m), "dot_by_number": lambda m: np.dot(m, 2.0), "inner_number": lambda m: np.inner(m[0, 0], m),
    "inner_matrices": lambda m: np.inner(m, m), "full_like_named": lambda m: np.full_like(m, fill_value=2.0), "size": lambda m: m * np.size(m, 1),
    "append_named": lambda m: np.append(m, values=m, axis=0),
    "interp": lambda m: np.interp(m[0, 0], [-3.0, 0.0, 1.0, 3.0], [1.0, 2.0, 4.0, 0.0]), "copy": np.copy,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    wanted = FUNCTIONS[name](M)
    seen = run(FUNCTIONS[name], M)
    assert seen.shape == np.shape(wanted)
    np.testing.assert_allclose(seen, wanted, rtol=1e-13, atol=1e-15)


METHODS = {
    "sum": lambda m: m.sum(), "sum_axis": lambda m: m.sum(0), "keepdims": lambda m: m - m.mean(axis=1, keepdims=True), "min": lambda m: m.min(axis=0),
    "max": lambda m: m.max(), "std": lambda m: m.std(axis=0), "var": lambda m: m.var(), "cumsum": lambda m: m.cumsum(), "reshape": lambda m: m.reshape(4, 3),
    "reshape_tuple": lambda m: m.reshape((2, -1)), "T": lambda m: m.T @ m, "ravel": lambda m: m.ravel(), "flatten": lambda m: m.flatten(),
    "transpose": lambda m: m.transpose(), "dot": lambda m: m.dot(V), "clip": lambda m: m.clip(-0.5, 0.5), "clip_one": lambda m: m.clip(max=0.1),
    "squeeze": lambda m: m[:1].squeeze(), "copy": lambda m: m.copy(), "swapaxes": lambda m: m.swapaxes(0, 1), "any": lambda m: (m > 1).any(),
    "all": lambda m: (m > -9).all(axis=0), "take": lambda m: m.take([1, 5]), "repeat": lambda m: m.repeat(2), "trace": lambda m: m[:, :3].trace(),
    "size": lambda m: m.sum() / m.size, "ndim": lambda m: m * m.ndim, "len": lambda m: m * len(m), "abs": lambda m: abs(m), "iteration": lambda m: sum(row for row in m),
    "floor": lambda m: math.floor(m[0, 0]) + math.ceil(m[0, 1]) + math.trunc(m[0, 2]) + 0 * m[0, 3],
}


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    np.testing.assert_allclose(run(METHODS[name], M), METHODS[name](M), rtol=1e-13, atol=1e-15)


def test_parameters_have_them_too():
    p = costate.Parameter("p", M)
    f = costate.trace(lambda x: np.sin(p).sum(axis=0) * x + p.T[:, 0] % 1 + np.linalg.norm(p) + len(p) + V @ p.T[:4, 0], {"x": (4,)})
    wanted = np.sin(M).sum(axis=0) * X + M.T[:, 0] % 1 + np.linalg.norm(M) + 3 + V @ M.T[:4, 0]
    np.testing.assert_allclose(costate.compile(f)(X)[0], wanted, rtol=1e-13)


def test_an_array_of_arrays_is_stacked():
    np.testing.assert_allclose(run(lambda x: np.array([x[1], -np.sin(x[0]), 2.0]), X), [X[1], -np.sin(X[0]), 2.0])
    np.testing.assert_allclose(run(lambda x: np.array([[x[1], 0], [1, x[0]]]) @ np.array([x[0], x[1]]), X), [X[1] * X[0], X[0] + X[0] * X[1]])
    np.testing.assert_allclose(run(lambda x: np.exp(np.array([x[0], x[1]])), X), np.exp(X[:2]))
    states = costate.solve(lambda t, z: np.array([z[1], -np.sin(z[0])]), [1.0, 0.0], [0, 1]).states
    np.testing.assert_array_equal(states, costate.solve(lambda t, z: costate.stack([z[1], -costate.sin(z[0])]), [1.0, 0.0], [0, 1]).states)


@pytest.mark.parametrize("function", [np.linalg.norm, np.cumsum, lambda x: x % 0.7, np.floor, lambda x: x // 0.7, lambda x: np.roll(x, 1), lambda x: np.hypot(x, 1.0)])
def test_their_gradients(function):
    x, step = np.array([0.31, -1.22, 2.53]), 1e-6
    loss = costate.trace(lambda x: costate.sum(costate.sin(function(x))), {"x": (3,)})
    _, gradient = costate.compile(costate.value_and_grad(loss))(x)
    wanted = [(np.sum(np.sin(function(x + step * unit))) - np.sum(np.sin(function(x - step * unit)))) / (2 * step) for unit in np.eye(3)]
    np.testing.assert_allclose(gradient, wanted, atol=1e-8)


def fill(x):
    slopes = np.zeros(4)
    slopes[0] = x[1]
    return slopes


def assign(x):
    x[0] = 1.0
    return x


def add_in_place(x):
    total = np.ones(4)
    total += x
    return total


def fill_all(x):
    filled = np.zeros(4)
    filled[:] = x
    return filled


@pytest.mark.parametrize(
    "f, error, message",
    [
        (fill, TypeError, "costate.stack instead of filling a NumPy array"),
        (fill_all, TypeError, "costate.stack instead of filling a NumPy array"),
        (lambda x: np.zeros_like(x, dtype=float), TypeError, r"\[numpy.zeros_like\] of Arrays of a trace has no option 'dtype'; leave it out"),
        (lambda x: np.copy(x, order="F"), TypeError, r"\[numpy.copy\] of Arrays of a trace has no option 'order'; leave it out"),
        (lambda x: np.copy(x, "F"), TypeError, r"\[numpy.copy\] of Arrays of a trace has no option 'order'; leave it out"),
        (lambda x: np.sum(x, 0, float), TypeError, r"\[numpy.sum\] of Arrays of a trace has no option 'dtype'; leave it out"),
        (lambda x: x.std(ddof=1), TypeError, r"\[numpy.std\] of Arrays of a trace has no option 'ddof'; leave it out"),
        (lambda x: x.repeat(2, dtype=float), TypeError, "unexpected keyword argument 'dtype'"),
        (lambda x: np.concatenate([x, x], dtype=np.float16), TypeError, r"\[numpy.concatenate\] of Arrays of a trace has no option 'dtype'; leave it out"),
        (lambda x: np.stack([x, x], out=np.zeros((2, 4))), TypeError, r"\[numpy.stack\] a NumPy array cannot hold an Array"),
        (lambda x: np.take(x, [0], out=np.zeros(1)), TypeError, r"\[numpy.take\] a NumPy array cannot hold an Array"),
        (lambda x: np.clip(x, 0, 1, max=2), TypeError, r"\[numpy.clip\] takes a_min and a_max, or min and max"),
        (lambda x: np.pad(x, 3, mode="reflect", reflect_type="odd"), TypeError, r"\[numpy.pad\] of Arrays of a trace has no reflect_type 'odd'; it has even"),
        (lambda x: np.pad(x, 3, mode="mean"), TypeError, r"\[numpy.pad\] of Arrays of a trace has no mode 'mean'"),
        (lambda x: np.diff(x, n=-1), ValueError, r"\[numpy.diff\] n, .* must not be negative; got -1"),
        (lambda x: np.linalg.norm(x, "fro"), TypeError, "and not with ord='fro' of a vector"),
        (lambda x: np.linalg.norm(x.reshape(2, 2), 2), TypeError, "and not with ord=2 of a matrix"),
        (lambda x: np.linalg.norm(x.reshape(2, 2), 2, axis=(0, 1)), TypeError, "and not with ord=2 of a matrix"),
        (lambda x: np.linalg.norm(x.reshape(2, 2), "nuc", axis=(0, 1)), TypeError, "and not with ord='nuc' of a matrix"),
        (lambda x: np.linalg.norm(x, np.inf, axis=0), TypeError, "and not with ord=inf of a vector"),
        (lambda x: np.linalg.norm(x.reshape(2, 1, 2), axis=(0, 1, 2)), TypeError, "and not of 3 axes"),
        (lambda x: np.empty_like(x), TypeError, r"\[numpy.empty_like\] takes no Arrays of a trace; use stack"),
        (lambda x: math.sin(x[0]), TypeError, "costate's or NumPy's functions instead of math's, as costate.sin"),
        (lambda x: float(x[0]), TypeError, "is not known while its program is traced"),
        (lambda x: int(x[0]), TypeError, "is not known while its program is traced"),
        (lambda x: range(x[0]), TypeError, "is not known while its program is traced"),
        (lambda x: max(x[0], 0), TypeError, "costate.maximum and costate.minimum instead of max and min"),
        (lambda x: min(x), TypeError, "costate.maximum and costate.minimum instead of max and min"),
        (lambda x: x if x[0] > 0 else -x, TypeError, "costate.where instead of if"),
        (lambda x: 0 < x < 1, TypeError, "& | ~ instead of and, or, not"),
        (lambda x: x[x > 0], TypeError, "which element an Array names is not known"),
        (lambda x: round(x[0]), TypeError, r"\[numpy.round\] takes no Arrays of a trace; use floor\(x \+ 0.5\), which takes halves up and not to the even neighbour\."),
        (assign, TypeError, "an element cannot be set while a program is traced; make a new Array with costate.stack"),
        (add_in_place, TypeError, "a NumPy array cannot hold an Array of a trace; write x = x \\+ y"),
        (lambda x: np.exp(x, out=np.zeros(4)), TypeError, "a NumPy array cannot hold an Array"),
        (lambda x: np.sum(x, dtype=np.float32), TypeError, r"\[numpy.sum\] of Arrays of a trace has no option 'dtype'; leave it out"),
        (lambda x: np.einsum("i,i->", x, x), TypeError, r"\[numpy.einsum\] takes no Arrays of a trace; use matmul, outer and sum\."),
        (lambda x: np.sort(x), TypeError, r"^\[numpy.sort\] takes no Arrays of a trace; build it from costate's functions"),
        (lambda x: np.prod(x), TypeError, r"use x\[0\] \* x\[1\] \* ..., or exp\(sum\(log\(x\)\)\) where all numbers are positive"),
        (lambda x: np.median(x), TypeError, "use mean if another measure of the middle will do; there is no sort"),
        (lambda x: np.sinc(x), TypeError, "use sin"),
        (lambda x: np.frexp(x), TypeError, "build it from costate's functions"),
        (lambda x: np.linalg.solve(np.eye(4), x), TypeError, r"\[numpy.linalg.solve\] .*use linear_solve"),
        (lambda x: np.linalg.norm(x, ord=1), TypeError, "is the Euclidean length of a vector or a matrix alone, and not with ord=1 of a vector"),
        (lambda x: np.where(x > 0), TypeError, r"\[numpy.where\] needs x and y"),
        (lambda x: scipy.special.gamma(x), TypeError, r"\[scipy.special.gamma\] takes no Arrays"),
        (lambda x: np.subtract.outer(x, x), TypeError, r"\[numpy.subtract.outer\] takes no Arrays"),
        (lambda x: x.astype(float), AttributeError, "an Array has no 'astype'; compile's dtype says"),
        (lambda x: x.item(), AttributeError, "an Array has no 'item'; compile the program and call it"),
        (lambda x: x.softplus(), AttributeError, r"an Array has no 'softplus'; use costate.softplus\(x\)"),
        (lambda x: x.nonsense, AttributeError, r"^an Array has no 'nonsense'\.$"),
    ],
)
def test_what_there_is_not_is_said_in_a_sentence(f, error, message):
    with pytest.raises(error, match=message) as raised:
        costate.trace(f, {"x": (4,)})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name, inputs", [
    ("fmod", ([-7.5, 7.5, -2.0], [2.0, -2.0, 0.6])), ("arcsinh", ([-1e200, -1e9, -1e-9, 0.0, 3.0],)), ("arccosh", ([1.0, 1 + 1e-12, 1.5, 40.0, 1e200],)),
    ("arctanh", ([-0.9, 1e-12, 0.5],)), ("copysign", ([1.0, -2.0, 3.0], [-1.0, 1.0, -4.0])), ("cbrt", ([-8.0, 0.0, 2.0],)), ("nansum", ([1.0, np.nan, 3.0],)),
])
def test_advice_in_a_formula_gives_the_same_numbers(name, inputs):
    from costate import _numpy

    formula = _numpy._INSTEAD[name].partition(";")[0]
    written = run(eval(f"lambda x, y=None: {formula}", dict(vars(costate))), *inputs)  # noqa: S307
    np.testing.assert_allclose(written, getattr(np, name)(*map(np.array, inputs)), rtol=1e-14)


@pytest.mark.parametrize("name, message", [
    ("erfc", "use 1 - erf"), ("log10", "use numpy.log10, which takes Arrays"), ("fmod", r"use sign\(x\) \* mod"), ("factorial", r"^costate has no 'factorial'\.$"),
    ("cov", r"^costate has no 'cov'\.$"), ("pi", "use numpy.pi"), ("arcsin", "use asin"), ("median", "there is no sort"), ("sinn", "did you mean 'sin'"), ("erfinv", r"^costate has no 'erfinv'\.$"),
])
def test_a_name_of_numpy_is_not_taken_for_one_that_is_alike(name, message):
    with pytest.raises(AttributeError, match=message):
        getattr(costate, name)


@pytest.mark.parametrize("kind", ["linear", "hold", "cubic"])
def test_interpolate_is_nan_at_nan(kind):
    assert np.isnan(run(lambda t: costate.interpolate([0.0, 1.0, 2.0], [[1.0], [3.0], [2.0]], t, kind), np.nan)).all()


def test_outside_of_a_trace_a_parameter_is_read_by_its_value():
    p = costate.Parameter("p", [1.0, 2.0])
    for f in (np.exp, lambda p: p + 1, np.array):
        with pytest.raises(costate.InvalidArgument, match="A Parameter's numbers are its value"):
            f(p)
    for f in (float, bool):
        with pytest.raises(costate.CallError, match="outside of it is read by .value"):
            f(p)
    with pytest.raises(AttributeError, match="a Parameter has no 'grad'; value_and_grad gives gradients"):
        p.grad  # noqa: B018


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_condition_that_is_nan_is_not_0(dtype):
    f = costate.trace(lambda c, x, y: np.where(c, x, y), {"c": (9,), "x": (9,), "y": (9,)})
    c = np.array([np.nan, 0.0, -0.0, 1.0, -np.nan, np.inf, -1e-300, 5e-324, 2.0]).astype(dtype)
    x, y = np.arange(9.0), -1 - np.arange(9.0)
    found, = costate.compile(f, dtype=dtype)(c, x, y)
    np.testing.assert_array_equal(found, np.where(c, x, y))


def test_a_scalar_takes_an_axis_as_in_numpy():
    f = costate.trace(lambda x: (x[None], x[...], x[..., None]), {"x": ()})
    one, same, other = costate.compile(f)(2.0)
    assert one.shape == other.shape == (1,) and np.shape(same) == () and one[0] == same == other[0] == 2.0
    for key in 0, slice(None), (..., 1), (0,), np.int64(0), True:
        with pytest.raises(costate.CallError, match=r"a field is called as f\(t, z\), with the time first"):
            costate.trace(lambda x, key=key: x[key], {"x": ()})


@pytest.mark.parametrize("f", [lambda x: np.sum(x, where=False), lambda x: np.max(x, initial=False), lambda x: np.sin(x, where=False)])
def test_an_option_that_is_false_is_given(f):
    with pytest.raises(costate.CallError, match="has no option '(where|initial)'"):
        costate.trace(f, {"x": (3,)})


def test_a_limit_that_is_false_is_0_and_options_of_none_are_left_out():
    f = costate.trace(lambda x: (np.clip(x, False, None), np.var(x, 0, None), np.std(x, None, None, None)), {"x": (3,)})
    x = np.array([-1.0, 0.5, 2.0])
    for found, expected in zip(costate.compile(f)(x), (np.clip(x, False, None), np.var(x), np.std(x)), strict=True):
        np.testing.assert_allclose(found, expected)
