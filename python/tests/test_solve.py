import doctest
import inspect
import pathlib
import re
import threading
import time

import costate
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

METHODS = ["euler", "midpoint", "heun2", "ralston", "heun3", "rk4", "rk4_classic", "adaptive_heun", "fehlberg2", "bosh3", "dopri5", "tsit5",
           "vern7", "dop853", "dopri8", "vern9"]


def lotka_volterra(t, z):
    return costate.stack([1.5 * z[0] - z[0] * z[1], z[0] * z[1] - 3 * z[1]])


def truth(rhs, z0, times):
    return solve_ivp(rhs, (times[0], times[-1]), z0, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-13).y.T


def lotka_volterra_numpy(t, z):
    return [1.5 * z[0] - z[0] * z[1], z[0] * z[1] - 3 * z[1]]


def test_doctests():
    assert doctest.testmod(costate).failed == 0
    runner = doctest.DocTestRunner()
    functions = [name for name in costate.__all__ if ">>>" in (getattr(costate, name).__doc__ or "")]
    for name in functions:
        for test in doctest.DocTestFinder().find(getattr(costate, name), name, globs={}):
            runner.run(test)
    assert runner.failures == 0
    assert {"solve", "fit", "fit_table", "trace", "save", "value_and_grad", "jacobian", "hessian"} <= set(functions)


@pytest.mark.parametrize("name", ["solve", "fit", "fit_table", "trace", "compile", "value_and_grad", "jacobian", "hessian", "jvp", "save", "load"])
def test_help_says_what_each_argument_is(name):
    function = getattr(costate, name)
    assert len(function.__doc__.splitlines()) > 4
    for argument in inspect.signature(function).parameters:
        assert re.search(rf"\b{argument}\b", function.__doc__), argument


def test_value_and_grad_says_that_gradients_are_summed():
    assert "summed\nover the batch" in costate.value_and_grad.__doc__


def test_the_stub_says_what_comes_back():
    stub = (pathlib.Path(costate.__file__).parent / "_core.pyi").read_text()
    assert "def states(self) -> numpy.ndarray" in stub
    assert re.search(r"def solve\(.*\) -> Any:", stub)


IMPLICIT = ["rodas5p", "kvaerno3", "kvaerno5", "trbdf2", "radau5"]
IMPLICIT_FIXED = ["implicit_euler", "implicit_midpoint", "trapezoid", "sdirk2", "radauIIA3", "radauIIA5", "gl4", "gl6"]


def fast_decay(t, z):
    """z follows cos t, from which it is torn back at rate 1e4."""
    return costate.stack([-1e4 * (z[0] - costate.cos(t)) - costate.sin(t), z[0] - z[1]])


@pytest.mark.parametrize("method", IMPLICIT + IMPLICIT_FIXED)
def test_implicit_methods_take_long_steps_on_a_stiff_field(method):
    is_fixed = method in IMPLICIT_FIXED
    found = costate.solve(fast_decay, [1.0, 0.0], [0.0, 1.0, 3.0], method=method, steps_per_interval=20 if is_fixed else 0)
    exact = [(np.cos(t) + np.sin(t) - np.exp(-t)) / 2 for t in (1.0, 3.0)]
    np.testing.assert_allclose(found.states[1:, 0], np.cos([1.0, 3.0]), atol=3e-3 if is_fixed else 1e-4)
    np.testing.assert_allclose(found.states[1:, 1], exact, atol=0.05 if method == "implicit_euler" else 3e-3)
    assert np.max(found.accepted) < 1000


def test_an_explicit_method_that_meets_stiffness_names_implicit_ones():
    with pytest.raises(costate.SolveFailed, match="take an implicit method, 'rodas5p' or 'kvaerno5'"):
        costate.solve(fast_decay, [1.0, 0.0], [0.0, 100.0], max_steps=20_000)


def test_gradients_through_implicit_methods_are_those_of_the_solution():
    def loss(z0, rate):
        states = costate.solve(lambda t, z: costate.stack([-rate[0] * (z[0] - z[1] * z[1]), -0.5 * z[1]]), z0, [0.0, 2.0], method="rodas5p", rtol=1e-9,
                               atol=1e-11)
        return states[1, 0]

    value, by_z0, by_rate = costate.compile(costate.value_and_grad(costate.trace(loss, {"z0": (2,), "rate": (1,)})))([[1.0, 1.2]], [[1e3]])
    # z0 of the second number falls as exp(-t / 2); the first follows its square: k / (k - 1) z1(t)^2 + what decays.
    assert abs(value[0] - 1e3 / 999 * 1.44 * np.exp(-2.0)) < 1e-8
    np.testing.assert_allclose(by_z0[0], [0.0, 1e3 / 999 * 2.4 * np.exp(-2.0)], atol=1e-7)
    np.testing.assert_allclose(by_rate[0], [-1 / 999**2 * 1.44 * np.exp(-2.0)], rtol=1e-5)


def test_a_mass_matrix_with_a_row_of_zeros_is_an_algebraic_equation():
    field = lambda t, y: costate.stack([-y[1], y[0] - y[1]])
    found = costate.solve(field, [1.0, 1.0], [0.0, 2.0], method="radau5", rtol=1e-8, atol=1e-10, mass_matrix=[1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(found.states[-1], np.exp(-2.0), rtol=1e-6)
    as_matrix = costate.solve(field, [1.0, 1.0], [0.0, 2.0], method="radau5", rtol=1e-8, atol=1e-10, mass_matrix=np.diag([1.0, 0.0]))
    assert np.array_equal(as_matrix.states, found.states)
    with pytest.raises(costate.ShapeError, match=r"a square matrix, or its numbers row by row; got shape \[1, 2\]"):
        costate.solve(field, [1.0, 1.0], [0.0, 2.0], method="radau5", mass_matrix=[[1.0, 0.0]])
    with pytest.raises(costate.SolveFailed, match="the equations do not determine the state"):
        costate.solve(lambda t, z: [-z[0], 0 * z[1]], [1.0, 1.0], [0.0, 2.0], method="rodas5p", mass_matrix=np.diag([1.0, 0.0]))
    with pytest.raises(costate.InvalidArgument, match="mass_matrix must have 2 x 2 numbers"):
        costate.solve(field, [1.0, 1.0], [0.0, 2.0], method="radau5", mass_matrix=[1.0])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_against_scipy(method):
    times = np.linspace(0, 2, 5)
    solution = costate.solve(lotka_volterra, [1.0, 1.0], times, method=method, rtol=1e-7, atol=1e-9,
                             steps_per_interval=2000 if method in METHODS[:7] else 0)
    tolerance = {"euler": 2e-3}.get(method, 1e-4)
    np.testing.assert_allclose(solution.states, truth(lotka_volterra_numpy, [1, 1], times), rtol=tolerance)
    assert solution.status == "ok" and solution.nfe > 0


def test_a_batch_equals_its_samples_to_the_bit():
    starts = np.random.default_rng(0).uniform(0.5, 2, (37, 2))
    times = np.linspace(0, 3, 4)
    together = costate.solve(lotka_volterra, starts, times)
    assert together.states.shape == (37, 4, 2) and together.nfe.shape == (37,)
    for i in (0, 20, 36):
        alone = costate.solve(lotka_volterra, starts[i], times)
        assert np.array_equal(alone.states, together.states[i])
        assert alone.nfe == together.nfe[i]


def test_times_of_each_sample_arguments_and_backward():
    field = costate.vector_field(lambda t, z, rate: -rate * z, (1,), {"rate": (1,)})
    times = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 0.0]])
    rates = np.array([[0.5], [1.0], [2.0]])
    states = costate.solve(field, np.ones((3, 1)), times, args=[rates], rtol=1e-9, atol=1e-10).states
    np.testing.assert_allclose(states[:, 1, 0], np.exp(-rates[:, 0] * (times[:, 1] - times[:, 0])), rtol=1e-7)
    states = costate.solve(lambda t, z, rate: -rate * z, [1.0], [0, 1], args=[[0.5]], rtol=1e-9).states
    np.testing.assert_allclose(states[1], np.exp(-0.5), rtol=1e-7)


def test_single_precision_stays_single():
    states = costate.solve(lotka_volterra, np.ones((3, 2), np.float32), [0, 1], rtol=1e-5).states
    assert states.dtype == np.float32
    np.testing.assert_allclose(states[0, 1], truth(lotka_volterra_numpy, [1, 1], [0, 1])[1], rtol=1e-4)


def test_a_list_of_components_is_a_state():
    solution = costate.solve(lambda t, z: [z[1], -z[0]], [1.0, 0.0], [0, np.pi], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(solution.states[1], [-1, 0], atol=1e-7)
    solution = costate.solve(lambda t, z: [-x for x in z], [1.0, 2.0], [0, 1])
    np.testing.assert_allclose(solution.states[1], np.exp(-1) * np.array([1, 2]), rtol=1e-5)


def test_a_number_is_a_state():
    solution = costate.solve(lambda t, z, rate: -rate * z, 1.0, [0, 1], args=[2.0], rtol=1e-9, atol=1e-9)
    assert solution.states.shape == (2,) and solution.status == "ok"
    np.testing.assert_allclose(solution.states[1], np.exp(-2), rtol=1e-7)


@pytest.mark.parametrize("control", ["per_sample", "joint"])
def test_a_batch_of_none(control):
    solution = costate.solve(lotka_volterra, np.zeros((0, 2)), [0, 1, 2], control=control)
    assert solution.states.shape == (0, 3, 2) and solution.status == [] and solution.nfe.shape == (0,)


def test_a_field_may_solve_another_equation():
    def inner(z):
        return costate.solve(lambda t, x: -x * x, z, [0.0, 1.0], rtol=1e-9, atol=1e-10)[1]  # z / (1 + z)

    starts = np.array([[0.5], [1.0], [2.0]])
    seen = costate.solve(lambda t, z: inner(z), starts, [0, 1], rtol=1e-9, atol=1e-10).states
    plain = costate.solve(lambda t, z: z / (1 + z), starts, [0, 1], rtol=1e-9, atol=1e-10).states
    np.testing.assert_allclose(seen, plain, rtol=1e-7)
    slopes = costate.solve(lambda t, z: costate.gradient(costate.sum(inner(z)), z), starts, [0, 1], rtol=1e-9, atol=1e-10).states
    plain = costate.solve(lambda t, z: 1 / (1 + z) ** 2, starts, [0, 1], rtol=1e-9, atol=1e-10).states
    np.testing.assert_allclose(slopes, plain, rtol=1e-7)
    loss = costate.trace(lambda z: costate.sum(costate.solve(lambda t, z: inner(z), z, [0.0, 1.0])), {"z": (1,)})
    with pytest.raises(costate.NotSupported, match="as one system"):
        costate.value_and_grad(loss)


def test_failures():
    with pytest.raises(costate.SolveFailed, match="sample 1 ended with"):
        costate.solve(lambda t, z: z * z, [[0.1], [2.0]], [0, 1])
    solution = costate.solve(lambda t, z: z * z, [[0.1], [2.0]], [0, 1], throw=False)
    assert solution.status[0] == "ok" and solution.status[1] != "ok"
    assert repr(solution) == "Solution(states=[2, 2, 1], 1 of 2 ok)"
    assert np.isnan(solution.states[1, 1, 0]) and np.isfinite(solution.states[0, 1, 0])


def test_a_stiff_field_is_told_from_a_blow_up():
    def robertson(t, y):
        slow, back, fast = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] * y[1]
        return costate.stack([back - slow, slow - back - fast, fast])

    with pytest.raises(costate.SolveFailed, match="max_steps .*the field is stiff"):
        costate.solve(robertson, [1.0, 0.0, 0.0], [0, 100], max_steps=20_000)
    program = costate.compile(costate.trace(lambda y: costate.solve(robertson, y, [0, 100], max_steps=20_000), {"y": (3,)}))
    assert "the field is stiff" in program.run(np.array([[1.0, 0.0, 0.0]]))[1]["failures"][0]["advice"]
    with pytest.raises(costate.SolveFailed, match="look at the field there"):
        costate.solve(lambda t, z: z * z, [2.0], [0, 1])


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: costate.solve(lotka_volterra, [1.0, 1.0], [0, 1], method="dopri6"), costate.InvalidArgument, "did you mean 'dopri5'"),
        (lambda: costate.solve(lotka_volterra, [1.0, 1.0], [0, 1, 0.5]), costate.InvalidArgument, "must not turn back; times\\[1\\] is 1 and times\\[2\\] is 0.5"),
        (lambda: costate.solve(lotka_volterra, [1.0, 1.0], [0, np.nan]), costate.InvalidArgument, "finite"),
        (lambda: costate.solve(lotka_volterra, [1.0, 1.0], [0, 1], rtol=-1), costate.InvalidArgument, "rtol"),
        (lambda: costate.solve(lambda t, z: z[0], [1.0, 1.0], [0, 1]), costate.ShapeError, "derivative of 'z'"),
        (lambda: costate.solve(lotka_volterra, ["a", "b"], [0, 1]), costate.DtypeError, "expected numbers"),
        (lambda: costate.solve(lotka_volterra, [], [0, 1]), costate.ShapeError, "at least one number"),
        (lambda: costate.solve(lambda t, z: None, [1.0], [0, 1]), costate.DtypeError, "got None. Does it return"),
        (lambda: costate.solve(lambda t, z: np.array([z[0]]), [1.0, 1.0], [0, 1]), costate.ShapeError, "derivative of 'z'"),
        (lambda: costate.solve(lambda t, z, a: a * z, [[1.0]], [0, 1], args=[2.0]), costate.ShapeError, "args must have shape"),
        (lambda: costate.vector_field(lambda t, z: z, "2"), TypeError, "integer or a sequence"),
        (lambda: costate.solve("dopri5", [1.0], [0, 1]), TypeError, "f must be a callable"),
        (lambda: costate.solve(lambda t, z: z + np.ones(3), [1.0, 1.0], [0, 1]), costate.ShapeError, r"\[2\]"),
        (lambda: costate.solve(lambda t, z: z if z[0] > 0 else -z, [1.0], [0, 1]), TypeError, "costate.where"),
    ],
)
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_errors_are_both_costates_and_pythons():
    assert issubclass(costate.ShapeError, ValueError) and issubclass(costate.ShapeError, costate.Error)
    assert issubclass(costate.IoError, OSError) and issubclass(costate.SolveFailed, RuntimeError)


def test_an_exception_in_the_users_code_comes_through():
    def broken(t, z):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        costate.solve(broken, [1.0], [0, 1])


def test_other_python_threads_go_on_during_a_solve():
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    costate.solve(lotka_volterra, np.random.default_rng(1).uniform(0.5, 2, (2000, 2)), [0, 40], rtol=1e-10, atol=1e-10)
    end = time.perf_counter()
    done.set()
    thread.join()
    assert sum(begin < t < end for t in ticks) >= min(5, (end - begin) / 0.02)


ENDLESS = {"step_size": 0.01, "max_steps": 10**9}


def an_endless_solve():
    costate.solve(lambda t, z: costate.cos(t) * z, np.ones((64, 1)), [0, 1e7], **ENDLESS)


def an_endless_program():
    f = costate.trace(lambda z: costate.solve(lambda t, z: costate.cos(t) * z, z, [0.0, 1e7], **ENDLESS), {"z": (1,)})
    costate.compile(f)(np.ones((64, 1)))


def a_program_with_one_endless_sample():
    f = costate.trace(lambda z, t: costate.solve(lambda t, z: costate.cos(t) * z, z, t, **ENDLESS), {"z": (1,), "t": (2,)})
    times = np.tile([0.0, 1e-3], (200, 1))
    times[-1, 1] = 1e7
    costate.compile(f)(np.ones((200, 1)), times)


@pytest.mark.parametrize("endless", [an_endless_solve, an_endless_program, a_program_with_one_endless_sample])
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_what_runs_long(endless, threads, ctrl_c):
    costate.set_num_threads(threads)
    ctrl_c(0.3)
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        endless()
    costate.set_num_threads(0)
    assert time.perf_counter() - begin < 10


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_shapes(batch, size, times):
    grid = np.linspace(0, 1, times)
    assert costate.solve(lambda t, z: -z, np.ones((batch, size)), grid).states.shape == (batch, times, size)
    assert costate.solve(lambda t, z: -z, np.ones(size), grid).states.shape == (times, size)


def test_the_times_of_a_solution():
    times = np.linspace(0, 1, 4)
    np.testing.assert_array_equal(costate.solve(lambda t, z: -z, [1.0], times).times, times)
    each = np.array([[0.0, 1.0], [0.0, 2.0]])
    np.testing.assert_array_equal(costate.solve(lambda t, z: -z, np.ones((2, 1)), each).times, each)


@pytest.mark.parametrize("options", [{}, {"method": "dopri8"}, {"step_size": 0.1}, {"method": "rk4", "steps_per_interval": 3}, {"control": "joint"}], ids=str)
def test_repeated_times_have_the_same_state_in_solves_and_programs(options):
    once, twice = [0.0, 0.5, 2.0], [0.0, 0.0, 0.5, 0.5, 2.0, 2.0]
    starts = np.array([[1.0, 1.0], [0.5, 2.0]])
    states = costate.solve(lotka_volterra, starts, twice, **options).states
    np.testing.assert_array_equal(states, np.repeat(costate.solve(lotka_volterra, starts, once, **options).states, 2, axis=1))
    one = costate.solve(lotka_volterra, starts[0], twice, **options).states
    traced = costate.trace(lambda z: costate.solve(lotka_volterra, z, twice, **options), {"z": (2,)})
    np.testing.assert_array_equal(costate.compile(traced)(starts[0])[0], one)
    given = costate.trace(lambda z, t: costate.solve(lotka_volterra, z, t, **options), {"z": (2,), "t": (6,)})
    np.testing.assert_array_equal(costate.compile(given)(starts[0], twice)[0], one)
    for turned in ([0.0, 1.0, 0.5], [0.0, -1.0, -0.5], [0.0, 1.0, 0.0]):
        with pytest.raises(costate.InvalidArgument, match="must not turn back"):
            costate.solve(lotka_volterra, starts, turned, **options)
        with pytest.raises(costate.InvalidArgument, match="must not turn back"):
            costate.trace(lambda z: costate.solve(lotka_volterra, z, turned, **options), {"z": (2,)})


@pytest.mark.parametrize("span, state", [((0, 1), [1.0]), ([0.0, 1.0], [1.0]), ((0, 10), [1.0, 0.5]), ((0, 10), np.array([1.0, 0.5]))], ids=str)
def test_scipys_order_is_noticed(span, state):
    with pytest.raises(costate.InvalidArgument, match=r"as in SciPy's solve_ivp.*call solve\(f, z0, times\)"):
        costate.solve(lambda t, z: -z, span, state)


def test_what_only_resembles_scipys_order_is_solved():
    assert costate.solve(lambda t, z: -z, np.array([0.0, 1.0]), [1.0]).states.shape == (1, 2)
    assert costate.solve(lambda t, z: -z, [1.0, 2.0], [0.5]).states.shape == (1, 2)
    assert costate.solve(lambda t, z: -z, [0.0, 1.0], [1.0, 0.0]).states.shape == (2, 2)  # backwards
    assert costate.solve(lambda t, z: -z, (0.0, 1.0), [0.0, 1.0]).states.shape == (2, 2)
    assert costate.solve(lambda t, z: -z, (1.0, 0.0), [1.0]).states.shape == (1, 2)


def test_a_field_uses_arrays_of_the_trace_around_it():
    """d sum z(1) / dp of z' = -exp(p) g z is -exp(p) g exp(-exp(p) g) z0, summed over the batch."""
    p = costate.Parameter("p", 0.3)

    def loss(z0, g):
        rate = costate.exp(p) * g
        return costate.sum(costate.solve(lambda t, z: -rate * z, z0, [0.0, 1.0], rtol=1e-9, atol=1e-11)[-1])

    program = costate.compile(costate.value_and_grad(costate.trace(loss, {"z0": (1,), "g": ()})))
    z0, g = np.array([[1.0], [2.0]]), np.array([0.5, 1.5])
    value, by_z0, by_g, by_p = program(z0, g)
    q = np.exp(0.3)
    np.testing.assert_allclose(value, z0[:, 0] * np.exp(-q * g), rtol=1e-7)
    np.testing.assert_allclose(by_z0[:, 0], np.exp(-q * g), rtol=1e-6)
    np.testing.assert_allclose(by_g, -q * value, rtol=1e-6)
    np.testing.assert_allclose(by_p, (-q * g * value).sum(), rtol=1e-6)
    field = []
    costate.trace(lambda q: field.append(costate.vector_field(lambda t, z: q * z, (1,))) or q, {"q": ()})
    with pytest.raises(costate.InvalidArgument, match="uses 'q' of the trace around it, so its solve is part"):
        costate.solve(field[0], np.ones((2, 1)), [0.0, 1.0])
    with pytest.raises(costate.InvalidArgument, match="pass it as an argument of the traced callable"):
        costate.trace(lambda x: costate.trace(lambda y: x * y, {"y": ()}), {"x": ()})


def test_what_a_field_uses_makes_its_solve_part_of_the_trace():
    """z(1) = z0 exp(b), b reaching f by closure or as an argument while z0 and times are numbers."""
    def by_closure(b):
        return costate.solve(lambda t, z: b * z, [2.0], [0.0, 1.0], rtol=1e-9)[-1, 0]

    def by_argument(b):
        return costate.solve(lambda t, z, c: c * z, [2.0], [0.0, 1.0], args=(b,), rtol=1e-9)[-1, 0]

    def by_both(b):
        return costate.solve(lambda t, z, c: (b - c) * z, [2.0], [0.0, 1.0], args=(0.5,), rtol=1e-9)[-1, 0]

    for loss, exponent in ((by_closure, 0.3), (by_argument, 0.3), (by_both, -0.2)):
        value, by_b = costate.compile(costate.value_and_grad(costate.trace(loss, {"b": ()})))(0.3)
        np.testing.assert_allclose([value, by_b], 2 * np.exp(exponent), rtol=1e-7)


def test_what_other_libraries_call_it():
    solution = costate.solve(lambda t, z: -z, [1.0], [0, 1])
    with pytest.raises(AttributeError, match=r"a Solution has no 'y'; use states, \[time, state\]\."):
        solution.y
    with pytest.raises(AttributeError, match="a Solution has no 'stats'; use nfe, accepted and rejected"):
        solution.stats  # noqa: B018
    with pytest.raises(AttributeError, match="costate has no 'odeint'; use solve"):
        costate.odeint  # noqa: B018
    with pytest.raises(AttributeError, match="costate has no 'arctan'; use atan"):
        costate.arctan  # noqa: B018
    for name, instead in {"Tsit5": "method='tsit5' of solve", "SaveAt": "times and save of solve, or dense=True", "BacksolveAdjoint": "adjoint='backsolve'"}.items():
        with pytest.raises(AttributeError, match=f"costate has no '{name}'; use {instead}"):  # of diffrax
            getattr(costate, name)
    with pytest.raises(AttributeError, match=r"costate has no 'interpolat'; did you mean 'interpolate'\?"):
        costate.interpolat  # noqa: B018
    assert not hasattr(costate, "__wrapped__")
    with pytest.raises(costate.CallError, match=r"there is no argument 't_eval'; did you mean 'times'\?"):
        costate.solve(lambda t, z: -z, [1.0], [0, 1], t_eval=[0, 1])
    with pytest.raises(costate.CallError, match="called as f.t, z., with the time first"):
        costate.solve(lambda z, t: [z[1], -z[0]], [1.0, 0.0], [0, 1])


def pulse(t):
    return costate.interpolate([0.0, 50, 51, 100], [[0.0], [1], [0], [0]], t, "hold")


def test_a_short_pulse_is_seen():
    for dtype in (np.float64, np.float32):
        start = np.zeros(1, dtype)
        assert abs(costate.solve(lambda t, y: pulse(t), start, [0.0, 100.0]).states[-1, 0] - 1) < 1e-6
        assert abs(costate.solve(lambda t, y: pulse(t), start, [100.0, 0.0]).states[-1, 0] + 1) < 1e-6


def test_fixed_steps_read_the_value_before_a_jump():
    grid = np.arange(11.0)
    held = lambda t, y: costate.interpolate(grid, [[1.0], [0.0]] * 5 + [[1.0]], t, "hold")
    states = costate.solve(held, [0.0], grid, method="rk4", steps_per_interval=1).states
    np.testing.assert_allclose(states[:, 0], np.ceil(grid / 2), atol=1e-13)


def test_max_step_and_stop_at():
    short = lambda t, y: costate.stack([costate.where((t - 50.0) ** 2 < 0.25, 1.0, 0.0)])
    assert costate.solve(short, [0.0], [0.0, 100.0]).states[-1, 0] == 0
    assert abs(costate.solve(short, [0.0], [0.0, 100.0], stop_at=[49.5, 50.5]).states[-1, 0] - 1) < 1e-12
    assert abs(costate.solve(short, [0.0], [0.0, 100.0], max_step=0.3).states[-1, 0] - 1) < 1e-4
    with pytest.raises(costate.InvalidArgument, match="max_step is for steps chosen by the error"):
        costate.solve(short, [0.0], [0.0, 100.0], method="rk4", max_step=1.0)


def test_switches_in_time_end_steps():
    window = lambda t, y: costate.stack([costate.where((t > 50.0) & (t < 50.25), 4.0, 0.0)])
    assert abs(costate.solve(window, [0.0], [0.0, 100.0]).states[-1, 0] - 1) < 1e-12
    late = lambda t, y, at: costate.stack([costate.maximum(t - at, 0.0)])
    ends = costate.solve(late, np.zeros((2, 1)), [0.0, 100.0], args=[np.array([99.0, 3.0])]).states[:, -1, 0]
    np.testing.assert_allclose(ends, [0.5, 97**2 / 2], rtol=1e-12)


def test_tolerances_of_each_number_and_norms():
    field = lambda t, y: [y[1], -y[0], y[0] ** 2]
    start, times = [1.0, 0.0, 0.0], [0.0, 5.0]
    plain = costate.solve(field, start, times, rtol=1e-6, atol=1e-8)
    same = costate.solve(field, start, times, rtols=[1e-6] * 3, atols=[1e-8] * 3)
    assert np.array_equal(plain.states, same.states)
    uncontrolled = costate.solve(field, start, times, atols=[1e-8, 1e-8, np.inf])
    alone = costate.solve(lambda t, y: [y[1], -y[0]], start[:2], times)
    assert np.array_equal(uncontrolled.states[:, :2], alone.states) and uncontrolled.accepted == alone.accepted
    assert costate.solve(field, start, times, error_norm="max").accepted > plain.accepted
    with pytest.raises(costate.InvalidArgument, match="rtols must hold one tolerance for each of the state's 3 numbers"):
        costate.solve(field, start, times, rtols=[1e-6, 1e-6])
    with pytest.raises(costate.InvalidArgument, match="rtols is for steps chosen by the error; here they are fixed"):
        costate.solve(field, start, times, method="rk4", rtols=[1e-6] * 3)


def test_a_list_of_tolerances_is_one_for_each_number():
    field, start, times = lambda t, y: [y[1], -y[0]], [1.0, 0.0], [0.0, 5.0]
    named = costate.solve(field, start, times, rtols=[1e-6, 1e-4], atols=[1e-8, 1e-7])
    for atol in ([1e-8, 1e-7], np.array([1e-8, 1e-7])):
        assert np.array_equal(costate.solve(field, start, times, rtol=[1e-6, 1e-4], atol=atol).states, named.states)
    with pytest.raises(costate.InvalidArgument, match="both atol and atols are lists; leave one out"):
        costate.solve(field, start, times, atol=[1e-8, 1e-7], atols=[1e-8, 1e-7])
    with pytest.raises(costate.CallError, match="atol"):
        costate.solve(field, start, times, atol="1e-8")


@pytest.mark.parametrize("scipy, ours", [("RK45", "dopri5"), ("RK23", "bosh3"), ("DOP853", "dop853"), ("Radau", "radau5"), ("LSODA", "auto")])
def test_methods_of_scipy_are_answered_with_ours(scipy, ours):
    with pytest.raises(costate.InvalidArgument, match=f"what SciPy's {scipy} is for, '{ours}' does here"):
        costate.solve(lambda t, y: -y, [1.0], [0.0, 1.0], method=scipy)


def test_min_step_and_pid_control():
    jump = lambda t, y: costate.stack([costate.where(t * t > 0.25, 1e6, 0.25)])
    failed = costate.solve(jump, [0.0], [0.0, 1.0], min_step=1e-3, throw=False)
    assert failed.status == "step_too_small"
    taken = costate.solve(jump, [0.0], [0.0, 1.0], min_step=1e-3, at_min_step="accept")
    assert taken.status == "ok" and abs(taken.states[-1, 0] - 5e5) < 2e3
    pid = costate.solve(lotka_volterra, [1.0, 1.0], [0.0, 5.0], beta1=0.8, beta2=-0.6, beta3=0.1)
    np.testing.assert_allclose(pid.states[-1], costate.solve(lotka_volterra, [1.0, 1.0], [0.0, 5.0], rtol=1e-10).states[-1], rtol=1e-4)


def test_seconds_since_1970_in_f32():
    w = 2 * np.pi / 60
    t = 1.7e9 + np.linspace(0, 600, 11)
    wave = lambda t, y: costate.stack([w * costate.cos(w * (t - 1.7e9))])
    states = costate.solve(wave, np.zeros(1, np.float32), t + 7 * (np.arange(11) % 3)).states
    np.testing.assert_allclose(states[:, 0], np.sin(w * 7 * (np.arange(11) % 3)), atol=1e-5)
    with pytest.raises(costate.InvalidArgument, match=r"Subtract times\[0\] from times and shift the field"):
        costate.solve(lambda t, y: y * t, np.zeros(1, np.float32), t)
