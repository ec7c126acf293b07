"""Writes the folder of a report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ssd_lite.analysis import Analysis
from ssd_lite.analysis.numbers import to_dict
from ssd_lite.data.examples import Dataset, Example
from ssd_lite.files import write_atomic
from ssd_lite.report.page import render
from ssd_lite.report.worst import worst_cases

PAGE, RESULTS = "index.html", "results.json"

Images = Dataset | Sequence[Example]


def write(
    folder: str | Path,
    analysis: Analysis,
    images: Images,
    detections: Sequence[Mapping[str, Tensor]],
    *,
    title: str = "What the detector does",
    about: Mapping[str, Any] | None = None,
    problems: Sequence[str] = (),
    worst: int = 12,
) -> Path:
    """Write ``index.html`` and ``results.json`` into a folder, and return the path of the page.

    ``images`` and ``detections`` are those of the analysis, in the same order; the ``worst`` images are shown.
    ``about`` says what was measured, such as the model's file, the dataset and versions: names with values or
    with further names. It stands on the page, and in ``results.json`` beside the numbers of
    ``analysis.numbers.to_dict``, which come first where names are equal. ``problems`` are listed on the page.

    Raises ``ValueError`` for another number of images or detections than were analysed.
    """
    counts = len(images), len(detections), len(analysis.images)
    if len(set(counts)) > 1:
        raise ValueError(f"images and detections must be as many as were analysed, got {counts}")
    folder, about = Path(folder), dict(about or {})
    cases = worst_cases(analysis, images, detections, count=worst)
    page = render(analysis, cases, title=title, about=about, problems=problems)
    numbers = about | to_dict(analysis) | {"problems": list(problems)}
    write_atomic(folder / RESULTS, json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False).encode())
    write_atomic(folder / PAGE, page.encode())
    return folder / PAGE
