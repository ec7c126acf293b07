"""Hard negative mining in numbers: the imbalance, its course during training, and what it is worth."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssd_lite.plotting.curves import final_map
from ssd_lite.plotting.mining import HARD, OTHER
from ssd_lite.plotting.style import COLOURS, WIDTH, series_colour, styled


@styled
def imbalance(
    ratios: Mapping[str, Sequence[float]], layouts: Mapping[str, Sequence[tuple[int, float]]]
) -> Figure:
    """Negatives per positive in each scene, and the percentage of positives by number of default boxes.

    ``ratios`` holds one number per scene for each layout's name; ``layouts`` holds, for each way to add
    default boxes, pairs of their number and the percentage of positives.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.3))
    edges = torch.logspace(1, 4, 31).tolist()
    for shade, (name, values) in zip(COLOURS[1::-1], ratios.items(), strict=False):
        left.hist(list(values), bins=edges, color=shade, alpha=0.55, label=name)
    left.axvline(3, color=COLOURS[2], linewidth=2.5)
    left.text(3.4, 0.97, "3:1", color=COLOURS[2], transform=left.get_xaxis_transform(), va="top")
    left.set(xscale="log", xlim=(2, 12_000), xlabel="negatives per positive", ylabel="number of scenes")
    for shade, mark, (name, pairs) in zip(COLOURS[2:], "osD", layouts.items(), strict=False):
        counts, percentages = zip(*pairs, strict=True)
        right.plot(counts, percentages, mark + "-", color=shade, linewidth=2, label=name)
    right.set(xscale="log", yscale="log", xlabel="default boxes", ylabel="positives in %")
    right.yaxis.set_major_formatter("{x:g}")
    for axes in (left, right):
        _legend_above(axes)
    figure.tight_layout()
    return figure


@styled
def mining_progress(
    steps: Sequence[int], overlap: Mapping[str, Sequence[float]], agreement: Sequence[float]
) -> Figure:
    """Mean best overlap of negatives over the steps, and how many of a step's picks were picked before.

    ``agreement`` has a value for each of the steps but the first.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.6))
    for (name, values), shade in zip(overlap.items(), (HARD, "0.45"), strict=False):
        left.plot(steps, values, "o-" if shade == HARD else "--", color=shade, linewidth=2.5)
        above = {"xytext": (0, 7), "textcoords": "offset points", "ha": "right"}
        left.annotate(name, (steps[-1], max(values)), color=shade, **above)
    top = 1.25 * max(max(values) for values in overlap.values())
    left.set(xlabel="step", ylabel="mean best overlap", ylim=(0, top))
    right.plot(steps[1:], agreement, "o-", color=COLOURS[2], linewidth=2.5)
    right.set(xlabel="step", ylabel="share picked before", ylim=(0, 1), xlim=left.get_xlim())
    figure.tight_layout()
    return figure


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0, handlelength=1.4)


@styled
def mining_speed(study: Mapping[str, Any], panels: Mapping[str, Mapping[str, str]]) -> Figure:
    """The mAP of an ablation study over its steps: a thin line per seed and a thick one for their mean.

    ``panels`` maps a title to the variants drawn under it, each with its name in the legend. A run counts 0
    after it diverged.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 3.1), sharey=True, squeeze=False)
    steps = sorted({step for runs in study["runs"].values() for run in runs for step, _ in run["map"]})
    for axes, (title, variants) in zip(grid[0], panels.items(), strict=True):
        for number, (variant, name) in enumerate(variants.items()):
            curves = [[dict(run["map"]).get(s, 0.0) for s in steps] for run in study["runs"][variant]]
            shade = series_colour(number)
            for curve in curves:
                axes.plot(steps, curve, color=shade, linewidth=0.9, alpha=0.6)
            middle = [mean(values) for values in zip(*curves, strict=True)]
            axes.plot(steps, middle, color=shade, linewidth=3.0, label=name)
        axes.set(xlabel="step", title=title)
        axes.legend(loc="upper left", handlelength=1.2)
    grid[0, 0].set_ylabel("mAP at an overlap of 0.5")
    figure.tight_layout()
    return figure


@styled
def mining_rates(study: Mapping[str, Any], variants: Mapping[str, Mapping[float, str]]) -> Figure:
    """The final mAP of an ablation study over the learning rate: a dot per seed and a line through the means.

    ``variants`` maps a name in the legend to the study's variants by their learning rate.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.1))
    values = final_map(study)
    rates = sorted({rate for by_rate in variants.values() for rate in by_rate})
    for number, (name, by_rate) in enumerate(variants.items()):
        shade, aside = series_colour(number), 1.05 ** (number - (len(variants) - 1) / 2)
        for rate, variant in by_rate.items():
            dots = values[variant]
            axes.plot([rate * aside] * len(dots), dots, "o", color=shade, markersize=4, alpha=0.6)
        means = [mean(values[variant]) for variant in by_rate.values()]
        places = [rate * aside for rate in by_rate]
        axes.plot(places, means, color=shade, linewidth=2.5, label=name)
    axes.set(xscale="log", ylim=(0, None), xlabel="learning rate", ylabel="mAP at an overlap of 0.5")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(0.0, 0.55), handlelength=1.2)
    figure.tight_layout()
    return figure


@styled
def focal_and_mining(
    losses: Sequence[float], cut: float, at: Sequence[float], weights: Mapping[str, Sequence[float]]
) -> Figure:
    """The weight of a negative by its loss, under mining and under focal losses, over a histogram of losses.

    Mining is a step at ``cut``; ``weights`` holds a named curve over the losses ``at``.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.1))
    counts = axes.twinx()
    bins = torch.logspace(-4, 1, 41).tolist()
    counts.hist([min(max(value, 1e-4), 9.99) for value in losses], bins=bins, color=OTHER)
    counts.set_ylabel("negatives", color="0.4")
    counts.spines["right"].set_visible(True)
    axes.set_zorder(counts.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.plot([1e-4, cut, cut, 10], [0, 0, 1, 1], color=HARD, linewidth=2.5, label="mining")
    for shade, (name, values) in zip((COLOURS[0], COLOURS[2]), weights.items(), strict=False):
        axes.plot(list(at), list(values), color=shade, linewidth=2.5, label=name)
    axes.set(xscale="log", xlim=(1e-4, 10), xlabel="confidence loss of a negative", ylabel="weight")
    axes.legend(loc="upper left")
    figure.tight_layout()
    return figure
