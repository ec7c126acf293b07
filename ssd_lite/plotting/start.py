"""Figures of the start page: what a detector sees, and how it gets there."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle
from torch import Tensor

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.data.examples import Example
from ssd_lite.plotting.boxes import (
    Image,
    detection_texts,
    draw_boxes,
    draw_truth,
    outline,
    show_image,
    to_axes,
)
from ssd_lite.plotting.style import COLOURS, WIDTH, colour, styled
from ssd_lite.scales import DefaultBoxes


@styled
def truth_and_detections(
    example: Example, detections: Mapping[str, Tensor], classes: Sequence[str], *, threshold: float = 0.5
) -> Figure:
    """An image with its objects, and beside it with its detections.

    ``detections`` are in pixels, as :meth:`ssd_lite.models.SSD.predict` returns them; those that score less
    than ``threshold`` are left out.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.8), layout="constrained")
    for axes, title in ((left, "the objects"), (right, "what the detector found")):
        show_image(axes, example.image)
        axes.set_title(title)
    draw_truth(left, example.truth, (example.image.shape[-2], example.image.shape[-1]), classes)
    labels, boxes_px, texts = detection_texts(detections, classes, threshold=threshold)
    draw_boxes(right, boxes_px, labels, texts)
    return figure


@styled
def single_shot(
    image: Image,
    layout: DefaultBoxes,
    scores: Float[Tensor, "d c"],
    moved_xyxy: Float[Tensor, "d 4"],
    detections: Mapping[str, Tensor],
    classes: Sequence[str],
    *,
    maps: tuple[int, int] = (1, 2),
    cell: tuple[int, int] = (2, 2),
    sure: float = 0.95,
    threshold: float = 0.5,
) -> Figure:
    """How a single-shot detector gets from an image to its detections, in six pictures.

    The image; the cells of the second of ``maps`` and the default boxes of one ``cell`` (row, column); the
    best class score in every cell of both maps, in the colour of its class, more opaque for a higher score;
    the default boxes whose best score is above ``sure``, dashed, and where their offsets move them; and the
    ``detections`` (boxes in pixels) that score at least ``threshold``. ``scores`` leave the background out.
    """
    figure, grid = plt.subplots(2, 3, figsize=(WIDTH, 5.2), layout="constrained")
    sizes = [f"{rows} × {columns}" for rows, columns in (layout.grids[k] for k in maps)]
    titles = ("1  image", "2  default boxes", *(f"{3 + n}  scores, {size}" for n, size in enumerate(sizes)))
    for axes, title in zip(grid.flat, (*titles, "5  offsets", "6  detections"), strict=True):
        show_image(axes, image)
        axes.set_title(title)
    best, label = scores.max(dim=-1)
    defaults = to_axes(cxcywh_to_xyxy(layout.cxcywh()), image)
    _, boxes, fine, coarse, offsets, last = grid.flat
    _draw_cells(boxes, layout.grids[maps[1]], image)
    shapes, columns = layout.per_location[maps[1]], layout.grids[maps[1]][1]
    first = _first_box(layout, maps[1]) + (cell[0] * columns + cell[1]) * shapes
    for box in defaults[first : first + shapes]:
        outline(boxes, box, "black")
    for axes, k in zip((fine, coarse), maps, strict=True):
        _draw_scores(axes, layout, k, best, label, image)
        _draw_cells(axes, layout.grids[k], image)
    moved = to_axes(moved_xyxy, image)
    for index in (best > sure).nonzero().flatten().tolist():
        outline(offsets, defaults[index], "0.2", style="--", width=1.2)
        outline(offsets, moved[index], colour(int(label[index]) + 1))
    labels, boxes_px, texts = detection_texts(detections, classes, threshold=threshold, scores=False)
    draw_boxes(last, boxes_px, labels, texts)
    return figure


def logo(*, side_px: int = 256) -> Figure:
    """The book's logo: three default boxes of one scale, ratios 1, 2 and 1/2, around their centre.

    Its background is transparent, for light and dark pages.
    """
    figure = plt.figure(figsize=(1, 1), dpi=side_px)
    figure.patch.set_alpha(0)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-1, 1), ylim=(-1, 1))
    axes.set_axis_off()
    for ratio, shade in ((2.0, COLOURS[1]), (0.5, COLOURS[2]), (1.0, COLOURS[0])):
        width, height = 1.27 * ratio**0.5, 1.27 / ratio**0.5
        style = "round,pad=0,rounding_size=0.08"
        box = FancyBboxPatch((-width / 2, -height / 2), width, height, boxstyle=style, fill=False)
        box.set(edgecolor=shade, linewidth=6.2)
        axes.add_patch(box)
    axes.add_patch(Circle((0, 0), 0.17, color=COLOURS[0]))
    return figure


def _first_box(layout: DefaultBoxes, k: int) -> int:
    """The index of the first default box of map ``k``."""
    maps = zip(layout.grids[:k], layout.per_location[:k], strict=True)
    return sum(rows * columns * shapes for (rows, columns), shapes in maps)


def _draw_cells(axes: Axes, grid: tuple[int, int], image: Image) -> None:
    """Lines between the cells of a map."""
    (rows, columns), (height, width) = grid, image.shape[-2:]
    for row in range(1, rows):
        axes.axhline(row * height / rows - 0.5, color="0.45", linewidth=0.6)
    for column in range(1, columns):
        axes.axvline(column * width / columns - 0.5, color="0.45", linewidth=0.6)


def _draw_scores(
    axes: Axes, layout: DefaultBoxes, k: int, best: Float[Tensor, " d"], label: Tensor, image: Image
) -> None:
    """Fill every cell with the colour of its best class, as opaque as the score is high."""
    rows, columns = layout.grids[k]
    first, shapes = _first_box(layout, k), layout.per_location[k]
    inside = slice(first, first + rows * columns * shapes)
    strongest, which = best[inside].view(rows * columns, shapes).max(dim=-1)
    classes = label[inside].view(rows * columns, shapes).gather(1, which.unsqueeze(1)).squeeze(1)
    axes.images[0].set_alpha(0.35)
    down, across = image.shape[-2] / rows, image.shape[-1] / columns
    for number, (score, kind) in enumerate(zip(strongest.tolist(), classes.tolist(), strict=True)):
        corner = (number % columns * across - 0.5, number // columns * down - 0.5)
        square = Rectangle(corner, across, down, facecolor=colour(kind + 1), alpha=score, linewidth=0)
        axes.add_patch(square)
