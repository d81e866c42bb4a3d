"""Parameters, nets and fits in files, pickles and copies."""

import copy
import pickle

import costate
import numpy as np
import pytest


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.fixture(scope="module")
def fit():
    times = np.linspace(0, 6, 41)
    return costate.fit(times, np.stack([np.cos(times), -np.sin(times)], axis=1), hidden=[8], memory="none", clock=["none"], epochs=10, polish=5)


def test_a_net_is_saved_and_loaded(tmp_path):
    net = costate.Mlp(2, [8], 3, seed=4, name="f")
    costate.save(tmp_path / "net", net)
    from safetensors.numpy import load_file

    arrays = load_file(tmp_path / "net")
    assert sorted(arrays) == ["f.0.bias", "f.0.weight", "f.1.bias", "f.1.weight"]
    other = costate.Mlp(2, [8], 3, seed=5, name="f")
    assert costate.load(tmp_path / "net", into=other) is other
    for mine, theirs in zip(other.parameters, net.parameters):
        np.testing.assert_array_equal(mine.value, theirs.value)
    with pytest.raises(costate.DataError, match=r"'f.0.weight' with shape \[8, 2\]; the model needs \[9, 2\]"):
        costate.load(tmp_path / "net", into=costate.Mlp(2, [9], 3, name="f"))
    with pytest.raises(costate.DataError, match="has no weights called 'g.0.weight'"):
        costate.load(tmp_path / "net", into=costate.Mlp(2, [8], 3, name="g"))


def test_parameters_are_saved_by_their_names_and_by_others(tmp_path):
    net, rate = costate.Mlp(1, [2], 1), costate.Parameter("rate", 0.3)
    costate.save(tmp_path / "all", [net, rate])
    values = [p.value for p in net.parameters]
    for parameter in [*net.parameters, rate]:
        parameter.value = 0 * parameter.value
    costate.load(tmp_path / "all", into=[net, rate])
    assert rate.value == 0.3 and all(np.array_equal(p.value, v) for p, v in zip(net.parameters, values))
    costate.save(str(tmp_path / "named"), {"k": rate, "times": np.arange(3, dtype=np.float32), "n": [1, 2]})
    arrays = costate.load(tmp_path / "named")
    assert sorted(arrays) == ["k", "n", "times"] and arrays["times"].dtype == np.float32 and arrays["k"] == 0.3
    with pytest.raises(costate.InvalidArgument, match="two parameters are called 'rate'"):
        costate.save(tmp_path / "twice", [rate, costate.Parameter("rate", 1.0)])


def test_files_of_others_are_read(tmp_path):
    from safetensors.numpy import save_file

    save_file({"w": np.ones((2, 3))}, tmp_path / "w", metadata={"format": "pt"})  # as PyTorch's users write it
    np.testing.assert_array_equal(costate.load(tmp_path / "w")["w"], np.ones((2, 3)))


def test_a_fit_is_saved_by_either_way(tmp_path, fit):
    costate.save(tmp_path / "a", fit)
    fit.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    np.testing.assert_array_equal(costate.load(tmp_path / "a").predict([1.0, 0.0], [0, 1]), fit.predict([1.0, 0.0], [0, 1]))


@pytest.mark.parametrize("again", [pickled, copy.deepcopy, copy.copy])
def test_copies_have_numbers_of_their_own(again, fit):
    p = costate.Parameter("p", [[1.0, 2.0]])
    q = again(p)
    assert q.name == "p" and q != p and np.array_equal(q.value, p.value)
    q.value = [[5.0, 6.0]]
    assert p.value[0, 0] == 1.0
    net = costate.Mlp(2, [3, 4], 2, activation="relu", seed=7, name="f")
    other = again(net)
    assert repr(other) == repr(net) == "Mlp(2, [3, 4], 2, activation='relu', name='f')"
    f, g = (costate.compile(costate.trace(lambda x, n=n: n(x), {"x": (2,)})) for n in (net, other))
    x = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_array_equal(f(x)[0], g(x)[0])
    assert not any(a == b for a, b in zip(net.parameters, other.parameters))
    model = again(fit)
    np.testing.assert_array_equal(model.predict([1.0, 0.0], [0, 1]), fit.predict([1.0, 0.0], [0, 1]))
    assert repr(model.errors) == repr(fit.errors)
    for column, values in fit.history.items():
        np.testing.assert_array_equal(model.history[column], values)


@pytest.mark.parametrize("z0", [[1.0], [[1.0], [2.0]]], ids=["one", "batch"])
def test_solutions_are_pickled(z0):
    solution = costate.solve(lambda t, z: z * z, z0, [0, 0.7], throw=False)
    again = pickled(solution)
    for name in ("states", "times", "nfe", "accepted", "rejected"):
        np.testing.assert_array_equal(getattr(again, name), getattr(solution, name))
    assert again.status == solution.status and repr(again) == repr(solution)


def test_one_parameter_stays_one():
    p = costate.Parameter("p", [1.0])
    a, b = copy.deepcopy([p, p])
    assert a == b and a != p


def test_dtypes_come_back(tmp_path):
    numbers = {"i": np.array([2**53, -7]), "b": np.array([[True], [False]]), "u": np.array([255], "u1"), "h": np.array([0.1, np.nan], "f2"),
               "f": np.float32([0.1]), "d": np.array([0.1, np.inf]), "swapped": np.array([1, 2], ">i4"), "none": np.zeros((0, 2), int), "one": np.array(3)}
    costate.save(tmp_path / "a", {**numbers, "listed": [1, 2], "p": costate.Parameter("p", [1.0])})
    again = costate.load(tmp_path / "a")
    for name, array in numbers.items():
        assert again[name].dtype == array.dtype.newbyteorder("=") and again[name].shape == array.shape, name
        np.testing.assert_array_equal(again[name], array)
    assert again["listed"].dtype == int and again["p"].dtype == float
    for name, array in {"i": np.array([2**60 + 1]), "n": np.array([-(2**60)]), "u": np.array([2**64 - 1], "u8")}.items():
        with pytest.raises(costate.DtypeError, match=rf"\[save\] '{name}' has numbers of u?int64 that F64 cannot hold exactly; convert it"):
            costate.save(tmp_path / "b", {name: array})
    assert not (tmp_path / "b").exists()


def test_values_with_a_constructor_are_pickled():
    labelled = costate.LabelledInputs(np.ones((2, 3), "f4"), [0, 4])
    windows = costate.TrajectoryWindows(np.arange(3.0), np.ones((2, 3, 1)), [np.ones((2, 1))])
    for again in (pickled, copy.deepcopy, copy.copy):
        assert again(labelled).inputs.dtype == np.float32 and again(labelled).labels.tolist() == [0, 4]
        np.testing.assert_array_equal(again(windows).states, windows.states)
        np.testing.assert_array_equal(again(windows).arguments[0], windows.arguments[0])
        assert again(costate.systems()[0]).name == costate.systems()[0].name


@pytest.mark.parametrize("make, message", [
    (lambda: costate.simulate("lotka-volterra", samples=5), r"\[TimeSeries\] is not pickled or copied; pickle what you need of it: times, states, inputs, state_names"),
    (lambda: costate.spirals(count=2), "pickle what you need of it: times, observations, truth, grid"),
    (lambda: costate.check_gradient(costate.trace(lambda x: costate.sum(x * x), {"x": (2,)}), np.ones((1, 2))), "pickle what you need of it: inputs, worst, ok"),
    (lambda: costate.Event(lambda t, z: z[0]), r"\[Event\] is not pickled or copied, since it holds functions; make it again by costate.Event"),
])
def test_what_is_not_pickled_says_what_instead(make, message):
    for again in (pickled, copy.deepcopy):
        with pytest.raises(costate.CallError, match=message):
            again(make())


def test_traced_code_is_not_pickled():
    f = costate.trace(lambda x: x, {"x": (1,)})
    for thing in (f, costate.compile(f), costate.vector_field(lambda t, z: z, (1,))):
        for again in (pickled, copy.deepcopy):
            with pytest.raises(costate.CallError, match=r"traced code is not pickled or copied; pickle its Parameters or nets, and trace it again"):
                again(thing)
        assert copy.copy(thing) is thing


def test_a_fit_goes_on_in_traces(fit):
    times = np.linspace(0, 1, 5)
    states = costate.solve(fit.field, [1.0, 0.0], times, rtol=1e-9, atol=1e-10).states
    np.testing.assert_allclose(states, fit.predict([1.0, 0.0], times), atol=1e-4)
    slope = costate.compile(costate.trace(lambda z: fit.field(0.0, z), {"z": (2,)}))([[0.3, -0.4]])[0]
    np.testing.assert_array_equal(slope, fit.slopes([[0.3, -0.4]]))
    loss = costate.trace(lambda z: costate.sum(costate.square(costate.solve(fit.field, z, times))), {"z": (2,)})
    _, *gradients = costate.compile(costate.value_and_grad(loss, wrt=fit.parameters))([[1.0, 0.0]])
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in gradients[1:])
    with pytest.raises(costate.ShapeError, match=r"the state must have shape \[2\]; got \[3\]"):
        costate.trace(lambda z: fit.field(0.0, z), {"z": (3,)})


def test_a_fitted_field_takes_inputs():
    times = np.linspace(0, 6, 61)
    drive = np.sin(2 * times)[:, None]
    states = costate.solve(lambda t, z: -z + costate.sin(2 * t), [1.0], times).states
    model = costate.fit(times, states, drive, hidden=[8], memory="none", clock=["none"], epochs=100, polish=50)
    field = lambda t, z: model.field(t, z, costate.interpolate(times, drive, t))  # noqa: E731
    again = costate.solve(field, [1.0], times[:30], rtol=1e-7, atol=1e-9).states
    np.testing.assert_allclose(again, model.predict([1.0], times[:30], input_times=times, inputs=drive), atol=1e-3)
    at_mean = costate.compile(costate.trace(lambda z: model.field(0.0, z), {"z": (1,)}))([[0.5]])[0]
    np.testing.assert_array_equal(at_mean, model.slopes([[0.5]]))
    with pytest.raises(costate.ShapeError, match=r"inputs must have shape \[1\]; got \[2\]"):
        costate.trace(lambda z: model.field(0.0, z, [1.0, 2.0]), {"z": (1,)})
