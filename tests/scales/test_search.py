"""The search behind fitting: its moves, its bounds, and what it measures."""

import math

import pytest
import torch

from ssd_lite import scales
from ssd_lite.boxes import xyxy_to_cxcywh
from ssd_lite.scales import DefaultBoxes, fitting
from ssd_lite.truths import Truths
from tests.scales.layouts import dataset, small_layout
from tests.strategies import random_boxes


def test_a_move_of_the_search_is_as_small_as_its_spread(generator):
    layout = scales.ssd300_voc()
    moved = fitting._perturbed(layout, 0.01, generator)
    before = [*layout.scales, *(r for ratios in layout.aspect_ratios for r in ratios)]
    after = [*moved.scales, *(r for ratios in moved.aspect_ratios for r in ratios)]
    changes = [abs(math.log(b / a)) for a, b in zip(before, after, strict=True)]
    assert 0.002 < max(changes) < 0.05
    assert sum(change > 0.001 for change in changes) < len(changes) * 0.7  # about a third are moved


@pytest.mark.parametrize(
    "layout",
    [
        scales.paper((8, 4, 1)),
        scales.ssd300_voc(),
        small_layout(),
        small_layout(steps=(6.0, 12.0), image_size=32),  # centres end before the image does
    ],
)
def test_the_search_reaches_what_coverage_measures(layout, generator):
    """With centres at the borders, and in the corners, of the image among them."""
    boxes = random_boxes(30, 3, generator=generator, least=0.05).double()
    boxes[:4, 0] = torch.tensor(
        [[0.0, 0.0, 0.1, 0.1], [0.9, 0.9, 1.0, 1.0], [0.0, 0.95, 0.1, 1.0], [0.9, 0.0, 1.0, 0.02]]
    )
    truths = Truths(boxes, torch.ones(30, 3, dtype=torch.int64), torch.zeros(30, 3, dtype=torch.bool))
    flat = xyxy_to_cxcywh(boxes.flatten(0, 1))
    mean, recall = fitting._coverage(layout, flat[:, None, 2:], fitting._centre_distances(layout, flat), 0.5)
    covered = scales.coverage(layout, truths)
    assert (mean, recall) == pytest.approx((covered.mean, covered.recall), abs=1e-6)


@pytest.mark.plain  # values of other types than the run-time checks let pass
def test_recall_of_the_search_is_strict_at_its_threshold():
    layout = DefaultBoxes(grids=(1,), scales=(1.0, 1.0), aspect_ratios=((),))
    half = torch.tensor([[0.5, 0.5, 1.0, 0.5]], dtype=torch.float64)
    reach = fitting._coverage(layout, half[:, None, 2:], fitting._centre_distances(layout, half), 0.5)
    assert reach == (0.5, 0.0)


def test_distances_of_the_search_are_as_exact_as_its_boxes():
    layout = DefaultBoxes(grids=((3, 7),), scales=(0.5, 1.0), aspect_ratios=((),))
    centre = torch.tensor([[0.5, 0.5, 0.1, 0.1]], dtype=torch.float64)  # of the middle cell, too
    assert fitting._centre_distances(layout, centre).max() < 1e-15


def test_fit_looks_at_2000_objects_of_more(generator, monkeypatch):
    looked_at = []
    distances = fitting._centre_distances

    def spied(layout, boxes):
        looked_at.append(len(boxes))
        return distances(layout, boxes)

    monkeypatch.setattr(fitting, "_centre_distances", spied)
    for images in (19, 21):
        scales.fit(dataset("long", generator, images=images, objects=100), like=small_layout(), rounds=1)
    assert looked_at == [1900, 2000]


def test_the_search_bounds_scales_and_ratios(generator):
    layout = small_layout(aspect_ratios=((0.2, 1.0), (1.0, 5.0)))
    moved = [fitting._perturbed(layout, 4.0, generator) for _ in range(50)]
    ratios = [ratio for one in moved for of_map in one.aspect_ratios for ratio in of_map]
    sides = [scale for one in moved for scale in one.scales]
    assert (min(ratios), max(ratios)) == (0.1667, 6.0)
    assert (min(sides), max(sides)) == (0.01, 1.4)
