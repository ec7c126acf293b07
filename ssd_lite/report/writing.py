"""Writes the folder of a report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ssd_lite.analysis import Analysis
from ssd_lite.analysis.numbers import to_dict
from ssd_lite.data.examples import Dataset, Example
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.files import write_atomic
from ssd_lite.report.page import render
from ssd_lite.report.worst import worst_cases

PAGE, RESULTS = "index.html", "results.json"

Images = Dataset | Sequence[Example]


def results(
    analysis: Analysis,
    *,
    about: Mapping[str, Any] | None = None,
    problems: Sequence[str] = (),
    coco: AveragePrecision | None = None,
) -> dict[str, Any]:
    """The content of ``results.json``: ``about``, the numbers of the analysis, and the dataset's problems.

    With ``coco``, what ``COCOEvaluator`` computes, ``mean``, ``per_class`` and ``metrics`` are COCO's.
    """
    numbers = to_dict(analysis) | (coco.to_dict() if coco is not None else {})
    return {**(about or {}), **numbers, "problems": list(problems)}


def write(
    folder: str | Path,
    analysis: Analysis,
    images: Images,
    detections: Sequence[Mapping[str, Tensor]],
    *,
    title: str = "What the detector does",
    about: Mapping[str, Any] | None = None,
    problems: Sequence[str] = (),
    coco: AveragePrecision | None = None,
    worst: int = 12,
) -> Path:
    """Write ``index.html`` and ``results.json`` into a folder, and return the path of the page.

    ``images`` and ``detections`` are those of the analysis, in the same order; ``worst`` is the number of
    images to show. ``about`` says what was measured, such as the model's file, the dataset and versions: a
    mapping of names to values or to such mappings. ``problems`` are listed, ``coco`` adds COCO's numbers.

    Raises ``ValueError`` for another number of images or detections than were analysed.
    """
    counts = len(images), len(detections), len(analysis.images)
    if len(set(counts)) > 1:
        raise ValueError(f"images and detections must be as many as were analysed, got {counts}")
    folder = Path(folder)
    numbers = results(analysis, about=about, problems=problems, coco=coco)
    page = render(
        analysis,
        worst_cases(analysis, images, detections, count=worst),
        title=title,
        about=about or {},
        problems=problems,
        coco=coco,
    )
    content = json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(folder / RESULTS, content.encode())
    write_atomic(folder / PAGE, page.encode())
    return folder / PAGE
