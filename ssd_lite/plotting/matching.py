"""Which default boxes are matched to which object, and what the choice of rule and threshold changes."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.data.examples import Example
from ssd_lite.plotting.boxes import draw_truth, outline, show_image, to_axes
from ssd_lite.plotting.style import COLOURS, WIDTH, colour, styled
from ssd_lite.scales import DefaultBoxes

IGNORED = -2
"""In ``assignments``: this default box takes no part in training."""

FAINT, GRID = "0.45", "0.75"


def _show_scene(axes: Axes, example: Example, classes: Sequence[str], *, fade: float = 0.0) -> None:
    show_image(axes, example.image, fade=fade)
    draw_truth(axes, example.truth, (example.image.shape[-2], example.image.shape[-1]), classes)


@styled
def unassigned(example: Example, defaults_xyxy: Float[Tensor, "d 4"], classes: Sequence[str]) -> Figure:
    """The objects of an image, and beside them some default boxes that nothing is assigned to yet."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.8))
    _show_scene(left, example, classes)
    left.set_title(f"{len(example.truth)} objects")
    show_image(right, example.image, fade=0.6)
    for box in to_axes(defaults_xyxy, example.image):
        outline(right, box, FAINT, width=1.0)
    right.set_title(f"{len(defaults_xyxy)} of the default boxes")
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
    """One image under several matching rules: a panel holds boxes and the index of each box's object.

    A box has the colour of its object's class; ``IGNORED`` boxes are dotted grey; unmatched ones (-1) are
    not drawn.
    """
    rows = -(-len(panels) // columns)
    size = (WIDTH, rows * (WIDTH / columns + 0.3))
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (title, (boxes_xyxy, owners)) in zip(grid.flat, panels.items(), strict=False):
        _show_scene(axes, example, classes, fade=0.35)
        for box, owner in zip(to_axes(boxes_xyxy, example.image), owners.tolist(), strict=True):
            if owner == IGNORED:
                outline(axes, box, FAINT, width=1.1, style=":")
            elif owner >= 0:
                outline(axes, box, colour(int(example.truth.labels[owner])), width=2.4)
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
    """The paper's Figure 1: an image, and each map's cells with the default boxes of some of them.

    ``cells`` lists for each map the (row, column) of the cells whose default boxes are drawn; matched boxes
    have the colour of the object's class.
    """
    figure, panels = plt.subplots(1, 1 + len(layout.grids), figsize=(WIDTH, 2.75))
    _show_scene(panels[0], example, classes)
    panels[0].set_title("the objects")
    boxes = to_axes(cxcywh_to_xyxy(layout.cxcywh()), example.image)
    height, width = example.image.shape[-2:]
    first = 0
    for k, (axes, (rows, columns)) in enumerate(zip(panels[1:], layout.grids, strict=True)):
        _draw_grid(axes, rows, columns, height, width)
        shapes = layout.per_location[k]
        starts = [first + (row * columns + column) * shapes for row, column in cells[k]]
        indices = [index for start in starts for index in range(start, start + shapes)]
        for index in sorted(indices, key=lambda i: int(matches[i]) >= 0):  # matched boxes on top
            if matches[index] >= 0:
                outline(axes, boxes[index], colour(int(example.truth.labels[matches[index]])), width=2.6)
            else:
                outline(axes, boxes[index], FAINT, width=1.0, style="--")
        first += rows * columns * shapes
        axes.set_axis_off()
        axes.set_title(f"{rows} × {columns} map")
    margin = 0.06 * width
    for axes in panels:
        axes.set(xlim=(-margin, width + margin), ylim=(height + margin, -margin), aspect="equal")
    figure.tight_layout(pad=0.4)
    return figure


def _draw_grid(axes: Axes, rows: int, columns: int, height: int, width: int) -> None:
    """The cells of a map over an image of that size."""
    for row in range(rows + 1):
        y = row * height / rows - 0.5
        axes.plot([-0.5, width - 0.5], [y, y], color=GRID, linewidth=0.8)
    for column in range(columns + 1):
        x = column * width / columns - 0.5
        axes.plot([x, x], [-0.5, height - 0.5], color=GRID, linewidth=0.8)


@styled
def lost_objects(counts: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Figure:
    """The fraction of images in which some object gets no default box, by the number of objects."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    for number, (name, values) in enumerate(shares.items()):
        line = "o-" if number == 0 else "s--"
        axes.plot(counts, values, line, color=COLOURS[number], label=name, linewidth=2, clip_on=False)
    axes.set(xlabel="objects in the image", ylabel="images with a lost object", ylim=(0, 1))
    axes.set_xticks(list(counts))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1))  # above: no line passes there
    figure.tight_layout()
    return figure


@styled
def threshold_tradeoff(
    thresholds: Sequence[float],
    positives: Mapping[str, Sequence[float]],
    overlaps: Mapping[str, Sequence[float]],
) -> Figure:
    """Default boxes per object and their mean overlap, over the threshold; a line per group of objects."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.3), sharex=True)
    for axes, values in ((left, positives), (right, overlaps)):
        for number, (name, line) in enumerate(values.items()):
            marker = "os^"[number % 3]
            axes.plot(thresholds, line, f"{marker}-", color=COLOURS[number], label=name, linewidth=2)
        axes.axvline(0.5, color="0.6", linestyle=":", linewidth=1)
        axes.set_xlabel("threshold")
    left.set(title="default boxes per object", ylim=(0, None))
    right.set(title="their mean overlap", ylim=(0, 1))
    left.legend()
    figure.tight_layout()
    return figure


@styled
def scores_by_overlap(panels: Mapping[str, tuple[Float[Tensor, " n"], Float[Tensor, " n"]]]) -> Figure:
    """Scores of default boxes over their overlap with the object; a panel per network.

    A panel holds overlaps and scores. A black line is the mean score in a tenth of the range.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 3.4), sharey=True, squeeze=False)
    for number, (axes, (title, (overlaps, scores))) in enumerate(zip(grid[0], panels.items(), strict=True)):
        axes.plot(overlaps.numpy(), scores.numpy(), ".", color=COLOURS[number], markersize=3.5, alpha=0.5)
        for low, high in pairwise(k / 10 for k in range(11)):
            inside = scores[(overlaps > low) & (overlaps <= high)]
            if len(inside):
                axes.plot([low, high], [inside.mean()] * 2, color="black", linewidth=3, solid_capstyle="butt")
        axes.set(title=title, xlabel="overlap with the object", xlim=(0, 1), ylim=(-0.03, 1.03))
    grid[0][0].set_ylabel("score of its class")
    mean = Line2D([], [], color="black", linewidth=3, label="mean")
    grid[0][-1].legend(handles=[mean], loc="upper left")
    figure.tight_layout()
    return figure
