"""Random small datasets on a lattice, where ties and exact thresholds are common, and their tensors."""

import random

import torch
from torch import Tensor

from ssd_lite.analysis import Analysis, analyse
from ssd_lite.truths import Truth
from tests.reference.evaluation import Detection, Image, Object

CLASSES = ("cat", "dog", "fish", "owl")


def random_box(dice: random.Random, unit: float = 1.0) -> list[float]:
    x0, x1 = sorted(dice.sample(range(0, 9, 2), 2))
    y0, y1 = sorted(dice.sample(range(0, 9, 2), 2))
    return [unit * v / 8 for v in (x0, y0, x1, y1)]


def random_images(dice: random.Random, *, most: int = 4, unit: float = 1.0) -> list[Image]:
    """Up to ``most`` images; half of the detections stand on an object, often under another name."""
    images = []
    for _ in range(1 + dice.randrange(most)):
        objects: list[Object] = [
            (random_box(dice, unit), dice.choice([1, 1, 2, 3]), dice.random() < 0.25)
            for _ in range(dice.randrange(5))
        ]
        detections: list[Detection] = []
        for _ in range(dice.randrange(8)):
            copied = bool(objects) and dice.random() < 0.5
            box = dice.choice(objects)[0] if copied else random_box(dice, unit)
            detections.append((box, dice.choice([0.25, 0.5, 0.625, 0.75]), dice.choice([1, 1, 2, 3])))
        images.append((detections, objects))
    return images


def tensors(images: list[Image]) -> tuple[list[dict[str, Tensor]], list[Truth]]:
    """The images in the forms that evaluators take."""
    detections = [
        {
            "boxes": torch.tensor([d[0] for d in found], dtype=torch.float32).reshape(-1, 4),
            "scores": torch.tensor([d[1] for d in found], dtype=torch.float32),
            "labels": torch.tensor([d[2] for d in found], dtype=torch.int64),
        }
        for found, _ in images
    ]
    truths = [
        Truth.of([o[0] for o in there], [o[1] for o in there], [o[2] for o in there]) for _, there in images
    ]
    return detections, truths


def analysed(images: list[Image], **options) -> Analysis:
    detections, truths = tensors(images)
    return analyse(detections, truths, CLASSES, **options)
