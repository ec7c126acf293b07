"""The objective in pictures: offsets, the shapes of losses, and what receives a gradient."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Bool, Float, Int64, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.detection import Detections
from ssd_lite.plotting.common import (
    COLOURS,
    WIDTH,
    colour,
    draw_detections,
    draw_truth,
    show_image,
    styled,
)
from ssd_lite.truths import Truth

SMALL = 9
"""The smallest type, in points."""


@styled
def matched_pair(
    image: UInt8[Tensor, "3 h w"],
    truth: Truth,
    defaults_xyxy: Float[Tensor, "d 4"],
    matches: Int64[Tensor, " d"],
) -> Figure:
    """All default boxes of a small layout, and beside them those that are matched, with their numbers."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    for axes in panels:
        show_image(axes, image)
        _truths(axes, truth, image)
    everything, positives = panels
    everything.set_title(f"{len(truth)} objects, {len(defaults_xyxy)} default boxes")
    positives.set_title(f"{int((matches >= 0).sum())} default boxes are matched")
    for number, (box, owner) in enumerate(zip(_px(defaults_xyxy, image), matches.tolist(), strict=True)):
        everything.add_patch(_outline(box, "0.25", width=1.2))
        if owner >= 0:
            shade = colour(int(truth.labels[owner]))
            positives.add_patch(_outline(box, shade, width=2.4))
            text = {"color": "white", "bbox": {"facecolor": shade, "edgecolor": "none", "pad": 2}}
            positives.text(box[2], box[3], str(number), ha="right", va="bottom", **text)
    height, width = image.shape[-2:]
    for axes in panels:
        axes.set(xlim=(-0.06 * width, 1.06 * width), ylim=(1.06 * height, -0.06 * height))
    figure.tight_layout(pad=0.5)
    return figure


@styled
def offset_pairs(
    pairs: Mapping[str, tuple[Float[Tensor, "4"], Float[Tensor, "4"], Float[Tensor, "4"]]],
) -> Figure:
    """Default boxes and the objects they answer for, the way between them, and the four offsets below.

    ``pairs`` holds for each title a default box and an object (cxcywh) and the offsets.
    """
    figure, panels = plt.subplots(1, len(pairs), figsize=(WIDTH, 4.6), squeeze=False)
    for axes, (title, (default, truth, offsets)) in zip(panels[0], pairs.items(), strict=True):
        _square(axes)
        axes.set_title(title)
        small = float(max(default[2:].max(), truth[2:].max())) < 0.2
        _way(_magnified(axes, default) if small else axes, default, truth)
        if small:
            _pair(axes, default, truth)
        cx, cy, w, h = offsets.tolist()
        below = f"cx {cx:+.2f}   cy {cy:+.2f}\nw {w:+.2f}   h {h:+.2f}"
        axes.text(0.5, -0.03, below, ha="center", va="top", transform=axes.transAxes)
    figure.legend(
        handles=[
            _outline((0.0, 0.0, 1.0, 1.0), "0.2"),
            _outline((0.0, 0.0, 1.0, 1.0), COLOURS[0], broken=True),
        ],
        labels=["default box", "object"],
        loc="lower center",
        ncols=2,
    )
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    return figure


@styled
def decoded_boxes(
    default_cxcywh: Float[Tensor, "4"],
    truth_cxcywh: Float[Tensor, "4"],
    decoded_cxcywh: Mapping[str, Float[Tensor, "4"]],
) -> Figure:
    """For each title where the decoded box comes to lie, with the default box and the object."""
    figure, panels = plt.subplots(1, len(decoded_cxcywh), figsize=(WIDTH, 2.9), squeeze=False)
    for axes, (title, box) in zip(panels[0], decoded_cxcywh.items(), strict=True):
        _square(axes)
        axes.set_title(title, fontsize=10)
        axes.add_patch(_outline(_corners(box), COLOURS[1], width=3.0, fill=True))
        _pair(axes, default_cxcywh, truth_cxcywh)
    figure.legend(
        handles=[
            _outline((0.0, 0.0, 1.0, 1.0), "0.2"),
            _outline((0.0, 0.0, 1.0, 1.0), COLOURS[0], broken=True),
            _outline((0.0, 0.0, 1.0, 1.0), COLOURS[1], width=3.0, fill=True),
        ],
        labels=["default box", "object", "decoded"],
        loc="lower center",
        ncols=3,
        fontsize=10,
    )
    figure.tight_layout(rect=(0, 0.08, 1, 1), pad=0.4)
    return figure


@styled
def ratio_costs(ratios: Float[Tensor, " n"], costs: Mapping[str, Float[Tensor, " n"]]) -> Figure:
    """What a wrong size costs, over the ratio of predicted to true size (a logarithmic axis)."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.9))
    for (name, cost), shade, line in zip(costs.items(), (COLOURS[1], COLOURS[0]), ("-", "--"), strict=False):
        axes.plot(ratios.tolist(), cost.tolist(), line, color=shade, linewidth=2.4, label=name)
    axes.axvline(1, color="0.7", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1 / 4, 1 / 2, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axes.minorticks_off()
    axes.set(xlabel="predicted size / true size", ylabel="smooth L1", ylim=(0, None))
    axes.legend(loc="upper center")
    figure.tight_layout()
    return figure


@styled
def offset_spread(offsets: Mapping[str, Float[Tensor, "n 4"]], *, limit: float = 5.0) -> Figure:
    """Histograms of the four offsets, a panel for each title, over the same axis."""
    figure, panels = plt.subplots(1, len(offsets), figsize=(WIDTH, 2.9), squeeze=False, sharex=True)
    for axes, (title, values) in zip(panels[0], offsets.items(), strict=True):
        for column, (name, shade, line) in enumerate(
            zip(("cx", "cy", "w", "h"), COLOURS[:4], ("-", "--", "-", "--"), strict=True)
        ):
            axes.hist(
                values[:, column].tolist(),
                bins=41,
                range=(-limit, limit),
                histtype="step",
                color=shade,
                linestyle=line,
                linewidth=1.8,
                label=name,
            )
        axes.set_title(title)
        axes.set(xlabel="offset", yticks=[], xlim=(-limit, limit))
        axes.spines["left"].set_visible(False)
    panels[0][-1].legend(loc="upper right", fontsize=10, handlelength=1.4)
    figure.tight_layout()
    return figure


@styled
def loss_shapes(
    errors: Float[Tensor, " n"],
    values: Mapping[str, Float[Tensor, " n"]],
    gradients: Mapping[str, Float[Tensor, " n"]],
) -> Figure:
    """Losses over the error, and beside them their gradients."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.1))
    for axes, curves, label in zip(panels, (values, gradients), ("loss", "gradient"), strict=True):
        for (name, curve), shade, line in zip(curves.items(), COLOURS, ("-", "--", ":"), strict=False):
            axes.plot(errors.tolist(), curve.tolist(), line, color=shade, linewidth=2.2, label=name)
        axes.set(xlabel="error $l - \\hat g$", title=label)
    panels[0].set_ylim(0, 4)
    panels[1].set_ylim(-3, 3)
    panels[0].legend(loc="upper center", fontsize=10)
    figure.tight_layout()
    return figure


@styled
def line_fits(
    x: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    outlier: Bool[Tensor, " n"],
    fits: Mapping[str, tuple[float, float]],
) -> Figure:
    """Points, the outliers among them as crosses, and a line (slope, intercept) for each loss."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.4))
    axes.plot(x[~outlier].tolist(), y[~outlier].tolist(), "o", color="0.35", markersize=5)
    axes.plot(x[outlier].tolist(), y[outlier].tolist(), "X", color=COLOURS[3], markersize=9, label="outlier")
    ends = [float(x.min()), float(x.max())]
    for (name, (slope, intercept)), shade, line in zip(fits.items(), COLOURS, ("-", "--", ":"), strict=False):
        heights = [slope * end + intercept for end in ends]
        axes.plot(ends, heights, line, color=shade, linewidth=2.4, label=name)
    axes.set(xlabel="x", ylabel="y")
    axes.legend(fontsize=10)
    figure.tight_layout()
    return figure


@styled
def gradient_boxes(
    image: UInt8[Tensor, "3 h w"],
    truth: Truth,
    defaults_xyxy: Float[Tensor, "d 4"],
    positive: Bool[Tensor, " d"],
    negative: Bool[Tensor, " d"],
) -> Figure:
    """The default boxes whose prediction receives a gradient: the positives, and the negatives that count."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.7))
    parts = (("positive", positive, COLOURS[5]), ("negative, counted", negative, COLOURS[3]))
    for axes, (name, chosen, shade) in zip(panels, parts, strict=True):
        show_image(axes, image)
        for box in _px(defaults_xyxy[chosen], image):
            axes.add_patch(_outline(box, shade, width=1.4))
        _truths(axes, truth, image)
        axes.set_title(f"{int(chosen.sum())} {name}")
        height, width = image.shape[-2:]
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    figure.tight_layout(pad=0.5)
    return figure


@styled
def overfitting(losses: Mapping[str, Sequence[float]]) -> Figure:
    """Losses over the steps, on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    for (name, values), shade in zip(losses.items(), COLOURS, strict=False):
        axes.plot(range(1, len(values) + 1), values, color=shade, linewidth=2, label=name)
    axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="loss")
    axes.legend(fontsize=10)
    figure.tight_layout()
    return figure


@styled
def detections_compared(
    image: UInt8[Tensor, "3 h w"],
    truth: Truth,
    found: Mapping[str, Detections],
    classes: Sequence[str],
    *,
    truth_beside: bool = True,
) -> Figure:
    """The image once for each title with all of the given detections.

    The objects have a panel of their own, or, without ``truth_beside``, broken outlines in every panel.
    """
    count = len(found) + truth_beside
    figure, panels = plt.subplots(1, count, figsize=(WIDTH, 0.4 + WIDTH / count), squeeze=False)
    height, width = image.shape[-2:]
    for axes in panels[0]:
        show_image(axes, image)
    if truth_beside:
        draw_truth(panels[0][0], truth, (height, width), classes)
        panels[0][0].set_title("truth", fontsize=10)
    for axes, (title, detections) in zip(panels[0][truth_beside:], found.items(), strict=True):
        if not truth_beside:
            _truths(axes, truth, image)
        draw_detections(axes, detections, classes, threshold=0.0)
        axes.set_title(title, fontsize=10)
    for text in (text for axes in panels[0] for text in axes.texts):
        text.set_fontsize(SMALL)
        if text.xy[0] > 0.6 * width:  # or it would leave the picture
            text.set_horizontalalignment("right")
    for axes in panels[0]:
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    figure.tight_layout(pad=0.4)
    return figure


def _square(axes: Axes) -> None:
    """Axes that are an empty image, its top left corner at the origin."""
    axes.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color="0.8")


def _pair(axes: Axes, default_cxcywh: Tensor, truth_cxcywh: Tensor) -> None:
    axes.add_patch(_outline(_corners(default_cxcywh), "0.2"))
    axes.add_patch(_outline(_corners(truth_cxcywh), COLOURS[0], broken=True))


def _way(axes: Axes, default_cxcywh: Tensor, truth_cxcywh: Tensor) -> None:
    """The pair, and an arrow from centre to centre."""
    _pair(axes, default_cxcywh, truth_cxcywh)
    arrow = {"arrowstyle": "-|>", "linewidth": 2, "shrinkA": 0, "shrinkB": 0, "color": COLOURS[1]}
    (dx, dy), (gx, gy) = default_cxcywh[:2].tolist(), truth_cxcywh[:2].tolist()
    axes.annotate("", (gx, gy), (dx, dy), arrowprops=arrow)


def _magnified(axes: Axes, box_cxcywh: Tensor) -> Axes:
    """Smaller axes, in the corner of an image, that show a box and what is around it five times as large."""
    cx, cy = box_cxcywh[:2].tolist()
    inset = axes.inset_axes((0.5, 0.48, 0.48, 0.5))
    _square(inset)
    inset.set(xlim=(cx - 0.05, cx + 0.05), ylim=(cy + 0.05, cy - 0.05))
    axes.indicate_inset_zoom(inset, edgecolor="0.4")
    return inset


def _truths(axes: Axes, truth: Truth, image: Tensor) -> None:
    for box, label in zip(_px(truth.boxes_xyxy, image), truth.labels.tolist(), strict=True):
        axes.add_patch(_outline(box, "white", width=4.0))
        axes.add_patch(_outline(box, colour(label), width=2.4, broken=True))


def _px(boxes_xyxy: Tensor, image: Tensor) -> list[list[float]]:
    """Relative boxes in the pixels of the image."""
    height, width = image.shape[-2:]
    pixels: list[list[float]] = (boxes_xyxy * boxes_xyxy.new_tensor([width, height, width, height])).tolist()
    return pixels


def _corners(box_cxcywh: Tensor) -> list[float]:
    corners: list[float] = cxcywh_to_xyxy(box_cxcywh).tolist()
    return corners


def _outline(
    box: Sequence[float], shade: str, *, width: float = 2.2, broken: bool = False, fill: bool = False
) -> Rectangle:
    """A box (x0, y0, x1, y1) as a rectangle, filled lightly if asked."""
    x0, y0, x1, y1 = box
    inside = (shade, 0.25) if fill else "none"
    line = "--" if broken else "-"
    return Rectangle(
        (x0, y0), x1 - x0, y1 - y0, linewidth=width, edgecolor=shade, facecolor=inside, linestyle=line
    )
