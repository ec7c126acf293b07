"""Images on axes, and boxes with labels on images."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.plotting.fonts import class_names, families
from ssd_lite.plotting.style import SMALL, colour
from ssd_lite.truths import Truth

CROWD = 40
"""Where there are more boxes, labels would hide the image: the colours alone tell the classes."""

Image = UInt8[Tensor, "3 _ _"] | Float[Tensor, "3 _ _"]  # images of one call may differ in size


def show_image(axes: Axes, image: Image, *, fade: float = 0.0) -> None:
    """Show an image on the axes, whose units become its pixels; ``fade`` in [0, 1] blends it with white."""
    axes.imshow(image.permute(1, 2, 0).cpu().numpy())
    height, width = image.shape[-2:]
    if fade:
        outline(axes, (-0.5, -0.5, width - 0.5, height - 0.5), "none", fill="white", alpha=fade)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_axis_off()


def to_axes(boxes_xyxy: Float[Tensor, "n 4"], image: Image) -> list[list[float]]:
    """Relative boxes in the units of an image's axes, where the centre of the first pixel is at 0."""
    height, width = image.shape[-2:]
    boxes = boxes_xyxy.cpu().float()
    placed: list[list[float]] = (boxes * boxes.new_tensor([width, height] * 2) - 0.5).tolist()
    return placed


def outline(
    axes: Axes,
    box: Sequence[float],
    shade: str,
    *,
    width: float = 2.0,
    style: str = "-",
    rim: bool = False,
    fill: str | None = None,
    **options: Any,
) -> Rectangle:
    """Draw a box (x0, y0, x1, y1) in the units of the axes and return its patch.

    ``rim`` puts a wider white line under it, so that it stands out from any background.
    """
    x0, y0, x1, y1 = box
    if rim:
        outline(axes, box, "white", width=width + 2, **options)
    patch = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=fill is not None, linewidth=width, linestyle=style)
    patch.set(edgecolor=shade, facecolor=fill or "none", **options)
    axes.add_patch(patch)
    return patch


def label_box(axes: Axes, box: Sequence[float], text: str, shade: str, *, size: float = SMALL) -> None:
    """Write a label at the upper edge of a box, on its colour, inside the picture."""
    height, width = axes.images[0].get_array().shape[:2]  # type: ignore[union-attr]  # an image is shown
    right = (box[0] + box[2]) / 2 > width / 2
    x = min(box[2], width - 0.5) if right else max(box[0], -0.5)
    y = min(max(box[1], -0.5), 0.93 * height)
    pad = size / 10
    axes.annotate(
        text,
        (x, y),
        xytext=(-pad if right else pad, -pad),
        textcoords="offset points",
        annotation_clip=False,
        color="white",
        fontsize=size,
        fontfamily=families(text),
        parse_math=False,  # a class may be called "$5"
        ha="right" if right else "left",
        va="top",
        bbox={"facecolor": shade, "edgecolor": "none", "pad": pad},
    )


def draw_boxes(
    axes: Axes,
    boxes_px: Float[Tensor, "n 4"],
    labels: Sequence[int],
    texts: Sequence[str],
    *,
    broken: bool = False,
    width: float = 2.0,
    size: float = SMALL,
) -> None:
    """Draw boxes (xyxy, in pixels) in the colours of their classes, each with its text unless that is empty.

    ``width`` of the lines and ``size`` of the type are in points. More than ``CROWD`` boxes have thin lines
    and no texts.
    """
    if len(labels) > CROWD:
        texts, width = [""] * len(labels), min(width, 1.0)
    placed = (boxes_px.cpu().float() - 0.5).tolist()
    for box, label in zip(placed, labels, strict=True):
        outline(axes, box, colour(label), style="--" if broken else "-", width=width)
    for box, label, text in zip(
        placed, labels, texts, strict=True
    ):  # after all boxes: no line crosses a text
        if text:
            label_box(axes, box, text, colour(label), size=size)


def draw_truth(
    axes: Axes, truth: Truth, size_px: tuple[int, int], classes: Sequence[str], *, size: float = SMALL
) -> None:
    """Draw the objects of an image of ``size_px`` (height, width); "?" marks a difficult one."""
    height, width = size_px
    names = class_names(classes)
    texts = [
        names[label - 1] + ("?" if difficult else "")
        for label, difficult in zip(truth.labels.tolist(), truth.difficult.tolist(), strict=True)
    ]
    boxes_px = truth.boxes_xyxy * truth.boxes_xyxy.new_tensor([width, height, width, height])
    draw_boxes(axes, boxes_px, truth.labels.tolist(), texts, broken=True, size=size)


def draw_detections(
    axes: Axes,
    detections: Mapping[str, Tensor],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
    width: float = 2.0,
    size: float = SMALL,
) -> None:
    """Draw the detections (boxes in pixels) that score at least ``threshold``, with class and score."""
    labels, boxes_px, texts = detection_texts(detections, classes, threshold=threshold)
    draw_boxes(axes, boxes_px, labels, texts, width=width, size=size)


def detection_texts(
    detections: Mapping[str, Tensor], classes: Sequence[str], *, threshold: float, scores: bool = True
) -> tuple[list[int], Tensor, list[str]]:
    """Labels, boxes and texts of the detections that score at least ``threshold``."""
    kept = (detections["scores"] >= threshold).cpu()
    labels = detections["labels"].cpu()[kept].tolist()
    names = class_names(classes)
    texts = [
        f"{names[label - 1]} {score:.2f}" if scores else names[label - 1]
        for label, score in zip(labels, detections["scores"].cpu()[kept].tolist(), strict=True)
    ]
    return labels, detections["boxes"].cpu()[kept], texts
