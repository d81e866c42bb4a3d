"""`costate export`: what it writes, as its users compile and run it, and one clear line for every kind of bad input."""

import csv
import importlib.util
import pathlib
import shutil
import subprocess

import cortex_m4
import pytest
from test_cli import bad, costate, fit, ok

STRICT = "-std=c99 -O2 -Wall -Wextra -Wpedantic -Wconversion -Werror".split()


def data_rows(path):
    """The rows of a CSV file that Costate wrote, as numbers, without its header."""
    rows = [row for row in csv.reader(open(path)) if not row[0].startswith("#")]
    return [[float(cell) for cell in row] for row in rows[1:]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def pendulum(folder):
    """A run, and the data that it was fitted to."""
    data = folder / "pendulum.csv"
    ok("simulate", "pendulum", "--trajectories", "6", "--noise", "0.02", "--seed", "1", "--out", data)
    run = folder / "pendulum"
    ok("fit", data, "--time", "t", "--trajectory", "trajectory", "--state", "theta,omega", "--hidden", "16,16",
       "--memory", "none", "--clock", "none", "--epochs", "30", "--polish", "10", "--quiet", "--out", run)
    return run


@pytest.fixture(scope="module")
def forecast(folder, pendulum):
    """Rows t, theta, omega of a forecast from (1, 0), as the library makes it."""
    start, out = folder / "start.csv", folder / "forecast.csv"
    start.write_text("trajectory,t,theta,omega\n0,0,1,0\n")
    ok("forecast", pendulum, "--from", start, "--steps", "40", "--out", out)
    return [row[1:4] for row in data_rows(out)]


def compiled(folder, header, body, *flags):
    """Numbers that a program with this body of main prints."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler, cc")
    source, program = folder / "main.c", folder / "program"
    source.write_text(f'#include <stdio.h>\n#include "{header}"\nint main(void) {{\n{body}\n  return 0;\n}}\n')
    built = subprocess.run(["cc", *flags, source, "-o", program, "-lm"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return [float(x) for x in subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()]


def test_c_forecasts_as_the_library(pendulum, forecast, tmp_path):
    done = ok("export", pendulum, "--to", "c")
    assert done.stdout == f"export: {pendulum / 'pendulum.h'}\n"
    times = ", ".join(repr(row[0]) for row in forecast)
    body = f"""  const double start[] = {{1, 0}}, times[] = {{{times}}};
  double states[{len(forecast)}][PENDULUM_STATES];
  int i, status = pendulum_solve(start, times, {len(forecast)}, 0, &states[0][0], 0);
  printf("%d\\n", status);
  for (i = 0; i < {len(forecast)}; ++i) printf("%.17g %.17g\\n", states[i][0], states[i][1]);"""
    status, *states = compiled(tmp_path, pendulum / "pendulum.h", body, *STRICT)
    assert status == 0
    for row, theta, omega in zip(forecast, states[::2], states[1::2]):
        assert row[1:] == pytest.approx([theta, omega], abs=1e-10)


def test_options_of_c(pendulum, tmp_path):
    out = tmp_path / "net.h"
    ok("export", pendulum, "--to", "c", "--dtype", "float", "--math", "builtin", "--prefix", "net", "--vjp", "--out", out)
    text = out.read_text()
    assert text.startswith("/* Made by Costate ") and "math.h" not in text and "net_rate_vjp" in text
    assert "double" in text and "static const float net_net_0_bias" in text
    ok("export", pendulum, "--to", "c", "--prefix", "net", "--out", out)  # takes the place of an earlier export
    assert "float" not in out.read_text().replace("float.h", "")
    assert [path.name for path in tmp_path.iterdir()] == ["net.h"]


def test_on_a_microcontroller(pendulum, forecast, tmp_path):
    missing = cortex_m4.missing_tools()
    if missing:
        pytest.skip("needs " + ", ".join(missing))
    out = tmp_path / "model.h"
    ok("export", pendulum, "--to", "c", "--dtype", "float", "--math", "builtin", "--prefix", "model", "--out", out)
    times = [row[0] for row in forecast]
    adaptive, fixed = cortex_m4.run(out, [1, 0], times), cortex_m4.run(out, [1, 0], times, steps=2)
    for board in (adaptive, fixed):
        assert board["exit_code"] == 0 and board["status"] == 0
        assert board["flash"] < 20_000 and board["stack"] < 2_000
        expected = [number for row in forecast for number in row[1:]]
        assert board["states"] == pytest.approx(expected, abs=2e-3)
    assert fixed["accepted"] == 2 * (len(times) - 1) and fixed["flash"] < adaptive["flash"]


def test_bad_input(pendulum, folder, tmp_path):
    bad("export needs the folder of a run.", "export")
    bad("export needs --to: c", "export", pendulum)
    bad("[export] unknown target 'cc'; did you mean 'c'?", "export", pendulum, "--to", "cc")
    bad("cannot open the run folder", "export", tmp_path / "none", "--to", "c")
    bad("the prefix must be a C identifier", "export", pendulum, "--to", "c", "--prefix", "3d")
    bad("--dtype takes float or double; got 'half'.", "export", pendulum, "--to", "c", "--dtype", "half")
    bad("[export] unknown math 'none'", "export", pendulum, "--to", "c", "--math", "none")
    bad("--member: the fit has 1 members; got 2.", "export", pendulum, "--to", "c", "--member", "2")
    before = (folder / "pendulum.csv").read_text()
    bad("is there and no earlier export", "export", pendulum, "--to", "c", "--out", folder / "pendulum.csv")
    assert (folder / "pendulum.csv").read_text() == before
    bad("No such file or directory", "export", pendulum, "--to", "c", "--out", tmp_path / "no" / "such" / "file.h")


def test_a_form_without_source_is_named(folder, tmp_path):
    run = folder / "gelu"
    ok(*fit(run, "--activation", "gelu", "--memory", "none"))
    bad("[export] --math builtin has no 'erf' in f64; export it with --math libm.", "export", run, "--to", "c", "--math",
        "builtin")
    ok("export", run, "--to", "c", "--math", "builtin", "--dtype", "float", "--out", tmp_path / "gelu.h")


def test_a_run_without_a_model(tmp_path):
    done = costate("export", pathlib.Path(__file__).parent, "--to", "c")
    assert done.returncode == 2 and "costate: error: " in done.stderr


def test_python_forecasts_as_the_library(pendulum, forecast, tmp_path):
    pytest.importorskip("numpy")
    ok("export", pendulum, "--to", "python", "--prefix", "made", "--out", tmp_path / "made.py")
    spec = importlib.util.spec_from_file_location("made", tmp_path / "made.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    states = made.solve([1, 0], [row[0] for row in forecast])
    assert states.accepted > 5
    for row, state in zip(forecast, states):
        assert row[1:] == pytest.approx(list(state), abs=1e-10)


def test_onnx_and_torch_are_written(pendulum, tmp_path):
    ok("export", pendulum, "--to", "onnx", "--steps", "3", "--out", tmp_path / "p.onnx")
    ok("export", pendulum, "--to", "onnx", "--out", tmp_path / "p.onnx")  # takes the place of an earlier export
    assert b"costate" in (tmp_path / "p.onnx").read_bytes()[:32]
    ok("export", pendulum, "--to", "torch", "--out", tmp_path / "p.py")
    assert (tmp_path / "p.safetensors").exists() and "p.safetensors" in (tmp_path / "p.py").read_text()
    (tmp_path / "q.safetensors").write_bytes(b"something else")
    bad("q.safetensors' is there and no earlier export", "export", pendulum, "--to", "torch", "--out", tmp_path / "q.py")
    assert not (tmp_path / "q.py").exists()
