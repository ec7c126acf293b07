"""Detections on images: the pictures that the command line writes, and those of the book."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.data.examples import Example
from ssd_lite.plotting.boxes import (
    Image,
    detection_texts,
    draw_boxes,
    draw_detections,
    draw_truth,
    show_image,
)
from ssd_lite.plotting.default_boxes import square_panels
from ssd_lite.plotting.fonts import class_names, families
from ssd_lite.plotting.images import outline_truth
from ssd_lite.plotting.style import SMALL, WIDTH, styled
from ssd_lite.truths import Truth

MOST_LABELS = 10
"""Up to this many detections in a small picture have labels; more would hide it."""


def detections_beside_truth(
    examples: Sequence[Example],
    detections: Sequence[Mapping[str, Tensor]],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
    columns: int = 4,
) -> Figure:
    """Pairs of pictures, ``columns`` in a row: an image with its objects, and the same with its detections.

    Detections (boxes in pixels) that score less than ``threshold`` are left out.
    """
    pairs = min(columns, len(examples))
    rows = -(-len(examples) // pairs)
    figure, grid = plt.subplots(rows, 2 * pairs, figsize=(5.2 * pairs, 2.8 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, (example, found) in enumerate(zip(examples, detections, strict=True)):
        left, right = grid[number // pairs, 2 * (number % pairs) :][:2]
        for axes in (left, right):
            show_image(axes, example.image)
        draw_truth(left, example.truth, (example.image.shape[-2], example.image.shape[-1]), classes, size=9)
        draw_detections(right, found, classes, threshold=threshold, size=9)
        left.set_title("ground truth", fontsize=9)
        right.set_title(f"detections, score ≥ {threshold:g}", fontsize=9)
    figure.tight_layout(pad=0.6)
    return figure


def detected(
    image: Image, detections: Mapping[str, Tensor], classes: Sequence[str], *, threshold: float
) -> Figure:
    """One image with its detections, as many pixels large as the image.

    Lines and labels grow with the image, so that they are as legible on a large photograph as on a small one.
    """
    height, width = image.shape[-2:]
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    show_image(axes, image)
    size = min(max(max(height, width) * 0.014, 8.0), 60.0)  # points, 100 pixels to 72 of them
    draw_detections(axes, detections, classes, threshold=threshold, width=size / 6, size=size)
    return figure


def contact_sheet(examples: Sequence[Example], classes: Sequence[str], *, columns: int = 6) -> Figure:
    """Images of a dataset with their objects, ``columns`` in a row, with their names above."""
    columns = max(1, min(columns, len(examples)))
    rows = max(1, -(-len(examples) // columns))
    tallest = max((example.image.shape[1] / example.image.shape[2] for example in examples), default=1.0)
    size = (2.6 * columns, (2.6 * min(tallest, 2.0) + 0.3) * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, example in zip(grid.flat, examples, strict=False):
        show_image(axes, example.image)
        draw_truth(axes, example.truth, (example.image.shape[-2], example.image.shape[-1]), classes, size=8)
        name = example.name[-24:]
        name = name if families(name) else name.encode("ascii", "backslashreplace").decode()
        axes.set_title(name, fontsize=8, parse_math=False, fontfamily=families(name))
    return figure


@styled
def detections_compared(
    image: Image,
    truth: Truth,
    found: Mapping[str, Mapping[str, Tensor]],
    classes: Sequence[str],
    *,
    truth_beside: bool = True,
) -> Figure:
    """One image per title with all of its detections (boxes in pixels), two in a row.

    The objects have a panel of their own or, without ``truth_beside``, dashed outlines in every panel.
    """
    count = len(found) + truth_beside
    rows = -(-count // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(WIDTH, rows * (0.3 + WIDTH / 2)), squeeze=False)
    panels = list(grid.flat)
    for spare in panels[count:]:
        spare.remove()
    for axes in panels[:count]:
        show_image(axes, image)
    if truth_beside:
        draw_truth(panels[0], truth, (image.shape[-2], image.shape[-1]), classes)
        panels[0].set_title("ground truth")
    for axes, (title, detections) in zip(panels[truth_beside:count], found.items(), strict=True):
        if not truth_beside:
            outline_truth(axes, image, truth)
        draw_detections(axes, detections, classes, threshold=0.0)
        axes.set_title(title)
    figure.tight_layout(pad=0.4, h_pad=1.0)
    return figure


@styled
def detections_side_by_side(
    example: Example,
    panels: Mapping[str, Mapping[str, Tensor]],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
) -> Figure:
    """One image per title with its detections (boxes in pixels) that score at least ``threshold``.

    Where there are more than ``MOST_LABELS``, the colours alone tell the classes.
    """
    figure, row = square_panels(len(panels))
    for axes, (title, found) in zip(row, panels.items(), strict=True):
        show_image(axes, example.image)
        axes.set_title(title)
        labels, boxes_px, texts = detection_texts(found, classes, threshold=threshold, scores=False)
        if len(labels) > MOST_LABELS:
            draw_boxes(axes, boxes_px, labels, [""] * len(labels), width=1)
        else:
            draw_boxes(axes, boxes_px, labels, texts)
    return figure


@styled
def detections_over_truth(
    images: Sequence[Image],
    truths: Sequence[Truth],
    detections: Sequence[Mapping[str, Tensor]],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
    named: bool = False,
    titles: Sequence[str] = (),
    columns: int | None = None,
) -> Figure:
    """Images with their objects dashed and their detections (relative boxes) with scores.

    ``named`` writes the classes of the objects, too. All images are in one row unless ``columns`` says how
    many; ``titles`` stand above them.
    """
    tallest = max(image.shape[1] / image.shape[2] for image in images)
    columns = columns or len(images)
    rows, title_height = -(-len(images) // columns), 0.35 if titles else 0.0
    size = (WIDTH, rows * WIDTH / columns * tallest + title_height)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    names = class_names(classes)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, title in zip(grid.flat, titles, strict=False):
        axes.set_title(title)
    for axes, image, truth, found in zip(grid.flat[: len(images)], images, truths, detections, strict=True):
        show_image(axes, image)
        texts = [names[label - 1] if named else "" for label in truth.labels.tolist()]
        _relative_boxes(axes, image, truth.boxes_xyxy, truth.labels.tolist(), texts, broken=True)
        labels, boxes_xyxy, texts = detection_texts(found, classes, threshold=threshold)
        _relative_boxes(axes, image, boxes_xyxy, labels, texts)
    top = 1 - (title_height + 0.05) / size[1] if titles else 0.99
    figure.subplots_adjust(0.005, 0.01, 0.995, top, wspace=0.03, hspace=0.03)
    return figure


@styled
def suppression(
    image: Image,
    before_xyxy: Float[Tensor, "n 4"],
    before_labels: Int64[Tensor, " n"],
    after: Mapping[str, Tensor],
    classes: Sequence[str],
) -> Figure:
    """One image with all boxes before non-maximum suppression, and with those that remain (relative)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.8))
    show_image(left, image)
    left.set_title(f"before: {len(before_xyxy)} boxes")
    plain = [""] * len(before_xyxy)
    _relative_boxes(left, image, before_xyxy, before_labels.tolist(), plain, width=1.2)
    show_image(right, image)
    right.set_title(f"after: {len(after['boxes'])}")
    labels, boxes_xyxy, texts = detection_texts(after, classes, threshold=0.0)
    _relative_boxes(right, image, boxes_xyxy, labels, texts)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.92, wspace=0.03)
    return figure


@styled
def failures(
    images: Sequence[Image],
    wanted: Sequence[tuple[Float[Tensor, "4"], int] | None],
    given: Sequence[tuple[Float[Tensor, "4"], int, float] | None],
    titles: Sequence[str],
    classes: Sequence[str],
    *,
    columns: int = 3,
) -> Figure:
    """An image per failure: the object concerned, dashed, and the wrong detection with its score.

    ``wanted`` holds relative boxes with labels, ``given`` those with labels and scores; None for neither.
    """
    rows = -(-len(images) // columns)
    size = (WIDTH, rows * (WIDTH / columns + 0.32))
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    names = class_names(classes)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, right, wrong, title in zip(grid.flat, images, wanted, given, titles, strict=False):
        show_image(axes, image)
        axes.set_title(title, fontsize=SMALL)
        if right is not None:
            _relative_boxes(axes, image, right[0][None], [right[1]], [""], broken=True)
        if wrong is not None:
            text = f"{names[wrong[1] - 1]} {wrong[2]:.2f}"
            _relative_boxes(axes, image, wrong[0][None], [wrong[1]], [text])
    figure.tight_layout(pad=0.3)
    return figure


def _relative_boxes(
    axes: Axes,
    image: Image,
    boxes_xyxy: Float[Tensor, "n 4"],
    labels: Sequence[int],
    texts: Sequence[str],
    *,
    broken: bool = False,
    width: float = 2.4,
) -> None:
    """Draw relative boxes; broken lines are thinner, so that detections stand out from objects."""
    height_px, width_px = image.shape[-2:]
    scale = boxes_xyxy.new_tensor([width_px, height_px, width_px, height_px])
    draw_boxes(axes, boxes_xyxy * scale, labels, texts, broken=broken, width=1.6 if broken else width)
