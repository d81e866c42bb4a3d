"""NeuralODERegressor by scikit-learn's rules. Skipped where scikit-learn is not installed: pip install scikit-learn."""

import inspect
import pickle
import re

import costate
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone  # noqa: E402
from sklearn.compose import TransformedTargetRegressor  # noqa: E402
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

FEW = {"hidden": (), "memory": "none", "clock": ("none",), "epochs": 60, "window": 5}


def quick(**options):
    return costate.NeuralODERegressor(**{**FEW, **options})


def spiral(times, z0=(1.0, 0.0)):
    """x'' = -x - 0.2 x' from z0, in closed form."""
    w = np.sqrt(0.99)
    a, b = z0[0], (z0[1] + 0.1 * z0[0]) / w
    decay = np.exp(-0.1 * times)
    x = decay * (a * np.cos(w * times) + b * np.sin(w * times))
    v = -0.1 * x + decay * w * (b * np.cos(w * times) - a * np.sin(w * times))
    return np.stack([x, v], axis=1)


TIMES = np.linspace(0, 8, 41)

# Of rows without a trajectory's order: what such checks ask of a row, a solve gives along a path of rows.
NOT_OF_A_PATH = {
    "check_methods_subset_invariance": "an input at a row reaches later rows, so that rows predicted alone have another input between them",
    **dict.fromkeys(("check_positive_only_tag_during_fit", "check_estimators_dtypes"), "rows of equal times cannot have different inputs, and are refused"),
}


@pytest.mark.parametrize("options, excused", [({"inputs": ()}, {}), ({}, NOT_OF_A_PATH)], ids=["times alone", "with inputs"])
def test_the_checks_of_scikit_learn(options, excused):
    model = quick(**{**options, "epochs": 3, "polish": 0, "max_windows": 4})
    results = check_estimator(model, expected_failed_checks=excused, on_fail=None, on_skip=None)
    failed = [f"{one['check_name']}: {one['exception']!r}" for one in results if one["status"] == "failed"]
    assert not failed, "\n".join(failed)
    assert sum(one["status"] == "passed" for one in results) > 40
    assert {one["check_name"] for one in results if one["status"] == "xfail"} <= set(excused)


def test_parameters_are_those_of_fit():
    mine, fits = inspect.signature(costate.NeuralODERegressor).parameters, inspect.signature(costate.fit).parameters
    assert set(fits) - set(mine) == {"times", "states", "progress", "device", "delay", "lag", "hold_out", "missing", "seed", "seeds"}
    for name in set(mine) & set(fits) - {"inputs", "covariates"}:
        value = mine[name].default
        assert fits[name].default == (list(value) if isinstance(value, tuple) else value), name
    for name in mine:
        assert name in fits or re.search(rf"\b{name}\b", costate.NeuralODERegressor.__doc__), name


def test_a_fit_predicts_its_data_and_forecasts():
    y = spiral(TIMES)
    model = quick().fit(TIMES[:30, None], y[:30])
    assert model.score(TIMES[:30, None], y[:30]) > 0.999 and model.score(TIMES[30:, None], y[30:]) > 0.99
    rows = np.array([7.0, 0.5, 6.9, 2.0])  # in any order, beyond the data and within
    np.testing.assert_allclose(model.predict(rows[:, None]), spiral(rows), atol=0.05)
    np.testing.assert_allclose(model.predict(rows[[1], None]), model.predict(rows[:, None])[[1]], rtol=1e-4)  # of other last steps
    before = model.predict([[-0.5]])
    np.testing.assert_allclose(before, spiral(np.array([-0.5])), atol=0.05)


def test_the_fit_is_that_of_fit_table():
    y = spiral(TIMES)
    model = quick(random_state=3).fit(TIMES[:, None], y)
    table = {"t": TIMES, "y0": y[:, 0], "y1": y[:, 1]}
    same = costate.fit_table(table, time="t", states=["y0", "y1"], hold_out=0, missing="none", seed=3, **{**FEW, "hidden": [], "clock": "none"})
    assert [p.value.tolist() for p in model.model_.parameters] == [p.value.tolist() for p in same.parameters]


def trajectories(count=6, seed=0):
    random = np.random.default_rng(seed)
    X, y, groups = [], [], []
    for i, z0 in enumerate(random.normal(size=(count, 2))):
        times = np.sort(random.uniform(0.1, 6, 25))
        X.append(np.column_stack([times, np.tile(z0, (25, 1))]))
        y.append(spiral(times, z0))
        groups += [i] * 25
    return np.concatenate(X), np.concatenate(y), np.array(groups)


def test_cross_validation_over_trajectories():
    X, y, groups = trajectories()
    scores = cross_val_score(quick(start=[1, 2]), X, y, groups=groups, cv=GroupKFold(3), error_score="raise")
    assert scores.min() > 0.99
    shuffled = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_allclose(quick(start=[1, 2]).fit(X[shuffled], y[shuffled]).predict(X), quick(start=[1, 2]).fit(X, y).predict(X), atol=1e-9)


def test_a_search_over_times_to_come():
    search = GridSearchCV(quick(), {"hidden": [(), (4,)], "epochs": [100]}, cv=TimeSeriesSplit(2, test_size=8), error_score="raise")
    search.fit(TIMES[:, None], spiral(TIMES))
    assert search.best_params_["hidden"] == () and search.best_score_ > 0.9
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict([[9.0]]), search.predict([[9.0]]))


def test_inputs_and_covariates():
    """z' = -c z + u, c of a trajectory, u a step."""
    X, y = [], []
    for c in (0.5, 1.0, 1.5):
        times = np.linspace(0, 4, 41)
        u = (times >= 2).astype(float)
        z = np.where(times < 2, np.exp(-c * times), 0)
        after = times >= 2
        z[after] = np.exp(-c * times[after]) + (1 - np.exp(-c * (times[after] - 2))) / c
        X.append(np.column_stack([times, np.full(41, c), u, np.ones(41)]))
        y.append(z)
    X, y = np.concatenate(X), np.concatenate(y)
    model = quick(start=3, covariates=[1], interpolation="hold", hidden=(16,), epochs=300).fit(X, y)
    assert model.n_features_in_ == 4 and model.score(X, y) > 0.96


def test_missing_states_are_left_out():
    y = spiral(TIMES)
    y[5:9, 1] = np.nan
    model = quick().fit(TIMES[:, None], y)
    np.testing.assert_allclose(model.predict(TIMES[:, None]), spiral(TIMES), atol=0.05)


def test_frames_with_names_dates_and_trajectories():
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-05-01", periods=30, freq="D")
    frame = pandas.concat([pandas.DataFrame({"day": days, "site": site}) for site in ("north", "south")], ignore_index=True)
    hours = np.tile(np.arange(30.0), 2) / 5
    y = spiral(hours)
    model = quick(time="day", trajectory="site").fit(frame, y)
    assert model.feature_names_in_.tolist() == ["day", "site"]
    assert model.score(frame, y) > 0.99
    later = pandas.DataFrame({"day": [pandas.Timestamp("2024-06-02")], "site": ["south"]})
    np.testing.assert_allclose(model.predict(later), spiral(np.array([32.0 / 5])), atol=0.05)
    with pytest.raises(costate.InvalidArgument, match="trajectory 'west' was not fitted"):
        model.predict(later.assign(site="west"))


def test_clones_and_parameters():
    model = quick(learning_rate=0.02)
    same = clone(model)
    assert same.get_params() == model.get_params() and same is not model
    assert model.set_params(hidden=(3,)).hidden == (3,)
    assert repr(quick(epochs=0)) == "NeuralODERegressor(clock=('none',), hidden=(), memory='none', window=5)"


def test_a_pipeline_with_grid_search_on_a_panel_of_statsmodels():
    """Grunfeld's firms: investment, value and capital, each firm a trajectory from the state of its first year."""
    statsmodels = pytest.importorskip("statsmodels.api")
    panel = statsmodels.datasets.grunfeld.load_pandas().data
    states = ["invest", "value", "capital"]
    panel = panel.sort_values(["firm", "year"]).reset_index(drop=True)
    first = panel.groupby("firm")[states].transform("first")
    X = panel[["year"]].join(first.add_prefix("first_"))
    years = FunctionTransformer(lambda frame: frame.assign(year=frame["year"] - 1935, **{f"first_{s}": np.log(frame[f"first_{s}"]) for s in states}))
    ode = quick(time="year", start=[f"first_{s}" for s in states], epochs=30)
    model = TransformedTargetRegressor(make_pipeline(years, ode), func=np.log, inverse_func=np.exp)
    search = GridSearchCV(model, {"regressor__neuraloderegressor__hidden": [(), (8,)]}, cv=GroupKFold(3), error_score="raise")
    search.fit(X, panel[states], groups=panel["firm"])
    assert set(search.best_params_) == {"regressor__neuraloderegressor__hidden"}
    later = panel["year"] >= 1950
    told = search.predict(X[later])
    persistence = first[later]
    error = lambda guess: np.sqrt(np.mean(np.square(np.log(np.asarray(guess)) - np.log(panel.loc[later, states].to_numpy()))))
    assert error(told) < error(persistence)


@pytest.mark.parametrize("run, error, message", [
    (lambda: quick(time="when").fit(TIMES[:, None], TIMES), costate.InvalidArgument, "time names the column 'when'; X has no names of columns"),
    (lambda: quick(inputs=[2]).fit(TIMES[:, None], TIMES), costate.InvalidArgument, "inputs is column 2 of X, which has 1 feature(s)"),
    (lambda: quick(inputs=[0]).fit(TIMES[:, None], TIMES), costate.InvalidArgument, "a column of X has two roles"),
    (lambda: quick(start=[1]).fit(np.ones((9, 2)), np.ones((9, 2))), costate.ShapeError, "start must name a column of X for each of the 2 columns of y; got 1"),
    (lambda: quick(start=[1], start_time=1.0).fit(np.zeros((9, 2)), np.ones(9)), costate.InvalidArgument, "times must not lie before start_time = 1.0; got 0.0"),
    (lambda: quick().fit(TIMES[:, None], spiral(TIMES)).predict([["a"]]), ValueError, "could not convert"),
])
def test_what_does_not_fit(run, error, message):
    with pytest.raises(error, match=re.escape(message)):
        run()
