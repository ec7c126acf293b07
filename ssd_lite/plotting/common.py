"""What every figure shares: colours, type sizes, images with boxes on them."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.files import write_atomic
from ssd_lite.truths import Truth

WIDTH = 7.0
"""Width of a figure in inches: a page's column; on a phone it is shown at about half its size."""

STYLE: Any = {
    "figure.dpi": 130,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",  # a white ground in dark mode too
    "font.size": 11,  # legible at half size
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """The same function, drawing in the style of the book and leaving matplotlib's own as it was."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> R:
        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return in_style


# Okabe and Ito's colours, told apart by colour-blind readers too; yellow is left out, which is
# illegible on white. Classes beyond the seventh use them again.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def colour(label: int) -> str:
    """The colour of a class, by its label from 1."""
    return COLOURS[(label - 1) % len(COLOURS)]


def show_image(axes: Axes, image: UInt8[Tensor, "3 h w"] | Float[Tensor, "3 h w"]) -> None:
    """Put an image on the axes, which then count in its pixels."""
    axes.imshow(image.permute(1, 2, 0).cpu().numpy())
    axes.set_axis_off()


def draw_boxes(
    axes: Axes,
    boxes_px: Float[Tensor, "n 4"],
    labels: Sequence[int],
    texts: Sequence[str],
    *,
    broken: bool = False,
) -> None:
    """Draw boxes (xyxy, in pixels) in their classes' colours, with a text on each."""
    for (x0, y0, x1, y1), label, text in zip(boxes_px.tolist(), labels, texts, strict=True):
        outline = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=1.8)
        outline.set(edgecolor=colour(label), linestyle="--" if broken else "-")
        axes.add_patch(outline)
        axes.annotate(
            text,
            (x0, max(y0, 0)),
            color="white",
            fontsize=9,
            va="top",
            annotation_clip=False,
            bbox={"facecolor": colour(label), "edgecolor": "none", "pad": 1},
        )


def draw_truth(axes: Axes, truth: Truth, size_px: tuple[int, int], classes: Sequence[str]) -> None:
    """Draw an image's objects; a difficult one has a question mark."""
    height, width = size_px
    names = [
        classes[label - 1] + ("?" if difficult else "")
        for label, difficult in zip(truth.labels.tolist(), truth.difficult.tolist(), strict=True)
    ]
    scale = truth.boxes_xyxy.new_tensor([width, height, width, height])
    draw_boxes(axes, truth.boxes_xyxy * scale, truth.labels.tolist(), names, broken=True)


def draw_detections(
    axes: Axes, detections: Mapping[str, Tensor], classes: Sequence[str], *, threshold: float = 0.5
) -> None:
    """Draw the detections (boxes in pixels) whose score is at least ``threshold``."""
    kept = detections["scores"] >= threshold
    labels = detections["labels"][kept].tolist()
    scores = detections["scores"][kept].tolist()
    texts = [f"{classes[label - 1]} {score:.2f}" for label, score in zip(labels, scores, strict=True)]
    draw_boxes(axes, detections["boxes"][kept].cpu(), labels, texts)


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure, whole or not at all, and close it; a PNG unless the name ends otherwise."""
    path, content = Path(path), BytesIO()
    kind = path.suffix.lstrip(".") or "png"
    metadata = {"Software": None} if kind == "png" else None
    figure.savefig(content, format=kind, dpi=figure.dpi, metadata=metadata)
    plt.close(figure)
    write_atomic(path, content.getvalue())
    return path
