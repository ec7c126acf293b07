"""Offsets between default boxes and objects: on the image, decoded, and as histograms."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.plotting.boxes import Image, outline, show_image, to_axes
from ssd_lite.plotting.images import outline_truth
from ssd_lite.plotting.style import COLOURS, SMALL, WIDTH, colour, styled
from ssd_lite.truths import Truth

DEFAULT, OBJECT, DECODED, FAINT = "0.2", COLOURS[0], COLOURS[1], "0.35"
"""Colours of default boxes, objects, decoded boxes and default boxes that are not matched."""


@styled
def matched_boxes(
    image: Image,
    truth: Truth,
    defaults_xyxy: Float[Tensor, "d 4"],
    matches: Int64[Tensor, " d"],
    predicted_xyxy: Float[Tensor, "d 4"],
    predicted: Sequence[str],
) -> Figure:
    """Left, a small layout with its matched default boxes by number; right, what is predicted for those.

    ``predicted`` holds the class that is predicted for each default box.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.5))
    height, width = image.shape[-2:]
    for axes in (left, right):
        show_image(axes, image)
        outline_truth(axes, image, truth)
        axes.set(xlim=(-0.06 * width, 1.06 * width), ylim=(1.06 * height, -0.06 * height))
    left.set_title(f"{int((matches >= 0).sum())} of {len(matches)} are matched")
    right.set_title("predicted for them")
    rows = zip(to_axes(defaults_xyxy, image), to_axes(predicted_xyxy, image), strict=True)
    for number, (box, guess) in enumerate(rows):
        owner = int(matches[number])
        if owner < 0:
            outline(left, box, FAINT, width=0.9)
            continue
        shade = colour(int(truth.labels[owner]))
        outline(left, box, shade, width=2.4)
        outline(right, guess, shade, width=2.4)
        top = owner in matches[:number]  # the second of an object, so that no two texts meet
        _write_in_corner(left, box, str(number), shade, top=top)
        _write_in_corner(right, guess, f"{number} {predicted[number]}", shade, top=top)
    figure.tight_layout(pad=0.5)
    return figure


@styled
def offset_pairs(
    pairs: Mapping[str, tuple[Float[Tensor, "4"], Float[Tensor, "4"], Float[Tensor, "4"]]],
) -> Figure:
    """Default boxes and their objects, with an arrow from centre to centre and the four offsets below.

    ``pairs`` maps a title to a default box and an object (cxcywh) and their offsets. Small boxes are
    magnified in an inset.
    """
    figure, panels = plt.subplots(1, len(pairs), figsize=(WIDTH, 4.2), squeeze=False)
    for axes, (title, (default, truth, offsets)) in zip(panels[0], pairs.items(), strict=True):
        _unit_square(axes)
        axes.set_title(title)
        small = float(max(default[2:].max(), truth[2:].max())) < 0.2
        _draw_arrow(_magnifier(axes, default) if small else axes, default, truth)
        if small:
            _draw_pair(axes, default, truth)
        cx, cy, w, h = offsets.tolist()
        below = f"cx {cx:+.3f}   cy {cy:+.3f}\nw {w:+.3f}   h {h:+.3f}".replace("-", "−")
        axes.text(0.5, -0.03, below, ha="center", va="top", transform=axes.transAxes)
    _legend_below(figure, decoded=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    return figure


@styled
def decoded_boxes(
    default_cxcywh: Float[Tensor, "4"],
    truth_cxcywh: Float[Tensor, "4"],
    decoded_cxcywh: Mapping[str, Float[Tensor, "4"]],
) -> Figure:
    """A panel per title with its decoded box, the default box and the object."""
    figure, panels = plt.subplots(1, len(decoded_cxcywh), figsize=(WIDTH, 2.9), squeeze=False)
    for axes, (title, box) in zip(panels[0], decoded_cxcywh.items(), strict=True):
        _unit_square(axes)
        axes.set_title(title, fontsize=SMALL)
        corners = cxcywh_to_xyxy(box).tolist()
        outline(axes, corners, "none", fill=DECODED, alpha=0.25, width=0)
        outline(axes, corners, DECODED, width=3.0)
        _draw_pair(axes, default_cxcywh, truth_cxcywh)
    _legend_below(figure, decoded=True)
    figure.tight_layout(rect=(0, 0.09, 1, 1), pad=0.4)
    return figure


@styled
def ratio_costs(ratios: Float[Tensor, " n"], costs: Mapping[str, Float[Tensor, " n"]]) -> Figure:
    """The cost of a wrong size over the ratio of predicted to true size, on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.5))
    for (name, cost), shade, line in zip(costs.items(), (COLOURS[1], COLOURS[0]), ("-", "--"), strict=False):
        axes.plot(ratios.tolist(), cost.tolist(), line, color=shade, linewidth=2.4, label=name)
    axes.axvline(1, color="0.7", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1 / 4, 1 / 2, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axes.minorticks_off()
    axes.set(xlabel="predicted size / true size", ylabel="smooth L1", ylim=(0, None))
    axes.legend(loc="upper left")
    figure.tight_layout()
    return figure


@styled
def offset_spread(offsets: Mapping[str, Float[Tensor, "n 4"]], *, limit: float = 5.0) -> Figure:
    """Histograms of the four offsets in [-limit, limit], a panel per title."""
    figure, panels = plt.subplots(1, len(offsets), figsize=(WIDTH, 2.8), squeeze=False, sharex=True)
    for axes, (title, values) in zip(panels[0], offsets.items(), strict=True):
        lines = zip(("cx", "cy", "w", "h"), COLOURS[:4], ("-", "--", "-", "--"), strict=True)
        for column, (name, shade, style) in enumerate(lines):
            line: dict[str, Any] = {
                "histtype": "step",
                "color": shade,
                "linestyle": style,
                "linewidth": 1.8,
                "label": name,
            }
            axes.hist(values[:, column].tolist(), bins=41, range=(-limit, limit), **line)
        axes.set_title(title)
        axes.set(xlabel="offset", yticks=[], xlim=(-limit, limit))
        axes.spines["left"].set_visible(False)
    panels[0][-1].legend(loc="upper right", handlelength=1.2)
    figure.tight_layout()
    return figure


def _write_in_corner(axes: Axes, box: Sequence[float], text: str, shade: str, *, top: bool) -> None:
    """Write in the lower right corner of a box or above its upper left one, on its colour, in the picture."""
    x0, x1 = axes.get_xlim()
    place = (max(box[0], x0), box[1]) if top else (min(box[2], x1), box[3])
    options: dict[str, Any] = {"ha": "left" if top else "right", "va": "bottom", "fontsize": SMALL}
    ground = {"facecolor": shade, "edgecolor": "none", "pad": 2}
    axes.text(*place, text, color="white", bbox=ground, **options)


def _legend_below(figure: Figure, *, decoded: bool) -> None:
    line: dict[str, Any] = {"linewidth": 2.2, "facecolor": "none"}
    handles = [
        Patch(edgecolor=DEFAULT, **line, label="default box"),
        Patch(edgecolor=OBJECT, linestyle="--", **line, label="object"),
    ]
    if decoded:
        handles.append(Patch(edgecolor=DECODED, facecolor=(DECODED, 0.25), linewidth=3, label="decoded"))
    figure.legend(handles=handles, loc="lower center", ncols=len(handles))


def _unit_square(axes: Axes) -> None:
    """Turn axes into an empty image with the origin at its upper left corner."""
    axes.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color="0.8")


def _draw_pair(axes: Axes, default_cxcywh: Tensor, truth_cxcywh: Tensor) -> None:
    outline(axes, cxcywh_to_xyxy(default_cxcywh).tolist(), DEFAULT, width=2.2)
    outline(axes, cxcywh_to_xyxy(truth_cxcywh).tolist(), OBJECT, width=2.2, style="--")


def _draw_arrow(axes: Axes, default_cxcywh: Tensor, truth_cxcywh: Tensor) -> None:
    """Draw both boxes, and an arrow from the default box's centre to the object's."""
    _draw_pair(axes, default_cxcywh, truth_cxcywh)
    arrow = {"arrowstyle": "-|>", "linewidth": 2, "shrinkA": 0, "shrinkB": 0, "color": COLOURS[1]}
    start: Sequence[float] = default_cxcywh[:2].tolist()
    end: Sequence[float] = truth_cxcywh[:2].tolist()
    axes.annotate("", (end[0], end[1]), (start[0], start[1]), arrowprops=arrow)


def _magnifier(axes: Axes, box_cxcywh: Tensor) -> Axes:
    """Inset axes that show a box and its surroundings seven times as large."""
    cx, cy = box_cxcywh[:2].tolist()
    inset = axes.inset_axes((0.28, 0.02, 0.7, 0.7))
    _unit_square(inset)
    inset.set(xlim=(cx - 0.05, cx + 0.05), ylim=(cy + 0.05, cy - 0.05))
    axes.indicate_inset_zoom(inset, edgecolor="0.4")
    return inset
