"""How well default boxes cover objects."""

import math

import pytest
import torch

from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.truths import Truth, Truths
from tests.reference import boxes as reference_boxes
from tests.reference import scales as reference
from tests.scales.layouts import batch_of, small_layout
from tests.strategies import lattice_boxes, random_boxes


@pytest.mark.parametrize("clip", [False, True])
def test_coverage_equals_brute_force(clip, generator):
    layout = small_layout(clip=clip)
    boxes = lattice_boxes(5, 4, generator=generator).float()
    present = torch.rand(5, 4, generator=generator) < 0.7
    got = scales.coverage(layout, batch_of(boxes, present))
    defaults = [reference_boxes.to_xyxy(box) for box in layout.cxcywh().double().tolist()]
    best = [
        [reference.best_overlap(box, defaults) if there else 0.0 for box, there in zip(*row, strict=True)]
        for row in zip(boxes.tolist(), present.tolist(), strict=True)
    ]
    torch.testing.assert_close(got.best, torch.tensor(best), rtol=1e-5, atol=1e-6)
    found = [
        overlap
        for row, there in zip(best, present.tolist(), strict=True)
        for overlap, here in zip(row, there, strict=True)
        if here
    ]
    assert got.mean == pytest.approx(sum(found) / len(found), rel=1e-5)
    assert got.recall == pytest.approx(sum(overlap > 0.5 for overlap in found) / len(found))


def test_coverage_takes_a_tensor_of_default_boxes(generator):
    truths = batch_of(random_boxes(2, 3, generator=generator).float(), torch.ones(2, 3, dtype=torch.bool))
    layout = small_layout()
    assert torch.equal(scales.coverage(layout.cxcywh(), truths).best, scales.coverage(layout, truths).best)


def test_an_object_that_is_a_default_box_is_covered_entirely():
    layout = scales.paper((4, 2))
    box = cxcywh_to_xyxy(layout.cxcywh()[30:31])
    got = scales.coverage(layout, Truths.from_list([Truth.of(box, [1]), Truth.of([], [])]))
    assert got.mean == pytest.approx(1)
    assert got.recall == 1


def test_recall_is_strict_at_its_threshold():
    default = torch.tensor([[0.25, 0.25, 0.5, 0.5]])
    # Overlaps 1/2, exactly, and 1/4.
    truths = Truths.from_list([Truth.of([[0.0, 0.0, 0.5, 0.25], [0.0, 0.0, 0.25, 0.25]], [1, 1])])
    assert scales.coverage(default, truths).recall == 0
    assert scales.coverage(default, truths, threshold=0.375).recall == 0.5
    assert scales.coverage(default, truths).best.tolist() == [[0.5, 0.25]]


def test_coverage_without_objects_is_not_a_number():
    got = scales.coverage(small_layout(), Truths.from_list([Truth.of([], []), Truth.of([], [])]))
    assert got.best.shape == (2, 0)
    assert math.isnan(got.mean)
    assert math.isnan(got.recall)


def test_padding_covers_nothing_and_counts_for_nothing(generator):
    boxes = random_boxes(1, 2, generator=generator).float()
    padded = torch.cat([torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), boxes], dim=1)
    got = scales.coverage(small_layout(), batch_of(padded, torch.tensor([[False, True, True]])))
    alone = scales.coverage(small_layout(), batch_of(boxes, torch.tensor([[True, True]])))
    assert got.best[0, 0] == 0
    assert torch.equal(got.best[:, 1:], alone.best)
    assert got.mean == alone.mean
    assert got.recall == alone.recall


def test_coverage_looks_at_every_image_of_many(generator):
    """More than fit into two of the portions in which it goes through them, in the precision of the boxes."""
    boxes = random_boxes(40, 2, generator=generator, least=0.1).double()
    truths = Truths(boxes, torch.ones(40, 2, dtype=torch.int64), torch.zeros(40, 2, dtype=torch.bool))
    together = scales.coverage(scales.paper((4, 2)), truths).best
    assert together.dtype == torch.float64
    for image in range(40):
        alone = Truths(*(part[image : image + 1] for part in (boxes, truths.labels, truths.difficult)))
        assert torch.equal(together[image], scales.coverage(scales.paper((4, 2)), alone).best[0])
