"""What the readers of annotated folders share: an image's statement of its objects, and the check of it.

A reader turns its files into one ``Entry`` an image; ``checked`` turns these into the images that
can be used and the faults of everything else; ``settle`` decides whether that is good enough.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from ssd_lite.data.examples import DatasetError, Example, Problem
from ssd_lite.data.images import (
    UPRIGHT,
    Box,
    ImageError,
    Size,
    Turn,
    read_header,
    read_image,
    turned_box,
)
from ssd_lite.messages import short_repr
from ssd_lite.truths import Truth

MIN_SIDE = 1e-6
"""Relative sides of boxes are at least this: float32, whose step below 1 is 6e-8, keeps them apart."""

Progress = Callable[[int, int], object]
"""Called with how many images are done, and how many there are."""

_NAMES_SHOWN = 20  # of the classes, where a message lists them


@dataclass(frozen=True)
class Marked:
    """One object as a file states it; ``broken`` holds the rules broken by what could not be read."""

    title: str
    name: str | None
    box_px: Box | None
    difficult: bool = False
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One image as a file states it.

    ``image`` is ``None`` where no image was found, ``size_px`` where the file does not tell, or not
    in numbers; ``faults`` holds what keeps the image as a whole from being used.
    """

    name: str
    file: str
    image: Path | None
    image_file: str
    size_px: tuple[float, float] | None
    objects: tuple[Marked, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class AnnotatedImage:
    """One image that can be used. Plain numbers, not tensors: cheap to send to other processes."""

    name: str
    path: Path
    file: str
    boxes_xyxy: tuple[Box, ...]
    labels: tuple[int, ...]
    difficult: tuple[bool, ...]

    def truth(self) -> Truth:
        """The objects, relative to the image as it is displayed."""
        return Truth.of(self.boxes_xyxy, self.labels, self.difficult)

    def example(self, max_side: int | None = None) -> Example:
        """The image and its objects. Raises ``DatasetError`` when the image cannot be decoded."""
        try:
            return Example(read_image(self.path, max_side=max_side), self.truth(), self.name)
        except ImageError as error:
            raise DatasetError([Problem(self.file, str(error))]) from error


class _Frame(NamedTuple):
    """The size that boxes in pixels refer to, and how they are turned upright with their image."""

    size_px: Size
    turn: Turn


class Reading(NamedTuple):
    """All that was read of a dataset: what can be used, and what is wrong with the rest."""

    classes: tuple[str, ...]
    images: tuple[AnnotatedImage, ...]
    problems: tuple[Problem, ...]


def checked(entries: Iterable[Entry], classes: Sequence[str], problems: Sequence[Problem] = ()) -> Reading:
    """The images that can be used, of objects that can be used; each other one gives its faults."""
    found, images, labels = list(problems), [], {name: label for label, name in enumerate(classes, 1)}
    for entry in entries:
        image, wrong = _image(entry, labels)
        found.extend(wrong)
        if image is not None:
            images.append(image)
    return Reading(tuple(classes), tuple(images), tuple(found))


def settle(reading: Reading, root: str, *, skip_invalid: bool) -> Reading:
    """The same reading. Raises ``DatasetError`` when it has faults or, skipping them, too little is left."""
    if reading.problems and not skip_invalid:
        raise DatasetError(reading.problems)
    images, objects = len(reading.images), sum(len(image.labels) for image in reading.images)
    if reading.problems and not objects:
        rule = f"must hold sound objects, got {objects} in {images} sound images"
        raise DatasetError([*reading.problems, Problem(root, rule)])
    return reading


def decoding_faults(reading: Reading, progress: Progress | None) -> Iterator[Problem]:
    """The faults that show only when images are decoded; each is decoded and let go."""
    for done, image in enumerate(reading.images, 1):
        try:
            read_image(image.path)
        except ImageError as error:
            yield Problem(image.file, str(error))
        if progress is not None:
            progress(done, len(reading.images))


def box_fault(box_px: Box, size_px: Size) -> str | None:
    """The rule that a box breaks in an image of that size, with the numbers, or ``None``."""
    x0, y0, x1, y1 = box_px
    width, height = size_px
    got = "got ({:.10g}, {:.10g}, {:.10g}, {:.10g})".format(*box_px)
    if not all(math.isfinite(side) for side in box_px):
        return f"box must be finite, {got}"
    if not (x0 < x1 and y0 < y1):
        return f"box must have xmin < xmax and ymin < ymax, {got}"
    if min(x0, y0) < 0 or x1 > width or y1 > height:
        return f"box must lie inside the image of {width} × {height} pixels, {got}"
    if min((x1 - x0) / width, (y1 - y0) / height) < MIN_SIDE:
        return f"box must be at least {MIN_SIDE:g} of its image wide and high, {got}"
    return None


def checked_classes(classes: Sequence[str] | None) -> tuple[str, ...] | None:
    """The names as a tuple. Raises ``ValueError`` unless they are several, each once, or ``None``."""
    if classes is None:
        return None
    names = tuple(classes)
    if isinstance(classes, str) or not names or len(set(names)) < len(names):
        raise ValueError(f"classes must be a list of different names, got {classes!r}")
    return names


def leads_out(name: str) -> bool:
    """Whether a relative name, with the separators of any system, is absolute, climbs or is not a name."""
    path = PureWindowsPath(name)
    return bool(path.anchor) or ".." in path.parts or "\0" in name or not path.parts


def links_out(path: Path, *folders: Path) -> bool:
    """Whether a path leads through links to a place in none of the folders; the folders may be links."""
    place = os.path.realpath(path)
    return not any(place.startswith(os.path.join(os.path.realpath(f), "")) for f in folders)  # noqa: PTH118


def title(kind: str, place: int, name: str | None) -> str:
    """What messages call an object: "object 2 (king)"; the place counts from 1."""
    return f"{kind} {place} ({' '.join(name.split())[:40]})" if name else f"{kind} {place}"


def _image(entry: Entry, labels: dict[str, int]) -> tuple[AnnotatedImage | None, list[Problem]]:
    frame, problems = _frame(entry)
    rules = [_broken(marked, frame, labels) for marked in entry.objects]
    for marked, broken in zip(entry.objects, rules, strict=True):
        problems.extend(Problem(entry.file, rule, marked.title) for rule in broken)
    if frame is None or entry.image is None:
        return None, problems
    sound = [marked for marked, broken in zip(entry.objects, rules, strict=True) if not broken]
    image = AnnotatedImage(
        entry.name,
        entry.image,
        entry.image_file,
        tuple(_relative(marked.box_px, frame) for marked in sound if marked.box_px is not None),
        tuple(labels[marked.name] for marked in sound if marked.name is not None),
        tuple(marked.difficult for marked in sound),
    )
    return image, problems


def _frame(entry: Entry) -> tuple[_Frame | None, list[Problem]]:
    """What the boxes of an image refer to, or the faults that keep it from being used.

    Some tools draw photos as they are stored, lying on their side, and write that size. Where both
    sizes are the same (a square, a photo upside down) the boxes are taken to fit what is displayed.
    """
    if entry.problems or entry.image is None:
        return None, [*entry.problems]
    try:
        header = read_header(entry.image)
    except ImageError as error:
        return None, [Problem(entry.image_file, str(error))]
    if entry.size_px is None or entry.size_px == header.size_px:
        return _Frame(header.size_px, UPRIGHT), []
    if entry.size_px == header.raw_size_px:
        return _Frame(header.raw_size_px, header.turn), []
    rule = "size must be the image's, {} × {}, got {:.10g} × {:.10g}"
    return None, [Problem(entry.file, rule.format(*header.size_px, *entry.size_px))]


def _broken(marked: Marked, frame: _Frame | None, labels: dict[str, int]) -> list[str]:
    rules = list(marked.broken)
    if marked.name is not None and marked.name not in labels:
        known = ", ".join([*labels][:_NAMES_SHOWN]) + (", …" if len(labels) > _NAMES_SHOWN else "")
        rules.append(f"name must be one of the classes ({known}), got {short_repr(marked.name)}")
    if frame and marked.box_px and (rule := box_fault(marked.box_px, frame.size_px)):
        rules.append(rule)
    return rules


def _relative(box_px: Box, frame: _Frame) -> Box:
    (x0, y0, x1, y1), (width, height) = box_px, frame.size_px
    return turned_box((x0 / width, y0 / height, x1 / width, y1 / height), frame.turn)
