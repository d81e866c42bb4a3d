"""The Debian packages, of the build tree of ./test.sh: they install into an empty root, run, have their pages and completion, and go without
a trace; made twice they are the same to the byte, and name no folder of the machine that built them."""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("COSTATE_BUILD", ROOT / "build/release"))


def output_of(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def packages(folder):
    """Both packages by name, made in a folder of their own."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    output_of("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, cwd=BUILD, env=environment)
    return {path.name.split("_")[0]: path for path in folder.glob("*.deb")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    for tool in ("cpack", "dpkg", "dpkg-deb"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    output_of("python3", ROOT / "tools/sbom.py", BUILD, BUILD / "costate.spdx.json")
    return packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def root(made, tmp_path_factory):
    """A root with nothing but dpkg's own files, into which both are installed."""
    as_root = [] if os.geteuid() == 0 else ["fakeroot"]
    if as_root and not shutil.which("fakeroot"):
        pytest.skip("neither root nor fakeroot is there")
    folder = tmp_path_factory.mktemp("root")
    for name in ("info", "updates", "triggers"):
        (folder / "var/lib/dpkg" / name).mkdir(parents=True)
    (folder / "var/lib/dpkg/status").touch()
    dpkg = [*as_root, "dpkg", f"--root={folder}", "--force-depends", "--force-not-root", f"--log={folder}/dpkg.log"]
    output_of(*dpkg, "--install", *made.values())
    yield folder
    output_of(*dpkg, "--purge", *made)
    left = [path for path in folder.rglob("*") if path.is_file() and "dpkg" not in path.as_posix()]
    assert left == [] and not (folder / "usr/bin").exists()


def test_it_runs(root, tmp_path):
    command = root / "usr/bin/costate"
    version = output_of(command, "--version").split()[1]
    assert f"project(Costate VERSION {version} " in (ROOT / "CMakeLists.txt").read_text()
    output_of(command, "simulate", "pendulum", "--out", tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().startswith("t,theta,omega\n")


def test_every_command_has_a_page(root):
    pages = root / "usr/share/man/man1"
    commands = re.findall(r"^  (\w+) ", output_of(root / "usr/bin/costate", "--help").partition("Subcommands:")[2], re.MULTILINE)
    assert {"fit", "completion"} <= set(commands)
    assert {path.name for path in pages.iterdir()} == {"costate.1.gz", *(f"costate-{name}.1.gz" for name in commands)}
    text = gzip.decompress((pages / "costate-fit.1.gz").read_bytes()).decode()
    assert "\\-\\-hold\\-out" in text and ".SH NAME\ncostate-fit \\- " in text
    if shutil.which("groff"):
        for page in pages.iterdir():
            shown = subprocess.run(["groff", "-k", "-man", "-ww", "-z", "-Tutf8"], input=gzip.decompress(page.read_bytes()), capture_output=True)
            assert shown.stderr == b"", page


def test_shells_complete(root):
    share = root / "usr/share"
    ask = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _costate; echo "${COMPREPLY[*]}"'
    cases = {("costate", "fo"): "forecast", ("costate", "fit", "--ep"): "--epochs", ("costate", "simulate", "pend"): "pendulum",
             ("costate", "export", "r", "--dtype", ""): "float double", ("costate", "fit", "--epochs", ""): "", ("costate", "--vers"): "--version"}
    for words, answer in cases.items():
        assert output_of("bash", "-c", ask, share / "bash-completion/completions/costate", *words).strip() == answer
    zsh, fish = share / "zsh/vendor-completions/_costate", share / "fish/vendor_completions.d/costate.fish"
    assert "#compdef costate" in zsh.read_text()
    if shutil.which("zsh"):
        output_of("zsh", "-n", zsh)
    if shutil.which("fish"):
        asked = output_of("fish", "--no-config", "-c", f"source {fish}; complete -C 'costate export r --dtype '")
        assert [line.split("\t")[0] for line in asked.splitlines()] == ["double", "float"]


def test_what_it_is_made_of(root):
    parts = json.loads((root / "usr/share/doc/costate/costate.spdx.json").read_text())
    names = {package["name"] for package in parts["packages"]}
    assert {"costate", "libhwy-dev", "libcli11-dev", "nlohmann-json3-dev", "libstdc++6"} <= names
    known = {package["SPDXID"] for package in parts["packages"]} | {"SPDXRef-DOCUMENT"}
    assert all({r["spdxElementId"], r["relatedSpdxElement"]} <= known for r in parts["relationships"])


def test_the_library_has_its_headers_and_no_others(root):
    headers = {path.relative_to(root / "usr/include").as_posix() for path in (root / "usr/include").rglob("*.h")}
    assert "costate/solve/solve.h" in headers and not any("/internal/" in name for name in headers)
    assert list(root.rglob("libcostate.a")) and list(root.rglob("costate.pc")) and list(root.rglob("CostateConfig.cmake"))


def test_bytes_are_the_same_again_and_name_no_folder(made, root, tmp_path):
    for name, again in packages(tmp_path).items():
        assert again.read_bytes() == made[name].read_bytes(), name
    for path in [root / "usr/bin/costate", *root.rglob("libcostate.a"), *root.rglob("costate.pc")]:
        assert str(ROOT).encode() not in path.read_bytes(), path
