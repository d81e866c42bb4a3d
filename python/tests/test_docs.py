"""The programs of docs/python.md run, and their own checks hold."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/python.md").read_text()
BLOCKS = [(match.group(1), match.group(2)) for match in re.finditer(r"^##+ ([^\n]*)\n(?:(?!^##+ ).)*?^```python\n(.*?)^```", PAGE, re.M | re.S)]


@pytest.mark.parametrize("title, code", BLOCKS, ids=[title for title, _ in BLOCKS])
def test_a_program_of_the_page(title, code):
    assert "assert" in code  # it checks its numbers
    if "pandas" in code:
        pytest.importorskip("pandas")
    exec(compile(code, title, "exec"), {"__name__": "__main__"})


def test_every_program_of_the_page_is_run():
    assert len(BLOCKS) == PAGE.count("```python\n") >= 10
