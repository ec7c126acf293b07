"""The formula and the layout of the text."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssd_lite import scales
from tests.reference import scales as reference
from tests.scales.layouts import same_boxes, small_layout


def test_golden_scales_of_six_maps():
    assert scales.linear_scales(6) == pytest.approx((0.2, 0.34, 0.48, 0.62, 0.76, 0.9))


@given(st.integers(2, 12), st.floats(0.01, 0.5), st.floats(0.5, 1.5))
def test_scales_equal_the_formula(num_maps, smallest, largest):
    got = scales.linear_scales(num_maps, smallest=smallest, largest=largest)
    assert got == pytest.approx(reference.linear_scales(num_maps, smallest, largest))


def test_a_single_map_has_the_smallest_scale():
    # The formula divides by m - 1 = 0 here, and says nothing.
    assert scales.linear_scales(1) == (0.2,)


@pytest.mark.parametrize(
    "options",
    [{"num_maps": 0}, {"num_maps": 3, "smallest": 0.0}, {"num_maps": 3, "smallest": 0.9, "largest": 0.2}],
)
def test_bad_scales_raise(options):
    with pytest.raises(ValueError, match=r"num_maps|smallest"):
        scales.linear_scales(**options)


def test_paper_has_six_boxes_in_every_cell():
    layout = scales.paper((8, 4))
    assert layout.per_location == (6, 6)
    assert layout.cxcywh().shape == (8 * 8 * 6 + 4 * 4 * 6, 4)
    assert len(layout) == 480
    assert scales.paper(((4, 3), 2)).grids == ((4, 3), (2, 2))


def test_golden_cell_of_the_paper():
    # First cell of the 8 × 8 map: s = 0.2; s' = sqrt(0.2 · 0.9), for with two maps s_2 is 0.9.
    cell = scales.paper((8, 4)).cxcywh()[:6]
    between = math.sqrt(0.2 * 0.9)
    sizes = [
        (0.2, 0.2),
        (between, between),
        (0.2 * math.sqrt(2), 0.2 / math.sqrt(2)),
        (0.2 / math.sqrt(2), 0.2 * math.sqrt(2)),
        (0.2 * math.sqrt(3), 0.2 / math.sqrt(3)),
        (0.2 / math.sqrt(3), 0.2 * math.sqrt(3)),
    ]
    same_boxes(cell, [[1 / 16, 1 / 16, w, h] for w, h in sizes])


@pytest.mark.parametrize("grids", [(8, 4), (38, 19, 10, 5, 3, 1), (7,), (3, 3, 3)])
def test_paper_equals_the_loops(grids):
    layout = scales.paper(grids)
    formula = reference.linear_scales(len(grids), 0.2, 0.9) if len(grids) > 1 else [0.2]
    # The text leaves s_(m+1) open, so that one is taken from the layout.
    expected = reference.default_boxes(
        [(g, g) for g in grids], [*formula, layout.scales[-1]], [[2, 3]] * len(grids)
    )
    same_boxes(layout.cxcywh(), expected)


def test_the_text_s_open_scale_is_the_formula_s_next_value():
    assert scales.paper((38, 19, 10, 5, 3, 1)).scales == pytest.approx(
        (0.2, 0.34, 0.48, 0.62, 0.76, 0.9, 1.04)
    )


def test_every_shape_of_a_ratio_has_the_area_of_its_scale():
    layout = scales.paper((4, 2))
    sizes = layout.cxcywh()[:, 2:].reshape(-1, 6, 2)
    area = sizes.prod(dim=-1)
    torch.testing.assert_close(area[:, 2:], area[:, :1].expand(-1, 4))
    ratio = sizes[..., 0] / sizes[..., 1]
    torch.testing.assert_close(ratio, torch.tensor([1, 1, 2, 1 / 2, 3, 1 / 3]).expand_as(ratio))


def test_order_is_map_row_column_shape():
    boxes = scales.paper((3, 2)).cxcywh()
    first, second = boxes[: 9 * 6].reshape(3, 3, 6, 4), boxes[9 * 6 :].reshape(2, 2, 6, 4)
    for cells, size in ((first, 3), (second, 2)):
        for row in range(size):
            for column in range(size):
                centre = torch.tensor([(column + 0.5) / size, (row + 0.5) / size])
                torch.testing.assert_close(cells[row, column, :, :2], centre.expand(6, 2))


def test_a_grid_that_is_not_square_has_its_rows_first():
    # Two rows of five: cx has five values, cy two.
    layout = small_layout(grids=((2, 5), (1, 3)))
    expected = reference.default_boxes([(2, 5), (1, 3)], [0.2, 0.4, 0.8], [[2], [2, 3]])
    same_boxes(layout.cxcywh(), expected)
    assert len(layout) == len(layout.cxcywh()) == 10 * 4 + 3 * 6


def test_the_text_s_layout_of_one_map_goes_up_to_the_largest_scale():
    assert scales.paper((4,)).scales == pytest.approx((0.2, 0.9))
