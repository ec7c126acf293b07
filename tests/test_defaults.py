"""PyTorch's default device and default type decide nothing in this package."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssd_lite import Truths, augmentation, data, detection, evaluation, matching, models, recipes, scales
from ssd_lite.criterion import MultiBoxCriterion
from tests.data.folders import write_coco, write_voc

SCENES = [data.Scenes(count=3)[index] for index in range(3)]
IMAGES = [scene.image for scene in SCENES]


def truths() -> Truths:
    return Truths.from_list([scene.truth for scene in SCENES])


def detector() -> models.SSD:
    torch.manual_seed(0)
    return models.ssd_tiny(data.scenes.CLASSES).eval()


def scene(model: models.SSD, tmp_path: Path) -> Any:
    return data.Scenes(count=2, seed=5)[1]


def folders(model: models.SSD, tmp_path: Path) -> Any:
    voc, coco = data.VOCFolder(write_voc(tmp_path / "voc"), "train"), data.COCOFolder(*write_coco(tmp_path))
    return voc[0], coco[0], data.as_torchvision(voc)[0][1]["boxes"]


def batches(model: models.SSD, tmp_path: Path) -> Any:
    held = data.load(data.Scenes(count=5))
    orders = list(data.loading.shuffled(5, 2, steps=3, seed=1))
    return orders, [tuple(batch)[:3] for batch in held.batches(orders)]


def layouts(model: models.SSD, tmp_path: Path) -> Any:
    fitted = scales.fit(truths(), like=scales.paper((4, 2)), rounds=3)
    return scales.ssd300_voc().cxcywh(), json.dumps(asdict(fitted)), scales.coverage(fitted, truths()).best


def matches(model: models.SSD, tmp_path: Path) -> Any:
    return matching.match(truths().boxes_xyxy, scales.ssd300_voc().cxcywh(), present=truths().present)


def loss(model: models.SSD, tmp_path: Path) -> Any:
    augment = augmentation.SSDAugmentation(model.image_size, zoom_out=0.5)
    generator = torch.Generator().manual_seed(1)
    images, seen = augment(torch.stack(IMAGES), truths(), generator=generator)
    return tuple(MultiBoxCriterion(model.default_boxes)(*model(images), seen)), images, seen


def predictions(model: models.SSD, tmp_path: Path) -> Any:
    raw = model(torch.stack(IMAGES).float() / 255)
    found = detection.detect(*raw, model.default_boxes, variances=model.variances)
    return found, model.predict(IMAGES, score_threshold=0.1)


def metrics(model: models.SSD, tmp_path: Path) -> Any:
    evaluator = evaluation.VOCEvaluator(model.classes, method="11-point")
    raw = model(torch.stack(IMAGES).float() / 255)
    evaluator.update(detection.detect(*raw, model.default_boxes, variances=model.variances), truths())
    return evaluator.compute().to_dict()


def recipe(model: models.SSD, tmp_path: Path) -> Any:
    return recipes.for_folder(truths(), root="here").to_dict()


WORK = (scene, folders, batches, layouts, matches, loss, predictions, metrics, recipe)


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
@pytest.mark.parametrize("default", ["device", "dtype"])
def test_a_default_of_pytorch_changes_nothing(work: Callable[..., Any], default: str, tmp_path: Path) -> None:
    model = detector()
    usual = work(model, tmp_path / "usual")
    if default == "device":
        with torch.device("meta"):  # where whatever names no device would land
            again = work(model, tmp_path / "again")
    else:
        torch.set_default_dtype(torch.float64)
        try:
            again = work(model, tmp_path / "again")
        finally:
            torch.set_default_dtype(torch.float32)
    same(again, usual)


def same(got: Any, expected: Any) -> None:
    """Equal to the last bit, of one type, and on one device, however deep."""
    assert type(got) is type(expected)
    if isinstance(got, Tensor):
        assert (got.dtype, got.device) == (expected.dtype, expected.device)
        assert torch.equal(got, expected)
    elif isinstance(got, dict):
        assert got.keys() == expected.keys()
        for key in got:
            same(got[key], expected[key])
    elif isinstance(got, list | tuple):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            same(one, other)
    elif hasattr(got, "__dataclass_fields__"):
        same(vars(got), vars(expected))
    else:
        assert got == expected or math.isnan(got)
