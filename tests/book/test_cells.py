"""Code stays out of the way: teaching cells are short, drawing cells folded, and no line is cut."""

import re

import nbformat
import numpy as np
import pytest
from PIL import Image

from ssd_lite import augmentation, criterion, evaluation, matching, mining, objective, scales, training
from tests.book.chapters import BOOK, CHAPTERS, NOTEBOOKS, ROOT, code, name, script, tags

COLUMNS, LINES = 80, 16
"""The width of the page's column in characters, and the most lines of a cell that stays open."""

FOLDED = {"hide-input", "remove-input", "remove-cell"}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=name)


@every_notebook
def test_no_line_is_wider_than_the_column(path) -> None:
    for cell in code(path):
        if "remove-cell" in tags(cell):
            continue
        printed = [output.get("text", "") for output in cell.outputs]
        for line in "\n".join([cell.source, *printed]).splitlines():
            assert len(line) <= COLUMNS, line


@every_notebook
def test_a_cell_that_draws_is_folded(path) -> None:
    for cell in code(path):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            assert FOLDED & set(tags(cell)), cell.source


@every_chapter
def test_a_cell_that_stays_open_is_short(path) -> None:
    """Solutions are folded as a whole, so their cells may be longer."""
    inside = False
    for cell in nbformat.read(path, as_version=4).cells:
        begins, ends = cell.source.rfind("{solution-start}"), cell.source.rfind("{solution-end}")
        inside = inside if begins == ends else begins > ends  # both -1: nothing changes
        if cell.cell_type == "code" and not inside and not FOLDED & set(tags(cell)):
            assert len(cell.source.splitlines()) <= LINES, cell.source


@every_chapter
def test_a_page_opens_without_code(path) -> None:
    """The first code that a reader sees comes behind the first picture."""
    for cell in code(path):
        if "image/png" in str([output.get("data") for output in cell.outputs]):
            return
        assert FOLDED & set(tags(cell)), cell.source


def test_each_step_names_the_chapter_that_explains_it() -> None:
    modules = (matching, objective, criterion, scales, mining, augmentation, training, evaluation)
    named = [re.search(r"Explained in chapter (\d), ``(.*)``", module.__doc__ or "") for module in modules]
    found = [(int(match[1]), match[2]) for match in named if match]
    assert [number for number, _ in found] == [1, 2, 2, 3, 4, 5, 6, 6]
    assert all(
        (ROOT / file).name.startswith(f"0{number}") and (ROOT / file).exists() for number, file in found
    )


def test_the_cards_of_the_start_page_are_what_the_package_draws_today(tmp_path) -> None:
    """After a change of the detector or of a step, ``make outputs`` draws them again."""
    script("cards").main(tmp_path)
    drawn = sorted(tmp_path.iterdir())
    assert [path.name for path in drawn] == sorted(path.name for path in (BOOK / "images").glob("card-*.png"))
    for path in drawn:
        now, committed = (
            np.asarray(Image.open(p).convert("RGB"), dtype=float) for p in (path, BOOK / "images" / path.name)
        )
        assert abs(now - committed).mean() < 2, path.name  # of 255; fonts and rounding differ a little
        assert path.name in (BOOK / "index.ipynb").read_text()
