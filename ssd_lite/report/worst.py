"""The worst images of a report: each with its objects and its detections beside it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from ssd_lite import plotting
from ssd_lite.analysis import Analysis, ImageResult
from ssd_lite.data.batches import shrink
from ssd_lite.data.examples import Dataset, Example
from ssd_lite.messages import plural

LONGEST_SIDE_PX = 640
"""Images are shrunk to this before they are drawn, since a panel has about 400 pixels."""

DPI = 115


class Case(NamedTuple):
    """One image of the page: its name, what is wrong with it, and its picture as a ``data:`` address."""

    name: str
    summary: str
    picture: str


def worst_cases(
    analysis: Analysis,
    images: Dataset | Sequence[Example],
    detections: Sequence[Mapping[str, Tensor]],
    *,
    count: int,
) -> list[Case]:
    """The images with most errors, at the analysis' score threshold."""
    return [
        Case(
            result.name,
            summary(result),
            _picture(analysis, images[result.index], detections[result.index]),
        )
        for result in analysis.worst_images(count)
    ]


def summary(result: ImageResult) -> str:
    """What was found in an image and what is wrong: "2 of 3 objects found; 1 missed, 2 background"."""
    wrong = ", ".join(f"{count} {kind}" for kind, count in result.errors.items() if count)
    return f"{result.found} of {plural(result.objects, 'object')} found; {wrong}"


def _picture(analysis: Analysis, example: Example, found: Mapping[str, Tensor]) -> str:
    height, width = example.image.shape[-2:]
    shown = shrink(example, LONGEST_SIDE_PX)
    new_height, new_width = shown.image.shape[-2:]
    factors = (new_width, new_height) if analysis.relative else (new_width / width, new_height / height)
    boxes = found["boxes"].detach().cpu().float()
    scaled = {**found, "boxes": boxes * boxes.new_tensor([*factors, *factors])}
    figure = plotting.truth_beside_detections(
        shown, scaled, analysis.classes, threshold=analysis.score_threshold
    )
    return plotting.data_uri(figure, "jpeg", dpi=DPI)
