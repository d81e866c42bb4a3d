"""install_deps.sh says in one sentence why it can't go on. Stubs on PATH stand in for apt-get and the user."""

import os
import pathlib
import shutil
import subprocess

import pytest

TOOLS = pathlib.Path(__file__).resolve().parent
ALL_INSTALLED = 'shift 2; for package; do echo "$package install ok installed"; done'


def stub(folder: pathlib.Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def run_script(tmp_path):
    """Runs a copy of the script that sees `commands` and a few basic ones only."""

    def run(commands: dict[str, str], *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        for name in ("bash", "dirname", "cat", "cp", "grep", "env"):
            stub(tmp_path / "bin", name, f'exec {shutil.which(name)} "$@"')
        for name, body in commands.items():
            stub(tmp_path / "bin", name, body)
        (tmp_path / "tools").mkdir()
        for name in ("install_deps.sh", "requirements.txt"):
            shutil.copy(TOOLS / name, tmp_path / "tools" / name)
        return subprocess.run(
            [tmp_path / "tools/install_deps.sh", *arguments],
            env={**os.environ, "PATH": str(tmp_path / "bin"), **environment},
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize(
    "commands, sentence",
    [
        ({"dpkg-query": "true"}, "needs Debian's apt-get; elsewhere install by hand: build-essential"),
        ({"dpkg-query": "true", "apt-get": "true", "id": "echo 1000"}, "needs root or sudo to install build-essential"),
        ({"dpkg-query": "true", "apt-get": "exit 1", "id": "echo 0"}, "apt-get update failed; is the machine online?"),
        (
            {"dpkg-query": "true", "apt-get": '[ "$1" = update ]', "id": "echo 0"},
            "apt-get could not install build-essential",
        ),
    ],
)
def test_what_stops_it(run_script, commands, sentence):
    result = run_script(commands)
    assert result.returncode == 1
    assert result.stderr.startswith(f"install_deps.sh: {sentence}")
    assert result.stderr.count("\n") == 1


def test_only_what_is_missing_is_installed(run_script, tmp_path):
    commands = {
        "dpkg-query": ALL_INSTALLED + " | grep -v ccache",
        "apt-get": f'echo "$@" >> {tmp_path}/calls; [ "$1" = update ]',
        "id": "echo 0",
    }
    run_script(commands)
    assert (tmp_path / "calls").read_text().splitlines()[1].endswith("--no-install-recommends ccache")


def test_building_needs_neither_the_packages_of_tests_nor_python(run_script, tmp_path):
    commands = {"dpkg-query": "true", "apt-get": f'echo "$@" >> {tmp_path}/calls', "id": "echo 0"}
    result = run_script(commands, "build", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert (result.returncode, result.stderr) == (0, "")
    installed = (tmp_path / "calls").read_text().splitlines()[1].split()
    assert "libhwy-dev" in installed
    assert not {"libsundials-dev", "libgtest-dev", "python3-venv"} & set(installed)
    assert not (tmp_path / ".venv").exists()


def test_an_unknown_list_is_refused(run_script):
    result = run_script({}, "demo")
    assert result.returncode == 1
    assert result.stderr == "install_deps.sh: expected 'build', 'python', 'deb', 'fuzz' or nothing; got 'demo'.\n"


def test_python_packages_need_the_network(run_script):
    result = run_script({"dpkg-query": ALL_INSTALLED, "apt-get": "exit 1"}, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("install_deps.sh: pip could not install tools/requirements.txt")
