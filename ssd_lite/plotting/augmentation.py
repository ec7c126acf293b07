"""What augmentation makes of images, and the laws by which it does."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ssd_lite.plotting.common import COLOURS, WIDTH, colour, show_image, styled
from ssd_lite.truths import Truth

Image = UInt8[Tensor, "3 _ _"] | Float[Tensor, "3 _ _"]  # no two need be of one size
Number = float | int  # said twice, since run-time type checks take no int for a float
SMALL = 10  # points; the figure's own type is 11
NEAR_PX = 4  # an image's height and its panel's, so near that interpolation would only blur
LINES = ("-", "--", ":", "-.")


@styled
def pictures(
    images: Sequence[Image],
    truths: Sequence[Truth | None] | None = None,
    *,
    titles: Sequence[str] = (),
    columns: int = 3,
    panel_height: float | None = None,
) -> Figure:
    """Images abreast, each with the boxes of its objects (none where its truth is None) and a title.

    ``panel_height`` in inches is by default what the first image needs.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height, width = images[0].shape[-2:]
    panel = panel_height or (WIDTH / columns - 0.1) * height / width
    figure, grid = plt.subplots(
        rows, columns, figsize=(WIDTH, rows * (panel + (0.32 if titles else 0.08))), squeeze=False
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for number, (axes, image) in enumerate(zip(grid.flat, images, strict=False)):
        _framed(axes, image, sharp=abs(image.shape[-2] - panel * figure.dpi) <= NEAR_PX)
        truth = truths[number] if truths is not None else None
        if truth is not None:
            _outline_truth(axes, image, truth)
        if titles:
            axes.set_title(titles[number], fontsize=SMALL, pad=3)
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
    """An image with its objects and a patch, and beside it what the patch shows.

    A centre is a dot where the object is ``kept`` and a cross where it is dropped; a dropped object is grey.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 2.9), gridspec_kw={"width_ratios": [image.shape[-1] / image.shape[-2], 1.0]}
    )
    _framed(left, image)
    _framed(right, cut)
    height, width = image.shape[-2:]
    for box, label, stays in zip(
        truth.boxes_xyxy.tolist(), truth.labels.tolist(), kept.tolist(), strict=True
    ):
        shade = colour(label) if stays else "0.35"
        _outline(left, _pixels(box, width, height), shade, broken=True)
        x, y = (box[0] + box[2]) / 2 * width, (box[1] + box[3]) / 2 * height
        for edge, ink in ((3.5, "white"), (0.0, shade)):  # a white rim, so that it shows on any ground
            size = 8 + edge if stays else 9
            left.plot(
                x,
                y,
                "o" if stays else "x",
                color=ink,
                markersize=size,
                markeredgewidth=1 if stays else 2.5 + edge,
            )
    _outline(left, _pixels(patch_xyxy.tolist(), width, height), COLOURS[6])
    _outline_truth(right, cut, seen)
    left.set_title("the image and a patch of it", fontsize=SMALL)
    right.set_title("what the network sees", fontsize=SMALL)
    figure.tight_layout(pad=0.3)
    return figure


@styled
def distributions(
    panels: Mapping[str, Mapping[str, Float[Tensor, " _"]]],
    *,
    ranges: Sequence[tuple[Number, Number]],
    bins: int = 20,
    ticks: Mapping[str, Mapping[float, str]] | None = None,
) -> Figure:
    """Histograms as outlines: a panel for each quantity, named below it, a line for each set of values.

    Heights are shares of a set's values, so sets of different sizes can be compared. ``ticks`` names
    places of a panel's axis.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 2.9), squeeze=False)
    for axes, (name, sets), limits in zip(grid[0], panels.items(), ranges, strict=True):
        for number, (label, values) in enumerate(sets.items()):
            counts = values.float().histc(bins, *limits).tolist()
            edges = [limits[0] + (limits[1] - limits[0]) * k / bins for k in range(bins + 1)]
            axes.stairs(
                [count / max(len(values), 1) for count in counts],
                edges,
                color=_shade(number),
                linestyle=LINES[number % len(LINES)],
                linewidth=2.2,
                label=label,
            )
        axes.set_xlabel(name)
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        if ticks and name in ticks:
            axes.set_xticks(list(ticks[name]), list(ticks[name].values()))
    grid[0][0].set_ylabel("share")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.tight_layout(pad=0.4, w_pad=1.2, rect=(0, 0, 1, 0.9))
    figure.legend(handles, labels, loc="upper center", ncols=len(labels), fontsize=SMALL)
    return figure


@styled
def shares(values: Mapping[str, Mapping[str, float]], *, label: str) -> Figure:
    """Horizontal bars in [0, 1], a group for each name and in it a bar, with its number, for each kind."""
    kinds = list(next(iter(values.values())))
    figure, axes = plt.subplots(figsize=(WIDTH, 1.0 + 0.34 * len(kinds) * len(values)))
    thick = 0.8 / len(kinds)
    for row, group in enumerate(values.values()):
        for number, kind in enumerate(kinds):
            place = row + (number - (len(kinds) - 1) / 2) * thick
            shade = _shade(number + 1)
            axes.barh(place, group[kind], height=0.9 * thick, color=shade, label=kind if row == 0 else "_")
            axes.annotate(
                f"{group[kind]:.2f}",
                (group[kind], place),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
            )
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08)
    axes.set_xlabel(label)
    if len(kinds) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=len(kinds), fontsize=SMALL)
    figure.tight_layout(pad=0.4)
    return figure


@styled
def trends(
    series: Mapping[str, Sequence[tuple[Number, Number]]],
    *,
    x_label: str,
    y_label: str,
    logarithmic: bool = False,
) -> Figure:
    """Lines through points, each with its name at its end."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    for number, (name, points) in enumerate(series.items()):
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=_shade(number),
            linestyle=LINES[number % len(LINES)],
            marker="o",
            markersize=5,
            linewidth=2.2,
            label=name,
        )
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_ylim(bottom=0)
    if logarithmic:
        places = sorted({x for points in series.values() for x, _ in points})
        axes.set_xscale("log")
        axes.set_xticks(places, [f"{x:g}" for x in places])
        axes.minorticks_off()
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=SMALL)
    figure.tight_layout(pad=0.4)
    return figure


def map_over_steps(study: Mapping[str, Any]) -> dict[str, list[tuple[int, float]]]:
    """The mean mAP over the seeds of a study (``benchmarks.ablations``' JSON) by variant, as (step, mAP).

    A run that diverged counts as 0 from there on.
    """
    steps = sorted({step for runs in study["runs"].values() for run in runs for step, _ in run["map"]})
    return {
        name: [(step, mean(dict(run["map"]).get(step, 0.0) for run in runs)) for step in steps]
        for name, runs in study["runs"].items()
    }


def _framed(axes: Axes, image: Image, *, sharp: bool = False) -> None:
    """An image with a thin grey edge, so that a bright one ends somewhere on the white page.

    It is drawn in 64 shades a channel, which makes the file a third smaller. ``sharp`` leaves out
    interpolation, for an image that has as many pixels as its panel.
    """
    shades = image.float() if image.is_floating_point() else image.float() / 255
    show_image(axes, (shades * 63).round() / 63)
    if sharp:
        axes.images[0].set_interpolation("nearest")
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set(visible=True, color="0.7", linewidth=0.8)


def _outline_truth(axes: Axes, image: Image, truth: Truth) -> None:
    height, width = image.shape[-2:]
    for box, label in zip(truth.boxes_xyxy.tolist(), truth.labels.tolist(), strict=True):
        _outline(axes, _pixels(box, width, height), colour(label), broken=True)


def _pixels(box: Sequence[float], width: int, height: int) -> tuple[float, float, float, float]:
    """A relative box on the axes of an image, whose first pixel has its centre at 0."""
    x0, y0, x1, y1 = box
    return x0 * width - 0.5, y0 * height - 0.5, x1 * width - 0.5, y1 * height - 0.5


def _outline(axes: Axes, box: tuple[float, float, float, float], shade: str, *, broken: bool = False) -> None:
    """A box's edge on a wider white one, so that it shows on any ground."""
    x0, y0, x1, y1 = box
    for width, ink in ((4.5, "white"), (2.4, shade)):
        edge = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=width, edgecolor=ink)
        edge.set(linestyle="--" if broken and ink != "white" else "-", clip_on=False)
        axes.add_patch(edge)


def _shade(number: int) -> str:
    """Colours of lines and bars, black first: what all others are compared with."""
    return (COLOURS[6], *COLOURS[:6])[number % len(COLOURS)]
