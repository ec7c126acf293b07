"""The shapes of losses, which default boxes receive a gradient, and a loss over its steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Bool, Float
from matplotlib.figure import Figure
from torch import Tensor

from ssd_lite.plotting.boxes import Image, outline, show_image, to_axes
from ssd_lite.plotting.images import outline_truth
from ssd_lite.plotting.style import COLOURS, LINES, WIDTH, styled
from ssd_lite.truths import Truth


@styled
def loss_shapes(
    errors: Float[Tensor, " n"],
    values: Mapping[str, Float[Tensor, " n"]],
    gradients: Mapping[str, Float[Tensor, " n"]],
) -> Figure:
    """Losses over the error, and their gradients beside them; the last one is broad and pale."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 2.9))
    for axes, curves, label in zip(panels, (values, gradients), ("loss", "gradient"), strict=True):
        for (name, curve), shade, line in zip(curves.items(), COLOURS, LINES, strict=False):
            last = name == list(curves)[-1]
            look: dict[str, Any] = {"linewidth": 7, "alpha": 0.4, "zorder": 1} if last else {"linewidth": 2.2}
            axes.plot(errors.tolist(), curve.tolist(), "-" if last else line, color=shade, label=name, **look)
        axes.set(xlabel="error $l - \\hat g$", title=label)
    panels[0].set_ylim(0, 4)
    panels[1].set_ylim(-3, 3)
    panels[0].legend(loc="upper center")
    figure.tight_layout()
    return figure


@styled
def line_fits(
    x: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    outlier: Bool[Tensor, " n"],
    fits: Mapping[str, tuple[float, float]],
) -> Figure:
    """Points, with crosses for outliers, and the line (slope, intercept) that each loss fits to them."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.8))
    axes.plot(x[~outlier].tolist(), y[~outlier].tolist(), "o", color="0.35", markersize=5)
    axes.plot(x[outlier].tolist(), y[outlier].tolist(), "X", color=COLOURS[3], markersize=9, label="outlier")
    ends = [float(x.min()), float(x.max())]
    for (name, (slope, intercept)), shade, line in zip(fits.items(), COLOURS, LINES, strict=False):
        heights = [slope * end + intercept for end in ends]
        axes.plot(ends, heights, line, color=shade, linewidth=2.4, label=name)
    axes.set(xlabel="x", ylabel="y")
    axes.legend()
    figure.tight_layout()
    return figure


@styled
def gradient_boxes(
    image: Image,
    truth: Truth,
    defaults_xyxy: Float[Tensor, "d 4"],
    positive: Bool[Tensor, " d"],
    negative: Bool[Tensor, " d"],
) -> Figure:
    """The default boxes whose prediction receives a gradient: positives, and the negatives that count."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.5))
    parts = (("positive", positive, COLOURS[5]), ("negative, counted", negative, COLOURS[3]))
    for axes, (name, chosen, shade) in zip(panels, parts, strict=True):
        show_image(axes, image)
        for box in to_axes(defaults_xyxy[chosen], image):
            outline(axes, box, shade, width=1.4)
        outline_truth(axes, image, truth)
        axes.set_title(f"{int(chosen.sum())} {name}")
    figure.tight_layout(pad=0.5)
    return figure


@styled
def overfitting(losses: Mapping[str, Sequence[float]]) -> Figure:
    """Losses over the steps, on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.6))
    for (name, values), shade in zip(losses.items(), COLOURS, strict=False):
        axes.plot(range(1, len(values) + 1), values, color=shade, linewidth=2, label=name)
    axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    figure.tight_layout()
    return figure
