"""A quick look at an example, a dataset or detections, for notebooks."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.data.examples import Dataset, Example
from ssd_lite.plotting.boxes import Image, draw_detections, draw_truth, show_image
from ssd_lite.plotting.detections import contact_sheet
from ssd_lite.plotting.style import WIDTH, styled

MOST_IMAGES = 12
"""So many images of a dataset are shown, spread evenly over it."""


def show(
    item: Example | Dataset | Mapping[str, Tensor],
    image: Image | None = None,
    classes: Sequence[str] | None = None,
    *,
    threshold: float = 0.0,
) -> Figure:
    """A figure of an example with its objects, of some images of a dataset, or of detections on ``image``.

    ``classes`` names the labels; detections and datasets usually know them, and an example without them has
    "class 1", "class 2", …. Detections (boxes in pixels) that score less than ``threshold`` are left out.
    A notebook shows the figure where it is the last value of a cell.

    Raises ``ValueError`` for detections without an image, and ``TypeError`` for anything else.
    """
    if isinstance(item, Example):
        return _on_image(item.image, item, classes)
    if isinstance(item, Mapping):
        if image is None:
            raise ValueError("detections need the image: show(detections, image)")
        return _on_image(image, item, classes, threshold)
    if not isinstance(item, Dataset):
        raise TypeError(f"show takes an Example, a dataset or detections, got {type(item).__name__}")
    step = -(-len(item) // MOST_IMAGES) or 1
    examples = [item[index] for index in range(0, len(item), step)]
    return _without_double(contact_sheet(examples, classes or item.classes, columns=4))


@styled
def _on_image(image: Image, item: Any, classes: Sequence[str] | None, threshold: float = 0.0) -> Figure:
    """An image, at most as high as it is wide, with an example's objects or with detections."""
    labels = item.truth.labels if isinstance(item, Example) else item["labels"]
    most = int(labels.max()) if len(labels) else 0
    names = classes or getattr(item, "classes", ()) or [f"class {label}" for label in range(1, most + 1)]
    height, width = image.shape[-2:]
    scale = WIDTH / max(height, width)
    figure = plt.figure(figsize=(scale * width, scale * height))
    axes = figure.add_axes((0, 0, 1, 1))
    show_image(axes, image)
    if isinstance(item, Example):
        draw_truth(axes, item.truth, (height, width), names)
    else:
        draw_detections(axes, item, names, threshold=threshold)
    return _without_double(figure)


def _without_double(figure: Figure) -> Figure:
    """Closed for pyplot, so that a notebook shows the figure once; it can still be drawn and saved."""
    plt.close(figure)
    return figure
