"""Write the tables of both READMEs from the measurements: ``python -m benchmarks.readme``.

Each table stands between two comments of the README; a table whose comments are missing is left out, and so
is a measurement that is not complete.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.readme_arabic import translated
from benchmarks.results_file import RESULTS

README = Path(__file__).parents[1] / "README.md"
ARABIC = README.with_suffix(".ar.md")
RUNS = ("scenes", "cards", "bccd", "fod-a")
SEEDS = 10
BENCHMARKS = ("criterion", "augmentation", "prediction", "training_step", "data_loading")


def runs(folder: Path = RESULTS) -> str:
    """How long training takes and which mAP to expect: a row for each measured run, in Markdown."""
    columns = (
        "data | images, train / test | model | machine | first step | training | images/s | mAP@0.5 | command"
    )
    rows = [run_row(name, run) for name in RUNS for run in _measured(name, folder)]
    rows += [summit_row(run) for run in _measured("summit", folder)]
    rows += [row for run in _measured("time_to_map", folder) for row in time_to_map_rows(run)]
    rows += [rehearsal_row(run) for run in _measured("rehearsal", folder)]
    return _table(columns, rows)


def run_row(name: str, run: dict[str, Any], *, command: str | None = None) -> str:
    """The row of one run."""
    return _line(
        name,
        f"{run['train_images']:,} / {run['test_images']:,}",
        f"`{run['recipe']['model']}`",
        _where(run["machine"]),
        _first_step(run),
        f"{run['training_seconds'] / 60:.1f} min",
        f"{run['training_images_per_second']:,.0f}",
        f"**{run['metrics']['mean']:.3f}**",
        f"`{command or f'python -m benchmarks.runs {name}'}`",
    )


def summit_row(run: dict[str, Any]) -> str:
    """The row of the summit, with the share of its schedule."""
    name = f"`scenes300`, {run['recipe']['steps']:,} of 120,000 steps"
    return run_row(name, run, command=f"{run['command']} --scale {run['scale']:g}")


def time_to_map_rows(run: dict[str, Any]) -> list[str]:
    """The rows of both sides that trained for the same time."""
    settings = run["settings"]
    return [
        _line(
            f"{settings['dataset']}, {settings['seconds']:.0f} s for each side",
            f"{run['train_images']:,} / {run['test_images']:,}",
            f"`{settings['recipe']['model']}`, {side}",
            _where(run["machine"]),
            _first_step(run[side]),
            f"{run[side]['seconds'] / 60:.1f} min",
            f"{run[side]['images_per_second']:,.0f}",
            f"**{run[side]['curve'][-1]['map'] if run[side]['curve'] else 0:.3f}**",
            f"`{run['command']}`",
        )
        for side in ("ours", "torchvision")
    ]


def rehearsal_row(run: dict[str, Any]) -> str:
    """The row of the paper's schedule, whose time is extrapolated and whose mAP is not measured."""
    return _line(
        f"the paper's {run['schedule_steps']:,} steps, on drawn images",
        run["images"].partition(" ")[0] + " / –",
        f"`{run['model']}`",
        _where(run["machine"]),
        _first_step(run),
        f"{run['schedule_seconds'] / 60:.0f} min, extrapolated from {run['steps']:,} steps",
        f"{run['batch'] / run['seconds_a_step']:,.0f}",
        "not measured",
        f"`{run['command']}`",
    )


def benchmarks(folder: Path = RESULTS) -> str:
    """What was timed against torchvision: a row for each comparison, in Markdown."""
    columns = "work | machine | ours | torchvision | times as fast | goal | command"
    measured = [run for name in BENCHMARKS for run in _measured(name, folder)]
    return _table(
        columns, [benchmark_row(run, compared) for run in measured for compared in run["comparisons"]]
    )


def benchmark_row(run: dict[str, Any], compared: dict[str, Any]) -> str:
    """The row of one comparison, with the quartiles of its rounds in brackets."""
    share = compared["share"]
    slowest, fastest = (1 / value for value in reversed(share["quartiles"]))
    goal = "–" if compared["goal"] is None else f"{1 / compared['goal']:.2g}"
    return _line(
        compared["name"],
        _where(run["machine"]),
        _milliseconds(compared[compared["side"]]),
        _milliseconds(compared["torchvision"]),
        f"**{_ratio(1 / share['median'])}** ({_ratio(slowest)} … {_ratio(fastest)})",
        goal,
        f"`{run['command']}`",
    )


def first_steps(folder: Path = RESULTS) -> str:
    """Seconds until the first step of a training, in Markdown."""
    rows = [
        _line(
            found["name"],
            _where(run["machine"]),
            f"**{found['first_step_s']:.1f} s**",
            "–" if found["goal_s"] is None else f"{found['goal_s']:.0f} s",
            f"{1e3 * found['steady_step_s']:.1f} ms",
            f"`{run['command']}`",
        )
        for run in _measured("first_step", folder)
        for found in run["first_steps"]
    ]
    return _table("step | machine | first | goal | later ones | command", rows)


def claims(folder: Path = RESULTS) -> str:
    """What the ablations say about claims of the text, in Markdown; only claims with all seeds."""
    rows = [
        _line(
            claim["text"],
            f"{claim['mean']:+.3f} ({claim['low']:+.3f} … {claim['high']:+.3f})",
            str(len(claim["differences"])),
            f"**{claim['verdict']}**",
            f"`{run['command']}`",
        )
        for run in _measured("ablation_*", folder, incomplete=True)
        for claim in run.get("claims", [])
        if len(claim["differences"]) >= SEEDS
    ]
    return _table("claim | difference in mAP, and its 95 % interval | seeds | verdict | command", rows)


TABLES: dict[tuple[str, str], Callable[[Path], str]] = {
    (f"<!-- {name}: written by python -m benchmarks.readme -->", f"<!-- end of {name} -->"): made
    for name, made in (
        ("runs", runs),
        ("benchmarks", benchmarks),
        ("first steps", first_steps),
        ("claims", claims),
    )
}


def rendered(readme: str, folder: Path = RESULTS, *, say: Callable[[str], str] = str) -> str:
    """The README with its tables as the measurements have them, each in the words of ``say``."""
    for (begin, end), made in TABLES.items():
        if begin in readme:
            before, rest = readme.split(begin)
            readme = before + begin + "\n" + say(made(folder)) + "\n" + end + rest.split(end)[1]
    return readme


def _measured(name: str, folder: Path, *, incomplete: bool = False) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in sorted(folder.glob(f"{name}.*.json"))]
    return [measured for measured in found if incomplete or measured.get("complete", True)]


def _where(machine: dict[str, Any]) -> str:
    where = machine["name"] if machine["device"] == "cuda" else f"{machine['threads']} CPU cores"
    return f"{where}, torch {machine['torch'].split('+')[0]}"


def _first_step(run: dict[str, Any]) -> str:
    seconds = run.get("first_step_seconds")
    return "–" if seconds is None else f"{seconds:.1f} s"


def _milliseconds(side: dict[str, Any]) -> str:
    milliseconds = 1e3 * side["median_s"]
    return f"{milliseconds:,.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _table(columns: str, rows: list[str]) -> str:
    return "\n".join([f"| {columns} |", "|" + "---|" * (columns.count("|") + 1), *rows])


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
    ARABIC.write_text(rendered(ARABIC.read_text(), say=translated))
