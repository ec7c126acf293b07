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

    The detections of a class are ranked by score over the whole dataset. Each is compared with the object of
    its class and image that it overlaps most. If the overlap reaches ``iou_threshold``, the first detection
    of an object is a true positive and any further one a false positive; if the object is difficult, the
    detection is ignored. A detection with a smaller overlap is a false positive. Equal scores are ordered by
    image, then by index within the image; equal overlaps go to the object with the lower index. Difficult
    objects are not counted, so they neither help nor hurt. A class with objects but no detections has 0.

    - ``iou_threshold`` in (0, 1]: 0.5 in VOC.
    - ``method``: papers report ``"11-point"`` for VOC2007 and ``"area"`` from 2010 on.
    - ``inclusive``: whether an overlap of exactly the threshold is enough, as in the devkit's Matlab code.
      The widely used Python port (py-faster-rcnn's ``voc_eval``) requires more: ``inclusive=False``.
    - ``pixel_inclusive``: adds 1 to widths and heights, as both of those do, because their corners are the
      first and the last pixel *inside* the box; COCO and torchvision do not. Boxes must then be in pixels.
      Without it any unit will do, the same for detections and truths.

    Processes that share a dataset pass ``image_ids`` and merge: the result equals that of one process,
    including ties. Raises ``ValueError`` for an invalid option. Source: VOC devkit, VOCevaldet.m.
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
        average_precision([], [], method=method)  # raises for an unknown method now, not hours later
        if not 0 < iou_threshold <= 1:
            raise ValueError(f"iou_threshold must lie in (0, 1], got {iou_threshold}")
        self.images = ImageTables(classes)
        self.iou_threshold, self.method = iou_threshold, method
        self.inclusive, self.pixel_inclusive = inclusive, pixel_inclusive

    def update(self, detections: Boxes, truths: AnyTruths, *, image_ids: Ids = None) -> None:
        """Add images; ``image_ids`` are their indices in the dataset, by default the next ones.

        Raises ``ValueError`` and adds nothing if lengths differ, a label is not in 1 … ``len(classes)``, a
        box is not finite, a score is NaN, or an image was added before.
        """
        self.images.add(detections, truths, image_ids)

    def merge(self, others: Iterable["VOCEvaluator"]) -> None:
        """Add the images of other evaluators.

        An image that several evaluators have counts once, since distributed samplers repeat some. Raises
        ``ValueError`` if classes differ or images were added without ``image_ids``.
        """
        self.images.merge([other.images for other in others])

    def compute(self) -> AveragePrecision:
        """The result for all images so far. More images may be added afterwards."""
        found, truths, counts = self.images.tables(pixels=self.pixel_inclusive)
        labels, correct = self._score_detections(found, truths)
        per_class, recalls, precisions = {}, {}, {}
        for label, (name, count) in enumerate(counts.items(), start=1):
            # Empty curves for a class without objects, whose recall would be 0/0.
            hits = correct[(labels == label) & (count > 0)].cumsum(0).double()
            recalls[name], precisions[name] = hits / count, hits / torch.ones_like(hits).cumsum(0)
            area = average_precision(recalls[name], precisions[name], method=self.method)
            per_class[name] = area if count else math.nan
        mean = float(torch.tensor([*per_class.values()], dtype=torch.float64, device="cpu").nanmean())
        metric = f"VOC, IoU {self.iou_threshold:g}, {self.method}"
        return AveragePrecision(mean, per_class, counts, recalls, precisions, metric=metric)

    def _score_detections(self, found: list[Tensor], truths: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The labels of the detections that are not ignored, best score first, and which are correct."""
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
        """Each detection's greatest overlap with an object of its class and image, and that object's index.

        Indices run through all images. Where the overlap is 0, the index has no meaning.
        """
        grow = torch.tensor([0.0, 0.0, 1.0, 1.0], device="cpu") * self.pixel_inclusive
        overlaps, owners, start = [], [], 0
        for rows, objects in zip(found, truths, strict=True):
            others = pad(objects, (0, 0, 0, 1))  # a row of label 0, so that max has an element
            same = rows[:, None, LABEL] == others[:, LABEL]
            best = (jaccard(rows[:, :4] + grow, others[:, :4] + grow) * same).max(dim=-1)
            overlaps.append(best.values)
            owners.append(best.indices + start)
            start += len(objects)
        return torch.cat(overlaps), torch.cat(owners)
