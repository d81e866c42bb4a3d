"""What judges a fit: a share, trajectories by name, all from a time on, or a file of its own; and what is taken for inputs."""

import csv
import json
import math

import pytest

from test_cli import QUICK, bad, costate, ok

FEW = [*QUICK, "--memory", "0", "--clock", "none", "--window", "5"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rows = [f"{s},2024-03-{day:02d},{math.exp(-0.1 * day * s)},{day % 3}" for s in (1, 2, 3) for day in range(1, 21)]
    (folder / "several.csv").write_text("subject,day,x,u\n" + "\n".join(rows) + "\n")
    (folder / "other.csv").write_text("subject,day,x,u\n" + "\n".join(row.replace("2024", "2025") for row in rows[:20]) + "\n")
    return folder


def fit(data, out, *more):
    return ["fit", data / "several.csv", "--time", "day", "--state", "x", "--trajectory", "subject", "--out", out, *FEW, *more]


def held(run):
    rows = list(csv.DictReader(open(run / "forecast.csv")))
    return sorted({row["subject"] for row in rows}), min(row["day"] for row in rows)


@pytest.mark.parametrize(
    "part, subjects, first",
    [("subject=2", ["2"], "2024-03-02"), ("1,3", ["1", "3"], "2024-03-02"), ("2024-03-15", ["1", "2", "3"], "2024-03-15"),
     ("day=2024-03-15", ["1", "2", "3"], "2024-03-15"), ("40%", ["3"], "2024-03-02")],
)
def test_the_test_is_what_was_named_and_a_run_is_resumed_with_it(data, tmp_path, part, subjects, first):
    ok(*fit(data, tmp_path / "run", "--hold-out", part))
    assert held(tmp_path / "run") == (subjects, first)
    model = (tmp_path / "run/model.safetensors").read_bytes()
    ok("fit", "--resume", "--out", tmp_path / "run", "--quiet")
    assert (tmp_path / "run/model.safetensors").read_bytes() == model


def test_another_file_judges(data, tmp_path):
    ok(*fit(data, tmp_path / "run", "--judge", data / "other.csv"))
    assert held(tmp_path / "run") == (["1"], "2025-03-06")  # after the context of the windows
    parts = json.loads((tmp_path / "run/metrics.json").read_text())["parts"]
    assert parts["test"] == 20 and parts["training"] + parts["validation"] == 60
    bad("is the whole test", *fit(data, tmp_path / "two", "--judge", data / "other.csv", "--hold-out", "20%"))
    bad("judge it by other data", *fit(data, tmp_path / "two", "--judge", data / "several.csv"))
    bad("cannot", *fit(data, tmp_path / "two", "--judge", tmp_path / "none.csv"))
    (data / "other.csv").write_text((data / "other.csv").read_text().replace("2025", "2026"))
    bad("other.csv' have changed", "fit", "--resume", "--out", tmp_path / "run")


def test_driven_systems_are_judged_with_inputs_unknown_too(data, tmp_path):
    done = ok(*[o for o in fit(data, tmp_path / "run", "--input", "u") if o != "--quiet"])
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["verdict"]["inputs"] == "known" and metrics["verdict_inputs_unknown"]["inputs"] in ("held", "repeated")
    page = (tmp_path / "run/report.html").read_text()
    for text in (done.stdout, page):
        assert "With the inputs known:" in text and "With the inputs held at their last value:" in text or "With the inputs of" in text
    ok(*fit(data, tmp_path / "free"))
    assert "verdict_inputs_unknown" not in json.loads((tmp_path / "free/metrics.json").read_text())
