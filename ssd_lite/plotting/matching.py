"""Matching: overlaps, and which default boxes answer for which object."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
from jaxtyping import Float, Int64, Num
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.data.examples import Example
from ssd_lite.plotting.common import COLOURS, WIDTH, colour, draw_truth, show_image, styled
from ssd_lite.scales import DefaultBoxes

IGNORED = -2
"""Among owners of boxes: this one takes no part in training."""

SMALL_TYPE = 9
FAINT, GRID = "0.45", "0.75"


def _rectangle(axes: Axes, box: Sequence[float | int], **style: object) -> Rectangle:
    """A box (xyxy, in the units of the axes) put on them, without a filling unless ``style`` has one."""
    x0, y0, x1, y1 = box
    options: dict[str, object] = {"fill": False, "linewidth": 2.0} | style
    patch = Rectangle((x0, y0), x1 - x0, y1 - y0, **options)  # type: ignore[arg-type]
    axes.add_patch(patch)
    return patch


def _scene(axes: Axes, example: Example, classes: Sequence[str], *, fade: float = 0.0) -> Tensor:
    """An image with its objects, paled by ``fade``; what relative corners are multiplied by."""
    height, width = example.image.shape[-2:]
    show_image(axes, example.image)
    if fade:
        _rectangle(axes, (-1, -1, width, height), fill=True, color="white", alpha=fade, linewidth=0)
    draw_truth(axes, example.truth, (height, width), classes)
    for text in axes.texts:
        text.set_fontsize(SMALL_TYPE)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    return example.truth.boxes_xyxy.new_tensor([width, height, width, height])


@styled
def unassigned(example: Example, defaults_xyxy: Float[Tensor, "d 4"], classes: Sequence[str]) -> Figure:
    """The question: on the left the objects of an image, on the right some of the network's outputs."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.7))
    _scene(left, example, classes)
    left.set_title(f"{len(example.truth)} objects")
    height, width = example.image.shape[-2:]
    show_image(right, example.image)
    _rectangle(right, (-1, -1, width, height), fill=True, color="white", alpha=0.6, linewidth=0)
    for box in (defaults_xyxy * example.truth.boxes_xyxy.new_tensor([width, height] * 2)).tolist():
        _rectangle(right, box, edgecolor=FAINT, linewidth=1.0)
    right.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    right.set_title(f"{len(defaults_xyxy)} of the default boxes")
    figure.tight_layout()
    return figure


@styled
def intersection_and_union(a_xyxy: Num[Tensor, " 4"], b_xyxy: Num[Tensor, " 4"]) -> Figure:
    """Two boxes twice: their intersection filled, their union filled."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.0))
    a, b = a_xyxy.tolist(), b_xyxy.tolist()
    shared = [*(max(p, q) for p, q in zip(a[:2], b[:2], strict=True))]
    shared += [*(min(p, q) for p, q in zip(a[2:], b[2:], strict=True))]
    for axes, filled, title in zip(panels, ([shared], [a, b]), ("intersection", "union"), strict=True):
        for box in filled:
            _rectangle(axes, box, fill=True, color="#E6E0C8", linewidth=0)
        for box, shade, line in ((a, COLOURS[0], "--"), (b, COLOURS[1], "-")):
            _rectangle(axes, box, edgecolor=shade, linestyle=line, linewidth=2.5)
        axes.text(a[0], a[1] - 0.15, "a", color=COLOURS[0], fontsize=14, va="bottom")
        axes.text(b[2], b[3] + 0.15, "b", color=COLOURS[1], fontsize=14, va="top", ha="right")
        across, down = sorted([*a[::2], *b[::2]]), sorted([*a[1::2], *b[1::2]])
        axes.set(xlim=(across[0] - 0.4, across[-1] + 0.4), ylim=(down[-1] + 0.9, down[0] - 0.9))
        axes.set(aspect="equal", title=title)
        axes.set_xticks(range(int(across[0]), int(across[-1]) + 1))
        axes.set_yticks(range(int(down[0]), int(down[-1]) + 1))
        axes.grid(color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
    figure.tight_layout()
    return figure


@styled
def overlaps_to_the_eye(
    box_xyxy: Float[Tensor, " 4"], rows: Mapping[str, Float[Tensor, "n 4"]], overlaps: Sequence[float]
) -> Figure:
    """One box beside others that overlap it by as much as the titles say; a row for each way to differ."""
    figure, grid = plt.subplots(
        len(rows), len(overlaps), figsize=(WIDTH, 1.15 * len(rows) + 0.3), squeeze=False
    )
    for axes, overlap in zip(grid[0], overlaps, strict=True):
        axes.set_title(f"{overlap:g}", fontsize=14)
    for line, (name, others) in zip(grid, rows.items(), strict=True):
        for axes, other in zip(line, others.tolist(), strict=True):
            _rectangle(axes, other, facecolor=COLOURS[1], fill=True, alpha=0.25, linewidth=0)
            _rectangle(axes, other, edgecolor=COLOURS[1])
            _rectangle(axes, box_xyxy.tolist(), edgecolor=COLOURS[0], linestyle="--")
            axes.set(xlim=(-0.05, 1.9), ylim=(1.3, -0.05), aspect="equal")
            axes.set_axis_off()
        line[0].text(0, 1.28, name, fontsize=11)
    figure.tight_layout(pad=0.4)
    return figure


@styled
def overlap_map(
    example: Example,
    boxes_xyxy: Float[Tensor, "n 4"],
    best: Float[Tensor, "rows columns"],
    classes: Sequence[str],
) -> Figure:
    """An object with the default boxes of a map that overlap it enough, and the best overlap of each cell."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    scale = _scene(left, example, classes, fade=0.35)
    for box in (boxes_xyxy * scale).tolist():
        _rectangle(left, box, edgecolor=COLOURS[6], linewidth=1.6)
    left.set_title(f"{len(boxes_xyxy)} default boxes above 0.5")
    rows, columns = best.shape
    right.imshow(best.numpy(), cmap="Blues", vmin=0, vmax=1)
    for row in range(rows):
        for column in range(columns):
            value = best[row, column].item()
            if value >= 0.1:  # the others are as good as white
                shade = "white" if value > 0.5 else "black"
                text = f"{value:.1f}".removeprefix("0")
                right.text(column, row, text, ha="center", va="center", color=shade, fontsize=SMALL_TYPE)
            if value > 0.5:
                _rectangle(right, (column - 0.5, row - 0.5, column + 0.5, row + 0.5), edgecolor=COLOURS[0])
    right.set_xticks([])
    right.set_yticks([])
    right.spines[["left", "bottom"]].set_visible(False)
    right.set_title("best overlap in each cell")
    figure.tight_layout()
    return figure


@styled
def overlap_table(
    overlaps: Float[Tensor, "t d"],
    own: Int64[Tensor, " d"],
    matches: Int64[Tensor, " d"],
    names: Sequence[str],
) -> Figure:
    """A table of overlaps: what the first step gives has a frame, what both steps give has a colour.

    ``own`` and ``matches`` hold the object of each default box after the first step and after both.
    """
    objects, count = overlaps.shape
    figure, axes = plt.subplots(figsize=(WIDTH, 0.8 + 0.62 * objects))
    for j in range(objects):
        for i in range(count):
            cell = (i, j, i + 1, j + 1)
            if matches[i] == j:
                _rectangle(axes, cell, fill=True, color=colour(j + 1), alpha=0.3, linewidth=0)
            _rectangle(axes, cell, edgecolor=GRID, linewidth=0.8)
            axes.text(i + 0.5, j + 0.5, f"{overlaps[j, i]:.2f}", ha="center", va="center", fontsize=13)
    for i, j in enumerate(own.tolist()):
        if j >= 0:
            _rectangle(axes, (i + 0.05, j + 0.07, i + 0.95, j + 0.93), edgecolor=colour(j + 1), linewidth=3)
    axes.set(xlim=(-0.03, count + 0.03), ylim=(objects + 0.05, -0.05))
    axes.set_xticks([i + 0.5 for i in range(count)], [f"box {i}" for i in range(count)])
    axes.set_yticks([j + 0.5 for j in range(objects)], list(names))
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.tight_layout()
    return figure


@styled
def assignments(
    example: Example,
    panels: Mapping[str, tuple[Float[Tensor, "n 4"], Int64[Tensor, " n"]]],
    classes: Sequence[str],
    *,
    columns: int = 2,
) -> Figure:
    """The same image under several rules, each with its boxes and their owners.

    An owner is the index of an object, whose colour the box has; ``IGNORED`` boxes are dotted grey;
    negatives (-1) are left out.
    """
    rows = -(-len(panels) // columns)
    size = (WIDTH, rows * (WIDTH / columns + 0.3))
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (title, (boxes_xyxy, owners)) in zip(grid.flat, panels.items(), strict=False):
        scale = _scene(axes, example, classes, fade=0.35)
        for box, owner in zip((boxes_xyxy * scale).tolist(), owners.tolist(), strict=True):
            if owner == IGNORED:
                _rectangle(axes, box, edgecolor=FAINT, linewidth=1.1, linestyle=":")
            elif owner >= 0:
                shade = colour(int(example.truth.labels[owner]))
                _rectangle(axes, box, edgecolor=shade, linewidth=2.4)
        axes.set_title(title)
    figure.tight_layout(pad=0.5, h_pad=1.2)
    return figure


@styled
def two_maps(
    example: Example,
    layout: DefaultBoxes,
    matches: Int64[Tensor, " d"],
    classes: Sequence[str],
    *,
    cells: Sequence[Sequence[tuple[int, int]]],
) -> Figure:
    """Figure 1 of the paper: an image, and each map's cells with the default boxes of some of them.

    ``cells`` names for each map the (row, column) of cells whose default boxes are drawn, the matched
    ones in the colour of the object's class.
    """
    figure, panels = plt.subplots(1, 1 + len(layout.grids), figsize=(WIDTH, 2.65))
    scale = _scene(panels[0], example, classes)
    panels[0].set_title("the objects")
    margin = 0.06 * scale[0].item()
    boxes = (cxcywh_to_xyxy(layout.cxcywh()) * scale).tolist()
    height, width = example.image.shape[-2:]
    first = 0
    for k, (axes, (rows, columns)) in enumerate(zip(panels[1:], layout.grids, strict=True)):
        for row in range(rows + 1):
            axes.plot([0, width], [row * height / rows] * 2, color=GRID, linewidth=0.8)
        for column in range(columns + 1):
            axes.plot([column * width / columns] * 2, [0, height], color=GRID, linewidth=0.8)
        shapes = layout.per_location[k]
        strong = []
        for row, column in cells[k]:
            start = first + (row * columns + column) * shapes
            for index in range(start, start + shapes):
                if matches[index] >= 0:
                    strong.append(index)
                else:
                    _rectangle(axes, boxes[index], edgecolor=FAINT, linewidth=1.0, linestyle="--")
        for index in strong:
            shade = colour(int(example.truth.labels[matches[index]]))
            _rectangle(axes, boxes[index], edgecolor=shade, linewidth=2.6)
        first += rows * columns * shapes
        axes.set_axis_off()
        axes.set_title(f"{rows} × {columns} map")
    for axes in panels:
        axes.set(xlim=(-margin, width + margin), ylim=(height + margin, -margin), aspect="equal")
    figure.tight_layout(pad=0.4)
    return figure


@styled
def lost_objects(counts: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Figure:
    """How often an image leaves an object without a default box, by the number of its objects."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    for number, (name, values) in enumerate(shares.items()):
        line = "o-" if number == 0 else "s--"
        axes.plot(counts, values, line, color=COLOURS[number], label=name, linewidth=2, clip_on=False)
    axes.set(xlabel="objects in the image", ylabel="images with a lost object", ylim=(0, 1))
    axes.set_xticks(list(counts))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.legend(loc="upper left")
    figure.tight_layout()
    return figure


@styled
def threshold_trade(
    thresholds: Sequence[float],
    positives: Mapping[str, Sequence[float]],
    overlaps: Mapping[str, Sequence[float]],
) -> Figure:
    """Default boxes an object, and how well they overlap it, over the threshold, for groups of objects."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.2), sharex=True)
    for axes, values in ((left, positives), (right, overlaps)):
        for number, (name, line) in enumerate(values.items()):
            marker = "os^"[number % 3]
            axes.plot(thresholds, line, f"{marker}-", color=COLOURS[number], label=name, linewidth=2)
        axes.axvline(0.5, color="0.6", linestyle=":", linewidth=1)
        axes.set_xlabel("threshold")
    left.set(title="default boxes an object", ylim=(0, None))
    right.set(title="their mean overlap", ylim=(0, 1))
    left.legend()
    figure.tight_layout()
    return figure


@styled
def scores_by_overlap(panels: Mapping[str, tuple[Float[Tensor, " n"], Float[Tensor, " n"]]]) -> Figure:
    """Scores of default boxes over their overlap with the object they are scored for, a panel a network."""
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 3.3), sharey=True, squeeze=False)
    for number, (axes, (title, (overlaps, scores))) in enumerate(zip(grid[0], panels.items(), strict=True)):
        axes.plot(overlaps.numpy(), scores.numpy(), ".", color=COLOURS[number], markersize=3.5, alpha=0.5)
        edges = [0.1 * k for k in range(11)]
        for low, high in pairwise(edges):
            inside = scores[(overlaps > low) & (overlaps <= high)]
            if len(inside):
                axes.plot([low, high], [inside.mean()] * 2, color="black", linewidth=3, solid_capstyle="butt")
        axes.set(title=title, xlabel="overlap with the object", xlim=(0, 1), ylim=(-0.03, 1.03))
    grid[0][0].set_ylabel("score of its class")
    mean = Line2D([], [], color="black", linewidth=3, label="mean")
    grid[0][-1].legend(handles=[mean], loc="upper left")
    figure.tight_layout()
    return figure
