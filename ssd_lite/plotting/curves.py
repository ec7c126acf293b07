"""How a run went, and what its detector is worth."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ssd_lite.evaluation import AveragePrecision
from ssd_lite.plotting.common import COLOURS, WIDTH, colour, styled


@styled
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


@styled
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


def final_map(study: Mapping[str, Any]) -> dict[str, list[float]]:
    """The last mAP of each run of a study (``benchmarks.ablations``' JSON), by variant; 0 if it diverged."""
    return {
        name: [run["map"][-1][1] if "diverged" not in run else 0.0 for run in runs]
        for name, runs in study["runs"].items()
    }


@styled
def ablation(study: Mapping[str, Any], *, first: str | None = None) -> Figure:
    """The last mAP of a study's variants: a dot for each seed, a bar at their mean.

    ``first`` is the variant that the others are compared with, by default the first; its mean goes
    through the figure as a line.
    """
    values = final_map(study)
    base = mean(values[first or next(iter(values))])
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.42 * len(values)))
    axes.axvline(base, color="0.6", linewidth=1, linestyle=":")
    for row, (name, runs) in enumerate(values.items()):
        shade = COLOURS[6] if name == (first or next(iter(values))) else COLOURS[1]
        axes.barh(row, mean(runs), height=0.55, color=shade, alpha=0.25)
        axes.plot(runs, [row] * len(runs), "o", color=shade, markersize=5)
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("mAP at an overlap of 0.5")
    figure.tight_layout()
    return figure
