"""Everything that detections and truths say about a detector, in one result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ssd_lite.analysis.confusion import confusion_matrix
from ssd_lite.analysis.errors import find_errors
from ssd_lite.analysis.images import ImageResult, image_results, worst_images
from ssd_lite.analysis.outcomes import judge
from ssd_lite.analysis.pairs import AnyTruths, Pairs, Sizes, pair, unpack_detections, unpack_truths
from ssd_lite.analysis.ranges import PartialAP, ap_by_iou, ap_by_size
from ssd_lite.analysis.repairs import Errors, analyse_errors
from ssd_lite.analysis.thresholds import BestThreshold, best_thresholds
from ssd_lite.evaluation import AveragePrecision, VOCEvaluator

BACKGROUND_OVERLAP = 0.1
"""TIDE's t_b: up to this overlap with every object a detection counts as background."""

USUAL_SCORE = 0.5
"""The score threshold where no detection is correct, so that none is best."""


@dataclass(frozen=True)
class Analysis:
    """What a detector does on a dataset.

    ``ap`` is average precision as ``VOCEvaluator`` computes it, with the curve of each class; ``scores``
    holds the score at each point of the curves. ``by_size`` goes by COCO's areas where pixels are known,
    otherwise by thirds of the objects. ``confusion``, ``images`` and ``errors.counts_above`` are about the
    detections that reach ``score_threshold``, the other numbers about all detections. ``relative`` says that
    the boxes are relative to their images.
    """

    classes: tuple[str, ...]
    iou_threshold: float
    background_threshold: float
    method: str
    score_threshold: float
    pixels: bool
    relative: bool
    ap: AveragePrecision
    scores: dict[str, Tensor] = field(repr=False, compare=False)
    by_iou: dict[float, PartialAP]
    by_size: list[PartialAP]
    confusion: Tensor = field(repr=False, compare=False)
    errors: Errors
    best_threshold: BestThreshold | None
    best_thresholds: dict[str, BestThreshold | None]
    images: list[ImageResult] = field(repr=False)

    def worst_images(self, count: int | None = None) -> list[ImageResult]:
        """The images with errors, most errors first."""
        return worst_images(self.images, count)


def analyse(
    detections: Sequence[Mapping[str, Tensor]],
    truths: AnyTruths,
    classes: Sequence[str],
    *,
    names: Sequence[str] | None = None,
    sizes_px: Sizes | None = None,
    iou_threshold: float = 0.5,
    background_threshold: float = BACKGROUND_OVERLAP,
    method: str = "area",
    score_threshold: float | None = None,
) -> Analysis:
    """Analyse the detections of a dataset, given in the forms that ``VOCEvaluator.update`` takes.

    Boxes are in pixels; or relative to the image, if ``sizes_px`` gives the (height, width) of each. Boxes of
    which no corner lies beyond 1 are taken for relative ones whose pixels are unknown. ``names`` are those of
    the images. ``score_threshold`` is by default the one with the best F1 over all classes. Difficult objects
    neither help nor hurt; mark crowds as difficult.

    Raises ``ValueError`` as ``VOCEvaluator`` does, for another number of names or sizes than images, and
    unless 0 <= ``background_threshold`` < ``iou_threshold``.
    """
    evaluator = VOCEvaluator(classes, iou_threshold=iou_threshold, method=method)
    evaluator.update(detections, truths)
    found, objects = unpack_detections(detections), unpack_truths(truths)
    names = [f"image {number}" for number in range(1, len(objects) + 1)] if names is None else list(names)
    _check(len(objects), names, sizes_px, background_threshold, iou_threshold)
    pixels = sizes_px is not None or any((truth.boxes_xyxy > 1).any() for truth in objects)
    ap, pairs = evaluator.compute(), pair(found, objects, sizes_px=sizes_px)
    outcomes = judge(pairs, iou_threshold)
    best, per_class = best_thresholds(pairs, outcomes, classes)
    if score_threshold is None:
        score_threshold = USUAL_SCORE if best is None else best.score
    errors = find_errors(pairs, outcomes, foreground=iou_threshold, background=background_threshold)
    at = {"iou_threshold": iou_threshold, "score_threshold": score_threshold}
    return Analysis(
        tuple(classes),
        iou_threshold,
        background_threshold,
        method,
        score_threshold,
        pixels,
        sizes_px is not None or not pixels,
        ap,
        _scores(pairs, outcomes.ignored, ap.counts),
        ap_by_iou(pairs, classes, method=method),
        ap_by_size(pairs, classes, pixels=pixels, iou_threshold=iou_threshold, method=method),
        confusion_matrix(found, objects, len(classes), **at),
        analyse_errors(pairs, outcomes, errors, classes, method=method, score_threshold=score_threshold),
        best,
        per_class,
        image_results(pairs, outcomes, errors, names, score_threshold=score_threshold),
    )


def _check(
    images: int, names: Sequence[str], sizes_px: Sizes | None, background: float, foreground: float
) -> None:
    if len(names) != images:
        raise ValueError(f"names must be as many as the {images} images, got {len(names)}")
    if sizes_px is not None and len(sizes_px) != images:
        raise ValueError(f"sizes_px must be as many as the {images} images, got {len(sizes_px)}")
    if not 0 <= background < foreground:
        raise ValueError(
            f"background_threshold must lie in [0, iou_threshold) = [0, {foreground:g}), got {background:g}"
        )


def _scores(pairs: Pairs, ignored: Tensor, counts: Mapping[str, int]) -> dict[str, Tensor]:
    """The score of each point of the curves; none for a class without objects."""
    label, score = pairs.label[~ignored], pairs.score[~ignored]
    return {
        name: score[(label == number) & (count > 0)]
        for number, (name, count) in enumerate(counts.items(), start=1)
    }
