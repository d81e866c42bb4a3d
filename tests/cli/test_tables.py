"""Files as people have them: what `costate fit` reads of each, what it refuses in one sentence, and what comes out."""

import csv
import gzip
import json
import math
import subprocess

import pytest

from test_cli import CLI, QUICK, bad, costate, ok

FEW = [*QUICK, "--memory", "none", "--window", "10", "--clock", "none"]


def spiral(count=40):
    return [(0.5 * i, math.exp(-0.03 * i) * math.cos(0.45 * i), math.exp(-0.03 * i) * math.sin(0.45 * i)) for i in range(count)]


ROWS = [f"{t:.2f},{x:.5f},{y:.5f}" for t, x, y in spiral()]


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path):
    return list(csv.reader(path.read_text().splitlines()))


def fit(tmp_path, data, *options):
    run = tmp_path / "run"
    done = ok("fit", data, *options, "--out", run, "--replace", *FEW)
    return run, done.stderr


def test_a_file_without_a_header(tmp_path):
    data = write(tmp_path / "a.csv", ROWS)
    bad("has no header: line 1 holds numbers. Name all 3 columns with --names, such as --names t,x,y", "fit", data, "--time", "t",
        "--state", "x")
    bad("--names must name all 3 columns; got 2 names", "fit", data, "--names", "t,x", "--time", "t", "--state", "x")
    run, _ = fit(tmp_path, data, "--time", "1", "--state", "2,3")
    assert read(run / "forecast.csv")[0] == ["1", "2", "3"] and len(read(run / "forecast.csv")) == 9
    run, _ = fit(tmp_path, data, "--names", "t,x,y", "--time", "t", "--state", "x,y")
    assert read(run / "forecast.csv")[0] == ["t", "x", "y"]
    # A file to start from may have the header that Costate writes.
    ok("forecast", run, "--steps", "2", "--from", run / "forecast.csv", "--out", tmp_path / "f.csv")
    assert read(tmp_path / "f.csv")[0] == ["start", "t", "x", "y", "outside"]  # each row is a start


def test_a_file_without_times(tmp_path):
    data = write(tmp_path / "a.csv", ["x,y"] + [row.split(",", 1)[1] for row in ROWS])
    bad("fit needs --time COLUMN, or --step or --rate if the file has no times", "fit", data, "--state", "x,y")
    bad("--time, --step and --rate exclude each other", "fit", data, "--time", "x", "--step", "1", "--state", "y")
    for option in (["--step", "0.5"], ["--rate", "2"]):
        run, _ = fit(tmp_path, data, "--state", "x,y", *option)
        table = read(run / "forecast.csv")
        assert table[0] == ["time", "x", "y"] and [float(row[0]) for row in table[1:]] == [16 + 0.5 * i for i in range(8)]
    ok("forecast", run, "--steps", "1")
    assert float(read(run / "forecast-ahead.csv")[-1][0]) == 20


def test_lines_before_the_header_and_units_below_it(tmp_path):
    data = write(tmp_path / "a.csv", ["722780,EXAMPLE FIELD,-7.0,33.4", "time,x,y", "h,V,mA", *ROWS, ",,", ",,"])
    bad("The table seems to begin on line 2, 'time, x, y': skip what is before with --skip 1.", "fit", data, "--time", "time",
        "--state", "x,y")
    run, _ = fit(tmp_path, data, "--skip", "1", "--time", "time", "--state", "x,y")
    assert len(read(run / "forecast.csv")) == 9


def test_dates_in_two_columns_with_decimal_commas_come_out_as_they_were(tmp_path):
    lines = ["Date;Time;Level"]
    for i in range(100):
        level = f"{2 + math.sin(i / 9):.3f}".replace(".", ",")
        lines.append(f"{10 + i // 24:02d}/03/2014;{i % 24:02d}.00.00;{level}")
    data = write(tmp_path / "a.csv", lines)
    run, _ = fit(tmp_path, data, "--time", "Date,Time", "--state", "Level")
    assert read(run / "forecast.csv")[:2] == [["Date", "Time", "Level"], ["13/03/2014", "08.00.00", read(run / "forecast.csv")[1][2]]]
    held = (run / "forecast.csv").read_bytes()
    ok("forecast", run, "--until", "15/03/2014 00.00.00")
    assert read(run / "forecast-ahead.csv")[-1][:2] == ["15/03/2014", "00.00.00"]
    ok("forecast", run, "--until", "2014-03-15T00:00:00Z", "--out", tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_bytes() == (run / "forecast-ahead.csv").read_bytes()
    bad("holds what the fit forecast of its held-out samples", "forecast", run, "--steps", "1", "--out", run / "forecast.csv")
    assert (run / "forecast.csv").read_bytes() == held
    bad("is a time of day without a date; name the column of dates, too: --time DATE,Time", "fit", data, "--time", "Time", "--state",
        "Level")


def test_dates_that_could_be_read_in_two_ways(tmp_path):
    data = write(tmp_path / "a.csv", ["when,x"] + [f"{1 + i:02d}/03/2014,{i % 5}" for i in range(12)])
    bad('can be read in 2 ways, and so can every other cell; choose --time-format "%d/%m/%Y" or --time-format "%m/%d/%Y"', "fit",
        data, "--time", "when", "--state", "x")
    run, _ = fit(tmp_path, data, "--time", "when", "--state", "x", "--time-format", "%d/%m/%Y")
    assert read(run / "forecast.csv")[1][0] == "11/03/2014"
    bad("expected a number; got '01/03/2014', a date or time", "fit", data, "--time", "x", "--state", "when")


def test_codes_for_missing(tmp_path):
    lines = [f"{i},{-999 if i % 9 == 4 else round(20 + 9 * math.sin(i / 5), 2)}" for i in range(80)]
    data = write(tmp_path / "a.csv", ["t,x", *lines])
    run, log = fit(tmp_path, data, "--time", "t", "--state", "x")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["outliers"] == {"x": 9}
    ok("fit", data, "--time", "t", "--state", "x", "--missing", "-999", "--out", tmp_path / "b", *FEW)
    assert json.loads((tmp_path / "b/metrics.json").read_text())["outliers"] == {}
    done = costate("fit", data, "--time", "t", "--state", "x", "--out", run, "--replace", *[o for o in FEW if o != "--quiet"])
    assert "'x': 9 cells hold -999, a code for missing, it seems, since all others lie in 11" in done.stderr


def test_values_beyond_a_limit_of_detection(tmp_path):
    lines = [f"{0.2 * i:.1f},{4 * math.exp(-0.1 * i) if i < 20 else '<0.5'},{'>3' if i < 5 else 1}" for i in range(40)]
    data = write(tmp_path / "a.csv", ["t,x,y", *lines])
    said = ok("look", data, "--time", "t", "--state", "x", "--hold-out", "0").stdout
    assert "20 beyond a limit" in said and "'x' is only known to be beyond a limit at 20 of 40 samples" in said
    run, _ = fit(tmp_path, data, "--time", "t", "--state", "x", "--hold-out", "0")
    assert json.loads((run / "metrics.json").read_text())["beyond_limits"] == {"x": 20}
    bad("'>3' is beyond a limit of detection, as only a state may be; take such cells as missing with --missing '>'", "fit", data,
        "--time", "t", "--state", "x", "--input", "y")
    fit(tmp_path, data, "--time", "t", "--state", "x", "--hold-out", "0", "--missing", "<")
    assert json.loads((run / "metrics.json").read_text())["beyond_limits"] == {"x": 0}
    said = ok("look", data, "--time", "t", "--state", "x", "--hold-out", "20%").stdout
    assert "24 to judge by" in said  # a fifth of the 20 measured ones, and what follows


def test_a_long_table(tmp_path):
    lines = ["site,visit,quantity,hours,value"]
    for k, key in enumerate(("A,1", "A,2", "B,1")):
        for h in range(8):
            for repeat in (0, 0.1):
                lines.append(f"{key},s,{h},{4 * math.exp(-0.3 * (k + 1) * h) + repeat}")
            if h % 3 == 0:
                lines.append(f"{key},p,{h},{4 - 4 * math.exp(-0.3 * (k + 1) * h)}")
    data = write(tmp_path / "a.csv", lines)
    options = ["--time", "hours", "--trajectory", "site,visit", "--quantity", "quantity", "--value", "value"]
    bad("unknown quantity 'q'", "fit", data, *options, "--state", "s,q")
    bad("a long table needs both --quantity and --value", "fit", data, *options[:-2], "--state", "s,p")
    run, _ = fit(tmp_path, data, *options, "--state", "s,p")
    table = read(run / "forecast.csv")
    assert table[0] == ["site", "visit", "hours", "s", "p"] and table[1][:3] == ["B", "1", "1"] and len(table) == 8


def test_doses_in_a_long_table(tmp_path):
    wide, tall, later = ["id,h,dose,conc"], ["id,what,h,value"], ["id,what,h,value"]
    for k in range(1, 7):
        for h in range(0, 12, 2):
            level = sum(5 * math.exp(-0.2 * k * (h - d)) for d in (0, 6) if h > d)
            if h in (0, 6):
                wide.append(f"{k},{h},5,")
                tall.append(f"{k},dose,{h},5")
            else:
                wide.append(f"{k},{h},,{level:.4f}")
                tall.append(f"{k},conc,{h},{level:.4f}")
        later.append(f"{k},dose,13,5")
    said = ok("look", write(tmp_path / "tall.csv", [line.replace("what", "variable") for line in tall])).stdout
    assert said.splitlines()[-1].endswith("--time h --state conc --event dose --trajectory id --quantity variable --value value")
    assert "'dose' comes in 12 times" in said
    options = ["--time", "h", "--state", "conc", "--event", "dose", "--trajectory", "id"]
    run, _ = fit(tmp_path, write(tmp_path / "wide.csv", wide), *options)
    forecast = (run / "forecast.csv").read_bytes()
    run, _ = fit(tmp_path, write(tmp_path / "tall.csv", tall), *options, "--quantity", "what", "--value", "value")
    assert (run / "forecast.csv").read_bytes() == forecast
    ok("forecast", run, "--until", "16", "--input", write(tmp_path / "later.csv", later))
    dosed = (run / "forecast-ahead.csv").read_bytes()
    ok("forecast", run, "--until", "16")
    undosed = (run / "forecast-ahead.csv").read_bytes()
    assert undosed != dosed
    # A list of all doses that were ever given, and one of a single patient.
    given = [f"{k},dose,{h},5" for k in range(1, 7) for h in (0, 6, 13)]
    done = ok("forecast", run, "--until", "16", "--input", write(tmp_path / "given.csv", [later[0], *given]))
    assert (run / "forecast-ahead.csv").read_bytes() == dosed
    assert "2 of 3 events (dose) lie before the start of trajectory '1' at 10 and are left out" in done.stderr
    done = ok("forecast", run, "--until", "16", "--input", write(tmp_path / "one.csv", later[:2]))
    one = (run / "forecast-ahead.csv").read_text().splitlines()
    is_of_first = [line.startswith("1,") for line in one]
    assert all(line in (dosed if first else undosed).decode().splitlines() for line, first in zip(one[1:], is_of_first[1:]))
    assert "no dose is taken to come in of trajectory '2'" in done.stderr


def test_other_formats(tmp_path):
    numpy, scipy = pytest.importorskip("numpy"), pytest.importorskip("scipy")
    import scipy.io
    import scipy.sparse

    text = "t,x,y\n" + "\n".join(ROWS) + "\n"
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    array = numpy.array([[float(cell) for cell in row.split(",")] for row in ROWS])
    numpy.save(tmp_path / "a.npy", array)
    numpy.savez(tmp_path / "a.npz", t=array[:, 0], x=array[:, 1], y=array[:, 2])
    scipy.io.savemat(tmp_path / "a.mat", {"t": array[:, 0], "x": array[:, 1], "y": array[:, [2]], "Ts": 0.5, "who": {"name": "me"},
                                          "s": scipy.sparse.eye(3).tocsc()})
    scipy.io.savemat(tmp_path / "b.mat", {"t": array[:, 0], "x": array[:, 1], "y": array[:, 2]}, do_compression=True)
    numpy.savetxt(tmp_path / "a.txt", array, header="t x y")
    numpy.savetxt(tmp_path / "b.txt", array, header="t x y", comments="% ")
    forecasts = set()
    for name in ("a.csv", "a.csv.gz", "a.npz", "a.mat", "b.mat", "a.txt", "b.txt"):
        run, _ = fit(tmp_path, tmp_path / name, "--time", "t", "--state", "x,y")
        forecasts.add((run / "forecast.csv").read_bytes())
    run, _ = fit(tmp_path, tmp_path / "a.npy", "--time", "t", "--state", "x,y", "--names", "t,x,y")
    forecasts.add((run / "forecast.csv").read_bytes())
    assert len(forecasts) == 1
    said = ok("look", tmp_path / "a.mat").stdout
    assert "  who is a struct; save its fields as variables: save('FILE', '-struct', 'who', '-v7')\n" in said
    assert "  s is a sparse matrix; save full(s)\n" in said and "  Ts is 1 x 1, where columns have 40 rows" in said
    bad("'who' is no column: it is a struct", "fit", tmp_path / "a.mat", "--time", "t", "--state", "who")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(20))
    bad("is a Parquet file, which is not read; export the table as CSV, for example by python -c \"import pandas; ", "fit",
        tmp_path / "a.parquet", "--time", "t", "--state", "x")


def test_what_is_written_is_plain(tmp_path):
    ok("simulate", "pendulum", "--trajectories", "3", "--samples", "20", "--out", tmp_path / "p.csv")
    assert read(tmp_path / "p.csv")[0] == ["trajectory", "t", "theta", "omega"]
    assert (tmp_path / "p.csv.txt").read_text().startswith(
        f"costate simulate pendulum --trajectories 3 --samples 20 --out {tmp_path / 'p.csv'}\n")
    run, _ = fit(tmp_path, tmp_path / "p.csv", "--time", "t", "--state", "theta,omega", "--trajectory", "trajectory")
    ok("forecast", run, "--steps", "2")
    assert (run / "forecast-ahead.csv.txt").read_text().startswith(f"costate forecast {run} --steps 2\n")
    ok("forecast", run, "--steps", "2", "--out", tmp_path / "two words.csv")
    assert f"--out '{tmp_path / 'two words.csv'}'\n" in (tmp_path / "two words.csv.txt").read_text()
    for name in ("forecast.csv", "forecast-ahead.csv", "history.csv"):
        table = read(run / name)
        assert not table[0][0].startswith("#") and all(len(row) == len(table[0]) for row in table)
    ok("fit", tmp_path / "p.csv", "--time", "t", "--state", "theta,omega", "--trajectory", "trajectory", "--out", run, "--replace",
       *FEW)
    assert not (run / "forecast-ahead.csv").exists() and not (run / "forecast-ahead.csv.txt").exists()


@pytest.mark.parametrize("made", [["simulate", "pendulum"], ["forecast", "run", "--steps", "2"]], ids=["simulate", "forecast"])
def test_tables_take_the_place_of_earlier_ones_and_of_nothing_else(made, tmp_path):
    if made[0] == "forecast":
        ok("simulate", "pendulum", "--trajectories", "3", "--samples", "20", "--out", tmp_path / "p.csv")
        fit(tmp_path, tmp_path / "p.csv", "--time", "t", "--state", "theta,omega", "--trajectory", "trajectory")
    note = tmp_path / "note.csv"
    for _ in range(2):
        ok(*made, "--out", "note.csv", cwd=tmp_path)
    (tmp_path / "note.csv.txt").unlink()
    before = note.read_bytes()
    bad("'note.csv' is there, and no 'note.csv.txt' says that costate wrote it", *made, "--out", "note.csv", cwd=tmp_path)
    (tmp_path / "note.csv.txt").write_text("bread, milk")
    bad("'note.csv' is there", *made, "--out", "note.csv", cwd=tmp_path)
    assert note.read_bytes() == before
    note.unlink()
    bad("'note.csv.txt' is there and was not written by costate", *made, "--out", "note.csv", cwd=tmp_path)
    assert (tmp_path / "note.csv.txt").read_text() == "bread, milk" and not note.exists()


def test_look_says_what_a_file_holds_and_the_command_that_fits_it(tmp_path):
    lines = ["subject,weight,hours,conc"]
    for subject in range(1, 5):
        lines += [f"{subject},{60 + subject},{h},{5 * math.exp(-0.1 * subject * h)}" for h in (0, 0.5, 1, 2, 4, 8)]
    data = write(tmp_path / "a.csv", lines)
    said = ok("look", data).stdout
    for part in ("24 rows from line 2 on, 4 columns", "  weight   covariate   61 … 64", "4 trajectories (1, 2, 3, 4) of 6 samples",
                 "at uneven steps of 0.5 … 4", "mean curve of the others",
                 f"to fit it: costate fit {data} --time hours --state conc --covariate weight --trajectory subject\n"):
        assert part in said, said
    command = said.splitlines()[-1].removeprefix("to fit it: costate fit ").split()
    fit(tmp_path, *command)
    assert not list(tmp_path.glob("runs"))
    assert "x  state" in ok("look", write(tmp_path / "b.csv", ["x,y", *["1,2", "2,3"] * 9])).stdout
    bad("look needs a file", "look")
    bad("unknown column 'z'", "look", data, "--state", "z")


def test_a_fit_begins_with_what_look_says(tmp_path):
    data = write(tmp_path / "a.csv", ["t,x,y,note", "s,V,,", *[f"{row},a" for row in ROWS]])
    options = ["--time", "t", "--state", "x,y", "--clock", "none"]
    looked = ok("look", data, *options).stdout
    head = looked[:looked.index("errors of forecasts")]
    for part in ("  x     state ", "  note  unused", "every 0.5\n", "26 samples to train on, 6 to choose by, 8 to judge by\n"):
        assert part in head
    loud = [*FEW[:FEW.index("--clock")]]
    loud.remove("--quiet")
    assert ok("fit", data, *options, "--out", tmp_path / "a", *loud).stdout.startswith(head)
    assert ok("fit", data, *options, "--out", tmp_path / "b", *loud, "--quiet").stdout == ""
    refused = costate("fit", data, *options, "--out", tmp_path / "a", *loud)
    assert refused.returncode == 2 and refused.stdout == ""


def test_names_with_commas_are_quoted(tmp_path):
    data = write(tmp_path / "a.csv", ['t,"x, left",y', *ROWS])
    run, _ = fit(tmp_path, data, "--time", "t", "--state", '"x, left",y')
    assert read(run / "forecast.csv")[0] == ["t", "x, left", "y"]


def test_a_run_goes_on_with_the_options_of_its_file(tmp_path):
    data = write(tmp_path / "a.csv", ["made,by,a,logger", "t;x;y", *[row.replace(",", ";").replace(".", ",") for row in ROWS]])
    run, _ = fit(tmp_path, data, "--skip", "1", "--time", "t", "--state", "x,y")
    config = (run / "config.toml").read_text()
    assert "skip = 1" in config
    before = (run / "model.safetensors").read_bytes()
    ok("fit", "--resume", "--out", run)
    assert (run / "model.safetensors").read_bytes() == before


def test_what_one_value_tells_is_said_before_the_verdict(tmp_path):
    data = write(tmp_path / "a.csv", ["t,x", "0,1", "1,2", "2,3"])
    said = ok("fit", data, "--time", "t", "--state", "x", "--out", tmp_path / "run", "--epochs", "5").stdout
    before, _, after = said.partition("Only 1 value was held out: the verdict may be chance.")
    assert "neural ODE" in after and " the neural ODE" not in before


def test_look_takes_equal_doses_for_events(tmp_path):
    rows = [f"{s},{t},{100 if t == 0 else ''},{math.exp(-s * t / 9):.3f}" for s in (1, 2, 3) for t in range(6)]
    data = write(tmp_path / "a.csv", ["ID,TIME,AMT,DV", *rows])
    assert "--event AMT" in ok("look", data).stdout.splitlines()[-1]


def test_look_takes_a_rate_for_that_of_doses(tmp_path):
    rows = [f"{s},{t},{'100,50' if t == 0 else ','},{math.exp(-s * t / 9):.3f}" for s in (1, 2, 3) for t in range(6)]
    data = write(tmp_path / "a.csv", ["ID,TIME,AMT,RATE,DV", *rows])
    said = ok("look", data).stdout
    assert "--event AMT:rate=RATE" in said.splitlines()[-1]
    assert "'AMT' comes in 3 times, 3 of them over a duration" in said


def test_names_may_be_given_one_by_one(tmp_path):
    data = write(tmp_path / "a.csv", ["t,x,y", *[f"{i},{math.sin(i / 5)},{math.cos(i / 5)}" for i in range(20)]])
    ok("fit", data, "--time", "t", "--state", "y", "--state", "x", "--out", tmp_path / "run", *FEW)
    assert read(tmp_path / "run/forecast.csv")[0] == ["t", "y", "x"]


def test_a_long_table_is_not_pooled(tmp_path):
    rows = [f"A,{what},{t},{value}" for t in range(8) for what, value in (("s", 4 - t / 3), ("s", 4 - t / 4), ("p", t / 5))]
    data = write(tmp_path / "a.csv", ["run,what,t,v", *rows])
    bad("take --quantity 'what' --value 'v' and its words as states", "fit", data, "--time", "t", "--state", "v", "--trajectory", "run",
        "--out", tmp_path / "run")
    ok("fit", data, "--time", "t", "--state", "s,p", "--trajectory", "run", "--quantity", "what", "--value", "v", "--out", tmp_path / "run", *FEW)
    assert read(tmp_path / "run/forecast.csv")[0] == ["run", "t", "s", "p"]


def test_a_replaced_run_leaves_nothing_to_resume_by(tmp_path):
    """What is in the folder of an earlier run when a new one is killed."""
    data = write(tmp_path / "a.csv", ["t,x", *[f"{i},{math.sin(i / 5)}" for i in range(30)]])
    run, columns = tmp_path / "run", ["--time", "t", "--state", "x", "--out"]
    ok("fit", data, *columns, run, "--epochs", "60", "--minutes", "0.0001", "--quiet")
    assert (run / "stopped.toml").exists() and list((run / "trials").iterdir())
    process = subprocess.Popen([CLI, "fit", data, *columns, run, "--epochs", "50", "--replace"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    process.stderr.readline()  # of the first trial that has ended
    process.kill()
    process.communicate()
    assert not (run / "stopped.toml").exists()
    ok("fit", "--resume", "--out", run, "--quiet")
    ok("fit", data, *columns, tmp_path / "other", "--epochs", "50", "--quiet")
    assert (run / "model.safetensors").read_bytes() == (tmp_path / "other/model.safetensors").read_bytes()
