"""The files in which ``ssd-lite detect`` leaves what it found: JSON, CSV, and COCO's results."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ssd_lite.files import write_atomic


class Result(NamedTuple):
    """The detections in one image, or in one frame of a video; the size is (height, width)."""

    source: Path
    size_px: tuple[int, int]
    detections: Mapping[str, Tensor]
    frame: int | None = None
    seconds: float | None = None

    def rows(self) -> list[tuple[int, float, list[float]]]:
        """Label, score and box (x0, y0, x1, y1) of each detection."""
        columns = (self.detections[name].tolist() for name in ("labels", "scores", "boxes"))
        return list(zip(*columns, strict=True))


def write_json(folder: Path, results: Sequence[Result], classes: Sequence[str]) -> str:
    """Write ``detections.json``: for each image a list of objects with class, score and box.

    The objects of a video also have the frame, from 0, and the time in seconds.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        at = {} if result.frame is None else {"frame": result.frame, "seconds": result.seconds}
        found.setdefault(str(result.source), []).extend(
            at | {"class": classes[label - 1], "score": round(score, 4), "box": [round(v, 1) for v in box]}
            for label, score, box in result.rows()
        )
    write_atomic(folder / "detections.json", json.dumps(found, indent=1, ensure_ascii=False).encode())
    return "detections.json"


def write_csv(folder: Path, results: Sequence[Result], classes: Sequence[str]) -> str:
    """Write ``detections.csv``, a row per object; frame and seconds are empty for images."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "frame", "seconds", "class", "score", "x0", "y0", "x1", "y1"])
    for result in results:
        at = ["", ""] if result.frame is None else [result.frame, result.seconds]
        for label, score, box in result.rows():
            name, numbers = classes[label - 1], [round(value, 1) for value in box]
            writer.writerow([result.source, *at, name, round(score, 4), *numbers])
    write_atomic(folder / "detections.csv", text.getvalue().encode())
    return "detections.csv"


def write_coco(folder: Path, results: Sequence[Result], classes: Sequence[str]) -> str:
    """Write ``detections.coco.json``, COCO's results, and ``images.coco.json`` with their images.

    Category ids are labels, from 1 in the order of the detector's classes. An image's id is the number that
    it is named by, if all are, as in COCO (``000000000139.jpg``); otherwise its place, from 1.
    """
    ids = _image_ids(results)
    images = [
        {
            "id": number,
            "file_name": str(result.source),
            "height": result.size_px[0],
            "width": result.size_px[1],
        }
        | ({} if result.frame is None else {"frame": result.frame})
        for number, result in zip(ids, results, strict=True)
    ]
    found = [
        {
            "image_id": number,
            "category_id": label,
            "bbox": [round(v, 2) for v in (x0, y0, x1 - x0, y1 - y0)],
            "score": round(score, 5),
        }
        for number, result in zip(ids, results, strict=True)
        for label, score, (x0, y0, x1, y1) in result.rows()
    ]
    categories = [{"id": label, "name": name} for label, name in enumerate(classes, start=1)]
    described = {"images": images, "categories": categories}
    write_atomic(folder / "detections.coco.json", json.dumps(found).encode())
    write_atomic(folder / "images.coco.json", json.dumps(described, ensure_ascii=False, indent=1).encode())
    return "detections.coco.json"


FORMATS: dict[str, Callable[[Path, Sequence[Result], Sequence[str]], str]] = {
    "json": write_json,
    "csv": write_csv,
    "coco": write_coco,
}
"""What writes each format into a folder and returns the file's name."""


def _image_ids(results: Sequence[Result]) -> list[int]:
    stems = [result.source.stem for result in results]
    numbered = all(stem.isascii() and stem.isdigit() for stem in stems)
    numbers = [int(stem) for stem in stems] if numbered else []
    places = list(range(1, len(results) + 1))
    return numbers if numbered and len(set(numbers)) == len(numbers) else places
