"""Charts show the values that they are given."""

import torch

from ssd_lite import plotting
from ssd_lite.plotting.style import COLOURS


def test_distributions_are_shares() -> None:
    values = {"one": torch.tensor([0.1, 0.1, 0.9, 0.6]), "other": torch.tensor([0.3])}
    figure = plotting.distributions(
        {"x": values, "y": values}, ranges=[(0, 1), (0, 2)], bins=2, ticks={"y": {0.0: "low", 2.0: "high"}}
    )
    first, second = figure.axes
    assert [step.get_data().values.tolist() for step in first.patches] == [[0.5, 0.5], [1.0, 0.0]]
    assert second.patches[0].get_data().values.tolist() == [1.0, 0.0]
    assert [text.get_text() for text in second.get_xticklabels()] == ["low", "high"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]


def test_shares_are_bars_with_numbers() -> None:
    figure = plotting.grouped_bars(
        {"first": {"a": 0.25, "b": 1.0}, "second": {"a": 0.0, "b": 0.5}}, label="share"
    )
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 1.0, 0.0, 0.5]
    assert [text.get_text() for text in axes.texts] == ["0.25", "1.00", "0.00", "0.50"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    lone = plotting.grouped_bars({"first": {"a": 0.25}}, label="share")
    assert lone.axes[0].get_legend() is None


def test_trends_go_through_their_points() -> None:
    figure = plotting.line_chart(
        {"a": [(1, 0.5), (10, 0.25)], "b": [(1, 0.0)]}, x_label="x", y_label="y", logarithmic=True
    )
    lines = figure.axes[0].lines
    assert lines[0].get_xydata().tolist() == [[1, 0.5], [10, 0.25]]
    assert [line.get_color() for line in lines] == [COLOURS[6], COLOURS[0]]
    assert figure.axes[0].get_xscale() == "log"
