"""The diagram of the package: how data flow in training and in prediction."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ssd_lite.plotting.style import COLOURS, SMALL, WIDTH, styled

TRAINING, PREDICTION = COLOURS[0], COLOURS[1]
"""Colours of the two paths through the package."""

NODES = {
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
"""Column, row and second line of each node."""

EDGES = (
    ("files", "data", "", TRAINING),
    ("data", "augmentation", "", TRAINING),
    ("augmentation", "criterion", "truths", TRAINING),
    ("augmentation", "model", "images", TRAINING),
    ("model", "criterion", "predictions", TRAINING),
    ("criterion", "optimizer", "gradients", TRAINING),
    ("optimizer", "model", "weights", TRAINING),
    ("image", "model", "", PREDICTION),
    ("model", "detection", "predictions", PREDICTION),
    ("detection", "average precision", "", PREDICTION),
)
"""Start, end, what is passed on, and the path that the edge belongs to."""

HALF_WIDTH, HALF_HEIGHT, ROW_HEIGHT = 0.44, 0.22, 0.98
"""Of a node, and the distance between rows; columns are 1 apart."""


@styled
def pipeline() -> Figure:
    """The data flow of training, and how an image flows through the trained model."""
    figure, axes = plt.subplots(figsize=(WIDTH, 4.2))
    for name in NODES:
        _draw_node(axes, name)
    for start, end, carried, shade in EDGES:
        _draw_edge(axes, start, end, carried, shade)
    for row, (text, shade) in enumerate((("training", TRAINING), ("prediction", PREDICTION))):
        y = -ROW_HEIGHT * 1.75 - 0.28 * row
        axes.plot([-0.35, -0.1], [y, y], color=shade, linewidth=2.6, solid_capstyle="butt")
        axes.text(-0.05, y, text, va="center", color=shade)
    axes.set(xlim=(-0.46, 3.46), ylim=(-2 * ROW_HEIGHT - 0.28, 0.28), aspect="auto")
    axes.set_axis_off()
    figure.subplots_adjust(0, 0, 1, 1)
    return figure


def _place(name: str) -> tuple[float, float]:
    column, row, _ = NODES[name]
    return float(column), -ROW_HEIGHT * row


def _draw_node(axes: Axes, name: str) -> None:
    x, y = _place(name)
    corner, style = (x - HALF_WIDTH, y - HALF_HEIGHT), "round,pad=0,rounding_size=0.06"
    box = FancyBboxPatch(corner, 2 * HALF_WIDTH, 2 * HALF_HEIGHT, boxstyle=style)
    box.set(facecolor="0.95", edgecolor="0.3", linewidth=1.4)
    axes.add_patch(box)
    text, below = name.replace(" ", "\n"), NODES[name][2]
    two_lines = bool(below) and "\n" not in text
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    axes.text(x, y + 0.075 * two_lines, text, fontsize=SMALL, fontweight="bold", **centred)
    if two_lines:
        axes.text(x, y - 0.1, below, fontsize=SMALL, color="0.3", **centred)


def _draw_edge(axes: Axes, start: str, end: str, carried: str, shade: str) -> None:
    (x0, y0), (x1, y1) = _place(start), _place(end)
    dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    shift = -0.22 if carried == "images" else 0.0  # makes room for its neighbour's label
    tail = (x0 + dx * HALF_WIDTH + shift, y0 + dy * HALF_HEIGHT)
    head = (x1 - dx * HALF_WIDTH + shift, y1 - dy * HALF_HEIGHT)
    arrow = {"arrowstyle": "-|>", "color": shade, "linewidth": 2.2, "shrinkA": 1, "shrinkB": 1}
    axes.annotate("", head, tail, arrowprops={**arrow, "mutation_scale": 16})
    if carried:
        x, y = (tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2
        right, up, across, upright = _label_side(carried, level=not dy, slanted=bool(dx and dy))
        axes.text(x + right, y + up, carried, ha=across, va=upright, fontsize=SMALL, color=shade)


def _label_side(text: str, *, level: bool, slanted: bool) -> tuple[float, float, str, str]:
    """Where an edge's label has room: its offset from the middle, and its alignments."""
    if slanted:
        return -0.06, 0.0, "right", "center"
    if text == "images":
        return -0.05, 0.0, "right", "center"
    if text == "weights":
        return 0.0, -0.24, "center", "top"
    if text == "truths":
        return 0.0, 0.24, "center", "bottom"
    return (0.0, 0.05, "center", "bottom") if level else (0.05, 0.0, "left", "center")
