"""The pages of the book, as the tests look at them."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import yaml

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
CONTENTS = yaml.safe_load((BOOK / "_toc.yml").read_text())


def pages() -> list[str]:
    """The names of all pages, in the order of the contents."""
    chapters = [chapter for part in CONTENTS["parts"] for chapter in part["chapters"]]
    listed = [[chapter, *chapter.get("sections", [])] for chapter in chapters]
    return [CONTENTS["root"], *(page["file"] for group in listed for page in group)]


def source(page: str) -> Path:
    """The file that a page is made of."""
    found = [path for path in (BOOK / f"{page}.ipynb", BOOK / f"{page}.md") if path.exists()]
    assert len(found) == 1, f"{page}: one source is wanted, found {found}"
    return found[0]


NOTEBOOKS = [source(page) for page in pages() if source(page).suffix == ".ipynb"]
CHAPTERS = [path for path in NOTEBOOKS if re.match(r"\d\d-", path.name)]


def name(path: Path) -> str:
    return path.stem


def cells(path: Path, kind: str) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind and cell.source.strip()]


def code(path: Path) -> list[Any]:
    return cells(path, "code")


def prose(path: Path) -> str:
    """The text of a page, without code cells."""
    if path.suffix == ".md":
        return path.read_text()
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def script(name: str) -> ModuleType:
    """One of the book's scripts, which lie beside the chapters and in no package."""
    spec = importlib.util.spec_from_file_location(name, BOOK / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
