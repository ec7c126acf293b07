"""What is fast, against torchvision: the measurements under ``benchmarks/results`` drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ssd_lite.plotting.common import COLOURS, WIDTH, styled

OURS, THEIRS = COLOURS[1], COLOURS[0]
"""Colours of the two sides, in all of these figures."""


@styled
def speed_ups(measured: Sequence[Mapping[str, Any]]) -> Figure:
    """How many times as fast as torchvision each work is, with the goals.

    ``measured`` are the JSON of benchmarks with ``comparisons``. A bar starts at 1, as fast as
    torchvision, and goes right where ours is faster; a thin line spans the quartiles of the rounds. An
    upright mark is a goal.
    """
    rows = [compared for of_one in measured for compared in of_one["comparisons"]]
    figure, axes = plt.subplots(figsize=(WIDTH, 1.1 + 0.36 * len(rows)))
    for row, compared in enumerate(rows):
        share = compared["share"]
        faster = 1 / share["median"]
        shade = OURS if faster >= 1 else THEIRS
        axes.barh(row, faster - 1, left=1, height=0.55, color=shade, alpha=0.45)
        axes.plot([1 / value for value in share["quartiles"]], [row, row], color=shade, linewidth=2)
        if compared["goal"] is not None:
            axes.plot(1 / compared["goal"], row, "|", color="black", markersize=16, markeredgewidth=2)
        axes.annotate(f"{faster:.2g} ×", (1.005, row), xycoords=("axes fraction", "data"), va="center")
    axes.axvline(1, color="0.4", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [compared["name"] for compared in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    lowest, highest = axes.get_xlim()
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100) if lowest <= t <= highest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("times as fast as torchvision; | the goal")
    figure.tight_layout()
    return figure


@styled
def map_over_time(run: Mapping[str, Any]) -> Figure:
    """MAP on the test images over minutes of training: both sides of ``benchmarks.full_run``'s JSON."""
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
def time_of_parts(parts: Mapping[str, float]) -> Figure:
    """Where the time of a step goes: milliseconds of its parts, one after the other."""
    figure, axes = plt.subplots(figsize=(WIDTH, 1.9))
    left = 0.0
    for number, (name, seconds) in enumerate(parts.items()):
        shade = COLOURS[number % len(COLOURS)]
        axes.barh(
            0, 1e3 * seconds, left=left, color=shade, height=0.5, label=f"{name} {1e3 * seconds:.3g} ms"
        )
        left += 1e3 * seconds
    axes.set(xlabel="milliseconds", yticks=(), ylim=(-0.4, 1.1))
    axes.spines["left"].set_visible(False)
    axes.legend(ncols=3, fontsize=10, loc="upper left", borderaxespad=0)
    figure.tight_layout()
    return figure
