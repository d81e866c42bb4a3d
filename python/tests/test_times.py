"""Times of all kinds, dates, durations and numbers, at every door of a fit."""

import datetime

import costate
import numpy as np
import pytest

FEW = {"hidden": [], "memory": "none", "clock": "none", "epochs": 20, "polish": 10, "window": 5}
DECAY = np.exp(-0.3 * np.arange(12))
TIMES = np.linspace(0, 6, 61)
STATES = np.stack([np.cos(TIMES), -np.sin(TIMES)], axis=1)
HOURS = np.datetime64("2024-01-01T00", "s") + np.arange(61) * np.timedelta64(1, "h")


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def regressor():
    pytest.importorskip("sklearn")
    return lambda **options: costate.NeuralODERegressor(hidden=(), memory="none", clock=("none",), epochs=20, polish=10, window=5, **options)


def weights(model):
    return [parameter.value.tolist() for parameter in model.parameters]


def test_a_regressor_reads_dates_of_any_unit(regressor):
    of_seconds = regressor().fit(HOURS[:, None], STATES)
    days = HOURS.astype(np.int64)[:, None] / 86400
    told = of_seconds.predict(HOURS[-3:, None])
    np.testing.assert_array_equal(told, regressor().fit(days, STATES).predict(days[-3:]))
    for unit in ("h", "m", "ms", "us", "ns"):
        np.testing.assert_array_equal(of_seconds.predict(HOURS[-3:, None].astype(f"M8[{unit}]")), told)
        assert weights(regressor().fit(HOURS[:, None].astype(f"M8[{unit}]"), STATES).model_) == weights(of_seconds.model_)
    listed = [[when] for when in HOURS[-3:].astype(datetime.datetime)]
    np.testing.assert_array_equal(of_seconds.predict(listed), told)
    np.testing.assert_array_equal(of_seconds.predict(np.array(listed)), told)


def test_a_regressor_of_dates_wants_dates(regressor):
    model = regressor().fit(HOURS[:, None], STATES)
    with pytest.raises(costate.InvalidArgument, match=r"\[NeuralODERegressor.predict\] column 0 of X holds numbers and held dates in the fit; give dates"):
        model.predict([[3.0]])
    with pytest.raises(costate.InvalidArgument, match="column 0 of X holds dates and held numbers in the fit; give numbers"):
        regressor().fit(TIMES[:, None], STATES).predict(HOURS[:1, None])
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(np.array([["NaT"]], dtype="M8[s]"))
    with pytest.raises(costate.DataError, match="less than a microsecond apart, which are one here; give numbers"):
        regressor().fit((np.datetime64("2024-01-01", "ns") + np.arange(61))[:, None], STATES)
    with pytest.raises(costate.DtypeError, match="a column of dates must hold dates alone; got float"):
        model.predict(np.array([[datetime.datetime(2024, 1, 1)], [3.0]], dtype=object))


def test_a_regressor_takes_zones_and_periods(regressor, pandas):
    plain = regressor().fit(HOURS[:, None], STATES)
    zoned = pandas.DataFrame({"when": pandas.Series(HOURS).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")})
    periods = pandas.DataFrame({"when": pandas.period_range("2024-01-01", periods=61, freq="h")})
    for frame in (zoned, periods, zoned.astype(object), periods.astype(object)):
        model = regressor(time="when").fit(frame, STATES)
        assert weights(model.model_) == weights(plain.model_)
        np.testing.assert_array_equal(model.predict(frame.iloc[-2:]), plain.predict(HOURS[-2:, None]))


def test_a_start_of_a_regressor_is_a_date_where_times_are(regressor, pandas):
    frame = pandas.DataFrame({"when": HOURS[1:], "x": 1.0, "y": 0.0})
    numbers = frame.assign(when=(HOURS[1:] - HOURS[0]) / np.timedelta64(1, "D"))
    of_dates = regressor(time="when", start=["x", "y"], start_time=HOURS[0]).fit(frame, STATES[1:])
    of_numbers = regressor(time="when", start=["x", "y"]).fit(numbers, STATES[1:])
    np.testing.assert_allclose(of_dates.predict(frame), of_numbers.predict(numbers), atol=1e-6)
    with pytest.raises(costate.InvalidArgument, match="start_time must be a date, as the times are; got 0.0"):
        regressor(time="when", start=["x", "y"]).fit(frame, STATES[1:])
    with pytest.raises(costate.InvalidArgument, match="must not lie before start_time = 2024-01-01T00:00:00; got 2023-12-31 23:00:00"):
        of_dates.predict(frame.assign(when=HOURS[1:] - np.timedelta64(2, "h")).head(1))


def test_durations_are_seconds_at_every_door(regressor, pandas):
    seconds = 60.0 * np.arange(12)
    steps = pandas.to_timedelta(seconds, unit="s")
    same = [pandas.Series(steps), steps, list(steps), [datetime.timedelta(seconds=s) for s in seconds], np.asarray(steps)]
    model = costate.fit(seconds, DECAY, **FEW)
    for times in same:
        assert weights(costate.fit(times, DECAY, **FEW)) == weights(model)
        assert weights(costate.fit_table({"t": times, "x": DECAY}, time="t", states="x", **FEW)) == weights(model)
        np.testing.assert_array_equal(model.predict([1.0], times), model.predict([1.0], seconds))
    assert weights(costate.fit_table(pandas.DataFrame({"x": DECAY}, index=steps), states="x", **FEW)) == weights(model)
    for until in (steps[-1] + pandas.Timedelta("2min"), datetime.timedelta(minutes=13), np.timedelta64(13, "m")):
        assert model.forecast(until=until).times[0].tolist() == [660, 720, 780]
    assert weights(regressor().fit(np.asarray(steps)[:, None], DECAY).model_) == weights(regressor().fit(seconds[:, None], DECAY).model_)
    assert weights(regressor().fit(pandas.DataFrame({"t": steps}), DECAY).model_) == weights(regressor().fit(seconds[:, None], DECAY).model_)
    with pytest.raises(costate.DtypeError, match="months or years have no length in seconds"):
        costate.fit(np.arange(12).astype("m8[M]"), DECAY, **FEW)


@pytest.mark.parametrize("apart, unit", [(1, "ns"), (250, "ns"), (1000, "us"), (500_000, "us"), (2_000_000, "us"), (333_333_333, "us")])
@pytest.mark.parametrize("first", ["2024-03-30", "2024-03-30T11:12:13.123456789", "2024-03-30T00:00:00.000010000"])
def test_times_come_back_as_fine_as_they_need(first, apart, unit):
    if apart == 1 and "T11" in first:  # 4e4 seconds of a day in f64 are good to 7e-12, and their differences
        apart = 3
    when = np.datetime64(first, "ns") + apart * np.arange(12)
    ahead = costate.fit_table({"t": when, "x": DECAY}, time="t", states="x", **FEW).forecast(steps=3).times[0]
    wanted = when[-1] + apart * np.arange(4)
    fine = unit == "ns" or (apart < 1_000_000 and first.endswith("789"))
    assert ahead.dtype == ("M8[ns]" if fine else "M8[us]")
    assert np.abs((ahead - wanted).astype("m8[ns]").astype(int)).max() <= (1 if fine else 501)
    assert len(set(ahead.tolist())) == 4


@pytest.mark.parametrize("of", ["ME", "QE", "YE", "QE-JAN", "YE-JUN"])
def test_a_forecast_of_the_ends_of_periods_goes_on_by_the_calendar(pandas, of):
    ends = pandas.date_range("1990-01-01", periods=72, freq=of)
    values = np.cos(np.arange(60) / 3)
    few = {**FEW, "epochs": 3, "polish": 0}
    frame = pandas.DataFrame({"x": values}, index=ends[:60])
    fits = [costate.fit_table(frame, states=["x"], **few), costate.fit(ends[:60], values, **few)]
    for model in fits:
        ahead = model.forecast(steps=12).times[0]
        assert ahead.astype("M8[D]").tolist() == ends[59:].to_numpy().astype("M8[D]").tolist()
    until = fits[0].forecast(until=ends[70]).times[0]
    assert until.astype("M8[D]").tolist() == ends[59:71].to_numpy().astype("M8[D]").tolist()


def test_a_date_of_any_kind_says_what_is_held_out(pandas):
    when = pandas.Timestamp("2024-01-03 03:00")
    wanted = costate.fit(HOURS, STATES, **FEW, hold_out="2024-01-03T03:00")
    for date in (when, when.to_pydatetime(), when.to_datetime64(), HOURS[51], pandas.Period(when, "h")):
        assert costate.fit(HOURS, STATES, **FEW, hold_out=date).summary == wanted.summary
    with pytest.raises(costate.CallError, match="hold_out must be a number or a string; got .*Timedelta"):
        costate.fit(HOURS, STATES, **FEW, hold_out=pandas.Timedelta("8s"))


def test_columns_may_be_called_by_numbers(pandas):
    frame = pandas.DataFrame({0: np.arange(12.0), 1: DECAY, 2: ["a"] * 6 + ["b"] * 6})
    model = costate.fit_table(frame, time=0, states=[1], trajectory=2, **FEW)
    assert weights(model) == weights(costate.fit_table(frame, time="0", states="1", trajectory="2", **FEW))
    assert weights(costate.fit_table(frame, time=np.int64(0), states=np.int64(1), trajectory=2, **FEW)) == weights(model)
