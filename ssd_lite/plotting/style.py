"""Colours, type sizes and file output of all figures."""

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ssd_lite.files import write_atomic

WIDTH = 6.2
"""Width of a figure in inches: a column of the book's page."""

TYPE, SMALL = 12.0, 11.5
"""Type sizes in points. On a phone figures are 368 pixels wide, and the smaller one is 9 pixels high."""

STYLE: Any = {
    "figure.dpi": 130,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",  # figures stay on white in dark mode
    "font.size": TYPE,
    "axes.titlesize": TYPE,
    "axes.labelsize": TYPE,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorator: draws in the book's style and leaves matplotlib's global settings alone."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> R:
        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return in_style


# Okabe and Ito's palette, which colour-blind readers can tell apart, without its yellow, which is
# illegible on white. Classes beyond the seventh repeat it.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

LINES = ("-", "--", ":", "-.")


def colour(label: int) -> str:
    """The colour of a class, given its label, from 1."""
    return COLOURS[(label - 1) % len(COLOURS)]


def series_colour(number: int) -> str:
    """The colour of a chart's line or bar, from 0: black first, for the series to compare others with."""
    return (COLOURS[6], *COLOURS[:6])[number % len(COLOURS)]


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure atomically and close it; the format is the name's suffix, by default PNG."""
    path, content = Path(path), BytesIO()
    kind = path.suffix.lstrip(".") or "png"
    metadata = {"Software": None} if kind == "png" else None
    figure.savefig(content, format=kind, dpi=figure.dpi, metadata=metadata)
    plt.close(figure)
    write_atomic(path, content.getvalue())
    return path
