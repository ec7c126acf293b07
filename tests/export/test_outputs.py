"""Exported detectors, opened by onnxruntime and by torch.export, against the detector itself."""

import numpy as np
import pytest
import torch

from ssd_lite import export, models
from ssd_lite.detection import detect
from tests.export.opened import (
    CLASSES,
    TOLERANCE,
    Run,
    assert_detections,
    detected,
    drawn,
    opened_onnx,
    opened_torch,
)

pytestmark = pytest.mark.plain  # run-time type checks cannot be traced

BATCHES = (1, 2, 5)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_raw_outputs_are_decoded_boxes_and_softmax_scores(raw_runs, trained, kind: str, batch: int) -> None:
    images = drawn(batch) / 255
    boxes, scores = raw_runs[kind](images)
    with torch.no_grad():
        offsets, logits = trained(images)
    torch.testing.assert_close(scores, logits.softmax(-1), **TOLERANCE)
    # what detect makes of every box, one at a time
    for row in (0, 1000, 2045):
        alone = detect(
            offsets[:1, row : row + 1],
            torch.tensor([[[0.0, 9.0]]]),
            trained.default_boxes.cxcywh()[row : row + 1],
            variances=trained.variances,
        )
        torch.testing.assert_close(boxes[:1, row], alone[0]["boxes"], **TOLERANCE)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_detections_of_random_weights_are_those_of_detect(lively_runs, lively, kind: str, batch: int) -> None:
    images = torch.rand(batch, 3, 128, 128)
    expected = detected(lively, images)
    assert min(len(found["labels"]) for found in expected) > 20
    assert all(set(found["labels"].tolist()) == {1, 2, 3} for found in expected)
    assert_detections(lively_runs[kind](images), expected)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_detections_of_a_trained_detector_are_those_of_detect(
    trained_runs, trained, kind: str, batch: int
) -> None:
    images = drawn(batch)
    expected = detected(trained, images / 255)
    assert all(found["scores"][0] > 0.5 for found in expected)
    assert_detections(trained_runs[kind](images), expected)


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_a_mobilenet_gives_the_same_elsewhere(kind: str) -> None:
    torch.manual_seed(0)
    model = models.ssd300_mobilenet_v2(CLASSES).eval()
    images = torch.rand(2, 3, 300, 300)
    convert, opened = {"onnx": (export.to_onnx, opened_onnx), "torch": (export.to_torch, opened_torch)}[kind]
    boxes, scores = opened(convert(model, detections=False))(images)
    assert boxes.shape == (2, 8732, 4)
    with torch.no_grad():
        torch.testing.assert_close(scores, model(images)[1].softmax(-1), **TOLERANCE)


def test_normalisation_is_inside(raw_runs: dict[str, Run], trained: models.SSD) -> None:
    """Grey of the mean becomes zeros inside: the scores are those of a network that is fed with zeros."""
    grey = trained.mean.expand(1, 3, 128, 128).contiguous()
    with torch.no_grad():
        maps = trained.trunk(torch.zeros(1, 3, 128, 128))
        for extra in trained.extras:
            maps.append(extra(maps[-1]))
        last = trained.logit_heads[-1](maps[-1]).permute(0, 2, 3, 1).reshape(1, -1, 1 + len(trained.classes))
    for run in raw_runs.values():
        scores = run(grey)[1][:, -last.shape[1] :]
        np.testing.assert_allclose(scores, last.softmax(-1), atol=1e-5)
