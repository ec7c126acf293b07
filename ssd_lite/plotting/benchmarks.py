"""Speed compared with torchvision, drawn from the JSON files in ``benchmarks/results``."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssd_lite.plotting.style import COLOURS, WIDTH, styled

OURS, THEIRS = COLOURS[1], COLOURS[0]
"""Colours of this package and of torchvision."""


@styled
def speedups(results: Sequence[Mapping[str, Any]]) -> Figure:
    """Speed of each benchmark relative to torchvision, on a logarithmic axis, with the goals.

    ``results`` are benchmark files with ``comparisons``. A bar starts at 1 and goes right where this package
    is faster; a thin line spans the quartiles of the rounds, and an upright mark is the goal.
    """
    rows = [comparison for result in results for comparison in result["comparisons"]]
    figure, axes = plt.subplots(figsize=(WIDTH, 1.1 + 0.38 * len(rows)))
    for row, comparison in enumerate(rows):
        _speedup_bar(axes, row, comparison)
    axes.axvline(1, color="0.4", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [comparison["name"] for comparison in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    lowest, highest = axes.get_xlim()
    ticks = [t for t in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if lowest <= t <= highest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("times as fast as torchvision (black: goal)")
    figure.tight_layout()
    return figure


def _speedup_bar(axes: Axes, row: int, comparison: Mapping[str, Any]) -> None:
    """One row: ``share`` is our time as a share of torchvision's."""
    share = comparison["share"]
    speed = 1 / share["median"]
    shade = OURS if speed >= 1 else THEIRS
    axes.barh(row, speed - 1, left=1, height=0.55, color=shade, alpha=0.45)
    axes.plot([1 / value for value in share["quartiles"]], [row, row], color=shade, linewidth=2)
    if comparison["goal"] is not None:
        axes.plot(1 / comparison["goal"], row, "|", color="black", markersize=16, markeredgewidth=2)
    times = f"{speed:.1f} ×" if speed < 10 else f"{speed:.0f} ×"
    axes.annotate(times, (1.005, row), xycoords=("axes fraction", "data"), va="center")


@styled
def map_over_time(run: Mapping[str, Any]) -> Figure:
    """Mean AP on the test images over minutes of training, for both sides of a full-run benchmark file."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    for name, shade, marker in (("ours", OURS, "o"), ("torchvision", THEIRS, "s")):
        minutes = [0.0, *(point["seconds"] / 60 for point in run[name]["curve"])]
        values = [0.0, *(point["map"] for point in run[name]["curve"])]
        axes.plot(minutes, values, color=shade, marker=marker, markersize=5, linewidth=2, label=name)
        axes.annotate(
            f"{values[-1]:.2f}", (minutes[-1], values[-1]), textcoords="offset points", xytext=(6, 0)
        )
    axes.set(xlabel="minutes of training", ylabel="mAP at an overlap of 0.5", ylim=(0, 1), xlim=(0, None))
    axes.legend(loc="lower right")
    figure.tight_layout()
    return figure


@styled
def time_breakdown(parts: Mapping[str, float]) -> Figure:
    """The parts of a training step in milliseconds, end to end; ``parts`` are in seconds."""
    rows = -(-len(parts) // 2)
    figure, axes = plt.subplots(figsize=(WIDTH, 1.2 + 0.28 * rows))
    left = 0.0
    for number, (name, seconds) in enumerate(parts.items()):
        shade = COLOURS[number % len(COLOURS)]
        duration = f"{1e3 * seconds:,.0f}" if seconds >= 0.1 else f"{1e3 * seconds:.3g}"
        label = f"{name} {duration} ms"
        axes.barh(0, 1e3 * seconds, left=left, color=shade, height=0.5, label=label)
        left += 1e3 * seconds
    axes.set(xlabel="milliseconds", yticks=(), ylim=(-0.4, 0.35 + 0.35 * rows))
    axes.spines["left"].set_visible(False)
    axes.legend(ncols=2, loc="upper left", borderaxespad=0)
    figure.tight_layout()
    return figure
