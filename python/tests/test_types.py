"""The stub and the examples please mypy --strict. Skipped where mypy is not installed: pip install mypy."""

import os
import pathlib
import subprocess
import sys

import costate
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_mypy_is_content_with_the_examples(tmp_path):
    pytest.importorskip("mypy")
    package = pathlib.Path(costate.__file__).parent
    assert (package / "py.typed").is_file()
    examples = sorted(map(str, (ROOT / "examples").glob("*.py")))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", f"--cache-dir={tmp_path}", *examples]
    path = {} if package.parent.name == "site-packages" else {"MYPYPATH": str(package.parent)}
    found = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **path})
    assert found.returncode == 0, found.stdout
