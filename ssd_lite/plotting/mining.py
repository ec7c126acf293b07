"""Figures of hard negative mining: what is picked, and what it is worth."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.data.examples import Example
from ssd_lite.plotting.common import COLOURS, WIDTH, draw_truth, show_image, styled

POSITIVE, HARD, OTHER = COLOURS[0], COLOURS[1], "0.78"
"""Positives, picked negatives, and the negatives that do not count, in every figure here."""

PER_ROW = 48
"""Squares in a row of :func:`positives_among`."""


@styled
def positives_among(
    example: Example,
    defaults_xyxy: Float[Tensor, "d 4"],
    positive: Bool[Tensor, " d"],
    chosen: Bool[Tensor, " d"],
    classes: Sequence[str],
) -> Figure:
    """A scene with its positives, and beside it a small square for every default box.

    The squares of the same kind stand together: positives first, then the ``chosen`` negatives.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.5), width_ratios=(1, 1.05))
    show_image(left, example.image)
    _outline(left, example, defaults_xyxy[positive], POSITIVE)
    size = (example.image.shape[-2], example.image.shape[-1])
    draw_truth(left, example.truth, size, classes)
    positives, picked = int(positive.sum()), int(chosen.sum())
    shades = [POSITIVE] * positives + [HARD] * picked
    shades += [OTHER] * (len(positive) - len(shades))
    side = -(-len(shades) // PER_ROW)
    across = [number % PER_ROW for number in range(len(shades))]
    down = [number // PER_ROW for number in range(len(shades))]
    right.scatter(across, down, s=14, c=shades, marker="s", linewidths=0)
    right.set(xlim=(-1, PER_ROW), ylim=(side, -1))
    right.set_axis_off()
    counts = (
        (POSITIVE, positives, "positive"),
        (HARD, picked, "at 3:1"),
        ("0.5", len(shades), "default boxes"),
    )
    for place, (shade, count, word) in zip((0.0, 0.31, 0.58), counts, strict=True):
        right.text(
            place, -0.03, f"{count} {word}", color=shade, transform=right.transAxes, va="top", fontsize=10.5
        )
    figure.tight_layout(pad=0.6)
    return figure


@styled
def imbalance(
    ratios: Mapping[str, Sequence[float]], layouts: Mapping[str, Sequence[tuple[int, float]]]
) -> Figure:
    """How many negatives a scene has to each positive, and the share of positives by number of boxes.

    ``ratios`` holds for each layout's name one number a scene; ``layouts`` for each way of adding
    boxes pairs of their number and the share of positives, in per cent.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.3))
    edges = torch.logspace(1, 4, 31).tolist()
    for shade, (name, values) in zip(COLOURS[1::-1], ratios.items(), strict=False):
        left.hist(list(values), bins=edges, color=shade, alpha=0.55, label=name)
    left.axvline(3, color=COLOURS[2], linewidth=2.5)
    left.text(3.4, 0.97, "3:1", color=COLOURS[2], transform=left.get_xaxis_transform(), va="top")
    left.set(xscale="log", xlim=(2, 12_000), xlabel="negatives to a positive", ylabel="scenes")
    left.legend(fontsize=9.5, loc="upper left", bbox_to_anchor=(0.0, 1.2), borderaxespad=0)
    for shade, mark, (name, pairs) in zip(COLOURS[2:], "osD", layouts.items(), strict=False):
        counts, shares = zip(*pairs, strict=True)
        right.plot(counts, shares, mark + "-", color=shade, linewidth=2, label=name)
    right.set(xscale="log", yscale="log", xlabel="default boxes", ylabel="positive, per cent")
    right.legend(fontsize=9.5, loc="upper left", bbox_to_anchor=(0.0, 1.2), borderaxespad=0)
    figure.tight_layout()
    return figure


@styled
def loss_shares(rows: Mapping[str, Sequence[float]]) -> Figure:
    """Bars that add up to 1: the share of positives, of picked negatives, of all other negatives."""
    figure, axes = plt.subplots(figsize=(WIDTH, 1.1 + 0.42 * len(rows)))
    for row, shares in enumerate(rows.values()):
        start = 0.0
        for share, shade in zip(shares, (POSITIVE, HARD, OTHER), strict=True):
            axes.barh(row, share, left=start, color=shade, height=0.72)
            if share >= 0.08:
                ink = "black" if shade == OTHER else "white"
                axes.text(start + share / 2, row, f"{share:.0%}", ha="center", va="center", color=ink)
            start += share
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    patches = [Rectangle((0, 0), 1, 1, color=shade) for shade in (POSITIVE, HARD, OTHER)]
    names = ["positives", "hard negatives", "other negatives"]
    figure.legend(patches, names, loc="upper center", ncols=3, fontsize=10.5)
    figure.tight_layout(rect=(0, 0, 1, 0.94))
    return figure


@styled
def sorted_losses(
    losses: Float[Tensor, " d"], positive: Bool[Tensor, " d"], chosen: Bool[Tensor, " d"]
) -> Figure:
    """A bar for each default box: by index, and then positives first, negatives by falling loss."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 2.9), sharey=True)
    by_loss = losses.masked_fill(positive, torch.inf).sort(descending=True, stable=True).indices
    for axes, order in zip(panels, (torch.arange(len(losses)), by_loss), strict=True):
        shades = [POSITIVE if positive[i] else HARD if chosen[i] else OTHER for i in order]
        axes.bar(range(len(losses)), losses[order].tolist(), color=shades)
        axes.set_xticks(range(len(losses)), order.tolist())
    count = int(positive.sum())
    for shift in (0, int(chosen.sum())):
        panels[1].axvline(count + shift - 0.5, color="0.3", linestyle=":", linewidth=1.5)
    panels[0].set(ylabel="confidence loss", xlabel="default box, by index")
    panels[1].set(xlabel="positives, then sorted")
    patches = [Rectangle((0, 0), 1, 1, color=shade) for shade in (POSITIVE, HARD, OTHER)]
    figure.legend(patches, ["positive", "picked", "not picked"], loc="upper center", ncols=3)
    figure.tight_layout(rect=(0, 0, 1, 0.92))
    return figure


@styled
def mined_boxes(
    examples: Sequence[Example],
    defaults_xyxy: Float[Tensor, "d 4"],
    chosen: Mapping[str, Bool[Tensor, "b d"]],
) -> Figure:
    """Scenes from left to right as training goes on, with the negatives that were picked in each.

    ``chosen`` maps the title of a column to the picked negatives of all scenes.
    """
    rows, columns = len(examples), len(chosen)
    size = (WIDTH, 0.3 + WIDTH / columns * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for column, (title, picked) in enumerate(chosen.items()):
        grid[0, column].set_title(title)
        for row, example in enumerate(examples):
            axes = grid[row, column]
            show_image(axes, example.image)
            height, width = example.image.shape[-2:]
            axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
            _outline(axes, example, defaults_xyxy[picked[row]], HARD, alpha=0.8)
            _outline(axes, example, example.truth.boxes_xyxy, "black", width=2.2, style="--")
    figure.tight_layout(pad=0.4)
    return figure


@styled
def mining_progress(
    steps: Sequence[int],
    overlap: Mapping[str, Sequence[float]],
    agreement: Sequence[float],
) -> Figure:
    """Mean best overlap of negatives over the steps, and how far two snapshots' picks agree."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.2))
    for (name, values), shade in zip(overlap.items(), (HARD, "0.45"), strict=False):
        left.plot(steps, values, "o-" if shade == HARD else "--", color=shade, linewidth=2.5, label=name)
    left.set(xlabel="step", ylabel="mean best overlap", ylim=(0, None))
    left.legend(fontsize=9.5, loc="upper left", bbox_to_anchor=(0.0, 1.22), borderaxespad=0)
    right.plot(steps[1:], agreement, "o-", color=COLOURS[2], linewidth=2.5)
    right.set(xlabel="step", ylabel="picked before too", ylim=(0, 1), xlim=left.get_xlim())
    figure.tight_layout()
    return figure


@styled
def look_alikes(
    examples: Sequence[Example],
    boxes_xyxy: Float[Tensor, "n 4"],
    texts: Sequence[str],
    *,
    columns: int = 3,
) -> Figure:
    """Images, each with one default box and, under it, what the detector took it for."""
    rows = -(-len(examples) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(WIDTH, 2.65 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, example, box, text in zip(grid.flat, examples, boxes_xyxy, texts, strict=False):
        show_image(axes, example.image)
        height, width = example.image.shape[-2:]
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        _outline(axes, example, box[None], HARD, width=3.0)
        axes.set_title(text, y=-0.13, fontsize=10.5)
    figure.tight_layout(pad=0.6, h_pad=2.2)
    return figure


@styled
def mining_speed(study: Mapping[str, Any], panels: Mapping[str, Mapping[str, str]]) -> Figure:
    """Curves of mAP over the steps of a study: a thin line for each seed, a thick one for their mean.

    ``panels`` maps a title to the variants drawn under it, each with its name in the legend. A run that
    diverged counts 0 from then on.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 3.6), sharey=True, squeeze=False)
    for axes, (title, variants) in zip(grid[0], panels.items(), strict=True):
        for shade, (variant, name) in zip(_LINES, variants.items(), strict=False):
            runs = study["runs"][variant]
            steps = sorted(
                {step for other in study["runs"].values() for run in other for step, _ in run["map"]}
            )
            values = [[dict(run["map"]).get(step, 0.0) for step in steps] for run in runs]
            for line in values:
                axes.plot(steps, line, color=shade, linewidth=0.9, alpha=0.6)
            axes.plot(
                steps, [mean(v) for v in zip(*values, strict=True)], color=shade, linewidth=3.0, label=name
            )
        axes.set(xlabel="step", title=title)
        axes.legend(fontsize=9.5, loc="upper left", handlelength=1.2)
    grid[0, 0].set_ylabel("mAP at an overlap of 0.5")
    figure.tight_layout()
    return figure


_LINES = ("#000000", COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3], COLOURS[4])


@styled
def focal_and_mining(
    losses: Sequence[float], cut: float, at: Sequence[float], weights: Mapping[str, Sequence[float]]
) -> Figure:
    """How much a negative counts by its loss, all or nothing or by weights that rise; and how many there are.

    ``weights`` holds named curves over the losses ``at``; mining is a step at ``cut``.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    crowd = axes.twinx()
    bins = torch.logspace(-4, 1, 41).tolist()
    crowd.hist([min(max(value, 1e-4), 9.99) for value in losses], bins=bins, color=OTHER)
    crowd.set_ylabel("negatives", color="0.4")
    crowd.spines["right"].set_visible(True)
    axes.set_zorder(crowd.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.plot([1e-4, cut, cut, 10], [0, 0, 1, 1], color=HARD, linewidth=2.5, label="mining")
    for shade, (name, values) in zip((COLOURS[0], COLOURS[2]), weights.items(), strict=False):
        axes.plot(list(at), list(values), color=shade, linewidth=2.5, label=name)
    axes.set(xscale="log", xlim=(1e-4, 10), xlabel="confidence loss of a negative", ylabel="weight")
    axes.legend(fontsize=10.5, loc="upper left")
    figure.tight_layout()
    return figure


def _outline(
    axes: Axes,
    example: Example,
    boxes_xyxy: Float[Tensor, "n 4"],
    shade: str,
    *,
    width: float = 1.6,
    style: str = "-",
    alpha: float = 1.0,
) -> None:
    """Boxes, relative to the image, as outlines in one colour."""
    across, down = example.image.shape[-1], example.image.shape[-2]
    for x0, y0, x1, y1 in (boxes_xyxy * boxes_xyxy.new_tensor([across, down, across, down])).tolist():
        box = Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, linewidth=width)
        box.set(edgecolor=shade, linestyle=style, alpha=alpha)
        axes.add_patch(box)
