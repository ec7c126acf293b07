"""Images with what is in them, and with what was found."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.data.examples import Example
from ssd_lite.plotting.common import draw_detections, draw_truth, show_image


def detections_beside_truth(
    examples: Sequence[Example],
    detections: Sequence[Mapping[str, Tensor]],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
    columns: int = 4,
) -> Figure:
    """Pairs of pictures: an image with its objects, and beside it what was detected."""
    pairs = min(columns, len(examples))
    rows = -(-len(examples) // pairs)
    figure, grid = plt.subplots(rows, 2 * pairs, figsize=(5.2 * pairs, 2.8 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, (example, found) in enumerate(zip(examples, detections, strict=True)):
        left, right = grid[number // pairs, 2 * (number % pairs) :][:2]
        for axes in (left, right):
            show_image(axes, example.image)
        height, width = example.image.shape[-2:]
        draw_truth(left, example.truth, (height, width), classes)
        draw_detections(right, found, classes, threshold=threshold)
        left.set_title("truth", fontsize=8)
        right.set_title(f"detected, score ≥ {threshold:g}", fontsize=8)
    figure.tight_layout(pad=0.6)
    return figure


def detected(
    image: Tensor, detections: Mapping[str, Tensor], classes: Sequence[str], *, threshold: float
) -> Figure:
    """One image with its detections, at its own size."""
    height, width = image.shape[-2:]
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    show_image(axes, image)
    draw_detections(axes, detections, classes, threshold=threshold)
    return figure


def contact_sheet(examples: Sequence[Example], classes: Sequence[str], *, columns: int = 6) -> Figure:
    """Images of a dataset with their objects."""
    columns = max(1, min(columns, len(examples)))
    rows = max(1, -(-len(examples) // columns))
    figure, grid = plt.subplots(rows, columns, figsize=(2.6 * columns, 2.7 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, example in zip(grid.flat, examples, strict=False):
        show_image(axes, example.image)
        height, width = example.image.shape[-2:]
        draw_truth(axes, example.truth, (height, width), classes)
        axes.set_title(example.name[-24:], fontsize=7)
    figure.tight_layout(pad=0.5)
    return figure
