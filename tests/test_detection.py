"""Detections against loops and against torchvision's post-processing; their text form."""

import copy
import pickle

import pytest
import torch
import torchvision

from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.detection import Detections, detect
from ssd_lite.scales import DefaultBoxes, paper
from tests.reference.detection import detections as by_loops

SMALL = paper((4, 2, 1))


def _random(batch: int, boxes: DefaultBoxes, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(batch, len(boxes), 4), torch.randn(batch, len(boxes), classes + 1) * 3


def check_loops(offsets: torch.Tensor, logits: torch.Tensor, **options) -> None:
    """The detections must be those of the loops; ``options`` in the order of their arguments."""
    found = detect(offsets, logits, SMALL, variances=(0.1, 0.2), **options)
    for image, detections in enumerate(found):
        rows = (values[image].tolist() for values in (offsets, logits))
        expected = by_loops(*rows, SMALL.cxcywh().tolist(), (0.1, 0.2), *options.values())
        assert detections["labels"].tolist() == [label for _, _, label in expected]
        scores = [score for _, score, _ in expected]
        assert detections["scores"].tolist() == pytest.approx(scores, abs=1e-5)
        boxes = torch.tensor([box for box, _, _ in expected]).view(-1, 4)
        torch.testing.assert_close(detections["boxes"], boxes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("per_class", "per_image"), [(400, 200), (5, 200), (400, 7), (3, 1)])
def test_detections_are_those_of_the_loops(seed: int, per_class: int, per_image: int) -> None:
    torch.manual_seed(seed)
    limits = {"per_class": per_class, "per_image": per_image}
    check_loops(*_random(2, SMALL, 3), score_threshold=0.05, iou_threshold=0.45, **limits)


def test_detections_are_torchvisions() -> None:
    theirs = torchvision.models.detection.ssd300_vgg16(
        weights=None, weights_backbone=None, num_classes=5, score_thresh=0.02, topk_candidates=300
    ).eval()
    boxes = paper((10, 5, 3))
    offsets, logits = _random(3, boxes, 4)
    size = 300.0
    anchors = [cxcywh_to_xyxy(boxes.cxcywh()) * size] * 3
    head = {"bbox_regression": offsets, "cls_logits": logits}
    expected = theirs.postprocess_detections(head, anchors, [(300, 300)] * 3)
    found = detect(offsets, logits, boxes, score_threshold=0.02, per_class=300)
    for ours, other in zip(found, expected, strict=True):
        assert torch.equal(ours["labels"], other["labels"])
        torch.testing.assert_close(ours["scores"], other["scores"])
        torch.testing.assert_close(ours["boxes"] * size, other["boxes"], rtol=1e-4, atol=1e-3)


def test_one_image_alone_gives_what_it_gives_in_a_batch() -> None:
    offsets, logits = _random(4, SMALL, 3)
    together = detect(offsets, logits, SMALL)
    for image in range(4):
        alone = detect(offsets[image : image + 1], logits[image : image + 1], SMALL)[0]
        assert all(torch.equal(alone[name], together[image][name]) for name in alone)


def test_equal_scores_go_to_the_lower_class_and_box() -> None:
    far_apart = torch.tensor([[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]])
    found = detect(torch.zeros(1, 2, 4), torch.zeros(1, 2, 3), far_apart)[0]
    assert found["labels"].tolist() == [1, 1, 2, 2]
    assert found["boxes"][:, 0].tolist() == pytest.approx([0.15, 0.75, 0.15, 0.75])


def test_nothing_above_the_threshold_is_an_empty_detection() -> None:
    logits = torch.zeros(2, len(SMALL), 3)
    logits[..., 0] = 20  # background for certain
    for found in detect(torch.zeros(2, len(SMALL), 4), logits, SMALL):
        assert found["boxes"].shape == (0, 4)
        assert found["scores"].shape == found["labels"].shape == (0,)


def test_an_overlap_in_one_class_does_not_suppress_another() -> None:
    same_place = torch.tensor([[0.5, 0.5, 0.2, 0.2]]).expand(2, 4)
    logits = torch.tensor([[[0.0, 5.0, 0.0], [0.0, 0.0, 5.0]]])
    found = detect(torch.zeros(1, 2, 4), logits, same_place, score_threshold=0.5)[0]
    assert sorted(found["labels"].tolist()) == [1, 2]


def test_boxes_are_cut_to_the_image() -> None:
    whole = torch.tensor([[0.5, 0.5, 1.5, 1.5]])
    found = detect(torch.zeros(1, 1, 4), torch.tensor([[[0.0, 5.0]]]), whole)[0]
    assert found["boxes"].tolist() == [[0.0, 0.0, 1.0, 1.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("value", [65504.0, -65504.0, float("inf"), float("-inf"), float("nan")])
def test_offsets_and_logits_beyond_all_bounds_give_no_box_that_is_not_finite(value: float, dtype) -> None:
    """And they spoil no other box of the image."""
    offsets, logits = _random(2, SMALL, 3)
    spoiled = torch.zeros(2, len(SMALL), dtype=torch.bool)
    spoiled[0, ::3] = True
    expected = detect(offsets.to(dtype), logits.to(dtype), SMALL)
    for part in range(4):
        wild = offsets.clone()
        wild[..., part] = wild[..., part].masked_fill(spoiled, value)
        found = detect(wild.to(dtype), logits.to(dtype), SMALL)
        assert all(d["boxes"].isfinite().all() and d["scores"].isfinite().all() for d in found)
        assert all(d["boxes"].min() >= 0 and d["boxes"].max() <= 1 for d in found)
        assert torch.equal(found[1]["boxes"], expected[1]["boxes"])
    found = detect(offsets.to(dtype), logits.masked_fill(spoiled[..., None], value).to(dtype), SMALL)
    assert torch.equal(found[1]["boxes"], expected[1]["boxes"])
    assert all(d["boxes"].isfinite().all() and d["scores"].isfinite().all() for d in found)


def test_a_prediction_of_nothing_but_nan_is_no_detection() -> None:
    offsets, logits = (t.fill_(float("nan")) for t in _random(2, SMALL, 3))
    assert [len(found["boxes"]) for found in detect(offsets, logits, SMALL)] == [0, 0]
    assert [len(found["boxes"]) for found in detect(offsets, torch.zeros_like(logits), SMALL)] == [0, 0]


def three_objects(**options) -> Detections:
    boxes = torch.tensor([[12.04, 30.0, 80.0, 95.0], [0.0, 0.0, 1.0, 1.0], [0.125, 0.25, 0.5, 0.75]])
    return Detections(
        boxes=boxes, scores=torch.tensor([0.984, 0.71, 0.5]), labels=torch.tensor([1, 2, 3]), **options
    )


def test_detections_are_a_dictionary_with_a_short_text_form() -> None:
    found = three_objects(classes=["cat", "dog"])
    assert isinstance(found, dict)
    assert list(found) == ["boxes", "scores", "labels"]
    assert repr(found) == (
        "3 objects: cat 0.98 at (12, 30, 80, 95), dog 0.71 at (0, 0, 1, 1), "
        "class 3 0.50 at (0.125, 0.25, 0.5, 0.75)"
    )
    assert repr(three_objects()).startswith("3 objects: class 1 0.98 at")
    one = Detections(**{name: values[:1] for name, values in found.items()}, classes=["cat"])
    assert repr(one) == "1 object: cat 0.98 at (12, 30, 80, 95)"
    assert repr(Detections(**{name: values[:0] for name, values in found.items()})) == "0 objects"
    many = Detections(**{name: values.repeat_interleave(4, dim=0) for name, values in found.items()})
    assert repr(many).endswith(", and 7 more")
    assert repr(many).count(" at ") == 5


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda found: pickle.loads(pickle.dumps(found))]
)
def test_copies_of_detections_keep_their_classes(copied) -> None:
    found = three_objects(classes=["cat", "dog"])
    again = copied(found)
    assert type(again) is Detections
    assert (again.classes, repr(again)) == (found.classes, repr(found))
    assert again.keys() == found.keys()
