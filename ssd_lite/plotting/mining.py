"""Hard negative mining on images: which default boxes are positive, and which negatives are picked."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from jaxtyping import Bool, Float
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.data.examples import Example
from ssd_lite.plotting.boxes import draw_truth, outline, show_image, to_axes
from ssd_lite.plotting.style import COLOURS, WIDTH, styled

POSITIVE, HARD, OTHER = COLOURS[0], COLOURS[1], "0.78"
"""Colours of positives, of picked negatives, and of all other negatives."""

PER_ROW = 42
"""Squares in a row of :func:`positives_and_negatives`."""


@styled
def positives_and_negatives(
    example: Example,
    defaults_xyxy: Float[Tensor, "d 4"],
    positive: Bool[Tensor, " d"],
    chosen: Bool[Tensor, " d"],
    classes: Sequence[str],
) -> Figure:
    """A scene with its positives and picked negatives, and beside it a square per default box."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.4))
    show_image(left, example.image)
    for mask, shade in ((chosen, HARD), (positive, POSITIVE)):
        for box in to_axes(defaults_xyxy[mask], example.image):
            outline(left, box, shade, width=1.4)
    draw_truth(left, example.truth, (example.image.shape[-2], example.image.shape[-1]), classes)
    positives, picked, total = int(positive.sum()), int(chosen.sum()), len(positive)
    shades = [POSITIVE] * positives + [HARD] * picked + [OTHER] * (total - positives - picked)
    right.scatter(
        [number % PER_ROW for number in range(total)],
        [number // PER_ROW for number in range(total)],
        s=11,
        c=shades,
        marker="s",
        linewidths=0,
    )
    right.set(xlim=(-1, PER_ROW), ylim=(-(-total // PER_ROW), -1))
    right.set_axis_off()
    names = (f"{positives} positives", f"{picked} picked", f"{total - positives - picked:,} others")
    _legend_above(figure, names)
    figure.tight_layout(pad=0.6, rect=(0, 0, 1, 0.9))
    return figure


@styled
def loss_shares(rows: Mapping[str, Sequence[float]]) -> Figure:
    """Bars that add up to 1: the shares of positives, of hard negatives, and of all other negatives."""
    figure, axes = plt.subplots(figsize=(WIDTH, 0.6 + 0.34 * len(rows)))
    for row, shares in enumerate(rows.values()):
        start = 0.0
        for share, shade in zip(shares, (POSITIVE, HARD, OTHER), strict=True):
            axes.barh(row, share, left=start, color=shade, height=0.72)
            if share >= 0.1:
                ink = "black" if shade == OTHER else "white"
                axes.text(start + share / 2, row, f"{share:.0%}", ha="center", va="center", color=ink)
            start += share
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _legend_above(figure, ["positives", "hard negatives", "other negatives"])
    figure.tight_layout(pad=0.6, rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))
    return figure


@styled
def sorted_losses(
    losses: Float[Tensor, " d"], positive: Bool[Tensor, " d"], chosen: Bool[Tensor, " d"]
) -> Figure:
    """A bar per default box: by index, and again with positives first and negatives by falling loss."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 2.8), sharey=True)
    by_loss = losses.masked_fill(positive, torch.inf).sort(descending=True, stable=True).indices
    for axes, order in zip(panels, (torch.arange(len(losses)), by_loss), strict=True):
        shades = [POSITIVE if positive[i] else HARD if chosen[i] else OTHER for i in order]
        axes.bar(range(len(losses)), losses[order].tolist(), color=shades)
        axes.set_xticks(range(len(losses)), order.tolist())
    count = int(positive.sum())
    for shift in (0, int(chosen.sum())):
        panels[1].axvline(count + shift - 0.5, color="0.3", linestyle=":", linewidth=1.5)
    panels[0].set(ylabel="confidence loss", xlabel="default box, by index")
    panels[1].set(xlabel="positives, then by loss")
    _legend_above(figure, ["positive", "picked", "not picked"])
    figure.tight_layout(rect=(0, 0, 1, 0.92))
    return figure


def _legend_above(figure: Figure, names: Sequence[str]) -> None:
    patches = [Rectangle((0, 0), 1, 1, color=shade) for shade in (POSITIVE, HARD, OTHER)]
    figure.legend(patches, names, loc="upper center", ncols=3, columnspacing=1.2)


@styled
def mined_boxes(
    examples: Sequence[Example],
    defaults_xyxy: Float[Tensor, "d 4"],
    chosen: Mapping[str, Bool[Tensor, "b d"]],
    *,
    shades: Sequence[str] = (HARD,),
) -> Figure:
    """A row per scene, with some of its default boxes in each column, and its objects in broken lines.

    ``chosen`` maps the title of a column to the default boxes of all scenes that it shows, such as the
    negatives picked at a step of training. The columns take their colours from ``shades`` in turn.
    """
    rows, columns = len(examples), len(chosen)
    size = (WIDTH, 0.3 + WIDTH / columns * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for column, (title, picked) in enumerate(chosen.items()):
        grid[0, column].set_title(title)
        for row, example in enumerate(examples):
            axes = grid[row, column]
            show_image(axes, example.image)
            for box in to_axes(defaults_xyxy[picked[row]], example.image):
                outline(axes, box, shades[column % len(shades)], width=1.6, alpha=0.8)
            for box in to_axes(example.truth.boxes_xyxy, example.image):
                outline(axes, box, "black", width=2.2, style="--")
    figure.tight_layout(pad=0.4)
    return figure


@styled
def look_alikes(
    examples: Sequence[Example],
    boxes_xyxy: Float[Tensor, "n 4"],
    texts: Sequence[str],
    *,
    columns: int = 2,
) -> Figure:
    """Images, each with one default box and, below it, what the detector took it for."""
    rows = -(-len(examples) // columns)
    size = (WIDTH, rows * (WIDTH / columns + 0.2))
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, example, box, text in zip(grid.flat, examples, boxes_xyxy, texts, strict=False):
        show_image(axes, example.image)
        outline(axes, to_axes(box[None], example.image)[0], HARD, width=3.0)
        axes.set_title(text, y=-0.12)
    figure.tight_layout(pad=0.6, h_pad=2.4)
    return figure
