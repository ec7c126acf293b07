"""Average precision as VOC's devkit computes it."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.boxes import jaccard
from ssd_lite.evaluation.precision import AveragePrecision, average_precision
from ssd_lite.evaluation.tables import DIFFICULT, LABEL, SCORE, AnyTruths, Boxes, Ids, ImageTables


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
        self.seen = ImageTables(classes)
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
