"""What `import costate` waits for: NumPy and the extension module, and nothing that not everybody needs."""

import subprocess
import sys

import costate
import pytest

LATER = ["sklearn", "jax", "torch", "pandas", "xarray", "matplotlib", "scipy", "difflib", "tomllib", "json", "csv", "dataclasses"]


def test_what_is_imported():
    code = f"import sys, costate, numpy; before = set(sys.modules); print(*[name for name in {LATER} if name in before])"
    alone = f"import sys, numpy; print(*[name for name in {LATER} if name in sys.modules])"
    run = lambda program: set(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split())
    assert run(code) <= run(alone)


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_parts_that_are_imported_by_themselves(name):
    if f"costate.{name}" not in sys.modules:
        with pytest.raises(AttributeError, match=rf"costate has no '{name}'; use import costate.{name}"):
            getattr(costate, name)
