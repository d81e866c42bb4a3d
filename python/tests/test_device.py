"""device= of solves, programs and fits. The card is emulated: tests/cuda/driver_stand_in.cpp stands in for the CUDA driver and NVRTC."""

import costate
import numpy as np
import pytest


def decay(t, z):
    return -z


def test_the_cpu_is_the_default():
    times = [0.0, 0.5, 1.0]
    here = costate.solve(decay, [1.0, 2.0], times, device="cpu")
    np.testing.assert_array_equal(here.states, costate.solve(decay, [1.0, 2.0], times).states)


def test_a_card_is_refused_by_one_sentence(monkeypatch):
    monkeypatch.delenv("COSTATE_CUDA", raising=False)
    with pytest.raises(costate.NotSupported, match="set COSTATE_CUDA=experimental"):
        costate.solve(decay, [1.0], [0.0, 1.0], device="cuda")
    with pytest.raises(costate.InvalidArgument, match="did you mean 'cuda'"):
        costate.solve(decay, [1.0], [0.0, 1.0], device="cdua")
    with pytest.raises(costate.NotSupported, match="device='cuda' does not have save yet"):
        costate.solve(decay, [1.0], [0.0, 1.0], device="cuda", save=lambda t, z: z)
    with pytest.raises(costate.InvalidArgument, match=r"where the solves of a program run says compile\(function, device='cuda'\)"):
        costate.trace(lambda z: costate.solve(decay, z, [0.0, 1.0], device="cuda"), {"z": (1,)})
    program = costate.trace(lambda z: costate.solve(decay, z, [0.0, 1.0]), {"z": (1,)})
    for make in costate.compile, costate.compile_pullback:
        with pytest.raises(costate.NotSupported, match="set COSTATE_CUDA=experimental"):
            make(program, device="cuda")


def test_a_solve_has_the_bits_of_the_cpu(card):
    starts, times = np.random.default_rng(1).normal(size=(40, 2)), np.linspace(0.0, 2.0, 5)
    there = costate.solve(lambda t, z: [z[1], -costate.sin(z[0])], starts, times, device="cuda")
    np.testing.assert_array_equal(there.states, costate.solve(lambda t, z: [z[1], -costate.sin(z[0])], starts, times).states)


def test_dense_output_has_the_bits_of_the_cpu(card):
    starts, times = np.random.default_rng(1).normal(size=(5, 2)), np.linspace(0.0, 2.0, 3)
    here, there = (costate.solve(lambda t, z: [z[1], -costate.sin(z[0])], starts, times, dense=True, device=device) for device in ("cpu", "cuda"))
    between = np.linspace(0.0, 2.0, 50)
    np.testing.assert_array_equal(there.dense(between), here.dense(between))
    np.testing.assert_array_equal(there.nfe, here.nfe)


def test_gradients_of_a_program(card):
    rate = costate.Parameter("rate", 1.5)
    loss = costate.trace(lambda z: costate.sum(costate.solve(lambda t, y: -rate * y, z, [0.0, 1.0])[-1]), {"z": (2,)})
    z = np.array([[1.0, 2.0], [3.0, 4.0]])
    value, by_rate = costate.compile(costate.value_and_grad(loss, wrt=rate), device="cuda")(z)
    np.testing.assert_allclose(value, np.exp(-1.5) * z.sum(1), rtol=1e-6)
    assert float(by_rate) == pytest.approx(-np.exp(-1.5) * z.sum(), rel=1e-5)
    outputs, pullback = costate.compile_pullback(loss, device="cuda")(z)
    by_z, again = pullback(np.ones(2))
    np.testing.assert_array_equal(outputs[0], value)
    np.testing.assert_allclose(by_z, np.full((2, 2), np.exp(-1.5)), rtol=1e-6)
    assert float(again) == float(by_rate)


def test_gradients_from_rest(card):
    loss = costate.trace(lambda z: costate.sum(costate.solve(lambda t, y: -(y - 2.0), z, [0.0, 10.0])[-1]), {"z": (1,)})
    _, by_z = costate.compile(costate.value_and_grad(loss), device="cuda")(np.array([[2.0]]))
    assert by_z[0, 0] == pytest.approx(np.exp(-10.0), rel=1e-3)


def test_a_driven_system_by_its_table_and_times(card):
    knots = np.array([0.0, 0.4, 1.0, 2.0])

    def end(start, table, times):
        return costate.sum(costate.solve(lambda t, z: costate.interpolate(knots, table, t) - z, start, times)[-1])

    gradient = costate.value_and_grad(costate.trace(end, {"start": (1,), "table": (4, 1), "times": (2,)}))
    random = np.random.default_rng(2)
    inputs = random.normal(size=(3, 1)), random.normal(size=(3, 4, 1)), np.tile([0.1, 1.7], (3, 1))
    here, there = costate.compile(gradient)(*inputs), costate.compile(gradient, device="cuda")(*inputs)
    np.testing.assert_array_equal(there[0], here[0])
    for got, expected in zip(there[1:], here[1:]):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_fits(card):
    times = np.linspace(0, 3, 31)
    options = {"hidden": [], "memory": "none", "clock": "none", "epochs": 20, "polish": 10}
    here, there = (costate.fit(times, np.exp(-times), device=device, **options) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.predict([1.0], times), here.predict([1.0], times), rtol=1e-4)
    fitted = []
    for device in "cpu", "cuda":
        rate = costate.Parameter("rate", 0.3)
        windows = costate.cut_windows(np.exp(-times)[None, :, None], 0.1, length=4)
        costate.fit_trajectories(lambda t, z: -rate * z, rate, windows, epochs=5, device=device)
        fitted.append(float(rate.value))
    assert fitted[0] != 0.3 and fitted[1] == pytest.approx(fitted[0], abs=1e-10)
