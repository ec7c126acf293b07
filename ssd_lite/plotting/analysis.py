"""Figures of an analysis: curves, sizes, overlaps, confusions, errors, and images beside their truth."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.analysis import KINDS, Analysis
from ssd_lite.data.examples import Example
from ssd_lite.plotting.boxes import draw_detections, draw_truth, show_image
from ssd_lite.plotting.fonts import class_names, families
from ssd_lite.plotting.style import COLOURS, LINES, SMALL, WIDTH, colour, styled

MOST_POINTS = 200
"""A curve is drawn with about as many points, so that a figure of many classes stays small."""

MOST_NUMBERS = 15
"""Up to this many classes the cells of a confusion matrix show their numbers."""

LONGEST_NAME = 18
"""Longer class names are cut in figures; tables show them whole."""


@styled
def precision_recall_grid(analysis: Analysis, *, columns: int = 3) -> Figure:
    """Precision over recall, a panel per class with objects; a dot marks the threshold with the best F1."""
    shown = [name for name in analysis.classes if analysis.ap.counts[name]]
    rows = max(1, -(-len(shown) // columns))
    figure, grid = plt.subplots(
        rows, columns, figsize=(WIDTH, 0.5 + 1.9 * rows), sharex=True, sharey=True, squeeze=False
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, shown, strict=False):
        axes.set_axis_on()
        _curve(axes, analysis, name)
        _title(axes, f"{_short(analysis.classes)[name]} {analysis.ap.per_class[name]:.2f}")
    for axes in grid[:, 0]:
        axes.set_ylabel("precision")
    for axes in grid[-1]:
        axes.set_xlabel("recall")
    figure.tight_layout(pad=0.4)
    return figure


def _curve(axes: Axes, analysis: Analysis, name: str) -> None:
    recall, precision, _ = _points(analysis, name)
    shade = colour(1 + analysis.classes.index(name))
    axes.plot(recall, precision, color=shade, linewidth=2)
    best = analysis.best_thresholds[name]
    if best is not None:
        axes.plot(best.recall, best.precision, "o", color=shade, markersize=6)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.05))
    axes.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
    axes.set_yticks((0, 0.5, 1), ("0", "0.5", "1"))


def _points(analysis: Analysis, name: str) -> tuple[list[float], list[float], list[float]]:
    """Recall, precision and score of a class, after some of its correct detections."""
    recall = analysis.ap.recall[name]
    hits = (recall.diff(prepend=recall.new_zeros(1)) > 0).nonzero().squeeze(1)
    chosen = hits[:: max(1, len(hits) // MOST_POINTS)]
    columns = (recall, analysis.ap.precision[name], analysis.scores[name])
    recalls, precisions, scores = (column[chosen].tolist() for column in columns)
    return recalls, precisions, scores


@styled
def ap_by_overlap(analysis: Analysis) -> Figure:
    """The mean AP over the overlap that a detection must reach, in black, and each class as a thin line."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    thresholds = list(analysis.by_iou)
    for label, name in enumerate(analysis.classes, start=1):
        values = [part.per_class[name] for part in analysis.by_iou.values()]
        _class_line(axes, thresholds, values, label)
    means = [part.mean for part in analysis.by_iou.values()]
    axes.plot(thresholds, means, "o-", color=COLOURS[6], linewidth=3)
    axes.set(xlabel="overlap (IoU) that counts as found", ylabel="AP", ylim=(0, 1.02))
    _legend(axes, analysis.classes)
    figure.tight_layout(pad=0.4)
    return figure


@styled
def ap_by_size(analysis: Analysis) -> Figure:
    """The mean AP for objects of each size as bars, with the numbers of objects."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.2))
    parts = analysis.by_size
    values = [_or_zero(part.mean) for part in parts]
    axes.barh(range(len(parts)), values, color=COLOURS[1], height=0.6)
    for row, (part, value) in enumerate(zip(parts, values, strict=True)):
        _beside(axes, value, row, "no objects" if math.isnan(part.mean) else f"{value:.2f}")
    labels = [f"{part.name} ({sum(part.counts.values())})" for part in parts]
    axes.set_yticks(range(len(parts)), labels)
    axes.invert_yaxis()
    axes.set(xlabel="mean AP", xlim=(0, 1.12))
    figure.tight_layout(pad=0.4)
    return figure


@styled
def confusion_matrix(analysis: Analysis) -> Figure:
    """What objects of each class (rows) were detected as (columns), shaded by their share of the row.

    The last row holds detections on no object, the last column objects without a detection.
    """
    count = len(analysis.classes) + 1
    matrix = analysis.confusion.roll((-1, -1), (0, 1)).double()
    shares = matrix / matrix.sum(dim=1, keepdim=True).clamp(min=1)
    side = max(WIDTH, 2.0 + 0.32 * count)
    figure, axes = plt.subplots(figsize=(side, side * 0.9))
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    names = [*_short(analysis.classes).values()]
    axes.set_xticks(range(count), [*names, "nothing"], rotation=90)
    axes.set_yticks(range(count), [*names, "background"])
    for tick in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        tick.set(parse_math=False, fontfamily=families(tick.get_text()))
    if count - 1 <= MOST_NUMBERS:
        for row, column in matrix.nonzero().tolist():
            ink = "white" if shares[row, column] > 0.5 else "black"
            number = f"{int(matrix[row, column])}"
            axes.text(column, row, number, ha="center", va="center", color=ink, fontsize=SMALL)
    axes.set(xlabel="detected as", ylabel="object")
    figure.tight_layout(pad=0.4)
    return figure


@styled
def error_gains(analysis: Analysis) -> Figure:
    """What the mean AP would gain if all errors of a kind were repaired: a bar for each kind."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    gains = [_or_zero(analysis.errors.delta_ap[kind]) for kind in KINDS]
    axes.barh(range(len(KINDS)), gains, color=COLOURS[0], height=0.6)
    for row, gain in enumerate(gains):
        _beside(axes, gain, row, f"{gain:.3f}")
    axes.set_yticks(range(len(KINDS)), KINDS)
    axes.invert_yaxis()
    axes.set(xlabel="gain of the mean AP if repaired", xlim=(0, max(0.05, 1.2 * max(gains))))
    figure.tight_layout(pad=0.4)
    return figure


@styled
def f1_by_threshold(analysis: Analysis) -> Figure:
    """F1 over the score threshold, a line per class; a dot marks the best threshold."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.3))
    for label, name in enumerate(analysis.classes, start=1):
        best = analysis.best_thresholds[name]
        if best is None:
            continue
        recalls, precisions, scores = _points(analysis, name)
        f1 = [2 * r * p / (r + p) for r, p in zip(recalls, precisions, strict=True)]
        _class_line(axes, scores, f1, label)
        axes.plot(best.score, best.f1, "o", color=colour(label), markersize=6)
    axes.set(xlabel="lowest score of a detection that is kept", ylabel="F1", xlim=(0, 1), ylim=(0, 1.02))
    _legend(axes, analysis.classes)
    figure.tight_layout(pad=0.4)
    return figure


@styled
def truth_beside_detections(
    example: Example, detections: Mapping[str, Tensor], classes: Sequence[str], *, threshold: float
) -> Figure:
    """An image with its objects, and beside it the same with its detections (boxes in pixels).

    The panels have the shape of the image, within bounds. Detections that score less than ``threshold`` are
    left out.
    """
    height, width = example.image.shape[-2:]
    panel = min(max(0.485 * WIDTH * height / width, 1.2), 5.5)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, panel + 0.35))
    for axes in (left, right):
        show_image(axes, example.image)
    draw_truth(left, example.truth, (height, width), classes)
    draw_detections(right, detections, classes, threshold=threshold)
    _title(left, "truth")
    _title(right, f"detections, score ≥ {threshold:.2f}")
    figure.tight_layout(pad=0.3)
    return figure


def _class_line(axes: Axes, x: Sequence[float], y: Sequence[float], label: int) -> None:
    axes.plot(x, y, color=colour(label), linestyle=_line_style(label), linewidth=1.4)


def _line_style(label: int) -> str:
    """The style of a class's line, another where colours repeat."""
    return LINES[(label - 1) // len(COLOURS) % len(LINES)]


def _legend(axes: Axes, classes: Sequence[str]) -> None:
    """The classes' lines beside the chart, if they are few."""
    if len(classes) > MOST_NUMBERS:
        return
    lines = [
        axes.plot([], [], color=colour(label), linestyle=_line_style(label))[0]
        for label in range(1, len(classes) + 1)
    ]
    names = [*_short(classes).values()]
    # The names come second: Matplotlib 3.9 leaves out of a legend labels that begin with an underscore.
    legend = axes.legend(lines, ["name"] * len(names), loc="upper left", bbox_to_anchor=(1.0, 1.05))
    for entry, name in zip(legend.get_texts(), names, strict=True):
        entry.set(text=name, parse_math=False, fontfamily=families(name))


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _short(classes: Sequence[str]) -> dict[str, str]:
    """The names to draw: each class's own, cut where it is long."""
    drawn = class_names(classes)
    cut = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in drawn]
    return dict(zip(classes, cut, strict=True))


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=SMALL, parse_math=False, fontfamily=families(text))


def _beside(axes: Axes, x: float, y: float, text: str) -> None:
    """Write a text to the right of a bar's end."""
    axes.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=SMALL)
