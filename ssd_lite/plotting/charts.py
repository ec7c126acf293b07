"""Charts that several chapters share: histograms, grouped bars, lines."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.plotting.style import LINES, SMALL, WIDTH, series_colour, styled

Number = float | int  # both are named because run-time type checks accept no int for a float


@styled
def distributions(
    panels: Mapping[str, Mapping[str, Float[Tensor, " _"]]],
    *,
    ranges: Sequence[tuple[Number, Number]],
    bins: int = 20,
    ticks: Mapping[str, Mapping[float, str]] | None = None,
) -> Figure:
    """Histograms as outlines: a panel per quantity, with its name below, and a line per set of values.

    Heights are fractions of a set, so that sets of different sizes can be compared. ``ranges`` are the limits
    of the panels; ``ticks`` replaces the tick labels of a panel.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 2.6), squeeze=False)
    for axes, (name, sets), limits in zip(grid[0], panels.items(), ranges, strict=True):
        for number, (label, values) in enumerate(sets.items()):
            counts = values.float().histc(bins, *limits).tolist()
            edges = [limits[0] + (limits[1] - limits[0]) * k / bins for k in range(bins + 1)]
            line = {"color": series_colour(number), "linestyle": LINES[number % len(LINES)], "linewidth": 2.2}
            axes.stairs([count / max(len(values), 1) for count in counts], edges, label=label, **line)
        axes.set_xlabel(name)
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        if ticks and name in ticks:
            axes.set_xticks(list(ticks[name]), list(ticks[name].values()))
    grid[0][0].set_ylabel("fraction")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.tight_layout(pad=0.4, w_pad=1.2, rect=(0, 0, 1, 0.9))
    figure.legend(handles, labels, loc="upper center", ncols=len(labels))
    return figure


@styled
def grouped_bars(values: Mapping[str, Mapping[str, float]], *, label: str) -> Figure:
    """Horizontal bars for values in [0, 1], each with its number: a group per name, a bar per kind."""
    kinds = list(next(iter(values.values())))
    figure, axes = plt.subplots(figsize=(WIDTH, 1.0 + 0.36 * len(kinds) * len(values)))
    thick = 0.8 / len(kinds)
    for row, group in enumerate(values.values()):
        for number, kind in enumerate(kinds):
            y = row + (number - (len(kinds) - 1) / 2) * thick
            shade = series_colour(number + 1)
            axes.barh(y, group[kind], height=0.9 * thick, color=shade, label=kind if row == 0 else "_")
            beside: dict[str, Any] = {
                "xytext": (4, 0),
                "textcoords": "offset points",
                "va": "center",
                "fontsize": SMALL,
            }
            axes.annotate(f"{group[kind]:.2f}", (group[kind], y), **beside)
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.1)
    axes.set_xlabel(label)
    if len(kinds) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=len(kinds))
    figure.tight_layout(pad=0.4)
    return figure


@styled
def line_chart(
    series: Mapping[str, Sequence[tuple[Number, Number]]],
    *,
    x_label: str,
    y_label: str,
    logarithmic: bool = False,
) -> Figure:
    """A line per named series of points (x, y), from 0 upwards; ``logarithmic`` is about the x axis.

    A single series has no legend.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 2.9))
    for number, (name, points) in enumerate(series.items()):
        line: dict[str, Any] = {"color": series_colour(number), "linestyle": LINES[number % len(LINES)]}
        line |= {"linewidth": 2.2, "marker": "o", "markersize": 5, "label": name}
        axes.plot(*zip(*points, strict=True), **line)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_ylim(bottom=0)
    if logarithmic:
        places = sorted({x for points in series.values() for x, _ in points})
        axes.set_xscale("log")
        axes.set_xticks(places, [f"{x:g}" for x in places])
        axes.minorticks_off()
    if len(series) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.05, 1.0), ncols=2)
    figure.tight_layout(pad=0.4)
    return figure
