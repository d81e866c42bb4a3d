"""The type stub in the tree is the one that the build makes."""

import inspect
import pathlib

import costate
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build/python/python/_core.pyi"
KEPT = ROOT / "python/costate/_core.pyi"


@pytest.mark.skipif(not BUILT.exists(), reason=f"{BUILT.relative_to(ROOT)} is not there; install the package from this tree to build it")
def test_the_stub_is_that_of_the_build():
    assert KEPT.read_text() == BUILT.read_text(), f"copy {BUILT.relative_to(ROOT)} to {KEPT.relative_to(ROOT)}"


@pytest.mark.parametrize("name", ["solve", "fit", "train", "fit_trajectories", "fit_classifier", "simulate"])
def test_the_stub_names_all_options(name):
    line = next(line for line in KEPT.read_text().splitlines() if line.startswith(f"def {name}("))
    for parameter in inspect.signature(getattr(costate, name)).parameters:
        assert f"{parameter}: " in line


def test_every_public_thing_has_a_docstring():
    for name in costate.__all__:
        thing = getattr(costate, name)
        if inspect.isroutine(thing) or isinstance(thing, type):
            assert thing.__doc__, name
