"""What a label file in YOLO's form states: a line for each object, in fractions of the image."""

from collections.abc import Sequence
from pathlib import Path

from ssd_lite.data.images import Box
from ssd_lite.data.problems import Problem
from ssd_lite.data.raw import RawObject, title
from ssd_lite.messages import short_repr


def read_labels(path: Path, file: str, classes: Sequence[str]) -> tuple[RawObject, ...] | Problem:
    """The objects of one image, or why they cannot be read; ``file`` is what messages call the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        return Problem(file, f"must be text in UTF-8: {error}")
    lines = enumerate(text.splitlines(), 1)
    return tuple(_object(number, line, classes) for number, line in lines if line.strip())


def are_labels(path: Path) -> bool:
    """Whether a file looks like YOLO's labels: its first line holds five numbers or more."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            words = next((line.split() for line in file if line.strip()), None)
    except (OSError, ValueError):
        return False
    return words is not None and len(words) >= 5 and None not in [_number(word) for word in words]


def _object(place: int, line: str, classes: Sequence[str]) -> RawObject:
    words = line.split()
    numbers = [_number(word) for word in words]
    known = [number for number in numbers if number is not None]
    if len(known) < len(words) or len(known) < 5 or len(known) % 2 == 0:
        rule = (
            "must be a class and four numbers (x, y, width, height), or a class and the corners of a polygon"
        )
        return RawObject(title("line", place, None), None, None, errors=(f"{rule}, got {short_repr(line)}",))
    name, wrong, number = None, [], known[0]
    if 0 <= number < len(classes) and number.is_integer():
        name = classes[int(number)]
    else:
        wrong.append(f"class must be a whole number from 0 to {len(classes) - 1}, got {short_repr(words[0])}")
    repairs = [] if len(known) == 5 else ["the polygon was replaced by the box around it"]
    box = _box(known[1:]) if len(known) == 5 else _around(known[1:])
    return RawObject(title("line", place, name), name, box, errors=tuple(wrong), repairs=tuple(repairs))


def _box(cxcywh: Sequence[float]) -> Box:
    x, y, width, height = cxcywh
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _around(polygon: Sequence[float]) -> Box:
    return min(polygon[::2]), min(polygon[1::2]), max(polygon[::2]), max(polygon[1::2])


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
