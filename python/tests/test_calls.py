import inspect

import costate
import numpy as np
import pytest


def decay(t, z):
    return -z


def traced():
    return costate.trace(lambda x: costate.sum(x * x), {"x": (2,)})


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: costate.solve(decay, [1.0], [0, 1], rtoll=1e-3), r"^\[solve\] there is no argument 'rtoll'; did you mean 'rtol'\?$"),
        (lambda: costate.solve(decay, [1.0], [0, 1], options={}), r"^\[solve\] there is no argument 'options'; known: f, z0, times, args"),
        (lambda: costate.solve(decay, [1.0], t=[0, 1]), "there is no argument 't'"),
        (lambda: costate.solve(decay, [1.0]), r"^\[solve\] argument 'times' is missing\.$"),
        (lambda: costate.solve(decay, [1.0], [0, 1], times=[0, 1]), "'times' is given twice"),
        (lambda: costate.solve(decay, [1.0], [0, 1], "rk4"), "at most 3 arguments go by position; got 4; give the others by name: args, throw, events, max_events, save, dense, jac, on_step"),
        (lambda: costate.solve(decay, [1.0], [0, 1], rtol="small"), "rtol must be a number or a list of them; got str"),
        (lambda: costate.solve(decay, [1.0], [0, 1], max_steps=1e3), "max_steps must be an integer; got float"),
        (lambda: costate.solve(decay, [1.0], [0, 1], max_steps=10**30), "max_steps = 10+ is out of range"),
        (lambda: costate.solve(decay, [1.0], [0, 1], method=None), "method must be a string; got None"),
        (lambda: costate.solve(decay, None, [0, 1]), "z0 must be given; got None"),
        (lambda: costate.solve("dopri5", [1.0], [0, 1]), r"f must be a callable f\(t, z, ...\) or a VectorField; got str"),
        (lambda: costate.solve(decay, [1.0], [0, 1], method="rodas5p", jac=np.array([[-1.0]])), r"^\[solve\] jac must be a callable jac\(t, z, \*args\) that gives df/dz; .*got numpy.ndarray\.$"),
        (lambda: costate.solve(decay, [1.0], [0, 1], method="euler", dt=0.1), r"^\[solve\] there is no argument 'dt'; did you mean 'step_size'\?$"),
        (lambda: costate.solve_sde(decay, decay, [1.0], [0, 1], dt=0.1), r"^\[solve_sde\] there is no argument 'dt'; did you mean 'step_size'\?$"),
        (lambda: costate.Event(lambda t, z: z[0], direction=-1), r"^\[Event\] direction must be a string, 'any', 'rising' or 'falling', which are SciPy's 0, 1 and -1; got int\.$"),
        (lambda: costate.fit([0.0, 1.0], np.ones((2, 1)), epoch=3), r"^\[fit\] there is no argument 'epoch'; did you mean 'epochs'\?$"),
        (lambda: costate.fit([0.0, 1.0], np.ones((2, 1)), hidden=64), "hidden must be a list of integers; got int"),
        (lambda: costate.Mlp(2, [8], 2, activaton="relu"), r"^\[Mlp\] there is no argument 'activaton'; did you mean 'activation'\?$"),
        (lambda: costate.solve(decay, [1.0, 2.0], [0, 1], nonnegative=[True, False]), "nonnegative must be a list of numbers; got True or False in it. numpy.flatnonzero"),
        (lambda: costate.solve(decay, [1.0, 2.0], [0, 1], nonnegative=np.array([True, False])), "nonnegative must be a list of numbers; got True or False in it"),
        (lambda: costate.solve(decay, [1.0, 2.0], [0, 1], rtol=[True, False]), "rtol must be a number or a list of them; got True or False in it"),
        (lambda: costate.fit([0.0, 1.0], np.ones((2, 1)), hidden=[True]), "hidden must be a list of integers; got True or False in it"),
        (lambda: costate.Mlp(2, [8]), "argument 'outputs' is missing"),
        (lambda: costate.Mlp(2, 8, 2), "hidden must be a list of integers; got int"),
        (lambda: costate.Mlp(2, [8], 2, seed=-1), "seed = -1 is out of range"),
        (lambda: costate.Parameter(1, [1.0]), r"^\[Parameter\] name must be a string; got int\.$"),
        (lambda: costate.trace(lambda x: x), "argument 'shapes' is missing"),
        (lambda: costate.trace(lambda x: x, {1: (2,)}), "a name of an input must be a string; got int"),
        (lambda: costate.trace(lambda x: x, {"x": 2.5}), "a shape must be an integer or a sequence of integers; got float"),
        (lambda: costate.compile(lambda x: x), "function must be a costate.Function; got function"),
        (lambda: costate.compile(traced())(x=np.ones((1, 2))), r"^\[Program\] there is no argument 'x'; it takes none by name\.$"),
        (lambda: costate.compile(traced()).run(x=np.ones((1, 2))), r"^\[Program.run\] there is no argument 'x'"),
        (lambda: costate.vjp(traced(), wrt=1), "names of inputs and Parameters; got int"),
        (lambda: costate.trace(lambda x: costate.gradient(costate.sum(x), 1), {"x": (2,)}), "an Array or a list of Arrays; got int"),
        (lambda: traced()(np.ones(2)), r"^\[Function\] has no numbers yet; costate.compile makes a program"),
        (lambda: costate.value_and_grad(traced(), wrt=costate.Mlp(2, [8], 2)), r"got (costate\._core\.)?Mlp, whose .parameters may be meant"),
        (lambda: costate.value_and_grad(traced(), wrt=[costate.Mlp(2, [8], 2)]), r"got (costate\._core\.)?Mlp, whose .parameters may be meant"),
        (lambda: costate.jacobian(lambda x: x), r"^\[jacobian\] f must be a costate.Function, or an Array of the trace; got function"),
        (lambda: costate.compile(traced(), dtype=5), "must be 'f32', 'f64' or what NumPy calls them; got int"),
        (lambda: costate.save("x", "abc"), "a list of Parameters, or a net that has some; got str"),
        (lambda: costate.concat(5), "parts must be a list or tuple; got int"),
        (lambda: costate.set_num_threads(2.5), "threads must be an integer; got float"),
    ],
)
def test_a_call_that_does_not_fit_is_told_why_in_a_sentence(call, message):
    with pytest.raises(costate.CallError, match=message) as raised:
        call()
    assert issubclass(costate.CallError, TypeError) and issubclass(costate.CallError, costate.Error)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "value, error, message",
    [
        ([1j], costate.DtypeError, "real and imaginary parts"),
        ([{"a": 1.0}], costate.DtypeError, "Only a state of solve or vector_field may be a dict"),
        ({1.0}, costate.DtypeError, r"got set \(dtype object\)\.$"),
        (["a" * 21], costate.DtypeError, r"expected numbers; got list of text\.$"),
        (np.array(["1.0"]), costate.DtypeError, r"expected numbers; got numpy.ndarray of text\.$"),
        ([np.ones(2), np.ones(3)], costate.ShapeError, "list whose parts have different shapes. Join them"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), costate.DtypeError, "masked"),
    ],
)
def test_a_value_that_is_no_array_of_numbers_is_refused(value, error, message):
    with pytest.raises(error, match=message):
        costate.solve(decay, value, [0, 1])


@pytest.mark.parametrize("method, meant", [("euler", "euler_maruyama"), ("reversible_heun", "heun_stratonovich"), ("ItoMilstein", "milstein"), ("SRA1", "srk")])
def test_a_method_by_another_library_s_name_is_told_what_it_is_here(method, meant):
    with pytest.raises(costate.InvalidArgument, match=rf"^\[solve_sde\] unknown method '{method}'; did you mean '{meant}'\? known: euler_maruyama, milstein, srk, heun_stratonovich\.$"):
        costate.solve_sde(decay, decay, [1.0], [0, 1], method=method)


def test_a_type_error_of_the_users_own_code_comes_through():
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        costate.solve(lambda z: z, [1.0], [0, 1])


def test_numbers_of_numpy_are_numbers():
    costate.set_num_threads(np.int64(1))
    costate.set_num_threads(0)
    assert costate.solve(decay, [1.0], [0, 1], rtol=np.float32(1e-3), max_steps=np.int32(100)).status == "ok"
    assert costate.Mlp(np.int64(2), np.array([4]).tolist(), np.int32(2), seed=np.uint8(3)).parameters[0].shape == (4, 2)


def test_signatures_are_seen():
    assert list(inspect.signature(costate.trace).parameters) == ["f", "shapes", "shared"]
    assert inspect.signature(costate.solve).parameters["rtol"].default == 1e-6
    assert costate.solve.__doc__.startswith("Solves z'")


def test_every_public_function_is_checked():
    """Also those that will be added."""
    for name in costate.__all__:
        thing = getattr(costate, name)
        if inspect.isroutine(thing):
            with pytest.raises(costate.CallError, match=rf"^\[{name}\] there is no argument 'nonsense'"):
                thing(nonsense=1)


def test_what_is_imported_late_is_listed():
    assert {"Run", "Forecast", "NeuralODERegressor", "solve"} <= set(dir(costate))
    assert costate.Run.__name__ == "Run" and costate.Forecast.__name__ == "Forecast"


def test_packages_are_named_as_pip_knows_them(monkeypatch):
    from costate import _tables

    monkeypatch.setitem(__import__("sys").modules, "sklearn.base", None)
    with pytest.raises(costate.NotSupported, match="needs scikit-learn, .*pip install scikit-learn brings it"):
        _tables.load("sklearn.base", "[x] it")
