"""Events of solves: bounces, doses, ends; in batches of numbers and inside traces."""

import dataclasses
import gc
import pickle
import weakref

import costate
import numpy as np
import pytest

GRAVITY = 9.81


def fall(t, z):
    return costate.stack([z[1], -GRAVITY])


def ground(**options):
    return costate.Event(lambda t, z: z[0], lambda t, z: costate.stack([0.0, -0.8 * z[1]]), direction="falling", **options)


def test_a_ball_bounces():
    solution = costate.solve(fall, [1.0, 0.0], [0.0, 1.0, 2.0], events=[ground()])
    first = np.sqrt(2 / GRAVITY)
    np.testing.assert_allclose(solution.event_times[:2], [first, first * 2.6], rtol=1e-11)
    np.testing.assert_array_equal(solution.event_numbers, np.zeros(len(solution.event_times)))
    np.testing.assert_allclose(solution.event_states[0], [0, -GRAVITY * first], atol=1e-11)


def test_a_batch_has_events_of_each_sample():
    starts = np.array([[0.5, 0.0], [100.0, 0.0], [2.0, 1.0]])
    solution = costate.solve(fall, starts, [0.0, 2.0], events=[ground(terminal=2)])
    assert [len(times) for times in solution.event_times] == [2, 0, 2]
    assert solution.event_states[1].shape == (0, 2)
    assert np.isnan(solution.states[0, 1]).all() and np.isfinite(solution.states[1]).all()
    again = pickle.loads(pickle.dumps(solution))
    np.testing.assert_array_equal(again.event_times[2], solution.event_times[2])
    np.testing.assert_array_equal(again.event_states[2], solution.event_states[2])


def test_events_with_args_and_parameters():
    level = costate.Parameter("level", [0.25])
    done = costate.Event(lambda t, z, rate: z[0] - level[0], terminal=True)
    rates = np.array([[0.5], [2.0]])
    solution = costate.solve(lambda t, z, rate: -rate * z, np.ones((2, 1)), [0.0, 9.0], args=[rates], rtol=1e-10, atol=1e-12, events=[done])
    np.testing.assert_allclose([times[0] for times in solution.event_times], np.log(4) / rates[:, 0], rtol=1e-9)


def test_gradients_inside_a_trace():
    level = costate.Parameter("level", [0.25])

    def half_life(z0, rate):
        done = costate.Event(lambda t, z: z[0] - level[0], terminal=True)
        solution = costate.solve(lambda t, z: -rate * z, z0, [0.0, 9.0], rtol=1e-10, atol=1e-12, events=[done], max_events=2)
        assert solution.states.shape == (2, 1) and solution.event_states.shape == (2, 1) and solution.event_numbers.shape == (2,)
        return costate.stack([solution.event_times[0], solution.count])

    traced = costate.trace(lambda z0, rate: half_life(z0, rate)[0], {"z0": (1,), "rate": (1,)})
    value, by_z0, by_rate, by_level = costate.compile(costate.value_and_grad(traced))(np.array([[1.0]]), np.array([[0.5]]))
    time = np.log(4) / 0.5
    np.testing.assert_allclose(value, [time], rtol=1e-9)
    np.testing.assert_allclose(by_z0, [[1 / 0.5]], rtol=1e-7)
    np.testing.assert_allclose(by_rate, [[-time / 0.5]], rtol=1e-7)
    np.testing.assert_allclose(by_level, [-1 / (0.5 * 0.25)], rtol=1e-7)
    (counts,) = costate.compile(costate.trace(half_life, {"z0": (1,), "rate": (1,)}))(np.array([[1.0]]), np.array([[0.5]]))
    assert counts[0, 1] == 1


def test_forward_derivatives_and_second_ones():
    level = costate.Parameter("level", [0.25])

    def half_life(z0, rate, **options):
        done = costate.Event(lambda t, z: z[0] - level[0], terminal=True)
        return costate.solve(lambda t, z: -rate * z, z0, [0.0, 9.0], rtol=1e-10, atol=1e-12, events=[done], **options).event_times[0]

    shapes, z0, rate = {"z0": (1,), "rate": (1,)}, np.array([[1.0]]), np.array([[0.5]])
    traced = costate.trace(half_life, shapes)
    time = np.log(4) / 0.5
    _, by_z0, by_rate, by_level = costate.compile(costate.jacobian(traced))(z0, rate)
    for found, expected in zip((by_z0, by_rate, by_level), (1 / 0.5, -time / 0.5, -1 / (0.5 * 0.25))):
        np.testing.assert_allclose(np.ravel(found), [expected], rtol=1e-7)
    moved = costate.compile(costate.jvp(traced, ["z0", "rate"]))(z0, rate, np.array([[1.0]]), np.array([[2.0]]))
    np.testing.assert_allclose(moved[1], [1 / 0.5 - 2 * time / 0.5], rtol=1e-7)
    forward = costate.value_and_grad(costate.trace(lambda z0, rate: half_life(z0, rate, adjoint="forward"), shapes))
    np.testing.assert_allclose([np.ravel(one)[0] for one in costate.compile(forward)(z0, rate)[1:]], [2, -time / 0.5, -8], rtol=1e-7)
    second = costate.compile(costate.hessian(traced, ["z0", "rate"]))(z0, rate)[1:]
    np.testing.assert_allclose([np.ravel(one)[0] for one in second], [-2, -4, -4, 2 * time / 0.25], rtol=1e-6)


def test_an_event_of_a_trace_makes_a_solve_of_numbers_part_of_it():
    def end(level):
        done = costate.Event(lambda t, z: z[0] - level, terminal=True)
        return costate.solve(lambda t, z: -z, [1.0], [0.0, 9.0], rtol=1e-10, atol=1e-12, events=[done]).event_times[0]

    value, by_level = costate.compile(costate.value_and_grad(costate.trace(end, {"level": ()})))(0.5)
    np.testing.assert_allclose([value, by_level], [np.log(2), -2], rtol=1e-7)


def test_dense_output():
    solution = costate.solve(lambda t, z: -z, np.ones((3, 1)), [0.0, 2.0], rtol=1e-9, atol=1e-11, dense=True)
    times = np.linspace(0, 2, 7)
    dense = solution.dense
    np.testing.assert_allclose(dense(times)[:, :, 0], np.exp(-times)[None].repeat(3, 0), rtol=1e-7)
    np.testing.assert_allclose(dense.slopes(times)[:, :, 0], -np.exp(-times)[None].repeat(3, 0), rtol=1e-5)
    assert dense.step_times[0][0] == 0 and dense.step_times[0][-1] == 2
    again = pickle.loads(pickle.dumps(dense))
    np.testing.assert_array_equal(again(times), dense(times))
    one = costate.solve(lambda t, z: -z, [1.0], [0.0, 2.0], dense=True).dense
    assert one(times).shape == (7, 1) and one(0.5).shape == (1,)
    assert len(one.step_times.shape) == 1
    with pytest.raises(ValueError, match="must be between 0 and 2"):
        one(3.0)


def test_a_state_of_several_arrays():
    def falls(t, ball):
        return {"height": ball["speed"], "speed": -GRAVITY * costate.ones((1,))}

    below = costate.Event(
        lambda t, ball: ball["height"], lambda t, ball: {"height": 0.0 * ball["height"], "speed": -0.8 * ball["speed"]}, direction="falling"
    )
    start, times = {"height": np.ones((2, 1)), "speed": np.zeros((2, 1))}, [0.0, 0.4, 1.0]
    plain = costate.solve(fall, [1.0, 0.0], times, events=[ground()], dense=True, method="rodas5p")
    solution = costate.solve(falls, start, times, events=[below], dense=True, method="rodas5p")
    np.testing.assert_allclose(solution.states["speed"][1, :, 0], plain.states[:, 1], atol=1e-11)
    np.testing.assert_allclose(solution.event_states[1]["speed"][:, 0], plain.event_states[:, 1], rtol=1e-11)
    for one in (solution, pickle.loads(pickle.dumps(solution))):
        np.testing.assert_allclose(one.dense(0.2)["height"], [[1 - GRAVITY / 2 * 0.04]] * 2, rtol=1e-11)
        np.testing.assert_allclose(one.dense.slopes([0.2])["height"], [[[-GRAVITY * 0.2]]] * 2, rtol=1e-11)
        assert one.event_states[0]["height"].shape == (1, 1)
    with pytest.raises(ValueError, match=r"\[Event\] the reset must give a dict with the keys"):
        costate.solve(falls, start, times, events=[costate.Event(lambda t, ball: ball["height"], lambda t, ball: ball["height"])])
    with pytest.raises(NotImplementedError, match="events are for a state of one array"):
        costate.trace(lambda h: costate.solve(falls, {"height": h, "speed": h}, times, events=[below]).states, {"h": (1,)})


def test_what_is_refused():
    with pytest.raises(NotImplementedError, match="an event takes steps that go by their error"):
        costate.solve(fall, [1.0, 0.0], [0.0, 1.0], events=[ground()], method="rk4")
    with pytest.raises(ValueError, match="direction"):
        costate.Event(lambda t, z: z[0], direction="up")
    with pytest.raises(ValueError, match="terminal must be at least 0"):
        costate.Event(lambda t, z: z[0], terminal=-1)
    with pytest.raises(TypeError, match="terminal must be True, False or a number"):
        costate.Event(lambda t, z: z[0], terminal="yes")
    with pytest.raises(TypeError, match="reset must be a callable"):
        costate.Event(lambda t, z: z[0], 1.0)
    with pytest.raises(TypeError, match=r"a list of costate\.Event"):
        costate.solve(fall, [1.0, 0.0], [0.0, 1.0], events=[lambda t, z: z[0]])
    with pytest.raises(ValueError, match="g must give one number"):
        costate.solve(fall, [1.0, 0.0], [0.0, 1.0], events=[costate.Event(lambda t, z: z)])
    with pytest.raises(TypeError, match="was given no events"):
        costate.solve(fall, [1.0, 0.0], [0.0, 1.0]).event_times  # noqa: B018
    with pytest.raises(TypeError, match="dense=True"):
        costate.solve(fall, [1.0, 0.0], [0.0, 1.0]).dense  # noqa: B018


def test_what_newcomers_do():
    def solve(event, field=lambda t, z: [z[1], -9.81], **options):
        return costate.solve(field, [1.0, 0.0], [0.0, 0.6], events=[event], **options)

    with pytest.raises(costate.InvalidArgument, match="got a comparison, which is 0 or 1. Take the difference of its sides"):
        solve(costate.Event(lambda t, z: z[0] > 0))
    with pytest.raises(costate.DtypeError, match=r"\[Event\] g must give a number; got None. Does it return what it computes\?"):
        solve(costate.Event(lambda t, z: None))
    with pytest.raises(costate.DtypeError, match="the reset must give an array or a list of numbers; got None"):
        solve(costate.Event(lambda t, z: z[0], lambda t, z: None))
    with pytest.raises(costate.DtypeError, match=r"\[vector_field\] f must give an array or a list of numbers; got None"):
        solve(costate.Event(lambda t, z: z[0]), lambda t, z: None)
    with pytest.raises(costate.SolveFailed, match="an event's g or what a reset gives is inf or NaN"):
        solve(costate.Event(lambda t, z: np.nan * z[0]))
    bounce = costate.Event(lambda t, z: z[0], lambda t, z: costate.stack([0.0, -0.1 * z[1]]), direction="falling")
    with pytest.raises(costate.SolveFailed, match="events that come faster and faster"):
        solve(bounce, max_steps=200)
    with pytest.raises(costate.InvalidArgument, match="max_events must be at least 1 and at most 100000; got 2147483648"):
        costate.trace(lambda z0: costate.solve(lambda t, z: -z, z0, [0.0, 1.0], events=[bounce], max_events=2**31).states, {"z0": (2,)})
    clipped = solve(costate.Event(lambda t, z: costate.maximum(z[0], 0.0)))  # zero from the ground on
    np.testing.assert_allclose(clipped.event_times, [np.sqrt(2 / 9.81)], rtol=1e-12)


def test_a_solution_whose_state_knows_its_module_is_collected():
    def known():
        spring = dataclasses.make_dataclass("Spring", ["x", "v"])
        solution = costate.solve(lambda t, z: type(z)(z.v, -z.x), spring(1.0, 0.0), [0.0, 1.0], dense=True)
        spring.solution, spring.dense = solution, solution.dense  # as the module does that has both
        return weakref.ref(spring)

    spring = known()
    gc.collect()
    assert spring() is None


def test_max_events_is_for_traces():
    with pytest.raises(costate.CallError, match="max_events is for a solve inside a trace; one of numbers gives all events"):
        costate.solve(fall, [1.0, 0.0], [0.0, 1.0], events=[ground()], max_events=3)


def test_rest_ends_a_solve():
    solution = costate.solve(lambda t, z: -z, np.array([[1.0], [10.0]]), [0.0, 100.0], rtol=1e-9, atol=1e-12, events=[costate.rest_event(1e-3)])
    np.testing.assert_allclose([times[0] for times in solution.event_times], [np.log(1e3), np.log(1e4)], rtol=1e-7)
    with pytest.raises(ValueError, match=r"\[rest_event\] rate must be positive; got 0"):
        costate.rest_event(0.0)
