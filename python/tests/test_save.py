"""Solves that keep a function of their states."""

import pickle

import costate
import numpy as np
import pytest


def swing(t, z, push):
    return costate.stack([z[1], push[0] - costate.sin(z[0])])


STARTS = np.stack([np.linspace(0.2, 2.0, 9), np.linspace(-0.3, 0.3, 9)], axis=1)
PUSHES = np.linspace(0.0, 0.5, 9)[:, None]
TIMES = np.linspace(0, 5, 21)


def test_what_is_kept_is_a_function_of_the_states():
    plain = costate.solve(swing, STARTS, TIMES, args=[PUSHES])
    kept = costate.solve(swing, STARTS, TIMES, args=[PUSHES], save=lambda t, z, push: z[0] * push[0] + t)
    assert kept.states.shape == (9, 21)
    np.testing.assert_allclose(kept.states, plain.states[:, :, 0] * PUSHES + TIMES, rtol=1e-14, atol=1e-14)
    one = costate.solve(swing, STARTS[3], TIMES, args=[PUSHES[3]], save=lambda t, z, push: [z[1], 2.0 * z[0]])
    np.testing.assert_allclose(one.states, plain.states[3][:, ::-1] * [1, 2], rtol=1e-14, atol=1e-14)
    on = costate.solve(swing, kept, [5.0, 6.0], args=[PUSHES])
    assert np.array_equal(on.states[:, 0], plain.states[:, -1])


def test_structures():
    def save(t, z, push):
        return {"energy": z[1] ** 2 / 2 - costate.cos(z[0]), "both": (z, push * t)}

    plain = costate.solve(swing, STARTS, TIMES, args=[PUSHES])
    kept = costate.solve(swing, STARTS, TIMES, args=[PUSHES], save=save)
    for solution in (kept, pickle.loads(pickle.dumps(kept))):
        np.testing.assert_allclose(solution.states["energy"], plain.states[..., 1] ** 2 / 2 - np.cos(plain.states[..., 0]), rtol=1e-13)
        assert np.array_equal(solution.states["both"][0], plain.states)
        assert solution.states["both"][1].shape == (9, 21, 1)
    assert "energy" in repr(kept)

    def falls(t, ball):
        return {"height": ball["speed"], "speed": -9.81 * costate.ones((1,))}

    start = {"height": np.ones((2, 1)), "speed": np.zeros((2, 1))}
    found = costate.solve(falls, start, [0.0, 0.4], save=lambda t, ball: ball["height"] * 2.0)
    np.testing.assert_allclose(found.states[:, 1, 0], 2 * (1 - 9.81 / 2 * 0.16), rtol=1e-12)


def test_inside_a_trace():
    weight = costate.Parameter("weight", [2.0])

    def loss(z0, by_hand):
        rate = costate.exp(z0[0])
        if by_hand:
            return costate.sum(weight * rate * costate.solve(lambda t, z: -rate * z, z0, [0.0, 0.5, 1.0])[:, 1])
        return costate.sum(costate.solve(lambda t, z: -rate * z, z0, [0.0, 0.5, 1.0], save=lambda t, z: weight * rate * z[1]))

    z0 = np.array([[0.3, 1.0], [-0.2, 0.7]])
    found, expected = (
        costate.compile(costate.value_and_grad(costate.trace(lambda z0, hand=hand: loss(z0, hand), {"z0": (2,)})))(z0) for hand in (False, True)
    )
    for mine, other in zip(found, expected):
        np.testing.assert_allclose(mine, other, rtol=1e-12)
    traced = costate.trace(lambda z0: costate.solve(lambda t, z: -z, z0, [0.0, 1.0], save=lambda t, z: {"twice": 2.0 * z})["twice"], {"z0": (2,)})
    np.testing.assert_allclose(costate.compile(traced)(z0)[0][:, 1], 2 * z0 * np.exp(-1), rtol=1e-5)


def test_with_events():
    done = costate.Event(lambda t, z: z[0] - 0.5, terminal=True)
    kept = costate.solve(lambda t, z: -z, [1.0], [0.0, 0.5, 1.0], events=[done], save=lambda t, z: costate.where(z[0] > 0.0, 1.0, 2.0))
    np.testing.assert_array_equal(kept.states, [1, 1, np.nan])
    np.testing.assert_allclose(kept.event_states, [[0.5]])

    def ended(z0):
        solution = costate.solve(lambda t, z: -z, z0, [0.0, 0.3, 1.0], events=[done], save=lambda t, z: 3.0 * z[0])
        return costate.stack([solution.states[1], solution.event_states[0, 0]])

    (value,) = costate.compile(costate.trace(ended, {"z0": (1,)}))(np.array([[0.8]]))
    np.testing.assert_allclose(value, [[3 * 0.8 * np.exp(-0.3), 0.5]], rtol=1e-6)


def test_what_is_refused():
    solve = lambda **options: costate.solve(lambda t, z: -z, [1.0], [0.0, 1.0], **options)
    with pytest.raises(TypeError, match=r"\[solve\] save must be a callable save\(t, z, ...\) or None; got float"):
        solve(save=1.0)
    with pytest.raises(costate.DtypeError, match="save must give an array, or several in a dict, tuple or dataclass; got None"):
        solve(save=lambda t, z: None)
    with pytest.raises(NotImplementedError, match="save is for the states at the times; got dense=True as well"):
        solve(save=lambda t, z: z, dense=True)
    with pytest.raises(NotImplementedError, match="dense=True and save are for a solve from a z0"):
        costate.solve(lambda t, z: -z, solve(), [1.0, 2.0], save=lambda t, z: z)
    with pytest.raises(NotImplementedError, match="a save function is for steps of Costate's own; 'bdf' takes SUNDIALS'"):
        solve(save=lambda t, z: z, method="bdf")
