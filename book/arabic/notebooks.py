"""Arabic notebooks to be downloaded and run: their text runs from right to left."""

import re
import shutil
from pathlib import Path

import nbformat

from . import pages, sources

FOLDER = pages.BOOK / "ar"
"""Where they lie; ``make book`` writes them."""
RIGHT_TO_LEFT = '<div dir="rtl" lang="ar">\n\n{}\n\n</div>'
APART = re.compile(
    r"(\A# [^\n]*|^`{3,}\{solution-(?:start|end)\}.*?^`{3,}$)", re.M | re.S
)
"""What stays outside of a marked part, since JupyterLab looks for it there: title, and ends of solutions."""
ABOVE = re.compile(rf"(?<=\]\()(?=images/|{pages.ENGLISH_ONLY}-)")
"""In front of the addresses of what lies in the book's folder."""
TO_BOOK = """

from pathlib import Path

if Path.cwd().name == "ar":  # paths are those of the book's folder
    %cd -q .."""


def write(folder: Path) -> None:
    """Write all pages in Arabic into a folder of the book's: notebooks, and what they link to."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page in pages.names():
        name = pages.source(page).name
        text = in_json(page) if name.endswith(".ipynb") else markdown(page)
        (folder / name).write_text(text)


def markdown(page: str) -> str:
    """A page without code."""
    return RIGHT_TO_LEFT.format(ABOVE.sub("../", sources.text(page)))


def in_json(page: str) -> str:
    """A notebook as it is written down."""
    return sources.in_json(runnable(page))


def runnable(page: str) -> nbformat.NotebookNode:
    """A notebook that can be run from its folder."""
    notebook = nbformat.reads(sources.text(page), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = from_right_to_left(ABOVE.sub("../", cell.source))
        elif "install" in cell.metadata.get("tags", ()):
            cell.source += TO_BOOK
    return notebook


def from_right_to_left(source: str) -> str:
    """The text of a cell, marked as running from right to left."""
    parts = APART.split(source)
    parts[::2] = [_marked(part.strip("\n")) for part in parts[::2]]
    return "\n\n".join(part for part in parts if part)


def _marked(part: str) -> str:
    return RIGHT_TO_LEFT.format(part) if part else ""
