"""The pages of the book, and their sources in other words."""

from pathlib import Path

import nbformat
import yaml

from .prose import ROOT, Say, rewrite

BOOK = ROOT / "book"
ENGLISH_ONLY = "api"
"""Pages whose names begin with this are made of docstrings and stay English."""
SITE = "site"
"""The name of the messages that belong to no page: titles of the book and of its parts."""


def contents() -> dict:
    """The table of contents."""
    return yaml.safe_load((BOOK / "_toc.yml").read_text())


def names() -> list[str]:
    """The pages that are translated, in the order of the contents."""
    toc = contents()
    listed = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    pages = [toc["root"], *listed]
    return [page for page in pages if not page.startswith(ENGLISH_ONLY)]


def source(page: str) -> Path:
    """The English source of a page."""
    notebook = BOOK / f"{page}.ipynb"
    return notebook if notebook.exists() else BOOK / f"{page}.md"


def translated(page: str, say: Say) -> str | nbformat.NotebookNode:
    """A page in the words of ``say``: Markdown, or a notebook with the same code and outputs."""
    path = source(page)
    if path.suffix == ".md":
        return rewrite(path.read_text(), say)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = rewrite(cell.source, say)
        else:
            _shown(cell.metadata.get("mystnb", {}), say)
    return notebook


def _shown(about: dict, say: Say) -> None:
    """Caption and alt text of a cell's picture."""
    if caption := about.get("figure", {}).get("caption"):
        about["figure"]["caption"] = rewrite(caption, say)
    if alt := about.get("image", {}).get("alt"):
        about["image"]["alt"] = say(alt)


def translated_contents(say: Say) -> dict:
    """The contents with captions in the words of ``say``, without the pages that stay English."""
    toc = contents()
    for part in toc["parts"]:
        part["caption"] = say(part["caption"])
        for chapter in part["chapters"]:
            if chapter["file"].startswith(ENGLISH_ONLY):
                chapter.pop("sections", None)
    return toc


def messages(page: str) -> list[str]:
    """The messages of a page, each once, in the order of the page."""
    found: dict[str, None] = {}

    def collect(message: str) -> str:
        found[message] = None
        return message

    if page == SITE:
        settings = yaml.safe_load((ROOT / "_config.yml").read_text())
        collect(settings["title"])
        translated_contents(collect)
    else:
        translated(page, collect)
    return list(found)
