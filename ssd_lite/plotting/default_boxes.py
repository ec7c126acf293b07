"""Default boxes on an image: their sizes, shapes and centres, and the receptive fields behind them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.data.examples import Example
from ssd_lite.plotting.boxes import Image, label_box, outline, show_image, to_axes
from ssd_lite.plotting.style import COLOURS, WIDTH, colour, styled
from ssd_lite.scales import DefaultBoxes

ORANGE, BLUE, PINK, BLACK = COLOURS[0], COLOURS[1], COLOURS[3], COLOURS[6]
SHAPES = (BLACK, PINK, BLUE, BLUE, ORANGE, ORANGE)
"""Colours of a cell's boxes: s, s', the first ratio and its inverse, the second and its inverse."""

FADE = 0.55

LOW = 0.1
"""An object lower than this share of the image's height would vanish behind a label."""


@styled
def best_default_boxes(
    example: Example, panels: Mapping[str, tuple[Float[Tensor, "t 4"], Float[Tensor, " t"]]]
) -> Figure:
    """An image per panel with its objects, and for each object the box that overlaps it best.

    A panel maps a title to those boxes (xyxy, relative) and their overlaps; a box whose overlap is at most
    0.5 is thin. The overlap of a low object stands on its default box, since it would hide the object.
    """
    figure, row = square_panels(len(panels))
    labels = example.truth.labels.tolist()
    truths = to_axes(example.truth.boxes_xyxy, example.image)
    for axes, (title, (boxes, overlaps)) in zip(row, panels.items(), strict=True):
        show_image(axes, example.image)
        axes.set_title(title)
        best = to_axes(boxes, example.image)
        for label, truth, box, overlap in zip(labels, truths, best, overlaps.tolist(), strict=True):
            outline(axes, truth, colour(label), style="--", width=1.6)
            outline(axes, box, colour(label), width=2.6 if overlap > 0.5 else 1.2)
            low = truth[3] - truth[1] < LOW * example.image.shape[-2]
            label_box(axes, box if low else truth, f"{overlap:.2f}", colour(label))
    return figure


@styled
def boxes_of_cells(image: Image, default_boxes: DefaultBoxes, cells: Mapping[int, tuple[int, int]]) -> Figure:
    """The default boxes of one cell of some maps, and the cell itself in grey.

    ``cells`` maps the number of a map, counted from 0, to (row, column). Two maps share a row and a margin,
    which is as wide as their boxes need.
    """
    figure, panels = square_panels(len(cells), columns=2)
    height, width = image.shape[-2:]
    margins = [_margin(default_boxes, k, cell) for k, cell in cells.items()]
    for number, (axes, (k, (row, column))) in enumerate(zip(panels, cells.items(), strict=True)):
        pitch_x, pitch_y = default_boxes.pitch(k)
        show_image(axes, image, fade=FADE)
        _draw_cells(axes, default_boxes.grids[k], (pitch_x * width, pitch_y * height), (width, height))
        x, y = column * pitch_x * width - 0.5, row * pitch_y * height - 0.5
        outline(axes, (x, y, x + pitch_x * width, y + pitch_y * height), "none", fill="0.2", alpha=0.55)
        boxes = to_axes(_boxes_of_cell(default_boxes, k, (row, column)), image)
        for shade, box in zip(SHAPES, boxes, strict=False):
            outline(axes, box, shade)
        margin = max(margins[number - number % 2 :][:2])
        rows, columns = default_boxes.grids[k]
        title = f"{rows} × {columns},  s = {default_boxes.scales[k]:.2f}"
        axes.set(xlim=(-margin * width, (1 + margin) * width))
        axes.set(ylim=((1 + margin) * height, -margin * height), title=title)
    return figure


def _boxes_of_cell(default_boxes: DefaultBoxes, k: int, cell: tuple[int, int]) -> Tensor:
    """The boxes (xyxy, relative) of the cell (row, column) of map k, centred in the cell."""
    pitch_x, pitch_y = default_boxes.pitch(k)
    sizes = default_boxes.shapes(k)
    centre = sizes.new_tensor([(cell[1] + 0.5) * pitch_x, (cell[0] + 0.5) * pitch_y])
    return cxcywh_to_xyxy(torch.cat([centre.expand(len(sizes), 2), sizes], dim=1))


def _margin(default_boxes: DefaultBoxes, k: int, cell: tuple[int, int]) -> float:
    """How far the boxes of a cell reach beyond the image, as a fraction of its side, plus a little."""
    boxes = _boxes_of_cell(default_boxes, k, cell)
    return max(0.0, float(-boxes.min()), float(boxes.max()) - 1) + 0.02


def _draw_cells(axes: Axes, grid: tuple[int, int], pitch: tuple[float, float], size: tuple[int, int]) -> None:
    """Lines between the cells of a map; ``pitch`` and ``size`` are (x, y) in pixels."""
    rows, columns = grid
    line: dict[str, Any] = {"color": "0.45", "linewidth": 0.9 if max(grid) < 12 else 0.3, "zorder": 1}
    for column in range(1, columns):
        axes.plot([column * pitch[0] - 0.5] * 2, [-0.5, size[1] - 0.5], **line)
    for row in range(1, rows):
        axes.plot([-0.5, size[0] - 0.5], [row * pitch[1] - 0.5] * 2, **line)


@styled
def centres_of_maps(image: Image, panels: Mapping[str, Float[Tensor, "n 2"]]) -> Figure:
    """An image per panel with centres (x, y, relative) on it; those outside the image are orange."""
    figure, row = square_panels(len(panels))
    height, width = image.shape[-2:]
    for axes, (title, centres) in zip(row, panels.items(), strict=True):
        show_image(axes, image, fade=FADE)
        outside = (centres > 1).any(dim=1)
        for shade, some in ((BLUE, centres[~outside]), (ORANGE, centres[outside])):
            x, y = (some * some.new_tensor([width, height]) - 0.5).numpy().T
            axes.scatter(x, y, s=26 if len(centres) < 150 else 9, color=shade, zorder=3)
        axes.set(xlim=(-0.03 * width, 1.05 * width), ylim=(1.05 * height, -0.03 * height), title=title)
    return figure


@styled
def scale_ladder(layouts: Mapping[str, Sequence[float]]) -> Figure:
    """The box sides of several layouts, a line each: a dot for each map's s, a ring for its s'.

    A layout is its ``m + 1`` scales; the last one, which belongs to no map, is a cross.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.42 * len(layouts)))
    for line, scales in enumerate(layouts.values()):
        shade = COLOURS[line % len(COLOURS)]
        between = [(a * b) ** 0.5 for a, b in pairwise(scales)]
        axes.axhline(line, color="0.85", linewidth=1, zorder=0)
        axes.plot(scales[:-1], [line] * (len(scales) - 1), "o", color=shade, markersize=9)
        axes.plot(between, [line] * len(between), "o", color=shade, markersize=8, markerfacecolor="white")
        axes.plot(scales[-1], line, "x", color=shade, markersize=8, markeredgewidth=2)
    axes.set_yticks(range(len(layouts)), list(layouts))
    axes.set_ylim(len(layouts) - 0.5, -0.5)
    axes.set_xlim(0, 1.15)
    axes.set_xlabel("side of the square box, as a fraction of the image")
    figure.tight_layout()
    return figure


@styled
def boxes_beyond_image(panels: Mapping[str, Float[Tensor, "n 4"]]) -> Figure:
    """Boxes (cxcywh) and their centres over the lower right corner of an image, a panel per title."""
    figure, row = square_panels(len(panels))
    for axes, (title, boxes) in zip(row, panels.items(), strict=True):
        outline(axes, (0, 0, 1, 1), "0.3", fill="0.88", width=1.5)
        corners = cxcywh_to_xyxy(boxes).tolist()
        for number, (box, centre) in enumerate(zip(corners, boxes[:, :2].tolist(), strict=True)):
            shade = SHAPES[number % len(SHAPES)]
            outline(axes, box, shade)
            axes.plot(*centre, "o", color=shade, markersize=6)
        axes.set(xlim=(0.4, 1.45), ylim=(1.45, 0.4), aspect="equal", title=title)
        axes.set_axis_off()
    return figure


@styled
def receptive_fields(
    fields: Mapping[str, Float[Tensor, "h w"]],
    centres_px: Sequence[tuple[float, float]],
    sides_px: Sequence[tuple[float, float]],
) -> Figure:
    """How much each pixel moves a cell's logits, darker for more, a panel per map.

    ``sides_px`` holds for each map the side of the cell's default box of scale s (full line) and of the
    theoretical receptive field (broken line), both centred at the (x, y) of ``centres_px``.
    """
    figure, row = square_panels(len(fields), columns=3)
    rows = zip(row, fields.items(), centres_px, sides_px, strict=True)
    for axes, (title, field), (x, y), (box, theory) in rows:
        height, width = field.shape
        # Means of 4 × 4 pixels, since single ones show the pattern of the strides.
        coarse = avg_pool2d(field[None, None], 4)[0, 0]
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        axes.imshow((coarse / coarse.max()).sqrt().numpy(), cmap="Greys", vmin=0, vmax=1, extent=extent)
        outline(axes, (x - box / 2, y - box / 2, x + box / 2, y + box / 2), ORANGE, width=2.5)
        around = (x - theory / 2, y - theory / 2, x + theory / 2, y + theory / 2)
        outline(axes, around, BLUE, style="--")
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[], title=title)
        axes.spines[["top", "right"]].set_visible(True)
    return figure


def square_panels(count: int, *, columns: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure of square panels, at most ``columns`` in a row."""
    columns = min(count, columns)
    rows = -(-count // columns)
    size = (WIDTH, rows * (WIDTH / columns + 0.25))
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:count])
