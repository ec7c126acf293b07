"""Devices and types follow the input: PyTorch's defaults decide nothing; no step asks a device for a number.

The device ``meta`` stands in for a GPU. Its tensors have shapes and no values, so what would wait for a
number, or mix tensors of two devices, raises.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ssd_lite import (
    Truths,
    augmentation,
    data,
    detection,
    evaluation,
    matching,
    mining,
    models,
    recipes,
    scales,
)
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


def lottery(model: models.SSD, tmp_path: Path) -> Any:
    positive = torch.zeros(2, 50, dtype=torch.bool, device="cpu")
    positive[:, :5] = True
    losses = torch.zeros(2, 50, dtype=torch.float32, device="cpu")
    return mining.random_negatives(losses, positive, generator=torch.Generator().manual_seed(1))


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


WORK = (scene, folders, batches, layouts, matches, lottery, loss, predictions, metrics, recipe)


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


AUGMENTATIONS: list[dict[str, Any]] = [
    {},
    {"zoom_out": 0.5, "photometric": augmentation.Photometric(shuffle=0.5)},
    {"crop": augmentation.Crop(order="draw-then-choose", overlap_with="all", keep_empty=False)},
    {"crop": augmentation.Crop(size_of="side"), "photometric": None},
]


@pytest.mark.parametrize("options", AUGMENTATIONS, ids=range(len(AUGMENTATIONS)))
@pytest.mark.parametrize("sized", [False, True])
def test_augmentation_asks_the_device_for_nothing(options: dict[str, Any], sized: bool) -> None:
    images, there = torch.stack(IMAGES).to("meta"), truths().to("meta")
    sizes = torch.tensor([[100, 90]] * len(IMAGES), device="meta") if sized else None
    augment = augmentation.SSDAugmentation(64, **options)
    seen, found = augment(images, there, generator=torch.Generator().manual_seed(0), sizes_px=sizes)
    assert (seen.device.type, seen.shape) == ("meta", (3, 3, 64, 64))
    assert found.boxes_xyxy.device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", matching.RULES)
def test_matching_asks_the_device_for_nothing(rule: str, dtype: torch.dtype) -> None:
    there, defaults = truths().to("meta"), scales.ssd300_voc().cxcywh(device="meta").to(dtype)
    matches = matching.match(there.boxes_xyxy.to(dtype), defaults, present=there.present, rule=rule)
    assert (matches.device.type, matches.shape) == ("meta", (3, 8732))


@pytest.mark.parametrize("normalize", ["batch", "image"])
@pytest.mark.parametrize("options", [{}, {"mine_per_batch": True}, {"mining": "all"}])
def test_the_loss_asks_the_device_for_nothing(options: dict[str, Any], normalize: str) -> None:
    layout = scales.paper((4, 2))
    criterion = MultiBoxCriterion(layout, normalize=normalize, **options).to("meta")
    offsets = torch.zeros(3, len(layout), 4, device="meta", requires_grad=True)
    logits = torch.zeros(3, len(layout), 9, device="meta", requires_grad=True)
    loss = criterion(offsets, logits, truths().to("meta"))
    loss.total.backward()
    assert {value.device.type for value in (*loss, offsets.grad, logits.grad)} == {"meta"}
