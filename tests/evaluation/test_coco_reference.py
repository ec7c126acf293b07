"""The COCO evaluator agrees with pycocotools called directly."""

import math
import random
from typing import Any

import numpy as np
import pytest

from tests.evaluation.samples import coco, found, larger_images, some_images, there


def direct(
    detections: list[Any], truths: list[Any], num_classes: int, *, only: int | None = None
) -> np.ndarray:
    """The twelve numbers, of all classes or of one, by pycocotools' own reading of its JSON forms."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def corner_and_size(box: list[float]) -> list[float]:
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    annotations, results = [], []
    for image, (said, item) in enumerate(zip(detections, truths, strict=True), start=1):
        for box, label, hard in zip(
            *(item[key].tolist() for key in ("boxes", "labels", "difficult")), strict=True
        ):
            x, y, w, h = corner_and_size(box)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": label, "bbox": [x, y, w, h]}
                | {"area": w * h, "iscrowd": int(hard)}
            )
        for box, score, label in zip(
            *(said[key].tolist() for key in ("boxes", "scores", "labels")), strict=True
        ):
            results.append(
                {"image_id": image, "category_id": label, "bbox": corner_and_size(box), "score": score}
            )
    dataset = COCO()
    dataset.dataset = {
        "images": [{"id": image} for image in range(1, len(truths) + 1)],
        "categories": [{"id": label} for label in range(1, num_classes + 1)],
        "annotations": annotations,
        "info": {},
    }
    dataset.createIndex()
    run = COCOeval(dataset, dataset.loadRes(results), "bbox")
    if only is not None:
        run.params.catIds = [only]
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run.stats


def test_coco_agrees_with_pycocotools_called_directly() -> None:
    for seed in range(5):
        detections, truths, _ = some_images(seed, count=12)
        # 40 to 240 px a side: all three sizes occur
        pixels = [
            [{**item, "boxes": item["boxes"] * 400} for item in items] for items in (detections, truths)
        ]
        ours = np.array(list(coco(*pixels, classes="abc").metrics.values()))
        theirs = direct(*pixels, 3)
        np.testing.assert_array_equal(np.nan_to_num(ours, nan=-1), theirs)
        assert theirs[0] > 0


def test_coco_agrees_with_pycocotools_on_crowded_images_and_class_by_class() -> None:
    dice = random.Random(0)
    for _ in range(6):
        images = [image for image in larger_images(dice) if image[1]]
        # one image with more detections than count
        many = [([0.0, 0.0, 20.0 + i % 9, 20.0], (i % 50) / 50, 1 + i % 2) for i in range(260)]
        images.append((many, [([0.0, 0.0, 20.0, 20.0], 1, False), ([0.0, 0.0, 26.0, 20.0], 2, False)]))
        images.append(([], [([3.0, 3.0, 6.0, 8.0], 3, False)]))
        detections = [found(*image[0]) for image in images]
        truths = [there(*image[1]) for image in images]
        result = coco(detections, truths, classes="abcde")
        theirs = direct(detections, truths, 5)
        np.testing.assert_array_equal(np.nan_to_num([*result.metrics.values()], nan=-1), theirs)
        for label, value in enumerate(result.per_class.values(), start=1):
            alone = direct(detections, truths, 5, only=label)[0]
            assert value == pytest.approx(alone) or (math.isnan(value) and alone == -1)
        assert theirs[0] > 0
