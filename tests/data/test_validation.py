"""Which boxes can be used."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ssd_lite.data.validation import MIN_SIDE, box_error


@given(st.lists(st.integers(-3, 20), min_size=4, max_size=4), st.integers(1, 16), st.integers(1, 16))
def test_box_error_against_the_rule_word_for_word(corners: list[int], width: int, height: int) -> None:
    x0, y0, x1, y1 = (float(side) for side in corners)
    legal = 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    assert (box_error((x0, y0, x1, y1), (width, height)) is None) == legal


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 100_000))
def test_boxes_without_error_survive_single_precision(a: float, b: float, width: int) -> None:
    x0, x1 = sorted((a * width, b * width))
    if box_error((x0, 0.0, x1, 1.0), (width, 1)) is None:
        for left, right in ((x0 / width, x1 / width), (1 - x1 / width, 1 - x0 / width)):
            assert torch.tensor(left) < torch.tensor(right)
    else:
        assert x1 - x0 < 2 * MIN_SIDE * width
