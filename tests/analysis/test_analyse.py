"""What an analysis says of small cases worked out by hand, and what it refuses."""

import json
import math

import pytest
import torch

from ssd_lite.analysis import analyse
from ssd_lite.analysis.numbers import to_dict
from ssd_lite.evaluation import average_precision
from ssd_lite.truths import Truth, Truths
from tests.analysis.cases import CLASSES, analysed, random_images, tensors

UNIT, FAR = [0.0, 0.0, 1.0, 1.0], [4.0, 4.0, 5.0, 5.0]
THIRD = [0.0, 0.0, 1.0, 3.0]  # overlaps UNIT by 1/3


def one(detections, objects, **options):
    """The analysis of one image of the classes "cat", "dog", …."""
    return analysed([(detections, objects)], **options)


@pytest.mark.parametrize(
    ("detection", "kind"),
    [
        ((UNIT, 0.5, 2), "classification"),
        ((THIRD, 0.5, 1), "localization"),
        ((THIRD, 0.5, 2), "both"),
        ((UNIT, 0.5, 1), "duplicate"),
        ((FAR, 0.5, 1), "background"),
    ],
)
def test_each_kind_of_error(detection, kind: str) -> None:
    """One cat is found with 0.9; the other detection is wrong."""
    errors = one([(UNIT, 0.9, 1), detection], [(UNIT, 1, False)]).errors
    assert errors.counts == {**dict.fromkeys(errors.counts, 0), kind: 1}


def test_a_missed_object_and_its_repair() -> None:
    errors = one([(UNIT, 0.9, 1)], [(UNIT, 1, False), (FAR, 1, False)]).errors
    assert errors.counts["missed"] == 1
    assert errors.delta_ap["missed"] == pytest.approx(0.5)


def test_a_repaired_class_moves_the_detection_to_it() -> None:
    """The only dog was called a cat: dog gains 1; cat had its hit before the error and gains nothing."""
    errors = one([(UNIT, 0.9, 1), (FAR, 0.8, 1)], [(UNIT, 1, False), (FAR, 2, False)]).errors
    assert errors.delta_ap_per_class["classification"]["dog"] == pytest.approx(1.0)
    assert errors.delta_ap_per_class["classification"]["cat"] == pytest.approx(0.0)
    assert math.isnan(errors.delta_ap_per_class["classification"]["fish"])
    assert errors.delta_ap["classification"] == pytest.approx(0.5)
    assert errors.counts["missed"] == 0  # the repair finds the dog


def test_an_object_is_repaired_once_by_the_highest_score() -> None:
    """A badly placed cat scores higher than a dog on the same place: localization gets the object."""
    errors = one([(THIRD, 0.9, 1), (UNIT, 0.8, 2)], [(UNIT, 1, False)]).errors
    assert errors.delta_ap["localization"] == pytest.approx(1.0)
    assert errors.delta_ap["classification"] == pytest.approx(0.0)


def test_difficult_objects_neither_help_nor_hurt() -> None:
    plain = one([(UNIT, 0.9, 1)], [(UNIT, 1, False)])
    hard = one([(UNIT, 0.9, 1), (FAR, 0.8, 2)], [(UNIT, 1, False), (FAR, 2, True)])
    unfound = one([(UNIT, 0.9, 1)], [(UNIT, 1, False), (FAR, 2, True)])
    for analysis in (hard, unfound):
        assert analysis.ap.per_class == pytest.approx(plain.ap.per_class, nan_ok=True)
        assert analysis.errors.counts == plain.errors.counts
        assert analysis.confusion.tolist() == plain.confusion.tolist()
        assert analysis.best_threshold == plain.best_threshold
        assert analysis.images[0].num_errors == 0


def test_a_better_box_of_a_class_that_is_not_asked_for_changes_nothing_else() -> None:
    """Detections of a class without objects are errors, and no AP."""
    analysis = one([(UNIT, 0.9, 1), (FAR, 0.8, 4)], [(UNIT, 1, False)])
    assert analysis.errors.counts["background"] == 1
    assert math.isnan(analysis.ap.per_class["owl"])
    assert analysis.best_thresholds["owl"] is None


def test_sizes_are_cocos_where_pixels_are_known() -> None:
    """Relative boxes with sizes give what boxes in pixels give; 32² px is medium, 96² px large."""
    boxes = [[0, 0, 31, 31], [100, 0, 132, 32], [200, 0, 295, 95], [300, 0, 396, 96]]
    truth = Truth.of([[float(v) for v in box] for box in boxes], [1, 1, 1, 1])
    found = [{"boxes": truth.boxes_xyxy, "scores": torch.ones(4), "labels": truth.labels}]
    counts = [part.counts["cat"] for part in analyse(found, [truth], CLASSES).by_size]
    assert counts == [1, 2, 1]
    scale = torch.tensor([500.0, 400.0, 500.0, 400.0])
    relative = Truth(truth.boxes_xyxy / scale, truth.labels, truth.difficult)
    found = [found[0] | {"boxes": relative.boxes_xyxy}]
    analysis = analyse(found, [relative], CLASSES, sizes_px=[(400, 500)])
    assert [part.counts["cat"] for part in analysis.by_size] == counts
    assert [part.name for part in analysis.by_size] == ["small", "medium", "large"]


def test_sizes_are_thirds_where_pixels_are_unknown() -> None:
    boxes = [[0.0, 0.0, side / 10, side / 10] for side in (1, 2, 3, 4, 5, 6)]
    truth = Truth.of(boxes, [1] * 6)
    found = [{"boxes": truth.boxes_xyxy, "scores": torch.ones(6), "labels": truth.labels}]
    analysis = analyse(found, [truth], CLASSES)
    assert not analysis.pixels
    assert [part.counts["cat"] for part in analysis.by_size] == [2, 2, 2]


def test_an_absent_threshold_is_the_best_one() -> None:
    """Keeping 0.9 alone gives F1 1; a lower score would add a false positive."""
    analysis = one([(UNIT, 0.9, 1), (FAR, 0.8, 1)], [(UNIT, 1, False)])
    assert analysis.score_threshold == pytest.approx(0.9)
    assert analysis.best_thresholds["cat"] == analysis.best_threshold
    assert analysis.errors.counts["background"] == 1
    assert analysis.errors.counts_above["background"] == 0


def test_detections_with_one_score_are_kept_together() -> None:
    analysis = one([(UNIT, 0.5, 1), (FAR, 0.5, 1)], [(UNIT, 1, False)])
    best = analysis.best_threshold
    assert best is not None
    assert (best.precision, best.recall) == (0.5, 1.0)


def test_worst_images_have_most_errors() -> None:
    good, bad = ([(UNIT, 0.9, 1)], [(UNIT, 1, False)]), ([], [(UNIT, 1, False), (FAR, 1, False)])
    analysis = analysed([good, bad, ([], [(UNIT, 2, False)])], names=["good", "bad", "so-so"])
    assert [result.name for result in analysis.worst_images()] == ["bad", "so-so"]
    assert [result.name for result in analysis.worst_images(1)] == ["bad"]


@pytest.mark.parametrize("images", [[], [([], [])], [([(UNIT, 0.5, 1)], [])], [([], [(UNIT, 1, False)])]])
def test_nothing_found_or_nothing_to_find(images) -> None:
    analysis = analysed(images)
    assert analysis.score_threshold == 0.5
    assert analysis.best_threshold is None
    assert int(analysis.confusion.sum()) == sum(len(found) + len(there) for found, there in images)
    json.dumps(to_dict(analysis), allow_nan=False)


def test_a_class_of_which_every_object_is_missed() -> None:
    errors = one([(FAR, 0.5, 1)], [(UNIT, 1, False)]).errors
    assert errors.delta_ap["missed"] == 1.0


def test_padded_truths_and_dictionaries_give_the_same() -> None:
    import random

    images = random_images(random.Random(1), most=6)
    detections, truths = tensors(images)
    first = to_dict(analyse(detections, truths, CLASSES))
    mappings = [{"boxes": t.boxes_xyxy, "labels": t.labels, "difficult": t.difficult} for t in truths]
    for other in (Truths.from_list(truths), mappings):
        assert to_dict(analyse(detections, other, CLASSES)) == first


def test_the_curves_in_json_give_the_average_precision() -> None:
    import random

    for seed in range(20):
        analysis = analysed(random_images(random.Random(seed)))
        numbers = to_dict(analysis)
        for name, curve in numbers["curves"].items():
            if numbers["per_class"][name] is not None:
                ap = average_precision(curve["recall"], curve["precision"])
                assert ap == pytest.approx(numbers["per_class"][name])
                assert len(curve["score"]) == len(curve["recall"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["a", "b"]}, "names must be as many as the 1 images, got 2"),
        ({"sizes_px": []}, "sizes_px must be as many as the 1 images, got 0"),
        ({"background_threshold": 0.5}, r"background_threshold must lie in \[0, iou_threshold\)"),
        ({"iou_threshold": 0.0}, "iou_threshold must lie in"),
        ({"method": "best"}, "method must be one of"),
    ],
)
def test_invalid_options(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one([], [(UNIT, 1, False)], **options)
