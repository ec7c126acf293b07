"""Hard negative mining: curves hold the numbers that they are given."""

import pytest

from ssd_lite import plotting


def test_ratios_are_counted_and_layouts_are_lines() -> None:
    figure = plotting.imbalance(
        {"small": [20.0, 21.0, 200.0], "large": [500.0]},
        {"denser": [(10, 1.0), (40, 1.0)], "finer": [(10, 1.0)]},
    )
    left, right = figure.axes
    heights = [sum(bar.get_height() for bar in bars) for bars in left.containers]
    assert heights == [3, 1]
    assert [line.get_xdata().tolist() for line in right.lines] == [[10, 40], [10]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["small", "large"]


def test_progress_has_a_line_for_each_measure() -> None:
    figure = plotting.mining_progress(
        [0, 10, 20], {"picked": [0.1, 0.2, 0.3], "all": [0.1, 0.1, 0.1]}, [0.5, 0.6]
    )
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[0.1, 0.2, 0.3], [0.1, 0.1, 0.1]]
    assert [line.get_linestyle() for line in left.lines] == ["-", "--"]
    assert (list(right.lines[0].get_xdata()), list(right.lines[0].get_ydata())) == ([10, 20], [0.5, 0.6])
    assert right.get_xlim() == left.get_xlim()
    assert [text.get_text() for text in left.texts] == ["picked", "all"]


def test_the_mean_of_the_seeds_is_thick_and_a_run_that_diverged_counts_nothing() -> None:
    whole = {"map": [[200, 0.2], [400, 0.4]]}
    broken = {"map": [[200, 0.1]], "diverged": 300}
    study = {"runs": {"hard": [whole, whole], "all": [whole, broken]}}
    figure = plotting.mining_speed(study, {"rate": {"hard": "3:1"}, "fast": {"all": "all negatives"}})
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("rate", "fast")
    assert [line.get_linewidth() for line in right.lines] == [0.9, 0.9, 3]
    assert [list(line.get_ydata()) for line in right.lines] == [
        [0.2, 0.4],
        [0.1, 0.0],
        pytest.approx([0.15, 0.2]),
    ]
    assert right.get_legend().get_texts()[0].get_text() == "all negatives"


def test_rates_have_a_dot_for_each_seed_and_a_line_through_the_means() -> None:
    runs = {
        "hard": [{"map": [[9, 0.4]]}, {"map": [[9, 0.6]]}],
        "hard, fast": [{"map": [[9, 0.3]]}, {"map": [], "diverged": 3}],
    }
    figure = plotting.mining_rates({"runs": runs}, {"3:1": {0.02: "hard", 0.08: "hard, fast"}})
    slow, fast, line = figure.axes[0].lines
    assert (list(slow.get_ydata()), list(fast.get_ydata())) == ([0.4, 0.6], [0.3, 0.0])
    assert list(line.get_ydata()) == pytest.approx([0.5, 0.15])
    assert line.get_xdata() == pytest.approx([0.02, 0.08])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.02", "0.08"]


def test_mining_is_a_step_and_focal_weights_are_curves() -> None:
    figure = plotting.focal_and_mining(
        [0.0, 0.1, 1.0, 30.0], 0.5, [0.1, 0.2, 1.0], {"γ = 2": [0.0, 0.01, 0.4]}
    )
    axes, crowd = figure.axes
    assert list(axes.lines[0].get_xdata()) == [1e-4, 0.5, 0.5, 10]
    assert list(axes.lines[1].get_ydata()) == [0.0, 0.01, 0.4]
    assert sum(bar.get_height() for bar in crowd.patches) == 4  # losses of 0 and beyond the axis too
