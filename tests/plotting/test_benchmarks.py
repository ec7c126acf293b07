"""Figures of what is fast: where bars, marks and curves lie."""

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
CURVE = [{"step": 1, "seconds": 60, "map": 0.3}, {"step": 2, "seconds": 120, "map": 0.625}]
RACE = {"ours": {"curve": CURVE}, "torchvision": {"curve": CURVE[:1]}}


def test_a_bar_starts_at_as_fast_and_a_mark_stands_at_the_goal() -> None:
    axes = plotting.speedups([BENCHMARK]).axes[0]
    spans = [sorted((bar.get_x(), bar.get_x() + bar.get_width())) for bar in axes.patches]
    assert spans == [[1, 4], [0.5, 1]]
    goals = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert goals == [2]
    assert [text.get_text() for text in axes.texts] == ["4.0 ×", "0.5 ×"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["fast", "slow"]


def test_curves_of_both_sides_start_at_nothing() -> None:
    axes = plotting.map_over_time(RACE).axes[0]
    assert [line.get_label() for line in axes.lines] == ["ours", "torchvision"]
    assert list(axes.lines[0].get_xdata()) == [0, 1, 2]
    assert list(axes.lines[0].get_ydata()) == [0, 0.3, 0.625]


def test_parts_lie_one_after_the_other() -> None:
    bars = plotting.time_breakdown({"forward": 0.002, "backward": 0.004}).axes[0].patches
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 2), (2, 4)]
