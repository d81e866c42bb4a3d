"""Roots, states at rest and exponentials of matrices, against NumPy and SciPy."""

import costate
import numpy as np
import pytest
import scipy.linalg


def rod(z, y):
    """Heat on a rod of which each place meets two others, and loses more the warmer it is."""
    return costate.concat([[0.0], z[:-1]]) + costate.concat([z[1:], [0.0]]) - 2 * z - z**3 + y


def rod_jacobian(z):
    return np.diag(-2 - 3 * z**2) + np.eye(len(z), k=1) + np.eye(len(z), k=-1)


def test_roots_by_either_jacobian():
    for jacobian, n in (("dense", 10), ("auto", 10), ("sparse", 10), ("auto", 100)):
        y = np.random.default_rng(0).normal(size=n)
        f = costate.trace(lambda y, kind=jacobian, n=n: costate.root(lambda z: rod(z, y), np.zeros(n), iterations=50, jacobian=kind), {"y": (n,)})
        (z,), report = costate.compile(f).run(y)
        beside = np.pad(z, 1)
        np.testing.assert_allclose(beside[:-2] + beside[2:] - 2 * z - z**3 + y, 0, atol=1e-13)
        _, by_y = costate.compile(costate.jacobian(f))(y)
        np.testing.assert_allclose(by_y, -np.linalg.inv(rod_jacobian(z)), atol=1e-12)
        assert report["failures"] == []


def test_second_derivatives_of_a_sparse_root():
    n, y = 80, np.random.default_rng(1).normal(size=80)
    z = costate.compile(costate.trace(lambda y: costate.root(lambda z: rod(z, y), np.zeros(n), iterations=50), {"y": (n,)}))(y)[0]
    loss = costate.trace(lambda y: np.sum(costate.root(lambda z: rod(z, y), np.zeros(n), iterations=50)), {"y": (n,)})
    found = costate.compile(costate.hessian(loss))(y)[-1]
    inverse = -np.linalg.inv(rod_jacobian(z))  # dz/dy; the second derivative of f by z is -6 z on the diagonal
    np.testing.assert_allclose(found, inverse.T @ np.diag(inverse.T @ np.ones(n) * -6 * z) @ inverse, atol=1e-11)


def test_a_sparse_root_that_is_none_is_reported():
    f = costate.trace(lambda y: costate.root(lambda z: z * z + y, np.ones(80)), {"y": (80,)})
    (z,), report = costate.compile(f).run(np.ones(80))
    assert np.isnan(z).all() and len(report["failures"]) == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"jacobian": "sparce"}, costate.InvalidArgument, r"\[root\] unknown jacobian 'sparce'; did you mean 'sparse'\?"),
        ({"jacobian": 1}, costate.CallError, r"\[root\] jacobian must be a string; got int"),
        ({"iterations": 0}, costate.InvalidArgument, r"\[root\] iterations must be at least 1"),
        ({"tol": 1}, costate.CallError, r"\[root\] there is no argument 'tol'; did you mean 'tolerance'\?"),
    ],
    ids=str,
)
def test_wrong_options_of_a_root(options, error, message):
    with pytest.raises(error, match=message):
        costate.trace(lambda y: costate.root(lambda z: z - y, [0.0, 0.0], **options), {"y": (2,)})


def test_states_at_rest():
    f = costate.trace(lambda p: costate.steady_state(lambda t, z, p: p * t - z**3, [[1.0, 1.0]], args=[p], t=2.0), {"p": (1, 2)})
    z, by_p = costate.compile(costate.jacobian(f))([[4.0, 13.5]])
    np.testing.assert_allclose(z, [[2, 3]], rtol=1e-12)
    np.testing.assert_allclose(by_p.reshape(2, 2), np.diag([2 / 12, 2 / 27]), rtol=1e-12, atol=1e-15)
    weight = costate.Parameter("w", [8.0])
    at_rest = costate.trace(lambda: costate.steady_state(lambda t, z: weight - z**3, [1.0]), {})
    np.testing.assert_allclose(costate.compile(at_rest)()[0].ravel(), [2], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: costate.steady_state(3, p), costate.CallError, r"\[steady_state\] f must be a callable f\(t, z, ...\) or a VectorField; got int"),
        (lambda p: costate.steady_state(costate.vector_field(lambda t, z: z, (2,)), [1.0] * 3), costate.ShapeError, r"the guess must hold the 2 numbers"),
        (lambda p: costate.steady_state(costate.vector_field(lambda t, z: z, (2,)), p, args=[p]), costate.InvalidArgument, r"takes 0 arguments; got 1"),
        (lambda p: costate.steady_state(lambda t, z: p - z, p, jacobain="dense"), costate.CallError, r"did you mean 'jacobian'"),
        (lambda p: costate.expm_multiply(np.eye(2), p), costate.CallError, r"\[expm_multiply\] argument 't' is missing"),
        (lambda p: costate.expm_multiply(np.eye(3), p, 1.0), costate.ShapeError, r"\[expm_multiply\] A must be \[n, n\]"),
    ],
)
def test_wrong_equations(call, error, message):
    with pytest.raises(error, match=message):
        costate.trace(call, {"p": (2,)})


def test_exponentials_of_matrices():
    random = np.random.default_rng(1)
    a, b, t = random.normal(size=(4, 4)), random.normal(size=4), -0.7
    f = costate.trace(costate.expm_multiply, {"a": (4, 4), "b": (4,), "t": ()})
    x, by_a, by_b, by_t = costate.compile(costate.jacobian(f))(a, b, t)
    np.testing.assert_allclose(x, scipy.linalg.expm(t * a) @ b, rtol=1e-12)
    np.testing.assert_allclose(by_b, scipy.linalg.expm(t * a), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(by_t, a @ x, rtol=1e-11)
    change = random.normal(size=(4, 4))
    np.testing.assert_allclose(np.tensordot(by_a, change, 2), scipy.linalg.expm_frechet(t * a, t * change)[1] @ b, rtol=1e-10)


def test_exponentials_of_linear_functions():
    n = 40
    def ring(w):
        return lambda x: w * costate.concat([x[1:], x[:1]]) - x
    f = costate.trace(lambda w, b, t: costate.expm_multiply(ring(w), b, t), {"w": (n,), "b": (n,), "t": ()})
    random = np.random.default_rng(2)
    w, b, t = random.normal(size=n), random.normal(size=n), 1.5
    matrix = np.diag(w) @ np.roll(np.eye(n), -1, axis=0) - np.eye(n)
    x, by_w, by_b, _ = costate.compile(costate.jacobian(f))(w, b, t)
    np.testing.assert_allclose(x, scipy.linalg.expm(t * matrix) @ b, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(by_b, scipy.linalg.expm(t * matrix), rtol=1e-10, atol=1e-13)
    change = random.normal(size=n)
    moved = np.diag(change) @ np.roll(np.eye(n), -1, axis=0)
    np.testing.assert_allclose(by_w @ change, scipy.linalg.expm_frechet(t * matrix, t * moved)[1] @ b, rtol=1e-9, atol=1e-12)
    with pytest.raises(costate.InvalidArgument, match="the function must be linear"):
        costate.trace(lambda b: costate.expm_multiply(lambda x: x * x, b, 1.0), {"b": (2,)})


def test_roots_are_found_iteratively():
    n = 200
    def residual(x, p):
        return x**3 + 4 * x - costate.concat([x[1:], x[:1]]) - costate.concat([x[-1:], x[:-1]]) - p
    solved = {how: costate.compile(costate.value_and_grad(costate.trace(
        lambda p: costate.sum(costate.root(lambda x: residual(x, p), costate.zeros((n,)), jacobian=how) ** 2), {"p": (n,)})))(
            np.sin(np.arange(n))) for how in ("sparse", "krylov")}
    for sparse, krylov in zip(*solved.values()):
        np.testing.assert_allclose(krylov, sparse, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("jacobian", ["auto", "dense", "sparse", "krylov"])
def test_a_root_has_second_derivatives(jacobian):
    f = costate.trace(lambda x: costate.root(lambda y: y * y - x, costate.stop_gradient(x), jacobian=jacobian).sum(), {"x": (1,)})
    assert costate.compile(costate.hessian(f))([2.0])[1] == pytest.approx(-0.25 * 2.0**-1.5, rel=1e-12)
