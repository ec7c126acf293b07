"""The limits on detections: which candidates are looked at first, and what counts towards no limit."""

import math

import pytest
import torch

from ssd_lite import detection
from ssd_lite.detection import DetectionOptions, detect
from tests.test_detection import SMALL


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(("per_class", "per_image"), [(400, 3), (2, 5), (400, 40), (400, 300)])
def test_looking_at_the_best_first_changes_nothing(
    depth: int, per_class: int, per_image: int, monkeypatch
) -> None:
    """Ties everywhere; some images are decided at once, others after rounds or by all their candidates."""
    rounds: list[int] = []
    within = detection._within_groups
    monkeypatch.setattr(detection, "_within_groups", lambda *args: rounds.append(1) or within(*args))
    limits = {"per_class": per_class, "per_image": per_image, "score_threshold": 0.05, "iou_threshold": 0.3}
    counts = []
    for seed in range(4):
        draw = torch.Generator().manual_seed(seed)
        logits = torch.randint(-3, 3, (3, len(SMALL), 4), generator=draw).float()
        offsets = torch.zeros(3, len(SMALL), 4)
        offsets[1] = torch.randn(len(SMALL), 4, generator=draw) * 30  # many boxes without area
        logits[2, :, 0] += 3.0  # few candidates
        results = {}
        for looked_at in (depth, 10_000):
            monkeypatch.setattr(detection, "DEPTH", looked_at)
            rounds.clear()
            results[looked_at] = detect(offsets, logits, SMALL, **limits)
            counts.append(len(rounds))
        for found, expected in zip(*results.values(), strict=True):
            assert len(expected["labels"]) > 0
            assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert set(counts[1::2]) == {1}
    assert max(counts[::2]) > 1 or depth > 1 or per_image > 40


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 1e-30, 0.01, 0.5, 0.999999, 1.0])
@pytest.mark.parametrize("spread", [0.1, 3.0, 40.0])
def test_the_row_filter_loses_no_score_above_the_threshold(threshold: float, spread: float) -> None:
    logits = torch.randn(2, 4000, 5, generator=torch.Generator().manual_seed(1)) * spread
    if threshold == 0.5 and spread == 3.0:
        above = (logits.softmax(-1)[..., 1:] > threshold).any(-1).sum()
        assert len(detection._promising(logits, threshold)) < 1.4 * above
    logits[0, ::7, 0] = -math.inf
    logits[0, ::11, 2] = math.inf
    logits[0, ::13] = math.nan
    logits[0, ::17, 1:] -= 1e5
    logits[1, ::3] += 1e4  # where float32 is coarse
    above = (logits.softmax(-1)[..., 1:] > threshold).any(-1).flatten().nonzero().squeeze(1)
    assert torch.isin(above, detection._promising(logits, threshold)).all()


@pytest.mark.parametrize("outside", [-9.0, 9.0])
def test_boxes_without_area_push_out_no_real_one(outside: float) -> None:
    """400 of them, of the same class and with higher scores than the only object."""
    defaults = torch.tensor([[0.5, 0.5, 0.2, 0.2]]).repeat(401, 1)
    offsets, logits = torch.zeros(1, 401, 4), torch.tensor([0.0, 5.0]).repeat(1, 401, 1)
    offsets[0, :200, 0] = outside / 0.1 / 0.2  # beside the image
    offsets[0, 200:400, 2] = -300.0  # a width that float32 rounds away
    logits[0, 400, 1] = 1.0
    for options in ({}, {"per_class": 1}, {"per_image": 1}):
        found = detect(offsets, logits, defaults, **options)[0]
        assert found["scores"].tolist() == pytest.approx([1 / (1 + math.exp(-1))])
        torch.testing.assert_close(found["boxes"], torch.tensor([[0.4, 0.4, 0.6, 0.6]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_box_that_is_returned_has_an_area_in_its_own_type(dtype: torch.dtype) -> None:
    offsets, logits = torch.zeros(1, 2, 4, dtype=dtype), torch.tensor([[[0.0, 5.0], [0.0, 4.0]]], dtype=dtype)
    defaults = torch.tensor([[0.9, 0.9, 1e-5, 0.1], [0.5, 0.5, 0.25, 0.25]])
    found = detect(offsets, logits, defaults)[0]
    assert found["boxes"].dtype == dtype
    assert len(found["labels"]) == (2 if dtype == torch.float32 else 1)
    assert (found["boxes"][:, 2:] > found["boxes"][:, :2]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"score_threshold": -0.1},
        {"score_threshold": 1.1},
        {"iou_threshold": -0.1},
        {"iou_threshold": 1.1},
        {"per_class": 0},
        {"per_image": 0},
        {"largest_growth": 0.0},
    ],
)
def test_options_out_of_range_are_named(wrong: dict) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must"):
        DetectionOptions(**wrong)
    with pytest.raises(ValueError, match=f"{name} must"):
        detect(torch.zeros(1, len(SMALL), 4), torch.zeros(1, len(SMALL), 3), SMALL, **wrong)


def test_limits_themselves_are_in_range() -> None:
    assert DetectionOptions(score_threshold=0, iou_threshold=1, per_class=1, per_image=1)
    assert DetectionOptions(score_threshold=1, iou_threshold=0)
