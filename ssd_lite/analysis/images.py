"""What went wrong in each image."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from ssd_lite.analysis.errors import KINDS, MISSED, ErrorKinds
from ssd_lite.analysis.outcomes import Outcomes
from ssd_lite.analysis.pairs import Pairs


@dataclass(frozen=True)
class ImageResult:
    """One image at a score threshold: its objects without difficult ones, those found, and its errors."""

    index: int
    name: str
    objects: int
    found: int
    errors: dict[str, int]

    @property
    def num_errors(self) -> int:
        """False positives and objects that were not found."""
        return sum(self.errors.values())


def image_results(
    pairs: Pairs,
    outcomes: Outcomes,
    errors: ErrorKinds,
    names: Sequence[str],
    *,
    score_threshold: float,
) -> list[ImageResult]:
    """Objects, hits and errors of every image, of the detections that reach the score threshold.

    ``missed`` counts every object that none of these found, also one that a better box would have found.
    """
    above = int((pairs.score >= score_threshold).sum())
    counted = ~pairs.objects.difficult
    kinds = torch.zeros(len(names), len(KINDS), dtype=torch.int64, device="cpu")
    wrong = outcomes.wrong[:above].nonzero().squeeze(1)
    ones = torch.ones_like(wrong)
    kinds.index_put_((pairs.image[wrong], errors.kind[wrong]), ones, accumulate=True)
    objects = _per_image(pairs.objects.image[counted], len(names))
    found = _per_image(pairs.image[:above][outcomes.correct[:above]], len(names))
    kinds[:, MISSED] = objects - found
    columns = zip(names, objects.tolist(), found.tolist(), kinds.tolist(), strict=True)
    return [
        ImageResult(index, name, there, hit, dict(zip(KINDS, row, strict=True)))
        for index, (name, there, hit, row) in enumerate(columns)
    ]


def worst_images(results: Sequence[ImageResult], count: int | None = None) -> list[ImageResult]:
    """The images with errors, most errors first; equal ones by fewer objects found, then in order."""
    wrong = [result for result in results if result.num_errors]
    return sorted(wrong, key=lambda result: (-result.num_errors, result.found, result.index))[:count]


def _per_image(image: Int64[Tensor, " n"], count: int) -> Int64[Tensor, " b"]:
    return image.bincount(minlength=count)
