"""Run folders that version 0.1.0 wrote (tests/cli/runs/0.1.0) still forecast the same; they are not resumed, since a fit is
another thing now."""

import csv
import pathlib
import shutil

import pytest

from test_cli import costate, files, ok

RUNS = pathlib.Path(__file__).parent / "runs"


def numbers(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [[float(cell) for cell in row] for row in list(csv.reader(lines))[1:]]


@pytest.fixture
def folder(tmp_path):
    return pathlib.Path(shutil.copytree(RUNS / "0.1.0", tmp_path / "old"))


def test_its_model_forecasts_the_same(folder):
    ok("forecast", "run", "--until", "1925", "--out", "again.csv", cwd=folder)
    for now, then in zip(numbers(folder / "again.csv"), numbers(folder / "forecast-1925.csv"), strict=True):
        assert now == pytest.approx(then, rel=1e-9)  # vectors of another width may round otherwise


def test_it_is_not_resumed_and_stays_what_it_was(folder):
    before = files(folder / "run")
    done = costate("fit", "--resume", "--out", "run", "--quiet", cwd=folder)
    assert done.returncode == 2
    assert "was begun by an earlier Costate" in done.stderr and "start a new run" in done.stderr
    assert files(folder / "run") == before


def test_it_is_not_resumed_with_other_options(folder):
    done = costate("fit", "data.csv", "--time", "year", "--state", "hare,lynx", "--epochs", "7", "--resume", "--out", "run", cwd=folder)
    assert done.returncode == 2
    assert "was begun by an earlier Costate" in done.stderr
