"""The command line as a user meets it: what it makes, and one clear line with exit code 2 for every kind of bad input."""

import csv
import fcntl
import json
import math
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = pathlib.Path(os.environ.get("COSTATE_CLI", ROOT / "build/release/cli/costate"))
LYNX = ROOT / "examples/data/hare_lynx.csv"
QUICK = ["--epochs", "5", "--polish", "2", "--hidden", "8", "--quiet"]


def costate(*arguments, cwd=None, timeout=120):
    return subprocess.run([CLI, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=timeout)


def ok(*arguments, **options):
    done = costate(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done


def fit(out, *more, data=LYNX):
    """A quick fit; options in `more` take the place of the usual ones."""
    usual = {"--out": out, **dict(zip(QUICK[:-1:2], QUICK[1:-1:2]))}
    rest = [part for flag, value in usual.items() if flag not in more for part in (flag, value)]
    return ["fit", data, "--time", "year", "--state", "hare,lynx", *rest, QUICK[-1], *more]


def bad(message, *arguments, **options):
    done = costate(*arguments, **options)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("costate: error: ")
    assert message in lines[0], lines[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "lynx"
    ok(*fit(folder))
    return folder


def test_fit_writes_a_run_folder(run):
    names = {path.name for path in run.iterdir()}
    assert names == {"config.toml", "checkpoint.safetensors", "model.safetensors", "history.csv", "metrics.json",
                     "forecast.csv", "report.html", "trials"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"neural ODE", "last value", "mean", "linear ODE"} <= set(metrics["hold_out_error"])
    assert metrics["parts"] == {"training": 14, "validation": 3, "test": 4}
    assert metrics["version"] in ok("--version").stdout and f'version = "{metrics["version"]}"' in (run / "config.toml").read_text()
    assert 0 <= metrics["gradient_error"] < 1e-3
    page = (run / "report.html").read_text()
    assert "http" not in page.replace("http://www.w3.org/", "")
    assert "held out" in page and "seed = 0" in page


def test_forecast_goes_on_from_the_data(run, tmp_path):
    ok("forecast", run, "--until", "1930", "--out", tmp_path / "f.csv")
    rows = [row for row in csv.reader(open(tmp_path / "f.csv")) if not row[0].startswith("#")]
    assert rows[0] == ["year", "hare", "lynx", "outside"]
    assert float(rows[1][0]) == 1920
    assert float(rows[1][1]) == pytest.approx(24.7, abs=10)  # as the model takes it, after what was seen before
    assert float(rows[-1][0]) == 1930 and len(rows) == 12
    (tmp_path / "start.csv").write_text("year,hare,lynx\n1950,20,20\n")
    ok("forecast", run, "--steps", "3", "--from", tmp_path / "start.csv", "--out", tmp_path / "g.csv")
    rows = [row for row in csv.reader(open(tmp_path / "g.csv")) if not row[0].startswith("#")]
    assert [float(row[0]) for row in rows[1:]] == [1950, 1951, 1952, 1953]


def test_info_describes_build_run_and_model(run):
    assert "SIMD target" in ok("info").stdout
    assert "net.0.weight  [8, 2] f64" in ok("info", run).stdout
    assert "net.0.weight  [8, 2] f64" in ok("info", run / "model.safetensors").stdout


def test_the_model_file_is_readable_by_safetensors(run):
    numpy = pytest.importorskip("safetensors.numpy")
    assert numpy.load_file(run / "model.safetensors")["net.0.weight"].shape == (8, 2)


@pytest.mark.parametrize("system", ["pendulum", "linear-pendulum", "lotka-volterra", "spiral", "van-der-pol"])
def test_simulate(system, tmp_path):
    ok("simulate", system, "--trajectories", "3", "--noise", "0.01", "--seed", "4", "--out", tmp_path / "a.csv")
    ok("simulate", system, "--trajectories", "3", "--noise", "0.01", "--seed", "4", "--out", tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_fit_takes_irregular_times_gaps_trajectories_dates_and_inputs(tmp_path):
    lines = ["when,x,y,push,run"]
    for trajectory in range(3):
        for day in [1, 2, 4, 5, 9, 10, 14, 15][: 8 - trajectory]:
            x = "" if day == 4 else f"{0.1 * day + trajectory}"
            lines.append(f"2024-03-{day:02d},{x},{1 / day},{day % 2},{trajectory}")
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    run = tmp_path / "run"
    ok("fit", tmp_path / "data.csv", "--time", "when", "--state", "x,y", "--input", "push", "--trajectory", "run", "--out", run,
       "--hold-out", "30%", *QUICK)
    (tmp_path / "drive.csv").write_text("when,push\n2024-03-01,0\n2024-05-01,1\n")
    ok("forecast", run, "--until", "2024-04-01", "--input", tmp_path / "drive.csv", "--out", tmp_path / "f.csv")
    bad("driven by push", "forecast", run, "--steps", "3")


def test_a_short_pulse_after_a_long_rest_is_forecast(tmp_path):
    """A heater, y' = (u - y) / 10, held inputs: 2 s of heat after 400 s of rest."""
    state, lines = 0.0, ["t,y,u"]
    for t in range(300):
        u = (t // 5 * 7919) % 13 % 2
        lines.append(f"{t},{state},{u}")
        state = u + (state - u) * math.exp(-0.1)
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    ok("fit", tmp_path / "data.csv", "--time", "t", "--state", "y", "--input", "u", "--interpolation", "hold", "--hidden", "8",
       "--epochs", "400", "--polish", "200", "--quiet", "--out", tmp_path / "run")

    def forecast(drive):
        (tmp_path / "drive.csv").write_text("t,u\n" + drive)
        ok("forecast", tmp_path / "run", "--until", "702", "--input", tmp_path / "drive.csv", "--out", tmp_path / "f.csv")
        return {t: float(y) for t, y, *_ in csv.reader((tmp_path / "f.csv").read_text().splitlines()[2:])}

    heated, rest = forecast("299,0\n700,1\n702,0\n"), forecast("299,0\n700,0\n702,0\n")
    assert abs(rest["702"]) < 0.1
    assert heated["702"] - rest["702"] == pytest.approx(1 - math.exp(-0.2), rel=0.1)


def test_data_that_do_not_move_are_no_mistake(tmp_path):
    (tmp_path / "flat.csv").write_text("t,x\n" + "".join(f"{i},5\n" for i in range(9)))
    ok("fit", tmp_path / "flat.csv", "--time", "t", "--state", "x", "--out", tmp_path / "run", *QUICK)


@pytest.mark.parametrize("trajectories", [1, 2000])
def test_many_rows_take_no_longer_to_train_on(trajectories, tmp_path):
    samples = 200_000 // trajectories
    ok("simulate", "pendulum", "--trajectories", trajectories, "--samples", samples, "--until", samples / 10, "--noise", "0.01",
       "--out", tmp_path / "p.csv")
    named = ["--trajectory", "trajectory"] if trajectories > 1 else []
    ok("fit", tmp_path / "p.csv", "--time", "t", "--state", "theta,omega", *named, "--epochs", "10", "--polish", "5",
       "--quiet", "--out", tmp_path / "run", timeout=60)
    assert (tmp_path / "run/report.html").stat().st_size < 5_000_000
    with open(tmp_path / "run/forecast.csv") as file:
        held = sum(1 for line in file if not line.startswith("#")) - 1
    assert held == 40_000 - (trajectories // 5 if named else 0)  # all of it, but the samples that forecasts start from


def test_outliers_are_named_and_left_out(tmp_path):
    lines = LYNX.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("1905,"))
    lines[at] = "1905,-9999," + lines[at].split(",")[2]
    (tmp_path / "dirty.csv").write_text("\n".join(lines) + "\n")
    done = ok(*fit(tmp_path / "run", data=tmp_path / "dirty.csv"))
    assert "'hare': 1 cell lies far outside all others (-9999 at t = 1905" in done.stderr
    assert json.loads((tmp_path / "run/metrics.json").read_text())["outliers"] == {"hare": 1}
    assert "-9999" in (tmp_path / "run/report.html").read_text()
    clean = ok(*fit(tmp_path / "clean"))
    assert clean.stderr == ""


def test_no_solve_bridges_a_gap(tmp_path):
    rows = "".join(f"{i / 10},{math.sin(i / 10)}\n" for i in range(60))
    (tmp_path / "gap.csv").write_text("t,x\n" + rows + "1e9,0.5\n")
    ok("fit", tmp_path / "gap.csv", "--time", "t", "--state", "x", "--out", tmp_path / "run", *QUICK)
    with open(tmp_path / "run/history.csv") as file:  # a solve over the gap would end at its limit of steps
        assert all(float(epoch["nfe_forward"]) < 20_000 for epoch in csv.DictReader(file))


def test_delayed_states_are_forecast(tmp_path):
    ok("simulate", "pendulum", "--out", tmp_path / "p.csv")
    ok("fit", tmp_path / "p.csv", "--time", "t", "--state", "theta", "--delay", "2", "--out", tmp_path / "run", *QUICK)
    ok("forecast", tmp_path / "run", "--steps", "4", "--out", tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_text().startswith("t,theta,outside\n")  # the columns of the file, without their copies


def test_delays_may_be_some_samples_apart(tmp_path):
    ok("simulate", "pendulum", "--out", tmp_path / "p.csv")
    fit = ["fit", tmp_path / "p.csv", "--time", "t", "--state", "theta", "--delay", "2", "--out", tmp_path / "run", *QUICK]
    ok(*fit, "--lag", "3")
    assert "lag = 3" in (tmp_path / "run/config.toml").read_text()
    ok("forecast", tmp_path / "run", "--steps", "4", "--out", tmp_path / "f.csv")
    assert "theta_lag3,theta_lag6" in (tmp_path / "run/forecast.csv").read_text()
    bad("'lag = 3'", *fit, "--lag", "2", "--resume")


@pytest.mark.parametrize("adjoint", ["discrete", "backsolve", "interpolating", "quadrature", "forward"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_every_adjoint_trains(adjoint, optimizer, tmp_path):
    ok(*fit(tmp_path / "run", "--adjoint", adjoint, "--optimizer", optimizer))


def weights(run):
    return (run / "model.safetensors").read_bytes()


def test_no_hidden_layer_is_a_linear_ode(tmp_path):
    ok(*fit(tmp_path / "run", "--hidden", "none", "--memory", "none"))
    assert json.loads((tmp_path / "run/metrics.json").read_text())["chosen"].startswith("linear")


def test_threads_change_no_bit(tmp_path):
    for threads in ("1", "2"):
        ok(*fit(tmp_path / threads, "--threads", threads))
    assert weights(tmp_path / "1") == weights(tmp_path / "2")


def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    options = ["--epochs", "1500", "--polish", "100", "--hidden", "24"]
    ok(*fit(tmp_path / "straight", *options))
    broken = tmp_path / "broken"
    child = subprocess.Popen([CLI, *map(str, fit(broken, *options))], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.time() + 60
    while not list(broken.glob("trials/*")) and child.poll() is None and time.time() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    ok("fit", "--resume", "--out", broken, "--quiet")
    assert weights(broken) == weights(tmp_path / "straight")


def test_what_time_ended_can_be_had_again(tmp_path):
    timed = tmp_path / "timed"
    done = ok("fit", LYNX, "--time", "year", "--state", "hare,lynx", "--minutes", "0.01", "--epochs", "20000", "--out", timed)
    assert "the time was up" in done.stdout
    record = (timed / "stopped.toml").read_text()
    assert "trial " in record
    again = tmp_path / "again"
    again.mkdir()
    for name in ("config.toml", "stopped.toml"):
        (again / name).write_bytes((timed / name).read_bytes())
    ok("fit", "--resume", "--out", again, "--threads", "1", "--quiet")
    assert weights(again) == weights(timed)
    assert (again / "stopped.toml").read_text() == record
    ok("fit", "--resume", "--out", timed, "--quiet")
    assert weights(again) == weights(timed)
    (again / "stopped.toml").write_text(record.replace("epochs = [", "epochs = [1, "))
    bad("must hold an epoch for each training", "fit", "--resume", "--out", again)


def test_time_is_kept_for_members_and_what_it_ended_can_be_had_again(tmp_path):
    timed, form = tmp_path / "timed", ["--hidden", "8", "--memory", "none", "--clock", "none", "--window", "7"]
    ok("fit", LYNX, "--time", "year", "--state", "hare,lynx", "--minutes", "0.04", "--seeds", "3", "--epochs", "1000000", *form, "--out", timed)
    assert "hare_lower" in (timed / "forecast.csv").read_text().splitlines()[0]
    again = tmp_path / "again"
    again.mkdir()
    for name in ("config.toml", "stopped.toml"):
        (again / name).write_bytes((timed / name).read_bytes())
    ok("fit", "--resume", "--out", again, "--threads", "1", "--quiet")
    assert weights(again) == weights(timed)


def test_interrupting_saves_and_says_how_to_go_on(tmp_path):
    run = tmp_path / "run"
    child = subprocess.Popen([CLI, "fit", LYNX, "--time", "year", "--state", "hare,lynx", "--out", run, "--epochs", "100000"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130 and "--resume" in out
    assert list(run.glob("trials/*.safetensors")) and (run / "model.safetensors").exists()
    assert json.loads((run / "metrics.json").read_text())["ended_by"] == "interrupt"
    assert "not finished: continue with" in ok("info", run).stdout


def write(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "data.csv"),
        ("year,hare\n1,2\n2,3\n", "'lynx'"),
        ("year,hare,lynx\n1,2,3\n2,two,3\n", "line 3"),
        ("year,hare,lynx\n1,2,3\n2,inf,3\n", "line 3"),
        ("year,hare,lynx\n1,2,3\nnan,3,3\n", "line 3"),
        ("year,hare,lynx\n2,2,3\n1,3,3\n", "line 3"),
        ("year,hare,lynx\n1,2,3\n1,3,3\n", "at different times"),
        ("year,hare,lynx\n1,2,3\n", "data.csv"),
        ("year,hare,lynx\n1,2,3\n2,3\n", "line 3"),
        ("year,hare,lynx\n1,nan,3\n2,nan,4\n3,nan,4\n", "'hare'"),
        ("year,hare,lynx\n1,2,3\n2,3,4\n", "too few"),
        ("year,hare,lynx\n1,1e308,3\n2,-1e308,4\n3,1e308,4\n4,1,4\n", "too large"),
        ("year,hare,lynx\n-1e308,2,3\n1e308,3,4\n1.5e308,3,4\n", "too far apart"),
        ("year,hare,lynx\n1,2,3\n2,4,5\n3,,\n4,,\n", "no measured value to judge"),
        ("year,hare,lynx\n1,2,3\n2,\"two\nor three\",3\n", "'two\\nor three'"),
        ("year,hare,lynx\n1,2,3\n2," + "x" * 5000 + ",3\n", "xxx…'"),
    ],
    ids=["empty", "missing column", "text", "inf", "nan time", "unsorted", "repeated", "one row", "short row", "no value", "two rows", "huge", "far apart", "nothing held", "two lines", "long cell"],
)
def test_bad_data(text, message, tmp_path):
    bad(message, *fit(tmp_path / "run", data=write(tmp_path, text)))
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_not_there_comes_before_options_that_are_missing(tmp_path):
    bad("absent.csv", "fit", tmp_path / "absent.csv")
    bad("needs --time", "fit", LYNX)


def test_an_endless_input_is_refused(tmp_path):
    bad("up to 1 GiB", *fit(tmp_path / "run", data="/dev/zero"))


def test_names_that_no_file_could_hold_are_refused(tmp_path):
    (tmp_path / "data.csv").write_bytes(b"t,\xb5\n" + b"".join(b"%d,%d\n" % (i, i % 3) for i in range(9)))
    bad("must be UTF-8", "fit", tmp_path / "data.csv", "--time", "t", "--state", b"\xb5".decode("utf8", "surrogateescape"),
        "--out", tmp_path / "run", *QUICK)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--hold-out", "150%"], "below 100%"),
        (["--hold-out", "some"], "such as 20%"),
        (["--hold-out", "20"], "--hold-out 20 may be a share or a time: write 20% or t=20."),
        (["--method", "dopri6"], "did you mean 'dopri5'"),
        (["--activation", "tahn"], "did you mean 'tanh'"),
        (["--adjoint", "backsolv"], "did you mean 'backsolve'"),
        (["--adjoint", "quadratur"], "did you mean 'quadrature'"),
        (["--adjoint", "interpolating", "--method", "rk4"], "which fixed steps do not keep"),
        (["--adjoint", "forward", "--hidden", "64,64"], "Take adjoint = 'discrete'"),
        (["--gradient-steps", "offf"], "did you mean 'off'"),
        (["--device", "cdua"], "did you mean 'cuda'"),
        (["--device", "cuda"], "set COSTATE_CUDA=experimental"),
        (["--loss", "mes"], "did you mean 'mse'"),
        (["--optimizer", "adma"], "did you mean 'adam'"),
        (["--interpolation", "liner"], "did you mean 'linear'"),
        (["--epoch", "5"], "did you mean '--epochs'"),
        (["--epochs", "-1"], "--epochs takes a whole number of at least 1, or 0, which chooses; got '-1'."),
        (["--epochs", "99999999999"], "--epochs takes at most 1000000000; got '99999999999'."),
        (["--hidden", "0"], "--hidden takes whole numbers between 1 and 65536, or none for a linear ODE; got '0'."),
        (["--clock", "0.001"], "clock '0.001' turns 1000 times from one sample to the next"),
        (["--epochs", "0x10"], "got '0x10'"),
        (["--epochs", "3x"], "got '3x'"),
        (["--epochs", "99999999999999999999"], "--epochs takes"),
        (["--hidden", "64,,64"], "--hidden takes"),
        (["--hidden", "-3"], "between 1 and"),
        (["--hidden", "64,1.5"], "--hidden takes whole numbers between 1 and 65536, or none for a linear ODE; got '64,1.5'."),
        (["--rtol", "0"], "--rtol takes a positive"),
        (["--lr", "nan"], "--learning-rate takes a positive, finite number; got 'nan'."),
        (["--window", "1"], "--window takes"),
        (["--seed", "-4"], "--seed takes"),
        (["--threads", "0"], "--threads takes"),
        (["--delay", "1000"], "--delay takes"),
        (["--delay", "30"], "samples; delay 30 needs"),
        (["--input", "wolf"], "'wolf'"),
        (["--resume", "--replace"], "exclude each other"),
        (["extra"], "one argument too many"),
        (["--out", ""], "--out takes a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options(options, message, tmp_path):
    bad(message, *fit(tmp_path / "run", *options))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--trajectories", "0"], "--trajectories takes a whole number between 1 and 1000000; got '0'."),
        (["--samples", "1"], "--samples takes a whole number between 2 and"),
        (["--noise", "inf"], "--noise takes a number; got 'inf'."),
        (["--seed", "1.5"], "--seed takes a whole number of at least 0; got '1.5'."),
        (["--start", "1,,0"], "--start takes numbers separated by commas; got '1,,0'."),
        (["--parameter", "length"], "--parameter takes assignments such as mu=1.5; got 'length'."),
        (["--parameter", "length=long"], "got 'length=long'"),
        (["--parameter", "l=2"], "unknown parameter 'l'; known: g/l"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_of_simulate(options, message, tmp_path):
    bad(message, "simulate", "pendulum", "--out", tmp_path / "x.csv", *options)


def test_the_help_tells_what_an_option_takes_and_its_default():
    page = ok("simulate", "--help").stdout
    assert "--trajectories INT          Number of trajectories (1)" in page
    assert "--parameter NAME=NUMBER,..." in page


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("simulate", ["pendulum", "--seed", "1", "--seed", "1"], "--seed is given twice, as '1' and '1'; give it once."),
        ("fit", ["d.csv", "--hold-out", "s=1", "--hold-out", "s=2"], "--hold-out is given twice, as 's=1' and 's=2'; give it once."),
        ("fit", ["d.csv", "--hidden", "8", "--hidden", "9", "--hidden", "7"], "--hidden is given 3 times, as '8' and '9' and '7'"),
        ("look", ["d.csv", "--time", "t", "--time", "u"], "--time is given twice"),
        ("forecast", ["runs/d", "--at", "1", "--at", "2"], "--at is given twice"),
    ],
)
def test_an_option_of_one_value_is_given_once(command, options, message):
    bad(message, command, *options)


def test_bad_commands_and_missing_parts(tmp_path):
    bad("did you mean 'fit'", "fti")
    bad("needs a CSV file", "fit")
    bad("needs --time", "fit", LYNX)
    bad("needs --state", "fit", LYNX, "--time", "year")
    bad("absent.csv", *fit(tmp_path / "run", data="absent.csv"))
    bad("did you mean 'pendulum'", "simulate", "pendlum", "--out", tmp_path / "x.csv")
    bad("--noise", "simulate", "pendulum", "--noise", "loud", "--out", tmp_path / "x.csv")
    bad("needs --out", "simulate", "pendulum")
    assert costate().returncode == 2


def test_bad_output_folders(run, tmp_path):
    bad("already holds a run; resume it, replace it", *fit(run))
    (tmp_path / "file").write_text("")
    bad("file", *fit(tmp_path / "file"))
    bad("/proc/run", *fit("/proc/run"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    bad("other files", *fit(tmp_path / "other"))


def test_bad_resumes(run, tmp_path):
    bad("another config: 'hidden", *fit(run, "--resume", "--hidden", "9"))
    bad("needs --out", "fit", "--resume")
    bad("drop --epochs 9", "fit", "--resume", "--out", run, "--epochs", "9")
    bad("absent", "fit", "--resume", "--out", tmp_path / "absent")
    data = write(tmp_path, LYNX.read_text())
    ok(*fit(tmp_path / "run", data=data))
    data.write_text(LYNX.read_text().replace("30.0", "31.0"))
    bad("have changed", *fit(tmp_path / "run", "--resume", data=data))


def test_bad_run_folders(run, tmp_path):
    bad("absent", "forecast", tmp_path / "absent", "--steps", "3")
    bad("either --until or --steps", "forecast", run)
    bad("must lie after", "forecast", run, "--until", "1910")
    bad("without inputs", "forecast", run, "--steps", "3", "--input", LYNX)
    bad("--inputs-ahead: the model has no inputs", "forecast", run, "--steps", "3", "--inputs-ahead", "hold")
    bad("--until takes a number; got 'later'.", "forecast", run, "--until", "later")
    bad("--until takes a number or a date; got ''.", "forecast", run, "--until", "")
    bad("--steps takes a whole number of at least 1; got '0'.", "forecast", run, "--steps", "0")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.toml").write_text((run / "config.toml").read_text().replace("format = 1", "format = 99"))
    bad("99", "fit", "--resume", "--out", copy)
    model = (run / "model.safetensors").read_bytes()
    for name, content in [("empty", b""), ("truncated", model[: len(model) // 2]), ("foreign", b"PK\x03\x04" + b"x" * 100)]:
        (copy / "model.safetensors").write_bytes(content)
        bad("model.safetensors", "forecast", copy, "--steps", "3")
        bad("model.safetensors", "info", copy / "model.safetensors")
    (copy / "config.toml").write_text("this is not toml")
    bad("line 1", "info", copy)


def test_damage_is_never_silent(run, tmp_path):
    """A flipped bit anywhere: an error of one line, or the very same forecast and weights."""
    arguments = {"model.safetensors": ["forecast", "--steps", "3", "--out", "f.csv"],
                 "checkpoint.safetensors": ["fit", "--resume", "--quiet", "--out"]}
    ok("forecast", run, "--steps", "3", "--out", "f.csv", cwd=tmp_path)
    forecast = (tmp_path / "f.csv").read_text().splitlines()[1:]
    for name, command in arguments.items():
        content = (run / name).read_bytes()
        for k in range(0, len(content), len(content) // 12):
            copy = tmp_path / f"{name}{k}"
            shutil.copytree(run, copy)
            (copy / name).write_bytes(content[:k] + bytes([content[k] ^ 16]) + content[k + 1:])
            done = costate(command[0], copy, *command[1:], cwd=tmp_path) if command[0] == "forecast" else costate(*command, copy)
            assert done.returncode in (0, 2) and len(done.stderr.splitlines()) == done.returncode // 2, done.stderr
            if done.returncode == 0:
                assert weights(copy) == weights(run) and (tmp_path / "f.csv").read_text().splitlines()[1:] == forecast
    copy = tmp_path / "metrics"
    shutil.copytree(run, copy)
    (copy / "metrics.json").write_text('{"epochs": 5')
    bad("is not JSON", "info", copy)


def test_two_runs_do_not_share_a_folder(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    folder = os.open(copy, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    bad("another run is being written", "fit", "--resume", "--out", copy)
    bad("another run is being written", *fit(copy, "--replace"))
    os.close(folder)
    ok("fit", "--resume", "--out", copy, "--quiet")


def test_what_a_killed_run_left_is_cleared_away(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / ".metrics.json.999999999.5.tmp").write_text("half")
    ok("fit", "--resume", "--out", copy, "--quiet")
    assert {path.name for path in copy.iterdir()} == {path.name for path in run.iterdir()}


def test_lost_output_is_reported_but_not_a_reader_that_has_seen_enough():
    with open("/dev/full", "w") as full:
        done = subprocess.run([CLI, "info"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "cannot write to the standard output" in done.stderr
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([CLI, "info"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.returncode == 0 and done.stderr == ""


def test_a_start_may_come_through_a_pipe(run, tmp_path):
    done = subprocess.run([CLI, "forecast", run, "--steps", "2", "--from", "/dev/stdin", "--out", tmp_path / "f.csv"],
                          input="year,hare,lynx\n1950,20,20\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_field_that_blows_up_is_reported_and_never_written(tmp_path):
    run = tmp_path / "run"
    done = costate("fit", LYNX, "--time", "year", "--state", "hare,lynx", "--out", run, "--epochs", "60", "--polish", "0",
                   "--activation", "identity", "--learning-rate", "30", "--window", "16")
    assert done.returncode in (0, 1), done.stderr
    if done.returncode == 1:
        assert "no epoch had a finite loss" in done.stderr
        return
    assert json.loads((run / "metrics.json").read_text())["best_loss"] is not None
    assert "nan" not in ok("info", run).stdout.lower().replace("--", "")


def files(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_full_disk_loses_nothing(tmp_path):
    """A file-size limit stands in for a full disk: writing the checkpoint fails, what was there stays."""
    run = tmp_path / "run"
    ok(*fit(run))
    before = files(run)
    limited = subprocess.run(["bash", "-c", 'ulimit -f 1; trap "" XFSZ; exec "$@"', "bash", CLI, "fit", "--resume", "--out", run, "--quiet"],
                             capture_output=True, text=True)
    assert limited.returncode == 2 and "costate: error:" in limited.stderr
    assert files(run) == before
