"""The site of tools/build_docs.sh has every page, and its links lead to pages."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_every_page_is_on_the_site(tmp_path):
    pytest.importorskip("costate")
    import lay_out_docs

    lay_out_docs.lay_out(tmp_path)
    pages = {page.relative_to(tmp_path).as_posix() for page in tmp_path.rglob("*.md")}
    listed = set(re.findall(r"(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert pages == listed
    assert (tmp_path / "site.css").is_file()  # mkdocs.yml names it
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+?)(?:#[^)]*)?\)", (tmp_path / page).read_text()):
            assert "://" in target or ((tmp_path / page).parent / target).is_file(), (page, target)


@pytest.mark.parametrize(
    "source, text, moved",
    [
        ("README.md", "[fits](docs/fits.md) and [code](costate/costate.h)", "[fits](fits.md) and code"),
        ("docs/howto/x.md", "[home](../../README.md), [torch](../torch.md#options)", "[home](../index.md), [torch](../torch.md#options)"),
        ("docs/x.md", "[there](https://example.org/x.md) ![a picture](x.png)", "[there](https://example.org/x.md) ![a picture](x.png)"),
    ],
)
def test_links_as_the_site_has_them(source, text, moved):
    import lay_out_docs

    known = {"README.md": "index.md", "docs/fits.md": "fits.md", "docs/torch.md": "torch.md", "docs/howto/x.md": "howto/x.md", "docs/x.md": "x.md"}
    assert lay_out_docs.moved(text, ROOT / source, known) == moved
