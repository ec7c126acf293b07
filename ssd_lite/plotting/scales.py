"""Default boxes on an image: their sizes, shapes and centres, and which objects they reach."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullFormatter, PercentFormatter
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.data.examples import Example
from ssd_lite.plotting.common import COLOURS, WIDTH, colour, show_image, styled
from ssd_lite.scales import DefaultBoxes

ORANGE, BLUE, GREEN, PINK, BLACK = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3], COLOURS[6]
SHAPES = (BLACK, PINK, BLUE, BLUE, ORANGE, ORANGE)
"""Colours of a cell's boxes: s, s', the first ratio and its inverse, the second and its inverse."""

MOST_NAMED = 10
"""Boxes with a name on each, in one picture; more would hide it."""

SIZES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Where an axis of sizes, which is logarithmic, has its marks."""


@styled
def best_default_boxes(
    example: Example, panels: Mapping[str, tuple[Float[Tensor, "t 4"], Float[Tensor, " t"]]]
) -> Figure:
    """An image once a panel: its objects, and the box (xyxy, relative) that overlaps each best.

    A panel is a title with those boxes and their overlaps; a box whose overlap is 0.5 or less is thin.
    """
    figure, row = _panels(len(panels))
    height, width = example.image.shape[-2:]
    scale = example.truth.boxes_xyxy.new_tensor([width, height, width, height])
    for axes, (title, (boxes, overlaps)) in zip(row, panels.items(), strict=True):
        show_image(axes, example.image)
        axes.set_title(title)
        labels = example.truth.labels.tolist()
        for label, truth, box, overlap in zip(
            labels, example.truth.boxes_xyxy * scale, boxes * scale, overlaps.tolist(), strict=True
        ):
            _outline(axes, truth.tolist(), colour(label), linestyle="--", linewidth=1.6)
            _outline(axes, box.tolist(), colour(label), linewidth=2.6 if overlap > 0.5 else 1.2)
            _tag(axes, truth.tolist(), f"{overlap:.2f}", colour(label), width)
    return figure


@styled
def boxes_of_cells(
    image: Tensor, default_boxes: DefaultBoxes, cells: Sequence[tuple[int, int]], titles: Sequence[str]
) -> Figure:
    """The default boxes of one cell, (row, column), of each map: a picture a map, the cell shaded."""
    figure, row = _panels(len(cells), columns=3)
    height, width = image.shape[-2:]
    for k, (axes, (down, across), title) in enumerate(zip(row, cells, titles, strict=True)):
        rows, columns = default_boxes.grids[k]
        pitch_x, pitch_y = default_boxes.pitch(k)
        axes.imshow(_faded(image))
        edges: dict[str, Any] = {"color": "0.45", "zorder": 1}
        for number in range(1, columns):
            x = number * pitch_x * width
            axes.plot([x, x], [0, height], linewidth=0.9 if columns < 12 else 0.3, **edges)
        for number in range(1, rows):
            y = number * pitch_y * height
            axes.plot([0, width], [y, y], linewidth=0.9 if rows < 12 else 0.3, **edges)
        corner = (across * pitch_x * width, down * pitch_y * height)
        cell = Rectangle(corner, pitch_x * width, pitch_y * height, facecolor="0.2", alpha=0.55)
        axes.add_patch(cell)
        centre = ((across + 0.5) * pitch_x, (down + 0.5) * pitch_y)
        for shade, (w, h) in zip(SHAPES, default_boxes.shapes(k).tolist(), strict=False):
            x0, y0 = (centre[0] - w / 2) * width, (centre[1] - h / 2) * height
            _outline(axes, [x0, y0, x0 + w * width, y0 + h * height], shade, linewidth=2)
        axes.set(xlim=(-0.29 * width, 1.29 * width), ylim=(1.29 * height, -0.29 * height))
        axes.set_axis_off()
        axes.set_title(title)
    return figure


@styled
def centres_of_maps(image: Tensor, panels: Mapping[str, Float[Tensor, "n 2"]]) -> Figure:
    """An image once a panel with centres (x, y, relative) on it; those outside the image are orange."""
    figure, row = _panels(len(panels))
    height, width = image.shape[-2:]
    for axes, (title, centres) in zip(row, panels.items(), strict=True):
        axes.imshow(_faded(image))
        outside = (centres > 1).any(dim=1)
        for shade, some in ((BLUE, centres[~outside]), (ORANGE, centres[outside])):
            x, y = (some * some.new_tensor([width, height]) - 0.5).numpy().T
            axes.scatter(x, y, s=26 if len(centres) < 150 else 9, color=shade, zorder=3)
        axes.set(xlim=(-0.03 * width, 1.05 * width), ylim=(1.05 * height, -0.03 * height))
        axes.set_axis_off()
        axes.set_title(title)
    return figure


@styled
def scale_ladder(layouts: Mapping[str, Sequence[float]]) -> Figure:
    """The sides of several layouts, a line each: a dot for s of each map, a ring for its s'.

    A layout is its ``m + 1`` scales; the last one, which no map has, is a cross.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.5 * len(layouts)))
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
    axes.set_xlabel("side of the square box, as a share of the image")
    figure.tight_layout()
    return figure


@styled
def boxes_beyond_image(panels: Mapping[str, Float[Tensor, "n 4"]]) -> Figure:
    """The image's frame once a panel with boxes (cxcywh) over it; a dot marks the boxes' centre."""
    figure, row = _panels(len(panels))
    for axes, (title, boxes) in zip(row, panels.items(), strict=True):
        axes.add_patch(Rectangle((0, 0), 1, 1, facecolor="0.88", edgecolor="0.3", linewidth=1.5))
        shades = [SHAPES[number % len(SHAPES)] for number in range(len(boxes))]
        for shade, centre, corners in zip(
            shades, boxes[:, :2].tolist(), cxcywh_to_xyxy(boxes).tolist(), strict=True
        ):
            _outline(axes, corners, shade, linewidth=2)
            axes.plot(*centre, "o", color=shade, markersize=6)
        axes.set(xlim=(0.4, 1.45), ylim=(1.45, 0.4), aspect="equal")
        axes.set_axis_off()
        axes.set_title(title)
    return figure


@styled
def detections_side_by_side(
    example: Example,
    panels: Mapping[str, Mapping[str, Tensor]],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
) -> Figure:
    """An image once a panel with the detections (boxes in pixels) that score at least ``threshold``.

    Where they are more than ``MOST_NAMED``, their classes are told by the colours alone.
    """
    figure, row = _panels(len(panels))
    height, width = example.image.shape[-2:]
    for axes, (title, found) in zip(row, panels.items(), strict=True):
        show_image(axes, example.image)
        axes.set_title(title)
        sure = found["scores"] >= threshold
        labels, few = found["labels"][sure].tolist(), int(sure.sum()) <= MOST_NAMED
        for label, box in zip(labels, found["boxes"][sure].tolist(), strict=True):
            _outline(axes, box, colour(label), linewidth=2 if few else 1)
            if few:
                _tag(axes, box, classes[label - 1], colour(label), width)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    return figure


@styled
def receptive_fields(
    fields: Mapping[str, Float[Tensor, "h w"]],
    centres_px: Sequence[tuple[float, float]],
    sides_px: Sequence[tuple[float, float]],
) -> Figure:
    """How much each pixel moves a cell's logits, darker for more, a panel a map.

    ``sides_px`` are for each map the side of the cell's default box of scale s (full line) and that of the
    theoretical receptive field (broken line), both centred at (x, y) of ``centres_px``.
    """
    figure, row = _panels(len(fields), columns=3)
    for axes, (title, field), (x, y), (box, theory) in zip(
        row, fields.items(), centres_px, sides_px, strict=True
    ):
        height, width = field.shape
        # Means of 4 × 4 pixels: single ones show the strides' pattern, which is not the point.
        coarse = avg_pool2d(field[None, None], 4)[0, 0]
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        axes.imshow((coarse / coarse.max()).sqrt().numpy(), cmap="Greys", vmin=0, vmax=1, extent=extent)
        _outline(axes, _square(x, y, box), ORANGE, linewidth=2.5)
        _outline(axes, _square(x, y, theory), BLUE, linestyle="--", linewidth=2)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
        axes.spines[["top", "right"]].set_visible(True)
        axes.set_title(title)
    return figure


@styled
def sizes_by_map(panels: Mapping[str, Mapping[str, Float[Tensor, " n"]]]) -> Figure:
    """The sizes of the objects of each map, a dot an object and a bar at their median, a panel a rule."""
    figure, row = plt.subplots(1, len(panels), figsize=(WIDTH, 3.4), sharex=True, sharey=True, squeeze=False)
    for axes, (title, maps) in zip(row[0], panels.items(), strict=True):
        for line, sizes in enumerate(maps.values()):
            shade = COLOURS[line % len(COLOURS)]
            spread = [((number * 0.618034) % 1 - 0.5) * 0.55 for number in range(len(sizes))]
            axes.plot(
                sizes.numpy(),
                [line + jitter for jitter in spread],
                "o",
                color=shade,
                markersize=3,
            )
            if len(sizes):
                middle = sizes.quantile(0.5).item()
                axes.plot([middle, middle], [line - 0.4, line + 0.4], color=BLACK, linewidth=3)
        axes.set_yticks(range(len(maps)), list(maps))
        axes.set_ylim(len(maps) - 0.5, -0.5)
        _size_axis(axes, "size of the object")
        axes.set_title(title)
    figure.tight_layout()
    return figure


@styled
def overlap_by_size(
    panels: Mapping[str, Float[Tensor, " n"]], sizes: Float[Tensor, " n"], flat: Bool[Tensor, " n"]
) -> Figure:
    """The best overlap of each object against its size, a panel a layout; flat objects are orange."""
    figure, row = plt.subplots(1, len(panels), figsize=(WIDTH, 3.2), sharex=True, sharey=True, squeeze=False)
    for axes, (title, best) in zip(row[0], panels.items(), strict=True):
        axes.axhline(0.5, color="0.4", linewidth=1.2, linestyle=":")
        for shade, some, name in ((BLUE, ~flat, "other objects"), (ORANGE, flat, "flat or narrow")):
            axes.scatter(
                sizes[some].numpy(),
                best[some].numpy(),
                s=10,
                color=shade,
                linewidths=0,
                label=name,
            )
        axes.set_ylim(0, 1)
        _size_axis(axes, "size of the object")
        axes.set_title(title)
    row[0, 0].set_ylabel("best overlap")
    row[0, 0].legend(loc="lower right", fontsize=9, handletextpad=0.1, borderaxespad=0)
    figure.tight_layout()
    return figure


@styled
def recall_by_size(datasets: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> Figure:
    """The share of objects that a layout reaches, by their size, a panel a dataset, a line a layout.

    A layout's entries have ``from`` and ``to``, the bounds of a size class, and ``recall``.
    """
    figure, row = plt.subplots(
        1, len(datasets), figsize=(WIDTH, 3.2), sharex=True, sharey=True, squeeze=False
    )
    for axes, (title, layouts) in zip(row[0], datasets.items(), strict=True):
        for line, (name, classes) in enumerate(layouts.items()):
            middles = [((c["from"] or c["to"] / 2) * c["to"]) ** 0.5 for c in classes]
            recalls = [c["recall"] for c in classes]
            style = ("o-", "s--", "^-.", "D:")[line % 4]
            axes.plot(middles, recalls, style, color=COLOURS[line], linewidth=2, markersize=6, label=name)
        axes.set_ylim(-0.03, 1.05)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        _size_axis(axes, "size of the object")
        axes.set_title(title)
    row[0, 0].set_ylabel("reached above 0.5")
    handles, labels = row[0, 0].get_legend_handles_labels()
    figure.tight_layout(rect=(0, 0, 1, 0.9))
    figure.legend(handles, labels, loc="upper center", ncols=len(labels), fontsize=10, handlelength=2)
    return figure


def _panels(count: int, *, columns: int = 3) -> tuple[Figure, list[Axes]]:
    """Square panels, at most ``columns`` abreast; those left over are empty."""
    columns = min(count, columns)
    rows = -(-count // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, rows * (WIDTH / columns + 0.25)),
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:count])


def _outline(axes: Axes, box: Sequence[float], shade: str, **style: Any) -> None:
    x0, y0, x1, y1 = box
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=shade, **style))


def _tag(axes: Axes, box: Sequence[float], text: str, shade: str, width: int) -> None:
    """A text at the upper left corner of a box, kept inside the picture."""
    axes.text(
        min(max(box[0], 0), 0.84 * width),
        max(box[1], 0),
        text,
        color="white",
        fontsize=9,
        va="top",
        clip_on=True,
        bbox={"facecolor": shade, "edgecolor": "none", "pad": 1.2},
    )


def _square(x: float, y: float, side: float) -> list[float]:
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def _faded(image: Tensor) -> Any:
    """The image, paler, so that lines stand out from it."""
    pale = (image.permute(1, 2, 0).cpu().float() * 0.45 + 0.55 * 255).byte()
    return (pale // 16 * 16).numpy()  # fewer colours, smaller files


def _size_axis(axes: Axes, text: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(0.03, 1.05)
    axes.xaxis.set_major_locator(FixedLocator(SIZES))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.set_xticklabels([f"{size:g}" for size in SIZES])
    axes.set_xlabel(text)
