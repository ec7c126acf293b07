"""Figures about training as a whole: what flows where, rates, suppression, precision, failures, runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Float, Int64, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from ssd_lite.plotting.common import COLOURS, WIDTH, colour, show_image, styled
from ssd_lite.truths import Truth

LEARNING, FINDING = COLOURS[0], COLOURS[1]
"""The colours of the two ways through the package: training, and prediction."""

STATIONS = {
    "files": (0, 0, "images, boxes"),
    "data": (1, 0, "batches"),
    "augmentation": (2, 0, "chapter 5"),
    "criterion": (3, 0, "chapters 1–4"),
    "image": (1, 1, ""),
    "model": (2, 1, "trunk, heads"),
    "optimizer": (3, 1, "SGD"),
    "detection": (2, 2, "boxes, scores"),
    "average precision": (3, 2, "one number"),
}
"""Column, row and second line of every box of the data-flow diagram."""

FLOWS = (
    ("files", "data", "", LEARNING),
    ("data", "augmentation", "", LEARNING),
    ("augmentation", "criterion", "truths", LEARNING),
    ("augmentation", "model", "images", LEARNING),
    ("model", "criterion", "predictions", LEARNING),
    ("criterion", "optimizer", "gradients", LEARNING),
    ("optimizer", "model", "weights", LEARNING),
    ("image", "model", "", FINDING),
    ("model", "detection", "predictions", FINDING),
    ("detection", "average precision", "", FINDING),
)
"""From where to where, what is carried, and on which of the two ways."""


@styled
def pipeline() -> Figure:
    """Everything together: how data flow in training, and how an image flows through the trained model."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.9))
    across, down, half, tall = 1.0, 0.95, 0.37, 0.2
    places = {name: (across * column, -down * row) for name, (column, row, _) in STATIONS.items()}
    for name, (_, _, below) in STATIONS.items():
        x, y = places[name]
        box = FancyBboxPatch(
            (x - half, y - tall), 2 * half, 2 * tall, boxstyle="round,pad=0,rounding_size=0.06"
        )
        box.set(facecolor="0.95", edgecolor="0.3", linewidth=1.4)
        axes.add_patch(box)
        text = name.replace(" ", "\n") if " " in name else name
        two = bool(below) and "\n" not in text
        axes.text(x, y + 0.07 * two, text, ha="center", va="center", fontsize=11, fontweight="bold")
        if two:
            axes.text(x, y - 0.09, below, ha="center", va="center", fontsize=9, color="0.3")
    for start, end, carried, shade in FLOWS:
        (x0, y0), (x1, y1) = places[start], places[end]
        dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
        begin = (x0 + dx * half, y0 + (dy * tall if not dx or dy else 0))
        finish = (x1 - dx * half, y1 - (dy * tall if not dx or dy else 0))
        arrow = {"arrowstyle": "-|>", "color": shade, "linewidth": 2.2, "shrinkA": 1, "shrinkB": 1}
        axes.annotate("", finish, begin, arrowprops={**arrow, "mutation_scale": 16})
        if carried:
            middle = ((begin[0] + finish[0]) / 2, (begin[1] + finish[1]) / 2)
            _label(axes, carried, middle, shade, level=not dy, slanted=bool(dx and dy))
    for row, (text, shade) in enumerate((("training", LEARNING), ("prediction", FINDING))):
        y = -down * 1.75 - 0.28 * row
        axes.plot([-0.35, -0.1], [y, y], color=shade, linewidth=2.6, solid_capstyle="butt")
        axes.text(-0.05, y, text, va="center", color=shade, fontsize=11)
    axes.set(xlim=(-0.42, 3.42), ylim=(-2 * down - 0.28, 0.28), aspect="auto")
    axes.set_axis_off()
    figure.subplots_adjust(0, 0, 1, 1)
    return figure


def _label(
    axes: Axes, text: str, middle: tuple[float, float], shade: str, *, level: bool, slanted: bool
) -> None:
    """What an arrow carries, where there is room for it: the arrow's own side of the diagram."""
    x, y = middle
    places = {"images": (-0.05, 0.0, "right", "center"), "weights": (0.0, -0.22, "center", "top")}
    usual = (0.0, 0.05, "center", "bottom") if level else (0.05, 0.0, "left", "center")
    dx, dy, across, upright = (-0.06, 0.0, "right", "center") if slanted else places.get(text, usual)
    axes.text(x + dx, y + dy, text, ha=across, va=upright, fontsize=9, color=shade)


@styled
def schedule(
    steps: Sequence[int], rates: Sequence[float], *, marked: Mapping[int, float] | None = None
) -> Figure:
    """The learning rate over the steps of a run, on a logarithmic axis; ``marked`` steps have dots."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.9))
    axes.plot(steps, rates, color=COLOURS[2], linewidth=2.4)
    if marked:
        axes.plot([*marked], [*marked.values()], "o", color=COLOURS[6], markersize=7)
    axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="learning rate")
    axes.grid(visible=True, axis="y", color="0.9")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    figure.tight_layout()
    return figure


@styled
def losses_by_rate(losses: Mapping[str, Sequence[float]], *, highest: float = 1000.0) -> Figure:
    """The losses of short runs, a line each on a logarithmic axis, cut off at ``highest``."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    shades = (COLOURS[1], COLOURS[2], COLOURS[0], COLOURS[3])
    for (name, values), shade in zip(losses.items(), shades, strict=False):
        axes.plot(range(1, len(values) + 1), values, color=shade, linewidth=2, label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log", ylim=(5, highest))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=10)
    figure.tight_layout()
    return figure


@styled
def found(
    images: Sequence[UInt8[Tensor, "3 h w"]],
    truths: Sequence[Truth],
    detections: Sequence[Mapping[str, Tensor]],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
    named: bool = False,
) -> Figure:
    """Pictures side by side: truths in broken lines, relative detections in full ones, with their scores.

    ``named`` writes the truths' classes on them.
    """
    figure, row = plt.subplots(
        1, len(images), figsize=(WIDTH, WIDTH / len(images) * _tallest(images)), squeeze=False
    )
    for axes, image, truth, kept in zip(row[0], images, truths, detections, strict=True):
        show_image(axes, image)
        sure = kept["scores"] >= threshold
        labels, scores = kept["labels"][sure].tolist(), kept["scores"][sure].tolist()
        texts = [f"{classes[label - 1]} {score:.2f}" for label, score in zip(labels, scores, strict=True)]
        names = [classes[label - 1] if named else "" for label in truth.labels.tolist()]
        _outlines(axes, truth.boxes_xyxy, truth.labels.tolist(), names, broken=True)
        _outlines(axes, kept["boxes"][sure], labels, texts)
    figure.subplots_adjust(0.005, 0.01, 0.995, 0.99, wspace=0.03)
    return figure


def _tallest(images: Sequence[UInt8[Tensor, "3 h w"]]) -> float:
    """The greatest height to width of some images."""
    return max(float(image.shape[1] / image.shape[2]) for image in images)


def _outlines(
    axes: Axes,
    boxes_xyxy: Float[Tensor, "n 4"],
    labels: Sequence[int],
    texts: Sequence[str],
    *,
    broken: bool = False,
    thick: float = 2.4,
) -> None:
    """Relative boxes on an image that is shown already, with texts of 9 points that stay in the picture."""
    height, width = axes.images[0].get_array().shape[:2]  # type: ignore[union-attr]  # an image is shown
    boxes_px = boxes_xyxy.cpu() * boxes_xyxy.cpu().new_tensor([width, height, width, height])
    for (x0, y0, x1, y1), label, text in zip(boxes_px.tolist(), labels, texts, strict=True):
        outline = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour(label))
        outline.set(linestyle="--" if broken else "-", linewidth=1.6 if broken else thick)
        axes.add_patch(outline)
        if text:
            ground = {"facecolor": colour(label), "edgecolor": "none", "pad": 1.5}
            edge, side = (min(x1, width), "right") if x0 > width / 2 else (x0, "left")
            low = min(y0, 0.92 * height)
            axes.text(edge, low, text, color="white", fontsize=9, ha=side, va="top", bbox=ground)


@styled
def suppression(
    image: UInt8[Tensor, "3 h w"],
    before_xyxy: Float[Tensor, "n 4"],
    before_labels: Int64[Tensor, " n"],
    after: Mapping[str, Tensor],
    classes: Sequence[str],
) -> Figure:
    """One image with all boxes that score enough, and with those that suppression leaves (relative)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.8))
    for axes, title in (
        (left, f"before: {len(before_xyxy)} boxes"),
        (right, f"after: {len(after['boxes'])}"),
    ):
        show_image(axes, image)
        axes.set_title(title)
    _outlines(left, before_xyxy, before_labels.tolist(), [""] * len(before_xyxy), thick=1.2)
    labels, scores = after["labels"].tolist(), after["scores"].tolist()
    texts = [f"{classes[label - 1]} {score:.2f}" for label, score in zip(labels, scores, strict=True)]
    _outlines(right, after["boxes"], labels, texts)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.92, wspace=0.03)
    return figure


@styled
def precision_envelope(
    recall: Sequence[float],
    precision: Sequence[float],
    envelope: Sequence[float],
    eleven: Sequence[float],
    *,
    lowest: float = 0.0,
) -> Figure:
    """One class's precision over recall, a dot for each detection; its envelope, and the 11 points."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.8))
    edges, heights = [0.0, *recall, recall[-1]], [envelope[0], *envelope, 0.0]
    axes.fill_between(edges, heights, step="pre", color=COLOURS[5], alpha=0.25, linewidth=0)
    axes.step(edges, heights, where="pre", color=COLOURS[1], linewidth=2.4, label="envelope; its area is AP")
    axes.plot(
        recall, precision, "o-", color=COLOURS[6], linewidth=1.2, markersize=6, label="after each detection"
    )
    tenths = [k / 10 for k in range(11)]
    axes.plot(
        tenths,
        eleven,
        "x",
        color=COLOURS[0],
        markersize=9,
        markeredgewidth=2.2,
        label="the 11 points",
        clip_on=False,
    )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(lowest, 1.03))
    axes.legend(loc="lower left", fontsize=10)
    figure.tight_layout()
    return figure


@styled
def failures(
    images: Sequence[UInt8[Tensor, "3 h w"]],
    wanted: Sequence[tuple[Float[Tensor, "4"], int] | None],
    given: Sequence[tuple[Float[Tensor, "4"], int, float] | None],
    titles: Sequence[str],
    classes: Sequence[str],
    *,
    columns: int = 3,
) -> Figure:
    """A picture a failure: the object concerned in broken lines, and the wrong detection in full ones.

    ``wanted`` are relative boxes with labels, ``given`` those with labels and scores; None for none.
    """
    rows = -(-len(images) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(WIDTH, rows * (WIDTH / columns + 0.32)), squeeze=False
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, right, wrong, title in zip(grid.flat, images, wanted, given, titles, strict=False):
        show_image(axes, image)
        axes.set_title(title, fontsize=10)
        if right is not None:
            _outlines(axes, right[0][None], [right[1]], [""], broken=True)
        if wrong is not None:
            _outlines(axes, wrong[0][None], [wrong[1]], [f"{classes[wrong[1] - 1]} {wrong[2]:.2f}"])
    figure.tight_layout(pad=0.3)
    return figure


@styled
def loss_of_runs(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """The confidence and localization losses of whole runs, over the share of each that is done."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.3), sharey=True)
    for axes, part in zip(panels, ("confidence", "localization"), strict=True):
        for number, (name, log) in enumerate(logs.items()):
            share = [entry["step"] / log[-1]["step"] for entry in log]
            values = [entry[part] for entry in log]
            axes.plot(share, values, color=COLOURS[number % len(COLOURS)], linewidth=1.6, label=name)
        axes.set(xlabel="share of the run", title=part, yscale="log", xticks=(0, 0.5, 1))
    panels[0].set_ylabel("loss per matched box")
    panels[1].legend(fontsize=10)
    figure.tight_layout()
    return figure
