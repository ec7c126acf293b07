"""The suppression of exported files, fed with boxes and scores, against ``detect``."""

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from ssd_lite import export, models
from ssd_lite.detection import detect
from ssd_lite.export.onnx import suppression
from ssd_lite.export.program import CandidateDetector, RawDetector, SuppressingDetector
from ssd_lite.scales import paper
from tests.export.opened import CLASSES, assert_detections, detected, opened_both

pytestmark = pytest.mark.plain  # run-time type checks cannot be traced


def suppressed(kind: str, boxes: Tensor, scores: Tensor, settings: export.Settings) -> list[Tensor]:
    """The suppression of an exported file, fed with boxes and scores."""
    if kind == "torch":
        module = SuppressingDetector(Given(boxes, scores), settings)
        return list(module(torch.zeros(len(boxes), 3, 8, 8)))
    columns = {"d": boxes.shape[1], "classes": scores.shape[2] - 1}
    graph = suppression(onnx, settings, ir_version=10, **columns)
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {"all_boxes": boxes.numpy(), "all_scores": scores.numpy()}
    return [torch.from_numpy(values) for values in session.run(None, feed)]


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_images_without_detections_are_rows_of_zeros(lively, kind: str) -> None:
    """The suppression alone, after a network that sees background everywhere in one image of two."""
    boxes = torch.rand(2, 30, 4).sort(dim=-1).values
    scores = torch.zeros(2, 30, 4)
    scores[..., 0] = 1
    scores[1, 4] = torch.tensor([0.1, 0.2, 0.7, 0.0])
    found = suppressed(kind, boxes, scores, export.Settings())
    assert [values.shape[:2] for values in found] == [(2, 90)] * 3  # 3 classes of 30 boxes
    assert not any(values[0].any() for values in found)
    assert found[2][1, :3].tolist() == [2, 1, 0]
    torch.testing.assert_close(found[0][1, :2], boxes[1, 4].expand(2, 4))


@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize("caps", [(400, 200), (5, 200), (400, 7), (4, 3)])
def test_suppression_is_that_of_detect_with_ties_and_caps(kind: str, caps: tuple[int, int]) -> None:
    """Scores of few values, so that many are equal; boxes that overlap each other widely."""
    per_class, per_image = caps
    defaults = paper((4, 2, 1)).cxcywh()
    for seed in range(10):
        draw = torch.Generator().manual_seed(seed)
        logits = torch.randint(-2, 3, (3, len(defaults), 4), generator=draw).float()
        offsets = torch.zeros(3, len(defaults), 4)
        options = {"score_threshold": 0.05, "per_class": per_class, "per_image": per_image}
        expected = detect(offsets, logits, defaults, **options)
        half = defaults[:, 2:] / 2
        boxes = torch.cat([defaults[:, :2] - half, defaults[:, :2] + half], dim=1).clamp(0, 1)
        settings = export.Settings(**options)
        found = suppressed(kind, boxes.expand(3, -1, -1).contiguous(), logits.softmax(-1), settings)
        assert_detections(found, expected)


def test_boxes_grow_no_more_than_is_allowed() -> None:
    model = models.ssd_tiny(CLASSES)
    for head in model.offset_heads:
        torch.nn.init.constant_(head.bias, 30.0)
    boxes, _ = RawDetector(model, export.Settings(largest_growth=1.5), uint8=False)(
        torch.zeros(1, 3, 128, 128)
    )
    inside = ((boxes > 0) & (boxes < 1)).all(dim=-1)
    grown = (boxes[..., 2:] - boxes[..., :2])[inside] / model.default_boxes.cxcywh()[inside[0], 2:]
    torch.testing.assert_close(grown, torch.full_like(grown, 1.5))


def test_boxes_without_area_push_out_no_real_one() -> None:
    """Those of the finest map lie outside the image or have no width, and have the best scores."""
    torch.manual_seed(1)
    model = models.ssd_tiny(CLASSES).eval()
    for head in model.logit_heads:
        head.weight.data *= 6.0
    with torch.no_grad():
        model.logit_heads[0].bias.view(-1, 4)[:, 1] = 20.0
        model.offset_heads[0].bias.view(-1, 4)[:3, 0] = 1e4
        model.offset_heads[0].bias.view(-1, 4)[3:, 2] = -1e4
    images = torch.rand(2, 3, 128, 128)
    expected = detected(model, images)
    assert all(len(found["labels"]) > 20 and found["scores"][0] < 0.9999 for found in expected)
    for run in opened_both(model).values():
        assert_detections(run(images), expected)


def test_nan_becomes_no_candidate_and_stays_out_of_the_boxes() -> None:
    boxes = torch.tensor([[[0.1, 0.1, 0.4, 0.4], [0.2, float("nan"), 0.5, 0.5], [0.3, 0.3, 0.6, 0.6]]])
    scores = torch.tensor([[[0.3, 0.7], [0.1, 0.9], [float("nan"), float("nan")]]])
    candidates = CandidateDetector(Given(boxes, scores))
    found_boxes, found_scores = candidates(torch.zeros(1, 3, 8, 8))
    assert found_boxes[0].tolist() == [boxes[0, 0].tolist(), [0.0] * 4, boxes[0, 2].tolist()]
    assert found_scores[0, :, 1].tolist() == [pytest.approx(0.7), 0.0, 0.0]
    rows = SuppressingDetector(candidates, export.Settings())(torch.zeros(1, 3, 8, 8))
    assert all(values.isfinite().all() for values in rows)
    assert rows[2].tolist() == [[1, 0, 0]]


class Given(nn.Module):
    """Stands for a detector whose boxes and scores are known."""

    def __init__(self, boxes: Tensor, scores: Tensor) -> None:
        super().__init__()
        self.boxes, self.scores = boxes, scores

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.boxes, self.scores
