"""The code of README.md is cut from programs of examples/, which run as tests; these programs stay short doors; and
links of the pages lead to files."""

import pathlib
import re
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = [path for suffix in ("cpp", "py") for path in sorted((ROOT / "examples").glob(f"*.{suffix}"))]
BLOCK = re.compile(r"^(?:<!-- (\S+) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_LINES = 40  # blank ones not counted


def wrong_blocks(page: str, read) -> list[str]:
    """A sentence for each block of a page that names no file, or is not lines of it, at whatever indentation."""
    errors = []
    for source, language, code in BLOCK.findall(page):
        indented = [textwrap.indent(code, " " * depth) for depth in (0, 2, 4)]
        if not source:
            errors.append(f"a {language} block has no <!-- file --> above it: {code.splitlines()[0]}")
        elif not any("\n" + lines in "\n" + read(source) for lines in indented):
            errors.append(f"a block is not lines of {source}: {code.splitlines()[0]}")
    return errors


def test_blocks_of_the_readme_are_lines_of_examples():
    page = (ROOT / "README.md").read_text()
    assert len(BLOCK.findall(page)) == page.count("```") // 2 >= 3
    assert wrong_blocks(page, lambda source: (ROOT / source).read_text()) == []


@pytest.mark.parametrize(
    "page, error",
    [
        ("<!-- a.py -->\n```python\nx = 1\ny = 2\n```\n", ""),
        ("<!-- a.py -->\n```python\ny = 2\nif y:\n```\n", ""),
        ("<!-- a.py -->\n```python\nz = 3\n```\n", ""),
        ("<!-- a.py -->\n```python\nx = 1\nif y:\n```\n", "a block is not lines of a.py: x = 1"),
        ("<!-- a.py -->\n```python\n= 1\n```\n", "a block is not lines of a.py: = 1"),
        ("```cpp\nint x;\n```\n", "a cpp block has no <!-- file --> above it: int x;"),
    ],
)
def test_what_is_an_error(page, error):
    assert "".join(wrong_blocks(page, {"a.py": "x = 1\ny = 2\nif y:\n    z = 3\n"}.get)) == error


WORDS = dict(enumerate("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen".split()))


def test_counts_of_the_readme_are_those_of_the_tree():
    page = " ".join((ROOT / "README.md").read_text().split()).lower()
    rows = (ROOT / "costate/solve/methods/methods.def").read_text()
    count = lambda kind: WORDS[len(re.findall(rf"^COSTATE_{kind}\(", rows, re.MULTILINE))]  # noqa: E731
    of = lambda suffix: WORDS[sum(path.suffix == suffix for path in EXAMPLES)]  # noqa: E731
    assert f"{count('METHOD')} explicit runge–kutta methods" in page
    assert f"{count('IMPLICIT_METHOD')} implicit ones" in page
    assert f"{of('.cpp')} short programs in c++ and {of('.py')} in python" in page


PAGES = [path for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "costate/*.md") for path in sorted(ROOT.glob(pattern))]


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_links_lead_to_files(page):
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_is_a_short_door(path):
    lines = path.read_text().splitlines()
    comment = "//" if path.suffix == ".cpp" else "#"
    opening = next(i for i, line in enumerate(lines) if not line.startswith(comment + " "))
    assert 2 <= opening <= 3, "two or three comment lines say what it shows"
    assert sum(1 for line in lines if line) <= MOST_LINES
    assert f"]({path.name})" in (ROOT / "examples/README.md").read_text()
