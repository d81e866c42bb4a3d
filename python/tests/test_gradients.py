"""Gradients that know their error, and the check of a program's gradient."""

import costate
import numpy as np
import pytest


def decay(**options):
    """y(10) of y' = 2 - y, as a function of y(0), which rests at 2."""
    return costate.trace(lambda z0: costate.solve(lambda t, z: 2 - z, z0, [0.0, 10.0], **options)[-1, 0], {"z0": (1,)})


@pytest.mark.parametrize("steps", ["auto", "off"])
def test_gradients_know_their_error(steps):
    program = costate.compile(costate.value_and_grad(decay(gradient_steps=steps), gradient_error=True))
    value, gradient, estimate = program(np.array([[2.0], [1.0]]))
    error = np.exp(-10) - gradient
    assert estimate.shape == gradient.shape == (2, 1)
    assert (np.abs(estimate) < 10 * np.abs(error)).all() and (np.abs(error) < 10 * np.abs(estimate)).all()


def test_estimates_follow_the_gradients_in_the_order_of_wrt():
    rate = costate.Parameter("rate", 0.5)
    f = costate.trace(lambda z0: costate.solve(lambda t, z: -rate * z, z0, [0.0, 1.0])[-1, 0], {"z0": (1,)})
    function = costate.value_and_grad(f, wrt=[rate, "z0"], gradient_error=True)
    assert function.outputs[1:] == ["d_rate", "d_z0", "error_d_rate", "error_d_z0"]


def test_the_check_passes_what_is_right_and_prints_a_table():
    check = costate.check_gradient(decay(), np.array([[2.0], [1.0]]))
    assert check.ok and [one.verdict for one in check.inputs] == ["right"]
    assert str(check) == repr(check) and str(check).splitlines()[0].split()[:3] == ["input", "sample", "gradient"]


def test_the_check_names_what_is_off():
    check = costate.check_gradient(decay(gradient_steps="off"), [2.0])
    (z0,) = check.inputs
    assert not check.ok and check.worst == z0.input == "z0" and z0.verdict == "off"
    assert abs(z0.gradient) > 50 and abs(z0.tangent) < 1e-4 and abs(z0.difference) < 1e-4
    assert z0.error > z0.allowed and "not fit to be differentiated" in z0.note and "'z0':" in str(check)
    assert "off" in repr(z0)


def test_the_check_goes_on_past_what_has_no_derivative():
    def end(z0, T, n):
        return costate.solve(lambda t, z: costate.where(t <= T, -z, 0.1 * z), z0, [0.0, 2.0])[-1, 0] * costate.floor(n)

    check = costate.check_gradient(costate.trace(end, {"z0": (1,), "T": (), "n": ()}), [1.0], 0.7, 3.0)
    verdicts = {one.input: one.verdict for one in check.inputs}
    assert check.ok and verdicts == {"z0": "right", "T": "no derivative", "n": "no derivative"}
    notes = {one.input: one.note for one in check.inputs}
    assert "'T'" in notes["T"] and "comparisons" in notes["n"] and np.isnan(check.inputs[1].tangent)


def test_the_check_takes_what_value_and_grad_takes():
    rate = costate.Parameter("rate", 0.5)
    f = costate.trace(lambda z0: costate.solve(lambda t, z: -rate * z, z0, [0.0, 1.0])[-1, 0], {"z0": (1,)})
    assert [one.input for one in costate.check_gradient(f, [1.0], wrt=rate).inputs] == ["rate"]
    assert rate.value == 0.5
    with pytest.raises(ValueError, match="takes 1 inputs besides its Parameters; got 2"):
        costate.check_gradient(f, [1.0], [1.0])
    with pytest.raises(ValueError, match="directions at least 1"):
        costate.check_gradient(f, [1.0], directions=0)
    with pytest.raises(ValueError, match="scalar"):
        costate.check_gradient(costate.trace(lambda x: x, {"x": (2,)}), [1.0, 2.0])
    with pytest.raises(RuntimeError, match="loss of sample 0 is nan: max_steps"):
        costate.check_gradient(decay(max_steps=1, gradient_steps="off"), [1.0])
    with pytest.raises(TypeError, match="f must be a costate.Function"):
        costate.check_gradient(lambda x: x, [1.0])


def by_times(adjoint="discrete", save=None, **options):
    def loss(times):
        saved = costate.solve(lambda t, z: -z, np.ones(1), times, adjoint=adjoint, save=save, **options)
        return (saved[:, 0] * np.array([1.0, 2.0, 3.0])).sum()

    return costate.trace(loss, {"times": (3,)})


@pytest.mark.parametrize("times, truth", [([0.0, 1.0, 1.0], [5 / np.e, -2 / np.e, -3 / np.e]), ([0.0, 0.0, 1.0], [2 + 3 / np.e, -2, -3 / np.e]), ([1.0, 1.0, 1.0], [5, -2, -3])])
@pytest.mark.parametrize("adjoint", ["discrete", "interpolating", "quadrature", "backsolve", "forward"])
def test_gradients_by_repeated_times(times, truth, adjoint):
    for save in (None, lambda t, z: 2.0 * z):
        f = by_times(adjoint, save, rtol=1e-9, atol=1e-11)
        right = np.array(truth) * (1 if save is None else 2)
        np.testing.assert_allclose(costate.compile(costate.value_and_grad(f))(times)[1], right, atol=1e-7)
        forward = [costate.compile(costate.jvp(f))(times, unit)[1] for unit in np.eye(3)]
        np.testing.assert_allclose(np.ravel(forward), right, atol=1e-7)


def test_derivatives_by_times_of_fixed_steps_are_those_of_the_steps():
    times = [0.0, 0.5, 0.7]  # one Euler step each: z = 1, 1 - 0.5 and 0.5 (1 - 0.2)
    for adjoint in ("discrete", "forward"):
        f = by_times(adjoint, method="euler", steps_per_interval=1)
        right = [2 + 3 * 0.8, -2 - 3 * 0.8 + 3 * 0.5, -3 * 0.5]
        np.testing.assert_allclose(costate.compile(costate.value_and_grad(f))(times)[1], right, atol=1e-14)
        forward = [costate.compile(costate.jvp(f))(times, unit)[1] for unit in np.eye(3)]
        np.testing.assert_allclose(np.ravel(forward), right, atol=1e-14)
        over = costate.compile(costate.jvp(costate.value_and_grad(f)))
        rows = np.array([np.ravel(over(times, unit)[-1]) for unit in np.eye(3)])
        np.testing.assert_allclose(rows, [[0, 3, -3], [3, -6, 3], [-3, 3, 0]], atol=1e-13)
