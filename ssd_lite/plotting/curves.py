"""Losses and learning rates over a run, precision over recall, and the results of ablation studies."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ssd_lite.evaluation import AveragePrecision
from ssd_lite.plotting.fonts import class_names, families
from ssd_lite.plotting.style import COLOURS, WIDTH, colour, styled


@styled
def loss_curves(log: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """The loss and its two parts over the steps of a run, and the learning rate below them."""
    steps = [entry["step"] for entry in log]
    figure, (above, below) = plt.subplots(2, 1, figsize=(WIDTH, 4.7), sharex=True, height_ratios=(3, 1.3))
    for name, shade in (("loss", COLOURS[6]), ("confidence", COLOURS[0]), ("localization", COLOURS[1])):
        above.plot(steps, [entry[name] for entry in log], color=shade, label=name, linewidth=1.4)
    above.set_ylabel("loss per matched box")
    above.set_ylim(bottom=0)
    above.set_title(title, parse_math=False)
    above.legend()
    below.plot(steps, [entry["learning_rate"] for entry in log], color=COLOURS[2], linewidth=1.4)
    below.set_ylabel("learning\nrate")
    below.set_xlabel("step")
    figure.align_ylabels()
    figure.tight_layout()
    return figure


@styled
def loss_of_runs(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Confidence and localization loss of several runs, over the fraction of each run that is done."""
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 4.0), sharey=True)
    for axes, part in zip(panels, ("confidence", "localization"), strict=True):
        for number, (name, log) in enumerate(logs.items()):
            done = [entry["step"] / log[-1]["step"] for entry in log]
            values = [entry[part] for entry in log]
            axes.plot(done, values, color=COLOURS[number % len(COLOURS)], linewidth=1.6, label=name)
        axes.set(xlabel="fraction of the run", title=part, yscale="log", xticks=(0, 0.5, 1))
    panels[0].set_ylabel("loss per matched box")
    rows = -(-len(logs) // 2)
    figure.tight_layout(rect=(0, 0.02 + 0.065 * rows, 1, 1))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=2)
    return figure


@styled
def losses_by_rate(losses: Mapping[str, Sequence[float]], *, highest: float = 1000.0) -> Figure:
    """Losses of short runs on a logarithmic axis that ends at ``highest``; one line per learning rate."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.7))
    shades = (COLOURS[1], COLOURS[2], COLOURS[0], COLOURS[3])
    for (name, values), shade in zip(losses.items(), shades, strict=False):
        axes.plot(range(1, len(values) + 1), values, color=shade, linewidth=2, label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log", ylim=(5, highest))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    figure.tight_layout()
    return figure


@styled
def schedule(
    steps: Sequence[int], rates: Sequence[float], *, marked: Mapping[int, float] | None = None
) -> Figure:
    """Learning rate over the steps of a run, on a logarithmic axis, with a dot at each ``marked`` step."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
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
def precision_recall(metrics: AveragePrecision) -> Figure:
    """Precision over recall of every class that has objects, with its AP in the legend."""
    figure, axes = plt.subplots(figsize=(WIDTH, 4.5))
    names = class_names(list(metrics.recall))
    for label, (name, recall) in enumerate(metrics.recall.items(), start=1):
        if metrics.counts[name]:
            line = "-" if label <= len(COLOURS) else "--"
            text = f"{names[label - 1]} {metrics.per_class[name]:.2f}"
            # A leading underscore would keep a line out of the legend.
            text = f" {text}" if text.startswith("_") else text
            axes.plot(recall, metrics.precision[name], line, color=colour(label), label=text)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    for entry in legend.get_texts():
        entry.set(parse_math=False, fontfamily=families(entry.get_text()))
    figure.tight_layout()
    return figure


@styled
def precision_envelope(
    recall: Sequence[float],
    precision: Sequence[float],
    envelope: Sequence[float],
    eleven: Sequence[float],
) -> Figure:
    """Precision over recall of one class: a dot per detection, the envelope, and the 11 points."""
    figure, axes = plt.subplots(figsize=(WIDTH, 3.9))
    edges, heights = [0.0, *recall, recall[-1]], [envelope[0], *envelope, 0.0]
    axes.fill_between(edges, heights, step="pre", color=COLOURS[5], alpha=0.25, linewidth=0)
    axes.step(edges, heights, where="pre", color=COLOURS[1], linewidth=2.4, label="envelope; its area is AP")
    dots: dict[str, Any] = {"linewidth": 1.2, "markersize": 6, "label": "after each detection"}
    axes.plot(recall, precision, "o-", color=COLOURS[6], **dots)
    tenths = [k / 10 for k in range(11)]
    crosses: dict[str, Any] = {
        "markersize": 9,
        "markeredgewidth": 2.2,
        "label": "the 11 points",
        "clip_on": False,
    }
    axes.plot(tenths, eleven, "x", color=COLOURS[0], **crosses)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.05))
    axes.legend(loc="lower left")
    figure.tight_layout()
    return figure


def final_map(study: Mapping[str, Any]) -> dict[str, list[float]]:
    """The final mAP of each run of an ablation study, by variant; 0 if the run diverged.

    ``study`` is a file written by ``benchmarks.ablations``.
    """
    return {
        name: [run["map"][-1][1] if "diverged" not in run else 0.0 for run in runs]
        for name, runs in study["runs"].items()
    }


def map_over_steps(study: Mapping[str, Any]) -> dict[str, list[tuple[int, float]]]:
    """The mean over seeds of a study's mAP by variant, as pairs (step, mAP); 0 after a run diverged.

    ``study`` is a file written by ``benchmarks.ablations``.
    """
    steps = sorted({step for runs in study["runs"].values() for run in runs for step, _ in run["map"]})
    return {
        name: [(step, mean(dict(run["map"]).get(step, 0.0) for run in runs)) for step in steps]
        for name, runs in study["runs"].items()
    }


@styled
def ablation(study: Mapping[str, Any], *, first: str | None = None) -> Figure:
    """The final mAP of a study's variants: a dot per seed and a bar at their mean.

    ``first`` names the variant to compare with, by default the first; a dotted line marks its mean.
    """
    values = final_map(study)
    reference = first or next(iter(values))
    figure, axes = plt.subplots(figsize=(WIDTH, 1.0 + 0.38 * len(values)))
    axes.axvline(mean(values[reference]), color="0.6", linewidth=1, linestyle=":")
    for row, (name, runs) in enumerate(values.items()):
        shade = COLOURS[6] if name == reference else COLOURS[1]
        axes.barh(row, mean(runs), height=0.55, color=shade, alpha=0.25)
        axes.plot(runs, [row] * len(runs), "o", color=shade, markersize=5)
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("mAP at an overlap of 0.5")
    figure.tight_layout()
    return figure
