import pytest
import torch
from hypothesis import given
from torchvision import ops

from ssd_lite import boxes
from tests.reference import boxes as reference
from tests.strategies import box_lists, boxes_xyxy, lattice_boxes, random_boxes, tensor_of

DTYPES = [torch.float32, torch.float64]


@given(box_lists(empty=True))
def test_the_two_forms_invert_each_other(drawn):
    # Sixteenths and their halves are exact, so the trip there and back must be too.
    given_xyxy = tensor_of(drawn)
    assert torch.equal(boxes.cxcywh_to_xyxy(boxes.xyxy_to_cxcywh(given_xyxy)), given_xyxy)


@given(box_lists(empty=True))
def test_forms_equal_the_loops(drawn):
    cxcywh = tensor_of([reference.to_cxcywh(box) for box in drawn])
    assert torch.equal(boxes.xyxy_to_cxcywh(tensor_of(drawn)), cxcywh)
    assert torch.equal(
        boxes.cxcywh_to_xyxy(cxcywh), tensor_of([reference.to_xyxy(b) for b in cxcywh.tolist()])
    )


def test_golden_forms():
    xyxy = torch.tensor([0.25, 0.5, 0.75, 0.625])
    cxcywh = torch.tensor([0.5, 0.5625, 0.5, 0.125])
    assert torch.equal(boxes.xyxy_to_cxcywh(xyxy), cxcywh)
    assert torch.equal(boxes.cxcywh_to_xyxy(cxcywh), xyxy)


@given(box_lists(empty=True, cells=8), box_lists(empty=True, cells=8))
def test_jaccard_equals_the_loop(a, b):
    expected = torch.tensor([[reference.jaccard(x, y) for y in b] for x in a]).reshape(len(a), len(b))
    torch.testing.assert_close(boxes.jaccard(tensor_of(a), tensor_of(b)), expected, rtol=1e-6, atol=0)


@given(box_lists(empty=True), box_lists(empty=True))
def test_jaccard_is_symmetric_and_between_0_and_1(a, b):
    overlaps = boxes.jaccard(tensor_of(a), tensor_of(b))
    assert torch.equal(overlaps, boxes.jaccard(tensor_of(b), tensor_of(a)).T)
    assert bool(((overlaps >= 0) & (overlaps <= 1)).all())


@given(boxes_xyxy())
def test_a_box_overlaps_itself_entirely(box):
    assert boxes.jaccard(tensor_of([box]), tensor_of([box])).item() == 1


@given(boxes_xyxy(empty=True), boxes_xyxy())
def test_jaccard_ignores_where_the_pair_lies(a, b):
    shift = 0.25
    moved = boxes.jaccard(tensor_of([a]) + shift, tensor_of([b]) + shift)
    assert torch.equal(moved, boxes.jaccard(tensor_of([a]), tensor_of([b])))


def test_golden_overlaps():
    box = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    others = torch.tensor(
        [
            [0.0, 0.0, 0.5, 0.5],  # the same
            [0.0, 0.0, 1.0, 0.5],  # twice as wide: 1/2
            [0.25, 0.25, 0.75, 0.75],  # a quarter shared: 1/7
            [0.5, 0.0, 1.0, 0.5],  # touching edges
            [0.5, 0.5, 1.0, 1.0],  # touching corners
            [0.125, 0.125, 0.375, 0.375],  # inside: 1/4
        ]
    )
    expected = torch.tensor([[1, 1 / 2, 1 / 7, 0, 0, 1 / 4]])
    torch.testing.assert_close(boxes.jaccard(box, others), expected)


def test_zero_area_and_swapped_corners_overlap_nothing_not_even_themselves():
    broken = torch.tensor(
        [
            [0.5, 0.5, 0.5, 0.5],
            [0.2, 0.1, 0.2, 0.9],
            [0.1, 0.3, 0.9, 0.3],
            [0.8, 0.2, 0.2, 0.8],
            [0.8, 0.8, 0.2, 0.2],
        ]
    )
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    assert torch.equal(boxes.jaccard(broken, torch.cat([broken, whole])), torch.zeros(5, 6))
    assert torch.equal(boxes.area(broken), torch.zeros(5))


@pytest.mark.parametrize("dtype", DTYPES)
def test_jaccard_agrees_with_torchvision(dtype, generator):
    a = random_boxes(50, generator=generator).to(dtype)
    b = random_boxes(60, generator=generator).to(dtype)
    torch.testing.assert_close(boxes.jaccard(a, b), ops.box_iou(a, b))
    torch.testing.assert_close(boxes.area(a), ops.box_area(a))
    torch.testing.assert_close(boxes.xyxy_to_cxcywh(a), ops.box_convert(a, "xyxy", "cxcywh"))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_jaccard_of_a_batch_is_that_of_each_image(shape, generator):
    a = random_boxes(*shape, 4, generator=generator)
    b = random_boxes(5, generator=generator)
    overlaps = boxes.jaccard(a, b)
    assert overlaps.shape == (*shape, 4, 5)
    for one, row in zip(a.reshape(-1, 4, 4), overlaps.reshape(-1, 4, 5), strict=True):
        assert torch.equal(row, boxes.jaccard(one, b))


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_jaccard_of_no_boxes(n, m):
    assert boxes.jaccard(torch.zeros(n, 4), torch.zeros(m, 4)).shape == (n, m)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_jaccard_of_half_precision_keeps_small_boxes(dtype):
    # In half precision the area 2^-28 of this box would be 0, and its overlap with itself too.
    small = torch.tensor([[0.0, 0.0, 2.0**-14, 2.0**-14]], dtype=dtype)
    overlap = boxes.jaccard(small, small)
    assert overlap.dtype == dtype
    assert overlap.item() == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, *DTYPES])
def test_dtype_follows_the_input(dtype):
    box = torch.tensor([[0.0, 0.0, 0.5, 0.5]], dtype=dtype)
    for function in (boxes.xyxy_to_cxcywh, boxes.cxcywh_to_xyxy, boxes.clip, boxes.area):
        assert function(box).dtype == dtype


def test_clip_moves_corners_not_centres():
    beyond = torch.tensor([[-0.25, 0.25, 0.5, 1.5], [0.25, 0.25, 0.75, 0.75]])
    expected = torch.tensor([[0.0, 0.25, 0.5, 1.0], [0.25, 0.25, 0.75, 0.75]])
    assert torch.equal(boxes.clip(beyond), expected)
    assert beyond[0, 0] == -0.25


def test_a_centre_on_the_edge_of_the_patch_is_inside():
    patch = torch.tensor([0.25, 0.25, 0.75, 0.75])
    given_xyxy = torch.tensor(
        [
            [0.0, 0.25, 0.5, 0.75],  # centre (0.25, 0.5), on the left edge
            [0.5, 0.5, 1.0, 1.0],  # centre (0.75, 0.75), on the corner
            [0.0, 0.25, 0.375, 0.75],  # centre (0.1875, 0.5), left of it
            [0.25, 0.75, 0.75, 0.875],  # centre (0.5, 0.8125), below it
            [0.0, 0.0, 1.0, 1.0],  # much larger than the patch, centred in it
        ]
    )
    assert boxes.centres_inside(given_xyxy, patch).tolist() == [True, True, False, False, True]


def test_each_image_has_its_own_patch(generator):
    given_xyxy = lattice_boxes(3, 7, generator=generator)
    patches = lattice_boxes(3, generator=generator)
    inside = boxes.centres_inside(given_xyxy, patches)
    for row, one, patch in zip(inside, given_xyxy, patches, strict=True):
        assert torch.equal(row, boxes.centres_inside(one, patch))


def test_inputs_are_unchanged(generator):
    a, b = lattice_boxes(4, generator=generator), lattice_boxes(5, generator=generator) - 0.25
    before = a.clone(), b.clone()
    boxes.jaccard(a, b)
    boxes.clip(b)
    boxes.xyxy_to_cxcywh(a)
    boxes.cxcywh_to_xyxy(a)
    boxes.area(b)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


def test_overlap_has_a_finite_gradient_where_boxes_do_not_meet():
    # Division by an empty union would put NaN here.
    a = torch.tensor([[0.1, 0.1, 0.1, 0.1], [0.0, 0.0, 0.5, 0.5]], requires_grad=True)
    boxes.jaccard(a, torch.tensor([[0.6, 0.6, 0.6, 0.6], [0.2, 0.2, 0.9, 0.9]])).sum().backward()
    assert bool(torch.isfinite(a.grad).all())
