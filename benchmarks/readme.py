"""Write the README's tables from the measurements: ``python -m benchmarks.readme``.

A table stands between two comments; one whose comments are not in the text is left out.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.results_file import RESULTS

README = Path(__file__).parents[1] / "README.md"
RUNS = ("scenes", "cards", "bccd", "fod-a")
BENCHMARKS = ("criterion", "augmentation", "prediction", "training_step", "data_loading")


def table(folder: Path = RESULTS) -> str:
    """How long it takes and which number to expect: a row for each measured run, in Markdown."""
    head = "| data | images, train / test | model | machine | training | images/s | mAP@0.5 | command |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    lines += [row(name, run) for name in RUNS for run in _measured(name, folder)]
    lines += [line for run in _measured("full_run", folder) for line in full_run_rows(run)]
    lines += [rehearsal_row(run) for run in _measured("rehearsal", folder)]
    return "\n".join(lines)


def row(name: str, run: dict[str, Any]) -> str:
    """One run's row."""
    return _line(
        name,
        f"{run['train_images']} / {run['test_images']}",
        f"`{run['recipe']['model']}`",
        _where(run["machine"]),
        f"{run['training_seconds'] / 60:.1f} min",
        f"{run['training_images_per_second']:.0f}",
        f"**{run['metrics']['mean']:.3f}**",
        f"`python -m benchmarks.runs {name}`",
    )


def full_run_rows(run: dict[str, Any]) -> list[str]:
    """The rows of the full run: ours, and torchvision's."""
    return [
        _line(
            run["dataset"],
            f"{run['train_images']} / {run['test_images']}",
            f"`{run['recipe']['model']}`, {side}",
            _where(run["machine"]),
            f"{run[side]['training_seconds'] / 60:.1f} min",
            f"{run[side]['training_images_per_second']:.0f}",
            f"**{run[side]['metrics']['mean']:.3f}**",
            f"`{run['command']} --data …`",
        )
        for side in ("ours", "torchvision")
    ]


def rehearsal_row(run: dict[str, Any]) -> str:
    """The paper's schedule, whose time is extrapolated and whose mAP is not measured."""
    return _line(
        f"the paper's {run['schedule_steps']:,} steps, on drawn images",
        run["images"].partition(" ")[0] + " / –",
        f"`{run['model']}`",
        _where(run["machine"]),
        f"{run['schedule_seconds'] / 60:.0f} min, extrapolated from {run['steps']:,} steps",
        f"{run['batch'] / run['seconds_a_step']:.0f}",
        "not measured",
        f"`{run['command']}`",
    )


def benchmarks(folder: Path = RESULTS) -> str:
    """A row for each work that was timed against torchvision, in Markdown."""
    head = "| work | machine | ours | torchvision | times as fast | goal | command |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for name in BENCHMARKS:
        for run in _measured(name, folder):
            lines += [benchmark_row(run, compared) for compared in run["comparisons"]]
    return "\n".join(lines)


def benchmark_row(run: dict[str, Any], compared: dict[str, Any]) -> str:
    """One comparison's row; the quartiles of the rounds stand in brackets."""
    share = compared["share"]
    slowest, fastest = (1 / value for value in reversed(share["quartiles"]))
    goal = "–" if compared["goal"] is None else f"{1 / compared['goal']:.2g}"
    return _line(
        compared["name"],
        _where(run["machine"]),
        _milliseconds(compared[compared["side"]]),
        _milliseconds(compared["torchvision"]),
        f"**{1 / share['median']:.2g}** ({slowest:.2g} … {fastest:.2g})",
        goal,
        f"`{run['command']}`",
    )


TABLES = {
    ("<!-- runs: written by python -m benchmarks.readme -->", "<!-- end of runs -->"): table,
    ("<!-- benchmarks: written by python -m benchmarks.readme -->", "<!-- end of benchmarks -->"): benchmarks,
}


def rendered(readme: str, folder: Path = RESULTS) -> str:
    """The README with the tables as the measurements have them."""
    for (begin, end), made in TABLES.items():
        if begin in readme:
            before, rest = readme.split(begin)
            readme = before + begin + "\n" + made(folder) + "\n" + end + rest.split(end)[1]
    return readme


def _measured(name: str, folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{name}.*.json"))]


def _where(machine: dict[str, Any]) -> str:
    where = machine["name"] if machine["device"] == "cuda" else f"{machine['threads']} CPU cores"
    return f"{where}, torch {machine['torch'].split('+')[0]}"


def _milliseconds(side: dict[str, Any]) -> str:
    milliseconds = 1e3 * side["median_s"]
    return f"{milliseconds:,.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
