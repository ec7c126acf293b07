"""Every figure of the package and the book. matplotlib is imported here only.

Each function returns a figure; :func:`save` writes and closes it. A class has the same colour in all
of them, truths are drawn with broken lines, detections with full ones.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.data.examples import Example
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.truths import Truth

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
            fontsize=7,
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


def loss_curves(log: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """The loss and its two parts over the steps of a run, and below them the learning rate."""
    steps = [entry["step"] for entry in log]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(7, 4.5), sharex=True, gridspec_kw={"height_ratios": [3, 1]}
    )
    for name, shade in (("loss", COLOURS[6]), ("confidence", COLOURS[0]), ("localization", COLOURS[1])):
        above.plot(steps, [entry[name] for entry in log], color=shade, label=name, linewidth=1.4)
    above.set_ylabel("loss per matched default box")
    above.set_ylim(bottom=0)
    above.set_title(title)
    above.legend(frameon=False)
    below.plot(steps, [entry["learning_rate"] for entry in log], color=COLOURS[2], linewidth=1.4)
    below.set_ylabel("learning rate")
    below.set_xlabel("step")
    figure.tight_layout()
    return figure


def precision_recall(metrics: AveragePrecision) -> Figure:
    """Precision over recall of every class that has objects."""
    figure, axes = plt.subplots(figsize=(5.5, 4.5))
    for label, (name, recall) in enumerate(metrics.recall.items(), start=1):
        if metrics.counts[name]:
            line = "-" if label <= len(COLOURS) else "--"
            text = f"{name} {metrics.per_class[name]:.2f}"
            axes.plot(recall, metrics.precision[name], line, color=colour(label), label=text)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG and close it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=figure.dpi, metadata={"Software": None})
    plt.close(figure)
    return path
