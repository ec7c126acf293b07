"""Figures of the start page: what a detector sees, and how it comes to see it."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle
from torch import Tensor

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.data.examples import Example
from ssd_lite.plotting.common import COLOURS, WIDTH, colour, show_image, styled
from ssd_lite.scales import DefaultBoxes


@styled
def truth_and_found(
    example: Example, detections: Mapping[str, Tensor], classes: Sequence[str], *, threshold: float = 0.5
) -> Figure:
    """An image with its objects, and beside it with what was detected, at a size that a phone can show.

    ``detections`` are in pixels, as :meth:`ssd_lite.models.SSD.predict` returns them; those with a score
    below ``threshold`` are left out.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.8), layout="constrained")
    height, width = example.image.shape[-2:]
    size_px = example.truth.boxes_xyxy.new_tensor([width, height, width, height])
    for axes, title in ((left, "the objects"), (right, "what the detector found")):
        show_image(axes, example.image)
        axes.set_title(title)
    labels = example.truth.labels.tolist()
    for box, label in zip((example.truth.boxes_xyxy * size_px).tolist(), labels, strict=True):
        _outline(left, box, colour(label), broken=True)
        _name(left, box, classes[label - 1], colour(label))
    _found(right, detections, classes, threshold, scores=True)
    return figure


@styled
def single_shot(
    image: UInt8[Tensor, "3 h w"],
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
    """How a single-shot detector comes from an image to its detections, in six pictures.

    The image; the cells of the second of ``maps`` with the default boxes of one ``cell`` (row, column);
    the best class score in every cell of both maps, in the colour of its class and as strong as it is
    high; every default box whose best score is above ``sure``, broken, and where its offsets move it; the
    ``detections``, in pixels, with a score of at least ``threshold``. ``scores`` are those of the objects'
    classes, without background.
    """
    figure, grid = plt.subplots(2, 3, figsize=(WIDTH, 5.2), layout="constrained")
    height, width = image.shape[-2:]
    size_px = moved_xyxy.new_tensor([width, height, width, height])
    titles = (
        "1  image",
        "2  default boxes",
        *(f"{3 + n}  scores, {_size(layout, k)}" for n, k in enumerate(maps)),
        "5  offsets",
        "6  detections",
    )
    for axes, title in zip(grid.flat, titles, strict=True):
        show_image(axes, image)
        axes.set_title(title)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
    best, label = scores.max(dim=-1)
    defaults_px = cxcywh_to_xyxy(layout.cxcywh()) * size_px

    _cells(grid[0, 1], layout.grids[maps[1]], (height, width))
    shapes, columns = layout.per_location[maps[1]], layout.grids[maps[1]][1]
    first = _first(layout, maps[1]) + (cell[0] * columns + cell[1]) * shapes
    for box in defaults_px[first : first + shapes].tolist():
        _outline(grid[0, 1], box, "black", broken=False)
    for axes, k in zip((grid[0, 2], grid[1, 0]), maps, strict=True):
        _strengths(axes, layout, k, best, label, (height, width))
        _cells(axes, layout.grids[k], (height, width))
    for place in (best > sure).nonzero().flatten().tolist():
        shade = colour(int(label[place]) + 1)
        _outline(grid[1, 1], defaults_px[place].tolist(), "0.2", broken=True)
        _outline(grid[1, 1], (moved_xyxy[place] * size_px).tolist(), shade, broken=False)
    _found(grid[1, 2], detections, classes, threshold, scores=False)
    return figure


def logo(*, side_px: int = 256) -> Figure:
    """The book's mark: three default boxes of one scale, aspect ratios 1, 2 and 1/2, around their centre.

    The ground is transparent, so that it stands on a light page and on a dark one.
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


def _size(layout: DefaultBoxes, k: int) -> str:
    rows, columns = layout.grids[k]
    return f"{rows} × {columns}"


def _first(layout: DefaultBoxes, k: int) -> int:
    """The number of the first default box of a map."""
    counts = [rows * columns for rows, columns in layout.grids[:k]]
    return sum(count * layout.per_location[i] for i, count in enumerate(counts))


def _cells(axes: Axes, grid: tuple[int, int], size_px: tuple[int, int]) -> None:
    """The lines between the cells of a map."""
    rows, columns = grid
    for row in range(1, rows):
        axes.axhline(row * size_px[0] / rows - 0.5, color="0.45", linewidth=0.6)
    for column in range(1, columns):
        axes.axvline(column * size_px[1] / columns - 0.5, color="0.45", linewidth=0.6)


def _strengths(
    axes: Axes,
    layout: DefaultBoxes,
    k: int,
    best: Float[Tensor, " d"],
    label: Tensor,
    size_px: tuple[int, int],
) -> None:
    """Every cell in the colour of the class with its best score, the more opaque the higher that is."""
    rows, columns = layout.grids[k]
    first, shapes = _first(layout, k), layout.per_location[k]
    inside = slice(first, first + rows * columns * shapes)
    strongest, which = best[inside].view(rows * columns, shapes).max(dim=-1)
    classes = label[inside].view(rows * columns, shapes).gather(1, which.unsqueeze(1)).squeeze(1)
    axes.images[0].set_alpha(0.35)
    down, across = size_px[0] / rows, size_px[1] / columns
    for number, (score, kind) in enumerate(zip(strongest.tolist(), classes.tolist(), strict=True)):
        corner = (number % columns * across - 0.5, number // columns * down - 0.5)
        square = Rectangle(corner, across, down, facecolor=colour(kind + 1), alpha=score, linewidth=0)
        axes.add_patch(square)


def _found(
    axes: Axes, detections: Mapping[str, Tensor], classes: Sequence[str], threshold: float, *, scores: bool
) -> None:
    kept = detections["scores"] >= threshold
    rows = zip(*(detections[name][kept].tolist() for name in ("boxes", "labels", "scores")), strict=True)
    for box, label, score in rows:
        _outline(axes, box, colour(label), broken=False)
        _name(axes, box, f"{classes[label - 1]} {score:.2f}" if scores else classes[label - 1], colour(label))


def _outline(axes: Axes, box_px: Sequence[float], shade: str, *, broken: bool) -> None:
    x0, y0, x1, y1 = box_px
    line = "--" if broken else "-"
    outline = Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=shade, linestyle=line)
    outline.set_linewidth(1.2 if broken else 2.0)
    axes.add_patch(outline)


def _name(axes: Axes, box_px: Sequence[float], text: str, shade: str) -> None:
    """A name above the box, or in it where there is no room above."""
    x0, y0 = box_px[:2]
    above = y0 > 12
    axes.annotate(
        text,
        (x0 - 0.5, y0 - 0.5),
        xytext=(0, 1 if above else -1),
        textcoords="offset points",
        va="bottom" if above else "top",
        color="white",
        fontsize=9,
        bbox={"facecolor": shade, "edgecolor": "none", "pad": 1.2},
    )
