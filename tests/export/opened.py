"""What the tests of export share: exported detectors opened elsewhere, images, and the comparison."""

import io
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from ssd_lite import export, models
from ssd_lite.data import Scenes
from ssd_lite.detection import detect
from ssd_lite.resampling import resample

SCENES = Path(__file__).parents[2] / "book/models/scenes.safetensors"
CLASSES = ("cat", "dog", "fish")
TOLERANCE = {"rtol": 0.0, "atol": 1e-5}
"""Of boxes relative to the image, and of scores: float32 rounding through a network, elsewhere ordered."""

Run = Callable[[Tensor], list[Tensor]]


def opened_onnx(content: bytes) -> Run:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda images: [torch.from_numpy(v) for v in session.run(None, {"images": images.numpy()})]


def opened_torch(content: bytes) -> Run:
    program = torch.export.load(io.BytesIO(content)).module()
    return lambda images: list(program(images))


def opened_both(model: models.SSD, **options) -> dict[str, Run]:
    return {
        "onnx": opened_onnx(export.to_onnx(model, **options)),
        "torch": opened_torch(export.to_torch(model, **options)),
    }


def drawn(count: int) -> Tensor:
    """Scenes, stretched to the detector's size: uint8 (b, 3, 128, 128)."""
    scenes = Scenes(count=count, seed=7)
    images = torch.stack([scenes[i].image for i in range(count)])
    return (resample(images, 128) * 255).round().to(torch.uint8)


def assert_detections(found: list[Tensor], expected: list[dict[str, Tensor]]) -> None:
    boxes, scores, labels = found
    assert len(boxes) == len(expected)
    for image, wanted in enumerate(expected):
        count = len(wanted["labels"])
        assert torch.equal(labels[image, :count], wanted["labels"])
        torch.testing.assert_close(scores[image, :count], wanted["scores"], **TOLERANCE)
        torch.testing.assert_close(boxes[image, :count], wanted["boxes"], **TOLERANCE)
        for values in found:
            assert not values[image, count:].any()


@torch.no_grad()
def detected(model: models.SSD, images: Tensor) -> list[dict[str, Tensor]]:
    return detect(*model(images), model.default_boxes, variances=model.variances)
