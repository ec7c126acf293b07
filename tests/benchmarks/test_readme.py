"""The README's tables: a row for what was measured, and nothing for what is incomplete."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import readme
from benchmarks.ablations.statistics import NOT_TOLD_APART, REFUTED, SHOWN
from benchmarks.ablations.studies import STUDIES
from benchmarks.readme_arabic import said, translated

ARABIC = re.compile("[\u0621-\u064a]")
MACHINE = {"device": "cuda", "name": "H", "threads": 8, "torch": "2.11.0+cu130"}
COMPARED = {
    "name": "fast",
    "side": "ours",
    "ours": {"median_s": 0.0025},
    "torchvision": {"median_s": 0.01},
    "share": {"median": 0.25, "quartiles": [0.225, 0.3125]},
    "goal": 0.5,
}
CURVE = [{"step": 1, "seconds": 60, "map": 0.3}, {"step": 2, "seconds": 120, "map": 0.625}]
SIDE = {"seconds": 120, "first_step_seconds": 23.04, "images_per_second": 1500.4, "curve": CURVE}
RUN = {
    "train_images": 3000,
    "test_images": 200,
    "recipe": {"model": "m", "steps": 12_000},
    "training_seconds": 120,
    "training_images_per_second": 1000.4,
    "metrics": {"mean": 0.875},
}
MEASURED = {
    "criterion": {"command": "python -m benchmarks.criterion", "comparisons": [COMPARED]},
    "scenes": RUN,
    "summit": {**RUN, "command": "python -m benchmarks.summit", "scale": 0.1, "first_step_seconds": 24.0},
    "time_to_map": {
        "command": "python -m benchmarks.time_to_map",
        "train_images": 30,
        "test_images": 9,
        "settings": {"dataset": "drawn scenes", "seconds": 120.0, "recipe": {"model": "m"}},
        "ours": SIDE,
        "torchvision": {**SIDE, "curve": []},
    },
    "rehearsal": {
        "command": "python -m benchmarks.rehearsal",
        "images": "16551 drawn",
        "model": "m",
        "batch": 32,
        "steps": 2000,
        "first_step_seconds": 23.0,
        "schedule_steps": 120_000,
        "schedule_seconds": 1980,
        "seconds_a_step": 0.016,
    },
    "first_step": {
        "command": "python -m benchmarks.first_step",
        "first_steps": [{"name": "eager", "first_step_s": 0.5, "goal_s": 1.0, "steady_step_s": 0.027}],
    },
    "ablation_x": {
        "command": "python -m benchmarks.ablations x",
        "claims": [
            {
                "text": "a beats b",
                "mean": 0.02,
                "low": 0.01,
                "high": 0.03,
                "verdict": "shown",
                "differences": {str(seed): 0.02 for seed in range(10)},
            },
            {
                "text": "too few seeds",
                "mean": 0.02,
                "low": 0.01,
                "high": 0.03,
                "verdict": "shown",
                "differences": {"0": 0.02},
            },
        ],
    },
}


def _write(folder: Path, **changes: object) -> None:
    for name, measured in MEASURED.items():
        (folder / f"{name}.cuda.json").write_text(json.dumps({"machine": MACHINE} | measured | changes))


def test_tables_have_a_row_for_what_was_measured(tmp_path: Path) -> None:
    _write(tmp_path)
    command = "`python -m benchmarks.criterion`"
    fast = f"| fast | H, torch 2.11.0 | 2.5 ms | 10 ms | **4.0** (3.2 … 4.4) | 2 | {command} |"
    assert readme.benchmarks(tmp_path).split("\n")[2:] == [fast]
    _, _, scenes, summit, ours, theirs, whole = readme.runs(tmp_path).split("\n")
    assert "| 3,000 / 200 | `m` | H, torch 2.11.0 | – | 2.0 min | 1,000 | **0.875** |" in scenes
    assert "12,000 of 120,000 steps | 3,000 / 200 | `m` | H, torch 2.11.0 | 24.0 s |" in summit
    assert "`python -m benchmarks.summit --scale 0.1`" in summit
    assert "| drawn scenes, 120 s for each side | 30 / 9 | `m`, ours |" in ours
    assert "| 23.0 s | 2.0 min | 1,500 | **0.625** |" in ours
    assert "`m`, torchvision" in theirs
    assert "**0.000**" in theirs
    assert "23.0 s | 33 min, extrapolated from 2,000 steps | 2,000 | not measured |" in whole
    assert "| eager | H, torch 2.11.0 | **0.5 s** | 1 s | 27.0 ms |" in readme.first_steps(tmp_path)
    assert "| a beats b | +0.020 (+0.010 … +0.030) | 10 | **shown** |" in readme.claims(tmp_path)
    assert "too few" not in readme.claims(tmp_path)


def test_what_is_incomplete_or_missing_has_no_row(tmp_path: Path) -> None:
    for table in readme.TABLES.values():
        assert table(tmp_path).count("\n") == 1
    _write(tmp_path, complete=False)
    for table in (readme.runs, readme.benchmarks, readme.first_steps):
        assert table(tmp_path).count("\n") == 1


def test_every_row_has_as_many_cells_as_the_head(tmp_path: Path) -> None:
    _write(tmp_path)
    for table in readme.TABLES.values():
        assert len({line.replace("\\|", "").count("|") for line in table(tmp_path).split("\n")}) == 1


def test_a_table_is_put_between_its_comments(tmp_path: Path) -> None:
    for (begin, end), made in readme.TABLES.items():
        text = f"before\n{begin}\nold\n{end}\nafter\n"
        assert readme.rendered(text, tmp_path) == f"before\n{begin}\n{made(tmp_path)}\n{end}\nafter\n"


def test_a_table_in_arabic_has_the_same_numbers_and_code(tmp_path: Path) -> None:
    _write(tmp_path)
    for table in readme.TABLES.values():
        english, arabic = table(tmp_path), translated(table(tmp_path))
        for pattern in (r"`[^`]*`", r"\d[\d.,]*", r"\|"):
            assert re.findall(pattern, arabic) == re.findall(pattern, english)
    assert "| 2.5 ميلي ثانية | 10 ميلي ثانية |" in translated(readme.benchmarks(tmp_path))
    assert '| <span dir="ltr">+0.020 (+0.010 … +0.030)</span> |' in translated(readme.claims(tmp_path))


@pytest.mark.parametrize("run", ["runs", "benchmarks", "first_steps", "claims"])
def test_every_cell_with_words_has_some_in_arabic(run: str) -> None:
    """Of the tables as they are now; names, machines and commands stay."""
    cells = {cell for line in getattr(readme, run)().split("\n") for cell in line[2:-2].split(" | ")}
    names = r"[\w@.-]+|`.*`|NVIDIA .*|[^A-Za-z]*|.*\de[+-]\d.*"
    words = {cell for cell in cells if not re.fullmatch(names, cell)}
    assert {cell for cell in words if not ARABIC.search(said(cell))} == set()


def test_every_claim_and_every_verdict_has_arabic() -> None:
    texts = [claim.text for study in STUDIES.values() for claim in study.claims]
    verdicts = [f"**{verdict}**" for verdict in (SHOWN, REFUTED, NOT_TOLD_APART)]
    assert {text for text in [*texts, *verdicts] if not ARABIC.search(said(text))} == set()
    for text in texts:
        assert re.findall(r"\d+", said(text)) == re.findall(r"\d+", text)
