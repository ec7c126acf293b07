"""Write the README's table of runs from the measurements: ``python -m benchmarks.readme``."""

import json
from pathlib import Path
from typing import Any

from benchmarks.results_file import RESULTS

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- runs: written by python -m benchmarks.readme -->", "<!-- end of runs -->"
RUNS = ("scenes", "cards", "bccd", "fod-a")


def table(folder: Path = RESULTS) -> str:
    """A row for each measured run, in Markdown."""
    lines = [
        "| data | images, train / test | model | machine | training | images/s | mAP@0.5 | command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in RUNS:
        for path in sorted(folder.glob(f"{name}.*.json")):
            lines.append(row(name, json.loads(path.read_text())))
    return "\n".join(lines)


def row(name: str, run: dict[str, Any]) -> str:
    """One run's row."""
    machine = run["machine"]
    where = machine["name"] if machine["device"] == "cuda" else f"{machine['threads']} CPU cores"
    cells = [
        name,
        f"{run['train_images']} / {run['test_images']}",
        f"`{run['recipe']['model']}`",
        f"{where}, torch {machine['torch'].split('+')[0]}",
        f"{run['training_seconds'] / 60:.1f} min",
        f"{run['training_images_per_second']:.0f}",
        f"**{run['metrics']['mean']:.3f}**",
        f"`python -m benchmarks.runs {name}`",
    ]
    return "| " + " | ".join(cells) + " |"


def rendered(readme: str, folder: Path = RESULTS) -> str:
    """The README with the table as the measurements have it."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + "\n" + table(folder) + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
