"""Solves that are watched or gone on from, errors by a user's norm, methods of fixed grids, and what methods there are."""

import pickle

import numpy as np
import pytest

import costate


def swing(t, z):
    return costate.stack([z[1], -costate.sin(z[0])])


STARTS = np.stack([np.linspace(0.2, 2.0, 9), np.linspace(-0.3, 0.3, 9)], axis=1)


def test_callbacks_hear_of_each_attempt():
    seen = {"step": [], "accept": [], "reject": []}
    parts = []
    options = {f"on_{name}": calls.append for name, calls in seen.items()}
    watched = costate.solve(swing, STARTS, [0.0, 5.0], first_step=4.0, progress=parts.append, **options)
    plain = costate.solve(swing, STARTS, [0.0, 5.0], first_step=4.0)
    assert np.array_equal(watched.states, plain.states)
    for sample in range(9):
        count = [sum(step.sample == sample for step in calls) for calls in seen.values()]
        assert count == [plain.accepted[sample] + plain.rejected[sample], plain.accepted[sample], plain.rejected[sample]]
        accepted = [step for step in seen["accept"] if step.sample == sample]
        assert accepted[0].t == 0.0 and np.array_equal(accepted[0].state, STARTS[sample])
        assert all(0 < step.error <= 1 for step in accepted)
        assert sum(step.h for step in accepted) == pytest.approx(5.0, abs=1e-13)
    assert all(step.error > 1 for step in seen["reject"]) and seen["reject"]
    assert parts == sorted(parts) and parts[-1] == 1.0


def test_what_a_callback_raises_ends_the_solve():
    def stop(step):
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        costate.solve(swing, STARTS, [0.0, 5.0], on_accept=stop)
    with pytest.raises(NotImplementedError, match="are for a solve of numbers"):
        costate.trace(lambda z: costate.solve(swing, z, [0.0, 1.0], progress=print), {"z": (2,)})


@pytest.mark.parametrize("z0", [STARTS, STARTS[3], {"angle": 0.4, "speed": [0.1]}])
def test_a_solution_goes_on_where_it_ended(z0):
    is_dict = isinstance(z0, dict)

    def field(t, z):
        return {"angle": z["speed"][0], "speed": costate.stack([-costate.sin(z["angle"])])} if is_dict else swing(t, z)

    first = costate.solve(field, z0, [0.0, 3.0])
    for before in (first, pickle.loads(pickle.dumps(first))):
        second = costate.solve(field, before, [3.0, 5.0, 7.0])
        whole = costate.solve(field, z0, [0.0, 3.0, 5.0, 7.0], stop_at=[3.0])
        for name in ("angle", "speed") if is_dict else (None,):
            mine, others = (found.states if name is None else found.states[name] for found in (second, whole))
            assert np.array_equal(mine[..., -1, :] if mine.ndim > 1 else mine[-1], others[..., -1, :] if others.ndim > 1 else others[-1])
    with pytest.raises(costate.InvalidArgument, match="times must begin where the solve ended, at 3"):
        costate.solve(field, first, [0.0, 1.0])
    with pytest.raises(costate.InvalidArgument, match="a solve of fixed steps cannot be gone on from"):
        costate.solve(field, costate.solve(field, z0, [0.0, 1.0], method="rk4"), [1.0, 2.0])


def test_a_solution_goes_on_in_the_other_direction_of_time():
    def swell(t, z):  # exp(sin(t)) from 1 at t = 0
        return costate.cos(t) * z

    first = costate.solve(swell, np.ones((3, 1)), [0.0, 1.0], rtol=1e-9, atol=1e-11)
    back = costate.solve(swell, first, np.array([[1.0, 0.0], [1.0, 2.0], [1.0, 1.0]]), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(back.states[:, -1, 0], np.exp(np.sin([0.0, 2.0, 1.0])), rtol=1e-7)
    assert back.status == ["ok"] * 3 and back.accepted[2] == 0
    for before in (back, pickle.loads(pickle.dumps(back))):
        times = np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 0.0]])
        again = costate.solve(swell, before, times, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(again.states[:, -1, 0], np.exp(np.sin(times[:, 1])), rtol=1e-7)


@pytest.mark.parametrize("method", ["dopri5", "rodas5p", "auto", "vern9"])
def test_a_solution_without_steps_is_gone_on_from(method):
    for times in ([1.0], [1.0, 1.0]):
        first = costate.solve(swing, STARTS, times, method=method)
        second = costate.solve(swing, first, [1.0, 3.0], method=method)
        assert np.array_equal(second.states, costate.solve(swing, STARTS, [1.0, 3.0], method=method).states)
    none = costate.solve(swing, STARTS[:0], [0.0, 1.0], method=method)
    for before in (none, pickle.loads(pickle.dumps(none))):
        assert costate.solve(swing, before, [1.0, 2.0, 3.0], method=method).states.shape == (0, 3, 2)


def test_a_users_error_norm():
    def rms(errors):
        return costate.sqrt(costate.sum(errors * errors) / 2)

    plain, own = costate.solve(swing, STARTS, [0.0, 5.0]), costate.solve(swing, STARTS, [0.0, 5.0], error_norm=rms)
    assert np.array_equal(plain.accepted, own.accepted)
    np.testing.assert_allclose(own.states, plain.states, rtol=1e-8, atol=1e-10)
    loose = costate.solve(swing, STARTS, [0.0, 5.0], error_norm=lambda errors: 1e-3 * rms(errors))
    assert np.all(loose.accepted < plain.accepted)
    traced = costate.trace(lambda z: costate.solve(swing, z, [0.0, 5.0], error_norm=rms)[1], {"z": (2,)})
    np.testing.assert_allclose(costate.compile(traced)(STARTS)[0], own.states[:, 1], rtol=1e-8)
    with pytest.raises(costate.InvalidArgument, match="norm must be a Function of the 2 errors"):
        costate.solve(swing, STARTS, [0.0, 5.0], error_norm=lambda errors: errors)


def test_methods_are_listed():
    methods = costate.methods()
    assert methods["dopri5"]["adaptive"] and methods["dopri5"]["family"] == "explicit" and methods["dopri5"]["order"] == 5
    assert [name for name, method in methods.items() if method["mass_matrix"]][:2] == ["rodas5p", "radau5"]
    assert "Adams" in methods["explicit_adams"]["description"]
    assert [name for name, method in methods.items() if method["family"] == "multistep"] == ["bdf", "adams"]


@pytest.mark.parametrize("method", ["symplectic_euler", "velocity_verlet", "reversible_heun", "alf", "explicit_adams", "implicit_adams"])
def test_methods_of_a_grid(method):
    truth = costate.solve(swing, STARTS, [0.0, 2.0], method="vern9", rtol=1e-12, atol=1e-13).states[:, 1]
    errors = [np.abs(costate.solve(swing, STARTS, [0.0, 2.0], method=method, step_size=h).states[:, 1] - truth).max() for h in (0.01, 0.005)]
    order = costate.methods()[method]["order"]
    assert errors[0] / errors[1] == pytest.approx(2.0**order, rel=0.25)
    gradients = []
    for adjoint in ("discrete", "reversible"):
        if adjoint == "reversible" and not costate.methods()[method]["reversible"]:
            with pytest.raises(costate.InvalidArgument, match="for methods whose steps can be taken back"):
                costate.solve(swing, STARTS, [0.0, 1.0], method=method, adjoint=adjoint)
            continue
        loss = costate.trace(lambda z: costate.sum(costate.solve(swing, z, [0.0, 2.0], method=method, step_size=0.01, adjoint=adjoint)[1] ** 2), {"z": (2,)})
        gradients.append(costate.compile(costate.value_and_grad(loss))(STARTS)[1])
    np.testing.assert_allclose(gradients[0], gradients[-1], rtol=1e-11, atol=1e-12)


def test_minimize_constrained():
    found = costate.minimize_constrained(lambda x: costate.sum((x - 2) ** 2), np.zeros(3), equations=lambda x: costate.stack([x[0] - x[1]]),
                                         limits=lambda x: costate.stack([costate.sum(x) - 3, x[0] - 10]))
    np.testing.assert_allclose(found.x, [1, 1, 1], atol=1e-6)
    assert found.violation < 1e-7 and found.limit_multipliers[0] == pytest.approx(2, abs=1e-5) and found.limit_multipliers[1] == 0
    assert found.rounds > 0 and found.steps > 0 and "ConstrainedMinimum" in repr(found)
    with pytest.raises(ValueError):
        costate.minimize_constrained(lambda x: x, np.zeros(3))
