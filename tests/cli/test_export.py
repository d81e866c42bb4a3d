"""`costate export`: what it writes, as its users compile and run it, and one clear line for every kind of bad input."""

import concurrent.futures
import csv
import importlib.util
import math
import multiprocessing
import pathlib
import shutil
import subprocess
import xml.etree.ElementTree
import zipfile

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


def module_of(path):
    """The NumPy module in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


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
    bad("--member must be from 1 to 1; got 2.", "export", pendulum, "--to", "c", "--member", "2")
    for target in ("python", "onnx", "torch", "fmu"):
        bad(f"[export] --vjp is of target 'c' alone; got it for '{target}'.", "export", pendulum, "--to", target, "--vjp")
        bad(f"[export] --math is of target 'c' alone; got it for '{target}'.", "export", pendulum, "--to", target, "--math", "builtin")
    for name in ("import", "lambda", "numpy"):
        bad(f"no module can be imported by the name '{name}'", "export", pendulum, "--to", "python", "--prefix", name)
    bad("[export] --steps is of target 'onnx' alone; got it for 'c'.", "export", pendulum, "--to", "c", "--steps", "10")
    bad("[export] --dtype must be that of 64 bits for 'fmu3', as simulators exchange; got 32 bits.", "export", pendulum, "--to", "fmu3", "--dtype", "float")
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
    made = module_of(tmp_path / "made.py")
    states = made.solve([1, 0], [row[0] for row in forecast])
    assert states.accepted > 5
    for row, state in zip(forecast, states):
        assert row[1:] == pytest.approx(list(state), abs=1e-10)


def test_onnx_and_torch_are_written(pendulum, tmp_path):
    ok("export", pendulum, "--to", "onnx", "--steps", "3", "--out", tmp_path / "p.onnx")
    ok("export", pendulum, "--to", "onnx", "--out", tmp_path / "p.onnx")  # takes the place of an earlier export
    assert b"costate" in (tmp_path / "p.onnx").read_bytes()[:32]
    assert b"rate" in (tmp_path / "p.onnx").read_bytes() and b"out0" not in (tmp_path / "p.onnx").read_bytes()
    ok("export", pendulum, "--to", "torch", "--out", tmp_path / "p.py")
    assert (tmp_path / "p.safetensors").exists() and "p.safetensors" in (tmp_path / "p.py").read_text()
    (tmp_path / "q.safetensors").write_bytes(b"something else")
    bad("q.safetensors' is there and no earlier export", "export", pendulum, "--to", "torch", "--out", tmp_path / "q.py")
    assert not (tmp_path / "q.py").exists()


def simulate(fmu, **options):
    """By FMPy in a process of its own: its SUNDIALS does not go beside Debian 13's, which methods `bdf` and `adams` load (docs/faq.md)."""
    import fmpy

    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(fmpy.simulate_fmu, str(fmu), **options).result()


@pytest.fixture(scope="module")
def driven(folder):
    """A run of x' = -x + u with an input and a covariate."""
    rows, x = ["trajectory,t,x,u,w"], 0.0
    for run in range(3):
        x = 0.5 * run
        for i in range(40):
            u = math.sin(0.7 * i + run)
            rows.append(f"{run},{0.1 * i:.1f},{x:.6f},{u:.6f},{1 + run}")
            x += 0.1 * (u - x)
    data, run = folder / "driven.csv", folder / "driven"
    data.write_text("\n".join(rows) + "\n")
    ok("fit", data, "--time", "t", "--trajectory", "trajectory", "--state", "x", "--input", "u", "--covariate", "w",
       "--hidden", "8", "--memory", "1", "--clock", "none", "--interpolation", "hold", "--epochs", "20", "--polish", "5", "--quiet",
       "--out", run)
    return run


@pytest.mark.parametrize("version", ["fmu", "fmu3"])
def test_fmu_with_inputs_over_steps_that_do_not_divide_the_horizon(driven, tmp_path, version):
    pytest.importorskip("fmpy")
    numpy = pytest.importorskip("numpy")
    ok("export", driven, "--to", version, "--out", tmp_path / "driven.fmu")
    signal = numpy.array([(0.0, 1.0), (1.0, 1.0)], dtype=[("time", float), ("u", float)])
    common = {"fmi_type": "CoSimulation", "stop_time": 0.7, "output_interval": 0.3}
    by_signal = simulate(tmp_path / "driven.fmu", input=signal, start_values={"x": 0.3}, **common)
    by_start = simulate(tmp_path / "driven.fmu", start_values={"x": 0.3, "u": 1.0}, **common)
    assert by_signal["x"][-1] == by_start["x"][-1] != 0.3 and by_signal["time"][-1] >= 0.6 - 1e-12


def test_a_member_of_an_ensemble(folder, tmp_path):
    run = folder / "members"
    ok(*fit(run, "--seeds", "2", "--memory", "none"))
    first = ok("export", run, "--to", "c", "--out", tmp_path / "1.h")
    second = ok("export", run, "--to", "c", "--member", "2", "--out", tmp_path / "2.h")
    assert first.stderr == "costate: member 1 of 2 is exported; --member gives another one\n"
    assert "member 2 of 2" in second.stderr and (tmp_path / "1.h").read_text() != (tmp_path / "2.h").read_text()
    bad("--member must be from 1 to 2; got 3.", "export", run, "--to", "c", "--member", "3")


@pytest.mark.parametrize("version, source, functions", [("fmu", "fmi2.c", 44), ("fmu3", "fmi3.c", 75)])
def test_fmu_holds_sources_and_all_functions(driven, tmp_path, version, source, functions):
    if shutil.which("cc") is None or shutil.which("nm") is None:
        pytest.skip("needs cc and nm")
    ok("export", driven, "--to", version, "--prefix", "net", "--out", tmp_path / "net.fmu")
    with zipfile.ZipFile(tmp_path / "net.fmu") as archive:
        archive.extractall(tmp_path)
    for language in (STRICT, ["-x", "c++", "-std=c++11", "-Wall", "-Wextra"]):
        built = subprocess.run(["cc", *language, "-c", tmp_path / "sources" / source, "-o", tmp_path / "net.o"],
                               capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
    library, = (tmp_path / "binaries").glob("*/net.so")
    said = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    names = [line.split()[-1] for line in said.splitlines()]
    assert all(name.startswith(source[:4]) for name in names) and len(names) == functions


class Instance:
    """An FMU of FMI 2.0 for co-simulation, by FMPy's own calls."""

    def __init__(self, path, folder, name, start_time=0.0):
        import fmpy
        from fmpy.fmi2 import FMU2Slave

        self.description = fmpy.read_model_description(str(path))
        self.references = {v.name: v.valueReference for v in self.description.modelVariables}
        self.fmu = FMU2Slave(guid=self.description.guid, unzipDirectory=folder,
                             modelIdentifier=self.description.coSimulation.modelIdentifier, instanceName=name)
        self.fmu.instantiate()
        self.fmu.setupExperiment(startTime=start_time)
        self.fmu.enterInitializationMode()
        self.fmu.exitInitializationMode()

    def set(self, name, value):
        self.fmu.setReal([self.references[name]], [value])

    def get(self, name):
        return self.fmu.getReal([self.references[name]])[0]


def test_fmu_of_two_instances(driven, tmp_path):
    fmpy = pytest.importorskip("fmpy")
    from fmpy.validation import validate_fmu

    out = tmp_path / "driven.fmu"
    ok("export", driven, "--to", "fmu", "--out", out)
    ok("export", driven, "--to", "fmu", "--out", out)  # takes the place of an earlier export
    assert validate_fmu(str(out)) == []
    unzipped = fmpy.extract(str(out))
    one, two = Instance(out, unzipped, "one"), Instance(out, unzipped, "two")
    one.set("x", 0.3), one.set("w", 2.0), two.set("x", -0.3)
    for k, (begin, size) in enumerate([(0, 0.1), (0.1, 0.1), (0.2, 0.25), (0.45, 0.05)]):  # with jumps of the input between
        one.set("u", (-1.0) ** k)
        one.fmu.doStep(begin, size)
    assert two.get("x") == -0.3
    kept = one.fmu.getFMUState()
    packed = one.fmu.serializeFMUState(kept)
    before = one.get("x")
    one.fmu.doStep(0.5, 0.3)
    after = one.get("x")
    assert after != before
    one.fmu.setFMUState(kept)
    assert one.get("x") == before
    two.fmu.setFMUState(two.fmu.deserializeFMUState(packed))  # goes on where the other one is
    assert two.get("x") == before
    two.fmu.doStep(0.5, 0.3)
    assert two.get("x") == after
    derivative = two.references["der(x)"]
    exact = two.fmu.getDirectionalDerivative([derivative], [two.references["x"], two.references["u"]], [1.0, -2.0])[0]
    x, u, values = two.get("x"), two.get("u"), []
    for h in (1e-5, -1e-5):
        two.set("x", x + h), two.set("u", u - 2 * h)
        values.append(two.get("der(x)"))
    assert (values[0] - values[1]) / 2e-5 == pytest.approx(exact, abs=1e-8)
    with pytest.raises(Exception, match="fmi2DoStep"):
        one.fmu.doStep(0.9, 0.1)  # it is at 0.5
    one.fmu.reset()
    assert one.get("x") == Instance(out, unzipped, "three").get("x")
    with pytest.raises(Exception, match="fmi2DoStep"):
        one.fmu.doStep(0, 0.1)  # before the initialization
    for damaged in (packed[:-1], packed[:-9] + bytes([packed[-9] ^ 1]) + packed[-8:], b"{" + packed[1:2] + packed[1:]):
        with pytest.raises(Exception, match="fmi2DeSerializeFMUstate"):
            two.fmu.deserializeFMUState(damaged)
    shutil.rmtree(unzipped)


@pytest.fixture(scope="module")
def unmeasured(folder):
    """A run of x' = v, v' = -x with a covariate, where v has no first value; every 0.2 from 3 on, by fixed steps."""
    rows = ["trajectory,t,x,v,w"]
    for run in range(4):
        for i in range(16):
            v = -math.sin(0.2 * i) * (1 + run) if i > 0 else ""
            rows.append(f"{run},{3 + 0.2 * i:.1f},{math.cos(0.2 * i) * (1 + run)},{v},{1 + run}")
    data, run = folder / "unmeasured.csv", folder / "unmeasured"
    data.write_text("\n".join(rows) + "\n")
    ok("fit", data, "--time", "t", "--trajectory", "trajectory", "--state", "x,v", "--covariate", "w", "--hidden", "8", "--memory", "1",
       "--clock", "none", "--method", "heun2", "--epochs", "20", "--polish", "5", "--quiet", "--out", run)
    return run


@pytest.mark.parametrize("version", ["fmu", "fmu3"])
def test_fmu_begins_where_the_model_does(unmeasured, tmp_path, version):
    fmpy, numpy = pytest.importorskip("fmpy"), pytest.importorskip("numpy")
    from fmpy.validation import validate_fmu

    out, names = tmp_path / "model.fmu", ["x", "v", "hidden1"]
    ok("export", unmeasured, "--to", version, "--out", out)
    ok("export", unmeasured, "--to", "python", "--out", tmp_path / "made.py")
    made = module_of(tmp_path / "made.py")
    assert validate_fmu(str(out)) == []
    description = fmpy.read_model_description(str(out))
    assert description.defaultExperiment.startTime == "3.0" and float(description.defaultExperiment.stopTime) == pytest.approx(7)
    defaults = {v.name: float(v.start) for v in description.modelVariables if v.start}
    start = made.start([defaults["x"], math.nan], covariates=[defaults["w"]])
    assert [defaults[name] for name in names] == pytest.approx(list(start), rel=1e-12)

    def first(kind, **values):
        done = simulate(out, fmi_type=kind, start_values=values, output=names, stop_time=3.2, output_interval=0.2)
        return [done[name][0] for name in names], [done[name][-1] for name in names]

    for kind in ("CoSimulation", "ModelExchange"):
        assert first(kind)[0] == pytest.approx(list(start), rel=1e-12)
        expected = made.start([2.0, math.nan], covariates=[2.5])
        found, after = first(kind, x=2.0, w=2.5)
        assert found == pytest.approx(list(expected), rel=1e-12)
        assert first(kind, x=2.0, v=1.5, w=2.5)[0] == pytest.approx(list(made.start([2.0, 1.5], covariates=[2.5])), rel=1e-12)
        assert first(kind, x=2.0, hidden1=0.25, w=2.5)[0] == pytest.approx([*expected[:2], 0.25], rel=1e-12)
        if kind == "CoSimulation":
            states = made.solve_fixed(expected, [3, 3.2], covariates=[2.5])
            assert after == pytest.approx(list(states[-1]), rel=1e-9)


def test_fixed_steps_of_an_fmu_are_those_of_the_fit(unmeasured, tmp_path):
    fmpy = pytest.importorskip("fmpy")
    ok("export", unmeasured, "--to", "fmu", "--out", tmp_path / "model.fmu")
    unzipped, ends = fmpy.extract(str(tmp_path / "model.fmu")), []
    for sizes in ([0.2] * 8, [1.6], [0.6, 1.0]):
        one, at = Instance(tmp_path / "model.fmu", unzipped, "one", start_time=3.0), 3.0
        for size in sizes:
            one.fmu.doStep(at, size)
            at += size
        ends.append([one.get(name) for name in ("x", "v", "hidden1")])
    assert ends[1] == pytest.approx(ends[0], rel=1e-12) and ends[2] == pytest.approx(ends[0], rel=1e-12)
    shutil.rmtree(unzipped)


def test_a_start_in_a_file_is_that_of_a_prediction(unmeasured, tmp_path):
    pytest.importorskip("numpy")
    ok("export", unmeasured, "--to", "python", "--out", tmp_path / "made.py")
    made = module_of(tmp_path / "made.py")
    (tmp_path / "start.csv").write_text("trajectory,t,x,v,w\nq,0,1.0,,1.5\n")
    done = ok("forecast", unmeasured, "--from", tmp_path / "start.csv", "--steps", "2", "--out", tmp_path / "f.csv")
    assert "'v', 1 hidden state as the model expects them where a trajectory starts" in done.stderr
    states = made.solve_fixed(made.start([1.0, math.nan], covariates=[1.5]), [0, 0.2, 0.4], covariates=[1.5])
    forecast = [[float(cell) for cell in row[2:4]] for row in csv.reader(open(tmp_path / "f.csv")) if row[0] == "q"]
    for row, state in zip(forecast, states, strict=True):
        assert row == pytest.approx(list(state[:2]), rel=1e-9)


@pytest.mark.parametrize("version", ["fmu", "fmu3"])
def test_fmu_simulates_as_the_library(pendulum, forecast, tmp_path, version):
    pytest.importorskip("fmpy")
    out = tmp_path / "pendulum.fmu"
    ok("export", pendulum, "--to", version, "--out", out)
    stop = forecast[20][0]
    for kind in ("CoSimulation", "ModelExchange"):
        done = simulate(out, fmi_type=kind, stop_time=stop, output_interval=stop / 7, relative_tolerance=1e-7,
                                 start_values={"theta": 1.0, "omega": 0.0})
        assert list(done[-1])[1:] == pytest.approx(forecast[20][1:], abs=2e-3)


def test_fmu_3_of_two_instances(driven, tmp_path):
    fmpy = pytest.importorskip("fmpy")
    from fmpy.fmi3 import FMU3Slave
    from fmpy.validation import validate_fmu

    out = tmp_path / "driven.fmu"
    ok("export", driven, "--to", "fmu3", "--out", out)
    assert validate_fmu(str(out)) == []
    unzipped, description = fmpy.extract(str(out)), fmpy.read_model_description(str(out))
    vr = {v.name: v.valueReference for v in description.modelVariables}
    one, two = (FMU3Slave(guid=description.guid, unzipDirectory=unzipped, instanceName=name,
                          modelIdentifier=description.coSimulation.modelIdentifier) for name in ("one", "two"))
    for fmu in (one, two):
        fmu.instantiate()
        fmu.enterInitializationMode(startTime=0.0)
        fmu.exitInitializationMode()
    one.setFloat64([vr["x"], vr["u"]], [0.3, 1.0]), two.setFloat64([vr["x"]], [-0.3])
    for k, size in enumerate([0.1, 0.25, 0.05]):
        one.doStep(currentCommunicationPoint=[0, 0.1, 0.35][k], communicationStepSize=size)
    assert one.getFloat64([vr["time"]])[0] == pytest.approx(0.4) and two.getFloat64([vr["x"]])[0] == -0.3
    kept = one.getFMUState()
    before = one.getFloat64([vr["x"]])[0]
    one.doStep(currentCommunicationPoint=0.4, communicationStepSize=0.3)
    after = one.getFloat64([vr["x"]])[0]
    one.setFMUState(kept)
    assert one.getFloat64([vr["x"]])[0] == before != after
    exact = one.getDirectionalDerivative([vr["der(x)"]], [vr["x"], vr["u"]], [1.0, -2.0])[0]
    adjoint = one.getAdjointDerivative([vr["der(x)"]], [vr["x"], vr["u"]], [1.0], 2)
    assert adjoint[0] - 2 * adjoint[1] == pytest.approx(exact, rel=1e-12)
    one.reset()
    assert one.getFloat64([vr["u"]])[0] != 1.0
    shutil.rmtree(unzipped)


def test_variables_of_an_fmu_have_names_of_their_own(tmp_path):
    odd = "y\x01\u202e"  # XML has no form for the first, and shows what follows the second backwards
    rows = [f"{0.1 * i},{math.cos(0.1 * i)},{-math.sin(0.1 * i)},{math.sin(0.1 * i)}" for i in range(40)]
    (tmp_path / "data.csv").write_text("\n".join([f"t,x,der(x),{odd}", *rows]) + "\n")
    ok("fit", tmp_path / "data.csv", "--time", "t", "--state", f"x,der(x),{odd}", "--memory", "none", "--clock", "none", "--hidden", "4", "--epochs", "3",
       "--polish", "1", "--quiet", "--out", tmp_path / "run")
    ok("export", tmp_path / "run", "--to", "fmu", "--out", tmp_path / "run.fmu")
    with zipfile.ZipFile(tmp_path / "run.fmu") as archive:
        description = xml.etree.ElementTree.fromstring(archive.read("modelDescription.xml"))
    names = [variable.get("name") for variable in description.iter("ScalarVariable")]
    assert names == ["x", "der(x)", r"y\u0001\u202E", "der(x)'", "der(der(x))", r"der(y\u0001\u202E)"]
    assert r"Measured states: x, der(x), y\u0001\u202E" in description.get("description")
