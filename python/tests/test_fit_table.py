"""Tables, dates and forecasts in Python: the same as the command line, whose reader and forecasts they are."""

import datetime
import io
import pickle
import sys

import costate
import numpy as np
import pytest

FEW = {"hidden": [], "memory": "none", "clock": "none", "epochs": 20, "polish": 10, "window": 5}
DECAY = np.exp(-0.3 * np.arange(12))
DAYS = np.datetime64("2024-05-01") + np.arange(12)
DOSES = """id,hours,dose,wt,conc
1,0,10,2,
1,1,,2,4.1
1,3,,2,3.0
1,6,5,2,
1,7,,2,3.9
1,9,,2,2.9
2,0,10,4,
2,1,,4,2.1
2,3,,4,1.5
2,5,,4,1.1
3,0,10,2,
3,1,,2,4.0
3,3,,2,3.1
3,5,,2,2.2
"""


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas")


def weights(model):
    return [parameter.value.tolist() for parameter in model.parameters]


def of_dict(x=DECAY, **options):
    return costate.fit_table({"t": np.arange(12.0), "x": x}, time="t", states="x", **FEW, **options)


def test_a_frame_a_dict_and_a_file_give_the_same_bits(pandas, tmp_path):
    frame = pandas.DataFrame({"day": DAYS, "x": DECAY, "u": np.sin(np.arange(12))})
    frame.loc[4, "x"] = np.nan
    path = tmp_path / "data.csv"
    frame.to_csv(path, index=False)
    options = {"time": "day", "states": ["x"], "inputs": ["u"], **FEW}
    of_file = costate.fit_table(path, **options)
    for data in (frame, dict(frame), frame.set_index("day"), pandas.read_csv(path), frame.astype({"day": str})):
        assert weights(costate.fit_table(data, **options)) == weights(of_file)
    ahead = of_file.forecast(steps=3, inputs_ahead="hold")
    assert ahead.times[0].tolist() == [datetime.datetime(2024, 5, day) for day in (12, 13, 14, 15)]
    assert ahead.to_frame().columns.tolist() == ["day", "x", "outside"]


def test_an_index_is_the_times_if_nobody_names_others(pandas):
    frame = pandas.DataFrame({"x": DECAY}, index=pandas.Index(np.arange(12.0), name="hours"))
    model = costate.fit_table(frame, states="x", **FEW)
    assert weights(model) == weights(of_dict())
    assert model.forecast(steps=1).time_name == "hours"
    dated = costate.fit_table(frame.set_axis(pandas.DatetimeIndex(DAYS)), states="x", **FEW)
    assert dated.forecast(steps=1).time_name == "time"
    assert weights(costate.fit_table(frame.set_axis(pandas.PeriodIndex(DAYS, freq="D")), states="x", **FEW)) == weights(dated)
    with pytest.raises(costate.InvalidArgument, match="a column of times is needed: name it with time, or give step or rate"):
        costate.fit_table(frame.reset_index(drop=True), states="x", **FEW)
    assert weights(costate.fit_table(frame.reset_index(drop=True), states="x", step=1, **FEW)) == weights(model)
    keyed = frame.assign(run=[0] * 6 + [1] * 6).set_index("run", append=True)
    assert costate.fit_table(keyed, time="hours", states="x", trajectory="run", **FEW).forecast(steps=1).ids == ["0", "1"]


@pytest.mark.parametrize("zone, hours", [("UTC", 0), ("Asia/Tokyo", 9)])
def test_dates_with_a_zone_come_back_in_utc(pandas, zone, hours):
    frame = pandas.DataFrame({"x": DECAY}, index=pandas.date_range("2024-05-01", periods=12, freq="h", tz=zone))
    ahead = costate.fit_table(frame, states="x", **FEW).forecast("2024-05-01T14:00:00Z" if zone == "UTC" else frame.index[-1] + pandas.Timedelta("3h"))
    begin = pandas.Timestamp("2024-05-01 11:00", tz="UTC") - pandas.Timedelta(hours=hours)
    assert ahead.to_frame()["time"].tolist() == [begin + pandas.Timedelta(hours=i) for i in range(4)]


def test_kinds_of_cells():
    from costate import _tables

    assert _tables.cells(np.array([1.0, np.nan, -0.1, 1e-30])) == ["1", "", "-0.1", "1e-30"]
    assert _tables.cells(np.array([0.1], dtype=np.float32)) == [repr(float(np.float32(0.1)))]
    assert _tables.cells(np.array([7, -3])) == ["7", "-3"]
    assert _tables.cells([" a ", None, float("nan"), True, b"b", 2.0]) == ["a", "", "", "1", "b", "2"]
    assert _tables.cells(np.array(["2024-05-01", "NaT"], dtype="M8[ns]")) == ["2024-05-01", ""]
    assert _tables.cells(np.array(["2024-05-01", "2024-05-01T10:00"], dtype="M8[ns]")) == ["2024-05-01T00:00:00", "2024-05-01T10:00:00"]
    assert _tables.cells(np.array(["2024-05-01T10:00:00.25"], dtype="M8[ms]")) == ["2024-05-01T10:00:00.250000"]
    assert _tables.cells(np.ma.array([1.5, 2.5], mask=[False, True])) == ["1.5", ""]
    assert _tables.cells(np.array([90, 0], dtype="m8[m]")) == ["5400", "0"]
    assert _tables.cells([datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1, 10)]) == ["2024-05-01", "2024-05-01T10:00:00"]


def test_cells_of_pandas(pandas):
    from costate import _tables

    assert _tables.cells(pandas.Series([1, None], dtype="Int64")) == ["1", ""]
    assert _tables.cells(pandas.Series(["a", None], dtype="string")) == ["a", ""]
    assert _tables.cells(pandas.Series(["a", "b"], dtype="category")) == ["a", "b"]
    assert _tables.cells(pandas.Series(pandas.to_datetime(["2024-05-01", None]))) == ["2024-05-01", ""]
    assert _tables.cells(pandas.Series([pandas.Timestamp("2024-05-01T10:00")], dtype=object)) == ["2024-05-01T10:00:00"]


def test_doses_are_those_of_the_file(pandas, tmp_path):
    (tmp_path / "doses.csv").write_text(DOSES)
    options = {"time": "hours", "states": "conc", "events": "dose", "covariates": "wt", "trajectory": "id", "hold_out": "id=3", **FEW}
    model = costate.fit_table(pandas.read_csv(io.StringIO(DOSES)), **options)
    assert weights(model) == weights(costate.fit_table(tmp_path / "doses.csv", **options))
    dosed = model.forecast(20, inputs={"hours": [10, 16], "dose": [50, None]}).to_frame()
    plain = model.forecast(20).to_frame()
    assert dosed["id"].unique().tolist() == [1, 2, 3]
    assert any(note.endswith("give amounts and times with inputs=FILE if some does") for note in model.forecast(20).notes)
    difference = np.abs(dosed["conc"] - plain["conc"])
    assert difference[dosed["hours"] > 10].min() > 1e-3 and difference[dosed["hours"] < 8.9].max() < 1e-3


def test_keys_and_dates_of_several_columns(pandas):
    rows = [(site, visit, f"{1 + hour // 24:02d}/05/2024", f"{hour % 24:02d}:30", np.exp(-k * hour / 10))
            for site, visit, k in (("A", 1, 1), ("A", 2, 2), ("B", 1, 3)) for hour in range(20, 28)]
    frame = pandas.DataFrame(rows, columns=["site", "visit", "day", "clock", "x"])
    options = {"time": "day,clock", "states": "x", "trajectory": "site,visit", "time_format": "%d/%m/%Y %H:%M", **FEW}
    model = costate.fit_table(frame, hold_out="site=B", **options)
    ahead = model.forecast("02/05/2024 05:30").to_frame()
    assert ahead.columns.tolist() == ["site", "visit", "day,clock", "x", "outside"] and len(ahead) == 9
    assert ahead[["site", "visit"]].drop_duplicates().values.tolist() == [["A", 1], ["A", 2], ["B", 1]]
    assert ahead["day,clock"].iloc[-1] == pandas.Timestamp("2024-05-02 05:30")


def test_a_long_table_with_replicates():
    rows = [(run, name, t, value + 0.01 * repeat) for run, k in (("a", 0.3), ("b", 0.5)) for t in range(8) for repeat in range(2)
            for name, value in (("s", np.exp(-k * t)), ("p", 1 - np.exp(-k * t)))]
    table = dict(zip(("run", "quantity", "t", "value"), zip(*rows)))
    model = costate.fit_table(table, time="t", states=["s", "p"], quantity="quantity", value="value", trajectory="run", **FEW)
    start = model.forecast(steps=1, at=0).states
    np.testing.assert_allclose(start[0][0], [1.005, 0.005], atol=0.2)  # the mean of two, as the model fits it


@pytest.mark.parametrize("kind, package", [("parquet", "pyarrow"), ("feather", "pyarrow"), ("xlsx", "openpyxl")])
def test_files_that_pandas_reads(pandas, tmp_path, kind, package):
    pytest.importorskip(package)
    frame = pandas.DataFrame({"when": DAYS, "x": np.round(DECAY, 6)})  # a sheet holds 16 digits
    path = tmp_path / f"data.{kind}"
    frame.to_excel(path, index=False) if kind == "xlsx" else getattr(frame, f"to_{kind}")(path)
    options = {"time": "when", "states": "x", **FEW}
    assert weights(costate.fit_table(path, **options)) == weights(costate.fit_table(frame, **options))


def test_a_sheet_is_read_as_a_file_of_text_is(pandas, tmp_path):
    pytest.importorskip("openpyxl")
    rows = [["station 7", None], [None, None], ["t", "x"], ["h", "mg"], *map(list, zip(range(12), np.round(DECAY, 6)))]
    pandas.DataFrame(rows).to_excel(tmp_path / "sheet.xlsx", index=False, header=False)
    options = {"time": "t", "states": "x", **FEW}
    assert weights(costate.fit_table(tmp_path / "sheet.xlsx", skip=1, **options)) == weights(of_dict(x=np.round(DECAY, 6)))
    with pytest.raises(costate.DataError, match="if that is the header, skip the lines before it with skip"):
        costate.fit_table(tmp_path / "sheet.xlsx", **options)


def test_what_pandas_needs_is_named(monkeypatch, tmp_path, pandas):
    with pytest.raises(costate.IoError, match="cannot read '.*absent.parquet'"):
        costate.fit_table(tmp_path / "absent.parquet", time="t", states="x")
    (tmp_path / "data.parquet").write_bytes(b"PAR1")
    for package in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(costate.NotSupported, match="pandas cannot read '.*data.parquet': .*pyarrow"):
        costate.fit_table(tmp_path / "data.parquet", time="t", states="x")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(costate.NotSupported, match="needs pandas, which cannot be imported .*; pip install pandas brings it."):
        costate.fit_table(tmp_path / "data.parquet", time="t", states="x")


def test_numbers_are_names():
    coded = np.where(np.arange(12) == 4, -9, DECAY)
    blank = np.where(np.arange(12) == 4, np.nan, DECAY)
    assert weights(of_dict(x=coded, missing=-9)) == weights(of_dict(x=coded, missing=["-9", "n/a"])) == weights(of_dict(x=blank))
    unnamed = costate.fit_table({0: np.arange(12.0), 1: DECAY}, time="0", states=1, **FEW)
    assert unnamed.forecast(steps=1).state_names == ["1"]
    assert weights(costate.fit(np.arange(12.0), DECAY, **{**FEW, "clock": 24})) == weights(costate.fit(np.arange(12.0), DECAY, **{**FEW, "clock": ["24"]}))
    with pytest.raises(costate.CallError, match="missing must be a string, a number or a list of them; got bool"):
        of_dict(missing=True)


def test_other_data_may_judge():
    table = {"t": np.arange(12.0), "x": DECAY}
    model = costate.fit_table(table, time="t", states="x", judge={"t": np.arange(12.0), "x": 2 * DECAY}, **FEW)
    assert "12 to judge by" in model.summary
    with pytest.raises(costate.DataError, match="judge holds what the model is fitted to; give other data."):
        costate.fit_table(table, time="t", states="x", judge=table, **FEW)
    with pytest.raises(costate.InvalidArgument, match="give either judge or hold_out"):
        costate.fit_table(table, time="t", states="x", judge=table, hold_out=0.5, **FEW)


@pytest.mark.parametrize(
    "data, options, error, message",
    [
        (3, {}, costate.CallError, r"\[fit_table\] data must be a DataFrame, a dict of columns, an xarray Dataset or a path; got int."),
        ({"t": [0, 1], "x": [1, 2, 3]}, {}, costate.ShapeError, "all columns must be as long; got 't' 2, 'x' 3."),
        ({"t": [0, 1], "x": np.ones((2, 2))}, {}, costate.ShapeError, r"a column must have shape \[samples\]; got \[2, 2\]."),
        ({"t": [0, 1, 2], "x": ["1", "two", "3"]}, {}, costate.DataError, "the table, line 2, column 'x': expected a number; got 'two'"),
        ({"t": [0, None, 2], "x": [1, 2, 3]}, {}, costate.DataError, "line 2, column 't': the time is missing"),
        ({"T": [0, 1, 2], "x": [1, 2, 3]}, {}, costate.DataError, "unknown column 't'; did you mean 'T'"),
        ({"t": [0, 1, 2], "x": [1, 2, 3]}, {"hold_out": "seven"}, costate.InvalidArgument, "hold_out takes a share"),
        ({"t": [0, 1, 2], "x": [1, 2, 3]}, {"state": "x"}, costate.CallError, "no argument 'state'; did you mean 'states'"),
        ({"t": [0, 1, 2], "x": [1, 2, 3]}, {"skip": 1}, costate.InvalidArgument, "skip is for lines of a file of text or a sheet"),
        ({"t": [0, 1, 2], "x": [1, 2, 3]}, {"time": 0}, costate.DataError, "unknown column '0'"),
        ({"t": [0, 1, 2], "x": [1, 2, 3]}, {"time": [0]}, costate.CallError, "time must be a number or a string; got list"),
        ("/nowhere/data.csv", {}, costate.IoError, "cannot open '/nowhere/data.csv'"),
    ],
)
def test_mistakes_are_named(data, options, error, message):
    with pytest.raises(error, match=message):
        costate.fit_table(data, **{"time": "t", "states": "x", **options})


def test_columns_of_two_levels_are_refused(pandas):
    with pytest.raises(costate.InvalidArgument, match="a column must have a plain name; got .'x', 'a'."):
        costate.fit_table(pandas.DataFrame({("x", "a"): DECAY}), step=1, states="x")


def test_one_state_needs_no_second_axis():
    times = np.arange(12.0)
    first = weights(costate.fit(times, DECAY, **FEW))
    assert first == weights(costate.fit(times, DECAY[:, None], **FEW)) == weights(costate.fit(list(times), list(DECAY), **FEW))
    assert first == weights(costate.fit([times], [DECAY], **FEW)) == weights(of_dict())
    blank = [None if i == 4 else x for i, x in enumerate(DECAY)]
    assert weights(costate.fit(times, blank, **FEW)) == weights(costate.fit(times, np.where(times == 4, np.nan, DECAY), **FEW))
    assert weights(costate.fit(times, DECAY, np.sin(times), **FEW)) == weights(costate.fit(times, DECAY, np.sin(times)[:, None], **FEW))


def test_runs_may_be_ragged_and_share_their_times():
    times = np.arange(12.0)
    ragged = costate.fit([times, times[:9]], [DECAY, 2 * DECAY[:9]], covariates=[1.0, 2.0], **FEW)
    assert [len(some) for some in ragged.forecast(steps=2).times] == [3, 3]
    assert ragged.forecast(steps=2).times[1].tolist() == [8, 9, 10]
    runs = np.stack([DECAY, 2 * DECAY])
    shared = costate.fit(times, runs[..., None], **FEW)
    assert weights(shared) == weights(costate.fit([times, times], list(runs), **FEW))
    assert weights(shared) == weights(costate.fit(np.stack([times, times]), runs[..., None], **FEW))
    with pytest.raises(costate.ShapeError, match="as many runs of states and inputs as of times; got 2 of times, 3 of states"):
        costate.fit([times, times], [DECAY] * 3, **FEW)


def test_times_may_be_dates():
    hours = np.datetime64("2024-05-01T00:00") + np.arange(12) * np.timedelta64(1, "h")
    model = costate.fit(hours, DECAY, **FEW)
    for times in (hours.astype(datetime.datetime), list(map(str, hours)), list(hours)):
        assert weights(costate.fit(times, DECAY, **FEW)) == weights(model)
    assert weights(model) == weights(costate.fit(3600 * np.arange(12), DECAY, **FEW))
    ahead = model.forecast(np.datetime64("2024-05-01T14:00"))
    assert ahead.times[0].tolist() == [datetime.datetime(2024, 5, 1, hour) for hour in (11, 12, 13, 14)]
    np.testing.assert_array_equal(model.predict([1.0], hours[:3]), model.predict([1.0], [0, 3600, 7200]))
    several = costate.fit([hours, hours[2:9]], [DECAY, DECAY[2:9]], **{**FEW, "clock": "day"})
    assert several.forecast(steps=1).times[1][0] == hours[8]
    assert "seconds" not in model.verdict and "(1 h)" in model.verdict
    with pytest.raises(costate.DataError, match="the times of some runs are dates and those of others numbers"):
        costate.fit([np.arange(12), hours], [DECAY, DECAY], **FEW)
    with pytest.raises(costate.InvalidArgument, match="the times of the fit are numbers; got dates"):
        of_dict().predict([1.0], hours)


def test_pandas_gives_names(pandas):
    index = pandas.DatetimeIndex(DAYS, name="day")
    model = costate.fit(index, pandas.DataFrame({"x": DECAY, "y": 2 * DECAY}), pandas.Series(np.sin(np.arange(12)), name="u"),
                        **{**FEW, "hold_out": "2024-05-09"})
    made = model.forecast(steps=2, inputs=pandas.DataFrame({"u": 0.0}, index=index + pandas.Timedelta("9D"))).to_frame()
    assert made.columns.tolist() == ["day", "x", "y", "outside"] and str(made["day"].dtype).startswith("datetime64")
    by_date, by_text = (costate.fit(index, DECAY, **{**FEW, "hold_out": date}) for date in (index[8], str(index[8].date())))
    assert "4 to judge by" in by_date.summary and weights(by_date) == weights(by_text)
    with pytest.raises(costate.InvalidArgument, match=f"must lie after the start at {index[-1].date()}; got {index[0].date()}"):
        by_date.forecast(index[0])
    assert "2 rows, the start 2024-05-12 among them, to 2024-05-13" in repr(by_date.forecast(steps=1))
    with pytest.raises(costate.InvalidArgument, match=r"all runs must have the same states; got \['x'\], and of run 1 \['y'\]"):
        costate.fit([index, index], [pandas.Series(DECAY, name="x"), pandas.Series(DECAY, name="y")])
    gaps = pandas.DataFrame({"x": pandas.Series([None, *range(11)], dtype="Int64")})
    assert costate.fit(index, gaps, **FEW).forecast(steps=1).state_names == ["x"]
    with pytest.raises(costate.DtypeError, match="expected numbers; got others: could not convert string to float: 'a'"):
        costate.fit(index, pandas.DataFrame({"x": ["a"] * 12}))


def test_forecasts_start_anywhere():
    model = costate.fit(np.arange(12.0), DECAY, **FEW)
    whole, within = model.forecast(15), model.forecast(steps=2, at=4.5)
    assert whole.times[0].tolist() == [11, 12, 13, 14, 15] and within.times[0].tolist() == [4, 5, 6]
    assert whole.ids == [""] and whole.states[0].shape == (5, 1) and whole.outside[0].dtype == bool
    assert whole.outside[0][-1] and "leaves the range of the training" in " ".join(whole.notes)
    again = model.forecast(steps=2, data={"t": np.arange(5.0), "z0": DECAY[:5]})
    np.testing.assert_array_equal(again.states[0], within.states[0])
    starts = model.forecast(steps=2, starts={"t": [0, 0], "z0": [1.0, 0.5]})
    with pytest.raises(costate.CallError, match=r"\[forecast\] starts must be a DataFrame, a dict of columns, an xarray Dataset or a path; got list"):
        model.forecast(steps=2, starts=[[1.0]])
    assert starts.ids == ["1", "2"] and starts.states[1][0] == 0.5
    assert "3 rows, the start 4 among them, to 6" in repr(within)
    copy = pickle.loads(pickle.dumps(within))
    np.testing.assert_array_equal(copy.states[0], within.states[0])


@pytest.mark.parametrize("of_month, step, last", [("Q", 3, "2010-01-01"), ("M", 1, "1995-05-01"), ("Y", 12, "2050-01-01")])
def test_a_forecast_of_periods_goes_on_by_the_calendar(of_month, step, last):
    pandas = pytest.importorskip("pandas")
    periods = pandas.period_range("1990-01", periods=60, freq=of_month)
    firsts = periods.to_timestamp()
    values = np.cos(np.arange(60) / 3)
    for index in (periods, firsts):
        model = costate.fit_table(pandas.DataFrame({"x": values}, index=index), states=["x"], hidden=[], clock=["none"], epochs=3, polish=0, memory="none")
        ahead = model.forecast(steps=20).times[0].astype("M8[D]")
        months = ahead.astype("M8[M]")
        assert (ahead == months).all() and (np.diff(months).astype(int) == step).all() and len(ahead) == 21
    until = model.forecast(until=pandas.Period(last, of_month)).times[0].astype("M8[D]")
    assert until[-1] == np.datetime64(last) and (until == until.astype("M8[M]")).all()


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({}, costate.InvalidArgument, "give either until or steps"),
        ({"until": 15, "steps": 2}, costate.InvalidArgument, "give either until or steps"),
        ({"until": "soon"}, costate.InvalidArgument, "until must be a number; got 'soon'"),
        ({"until": [15]}, costate.CallError, "a time must be a number or a date; got list"),
        ({"until": np.nan}, costate.InvalidArgument, r"\[forecast\] until must be a finite time; got nan"),
        ({"at": np.inf, "steps": 2}, costate.InvalidArgument, r"\[forecast\] at must be a finite time; got inf"),
        ({"until": 3}, costate.InvalidArgument, "until must lie after the start at 11; got 3"),
        ({"steps": 2, "inputs": {"t": [12], "u0": [1]}}, costate.InvalidArgument, "the model was fitted without inputs and events"),
        ({"steps": 2, "inputs_ahead": "held"}, costate.InvalidArgument, "inputs_ahead takes hold or repeat; got 'held'"),
        ({"steps": 2, "data": {"t": [12], "x": [1]}}, costate.DataError, "unknown column 'z0'"),
        ({"steps": 1.5}, costate.CallError, "steps must be an integer; got float"),
    ],
)
def test_mistakes_of_a_forecast_are_named(options, error, message):
    with pytest.raises(error, match=message):
        costate.fit(np.arange(12.0), DECAY, **FEW).forecast(**options)


def test_a_fit_says_what_it_is_worth(tmp_path):
    model = of_dict()
    assert repr(model) == model.summary and model.verdict in model.summary
    assert model.summary.startswith("Fit of x: 8 samples to train on, 2 to choose by, 2 to judge by\nchosen: linear, windows of 5\n")
    assert "last value" in model.verdict and "--" not in model.verdict
    model.report(tmp_path / "report.html")
    assert "<svg" in (tmp_path / "report.html").read_text() and "fitted to the table" in (tmp_path / "report.html").read_text()
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.summary, copy.verdict, copy.chosen) == (model.summary, model.verdict, model.chosen)
    np.testing.assert_array_equal(copy.forecast(steps=2).states[0], model.forecast(steps=2).states[0])
    model.save(tmp_path / "model.safetensors")
    loaded = costate.load(tmp_path / "model.safetensors")
    assert repr(loaded) == "Fit of x, its model alone" and loaded.verdict == ""
    for call in (lambda: loaded.report("report.html"), loaded.plot):
        with pytest.raises(costate.InvalidArgument, match="needs the data of the fit"):
            call()
    with pytest.raises(costate.InvalidArgument, match="a forecast from a time needs data"):
        copy.forecast(steps=2, at=4)


def test_flags_of_the_command_line_become_keywords():
    with pytest.raises(costate.DataError, match="'<0.01' is beyond a limit of detection.* as missing with missing='<'"):
        costate.fit_table({"t": range(12), "x": DECAY, "u": ["<0.01"] * 12}, time="t", states="x", inputs="u")
    with pytest.raises(costate.DataError, match="choose time_format=\"%d/%m/%Y\" or time_format=\"%m/%d/%Y\""):
        costate.fit_table({"t": ["01/02/2024", "03/02/2024"], "x": [1, 2]}, time="t", states="x")


def test_a_plot_shows_data_fit_and_forecast():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = [np.stack([DECAY, 2 * DECAY], axis=1)] * 3
    model = costate.fit([DAYS] * 3, runs, **FEW)
    axes = model.plot()
    assert [one.get_ylabel() for one in axes] == ["z0", "z1"] and axes[0].get_title() == "2"
    lines = {line.get_label(): line for line in axes[1].get_lines()}
    assert set(lines) == {"data", "forecast"}  # the run is held out
    np.testing.assert_array_equal(lines["data"].get_ydata(), runs[2][:, 1])
    assert lines["data"].get_xdata()[0] == DAYS[0]
    np.testing.assert_allclose(lines["forecast"].get_ydata()[:-1].astype(float)[[0, -1]], runs[2][[0, -1], 1], atol=0.5)
    own = pyplot.subplots(2)[1]
    assert model.plot("1", own)[0] is own[0]
    assert "fit" in {line.get_label() for line in own[0].get_lines()}
    with pytest.raises(costate.InvalidArgument, match="unknown trajectory '7'; did you mean '0'. known: 0, 1, 2.$"):
        model.plot(7)
    with pytest.raises(costate.ShapeError, match="axes must be 2, one for each of z0, z1; got 1"):
        model.plot(axes=own[0])
    pyplot.close("all")


def test_a_plot_shades_what_was_held_out_and_a_validation_part_that_was_not_trained_on():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from costate import _plot
    from matplotlib import pyplot

    axes = costate.fit(np.arange(12.0), DECAY, **FEW).plot()
    (shade,) = axes[0].patches
    assert (shade.get_label(), shade.get_x(), shade.get_width()) == ("held out", 9.5, 1.5)
    assert all(tick == round(tick) for tick in axes[0].get_xticks())
    drawn = {"times": np.arange(10.0), "held": 7.0, "fitted": [(np.array([0.0, 2.0, 4.0]), None)]}
    shades = lambda **changed: [(name, *ends) for name, _, *ends in _plot._stretches({**drawn, **changed})]
    assert shades() == [("held out", 7.5, 9.0), ("validation", 4.5, 7.5)]
    assert shades(held=None) == [("validation", 4.5, 9.0)]
    assert shades(held=0.0, fitted=[]) == [("held out", 0.0, 9.0)]
    pyplot.close("all")


def test_a_plot_needs_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(costate.NotSupported, match="a plot needs matplotlib"):
        of_dict().plot()


def test_several_seeds_give_bands_that_a_frame_and_a_file_keep(tmp_path):
    pandas = pytest.importorskip("pandas")
    times = np.linspace(0, 8, 81)
    values = np.exp(-0.3 * times) + 0.02 * np.random.default_rng(0).normal(size=81)
    fit = costate.fit(times, values, hidden=[], memory="none", clock="none", epochs=60, seeds=3)
    made = fit.forecast(steps=5)
    assert made.lower[0].shape == made.upper[0].shape == made.states[0].shape
    assert (made.lower[0] < made.states[0]).all() and (made.states[0] < made.upper[0]).all()
    frame = made.to_frame()
    np.testing.assert_array_equal(frame["z0_upper"], made.upper[0][:, 0])
    fit.save(tmp_path / "fit.safetensors")
    for same in (costate.load(tmp_path / "fit.safetensors"), pickle.loads(pickle.dumps(fit))):
        np.testing.assert_array_equal(same.forecast(steps=5).lower[0], made.lower[0])
    assert costate.fit(times, values, hidden=[], memory="none", clock="none", epochs=5).forecast(steps=5).lower == []
