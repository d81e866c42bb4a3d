"""What a fit and its files go through: killed at any moment, no room, no right to write, damaged bytes. A run goes on to the same
bits, or one sentence says why not. COSTATE_KILLS and COSTATE_DAMAGES are how often; docs/reliability.md has the counts of long runs."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from test_cli import CLI, LYNX, costate, files, fit, ok

KILLS = int(os.environ.get("COSTATE_KILLS", 5))
DAMAGES = int(os.environ.get("COSTATE_DAMAGES", 1))
NOBODY = 65534
FIT = ["--epochs", "60", "--polish", "10", "--hidden", "8", "--memory", "none", "--clock", "none", "--seeds", "2"]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    run = tmp_path_factory.mktemp("survival") / "straight"
    ok(*fit(run, *FIT))
    return run


def is_one_sentence(done):
    return done.returncode == 2 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("costate: error: ")


def models(run):
    """What a run is for: the weights of all members, and what they forecast. Checkpoints have times of day beside them."""
    return [(run / name).read_bytes() for name in ("model.safetensors", "forecast.csv")]


def test_killed_at_any_moment(straight, tmp_path):
    """Killed once or twice; then resumed or, where the folder held no run yet, begun again."""
    begin = time.monotonic()
    ok(*fit(tmp_path / "timed", *FIT))
    length = time.monotonic() - begin
    seed = int(os.environ.get("COSTATE_SEED", 1))
    moments, resumed, begun = random.Random(seed), 0, 0
    for kill in range(KILLS):
        run = tmp_path / f"run{kill}"
        command = fit(run, *FIT)
        for _ in range(1 + kill % 2):
            child = subprocess.Popen([CLI, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(moments.uniform(0, 1.1 * length))
            child.kill()
            child.communicate()
            command = ["fit", "--resume", "--out", run, "--quiet"] if (run / "config.toml").exists() else fit(run, *FIT)
        done = costate(*command)
        assert done.returncode == 0, (seed, kill, done.stderr)
        assert models(run) == models(straight), (seed, kill)
        assert {path.name for path in run.iterdir()} == {path.name for path in straight.iterdir()}
        resumed += "--resume" in command
        begun += "--resume" not in command
        shutil.rmtree(run)
    print(f"{KILLS} runs killed: {resumed} resumed, {begun} begun again, all to the same bits")


SEARCH = ["fit", LYNX, "--time", "year", "--state", "hare,lynx", "--epochs", "400", "--quiet", "--out"]  # over forms, in four rounds


def test_interrupted_at_any_moment(tmp_path):
    """By Ctrl-C and SIGTERM, while the form of the model is chosen and after: what the command then says works, to the same bits."""
    begin = time.monotonic()
    ok(*SEARCH, tmp_path / "straight")
    length, expected = time.monotonic() - begin, models(tmp_path / "straight")
    moments, unfinished = random.Random(int(os.environ.get("COSTATE_SEED", 1))), 0
    for i in range(KILLS):
        run = tmp_path / f"run{i}"
        child = subprocess.Popen([CLI, *map(str, SEARCH), run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep((0.02 + 0.9 * moments.random() ** 3) * length)  # most of them in the first round
        child.send_signal([signal.SIGINT, signal.SIGTERM][i % 2])
        child.communicate(timeout=30)
        if not (run / "config.toml").exists():
            continue  # it came before anything was trained
        if child.returncode != 0 and (run / "metrics.json").exists():
            unfinished += '"ended_by": "interrupt"' in (run / "metrics.json").read_text()
        ok("fit", "--resume", "--out", run, "--quiet")
        assert models(run) == expected, i
        assert '"ended_by": "interrupt"' not in (run / "metrics.json").read_text()
    print(f"{KILLS} runs interrupted, {unfinished} of them with a model so far, all to the same bits")


def test_an_interrupt_does_not_wait_for_weights_that_ran_away(tmp_path):
    """Each of their solves takes all the steps that it may: a validation takes seconds, and there are many."""
    run = tmp_path / "run"
    child = subprocess.Popen([CLI, *map(str, fit(run, "--epochs", "3", "--lr", "1000"))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(run.glob("trials/*.safetensors")) and child.poll() is None:
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    begin = time.monotonic()
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert time.monotonic() - begin < 20, "5 s, and a busy machine"


@pytest.mark.parametrize("blocks", [0, 1, 2, 4, 16])
def test_no_room_for_files(straight, blocks, tmp_path):
    """A limit on the size of files, of 1 KiB each, stands in for a full disk: what was being written fails, and with room the run
    goes on to the same bits."""
    run = tmp_path / "run"
    limited = subprocess.run(["bash", "-c", f'ulimit -f {blocks}; trap "" XFSZ; exec "$@"', "bash", CLI, *map(str, fit(run, *FIT))],
                             capture_output=True, text=True)
    assert is_one_sentence(limited) and "File too large" in limited.stderr, limited.stderr
    assert not list(run.rglob("*.tmp"))
    ok(*(["fit", "--resume", "--out", run, "--quiet"] if (run / "config.toml").exists() else fit(run, *FIT)))
    assert models(run) == models(straight)


def test_a_full_device(straight, tmp_path):
    export = tmp_path / "run"
    shutil.copytree(straight, export)
    for command in [["simulate", "pendulum"], ["forecast", straight, "--steps", "2"], ["export", export, "--to", "python"]]:
        done = costate(*command, "--out", "/dev/full")
        assert is_one_sentence(done) and "No space left on device" in done.stderr, done.stderr


def test_a_full_disk(straight, tmp_path):
    """A disk of 64 KiB that fills up at the first file, at a checkpoint, at the report."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a file system cannot be mounted")
    try:
        for room in (0, 8, 20):
            (disk / "filler").write_bytes(bytes((60 - room) * 1024))
            with open(disk / "filler", "ab") as filler:
                try:
                    filler.write(bytes((4 if room == 0 else 0) * 1024))
                except OSError:
                    pass
            run = disk / f"run{room}"
            done = costate(*fit(run, *FIT))
            assert is_one_sentence(done) and "No space left on device" in done.stderr, (room, done.stderr)
            (disk / "filler").unlink()
            kept = tmp_path / f"kept{room}"
            if run.exists():
                shutil.copytree(run, kept)
                shutil.rmtree(run)
            ok(*(["fit", "--resume", "--out", kept, "--quiet"] if (kept / "config.toml").exists() else fit(kept, *FIT)))
            assert models(kept) == models(straight)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.fixture
def as_reader():
    """(folder, call): a folder that `call` may read and not write; root may write everywhere, so another user runs the command."""
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        command = shutil.copy(CLI, folder / "costate")

        def call(*arguments):
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o555 if path.is_dir() or path == folder / "costate" else 0o444)
            done = subprocess.run([command, *map(str, arguments)], capture_output=True, text=True, cwd=folder, **who)
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755)
            return done

        yield folder, call


def test_a_folder_that_is_read_only(straight, as_reader):
    folder, call = as_reader
    run = shutil.copytree(straight, folder / "run")
    data = shutil.copy(LYNX, folder)
    before = files(run)
    for command in [fit(folder / "new", *FIT, data=data), fit(run, "--replace", *FIT, data=data), ["fit", "--resume", "--out", run],
                    ["forecast", run, "--steps", "2"], ["export", run, "--to", "c"], ["simulate", "pendulum", "--out", folder / "x.csv"]]:
        done = call(*command)
        assert is_one_sentence(done) and "Permission denied" in done.stderr, (command, done.returncode, done.stderr)
    assert call("info", run).returncode == 0
    assert call("forecast", run, "--steps", "2", "--out", "/dev/stdout").returncode == 0
    assert files(run) == before


def damaged(content, draw):
    """Cut short, a bit turned, or a stretch of zeros."""
    at = draw.randrange(len(content))
    yield "cut", content[:at]
    yield "bit", content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1:]
    yield "zeros", content[:at] + bytes(len(content[at:at + 512])) + content[at + 512:]


def test_damaged_files(straight, tmp_path):
    """Whatever file of a run, whichever damage: each command that reads it works, or says in one sentence what is not right. What it
    then forecasts is what the sound run does, unless the damage is a readable text's, which only its reader can judge."""
    draw = random.Random(int(os.environ.get("COSTATE_SEED", 1)))
    forecast = ["forecast", "run", "--steps", "2", "--out", "f.csv"]
    shutil.copytree(straight, tmp_path / "run")
    ok(*forecast, cwd=tmp_path)
    expected, tried, said = (tmp_path / "f.csv").read_bytes(), 0, 0
    names = sorted(path.relative_to(straight) for path in straight.rglob("*") if path.is_file())
    for name in names:
        content = (straight / name).read_bytes()
        for _ in range(DAMAGES):
            for kind, bytes_then in damaged(content, draw):
                shutil.rmtree(tmp_path / "run")
                shutil.copytree(straight, tmp_path / "run")
                (tmp_path / "run" / name).write_bytes(bytes_then)
                for command in [["info", "run"], forecast, ["export", "run", "--to", "python", "--out", "m.py"],
                                ["fit", "--resume", "--out", "run", "--quiet"]]:
                    done = costate(*command, cwd=tmp_path)
                    assert done.returncode == 0 or is_one_sentence(done), (name, kind, command, done.returncode, done.stderr)
                    tried, said = tried + 1, said + (done.returncode == 2)
                    if command == forecast and done.returncode == 0 and name.suffix == ".safetensors":
                        assert (tmp_path / "f.csv").read_bytes() == expected, (name, kind)
    print(f"{tried} commands on damaged runs: {said} said what is not right, {tried - said} worked")
