"""Validation: which images and objects can be used, and what is wrong with the others."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ssd_lite.data.images import UPRIGHT, Box, ImageError, Size, Turn, read_header, turned_box
from ssd_lite.data.problems import SKIP_ADVICE, DatasetError, Problem, Severity, errors
from ssd_lite.data.raw import RawImage, RawObject
from ssd_lite.messages import plural, short_repr

MIN_SIDE = 1e-6
"""Relative sides of boxes are at least this: float32, whose step below 1 is 6e-8, keeps them apart."""

ROUNDING_PX = 0.01
"""So far beyond the image's edge rounding puts a corner: it is moved to the edge without a word."""

SLACK_PX, SLACK = 2, 0.01
"""Boxes that reach beyond the image by two pixels, or a hundredth of its side, are clipped without loss."""

_NAMES_SHOWN = 20  # of the classes, where a message lists them

Sides = tuple[float | int, float | int]  # said twice, since run-time type checks take no int for a float

BoxUnit = Literal["pixels", "fractions"]


@dataclass(frozen=True)
class AnnotatedImage:
    """One image that can be used. Plain numbers, not tensors: cheap to send to other processes.

    ``size_px`` is the (width, height) of the image as it is displayed, which the boxes are relative to.
    """

    name: str
    path: Path
    file: str
    size_px: Size
    boxes_xyxy: tuple[Box, ...]
    labels: tuple[int, ...]
    difficult: tuple[bool, ...]
    crowd: tuple[bool, ...]


class Reading(NamedTuple):
    """All that was read of a split: what can be used, and what there is to say about it."""

    classes: tuple[str, ...]
    images: tuple[AnnotatedImage, ...]
    problems: tuple[Problem, ...]


class _Frame(NamedTuple):
    """The size in pixels that boxes refer to, and how they are turned upright with their image."""

    size_px: Sides
    shown_px: Size
    turn: Turn


class _Found(NamedTuple):
    """The box of an object relative to its image, or ``None``, and what there is to say about the object."""

    box: Box | None
    rules: list[tuple[Severity, str]]


def validate(images: Iterable[RawImage], classes: Sequence[str], *, scale_boxes: bool = False) -> Reading:
    """The images that can be used, with the objects that can be used, and all problems.

    With ``scale_boxes`` boxes of an image whose annotation states another size are scaled to the image's.
    """
    found: list[AnnotatedImage] = []
    problems: list[Problem] = []
    labels = {name: label for label, name in enumerate(classes, 1)}
    for raw in images:
        image, wrong = _image(raw, labels, scale_boxes)
        problems.extend(wrong)
        if image is not None:
            found.append(image)
    return Reading(tuple(classes), tuple(found), tuple(problems))


def require_valid(reading: Reading, root: str, *, skip_invalid: bool) -> Reading:
    """The same reading. Raises ``DatasetError`` for its errors, or when skipping them leaves too little.

    A reading without images is an error in any case.
    """
    wrong = errors(reading.problems)
    if wrong and not skip_invalid:
        raise DatasetError(wrong, advice=SKIP_ADVICE)
    objects = sum(len(image.labels) for image in reading.images)
    if wrong and not objects:
        images = plural(len(reading.images), "valid image")
        raise DatasetError([*wrong, Problem(root, f"must hold valid objects, got {objects} in {images}")])
    if not reading.images:
        raise DatasetError([Problem(root, "must hold at least one image, got none")])
    return reading


def box_error(box_px: Box, size_px: Sides) -> str | None:
    """The rule that a box breaks in an image of that size, with the numbers, or ``None``."""
    x0, y0, x1, y1 = box_px
    width, height = size_px
    got = "got ({:.10g}, {:.10g}, {:.10g}, {:.10g})".format(*box_px)
    if not all(math.isfinite(side) for side in box_px):
        return f"box must be finite, {got}"
    if not (x0 < x1 and y0 < y1):
        return f"box must have xmin < xmax and ymin < ymax, {got}"
    if min(x0, y0) < 0 or x1 > width or y1 > height:
        return f"box must lie inside the image of {width:.10g} × {height:.10g} pixels, {got}"
    if min((x1 - x0) / width, (y1 - y0) / height) < MIN_SIDE:
        return f"box must be at least {MIN_SIDE:g} of its image wide and high, {got}"
    return None


def checked_classes(classes: Sequence[str] | None) -> tuple[str, ...] | None:
    """The names as a tuple. Raises ``ValueError`` unless they are a list of different names, or ``None``."""
    if classes is None:
        return None
    names = tuple(classes)
    if isinstance(classes, str) or not names or len(set(names)) < len(names):
        raise ValueError(f"classes must be a list of different names, got {classes!r}")
    return names


def _image(
    raw: RawImage, labels: dict[str, int], scale_boxes: bool
) -> tuple[AnnotatedImage | None, list[Problem]]:
    frame, problems = _frame(raw, scale_boxes)
    found = [_object(stated, frame, labels, raw.fractions) for stated in raw.objects]
    for stated, (_, rules) in zip(raw.objects, found, strict=True):
        problems.extend(Problem(raw.file, rule, stated.title, severity) for severity, rule in rules)
    if frame is None or raw.path is None:
        return None, problems
    valid = [
        (stated, box, labels[stated.name.strip()])
        for stated, (box, _) in zip(raw.objects, found, strict=True)
        if box is not None and stated.name is not None
    ]
    return AnnotatedImage(
        raw.name,
        raw.path,
        raw.image_file,
        frame.shown_px,
        tuple(box for _, box, _ in valid),
        tuple(label for _, _, label in valid),
        tuple(stated.difficult for stated, _, _ in valid),
        tuple(stated.crowd for stated, _, _ in valid),
    ), problems


def _frame(raw: RawImage, scale_boxes: bool) -> tuple[_Frame | None, list[Problem]]:
    """What the boxes of an image refer to, if the image can be used, and the image's problems.

    Some tools draw photos as they are stored, lying on their side, and write that size. Where both
    sizes are the same (a square, a photo upside down) the boxes are taken to fit what is displayed.
    """
    problems = list(raw.problems)
    if errors(problems) or raw.path is None:
        return None, problems
    try:
        header = read_header(raw.path)
    except ImageError as error:
        return None, [*problems, Problem(raw.image_file, str(error))]
    shown = header.size_px
    if raw.fractions or raw.size_px is None or raw.size_px == shown:
        return _Frame(shown, shown, UPRIGHT), problems
    if raw.size_px == header.raw_size_px:
        return _Frame(header.raw_size_px, shown, header.turn), problems
    got = "size must be the image's, {} × {}, got {:.10g} × {:.10g}".format(*shown, *raw.size_px)
    if not (scale_boxes and all(0 < side < math.inf for side in raw.size_px)):
        advice = (
            "if the image was resized after it was annotated, scale_boxes=True (--scale-boxes) scales the "
            "boxes to it; otherwise the size is wrong, or the image is another one"
        )
        return None, [*problems, Problem(raw.file, f"{got}; {advice}")]
    repair = "boxes were scaled to the image's {} × {} pixels, got {:.10g} × {:.10g}"
    problems.append(Problem(raw.file, repair.format(*shown, *raw.size_px), severity="repair"))
    return _Frame(raw.size_px, shown, UPRIGHT), problems


def _object(stated: RawObject, frame: _Frame | None, labels: dict[str, int], fractions: bool) -> _Found:
    rules: list[tuple[Severity, str]] = [("error", rule) for rule in stated.errors]
    rules += [("repair", rule) for rule in stated.repairs]
    if stated.name is not None and stated.name.strip() not in labels:
        known = ", ".join([*labels][:_NAMES_SHOWN]) + (", …" if len(labels) > _NAMES_SHOWN else "")
        rules.append(("error", f"name must be one of the classes ({known}), got {short_repr(stated.name)}"))
    if frame is None or stated.box is None:
        return _Found(None, rules)
    x0, y0, x1, y1 = stated.box
    width, height = frame.size_px if fractions else (1, 1)
    box_px, rule = _clipped((x0 * width, y0 * height, x1 * width, y1 * height), frame.size_px)
    rules += [rule] if rule else []
    if any(severity == "error" for severity, _ in rules):
        return _Found(None, rules)
    return _Found(_relative(box_px, frame), rules)


def _clipped(box_px: Box, size_px: Sides) -> tuple[Box, tuple[Severity, str] | None]:
    """The box clipped to its image, and what there is to say about it."""
    x0, y0, x1, y1 = box_px
    width, height = size_px
    inside = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
    beyond = max(-x0, -y0, x1 - width, y1 - height)
    if not (0 < beyond < math.inf and x0 < x1 and y0 < y1):
        rule = box_error(box_px, size_px)
        return box_px, ("error", rule) if rule else None
    shares = (inside[2] - inside[0]) / (x1 - x0), (inside[3] - inside[1]) / (y1 - y0)
    if min(shares) <= 0 or shares[0] * shares[1] < 0.5:  # most of it lies outside
        return box_px, ("error", box_error(box_px, size_px) or "")
    if rule := box_error(inside, size_px):
        return inside, ("error", rule)
    if beyond <= ROUNDING_PX:
        return inside, None
    got = "got ({:.10g}, {:.10g}, {:.10g}, {:.10g})".format(*box_px)
    said = f"box was clipped to the image of {width:.10g} × {height:.10g} pixels, {got}"
    slight = max(-x0, x1 - width) <= max(SLACK_PX, SLACK * width)
    slight = slight and max(-y0, y1 - height) <= max(SLACK_PX, SLACK * height)
    return inside, ("repair", said) if slight else ("warning", said)


def _relative(box_px: Box, frame: _Frame) -> Box:
    (x0, y0, x1, y1), (width, height) = box_px, frame.size_px
    return turned_box((x0 / width, y0 / height, x1 / width, y1 / height), frame.turn)
