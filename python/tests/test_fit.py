import time

import costate
import numpy as np
import pytest

QUICK = {"hidden": [16], "memory": "none", "clock": ["none"], "epochs": 500, "polish": 300}


def oscillator(angle, times):
    return np.stack([angle * np.cos(times), -angle * np.sin(times)], axis=1)


def test_an_oscillator_is_learned():
    times = np.linspace(0, 6, 61)
    model = costate.fit([times] * 5, [oscillator(a, times) for a in (0.5, 1.0, 1.5, 2.0, 1.2)], **QUICK)
    assert model.errors["neural ODE"]["relative"] < 0.1 < model.errors["last value"]["relative"]
    assert model.errors["linear ODE"]["relative"] < 1e-2  # the truth is linear
    np.testing.assert_allclose(model.predict([1.3, 0.0], times), oscillator(1.3, times), atol=0.2)
    np.testing.assert_allclose(model.slopes([[1.0, 0.0]]), [[0.0, -1.0]], atol=0.1)
    assert len(model.history["loss"]) in (400, 500)  # with or without the last training on all samples
    assert model.history["loss"][-1] < model.history["loss"][0]


def test_one_trajectory_with_gaps_and_inputs():
    times = np.sort(np.random.default_rng(0).uniform(0, 5, 40))
    drive = np.sin(times)[:, None]
    states = np.cos(times)[:, None].copy()
    states[5:9] = np.nan
    model = costate.fit(times, states, drive, hold_out=0.1, **QUICK)
    assert model.predict([1.0], [0.0, 1.0], input_times=times, inputs=drive).shape == (2, 1)
    with pytest.raises(costate.InvalidArgument, match="the model has inputs"):
        model.predict([1.0], [0.0, 1.0])
    with pytest.raises(costate.DataError, match=r"\[predict\] input_times must increase; 1 is followed by 0"):
        model.predict([1.0], [0.0, 1.0], input_times=[1.0, 0.0], inputs=[[0.0], [1.0]])
    with pytest.raises(costate.DataError, match="input_times must be finite; got nan"):
        model.predict([1.0], [0.0, 1.0], input_times=[0.0, np.nan], inputs=[[0.0], [1.0]])
    with pytest.raises(costate.ShapeError, match=r"inputs must have shape \[2, 1\], a row for each input time; got \[2, 2\]"):
        model.predict([1.0], [0.0, 1.0], input_times=[0.0, 1.0], inputs=np.ones((2, 2)))


def test_the_model_is_saved(tmp_path):
    times = np.linspace(0, 3, 20)
    model = costate.fit(times, oscillator(1, times), hidden=[4], epochs=2, polish=0)
    model.save(tmp_path / "model.safetensors")
    from safetensors.numpy import load_file

    arrays = load_file(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(arrays["net.0.weight"], model.parameters[0].value)
    loaded = costate.load(str(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(loaded.predict([1.0, 0.0], times), model.predict([1.0, 0.0], times))
    assert loaded.errors == {}
    with pytest.raises(costate.InvalidArgument, match="the model has no inputs"):
        loaded.predict([1.0, 0.0], [0.0, 3.0], input_times=[0.0, 3.0], inputs=[[0.0], [1.0]])
    with pytest.raises(costate.InvalidArgument, match=r"times\[1\] is 3 and times\[2\] is 2"):
        loaded.predict([1.0, 0.0], [0.0, 3.0, 2.0])
    with pytest.raises(costate.IoError, match="absent"):
        costate.load(str(tmp_path / "absent"))


def test_ctrl_c_ends_a_fit(ctrl_c):
    times = np.linspace(0, 50, 1000)
    ctrl_c(0.5)
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        costate.fit([times] * 20, [oscillator(1, times)] * 20, hidden=[64], window=1000, epochs=10**6, rtol=1e-12, atol=1e-12)
    assert time.perf_counter() - begin < 10


def test_equal_seeds_give_equal_bits():
    times = np.linspace(0, 3, 20)
    first, second = (costate.fit(times, oscillator(1, times), hidden=[4], epochs=20, polish=5, seed=3) for _ in range(2))
    assert all(np.array_equal(a.value, b.value) for a, b in zip(first.parameters, second.parameters))


@pytest.mark.parametrize(
    "arguments, options, error, message",
    [
        (([0.0, 1.0, 0.5], np.ones((3, 1))), {}, costate.DataError, "times must increase; 1 is followed by 0.5"),
        (([0.0, 1.0, np.inf], np.ones((3, 1))), {}, costate.DataError, "times must be finite; got inf"),
        (([0.0, 1.0], np.ones((3, 1))), {}, costate.ShapeError, "like their times"),
        (([0.0, 1.0, 2.0], np.full((3, 1), np.inf)), {}, costate.DataError, "must be finite, or NaN"),
        (([0.0, 1.0, 2.0], np.ones(4)), {}, costate.ShapeError, "like their times"),
        (([0.0], np.ones((1, 1))), {}, costate.DataError, "at least two samples"),
        (([0.0, 1.0, 2.0], np.array([[1.0], [np.inf], [2.0]])), {}, costate.DataError, "must be finite, or NaN"),
        ((np.arange(9.0), np.full((9, 1), np.nan)), {}, costate.DataError, "no measured value"),
        (({"t": [0.0, 1.0], "x": [1.0, 2.0]}, ["x"]), {}, costate.InvalidArgument, r"states must be arrays; got \['x'\]. .*fit_table\(table, states=\['x'\]\)"),
        ((np.arange(9.0), np.ones(9), "force"), {}, costate.InvalidArgument, "inputs must be arrays; got 'force'"),
        (([0.0, 1.0, 2.0], np.ones((3, 1))), {"hold_out": 1.5}, costate.InvalidArgument, "hold_out must be at least 0"),
        (([0.0, 1.0, 2.0], np.ones((3, 1))), {"hold_out": 20}, costate.InvalidArgument, "got 20: write a share as '20%' and, for a time, 't=20'"),
        (([0.0, 1.0, 2.0], np.ones((3, 1))), {"hold_out": "20"}, costate.InvalidArgument, "20 may be a share or a time: write 20% or t=20"),
        (([0.0, 1.0, 2.0], np.ones((3, 1))), {"seed": -1}, costate.InvalidArgument, "seed must be a whole number of at least 0; got -1"),
        (([0.0, 1.0, 2.0], np.ones((3, 1))), {"method": "dopri"}, costate.InvalidArgument, "did you mean 'dopri5'"),
        (([0.0, 1.0, 2.0], np.ones((3, 1))), {"epochs": -1}, costate.InvalidArgument, "epochs"),
        (([[0.0, 1.0], [0.0, 1.0]], [np.ones((2, 1)), np.ones((2, 2))]), {}, costate.ShapeError, "states of trajectory 1 must have shape"),
    ],
)
def test_mistakes_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        costate.fit(*arguments, **options)


def test_a_pulse_after_a_long_rest_is_forecast():
    times = np.arange(0.0, 300.0)
    drive = np.repeat(np.random.default_rng(0).integers(0, 2, 60), 5).astype(float)
    heat = [0.0]
    for u in drive[:-1]:
        heat.append(u + (heat[-1] - u) * np.exp(-0.1))
    model = costate.fit(times, np.array(heat)[:, None], drive[:, None], hidden=[], epochs=100, polish=50,
                        memory="none", clock=["none"], interpolation="hold")
    knots = [0.0, 200.0, 202.0, 400.0]
    for queries in ([0.0, 202.0, 400.0], [0.0, 202.0]):
        states = model.predict([0.0], queries, input_times=knots, inputs=[[0.0], [1.0], [0.0], [0.0]])
        rest = model.predict([0.0], queries, input_times=knots, inputs=[[0.0]] * 4)
        assert states[1, 0] - rest[1, 0] == pytest.approx(1 - np.exp(-0.2), rel=0.1)


def test_what_judges_may_be_named():
    times = np.arange(40) / 10
    runs = [np.exp(-k * times)[:, None] for k in (1, 2, 3)]
    quick = {**QUICK, "memory": "none", "clock": ["none"], "window": 5}
    assert "all 10 samples" in costate.fit(times, runs[0], hold_out="t=3", **quick).verdict
    assert "all 39 samples" in costate.fit([times] * 3, runs, hold_out="1", **quick).verdict
    assert "8 to judge by" in costate.fit(times, runs[0], hold_out="20%", **quick).summary
    with pytest.raises(costate.InvalidArgument, match="names of trajectories .0, 1, 2."):
        costate.fit([times] * 3, runs, hold_out="seven", **quick)


def test_times_may_be_a_column():
    times = np.arange(40) / 10
    quick = {**QUICK, "memory": "none", "clock": ["none"], "window": 5}
    flat = costate.fit(times, np.exp(-times), **quick)
    assert costate.fit(times[:, None], np.exp(-times), **quick).errors["neural ODE"]["relative"] == flat.errors["neural ODE"]["relative"]


def test_arrays_keep_or_name_codes_for_missing(capfd):
    times = np.arange(40.0)
    states = np.where(np.arange(40) % 7 == 5, -999.0, np.sin(times / 5))
    quick = {**QUICK, "memory": "none", "clock": ["none"], "window": 5}
    costate.fit(times, states, **quick)
    assert "'z0': 5 cells hold -999, a code for missing" in capfd.readouterr().err
    kept = costate.fit(times, states, missing="none", **quick)
    assert capfd.readouterr().err == ""
    named = costate.fit(times, states, missing=-999, **quick)
    assert capfd.readouterr().err == ""
    gone = costate.fit(times, np.where(states == -999, np.nan, states), **quick)
    assert named.errors["neural ODE"]["relative"] == gone.errors["neural ODE"]["relative"] != kept.errors["neural ODE"]["relative"]
    with pytest.raises(costate.InvalidArgument, match="missing must be numbers, or 'none', for arrays; got 'n/a'"):
        costate.fit(times, states, missing=[-999, "n/a"], **quick)


def test_what_is_logged_names_keywords(capfd):
    table = {"t": np.arange(40.0), "x": np.where(np.arange(40) % 7 == 5, -999, np.sin(np.arange(40) / 5))}
    costate.fit_table(table, time="t", states="x", window=5, **QUICK)
    said = capfd.readouterr().err
    assert said.count("'x': 5 cells hold -999, a code for missing") == 1
    assert "(missing=none keeps them): taken as not measured." in said and "--" not in said
