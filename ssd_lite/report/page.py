"""The page of a report: figures and tables put into the template ``page.html``."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from ssd_lite import plotting
from ssd_lite.analysis import KINDS, Analysis
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.report.worst import Case

MOST_VECTOR_CLASSES = 20
"""Figures with more classes are drawn as pixels, which are smaller than so many curves."""

MOST_CONFUSIONS = 10
"""So many confusions are listed below the matrix."""

MEANINGS = {
    "classification": "right place, wrong class",
    "localization": "right class, box not close enough",
    "both": "wrong class and box not close enough",
    "duplicate": "an object that a better detection has found already",
    "background": "no object there",
    "missed": "an object that was not found",
    "false positives": "every wrong detection removed",
    "false negatives": "every object that was not found no longer counted",
}


class Picture(NamedTuple):
    """A figure of the page: its ``data:`` address, and what it shows in words."""

    address: str
    alt: str


class Confusion(NamedTuple):
    """So many objects of one class that were detected as another."""

    true: str
    detected: str
    times: int


def render(
    analysis: Analysis,
    cases: Sequence[Case],
    *,
    title: str,
    about: Mapping[str, Any],
    problems: Sequence[str],
    coco: AveragePrecision | None = None,
) -> str:
    """The page as HTML that needs no other file; every text is escaped."""
    environment = Environment(
        loader=PackageLoader("ssd_lite.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment.get_template("page.html").render(
        title=title,
        analysis=analysis,
        about=about,
        problems=problems,
        coco=coco,
        cases=cases,
        pictures=_pictures(analysis),
        confusions=_confusions(analysis),
        kinds=KINDS,
        meanings=MEANINGS,
    )


def _number(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals, and a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _pictures(analysis: Analysis) -> dict[str, Picture]:
    classes = len(analysis.classes)
    kind = "svg" if classes <= MOST_VECTOR_CLASSES else "png"
    ap, gains = analysis.ap, analysis.errors.delta_ap
    by_iou = ", ".join(f"{_number(part.mean, 2)} at {at:.2f}" for at, part in analysis.by_iou.items())
    by_size = ", ".join(f"{part.name} {_number(part.mean, 2)}" for part in analysis.by_size)
    best = ", ".join(
        f"{name} {found.f1:.2f} at {found.score:.2f}"
        for name, found in analysis.best_thresholds.items()
        if found is not None
    )
    draw = partial(plotting.data_uri, kind=kind)
    return {
        "curves": Picture(
            draw(plotting.precision_recall_grid(analysis)),
            f"Precision over recall, a curve for each class; the mean of their APs is {_number(ap.mean)}.",
        ),
        "sizes": Picture(draw(plotting.ap_by_size(analysis)), f"Mean AP by size: {by_size}."),
        "overlaps": Picture(draw(plotting.ap_by_overlap(analysis)), f"Mean AP by overlap: {by_iou}."),
        "confusion": Picture(
            draw(plotting.confusion_matrix(analysis)),
            "Confusion matrix: objects by class in rows, what they were detected as in columns; "
            "the most frequent confusions are in the table below.",
        ),
        "errors": Picture(
            draw(plotting.error_gains(analysis)),
            f"Gain of the mean AP by kind of error: {', '.join(f'{k} {_number(gains[k])}' for k in KINDS)}.",
        ),
        "thresholds": Picture(
            draw(plotting.f1_by_threshold(analysis)),
            f"F1 over the score threshold for each class. Best: {best or 'none'}.",
        ),
    }


def _confusions(analysis: Analysis) -> list[Confusion]:
    """The most frequent cells off the diagonal, without those of background."""
    matrix = analysis.confusion.clone()
    matrix[0], matrix[:, 0] = 0, 0
    matrix.fill_diagonal_(0)
    cells = sorted((-int(matrix[row, column]), row, column) for row, column in matrix.nonzero().tolist())
    names = analysis.classes
    return [
        Confusion(names[row - 1], names[column - 1], -count) for count, row, column in cells[:MOST_CONFUSIONS]
    ]
