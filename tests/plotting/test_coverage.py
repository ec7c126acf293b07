"""Coverage over the size of objects."""

import pytest
import torch

from ssd_lite import plotting


def test_each_map_has_a_line_of_sizes_and_a_median() -> None:
    maps = {"16 × 16": torch.tensor([0.1, 0.2, 0.3]), "8 × 8": torch.tensor([])}
    figure = plotting.sizes_by_map({"matched": maps, "answered": maps})
    dots, median, empty = figure.axes[0].lines
    assert list(dots.get_xdata()) == pytest.approx([0.1, 0.2, 0.3])
    assert list(median.get_xdata()) == pytest.approx([0.2, 0.2])
    assert len(empty.get_xdata()) == 0
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == list(maps)


def test_overlaps_lie_above_their_sizes() -> None:
    sizes, flat = torch.tensor([0.1, 0.2, 0.4]), torch.tensor([False, True, False])
    figure = plotting.overlap_by_size({"a": torch.tensor([0.3, 0.6, 0.9])}, sizes, flat)
    others, flats = figure.axes[0].collections
    assert others.get_offsets().ravel().tolist() == pytest.approx([0.1, 0.3, 0.4, 0.9])
    assert flats.get_offsets().ravel().tolist() == pytest.approx([0.2, 0.6])


def test_recall_stands_over_the_middle_of_its_class() -> None:
    classes = [{"from": 0.0, "to": 0.1, "recall": 0.2}, {"from": 0.1, "to": 0.4, "recall": 0.8}]
    figure = plotting.recall_by_size({"cells": {"formula": classes, "fitted": classes}})
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == pytest.approx([(0.05 * 0.1) ** 0.5, 0.2])
    assert list(line.get_ydata()) == [0.2, 0.8]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["formula", "fitted"]
