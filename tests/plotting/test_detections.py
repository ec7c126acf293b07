"""Detections on images, in pictures of any size."""

import matplotlib.pyplot as plt
import pytest
import torch

from ssd_lite import Truth, plotting
from ssd_lite.data import Scenes
from ssd_lite.plotting.boxes import CROWD
from ssd_lite.plotting.detections import MOST_LABELS

SCENES = Scenes(count=5)
EXAMPLE = SCENES[0]


def _perfect(index: int) -> dict[str, torch.Tensor]:
    truth = SCENES[index].truth
    return {"boxes": truth.boxes_xyxy * 128, "labels": truth.labels, "scores": torch.full((len(truth),), 0.9)}


def test_detections_stand_beside_the_truth(tmp_path) -> None:
    examples = [SCENES[i] for i in range(5)]
    figure = plotting.detections_beside_truth(examples, [_perfect(i) for i in range(5)], SCENES.classes)
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(drawn) == 10
    for left, right in zip(drawn[::2], drawn[1::2], strict=True):
        assert len(left.patches) == len(right.patches) > 0
    assert plotting.save(figure, tmp_path / "new" / "figure.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_detections_below_the_threshold_are_not_drawn() -> None:
    figure = plotting.detected(SCENES[0].image, _perfect(0), SCENES.classes, threshold=0.95)
    assert not figure.axes[0].patches


def test_a_picture_of_detections_has_the_images_size() -> None:
    figure = plotting.detected(SCENES[0].image, _perfect(0), SCENES.classes, threshold=0.5)
    assert (figure.get_size_inches() * figure.dpi).tolist() == [128, 128]


def test_a_difficult_object_has_a_question_mark() -> None:
    from dataclasses import replace

    example = SCENES[0]
    truth = replace(example.truth, difficult=torch.ones(len(example.truth), dtype=torch.bool))
    figure = plotting.contact_sheet([example._replace(truth=truth)], SCENES.classes)
    assert all(text.get_text().endswith("?") for text in figure.axes[0].texts)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_contact_sheet_of_any_number_of_images(count: int) -> None:
    figure = plotting.contact_sheet([SCENES[i] for i in range(count)], SCENES.classes)
    assert sum(bool(axes.images) for axes in figure.axes) == count


@pytest.mark.parametrize("count", [CROWD, CROWD + 1])
def test_a_crowd_has_boxes_but_no_labels(count: int) -> None:
    truth = Truth.of([[0.1, 0.1, 0.5, 0.5]] * count, [1] * count)
    axes = plotting.contact_sheet([EXAMPLE._replace(truth=truth)], ["cat"]).axes[0]
    assert len(axes.patches) == count
    assert len(axes.texts) == (count if count <= CROWD else 0)


@pytest.mark.parametrize("count", [1, MOST_LABELS, MOST_LABELS + 1])
def test_sure_detections_are_drawn_and_few_are_named(count: int) -> None:
    found = {
        "boxes": torch.tensor([[10.0, 20.0, 60.0, 90.0]]).expand(count + 1, 4),
        "labels": torch.full((count + 1,), 2),
        "scores": torch.tensor([0.9] * count + [0.3]),
    }
    figure = plotting.detections_side_by_side(EXAMPLE, {"found": found}, ["cat", "dog"])
    axes = figure.axes[0]
    assert len(axes.patches) == count
    box = axes.patches[0].get_bbox().extents
    assert (box + 0.5).tolist() == [10, 20, 60, 90]  # the centre of the first pixel is at 0
    assert [text.get_text() for text in axes.texts] == ["dog"] * (count if count <= MOST_LABELS else 0)
