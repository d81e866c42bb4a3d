"""Delay equations from Python: batches, arguments, lags that are learned, and what is refused."""

import costate
import numpy as np
import pytest

TIGHT = {"rtol": 1e-9, "atol": 1e-11}


def falling(t, z, past):
    return -past


def test_the_polynomials_of_the_method_of_steps():
    times = np.linspace(0, 3, 31)
    z = costate.solve_delays(falling, [1.0], times, [1.0], **TIGHT)
    exact = 1 - times + np.where(times > 1, (times - 1) ** 2 / 2, 0) - np.where(times > 2, (times - 2) ** 3 / 6, 0)
    assert z.shape == (31, 1)
    np.testing.assert_allclose(z[:, 0], exact, atol=1e-9)


def test_a_batch_with_arguments_and_a_history_of_time():
    rates = np.array([[0.5], [1.0], [2.0]])
    z = costate.solve_delays(lambda t, z, past, rate: rate * past * costate.exp(rate), lambda t, rate: costate.exp(rate * t), [0.0, 1.5], [1.0],
                             args=[rates], **TIGHT)
    np.testing.assert_allclose(z[:, -1], np.exp(1.5 * rates), rtol=1e-7)
    starts = np.array([[1.0, 0.0], [2.0, 1.0]], np.float32)
    z = costate.solve_delays(lambda t, z, past, other: [-past[1], other[0]], starts, [0.0, 0.5], [1.0, 0.75], rtol=1e-5)
    assert z.dtype == np.float32 and z.shape == (2, 2, 2)
    np.testing.assert_allclose(z[:, -1], starts + 0.5 * np.stack([-starts[:, 1], starts[:, 0]], axis=1), rtol=1e-5)


def test_a_start_that_is_not_the_historys():
    z = costate.solve_delays(falling, lambda t: [2.0], [0.0, 1.0], [1.0], z0=[5.0], **TIGHT)
    np.testing.assert_allclose(z[-1], [3.0], atol=1e-9)


def test_a_lag_and_a_history_have_gradients():
    lag, past = costate.Parameter("lag", [1.2]), costate.Parameter("past", [1.0])
    loss = costate.trace(lambda z0: costate.solve_delays(falling, lambda t: past, [0.0, 2.0], [lag], z0=z0, **TIGHT)[-1, 0], {"z0": (1,)})
    value, *gradients = costate.compile(costate.value_and_grad(loss, wrt=["z0", lag, past]))(np.array([[3.0]]))
    # z = 3 - past t up to the lag, then by minus the integral of that: z(2) = 3 - 1.2 past - 0.8 3 + 0.32 past
    np.testing.assert_allclose(value, [3 - 1.2 - 2.4 + 0.32], atol=1e-8)
    np.testing.assert_allclose(np.concatenate([np.ravel(g) for g in gradients]), [0.2, -1 + 3 - 0.8, -1.2 + 0.32], atol=1e-7)


def test_what_is_refused():
    def call(history, times, lags, **options):
        return costate.solve_delays(falling, history, times, lags, **options)

    with pytest.raises(costate.InvalidArgument, match="lags must be positive and finite; got -1"):
        call([1.0], [0.0, 1.0], [-1.0])
    with pytest.raises(costate.InvalidArgument, match="has a lag; got none"):
        call([1.0], [0.0, 1.0], [])
    with pytest.raises(costate.InvalidArgument, match="times must not descend"):
        call([1.0], [1.0, 0.0], [1.0])
    with pytest.raises(costate.NotSupported, match="steps go by their error"):
        call([1.0], [0.0, 1.0], [1.0], method="rk4")
    with pytest.raises(costate.ShapeError, match="the history must have z0's shape"):
        call(lambda t: [1.0, 2.0], [0.0, 1.0], [1.0], z0=[1.0])
    with pytest.raises(TypeError, match="lags must be numbers; got str"):
        call([1.0], [0.0, 1.0], ["one"])
    with pytest.raises(TypeError, match="rtoll"):
        call([1.0], [0.0, 1.0], [1.0], rtoll=1.0)
    fast = lambda t, z, past: 50 * costate.cos(50 * t) - past  # noqa: E731
    with pytest.raises(costate.SolveFailed, match="set max_piece below 2"):
        costate.solve_delays(fast, [0.0], [0.0, 2.0], [2.0])
    assert np.isnan(costate.solve_delays(fast, [0.0], [0.0, 2.0], [2.0], throw=False)[-1]).all()
    with pytest.raises(ZeroDivisionError):
        costate.solve_delays(lambda t, z, past: 1 / 0, [1.0], [0.0, 1.0], [1.0])
