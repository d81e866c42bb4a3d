"""What the test suites of torchdiffeq and diffrax ask of their solvers, asked of ours."""

import costate
import numpy as np
import pytest
from scipy.linalg import expm

FIXED = ["euler", "midpoint", "heun2", "ralston", "heun3", "rk4", "rk4_classic"]
ADAPTIVE = ["adaptive_heun", "fehlberg2", "bosh3", "dopri5", "tsit5", "vern7", "dop853", "dopri8", "vern9"]

MIXING = 0.1 * np.random.default_rng(0).normal(size=(10, 10))
MIXING = 2 * MIXING - (MIXING + MIXING.T)
START = np.random.default_rng(1).normal(size=10)


def sine(t):
    states = -0.5 * t**4 * np.cos(2 * t) + 0.5 * t**3 * np.sin(2 * t) + 0.25 * t**2 * np.cos(2 * t) - t**3 + 2 * t**4
    return (states + (np.pi - 0.25) * t**2)[:, None]


# torchdiffeq's tests/problems.py: the field, and the truth at times t.
PROBLEMS = {
    "sine": (lambda t, y: 2 * y / t + t**4 * costate.sin(2 * t) - t**2 + 4 * t**3, sine),
    "linear": (lambda t, y: MIXING @ y, lambda t: np.stack([expm(MIXING * s) @ START for s in t])),
}


@pytest.mark.parametrize("method", ADAPTIVE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("direction", [1, -1])
def test_problems_forward_and_backward(problem, method, dtype, direction):
    f, truth = PROBLEMS[problem]
    times = np.linspace(1, 8, 10)[::direction]
    tolerance = {"rtol": 1e-7, "atol": 1e-9} if dtype == np.float64 else {"rtol": 1e-5, "atol": 1e-6}
    states = costate.solve(f, truth(times)[0].astype(dtype), times, method=method, **tolerance).states
    assert states.dtype == dtype
    np.testing.assert_allclose(states, truth(times), rtol=5e-3 if dtype == np.float64 else 2e-2, atol=1e-2)


@pytest.mark.parametrize("method", FIXED + ADAPTIVE)
def test_one_time_is_the_start(method):
    np.testing.assert_array_equal(costate.solve(lambda t, y: -y, [1.0, 2.0], [0.5], method=method).states, [[1.0, 2.0]])
    loss = costate.trace(lambda z: costate.sum(3 * costate.solve(lambda t, y: -y, z, [0.5], method=method)), {"z": (2,)})
    np.testing.assert_array_equal(costate.compile(costate.value_and_grad(loss))(np.ones((3, 2)))[1], np.full((3, 2), 3))


@pytest.mark.parametrize("method", FIXED + ADAPTIVE)
@pytest.mark.parametrize("adjoint", ["discrete", "backsolve", "interpolating", "quadrature", "forward"])
def test_gradients_of_start_times_and_parameters(method, adjoint):
    if adjoint != "discrete" and method in FIXED:
        pytest.skip("exact only as the steps become small")
    rate = costate.Parameter("rate", [0.2, 3.0])
    options = {"steps_per_interval": 20} if method in FIXED else {"rtol": 1e-8, "atol": 1e-9, "max_steps": 10**6}

    def total(z0, times):
        states = costate.solve(lambda t, y: rate[0] * costate.sin(y * rate[1] + t) - 0.3 * y, z0, times, method=method,
                               adjoint=adjoint, **options)
        return costate.sum(states * np.arange(1.0, 7).reshape(3, 2))

    function = costate.trace(total, {"z0": (2,), "times": (3,)})
    value = costate.compile(function)
    inputs = [np.array([[0.3, -0.2], [1.0, 0.5]]), np.array([[0.0, 0.7, 1.5], [1.0, 0.4, -0.3]]), rate.value]

    def value_at(which, change):
        z0, times, rate.value = (x + change if i == which else x for i, x in enumerate(inputs))
        return value(z0, times)[0].sum()

    gradients = costate.compile(costate.value_and_grad(function, wrt=["z0", "times", rate]))(*inputs[:2])[1:]
    rng = np.random.default_rng(2)
    for which, gradient in enumerate(gradients):
        along = rng.normal(size=gradient.shape)
        difference = (value_at(which, 1e-5 * along) - value_at(which, -1e-5 * along)) / 2e-5
        np.testing.assert_allclose(np.sum(gradient * along), difference, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("method", FIXED + ADAPTIVE)
def test_backward_in_time_mirrors_forward(method):
    options = {"step_size": 0.3} if method in FIXED else {}  # does not divide the intervals
    times = np.array([4, 3.5, 0.7, 0.3])
    backward = costate.solve(lambda t, y: -y, np.ones((2, 2)), times, method=method, **options)
    forward = costate.solve(lambda t, y: y, np.ones((2, 2)), -times, method=method, **options)
    np.testing.assert_array_equal(backward.states, forward.states)


def test_equal_times_in_a_program_are_the_start():
    program = costate.compile(costate.trace(lambda z, t: costate.solve(lambda t, y: y, z, t), {"z": (1,), "t": (3,)}))
    states = program(np.full((2, 1), 2.0), [[1.0, 1.0, 1.0], [0.0, 0.5, 1.0]])[0]
    np.testing.assert_array_equal(states[0], np.full((3, 1), 2.0))
    np.testing.assert_allclose(states[1, 2], 2 * np.e, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 3), (2, 1, 3)])
def test_states_and_gradients_have_the_shape_of_the_start(shape):
    starts = np.random.default_rng(1).normal(size=(4, *shape))
    assert costate.solve(lambda t, y: -y * y, starts, [0, 0.1]).states.shape == (4, 2, *shape)
    loss = costate.trace(lambda z: costate.sum(costate.solve(lambda t, y: -y, z, [0, 1])[1]), {"z": shape})
    gradient = costate.compile(costate.value_and_grad(loss))(starts)[1]
    assert gradient.shape == starts.shape
    np.testing.assert_allclose(gradient, np.exp(-1), rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda x: np.repeat(x, 2, axis=0)[::2], lambda x: x[::-1][::-1], lambda x: x.astype(">f8"),
     lambda x: x.tolist(), lambda x: np.lib.stride_tricks.as_strided(x, x.shape, x.strides, writeable=False), memoryview],
    ids=["fortran", "every other", "reversed twice", "big-endian", "list", "read-only", "memoryview"],
)
def test_the_layout_of_an_array_does_not_matter(change):
    starts, times = np.random.default_rng(3).normal(size=(5, 3)), np.array([0.0, 0.5, 1.0])
    wanted = costate.solve(lambda t, y: -y, starts, times).states
    np.testing.assert_array_equal(costate.solve(lambda t, y: -y, change(starts), change(times)).states, wanted)
    program = costate.compile(costate.trace(lambda y: 2 * y, {"y": (3,)}))
    np.testing.assert_array_equal(program(change(starts))[0], 2 * starts)
