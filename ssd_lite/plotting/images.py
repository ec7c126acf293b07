"""Grids of images with their objects, and a patch on its image."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.plotting.boxes import Image, outline, show_image, to_axes
from ssd_lite.plotting.style import COLOURS, WIDTH, colour, styled
from ssd_lite.truths import Truth

NEAR_PX = 4
"""An image whose height differs from its panel's by at most this is drawn without interpolation."""


@styled
def image_grid(
    images: Sequence[Image],
    truths: Sequence[Truth | None] | None = None,
    *,
    titles: Sequence[str] = (),
    columns: int = 3,
    panel_height: float | None = None,
) -> Figure:
    """Images in rows of ``columns``, each with the boxes of its truth, if it has one, and a title.

    ``panel_height`` is in inches; by default the height of the first image at the panel's width.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height, width = images[0].shape[-2:]
    panel = panel_height or (WIDTH / columns - 0.1) * height / width
    size = (WIDTH, rows * (panel + (0.38 if titles else 0.08)))
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, (axes, image) in enumerate(zip(grid.flat, images, strict=False)):
        _show_framed(axes, image, sharp=abs(image.shape[-2] - panel * figure.dpi) <= NEAR_PX)
        truth = truths[number] if truths is not None else None
        if truth is not None:
            outline_truth(axes, image, truth)
        if titles:
            axes.set_title(titles[number], pad=5)
    figure.tight_layout(pad=0.2, w_pad=0.5, h_pad=0.5)
    return figure


@styled
def patch_on_image(
    image: Image,
    truth: Truth,
    patch_xyxy: Float[Tensor, " 4"],
    kept: Bool[Tensor, " t"],
    cut: Image,
    seen: Truth,
) -> Figure:
    """An image with its objects and a patch, and beside it the patch as the network gets it.

    The centre of an object is a dot if the object is ``kept`` and a cross if it is dropped; dropped objects
    are grey. ``cut`` is the patch as an image, ``seen`` its truth.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 3.0), width_ratios=(image.shape[-1] / image.shape[-2], 1.0)
    )
    _show_framed(left, image)
    _show_framed(right, cut)
    boxes, labels = to_axes(truth.boxes_xyxy, image), truth.labels.tolist()
    for box, label, stays in zip(boxes, labels, kept.tolist(), strict=True):
        shade = colour(label) if stays else "0.35"
        outline(left, box, shade, width=2.4, style="--", rim=True, clip_on=False)
        _mark_centre(left, box, shade, dot=stays)
    outline(left, to_axes(patch_xyxy[None], image)[0], COLOURS[6], width=2.4, rim=True, clip_on=False)
    outline_truth(right, cut, seen)
    left.set_title("the image and a patch of it")
    right.set_title("what the network sees")
    figure.tight_layout(pad=0.3)
    return figure


def outline_truth(axes: Axes, image: Image, truth: Truth) -> None:
    """Draw the boxes of an image's objects, dashed on a white rim."""
    for box, label in zip(to_axes(truth.boxes_xyxy, image), truth.labels.tolist(), strict=True):
        outline(axes, box, colour(label), width=2.4, style="--", rim=True, clip_on=False)


def _mark_centre(axes: Axes, box: Sequence[float], shade: str, *, dot: bool) -> None:
    """A dot or a cross at the centre of a box, on a white rim."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for rim, ink in ((3.5, "white"), (0.0, shade)):
        if dot:
            axes.plot(x, y, "o", color=ink, markersize=8 + rim)
        else:
            axes.plot(x, y, "x", color=ink, markersize=9, markeredgewidth=2.5 + rim)


def _show_framed(axes: Axes, image: Image, *, sharp: bool = False) -> None:
    """Show an image in a thin grey frame, which separates a bright one from the white page.

    It is drawn in 64 shades per channel, which makes the PNG a third smaller. ``sharp`` turns
    interpolation off, for an image that has as many pixels as its panel.
    """
    shades = image.float() if image.is_floating_point() else image.float() / 255
    show_image(axes, (shades * 63).round() / 63)
    if sharp:
        axes.images[0].set_interpolation("nearest")
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set(visible=True, color="0.7", linewidth=0.8)
