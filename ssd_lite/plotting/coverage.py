"""How well default boxes cover objects, over the objects' sizes."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, PercentFormatter
from torch import Tensor

from ssd_lite.plotting.style import COLOURS, SMALL, WIDTH, styled

SIZE_TICKS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Ticks of the axes that show an object's size: the square root of its share of the image."""

FULL = 0.95
"""A dataset whose recall is at least this in every size class and layout needs no panel."""


@styled
def sizes_by_map(panels: Mapping[str, Mapping[str, Float[Tensor, " n"]]]) -> Figure:
    """The sizes of the objects that each map is responsible for: a dot per object, a bar at the median.

    A panel maps the name of a map to sizes.
    """
    figure, row = plt.subplots(1, len(panels), figsize=(WIDTH, 3.5), sharex=True, sharey=True, squeeze=False)
    for axes, (title, maps) in zip(row[0], panels.items(), strict=True):
        for line, sizes in enumerate(maps.values()):
            # Multiples of the golden ratio spread the dots evenly, the same way every time.
            heights = [line + ((number * 0.618034) % 1 - 0.5) * 0.55 for number in range(len(sizes))]
            axes.plot(sizes.numpy(), heights, "o", color=COLOURS[line % len(COLOURS)], markersize=3)
            if len(sizes):
                middle = sizes.quantile(0.5).item()
                axes.plot([middle, middle], [line - 0.4, line + 0.4], color="black", linewidth=3)
        axes.set_yticks(range(len(maps)), list(maps))
        axes.set_ylim(len(maps) - 0.5, -0.5)
        _size_axis(axes)
        axes.set_title(title)
    figure.tight_layout()
    return figure


@styled
def overlap_by_size(
    panels: Mapping[str, Float[Tensor, " n"]], sizes: Float[Tensor, " n"], flat: Bool[Tensor, " n"]
) -> Figure:
    """The best overlap of each object over its size, a panel per layout; ``flat`` objects are orange."""
    figure, row = plt.subplots(1, len(panels), figsize=(WIDTH, 3.3), sharex=True, sharey=True, squeeze=False)
    groups = ((COLOURS[1], ~flat, "other objects"), (COLOURS[0], flat, "flat or narrow"))
    for axes, (title, best) in zip(row[0], panels.items(), strict=True):
        axes.axhline(0.5, color="0.4", linewidth=1.2, linestyle=":")
        for shade, some, name in groups:
            axes.scatter(sizes[some].numpy(), best[some].numpy(), s=10, color=shade, linewidths=0, label=name)
        axes.set_ylim(0, 1)
        _size_axis(axes)
        axes.set_title(title)
    row[0, 0].set_ylabel("best overlap")
    row[0, 0].legend(loc="lower right", handletextpad=0.1, borderaxespad=0)
    figure.tight_layout()
    return figure


@styled
def recall_by_size(datasets: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> Figure:
    """The share of objects that a layout reaches, by their size: a panel per dataset, a line per layout.

    An entry of a layout holds ``from`` and ``to``, the bounds of a size class, and ``recall``. A dataset that
    every layout reaches (almost) entirely gets a line of text instead of a panel.
    """
    worst = {
        name: min(entry["recall"] for entries in layouts.values() for entry in entries)
        for name, layouts in datasets.items()
    }
    drawn = [name for name in datasets if worst[name] < FULL] or list(datasets)
    notes = [
        f"{name}: every layout reaches at least {worst[name]:.0%} of the objects of every size"
        for name in datasets
        if name not in drawn
    ]
    figure, row = plt.subplots(1, len(drawn), figsize=(WIDTH, 3.5), sharex=True, sharey=True, squeeze=False)
    for axes, name in zip(row[0], drawn, strict=True):
        _recall_lines(axes, datasets[name])
        axes.set_title(name)
    row[0, 0].set_ylabel("reached above 0.5")
    below = 0.07 * len(notes)
    figure.tight_layout(rect=(0, below, 1, 0.9))
    handles, labels = row[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(labels), handlelength=1.6, columnspacing=1.2)
    if notes:
        figure.text(0.5, 0.02, "\n".join(notes), ha="center", va="bottom", fontsize=SMALL)
    return figure


def _recall_lines(axes: Axes, layouts: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for line, (name, entries) in enumerate(layouts.items()):
        middles = [((entry["from"] or entry["to"] / 2) * entry["to"]) ** 0.5 for entry in entries]
        recalls = [entry["recall"] for entry in entries]
        style = ("o-", "s--", "^-.", "D:")[line % 4]
        axes.plot(middles, recalls, style, color=COLOURS[line], linewidth=2, markersize=6, label=name)
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _size_axis(axes)


def _size_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(0.03, 1.05)
    axes.xaxis.set_major_locator(FixedLocator(SIZE_TICKS))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.set_xticklabels([f"{size:g}" for size in SIZE_TICKS])
    axes.set_xlabel("size of the object")
