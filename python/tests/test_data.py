"""Simulated systems and made-up samples, against closed forms."""

import costate
import numpy as np
import pytest


def test_a_simulated_oscillator_is_the_closed_form():
    series = costate.simulate("damped-oscillator", start=[1.0, 0.0], until=5, samples=26, parameters={"k": 2.0, "c": 0.4})
    (times,), (states,) = series.times, series.states
    np.testing.assert_allclose(times, np.linspace(0, 5, 26))
    w = np.sqrt(2.0 - 0.04)
    x = np.exp(-0.2 * times) * (np.cos(w * times) + 0.2 / w * np.sin(w * times))
    v = -np.exp(-0.2 * times) * 2.0 / w * np.sin(w * times)
    np.testing.assert_allclose(states, np.stack([x, v], axis=1), atol=1e-10)
    assert series.state_names == ["x", "v"] and series.input_names == [] and series.inputs[0].shape == (26, 0)


def test_noise_and_seeds():
    exact, noisy, other = (costate.simulate("linear-pendulum", trajectories=3, noise=noise, seed=seed) for noise, seed in [(0, 1), (0.1, 1), (0, 2)])
    residual = np.concatenate([a - b for a, b in zip(noisy.states, exact.states)])
    assert 0.08 < residual.std() < 0.12
    one = costate.simulate("linear-pendulum", seed=1)
    np.testing.assert_array_equal(one.states[0], exact.states[0])
    assert not np.array_equal(other.states[0], exact.states[0])


def test_inputs_drive_and_times_may_be_irregular():
    series = costate.simulate("driven-oscillator", trajectories=2, irregular=True, samples=20)
    assert series.inputs[0].shape == (20, 1) and len(series.input_names) == 1
    gaps = np.diff(series.times[0])
    assert (gaps > 0).all() and gaps.std() > 0.1 * gaps.mean()


def test_a_fit_takes_what_simulate_makes():
    series = costate.simulate("linear-pendulum", trajectories=3, samples=20, until=3)
    assert costate.fit(series.times, series.states, hidden=[], epochs=10, polish=5).predict([1.0, 0.0], [0, 1]).shape == (2, 2)
    driven = costate.simulate("driven-oscillator", samples=20, until=3)
    costate.fit(driven.times, driven.states, driven.inputs, hidden=[], epochs=2, polish=0)


def test_systems_are_described():
    systems = {system.name: system for system in costate.systems()}
    lorenz = systems["lorenz"]
    assert lorenz.parameters == {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3} and list(lorenz.states) == ["x", "y", "z"]
    assert lorenz.states["x"] == (-10.0, 10.0) and lorenz.until > 0 and lorenz.num_samples > 0 and "Lorenz" in repr(lorenz)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: costate.simulate("pendulun"), costate.InvalidArgument, "did you mean 'pendulum'"),
        (lambda: costate.simulate("pendulum", parameters={"l/g": 1.0}), costate.InvalidArgument, "unknown parameter 'l/g'"),
        (lambda: costate.simulate("pendulum", parameters=[1.0]), costate.CallError, "parameters must be a dict; got list"),
        (lambda: costate.simulate("pendulum", noise="much"), costate.CallError, "noise must be a number; got str"),
        (lambda: costate.simulate("pendulum", until="late"), costate.CallError, "until must be a number; got str"),
        (lambda: costate.simulate("pendulum", noise=-1), costate.InvalidArgument, "noise"),
        (lambda: costate.simulate("pendulum", steps=3), costate.CallError, r"^\[simulate\] there is no argument 'steps'"),
        (lambda: costate.simulate(3), costate.CallError, "system must be a string; got int"),
        (lambda: costate.sample_density("moon", 3), costate.InvalidArgument, "did you mean 'moons'"),
        (lambda: costate.spirals(10), costate.CallError, "at most 0 arguments go by position"),
        (lambda: costate.spirals(observed=500), costate.InvalidArgument, "observed"),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", costate.density_names())
def test_densities_are_endless_sequences(name):
    samples = costate.sample_density(name, 200, seed=3)
    assert samples.shape == (200, 2) and np.isfinite(samples).all()
    np.testing.assert_array_equal(costate.sample_density(name, 50, seed=3, first=150), samples[150:])


def test_eight_gaussians_lie_on_a_circle():
    samples = costate.sample_density("8gaussians", 4000)
    radii = np.hypot(*samples.T)
    assert abs(radii.mean() / np.median(radii) - 1) < 0.02 and radii.std() < 0.2 * radii.mean()


def test_two_spirals_are_labelled_in_turn():
    points, classes = costate.two_spirals(100, seed=1)
    assert points.shape == (100, 2) and np.hypot(*points.T).max() < 2.5
    np.testing.assert_array_equal(classes, np.eye(2)[np.arange(100) % 2])


def test_spirals_follow_their_formulas():
    made = costate.spirals(count=4, observed=30, first_start=150, last_start=150, noise=0.0)
    assert made.times.shape == (4, 30) and made.observations.shape == (4, 30, 2) and made.truth.shape == (4, 300, 2)
    grid = np.linspace(0, 6 * np.pi, 500)
    t = grid[150] + made.grid
    counter = np.stack([0.3 * t * np.cos(t) + 5, 0.3 * t * np.sin(t)], axis=1)
    s = 6 * np.pi + 1 - t
    clockwise = np.stack([15 / s * np.cos(s) - 5, 15 / s * np.sin(s)], axis=1)
    distances = [min(np.abs(truth - curve).max() for curve in (counter, clockwise)) for truth in made.truth]
    np.testing.assert_allclose(distances, 0, atol=1e-9)


def test_how_a_series_is_embedded():
    x = np.sin(0.1 * np.arange(1000))
    information = costate.mutual_information(x, 40)
    assert information.shape == (41,) and information[0] == information.max()
    assert costate.first_minimum([3.0, 2.0, 1.0, 2.0]) == 2
    shares = costate.false_neighbours(x, 15, 3)
    assert costate.embedding_dimension(shares) == 2  # a circle
    assert costate.embedding_dimension([0.5, 0.3, 0.2]) == 3
