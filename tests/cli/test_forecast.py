"""costate forecast from anywhere: the end, a time, new data, a file of starts; and what it says of starts and inputs."""

import csv
import json
import math
import subprocess
import time

import pytest

from test_cli import CLI, QUICK, bad, costate, ok

FEW = [*QUICK, "--clock", "none", "--window", "5"]


def rows(path):
    return list(csv.DictReader(open(path)))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    lines = ["t,x,y,u"]
    for i in range(40):
        y = "" if i > 30 else f"{math.cos(0.3 * i)}"
        lines.append(f"{i},{math.sin(0.3 * i)},{y},{i % 4}")
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def driven(data):
    ok("fit", data / "data.csv", "--time", "t", "--state", "x,y", "--input", "u", "--hold-out", "40%", "--memory", "1", "--out",
       data / "driven", *FEW)
    return data / "driven"


def test_parts_of_a_start_are_said_to_be_estimated(driven, tmp_path):
    done = ok("forecast", driven, "--steps", "2", "--inputs-ahead", "hold", "--out", tmp_path / "f.csv")
    assert "costate: the start at 39: 'y' (last measured at 30), 1 hidden state estimated" in done.stderr
    assert "costate: inputs after 39 are not known: held at their last value" in done.stderr
    assert "'y' (last measured at 30)" in (tmp_path / "f.csv.txt").read_text()
    made = rows(tmp_path / "f.csv")
    assert [row["t"] for row in made] == ["39", "40", "41"] and set(made[0]) == {"t", "x", "y", "outside"}
    assert float(made[0]["y"]) != math.cos(9)  # a stale cell
    bad("--inputs-ahead hold or repeat", "forecast", driven, "--steps", "2")
    bad("takes hold or repeat; got 'held'", "forecast", driven, "--steps", "2", "--inputs-ahead", "held")


def test_a_forecast_starts_at_a_time_of_the_data(driven, data, tmp_path):
    ok("forecast", driven, "--at", "20.5", "--out", tmp_path / "f.csv")
    assert [row["t"] for row in rows(tmp_path / "f.csv")] == [str(t) for t in range(20, 40)]
    bad("takes a number; got 'noon'", "forecast", driven, "--at", "noon")
    text = (data / "data.csv").read_text()
    (data / "data.csv").write_text(text + "40,0,0,0\n")
    bad("have changed since; say with --data FILE", "forecast", driven, "--at", "20")
    (data / "data.csv").unlink()
    bad("are not there; give them with --data FILE", "forecast", driven, "--at", "20")
    (data / "data.csv").write_text(text)


def test_new_data_start_a_forecast_along_their_inputs(driven, tmp_path):
    (tmp_path / "new.csv").write_text("t,x,y,u\n0,0.1,0.9,1\n1,0.2,,1\n2,0.3,0.8,0\n3,,,0\n4,,,9\n")
    done = ok("forecast", driven, "--data", tmp_path / "new.csv", "--out", tmp_path / "f.csv")
    made = rows(tmp_path / "f.csv")
    assert [row["t"] for row in made] == ["2", "3", "4"] and made[-1]["outside"] == "1"
    assert "leaves the range of the training at" in done.stderr
    bad("the forecast needs 2 … 12", "forecast", driven, "--data", tmp_path / "new.csv", "--until", "12")


def test_each_row_of_a_file_is_a_start(driven, tmp_path):
    (tmp_path / "starts.csv").write_text("t,x,y,u\n7,0.1,0.9,1\n5,0.2,,1\n")
    done = ok("forecast", driven, "--from", tmp_path / "starts.csv", "--steps", "2", "--inputs-ahead", "hold", "--out", tmp_path / "f.csv")
    made = rows(tmp_path / "f.csv")
    assert [(row["start"], row["t"]) for row in made] == [("1", "7"), ("1", "8"), ("1", "9"), ("2", "5"), ("2", "6"), ("2", "7")]
    assert float(made[0]["x"]) == pytest.approx(0.1, rel=1e-12)
    assert "the start of trajectory '2': 'y' taken to be the mean of the training" in done.stderr
    (tmp_path / "one.csv").write_text("t,x,y,u\n5,0.2,,1\n")
    ok("forecast", driven, "--from", tmp_path / "one.csv", "--steps", "2", "--inputs-ahead", "hold", "--out", tmp_path / "one_f.csv")
    assert [[row[name] for name in "txy"] for row in rows(tmp_path / "one_f.csv")] == [[row[name] for name in "txy"] for row in made[3:]]
    (tmp_path / "none.csv").write_text("t,x,y,u\n5,,,1\n")
    bad("state column 'x' has no number at all", "forecast", driven, "--from", tmp_path / "none.csv", "--steps", "2")


def test_a_model_with_delays_starts_from_new_data(data, tmp_path):
    ok("fit", data / "data.csv", "--time", "t", "--state", "x", "--delay", "2", "--memory", "0", "--out", tmp_path / "run", *FEW)
    (tmp_path / "new.csv").write_text("t,x\n" + "".join(f"{100 + i},{0.1 * i}\n" for i in range(6)))
    ok("forecast", tmp_path / "run", "--data", tmp_path / "new.csv", "--steps", "1", "--out", tmp_path / "f.csv")
    made = rows(tmp_path / "f.csv")
    assert list(made[0]) == ["t", "x", "outside"] and [row["t"] for row in made] == ["105", "106"]
    bad("with --data", "forecast", tmp_path / "run", "--from", tmp_path / "new.csv", "--steps", "1")


def test_a_run_in_progress_has_no_model_yet(driven, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.toml").write_bytes((driven / "config.toml").read_bytes())
    bad("has no model yet: its fit is still at work, or was stopped", "forecast", tmp_path / "run", "--steps", "1")


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    folder = tmp_path_factory.mktemp("members")
    lines = ["t,x,x_lower"] + [f"{i},{math.sin(0.3 * i)},{math.cos(0.3 * i)}" for i in range(40)]
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    command = ["fit", folder / "data.csv", "--time", "t", "--state", "x,x_lower", "--memory", "none", *FEW, "--seeds", "3"]
    command.remove("--quiet")
    done = ok(*command, "--out", folder / "run")
    return folder / "run", done.stdout, [*command, "--quiet"]


def test_members_of_several_seeds_give_bands(members, tmp_path):
    run, said, _ = members
    coverage = json.loads((run / "metrics.json").read_text())["coverage"]
    cells, inside = (sum(state[key] for state in coverage["states"].values()) for key in ("cells", "inside"))
    assert cells == 16 and coverage["share"] == inside / cells
    assert f"Bands: {inside} of 16 held-out values" in said
    held = rows(run / "forecast.csv")
    columns = ["t", "x", "x_lower", "x_lower_band", "x_upper", "x_lower_lower", "x_lower_upper"]  # a state has the band's name
    assert list(held[0]) == columns
    seen = {row["t"]: row for row in rows(run.parent / "data.csv")}
    lies_inside = sum(float(row[low]) <= float(seen[row["t"]][name]) <= float(row[high]) for row in held
                      for name, low, high in [("x", "x_lower_band", "x_upper"), ("x_lower", "x_lower_lower", "x_lower_upper")])
    assert lies_inside == inside
    ok("forecast", run, "--steps", "3", "--out", tmp_path / "f.csv")
    made = rows(tmp_path / "f.csv")
    assert list(made[0]) == [*columns, "outside"]
    assert all(float(row["x_lower_band"]) < float(row["x"]) < float(row["x_upper"]) for row in made)
    bad("--seeds takes a whole number between 1 and 1000", "fit", run.parent / "data.csv", "--time", "t", "--state", "x", "--seeds", "0")


def test_members_of_a_killed_run_resume_to_the_same_bits(members, tmp_path):
    run, _, command = members
    command = [*command, "--out", tmp_path / "broken"]
    command[command.index("5")] = "400"  # epochs
    straight = [*command[:-1], tmp_path / "straight"]
    ok(*straight)
    child = subprocess.Popen([CLI, *map(str, command)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not list(tmp_path.glob("broken/members/*")) and child.poll() is None:
        time.sleep(0.01)
    child.kill()
    child.wait()
    ok("fit", "--resume", "--out", tmp_path / "broken", "--quiet")
    assert (tmp_path / "broken/model.safetensors").read_bytes() == (tmp_path / "straight/model.safetensors").read_bytes()


def test_starts_are_read_as_the_data_were(tmp_path):
    """A semicolon file with decimal commas and a row of units; its lines are those of messages."""
    decay = [f"{i};{math.exp(-0.1 * i):.4f}".replace(".", ",") for i in range(30)]
    (tmp_path / "data.csv").write_text("\n".join(["t;x", "s;V", *decay]) + "\n")
    ok("fit", tmp_path / "data.csv", "--time", "t", "--state", "x", "--memory", "0", "--out", tmp_path / "run", *FEW)
    (tmp_path / "starts.csv").write_text("start;t;x\nh;s;V\n0;0,5;0,25\n1;1,5;0,75\n")
    ok("forecast", tmp_path / "run", "--from", tmp_path / "starts.csv", "--steps", "1", "--out", tmp_path / "f.csv")
    made = rows(tmp_path / "f.csv")
    assert [(row["start_row"], row["t"]) for row in made] == [("1", "0.5"), ("1", "1.5"), ("2", "1.5"), ("2", "2.5")]
    assert [float(row["x"]) for row in made[::2]] == pytest.approx([0.25, 0.75], rel=1e-12)
    (tmp_path / "bad.csv").write_text("t;x\ns;V\n\n0,5;0,25\n1,5;a\n")
    bad("line 5, column 'x'", "forecast", tmp_path / "run", "--from", tmp_path / "bad.csv", "--steps", "1")
    (tmp_path / "other.csv").write_text("t;y\n0,5;0,25\n")
    bad("unknown column 'x'; did you mean 't'? known: t, y.", "forecast", tmp_path / "run", "--from", tmp_path / "other.csv", "--steps", "1")


def test_a_time_that_is_no_date_is_refused(tmp_path):
    months = [f"{1960 + i // 12}-{1 + i % 12:02d},{math.exp(-0.1 * i)}" for i in range(24)]
    (tmp_path / "data.csv").write_text("\n".join(["month,x", *months]) + "\n")
    ok("fit", tmp_path / "data.csv", "--time", "month", "--state", "x", "--memory", "0", "--out", tmp_path / "run", *FEW)
    for none in ("1962-13", "1962-99", "1962-00"):
        bad(f"'{none}'", "forecast", tmp_path / "run", "--until", none)
        bad(f"'{none}'", "forecast", tmp_path / "run", "--steps", "1", "--at", none)
        bad(f"'{none}'", "fit", tmp_path / "data.csv", "--time", "month", "--state", "x", "--hold-out", none, "--out", tmp_path / "no", *FEW)
    with_digits = (tmp_path / "data.csv").read_text().replace("-", "")
    (tmp_path / "digits.csv").write_text(with_digits)
    ok("fit", tmp_path / "digits.csv", "--time", "month", "--state", "x", "--memory", "0", "--out", tmp_path / "digits", *FEW)
    ok("forecast", tmp_path / "digits", "--steps", "2", "--out", tmp_path / "f.csv")
    assert [row["month"] for row in rows(tmp_path / "f.csv")] == ["196112", "196201", "196202"]


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """Two driven runs."""
    folder = tmp_path_factory.mktemp("two")
    lines = [f"{run},{i},{math.sin(0.3 * i + k)},{i % 4}" for k, run in enumerate("AB") for i in range(20)]
    (folder / "data.csv").write_text("\n".join(["run,t,x,u", *lines]) + "\n")
    ok("fit", folder / "data.csv", "--time", "t", "--state", "x", "--input", "u", "--trajectory", "run", "--memory", "0", "--out",
       folder / "run", "--hold-out", "0", *FEW)
    return folder


def test_inputs_of_one_of_two_trajectories(two_runs, tmp_path):
    (tmp_path / "u.csv").write_text("run,t,u\nB,19,1\nB,22,2\n")
    command = ["forecast", two_runs / "run", "--input", tmp_path / "u.csv", "--steps", "2", "--out", tmp_path / "f.csv"]
    bad("driven by u; give their values of trajectory 'A' over time", *command)
    done = ok(*command, "--inputs-ahead", "hold")
    assert "inputs of trajectory 'A' after 19 are not known: held" in done.stderr and "trajectory 'B' after" not in done.stderr
    assert [row["run"] for row in rows(tmp_path / "f.csv")] == list("AAABBB")
    (tmp_path / "u.csv").write_text("run,t,u\nC,19,1\nC,22,2\n")
    bad("the file of inputs is of trajectory C, and the forecast of A, …", *command)


def test_a_forecast_takes_the_place_of_no_file_of_the_run(two_runs, tmp_path):
    kept = {path: path.read_bytes() for path in [two_runs / "data.csv", *(two_runs / "run").glob("*.*")]}
    assert {"model.safetensors", "config.toml", "metrics.json", "data.csv"} < {path.name for path in kept}
    (tmp_path / "u.csv").write_text("t,u\n19,1\n22,2\n")
    for path in [*kept, tmp_path / "u.csv"]:
        done = costate("forecast", two_runs / "run", "--input", tmp_path / "u.csv", "--steps", "2", "--out", path)
        assert done.returncode == 2 and "choose another file" in done.stderr, path
    assert kept == {path: path.read_bytes() for path in kept}
