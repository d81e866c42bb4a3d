"""xarray in and out. Skipped where it is not installed: pip install xarray."""

import costate
import numpy as np
import pytest

xarray = pytest.importorskip("xarray")
pandas = pytest.importorskip("pandas")
FEW = {"hidden": [], "memory": "none", "clock": "none", "epochs": 20, "polish": 10, "window": 5}
DAYS = pandas.date_range("2024-05-01", periods=12, freq="D", name="day")
DECAY = np.exp(-0.3 * np.arange(12))


def weights(model):
    return [parameter.value.tolist() for parameter in model.parameters]


def test_a_dataset_is_a_frame_over_its_dimension():
    data = xarray.Dataset({"x": ("day", DECAY), "y": ("day", 1 - DECAY)}, coords={"day": DAYS})
    model = costate.fit_table(data, states=["x", "y"], **FEW)
    assert weights(model) == weights(costate.fit_table(data.to_dataframe(), states=["x", "y"], **FEW))
    ahead = model.forecast(steps=3).to_xarray()
    assert dict(ahead.sizes) == {"day": 4} and set(ahead.data_vars) == {"x", "y", "outside"}
    assert ahead["day"].values[-1] == np.datetime64("2024-05-15")
    alone = costate.fit_table(data["x"], states="x", **FEW)
    assert weights(alone) == weights(costate.fit_table(data[["x"]], states="x", **FEW))


def test_several_dimensions_are_trajectories():
    grown = np.exp(-np.array([[0.3], [0.4], [0.2]]) * np.arange(12))
    data = xarray.Dataset({"x": (("site", "day"), grown)}, coords={"site": ["a", "b", "c"], "day": DAYS})
    model = costate.fit_table(data, time="day", states="x", trajectory="site", **FEW)
    ahead = model.forecast(steps=2).to_xarray()
    assert dict(ahead.sizes) == {"site": 3, "day": 3} and ahead["site"].values.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(ahead["x"].sel(site="b").values, grown[1, -1] * np.exp(-0.4 * np.arange(3)), atol=0.05)


def test_arrays_go_into_solves_and_fits():
    start = xarray.DataArray([1.0, 0.0], dims="state")
    assert costate.solve(lambda t, z: [z[1], -z[0]], start, [0.0, 1.0]).states.shape == (2, 2)
    model = costate.fit(np.arange(12.0), xarray.DataArray(DECAY, dims="t"), **{**FEW, "clock": ["none"]})
    assert model.forecast(steps=1).states[0].shape == (2, 1)
