"""Figures of what is fast: where bars, marks and curves lie. And the README's tables of the same."""

import json
from pathlib import Path

from benchmarks import readme
from ssd_lite import plotting

MACHINE = {"device": "cuda", "name": "H", "threads": 8, "torch": "2.11.0+cu130"}


def _comparison(name: str, share: float, goal: float | None) -> dict:
    sides = {"ours": {"median_s": share / 100}, "torchvision": {"median_s": 0.01}}
    quartiles = [0.9 * share, 1.25 * share]
    return {
        "name": name,
        "side": "ours",
        **sides,
        "share": {"median": share, "quartiles": quartiles},
        "goal": goal,
    }


BENCHMARK = {
    "machine": MACHINE,
    "command": "python -m benchmarks.criterion",
    "comparisons": [_comparison("fast", 0.25, 0.5), _comparison("slow", 2.0, None)],
}
SIDE = {"training_seconds": 120, "training_images_per_second": 1000.4}
CURVE = [{"step": 1, "seconds": 60, "map": 0.3}, {"step": 2, "seconds": 120, "map": 0.625}]
FULL = {
    "machine": MACHINE,
    "command": "python -m benchmarks.full_run",
    "dataset": "some",
    "train_images": 30,
    "test_images": 9,
    "recipe": {"model": "m"},
    "ours": {**SIDE, "curve": CURVE, "metrics": {"mean": 0.625}},
    "torchvision": {**SIDE, "training_seconds": 600, "curve": CURVE[:1], "metrics": {"mean": 0.5}},
}
REHEARSAL = {
    "machine": MACHINE,
    "command": "python -m benchmarks.rehearsal",
    "images": "16551 drawn",
    "model": "m",
    "batch": 32,
    "steps": 2000,
    "schedule_steps": 120_000,
    "schedule_seconds": 2000,
    "seconds_a_step": 0.016,
}


def test_a_bar_starts_at_as_fast_and_a_mark_stands_at_the_goal() -> None:
    axes = plotting.speedups([BENCHMARK]).axes[0]
    spans = [sorted((bar.get_x(), bar.get_x() + bar.get_width())) for bar in axes.patches]
    assert spans == [[1, 4], [0.5, 1]]
    goals = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert goals == [2]
    assert [text.get_text() for text in axes.texts] == ["4 ×", "0.5 ×"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["fast", "slow"]


def test_curves_of_both_sides_start_at_nothing() -> None:
    axes = plotting.map_over_time(FULL).axes[0]
    assert [line.get_label() for line in axes.lines] == ["ours", "torchvision"]
    assert list(axes.lines[0].get_xdata()) == [0, 1, 2]
    assert list(axes.lines[0].get_ydata()) == [0, 0.3, 0.625]


def test_parts_lie_one_after_the_other() -> None:
    bars = plotting.time_breakdown({"forward": 0.002, "backward": 0.004}).axes[0].patches
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 2), (2, 4)]


def test_tables_have_a_row_for_what_was_measured(tmp_path: Path) -> None:
    assert readme.benchmarks(tmp_path).count("\n") == 1
    for name, measured in (("criterion", BENCHMARK), ("full_run", FULL), ("rehearsal", REHEARSAL)):
        (tmp_path / f"{name}.cuda.json").write_text(json.dumps(measured))
    fast = "| fast | H, torch 2.11.0 | 2.5 ms | 10 ms | **4** (3.2 … 4.4) | 2 |"
    command = " `python -m benchmarks.criterion` |"
    assert readme.benchmarks(tmp_path).split("\n")[2] == fast + command
    _, _, ours, theirs, whole = readme.table(tmp_path).split("\n")
    assert "`m`, ours | H, torch 2.11.0 | 2.0 min | 1000 | **0.625** |" in ours
    assert "`m`, torchvision | H, torch 2.11.0 | 10.0 min | 1000 | **0.500** |" in theirs
    assert "33 min, extrapolated from 2,000 steps | 2000 | not measured |" in whole


def test_a_table_is_put_between_its_comments(tmp_path: Path) -> None:
    (begin, end), made = list(readme.TABLES.items())[1]
    text = f"before\n{begin}\nold\n{end}\nafter\n"
    assert readme.rendered(text, tmp_path) == f"before\n{begin}\n{made(tmp_path)}\n{end}\nafter\n"
