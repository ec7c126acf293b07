"""Evaluation: average precision as VOC defines it, written here; COCO's numbers through pycocotools.

Both evaluators take detections as torchvision's detectors return them, one dictionary an image with ``boxes``
(n, 4) by corners, ``scores`` (n,) and ``labels`` int64 (n,), on any device; and truths as ``Truths``, or one
``Truth`` an image, or one dictionary an image with ``boxes``, ``labels`` and perhaps ``difficult``. Labels
count from 1: ``classes`` names the objects, without background.
"""

import contextlib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.boxes import jaccard
from ssd_lite.truths import Truth, Truths

METHODS = ("area", "11-point")
COCO_METRICS = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"),
)
SCORE, DIFFICULT, LABEL = 4, 4, 5  # columns of a table, after the corners; see ``_table``
Boxes = Sequence[Mapping[str, Tensor]]
AnyTruths = Truths | Sequence[Truth] | Boxes
Ids = Iterable[int] | Tensor | None
Curve = Tensor | np.ndarray | Sequence[float | int]


def average_precision(recall: Curve, precision: Curve, *, method: str = "area") -> float:
    """The average precision of one class, in [0, 1]; 0 for an empty curve.

    ``recall`` and ``precision`` (n,) are the curve after each detection, best score first. The precision at a
    recall is the best one reached at that recall or beyond it; of this envelope

    - ``"area"`` takes the area below, as VOC does since 2010;
    - ``"11-point"`` takes the mean at recalls 0, 0.1, … 1, as VOC did until 2009. A recall of 0.3 reaches the
      threshold 0.3, which ``np.arange(0, 1.1, 0.1)`` would put a little higher.

    Raises ``ValueError`` for an unknown method, different lengths, or a recall that decreases or leaves
    [0, 1]. Source: VOC devkit, VOCap.m (2012) and VOCevaldet.m (2007).
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    recall, precision = _as_curve(recall), _as_curve(precision)
    if recall.shape != precision.shape or recall.ndim != 1:
        shapes = f"{tuple(recall.shape)} and {tuple(precision.shape)}"
        raise ValueError(f"recall and precision must be one-dimensional and as many, got {shapes}")
    if not ((recall >= 0) & (recall <= 1)).all() or (recall.diff() < 0).any():
        raise ValueError(f"recall must lie in [0, 1] and never decrease, got {recall.tolist()}")
    envelope = precision.double().flip(0).cummax(0).values.flip(0)
    if method == "area":
        return float((recall.double().diff(prepend=envelope.new_zeros(1)) * envelope).sum())
    # k / 10 in the recall's own type: 7 objects of 10 must reach 0.7 in float32, too.
    thresholds = torch.tensor([k / 10 for k in range(11)], dtype=torch.float64, device="cpu").to(recall.dtype)
    first = torch.searchsorted(recall, thresholds)  # the first place that reaches each; n if none
    return float(torch.cat([envelope, envelope.new_zeros(1)])[first].mean())


def _as_curve(values: Curve) -> Tensor:
    """The values on the CPU, in float64 unless they come in another floating type."""
    curve = values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    return curve if curve.is_floating_point() else curve.double()


@dataclass(frozen=True)
class AveragePrecision:
    """What an evaluator computes: average precision, NaN for a class without objects.

    ``mean`` leaves such classes out; NaN if no other is left. ``counts`` leaves difficult objects out. From
    VOC also the curves, float64 (n,), a point for each detection that is not ignored, best score first, empty
    for a class without objects; from COCO its twelve numbers, ``metrics``, named as in ``COCO_METRICS``.
    """

    mean: float
    per_class: dict[str, float]
    counts: dict[str, int]
    recall: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    precision: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    metrics: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The numbers for a JSON file: without curves, and None for NaN, which JSON lacks."""
        per_class, metrics = _for_json(self.per_class), _for_json(self.metrics)
        numbers = {"per_class": per_class, "counts": dict(self.counts), "metrics": metrics}
        return {**_for_json({"mean": self.mean}), **numbers}


def _for_json(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


class VOCEvaluator:
    """Average precision of each class, and its mean, as VOC's devkit computes them.

    The detections of a class are taken best score first over the whole dataset. Each is held against the
    object of its class and image that it overlaps most. If they overlap enough, a difficult object makes the
    detection ignored, the first claim of an object is a true positive, and a repeated one a false positive;
    so is a detection that overlaps no object enough. Equal scores go by image, then by place within the
    image; equal overlaps to the lower object. Difficult objects are not counted: they neither help nor hurt.
    A class with objects but no detections has 0.

    - ``iou_threshold`` in (0, 1]: 0.5 in VOC.
    - ``method``: ``"11-point"`` is what papers quote for VOC2007; ``"area"`` from 2010.
    - ``inclusive``: an overlap of exactly the threshold is enough, as in the devkit's Matlab code; the Python
      port in wide use (py-faster-rcnn's ``voc_eval``) wants more: ``inclusive=False``.
    - ``pixel_inclusive``: adds 1 to widths and heights, as those two do, whose corners are the first and last
      pixel *inside* the box; COCO and torchvision do not. Boxes must then be in pixels; otherwise in any
      unit, the same for detections and truths.

    Processes that share a dataset give ``image_ids`` and merge: the result is that of one process, ties
    included. Source: VOC devkit, VOCevaldet.m.
    """

    def __init__(
        self,
        classes: Sequence[str],
        *,
        iou_threshold: float = 0.5,
        method: str = "area",
        inclusive: bool = True,
        pixel_inclusive: bool = False,
    ) -> None:
        average_precision([], [], method=method)  # an unknown method raises here, not hours later
        if not 0 < iou_threshold <= 1:
            raise ValueError(f"iou_threshold must lie in (0, 1], got {iou_threshold}")
        self.seen = _Seen(classes)
        self.iou_threshold, self.method = iou_threshold, method
        self.inclusive, self.pixel_inclusive = inclusive, pixel_inclusive

    def update(self, detections: Boxes, truths: AnyTruths, *, image_ids: Ids = None) -> None:
        """Adds images; ``image_ids`` are their places in the dataset, by default the next ones.

        Raises ``ValueError``, and adds nothing, if lengths differ, a label is not in 1 … ``len(classes)``, a
        box is not finite, a score is NaN, or an image was seen before.
        """
        self.seen.add(detections, truths, image_ids)

    def merge(self, others: Iterable["VOCEvaluator"]) -> None:
        """Adds what others saw. An image seen twice counts once: distributed samplers repeat some.

        Raises ``ValueError`` for different classes, or images that were added without ``image_ids``.
        """
        self.seen.merge([other.seen for other in others])

    def compute(self) -> AveragePrecision:
        """The result for all images so far; more may be added afterwards."""
        found, truths, counts = self.seen.tables(pixels=self.pixel_inclusive)
        labels, correct = self._judge(found, truths)
        per_class, recalls, precisions = {}, {}, {}
        for label, (name, count) in enumerate(counts.items(), start=1):
            # A class without objects keeps empty curves: its recall would be 0/0.
            hits = correct[(labels == label) & (count > 0)].cumsum(0).double()
            recalls[name], precisions[name] = hits / count, hits / torch.ones_like(hits).cumsum(0)
            area = average_precision(recalls[name], precisions[name], method=self.method)
            per_class[name] = area if count else math.nan
        mean = float(torch.tensor([*per_class.values()], dtype=torch.float64, device="cpu").nanmean())
        return AveragePrecision(mean, per_class, counts, recalls, precisions)

    def _judge(self, found: list[Tensor], truths: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Labels of the detections that are not ignored, best score first, and which are correct."""
        rows, objects = torch.cat(found), torch.cat(truths)
        overlaps, owners = self._best_objects(found, truths)
        reached = overlaps >= self.iou_threshold if self.inclusive else overlaps > self.iou_threshold
        ignored, correct = torch.zeros_like(reached), torch.zeros_like(reached)
        ignored[reached] = objects[owners[reached], DIFFICULT] > 0
        order = rows[:, SCORE].argsort(descending=True, stable=True)
        order = order[~ignored[order]]
        claims = order[reached[order]]
        claimed, again = owners[claims].sort(stable=True)
        correct[claims[again]] = claimed.diff(prepend=claimed.new_full((1,), -1)) > 0  # the first of each
        return rows[order, LABEL], correct[order]

    def _best_objects(self, found: list[Tensor], truths: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Each detection's greatest overlap with an object of its class and image, and that object's number.

        Objects are numbered through all images; where the overlap is 0, the number means nothing.
        """
        grow = torch.tensor([0.0, 0.0, 1.0, 1.0], device="cpu") * self.pixel_inclusive
        overlaps, owners, start = [], [], 0
        for rows, objects in zip(found, truths, strict=True):
            others = pad(objects, (0, 0, 0, 1))  # a row of label 0: there is always something to look up
            same = rows[:, None, LABEL] == others[:, LABEL]
            best = (jaccard(rows[:, :4] + grow, others[:, :4] + grow) * same).max(dim=-1)
            overlaps.append(best.values)
            owners.append(best.indices + start)
            start += len(objects)
        return torch.cat(overlaps), torch.cat(owners)


class COCOEvaluator:
    """COCO's metrics, by pycocotools: ``mean`` is over classes and overlaps 0.50, 0.55, … 0.95.

    Boxes must be in pixels: small, medium and large are areas, here those of boxes (COCO's own numbers by
    size go by the areas of masks). A difficult object becomes COCO's ``iscrowd``: not counted, it may take
    any number of detections, but its overlap is the share of the *detection* that it covers. The best 100
    detections of an image and class count. Ties are pycocotools' own: equal scores go by image, then by place
    within it, equal overlaps to the *later* object. Raises ``ImportError`` without pycocotools.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        _pycocotools()  # a missing package raises here, not hours later
        self.seen = _Seen(classes)

    def update(self, detections: Boxes, truths: AnyTruths, *, image_ids: Ids = None) -> None:
        """Adds images, as ``VOCEvaluator.update`` does."""
        self.seen.add(detections, truths, image_ids)

    def merge(self, others: Iterable["COCOEvaluator"]) -> None:
        """Adds what others saw, as ``VOCEvaluator.merge`` does."""
        self.seen.merge([other.seen for other in others])

    def compute(self) -> AveragePrecision:
        """The result for all images so far; NaN where COCO has -1."""
        found, truths, counts = self.seen.tables(pixels=True)
        coco, coco_eval = _pycocotools()
        with contextlib.redirect_stdout(io.StringIO()):
            there = _fill(coco(), truths, "iscrowd", len(counts))
            run = coco_eval(there, _fill(coco(), found, "score", len(counts)), "bbox")
            run.evaluate()
            run.accumulate()
            run.summarize()
        curves = run.eval["precision"][:, :, :, 0, -1]  # (overlap, recall, class): any size, best 100
        numbers = np.concatenate([run.stats, curves.mean(axis=(0, 1))])
        values = iter(np.where(numbers < 0, math.nan, numbers).tolist())
        metrics, per_class = (
            {name: next(values) for name in COCO_METRICS},
            {name: next(values) for name in counts},
        )
        return AveragePrecision(metrics["AP"], per_class, counts, metrics=metrics)


def _pycocotools() -> tuple[Any, Any]:
    try:
        from pycocotools.coco import COCO  # noqa: PLC0415 - an extra that most readers do without
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("COCOEvaluator needs pycocotools: pip install ssd-lite[coco]") from error
    return COCO, COCOeval


def _fill(coco: Any, tables: list[Tensor], column: str, num_classes: int) -> Any:
    """The dataset, filled with the tables; their column 4 goes by the name given."""
    rows = [(image, *row) for image, table in enumerate(tables) for row in table.tolist()]
    annotations = [
        {"id": number, "image_id": image, "category_id": int(label), "bbox": [x0, y0, x1 - x0, y1 - y0]}
        | {"area": (x1 - x0) * (y1 - y0), column: value}
        for number, (image, x0, y0, x1, y1, value, label) in enumerate(rows, start=1)  # id 0 means unmatched
    ]
    categories = [{"id": label} for label in range(1, num_classes + 1)]
    images = [{"id": image} for image in range(len(tables))]
    coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
    coco.createIndex()
    return coco


class _Seen:
    """The images an evaluator saw: by place in the dataset, a table of detections and one of objects."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes, self.numbered = list(classes), True
        self.images: dict[int, tuple[Tensor, Tensor]] = {}
        if len(set(classes)) < len(classes):
            raise ValueError(f"classes must be distinct, got {self.classes}")

    def add(self, detections: Boxes, truths: AnyTruths, image_ids: Ids) -> None:
        objects = list(truths.to("cpu").unpadded() if isinstance(truths, Truths) else truths)
        start = max(self.images, default=-1) + 1
        ids = list(range(start, start + len(objects)) if image_ids is None else map(int, image_ids))
        sizes = (len(detections), len(objects), len(ids))
        if len(set(sizes)) > 1:
            raise ValueError(f"detections, truths and image_ids must be as many, got {sizes}")
        if len({*ids, *self.images}) < len(ids) + len(self.images):
            raise ValueError(f"image_ids must be new and distinct, got {ids}")
        found = [_table("detections", "scores", i, item, self.classes) for i, item in enumerate(detections)]
        there = [_table("truths", "difficult", i, item, self.classes) for i, item in enumerate(objects)]
        self.images.update(zip(ids, zip(found, there, strict=True), strict=True))
        self.numbered = self.numbered and (image_ids is not None or not ids)

    def merge(self, others: Sequence["_Seen"]) -> None:
        for other in others:
            if other.classes != self.classes:
                raise ValueError(f"merge needs the classes {self.classes}, got {other.classes}")
            if not (self.numbered and other.numbered):
                raise ValueError("merge needs image_ids in every update: places in the dataset decide ties")
        for other in others:
            self.images = other.images | self.images

    def tables(self, *, pixels: bool) -> tuple[list[Tensor], list[Tensor], dict[str, int]]:
        """Detections and objects by place in the dataset, and how many objects count in each class."""
        # At the end, so that there is always a table.
        nothing = torch.zeros(0, 6, dtype=torch.float64, device="cpu")
        pairs = [self.images[place] for place in sorted(self.images)] + [(nothing, nothing)]
        found, truths = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        objects = torch.cat(truths)
        if pixels and len(objects) and objects[:, :4].max() <= 1:
            raise ValueError(f"truths must be in pixels, got no corner beyond {objects[:, :4].max()}")
        labels = objects[objects[:, DIFFICULT] == 0, LABEL].long()
        counts = labels.bincount(minlength=len(self.classes) + 1)[1:].tolist()
        return found, truths, dict(zip(self.classes, counts, strict=True))


def _table(argument: str, column: str, image: int, item: Any, classes: list[str]) -> Tensor:
    """One row a box, float64 (n, 6) on the CPU: corners, score or difficult, label."""
    if isinstance(item, Truth):
        item = {"boxes": item.boxes_xyxy, "labels": item.labels, "difficult": item.difficult}
    values = item["scores"] if column == "scores" else item.get(column, torch.zeros_like(item["labels"]))
    sizes = (len(item["boxes"]), len(values), len(item["labels"]))
    if len(set(sizes)) > 1:
        raise ValueError(f"{argument}[{image}]: boxes, {column} and labels must be as many, got {sizes}")
    parts = (item["boxes"].reshape(-1, 4), values.reshape(-1, 1), item["labels"].reshape(-1, 1))
    table = torch.cat([part.detach().cpu().double() for part in parts], dim=1)
    known = (table[:, LABEL] >= 1) & (table[:, LABEL] <= len(classes))
    for rule, holds in (
        ("boxes must be finite", table[:, :4].isfinite().all(dim=1)),
        (f"{column} must not be NaN", ~table[:, SCORE].isnan()),
        (f"labels must lie in 1 … {len(classes)}", known),
    ):
        if not holds.all():
            row = int(holds.int().argmin())
            raise ValueError(f"{argument}[{image}]: {rule}, got {table[row].tolist()} in row {row}")
    return table
