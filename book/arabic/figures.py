"""Runs notebooks that draw Arabic figures, and keeps their pictures."""

from pathlib import Path

import nbformat

from execute import run

from . import pages, pictures

INSTALL = (
    f"import sys; sys.path.insert(0, {str(pages.BOOK)!r}); "
    "from arabic import kernel; kernel.install()"
)


def with_figures() -> list[str]:
    """The pages that have figures, in their order."""
    return [page for page in pages.names() if pictures.english(page)]


def draw(page: str) -> list[str]:
    """Draw the figures of a page in Arabic; returns which cells gave another text than in English.

    Raises ``ValueError`` if a cell gave another number of pictures: then the English outputs are old.
    """
    english = nbformat.read(pages.source(page), as_version=4)
    arabic = again(pages.source(page))
    old, new = (list(pictures.outputs(one)) for one in (english, arabic))
    if [cell for cell, _ in old] != [cell for cell, _ in new]:
        raise ValueError(f"{page} has other figures now: make outputs")
    contents = [
        [pictures.content(one) for _, one in all_] for all_ in (old, new)
    ]
    pictures.write(page, list(zip(*contents, strict=True)))
    return differences(english, arabic)


def again(path: Path) -> nbformat.NotebookNode:
    """A notebook, run from top to bottom with Arabic figures."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(INSTALL))
    run(notebook, path.parent)
    del notebook.cells[0]
    return notebook


def differences(
    before: nbformat.NotebookNode, after: nbformat.NotebookNode
) -> list[str]:
    """The cells whose texts are not the same, but for those that are never compared."""
    return [
        f"{old.id}: {old.source.splitlines()[-1]}"
        for old, new in zip(before.cells, after.cells, strict=True)
        if texts(old) != texts(new)
        and "nbval-ignore-output" not in old.metadata.get("tags", [])
    ]


def texts(cell: nbformat.NotebookNode) -> list[str]:
    """The texts that a cell gave."""
    return [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.get("outputs", ())
    ]
