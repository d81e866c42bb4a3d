"""Run folders: the command line's and Python's are the same, and Run shows what they hold."""

import os
import pathlib
import re
import shutil
import subprocess

import costate
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "examples/data/hare_lynx.csv"
OPTIONS = {"time": "year", "states": ["hare", "lynx"], "epochs": 40, "seed": 1, "hidden": [8], "memory": "none", "clock": "none", "window": 5}
FLAGS = ["--time", "year", "--state", "hare,lynx", "--epochs", "40", "--seed", "1", "--hidden", "8", "--memory", "none", "--clock", "none", "--window", "5"]


def command_line():
    places = [ROOT / "build/release/cli/costate", ROOT / "build/python/cli/costate", shutil.which("costate")]
    found = [place for place in places if place and os.access(place, os.X_OK) and pathlib.Path(place).is_file()]
    if not found:
        pytest.skip("the command line is not built")
    return str(found[0])


def weights(model):
    return [parameter.value.tolist() for parameter in model.parameters]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "lynx"
    costate.fit_table(DATA, out=folder, **OPTIONS)
    return folder


def test_the_command_line_writes_the_same_run(folder, tmp_path):
    subprocess.run([command_line(), "fit", str(DATA), *FLAGS, "--out", str(tmp_path / "run"), "--quiet"], check=True)
    for name in ("config.toml", "model.safetensors", "forecast.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes(), name
    same = costate.Run(tmp_path / "run")
    assert weights(same.model) == weights(costate.Run(folder).model)
    assert same.errors() == costate.Run(folder).errors()


def test_the_command_line_reads_a_run_of_python(folder):
    program = command_line()
    assert "chosen" in subprocess.run([program, "info", str(folder)], check=True, capture_output=True, text=True).stdout
    out = folder.parent / "ahead.csv"
    subprocess.run([program, "forecast", str(folder), "--steps", "3", "--out", str(out)], check=True)
    of_program = np.genfromtxt(out, delimiter=",", names=True)
    ahead = costate.Run(folder).forecast(steps=3)
    assert np.array_equal(ahead.states[0][:, 0], of_program["hare"]) and np.array_equal(ahead.times[0], of_program["year"])


def test_a_run_is_exported(folder, tmp_path):
    run = costate.Run(folder)
    for who, name in ((run, "run.py"), (run.model, "fit.py")):
        who.export(tmp_path / name, to="python", prefix="lynx")
    assert (tmp_path / "run.py").read_bytes() == (tmp_path / "fit.py").read_bytes()


def test_what_a_run_says(folder):
    run = costate.Run(folder)
    fit = costate.fit_table(DATA, **OPTIONS)
    assert run.is_finished and run.state_names == ["hare", "lynx"] and run.config["data"]["time"] == "year"
    assert run.metrics["hold_out_error"]["neural ODE"]["relative"] == pytest.approx(fit.errors["neural ODE"]["relative"])
    assert len(run.history["loss"]) == run.metrics["epochs"] == len(fit.history["loss"])
    assert weights(run.model) == weights(fit)
    (times, states), = run.held_forecast().values()
    assert times.tolist() == [1917, 1918, 1919, 1920] and states.shape == (4, 2)
    assert run.verdict and run.verdict.splitlines()[-1] in fit.verdict
    assert run.report.is_file() and run.report.read_text().startswith("<!")
    text = repr(run)
    assert re.search(r"chosen: 8 wide, windows of 5; \d+ epochs", text) and re.search(r"neural ODE +0\.\d+ +0\.\d+", text)
    assert run._repr_html_().count("<tr>") == len(run.errors()) and "<th>1 sample</th>" in run._repr_html_()


def test_a_run_starts_within_its_data(folder):
    earlier = costate.Run(folder).forecast(at=1910, steps=2)
    assert earlier.times[0].tolist() == [1910, 1911, 1912]


def test_a_plot_of_a_run(folder):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = costate.Run(folder).plot()
    assert len(axes) == 2 and [one.get_ylabel() for one in axes] == ["hare", "lynx"]
    labels = axes[0].get_legend_handles_labels()[1]
    assert labels == ["held out", "data", "forecast"]
    times, *_ = next(iter(costate.Run(folder).held_forecast().values()))
    assert axes[0].patches[0].get_x() == pytest.approx(times[0] - 0.5), "from midway before the first sample that is held out"
    with pytest.raises(costate.InvalidArgument, match="there is no trajectory 'x'"):
        costate.Run(folder).plot(run="x")


def test_a_dated_run_of_several_trajectories(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    lines = ["site,day,x"]
    for site, k in (("a", 0.3), ("b", 0.4), ("c", 0.2)):
        lines += [f"{site},2024-05-{1 + i:02d},{np.exp(-k * i)}" for i in range(10)]
    (tmp_path / "decay.csv").write_text("\n".join(lines) + "\n")
    costate.fit_table(tmp_path / "decay.csv", out=tmp_path / "run", time="day", states="x", trajectory="site", hold_out="site=c", epochs=20, hidden=[],
                      memory="none", clock="none", window=5)
    run = costate.Run(tmp_path / "run")
    held = run.held_forecast()
    assert list(held) == ["c"] and len(held["c"][0]) >= 8
    axes = run.plot()
    assert axes[0].get_title() == "c"
    assert run.plot(run="a")[0].get_title() == "a"


def test_a_stopped_run_goes_on_to_the_same_bits(folder, tmp_path):
    class Enough(Exception):
        pass

    def stop(said):
        if said["model"] == "neural ODE" and said["epoch"] == 3:
            raise Enough

    with pytest.raises(Enough):
        costate.fit_table(DATA, out=tmp_path / "run", progress=stop, **OPTIONS)
    run = costate.Run(tmp_path / "run")
    assert not run.is_finished and "not finished; resume() goes on with it" in repr(run)
    with pytest.raises(costate.DataError, match="has no model yet"):
        run.model
    fit = run.resume()
    assert weights(fit) == weights(costate.Run(folder).model) == weights(run.model)
    assert run.is_finished


def test_existing_runs(folder, tmp_path):
    with pytest.raises(costate.InvalidArgument, match="already holds a run"):
        costate.fit_table(DATA, out=folder, **OPTIONS)
    again = costate.fit_table(DATA, out=folder, existing="resume", **OPTIONS)
    assert weights(again) == weights(costate.Run(folder).model)
    with pytest.raises(costate.InvalidArgument, match="begun with another config"):
        costate.fit_table(DATA, out=folder, existing="resume", **{**OPTIONS, "seed": 2})
    with pytest.raises(costate.InvalidArgument, match="existing: .*'resume'"):
        costate.fit_table(DATA, out=folder, existing="resum", **OPTIONS)
    with pytest.raises(costate.InvalidArgument, match="give out"):
        costate.fit_table(DATA, existing="replace", **OPTIONS)
    with pytest.raises(costate.InvalidArgument, match=r"a run folder names the file of its data.*got dict"):
        costate.fit_table({"year": [1, 2], "hare": [1, 2], "lynx": [1, 2]}, out=tmp_path / "run", **OPTIONS)


def test_folders_that_are_no_runs(tmp_path):
    with pytest.raises(costate.IoError, match="no such folder"):
        costate.Run(tmp_path / "nowhere")
    with pytest.raises(costate.DataError, match="is not a run folder"):
        costate.Run(tmp_path)


def test_a_run_whose_data_are_gone(folder, tmp_path):
    shutil.copy(DATA, tmp_path / "data.csv")
    costate.fit_table(tmp_path / "data.csv", out=tmp_path / "run", **{**OPTIONS, "epochs": 2})
    (tmp_path / "data.csv").unlink()
    run = costate.Run(tmp_path / "run")
    assert len(run.forecast(steps=1).times[0]) == 2
    with pytest.raises(costate.DataError, match=r"\[Run.plot\] needs the data of the fit: .*are not there"):
        run.plot()


def test_a_loaded_fit_has_nothing_to_plot(folder):
    for fit in (costate.load(folder / "model.safetensors"), costate.Run(folder).model):
        with pytest.raises(costate.InvalidArgument, match=r"\[Fit.plot\] needs the data of the fit.*Run.plot draws a run folder"):
            fit.plot()


class Said(list):
    def __call__(self, said):
        self.append(said)


def test_progress_is_called_after_each_epoch():
    said = Said()
    model = costate.fit_table(DATA, progress=said, **OPTIONS)
    last = [one for one in said if one["model"] == "neural ODE"]
    assert [one["epoch"] for one in last] == list(range(last[0]["epoch"], last[-1]["epoch"] + 1))
    assert last[-1]["loss"] == model.history["loss"][-1] and last[-1]["epochs"] >= last[-1]["epoch"]
    assert set(last[0]) == {"model", "epoch", "epochs", "is_trial", "loss", "validation_loss", "nfe_forward", "nfe_backward", "seconds"}
    times = np.linspace(0, 6, 31)
    more = Said()
    costate.fit(times, np.cos(times), hidden=[], memory="none", clock=["none"], epochs=3, progress=more)
    assert more


def test_progress_as_a_line(capsys):
    costate.fit_table(DATA, progress=True, **OPTIONS)
    shown = capsys.readouterr().err
    assert shown.count("\r") > 10 and re.search(r"\rneural ODE  epoch \d+/\d+  loss [\d.e-]+", shown)
    with pytest.raises(costate.CallError, match="progress must be True or a callable; got int"):
        costate.fit_table(DATA, progress=3, **OPTIONS)


def test_notebooks_show_tables():
    model = costate.fit_table(DATA, **OPTIONS)
    page = model._repr_html_()
    assert page.startswith("<b>Fit of hare, lynx") and "<td>last value</td>" in page
    ahead = model.forecast(1923)._repr_html_()
    assert "<th>hare</th>" in ahead and ahead.count("<tr>") == 5
