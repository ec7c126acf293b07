"""What annotation files state, before it is validated."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ssd_lite.data.images import Box
from ssd_lite.data.problems import Problem


@dataclass(frozen=True)
class RawObject:
    """One object as a file states it: its name as written, and its box by corners.

    ``errors`` holds the rules broken by what could not be read, ``repairs`` what was understood although it
    is not written as it should be.
    """

    title: str
    name: str | None
    box: Box | None
    difficult: bool = False
    crowd: bool = False
    errors: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawImage:
    """One image as a file states it.

    ``path`` is ``None`` where no image was found, ``size_px`` (width, height) where the file states none.
    ``fractions`` says that boxes are fractions of the image, not pixels. ``problems`` holds what
    concerns the image as a whole; an error among them keeps it from being used.
    """

    name: str
    file: str
    path: Path | None
    image_file: str
    size_px: tuple[float, float] | None
    objects: tuple[RawObject, ...]
    fractions: bool = False
    problems: tuple[Problem, ...] = ()


class RawSplit(NamedTuple):
    """The images of one split, and the problems of what gave no image."""

    images: tuple[RawImage, ...]
    problems: tuple[Problem, ...] = ()


def title(kind: str, place: int, name: str | None) -> str:
    """What messages call an object: "object 2 (king)"; the place counts from 1."""
    return f"{kind} {place} ({' '.join(name.split())[:40]})" if name and name.strip() else f"{kind} {place}"
