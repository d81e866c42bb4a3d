"""The pages of the tutorial and of the how-tos run, block after block, and their own checks hold."""

import pathlib
import re
import time

import costate
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs/tutorial").glob("*.md"), *(ROOT / "docs/howto").glob("*.md"), *(ROOT / "docs" / f"{name}.md" for name in ("first_hour", "jax", "sklearn", "sde", "delays", "cde"))])
PROGRAMS = {f"{page.parent.name}/{page.stem}": page for page in PAGES if "```python\n" in page.read_text()}
TOOLS = ("matplotlib", "pandas", "scipy", "sklearn", "jax", "torch")


def blocks_of(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_page(name, tmp_path, monkeypatch):
    page = PROGRAMS[name]
    blocks = blocks_of(page)
    for tool in TOOLS:
        if re.search(rf"^\s*(import|from) {tool}\b", "\n".join(blocks), re.M):
            pytest.importorskip(tool)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    namespace = {"__name__": "__main__"}
    begin = time.perf_counter()
    for i, block in enumerate(blocks):
        exec(compile(block, f"{page.name}, block {i + 1}", "exec"), namespace)
    print(f"{name}: {time.perf_counter() - begin:.1f} s")
    if "matplotlib.pyplot" in "\n".join(blocks):
        import matplotlib.pyplot as plt

        plt.close("all")
    assert "assert" in page.read_text() or "assert_allclose" in page.read_text()
    missing = [picture for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text()) if not (page.parent / picture).is_file()]
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert not missing and drawn <= {pathlib.Path(p).name for p in re.findall(r"\(([^)]+\.png)\)", page.read_text())}, (missing, drawn)


def test_links_lead_to_pages():
    for page in [*PAGES, *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), (page.name, target)


def test_the_tutorial_names_every_page():
    index = (ROOT / "docs/tutorial/index.md").read_text()
    assert set(re.findall(r"\((\w+\.md)\)", index)) == {page.name for page in (ROOT / "docs/tutorial").glob("*.md")} - {"index.md"}
    assert costate.__version__
