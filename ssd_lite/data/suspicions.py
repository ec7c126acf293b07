"""Suspicions: what is written correctly and yet looks like a mistake, with advice."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from ssd_lite.data.problems import Problem, Severity
from ssd_lite.data.raw import RawImage, RawObject
from ssd_lite.data.splits import meaning
from ssd_lite.data.validation import AnnotatedImage, Reading
from ssd_lite.messages import plural, short_repr

CROWDED_SPOT = 10
"""So many boxes of an image on the same hundredth of it are suspicious."""

BACKGROUND_NAMES = ("background", "__background__", "bg")

_FILES_SHOWN = 3


def unit_mistaken(images: Sequence[RawImage]) -> tuple[list[RawImage], list[Problem]]:
    """The images without the boxes that seem to be in another unit, and the error that says so.

    Boxes in pixels seem to be fractions when at least half of all lie between 0 and 1; boxes in
    fractions seem to be pixels when at least half have a corner beyond 2.
    """
    boxes = [(image, thing) for image in images for thing in image.objects if thing.box is not None]
    wrong = [(image, thing) for image, thing in boxes if _seems_other(image, thing)]
    if not wrong or 2 * len(wrong) < len(boxes):
        return list(images), []
    image, first = wrong[0]
    fractions = "fractions of the image"
    unit, other = (fractions, "pixels") if image.fractions else ("in pixels", fractions)
    option = other.split()[0]
    got = "({:.10g}, {:.10g}, {:.10g}, {:.10g})".format(*(first.box or ()))
    verb = "looks" if len(wrong) == 1 else "look"
    rule = (
        f"boxes must be {unit}, but {len(wrong)} of {plural(len(boxes), 'box', 'boxes')} {verb} like {other}"
    )
    rule += f', got {got}; boxes="{option}" (--boxes {option}) reads them so'
    others = [
        replace(image, objects=tuple(thing for thing in image.objects if not _seems_other(image, thing)))
        for image in images
    ]
    return others, [Problem(image.file, rule, first.title)]


def suspicions(images: Sequence[RawImage], reading: Reading) -> Iterator[Problem]:
    """The suspicions about one split: its classes' names, and objects that repeat one another."""
    yield from _about_names([thing.name for image in images for thing in image.objects if thing.name])
    yield from _about_classes(reading.classes)
    for image in reading.images:
        yield from _about_objects(image)


def repeated_images(splits: Mapping[str, Iterable[AnnotatedImage]]) -> Iterator[Problem]:
    """Images with the same content, in one split or in two of which neither should hold the other's.

    Only files of the same size are compared.
    """
    places: dict[Path, dict[str, str]] = defaultdict(dict)  # each file to its names, by split
    for split, images in splits.items():
        for image in images:
            places[image.path].setdefault(split, image.file)
    for paths in _same_content(places):
        where = sorted({(split, file) for path in paths for split, file in places[path].items()})
        pairs = [(a, b) for a, b in combinations(where, 2) if not _may_share(a[0], b[0], a[1] == b[1])]
        if not pairs:
            continue
        (split, file), (other_split, other) = pairs[0]
        if split == other_split:
            rule = f"image has the same content as {other}; remove one of them"
        else:
            rule = f"image of split {split} is in split {other_split}, too ({other}); remove it from one of "
            rule += "them, or measurements look better than they are"
        yield Problem(file, rule, severity="warning")


def _seems_other(image: RawImage, thing: RawObject) -> bool:
    if thing.box is None:
        return False
    return max(thing.box) > 2 if image.fractions else min(thing.box) >= 0 and max(thing.box) <= 1


def _about_names(names: Sequence[str]) -> Iterator[Problem]:
    spaced = Counter(name for name in names if name != name.strip())
    if spaced:
        times = plural(spaced.total(), "object")
        rule = f"{times} have a name with spaces around it, which are ignored, got {short_repr([*spaced])}"
        yield _warning("classes", rule.replace("object have", "object has"))


def _about_classes(classes: Sequence[str]) -> Iterator[Problem]:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[" ".join(name.casefold().split())].append(name)
    for names in alike.values():
        if len(names) > 1:
            rule = f"names differ only by case or spaces: {', '.join(map(repr, names))}; they are learned as "
            yield _warning("classes", rule + f"{len(names)} classes unless they are written alike")
    for name in classes:
        if name.strip().lower() in BACKGROUND_NAMES:
            rule = f"class {name!r} is learned like any object; background needs no class and no boxes"
            yield _warning("classes", rule)


def _about_objects(image: AnnotatedImage) -> Iterator[Problem]:
    times = Counter(zip(image.boxes_xyxy, image.labels, strict=True))
    if repeats := sum(count - 1 for count in times.values()):
        verb = "repeats" if repeats == 1 else "repeat"
        yield _warning(image.file, f"{plural(repeats, 'object')} {verb} the box and the class of another")
    spots = Counter(tuple(round(side, 2) for side in box) for box in set(image.boxes_xyxy))
    if spots and (most := max(spots.values())) >= CROWDED_SPOT:
        yield _warning(image.file, f"{most} boxes lie on one spot; they cannot be told apart")


def _same_content(places: Iterable[Path]) -> Iterator[list[Path]]:
    """The files in groups of the same content; most groups hold one."""
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in places:
        try:
            by_size[path.stat().st_size].append(path)
        except OSError:
            continue  # said elsewhere
    for paths in by_size.values():
        by_content: dict[bytes, list[Path]] = defaultdict(list)
        for path in paths:
            by_content[_digest(path) if len(paths) > 1 else b""].append(path)
        yield from by_content.values()


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").digest()
    except OSError:
        return str(path).encode("utf-8", "surrogatepass")


def _may_share(a: str, b: str, same_file: bool) -> bool:
    """Whether an image may well be in both splits, such as train and trainval."""
    if a == b:
        return same_file
    known = {meaning(a), meaning(b)}
    return None in known or len(known) == 1 or known in ({"train", "trainval"}, {"val", "trainval"})


def _warning(file: str, rule: str) -> Problem:
    severity: Severity = "warning"
    return Problem(file, rule, severity=severity)
