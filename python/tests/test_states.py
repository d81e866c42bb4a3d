"""States of several arrays: the same structure in, in the field and out, with the bits of one flat state."""

import collections
import dataclasses
import pickle
import re

import costate
import numpy as np
import pytest


@dataclasses.dataclass(frozen=True)
class Body:
    position: object
    velocity: object

    def __post_init__(self):
        if len(self.position) != len(self.velocity):
            raise ValueError("a position and a velocity of unequal lengths")


Oscillator = collections.namedtuple("Oscillator", ["x", "v"])
TIMES = np.linspace(0, 2, 5)


def flat_field(t, z):  # x'' = -x - 0.1 v, of two numbers each
    return costate.concat([z[2:], -z[:2] - 0.1 * z[2:]])


def flat_states(z0, **options):
    return costate.solve(flat_field, z0, TIMES, **options).states


# One oscillator of two numbers, in each structure: the state, the field, and what to read x and v by.
def dict_field(t, z):
    return {"v": -z["x"] - 0.1 * z["v"], "x": z["v"]}  # in any order


def tuple_field(t, z):
    return z[1], -z[0] - 0.1 * z[1]


def named_field(t, z):
    return Oscillator(x=z.v, v=-z.x - 0.1 * z.v)


def class_field(t, z):
    return Body(position=z.velocity, velocity=-z.position - 0.1 * z.velocity)


def nested_field(t, z):
    return {"body": Oscillator(z["body"].v, -z["body"].x - 0.1 * z["body"].v)}


STRUCTURES = {
    "dict": (lambda x, v: {"x": x, "v": v}, dict_field, lambda z: (z["x"], z["v"])),
    "tuple": (lambda x, v: (x, v), tuple_field, lambda z: z),
    "named tuple": (Oscillator, named_field, lambda z: z),
    "dataclass": (Body, class_field, lambda z: (z.position, z.velocity)),
    "nested": (lambda x, v: {"body": Oscillator(x, v)}, nested_field, lambda z: tuple(z["body"])),
}
each_structure = pytest.mark.parametrize("make, field, parts", STRUCTURES.values(), ids=STRUCTURES)


@each_structure
def test_one_sample_has_the_bits_of_the_flat_state(make, field, parts):
    x, v = np.array([1.0, 0.5]), np.array([0.0, -0.2])
    solution = costate.solve(field, make(x, v), TIMES)
    flat = flat_states(np.concatenate([x, v]))
    assert type(solution.states) is type(make(x, v))
    assert np.array_equal(parts(solution.states)[0], flat[:, :2]) and np.array_equal(parts(solution.states)[1], flat[:, 2:])
    assert solution.status == "ok" and solution.nfe > 0


@each_structure
def test_a_batch_has_the_bits_of_its_samples(make, field, parts):
    random = np.random.default_rng(0)
    x, v = random.normal(size=(2, 7, 2))
    states = parts(costate.solve(field, make(x, v), TIMES).states)
    assert states[0].shape == states[1].shape == (7, 5, 2)
    for i in (0, 6):
        alone = parts(costate.solve(field, make(x[i], v[i]), TIMES).states)
        assert np.array_equal(states[0][i], alone[0]) and np.array_equal(states[1][i], alone[1])


@each_structure
def test_gradients_of_a_traced_solve(make, field, parts):
    def loss(x, v):
        end = costate.solve(field, make(x, v), TIMES, rtol=1e-8, atol=1e-10)
        return costate.sum(parts(end)[0][-1]) + costate.sum(costate.square(parts(end)[1][-1]))

    def flat_loss(x, v):
        end = costate.solve(flat_field, costate.concat([x, v]), TIMES, rtol=1e-8, atol=1e-10)[-1]
        return costate.sum(end[:2]) + costate.sum(costate.square(end[2:]))

    shapes = {"x": (2,), "v": (2,)}
    x, v = np.random.default_rng(1).normal(size=(2, 3, 2))
    for found, expected in zip(costate.compile(costate.value_and_grad(costate.trace(loss, shapes)))(x, v),
                               costate.compile(costate.value_and_grad(costate.trace(flat_loss, shapes)))(x, v)):
        assert np.array_equal(found, expected)


def test_each_sample_at_times_of_its_own():
    starts = {"x": np.array([[1.0], [2.0]]), "v": np.zeros((2, 1))}
    times = np.array([[0.0, 1.0, 2.0], [0.0, 0.5, 3.0]])
    states = costate.solve(lambda t, z: {"x": z["v"], "v": -z["x"]}, starts, times, rtol=1e-10, atol=1e-12).states
    np.testing.assert_allclose(states["x"][..., 0], [[1.0], [2.0]] * np.cos(times), atol=1e-8)


def test_matrices_and_numbers_in_one_state():
    """W' = -W, m' = sum(W): closed form, and arrays of any shape."""
    start = {"W": np.arange(6.0).reshape(2, 3), "m": 0.0}
    field = costate.vector_field(lambda t, z: {"W": -z["W"], "m": costate.sum(z["W"])}, {"W": (2, 3), "m": ()})
    one = costate.solve(field, start, [0.0, 1.0], rtol=1e-10, atol=1e-12)
    assert one.states["W"].shape == (2, 2, 3) and one.states["m"].shape == (2,)
    np.testing.assert_allclose(one.states["W"][-1], start["W"] * np.exp(-1), rtol=1e-8)
    np.testing.assert_allclose(one.states["m"][-1], 15 * (1 - np.exp(-1)), rtol=1e-8)
    both = costate.solve(field, {"m": np.zeros(2), "W": np.stack([start["W"]] * 2)}, [0.0, 1.0], rtol=1e-10, atol=1e-12)
    assert np.array_equal(both.states["W"][1], one.states["W"]) and np.array_equal(both.states["m"][1], one.states["m"])
    assert repr(field) == "VectorField(z.W: [2, 3], z.m: [])"
    assert repr(one) == "Solution(states=(W: [2, 2, 3], m: [2]), 1 of 1 ok)"


def test_numbers_alone_are_one_sample():
    states = costate.solve(lambda t, z: Oscillator(z.v, -z.x), Oscillator(x=1.0, v=0), [0.0, 1.0], rtol=1e-9, atol=1e-9).states
    assert states.x.shape == (2,)
    np.testing.assert_allclose(states.x, np.cos([0.0, 1.0]), atol=1e-7)


def test_a_tuple_or_list_of_numbers_is_one_array():
    assert costate.solve(lambda t, z: (z[1], -z[0]), (1.0, 0.0), TIMES).states.shape == (5, 2)
    assert costate.solve(lambda t, z: [z[1], -z[0]], [[1.0, 0.0]], TIMES).states.shape == (1, 5, 2)


def test_a_tolerance_for_each_array():
    field = lambda t, z: {"z": -0.7 * z["z"], "cost": costate.square(z["z"])}
    with_cost = costate.solve(field, {"z": [1.3], "cost": [0.0]}, [0.0, 2.0], rtol=1e-9, atols=[1e-10, np.inf])
    without = costate.solve(lambda t, y: -0.7 * y, [1.3], [0.0, 2.0], rtol=1e-9, atol=1e-10)
    assert np.array_equal(with_cost.states["z"], without.states) and with_cost.accepted == without.accepted


def test_arguments_captured_arrays_and_f32():
    field = lambda t, z, rate: {"x": -rate * z["x"]}
    states = costate.solve(field, {"x": np.ones((2, 1), np.float32)}, [0.0, 1.0], args=[np.array([[1.0], [2.0]], np.float32)]).states
    assert states["x"].dtype == np.float32
    np.testing.assert_allclose(states["x"][:, -1, 0], np.exp([-1.0, -2.0]), rtol=1e-4)

    end = costate.trace(lambda rate: costate.solve(lambda t, z: {"x": -rate * z["x"]}, {"x": [1.0]}, [0.0, 1.0])["x"][-1, 0], {"rate": ()})
    np.testing.assert_allclose(costate.compile(end)(2.0)[0], np.exp(-2), rtol=1e-4)


def test_a_solution_can_be_pickled():
    solution = costate.solve(named_field, Oscillator([1.0, 0.0], [0.0, 1.0]), TIMES)
    again = pickle.loads(pickle.dumps(solution))
    assert type(again.states) is Oscillator and np.array_equal(again.states.v, solution.states.v)


XV = {"x": [1.0], "v": [0.0]}


@pytest.mark.parametrize("run, error, message", [
    (lambda: costate.solve(lambda t, z: {"x": z["v"]}, XV, TIMES), costate.ShapeError,
     "[vector_field] f must give a dict with the keys 'x', 'v'; got a dict with the keys 'x'."),
    (lambda: costate.solve(lambda t, z: z["v"], XV, TIMES), costate.ShapeError, "must give a dict with the keys 'x', 'v'; got costate.Array."),
    (lambda: costate.solve(lambda t, z: {"x": z["v"], "v": costate.concat([z["x"], z["x"]])}, XV, TIMES), costate.ShapeError,
     "the derivative of 'z.v' must have its shape [1]; got [2]."),
    (lambda: costate.solve(lambda t, z: {"a": (z["a"][0],)}, {"a": (np.ones(1), np.ones(1))}, TIMES), costate.ShapeError,
     "must give a tuple of 2 for z.a; got a tuple of 1."),
    (lambda: costate.solve(lambda t, z: z, {"x": np.ones((3, 2)), "m": 1.0}, TIMES), costate.ShapeError,
     "the first axis of each is the batch; got z0.x [3, 2] and z0.m []."),
    (lambda: costate.solve(lambda t, z: z, {"x": np.ones((3, 2)), "y": np.ones((4, 2))}, TIMES), costate.ShapeError,
     "got z0.x [3, 2] and z0.y [4, 2]."),
    (lambda: costate.solve(lambda t, z: z, {}, TIMES), costate.ShapeError, "z0 must hold at least one array; got an empty dict."),
    (lambda: costate.solve(lambda t, z: z, {"x": None}, TIMES), costate.DtypeError, "z0.x must be an array of numbers; got None."),
    (lambda: costate.solve(lambda t, z: z, {"x": np.ma.masked_equal([1.0, 2.0], 2.0)}, TIMES), costate.DtypeError, "z0.x must be an array of numbers; got a masked array"),
    (lambda: costate.solve(lambda t, z: z, {"x": [[1.0], [1.0, 2.0]]}, TIMES), costate.ShapeError, "z0.x must be an array of numbers; got a list whose parts have different shapes."),
    (lambda: costate.solve(costate.vector_field(lambda t, z: z, {"x": (2,)}), {"x": [1.0]}, TIMES), costate.ShapeError,
     "z0.x must have shape [2], or [batch] + [2] like the others; got [1]."),
    (lambda: costate.solve(costate.vector_field(lambda t, z: z, {"x": (2,)}), [1.0, 2.0], TIMES), costate.ShapeError,
     "[solve] z0 must be a dict with the keys 'x'; got a list of 2."),
    (lambda: costate.solve(costate.vector_field(lambda t, z: z, (1,)), XV, TIMES), costate.ShapeError,
     "the VectorField has one array for a state; got z0 with several (dict)."),
    (lambda: costate.vector_field(lambda t, z: z, {"x": "2"}), costate.CallError, "a shape must be an integer or a sequence of integers"),
    (lambda: costate.trace(lambda x: costate.solve(costate.vector_field(lambda t, z: z, {"x": (2,)}), {"x": x}, TIMES)["x"], {"x": (3,)}),
     costate.ShapeError, "[solve] z0.x must have shape [2]; got [3]."),
    (lambda: costate.solve(lambda t, z: Oscillator(z.v, -z.x), Body([1.0], [0.0]), TIMES), AttributeError, "v"),
    (lambda: costate.solve(lambda t, z: Oscillator(z.velocity, -z.position), Body([1.0], [0.0]), TIMES), costate.ShapeError,
     "f must give a Body of position, velocity; got a test_states.Oscillator of 2."),
])
def test_what_does_not_fit(run, error, message):
    with pytest.raises(error, match=re.escape(message)):
        run()
