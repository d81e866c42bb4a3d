"""`mpirun costate fit`: the same bits for any number of ranks, one voice, clean ends; and `costate sweep`."""

import csv
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
# As root in CI, with more ranks than cores, none of them bound.
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
has_mpi = shutil.which("mpirun") and (CLI.parent / "libcostate_mpi.so").exists()
needs_mpi = pytest.mark.skipif(not has_mpi, reason="there is no Open MPI (mpirun, and libcostate_mpi.so beside costate)")
BITS = ["model.safetensors", "forecast.csv"]
HANG = 900  # seconds after which what has not ended never will: on a busy machine all else may take long


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=HANG, **options)


def wait_for(is_so, child):
    """Until it is so, of a child that goes on."""
    hang = time.monotonic() + HANG
    while not is_so():
        assert child.poll() is None and time.monotonic() < hang, child.communicate()
        time.sleep(0.05)


def ok(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """200 short swings of an oscillator: 64 windows a step are two groups of tiles on any machine, all of them more."""
    path = tmp_path_factory.mktemp("data") / "swings.csv"
    lines = ["run,t,x,v"]
    for i in range(200):
        phase, size = i * 0.7, 1 + 0.3 * math.sin(i)
        lines += [f"{i},{0.3 * k},{size * math.cos(0.3 * k + phase)},{-size * math.sin(0.3 * k + phase)}" for k in range(8)]
    path.write_text("\n".join(lines) + "\n")
    return path


def fit(data, out, epochs=6, hidden="8"):
    return ["fit", data, "--time", "t", "--state", "x,v", "--trajectory", "run", "--hidden", hidden, "--window", "8", "--memory", "0",
            "--epochs", epochs, "--polish", "3", "--batch", "100", "--out", out]


def long_fit(data, out):
    """Of some seconds: checkpoints are two apart."""
    return fit(data, out, epochs=600, hidden="128,128")


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "run"
    ok(CLI, *fit(data, folder), "--quiet")
    return folder


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    ok(CLI, *long_fit(data, folder), "--quiet")
    return folder


def assert_same_bits(folder, other):
    for name in BITS:
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name


@needs_mpi
@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_any_number_of_ranks_gives_the_same_bits(ranks, data, alone, tmp_path):
    done = ok(*MPIRUN, "-n", ranks, CLI, *fit(data, tmp_path / "run"))
    assert_same_bits(tmp_path / "run", alone)
    assert done.stdout.count("report: ") == 1  # only rank 0 prints
    assert done.stderr.count("neural ODE  epoch 1/") == 1
    assert {path.name for path in (tmp_path / "run").iterdir()} == {path.name for path in alone.iterdir()}


@needs_mpi
def test_a_single_rank_and_a_plain_binary_need_no_mpi(data, alone, tmp_path):
    assert "libmpi" not in ok("ldd", CLI).stdout
    ok(*MPIRUN, "-n", "1", CLI, *fit(data, tmp_path / "run"), "--quiet")
    assert_same_bits(tmp_path / "run", alone)


def begun(data, folder, ranks):
    """A run long enough to be ended, once its first checkpoint is there."""
    child = subprocess.Popen([*map(str, [*MPIRUN, "-n", ranks, CLI, *long_fit(data, folder), "--quiet"])],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(folder.glob("trials/*.safetensors")) or (folder / "checkpoint.safetensors").exists(), child)
    return child


def ranks_of(folder):
    """Process ids of the ranks whose command line names the folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if entry.name.isdigit() and words[0] == os.fsencode(CLI) and os.fsencode(folder) in words:
            found.append(int(entry.name))
    return found


def wait_for_end(child, folder):
    """Of mpirun and of all ranks: those that it has killed may take their time on a busy machine. Its exit code."""
    child.communicate(timeout=HANG)
    hang = time.monotonic() + HANG
    while ranks_of(folder):
        assert time.monotonic() < hang
        time.sleep(0.05)
    return child.returncode


@needs_mpi
def test_a_killed_rank_ends_all_and_another_number_of_ranks_goes_on(data, whole, tmp_path):
    broken = tmp_path / "broken"
    child = begun(data, broken, 3)
    ranks = ranks_of(broken)
    assert len(ranks) == 3
    os.kill(ranks[1], signal.SIGKILL)
    assert wait_for_end(child, broken) != 0
    ok(*MPIRUN, "-n", "2", CLI, "fit", "--resume", "--out", broken, "--quiet")
    assert_same_bits(broken, whole)


@needs_mpi
def test_ctrl_c_reaches_all_ranks_and_the_run_goes_on(data, whole, tmp_path):
    broken = tmp_path / "broken"
    child = begun(data, broken, 2)
    child.send_signal(signal.SIGINT)  # mpirun sends it on as SIGTERM, and a second later SIGKILL
    assert wait_for_end(child, broken) != 0
    ok(CLI, "fit", "--resume", "--out", broken, "--quiet")
    assert_same_bits(broken, whole)


@needs_mpi
def test_what_time_ended_on_ranks_can_be_had_again_alone(data, tmp_path):
    """The clocks of ranks differ: the first one that says so ends the same epoch on all."""
    timed, again = tmp_path / "timed", tmp_path / "again"
    done = ok(*MPIRUN, "-n", "2", CLI, *fit(data, timed, epochs=1_000_000), "--minutes", "0.02")
    assert "the time was up" in done.stdout
    again.mkdir()
    for name in ("config.toml", "stopped.toml"):
        shutil.copy(timed / name, again)
    ok(CLI, "fit", "--resume", "--out", again, "--quiet")
    assert_same_bits(again, timed)


@needs_mpi
@pytest.mark.parametrize(
    "arguments, message",
    [(["fit", "nowhere.csv", "--time", "t", "--state", "x"], "cannot open 'nowhere.csv'"),
     (["fit", "--resume", "--out", "absent"], "cannot open the run folder 'absent'"),
     (["fit", "--epochz", "3"], "did you mean '--epochs'")])
def test_one_rank_says_what_is_wrong(arguments, message, tmp_path):
    done = run(*MPIRUN, "-n", "3", CLI, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("costate: ")]
    assert len(lines) == 1 and message in lines[0], done.stderr


@needs_mpi
def test_more_ranks_than_samples_are_refused(tmp_path):
    done = run(*MPIRUN, "-n", "8", CLI, "fit", LYNX, "--time", "year", "--state", "hare,lynx", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "there must be a sample for each rank; got " in done.stderr and "Start fewer processes" in done.stderr


@needs_mpi
def test_a_run_folder_that_exists_is_told_by_one_rank(data, alone):
    done = run(*MPIRUN, "-n", "2", CLI, *fit(data, alone), "--quiet")
    assert done.returncode == 2
    assert done.stderr.count("costate: error: ") == 1 and "already holds a run" in done.stderr


def test_processes_of_mpirun_without_the_shared_object_are_told_so(tmp_path):
    shutil.copy(CLI, tmp_path / "costate")
    done = run(tmp_path / "costate", "fit", LYNX, "--time", "year", "--state", "hare", "--out", tmp_path / "run",
               env={**os.environ, "OMPI_COMM_WORLD_SIZE": "2"})
    assert done.returncode == 2
    assert "this is one of 2 processes of mpirun" in done.stderr and "Build Costate where Open MPI is" in done.stderr


GRID = """
[fit]
data = "{data}"
time = "year"
state = ["hare", "lynx"]
epochs = 5
polish = 2

[grid]
hidden = ["4", "4,4"]
seed = [0, 1]
"""


@pytest.fixture
def grid(tmp_path):
    (tmp_path / "grid.toml").write_text(GRID.format(data=LYNX))
    return tmp_path / "grid.toml"


def table_of(folder):
    return list(csv.DictReader((folder / "table.csv").open()))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "grid.toml").write_text(GRID.format(data=LYNX))
    done = ok(CLI, "sweep", folder / "grid.toml", "--out", folder / "all", "--jobs", "2")
    assert done.stdout.count("validation error") == 4
    return folder / "all"


def test_a_sweep_runs_every_combination(sweep, tmp_path):
    rows = table_of(sweep)
    assert [(row["run"], row["hidden"], row["seed"], row["state"]) for row in rows] == [
        ("run-1", "4", "0", "done"), ("run-2", "4", "1", "done"), ("run-3", "4,4", "0", "done"), ("run-4", "4,4", "1", "done")]
    ok(CLI, "fit", LYNX, "--time", "year", "--state", "hare,lynx", "--epochs", "5", "--polish", "2", "--hidden", "4,4", "--seed",
       "1", "--quiet", "--out", tmp_path / "run")
    assert_same_bits(sweep / "run-4", tmp_path / "run")
    metrics = json.loads((sweep / "run-4" / "metrics.json").read_text())
    assert float(rows[3]["test_error"]) == metrics["hold_out_error"]["neural ODE"]["relative"]
    rivals = {name: error["relative"] for name, error in metrics["hold_out_error"].items() if name != "neural ODE"}
    assert rivals[rows[3]["best_rival"]] == float(rows[3]["rival_error"]) == min(rivals.values())
    assert float(rows[3]["validation_error"]) == min(trial["validation_error"] for trial in metrics["trials"].values())
    page = (sweep / "report.html").read_text()
    assert "4 fits: 4 done, 0 failed, 0 not run to their end." in page and "run-3" in page


def test_a_sweep_goes_on_where_it_was(sweep, tmp_path):
    folder = tmp_path / "all"
    shutil.copytree(sweep, folder)
    shutil.rmtree(folder / "run-2")  # not begun
    (folder / "run-3" / "report.html").unlink()  # killed before its end
    model = (folder / "run-3" / "model.safetensors").read_bytes()
    kept = (folder / "run-1" / "report.html").stat().st_mtime_ns
    done = ok(CLI, "sweep", "--resume", "--out", folder)
    assert "run-2" in done.stdout and "run-3" in done.stdout and "run-1 " not in done.stdout
    assert (folder / "run-1" / "report.html").stat().st_mtime_ns == kept
    assert (folder / "run-3" / "model.safetensors").read_bytes() == model
    assert_same_bits(folder / "run-2", sweep / "run-2")
    assert {row["state"] for row in table_of(folder)} == {"done"}


def test_a_fit_that_fails_is_told_and_the_others_go_on(tmp_path):
    (tmp_path / "bad.toml").write_text(GRID.format(data=LYNX).replace('seed = [0, 1]', 'time = ["year", "yeer"]')
                                       .replace('time = "year"\n', ""))
    done = run(CLI, "sweep", tmp_path / "bad.toml", "--out", tmp_path / "all", "--jobs", "2")
    assert done.returncode == 1
    rows = table_of(tmp_path / "all")
    assert [row["state"] for row in rows].count("failed") == 2
    failed = next(row for row in rows if row["time"] == "yeer")
    assert "did you mean 'year'" in failed["message"]
    assert "2 failed" in (tmp_path / "all" / "report.html").read_text()


def test_an_interrupted_sweep_ends_its_fits_and_goes_on(tmp_path):
    (tmp_path / "grid.toml").write_text(GRID.format(data=LYNX).replace("epochs = 5", "epochs = 3000"))
    child = subprocess.Popen([str(CLI), "sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path / "all"), "--jobs", "2"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(list((tmp_path / "all").glob("run-*/trials"))) == 2, child)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=HANG)
    assert child.returncode == 130 and "stopped early; continue with 'costate sweep --resume" in out
    assert not ranks_of(tmp_path / "all" / "run-1")
    assert all(row["state"] == "waiting" for row in table_of(tmp_path / "all"))


def test_fits_that_a_sweep_was_stopped_in_are_not_done(tmp_path):
    form = 'epochs = 400\nmemory = "none"\nclock = ["none"]\nwindow = 7'
    (tmp_path / "grid.toml").write_text(GRID.format(data=LYNX).replace("epochs = 5", form))
    ok(CLI, "sweep", tmp_path / "grid.toml", "--out", tmp_path / "straight", "--jobs", "2")
    folder = tmp_path / "all"
    child = subprocess.Popen([str(CLI), "sweep", str(tmp_path / "grid.toml"), "--out", str(folder), "--jobs", "2"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(list(folder.glob("run-*/trials"))) == 2, child)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=HANG)
    assert child.returncode == 130
    stopped = {path.parent.name for path in folder.glob("run-*/metrics.json") if '"ended_by": "interrupt"' in path.read_text()}
    assert {row["run"] for row in table_of(folder) if row["state"] != "done"} >= stopped
    assert (folder / "report.html").read_text().count("0 not run to their end") == 0
    ok(CLI, "sweep", "--resume", "--out", folder)
    assert {row["state"] for row in table_of(folder)} == {"done"}
    for i in range(1, 5):
        assert_same_bits(folder / f"run-{i}", tmp_path / "straight" / f"run-{i}")


@needs_mpi
def test_ranks_share_a_sweep(grid, sweep, tmp_path):
    ok(*MPIRUN, "-n", "2", CLI, "sweep", grid, "--out", tmp_path / "all")
    for i in range(1, 5):
        assert_same_bits(tmp_path / "all" / f"run-{i}", sweep / f"run-{i}")
    assert {row["state"] for row in table_of(tmp_path / "all")} == {"done"}


@pytest.mark.parametrize(
    "old, new, message",
    [("hidden = [", "hiden = [", "unknown key 'hiden'; did you mean 'hidden'?"),
     ("[grid]", "[gird]", "unknown section 'gird'; did you mean 'grid'?"),
     ("seed = [0, 1]", "seed = 0", "must be a list of values"),
     ("seed = [0, 1]", "epochs = [5]", "'epochs' stands under [fit], too"),
     ("seed = [0, 1]", "learning-rate = [0.01]\nlr = [0.02]", "'lr' and 'learning-rate' are one option; leave one of them out."),
     ("epochs = 5", "epochs = 5\nlr = 0.01\nlearning-rate = 0.02", "'lr' and 'learning-rate' are one option"),
     ("seed = [0, 1]", 'data = ["a.csv"]', "'data' stands under [fit]"),
     ("hare_lynx.csv", "no_such.csv", "No such file or directory"),
     ("seed = [0, 1]", 'seed = ["x"]', "run 1 of 2: --seed takes a whole number"),
     ("seed = [0, 1]", f"seed = {list(range(50_001))}", ": these are more than 100000 fits; give fewer values."),
     ("data = ", "# ", "the grid must name the file of the data"),
     ('hidden = ["4", "4,4"]\nseed = [0, 1]', "", "nothing varies")])
def test_bad_grids(old, new, message, grid, tmp_path):
    text = grid.read_text()
    assert old in text
    grid.write_text(text.replace(old, new))
    done = run(CLI, "sweep", grid, "--out", tmp_path / "all")
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "all").exists()


def test_bad_sweep_folders(grid, sweep, tmp_path):
    for arguments, message in [
        ([grid, "--out", sweep], "already holds a sweep; go on with it by --resume"),
        ([grid, "--out", tmp_path], "already holds other files"),
        (["--resume", "--out", tmp_path / "absent"], "holds no sweep to resume"),
        (["--resume"], "--resume needs --out DIR"),
        ([], "sweep needs a grid"),
    ]:
        done = run(CLI, "sweep", *arguments)
        assert done.returncode == 2 and message in done.stderr, done.stderr
    shutil.copytree(sweep, tmp_path / "copy")
    data = tmp_path / "lynx.csv"
    data.write_text(pathlib.Path(LYNX).read_text())
    (tmp_path / "copy" / "sweep.toml").write_text((sweep / "sweep.toml").read_text().replace(str(LYNX), str(data)))
    ok(CLI, "sweep", "--resume", "--out", tmp_path / "copy")
    data.write_text(data.read_text() + "2000,1,2\n")
    done = run(CLI, "sweep", "--resume", "--out", tmp_path / "copy")
    assert done.returncode == 2 and "was begun with other data than are in" in done.stderr
    grid.write_text(grid.read_text().replace("seed = [0, 1]", "seed = [0, 2]"))
    done = run(CLI, "sweep", grid, "--resume", "--out", sweep)
    assert done.returncode == 2 and "was begun with another grid: 'seed = [0.0, 2.0]' and 'seed = [0.0, 1.0]'" in done.stderr
