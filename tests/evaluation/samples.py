"""Detections and objects that the tests of evaluation share."""

import random
from typing import Any

import torch
from torch import Tensor

from ssd_lite.evaluation import AveragePrecision, COCOEvaluator, VOCEvaluator
from tests.reference import evaluation as reference

CASES = 3000
UNIT = [0.0, 0.0, 1.0, 1.0]
FAR = [4.0, 4.0, 5.0, 5.0]
HALF = [0.0, 0.0, 1.0, 0.5]  # overlaps UNIT by exactly 1/2


def found(*rows: tuple[list[float], float, int]) -> dict[str, Tensor]:
    """The detections of one image, from (box, score, label)."""
    return {
        "boxes": torch.tensor([row[0] for row in rows], dtype=torch.float32).reshape(-1, 4),
        "scores": torch.tensor([row[1] for row in rows], dtype=torch.float32),
        "labels": torch.tensor([row[2] for row in rows], dtype=torch.int64),
    }


def there(*rows: tuple[list[float], int, bool]) -> dict[str, Tensor]:
    """The objects of one image, from (box, label, difficult)."""
    return {
        "boxes": torch.tensor([row[0] for row in rows], dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor([row[1] for row in rows], dtype=torch.int64),
        "difficult": torch.tensor([row[2] for row in rows], dtype=torch.bool),
    }


def evaluate(detections: list[Any], truths: Any, *, classes: str = "a", **options: Any) -> AveragePrecision:
    evaluator = VOCEvaluator(list(classes), **options)
    evaluator.update(detections, truths)
    return evaluator.compute()


def random_box(dice: random.Random) -> list[float]:
    """On a lattice of 1/16, in steps of 1/8: overlaps of exactly 1/2 and equal overlaps are common."""
    x0, x1 = sorted(dice.sample(range(0, 9, 2), 2))
    y0, y1 = sorted(dice.sample(range(0, 9, 2), 2))
    return [x0 / 16, y0 / 16, x1 / 16, y1 / 16]


def random_images(dice: random.Random, *, unit: float = 1.0) -> list[reference.Image]:
    images = []
    for _ in range(dice.randrange(4)):
        objects = [
            ([unit * v for v in random_box(dice)], dice.choice([1, 1, 2]), dice.random() < 0.3)
            for _ in range(dice.randrange(5))
        ]
        detections = [
            # Half of the detections stand on an object exactly, so that objects are found twice.
            (
                dice.choice(objects)[0]
                if objects and dice.random() < 0.5
                else [unit * v for v in random_box(dice)],
                dice.choice([0.25, 0.5, 0.75]),
                dice.choice([1, 1, 2, 3]),
            )
            for _ in range(dice.randrange(7))
        ]
        images.append((detections, objects))
    return images


# Three objects; the detections are right, wrong, right, wrong:
# recall 1/3 1/3 2/3 2/3, precision 1 1/2 2/3 1/2, envelope 1 2/3 2/3 1/2.
RECALL, PRECISION = [1 / 3, 1 / 3, 2 / 3, 2 / 3], [1.0, 1 / 2, 2 / 3, 1 / 2]
# Area: 1/3 · 1 + 1/3 · 2/3 = 5/9.  Eleven points: 1 at 0 … 0.3, 2/3 at 0.4 … 0.6, 0 beyond: (4 + 2)/11.
GOLDEN = {"area": 5 / 9, "11-point": 6 / 11}


def larger_images(dice: random.Random) -> list[reference.Image]:
    """A dataset in whole pixels: crowded images, tied scores, detections near objects and on them."""
    images = []
    for _ in range(dice.randrange(1, 9)):
        width, height = dice.choice([(500, 375), (64, 48), (9, 9)])

        def box(width: int = width, height: int = height) -> list[float]:
            x0, x1 = sorted(dice.sample(range(width + 1), 2))
            y0, y1 = sorted(dice.sample(range(height + 1), 2))
            return [float(x0), float(y0), float(x1), float(y1)]

        hard = dice.choice([0.0, 0.2, 1.0])
        objects = [(box(), dice.randint(1, 4), dice.random() < hard) for _ in range(dice.randrange(13))]
        objects += [(copy, dice.randint(1, 4), False) for copy, _, _ in objects[:2]]  # tied overlaps
        detections = []
        for _ in range(dice.randrange(31)):
            place, label, _ = dice.choice(objects) if objects and dice.random() < 0.8 else (box(), 1, False)
            shift = dice.choice([0, 0, 1, 5])
            moved = [v + dice.randint(-shift, shift) for v in place]
            moved = [*moved[:2], max(moved[2], moved[0] + 1), max(moved[3], moved[1] + 1)]
            label = label if dice.random() < 0.9 else dice.randint(1, 5)
            detections.append((moved, dice.randint(0, 99) / 100, label))
        images.append((detections, objects))
    return images


def some_images(seed: int = 0, count: int = 7) -> tuple[list[Any], list[Any], AveragePrecision]:
    dice = random.Random(seed)
    images: list[reference.Image] = []
    while len(images) < count:
        images += random_images(dice)
    detections = [found(*image[0]) for image in images[:count]]
    truths = [there(*image[1]) for image in images[:count]]
    return detections, truths, evaluate(detections, truths, classes="abc")


def assert_same(a: AveragePrecision, b: AveragePrecision) -> None:
    assert a.to_dict() == b.to_dict()
    for name in a.recall:
        assert torch.equal(a.recall[name], b.recall[name])
        assert torch.equal(a.precision[name], b.precision[name])


def coco(detections: list[Any], truths: Any, classes: str = "a") -> AveragePrecision:
    evaluator = COCOEvaluator(classes)
    evaluator.update(detections, truths)
    return evaluator.compute()
