"""Jaccard overlap: of two boxes, of an object with a map's default boxes, as a table."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float, Int64, Num
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.data.examples import Example
from ssd_lite.plotting.boxes import draw_truth, outline, show_image, to_axes
from ssd_lite.plotting.style import COLOURS, SMALL, WIDTH, colour, styled


@styled
def intersection_and_union(a_xyxy: Num[Tensor, " 4"], b_xyxy: Num[Tensor, " 4"]) -> Figure:
    """Two boxes, once with their intersection filled and once with their union filled."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.1))
    a, b = a_xyxy.tolist(), b_xyxy.tolist()
    corners = list(zip(a, b, strict=True))
    shared = [*(max(pair) for pair in corners[:2]), *(min(pair) for pair in corners[2:])]
    for axes, filled, title in zip(panels, ([shared], [a, b]), ("intersection", "union"), strict=True):
        for box in filled:
            outline(axes, box, "none", fill="#E6E0C8", width=0)
        for box, shade, line in ((a, COLOURS[0], "--"), (b, COLOURS[1], "-")):
            outline(axes, box, shade, style=line, width=2.5)
        axes.text(a[0], a[1] - 0.15, "a", color=COLOURS[0], fontsize=15, va="bottom")
        axes.text(b[2], b[3] + 0.15, "b", color=COLOURS[1], fontsize=15, va="top", ha="right")
        _grid_around(axes, a, b)
        axes.set(aspect="equal", title=title)
    figure.tight_layout()
    return figure


def _grid_around(axes: Axes, a: Sequence[float], b: Sequence[float]) -> None:
    """Limits around two boxes, with a line at each whole number."""
    x0, x1 = min(a[0], b[0]), max(a[2], b[2])
    y0, y1 = min(a[1], b[1]), max(a[3], b[3])
    axes.set(xlim=(x0 - 0.4, x1 + 0.4), ylim=(y1 + 0.9, y0 - 0.9))
    axes.set_xticks(range(int(x0), int(x1) + 1))
    axes.set_yticks(range(int(y0), int(y1) + 1))
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


@styled
def overlap_examples(
    box_xyxy: Float[Tensor, " 4"], rows: Mapping[str, Float[Tensor, "n 4"]], overlaps: Sequence[float]
) -> Figure:
    """One box with others that overlap it by the amounts in the titles; a row for each way to differ."""
    size = (WIDTH, 1.2 * len(rows) + 0.3)
    figure, grid = plt.subplots(len(rows), len(overlaps), figsize=size, squeeze=False)
    for axes, overlap in zip(grid[0], overlaps, strict=True):
        axes.set_title(f"{overlap:g}", fontsize=15)
    for line, (name, others) in zip(grid, rows.items(), strict=True):
        for axes, other in zip(line, others.tolist(), strict=True):
            outline(axes, other, "none", fill=COLOURS[1], alpha=0.25, width=0)
            outline(axes, other, COLOURS[1])
            outline(axes, box_xyxy.tolist(), COLOURS[0], style="--")
            axes.set(xlim=(-0.05, 1.9), ylim=(1.3, -0.05), aspect="equal")
            axes.set_axis_off()
        line[0].text(0, 1.28, name)
    figure.tight_layout(pad=0.4)
    return figure


@styled
def overlap_map(
    example: Example,
    boxes_xyxy: Float[Tensor, "n 4"],
    best: Float[Tensor, "rows columns"],
    classes: Sequence[str],
) -> Figure:
    """An object with the default boxes of a map that overlap it enough, and the best overlap of each cell.

    ``boxes_xyxy`` are those default boxes; cells of ``best`` above 0.5 are framed.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.7))
    show_image(left, example.image, fade=0.35)
    draw_truth(left, example.truth, (example.image.shape[-2], example.image.shape[-1]), classes)
    for box in to_axes(boxes_xyxy, example.image):
        outline(left, box, COLOURS[6], width=1.6)
    left.set_title(f"{len(boxes_xyxy)} default boxes above 0.5")
    right.imshow(best.numpy(), cmap="Blues", vmin=0, vmax=1)
    for row, values in enumerate(best.tolist()):
        for column, value in enumerate(values):
            if value >= 0.1:  # a smaller one is nearly white
                shade = "white" if value > 0.5 else "black"
                text = f"{value:.1f}".removeprefix("0")
                right.text(column, row, text, ha="center", va="center", color=shade, fontsize=SMALL)
            if value > 0.5:
                outline(right, (column - 0.5, row - 0.5, column + 0.5, row + 0.5), COLOURS[0])
    right.set(xticks=[], yticks=[], title="best overlap in each cell")
    right.spines[["left", "bottom"]].set_visible(False)
    figure.tight_layout()
    return figure


@styled
def overlap_table(
    overlaps: Float[Tensor, "t d"],
    own: Int64[Tensor, " d"],
    matches: Int64[Tensor, " d"],
    names: Sequence[str],
) -> Figure:
    """A table of overlaps: a frame marks a match of the first step, a tint a match of both steps.

    ``own`` and ``matches`` hold the object of each default box after the first step and after both.
    """
    objects, count = overlaps.shape
    figure, axes = plt.subplots(figsize=(WIDTH, 0.8 + 0.62 * objects))
    for j in range(objects):
        for i in range(count):
            cell = (i, j, i + 1, j + 1)
            if matches[i] == j:
                outline(axes, cell, "none", fill=colour(j + 1), alpha=0.3, width=0)
            outline(axes, cell, "0.75", width=0.8)
            axes.text(i + 0.5, j + 0.5, f"{overlaps[j, i]:.2f}", ha="center", va="center", fontsize=13)
    for i, j in enumerate(own.tolist()):
        if j >= 0:
            outline(axes, (i + 0.05, j + 0.07, i + 0.95, j + 0.93), colour(j + 1), width=3)
    axes.set(xlim=(-0.03, count + 0.03), ylim=(objects + 0.05, -0.05))
    axes.set_xticks([i + 0.5 for i in range(count)], [f"box {i}" for i in range(count)])
    axes.set_yticks([j + 0.5 for j in range(objects)], list(names))
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.tight_layout()
    return figure
