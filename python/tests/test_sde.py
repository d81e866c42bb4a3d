"""SDEs from Python: batches of numbers, programs, names of paths, and what is refused."""

import costate
import numpy as np
import pytest

TIMES = [0.0, 0.5, 1.0]


def drift(t, z):
    return 0.1 * z


def diffusion(t, z):
    return 0.3 * z


def closed_form(w):
    return np.exp((0.1 - 0.3**2 / 2) * np.array(TIMES)[:, None] + 0.3 * w)


@pytest.mark.parametrize("method, error", [("euler_maruyama", 0.05), ("milstein", 0.003), ("srk", 1e-5)])
def test_geometric_brownian_motion(method, error):
    solution = costate.solve_sde(drift, diffusion, np.ones((20, 2)), TIMES, method=method, steps_per_interval=128, seed=3)
    w = costate.brownian_path(TIMES, 2, seed=3, samples=np.arange(20))
    assert solution.states.shape == w.shape == (20, 3, 2)
    assert solution.status == ["ok"] * 20 and (solution.accepted == 256).all()
    for states, path in zip(solution.states, w):
        np.testing.assert_allclose(states, closed_form(path), rtol=error)


def test_one_sample_and_f32():
    one = costate.solve_sde(drift, diffusion, [1.0, 1.0], TIMES, method="heun_stratonovich", step_size=0.01, samples=4, stream=1)
    batch = costate.solve_sde(drift, diffusion, np.ones((2, 2)), TIMES, method="heun_stratonovich", step_size=0.01, samples=[9, 4], stream=1)
    np.testing.assert_array_equal(one.states, batch.states[1])
    rounded = costate.solve_sde(drift, diffusion, np.ones(2, np.float32), TIMES, method="heun_stratonovich", step_size=0.01, samples=4, stream=1)
    assert rounded.states.dtype == np.float32
    np.testing.assert_allclose(rounded.states, one.states, rtol=1e-5)
    assert costate.brownian_path(TIMES, 3).shape == costate.brownian_path(TIMES, 3, samples=np.int64(2)).shape == (3, 3)
    assert costate.brownian_path(TIMES, samples=[2]).shape == (1, 3, 1)


def test_a_matrix_of_noise_and_arguments():
    def push(t, z, scale):
        return scale * costate.stack([costate.stack([1.0, 0.0, 0.5]), costate.stack([0.0, 1.0, -0.5])])

    scales = np.array([1.0, 2.0])
    states = costate.solve_sde(lambda t, z, scale: 0 * z, push, np.zeros((2, 2)), TIMES, args=[scales], steps_per_interval=3).states
    w = costate.brownian_path(TIMES, 3, samples=[0, 1])
    expected = scales[:, None, None] * np.stack([w[..., 0] + w[..., 2] / 2, w[..., 1] - w[..., 2] / 2], axis=-1)
    np.testing.assert_allclose(states, expected, atol=1e-14)


def test_gradients_in_a_program_whose_stream_is_an_input():
    volatility = costate.Parameter("volatility", [0.3])

    def final(z0, stream, sample):
        return costate.sum(costate.solve_sde(drift, lambda t, z: volatility * z, z0, TIMES, method="srk", steps_per_interval=256,
                                             stream=stream, samples=sample)[-1])

    loss = costate.trace(final, {"z0": (1,), "stream": (), "sample": ()})
    program = costate.compile(costate.value_and_grad(loss, wrt=["z0", volatility]))
    z0, samples = np.ones((5, 1)), np.arange(5.0)
    for stream in (0.0, 6.0):
        value, by_z0, by_volatility = program(z0, np.full(5, stream), samples)
        w = costate.brownian_path(TIMES, stream=int(stream), samples=samples)
        expected = closed_form(w[0])[-1]
        np.testing.assert_allclose(by_z0[0], expected, rtol=1e-4)
        ends = np.exp(0.1 - 0.045 + 0.3 * w[:, -1, 0])
        np.testing.assert_allclose(value, ends, rtol=1e-4)
        np.testing.assert_allclose(by_volatility, [(ends * (w[:, -1, 0] - 0.3)).sum()], rtol=2e-3)


def test_what_is_refused():
    def call(*args, **options):
        return costate.solve_sde(drift, diffusion, *args, **options)

    with pytest.raises(costate.InvalidArgument, match="times must not descend"):
        call([1.0], [1.0, 0.0])
    with pytest.raises(costate.InvalidArgument, match="did you mean 'milstein'"):
        call([1.0], TIMES, method="milstien")
    with pytest.raises(costate.InvalidArgument, match="row 0 of paths has 0.5"):
        call([1.0], TIMES, samples=0.5)
    with pytest.raises(costate.ShapeError, match="samples must hold 1 whole numbers"):
        call([1.0], TIMES, samples=[1, 2])
    with pytest.raises(TypeError, match="stream must be a whole number; got float"):
        call([1.0], TIMES, stream=0.5)
    with pytest.raises(costate.InvalidArgument, match="samples must name the sample"):
        costate.trace(lambda z0: call(z0, TIMES), {"z0": (1,)})
    with pytest.raises(costate.InvalidArgument, match="times must be a constant"):
        costate.trace(lambda z0, t: call(z0, t, samples=0), {"z0": (1,), "t": (2,)})
    with pytest.raises(costate.ShapeError, match="one axis more"):
        costate.solve_sde(drift, lambda t, z: 1.0, [1.0], TIMES)
    with pytest.raises(costate.SolveFailed, match="sample 0 ended with non_finite at t = 0 with step 0.5"):
        costate.solve_sde(lambda t, z: np.nan * z, diffusion, [1.0], TIMES)
    assert np.isnan(costate.solve_sde(lambda t, z: np.nan * z, diffusion, [1.0], TIMES, throw=False).states[1:]).all()
