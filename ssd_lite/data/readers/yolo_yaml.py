"""What the YAML file of a YOLO dataset states: the names of the classes, and where the splits lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ssd_lite.data.paths import files_in, leads_out, links_out
from ssd_lite.data.problems import Problem
from ssd_lite.data.splits import meaning
from ssd_lite.messages import short_repr

SUFFIXES = (".yaml", ".yml")

NAME_FILES = ("classes.txt", "obj.names", "names.txt")
"""Files with one name a line, for datasets without a YAML file."""

MAX_BYTES = 1_000_000
"""Larger files are not read: a YAML file of YOLO's has some hundred lines."""


class Stated(NamedTuple):
    """The content of a YAML file, or why it cannot be read; ``file`` is empty where there is none."""

    file: str
    content: dict[str, Any]
    error: str = ""


def read_yaml(root: Path) -> Stated:
    """The first YAML file in a folder that names classes, or else what is wrong with the first one."""
    read = [_read(path, root) for path in sorted(files_in(root, SUFFIXES))]
    return next((stated for stated in read if "names" in stated.content), read[0] if read else Stated("", {}))


def class_names(root: Path, stated: Stated) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The names of the classes in the order of their numbers, and what is wrong with them."""
    names, file = stated.content.get("names"), stated.file
    if isinstance(names, dict):
        names = [names.get(number) for number in range(len(names))]
    if names is None:
        file, names = _listed_names(root)
    if not names:
        rule = (
            "names of the classes must stand in data.yaml or classes.txt, or be given: classes= (--classes)"
        )
        return (), (Problem(stated.file or str(root), stated.error or rule),)
    if not isinstance(names, list) or not all(isinstance(name, str | int | float) for name in names):
        rule = f"names must be a list of names, or give one for each number from 0, got {short_repr(names)}"
        return (), (Problem(file, rule),)
    plain = [str(name).strip() for name in names]
    if wrong := [name for name in plain if plain.count(name) > 1 or not name]:
        return (), (Problem(file, f"names must differ and not be empty, got {short_repr(wrong[0])}"),)
    return tuple(plain), ()


def stated_places(root: Path, stated: Stated) -> dict[str, tuple[Path, ...]]:
    """The folders or lists of images that the file states for each split, as far as they are there."""
    splits = {}
    for key, value in stated.content.items():
        if not isinstance(key, str) or meaning(key) is None:
            continue
        places = value if isinstance(value, list) else [value]
        base = stated.content.get("path")
        found = [place_in(root, place, base) for place in places if isinstance(place, str)]
        if paths := tuple(path for path in found if path is not None):
            splits[key] = paths
    return splits


def place_in(root: Path, place: str, base: object = None) -> Path | None:
    """The file or folder that a path means in the dataset's folder, or ``None``.

    Paths of such files are often those of another machine or begin with ``../`` for no reason: what counts
    is that a path with fewer of its first parts leads to something in the folder.
    """
    parts = [part for part in place.replace("\\", "/").split("/") if part not in ("", ".")]
    while parts and parts[0] == "..":
        parts = parts[1:]
    below = str(base).replace("\\", "/").rstrip("/").rpartition("/")[2] if isinstance(base, str) else ""
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    for name in [f"{below}/{ends[0]}" if below and ends else "", *ends]:
        if name and not leads_out(name) and _exists(root / name):
            return None if links_out(root / name, root) else root / name
    return None


def _read(path: Path, root: Path) -> Stated:
    try:
        if path.stat().st_size > MAX_BYTES or links_out(path, root):
            return Stated(
                path.name, {}, f"must be a file of at most {MAX_BYTES:,} bytes in the dataset's folder"
            )
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        return Stated(path.name, {}, f"must be YAML: {' '.join(str(error).split())}")
    if content is None:
        return Stated(path.name, {})
    if not isinstance(content, dict):
        return Stated(path.name, {}, f"must be a mapping with the key names, got {short_repr(content)}")
    return Stated(path.name, content)


def _listed_names(root: Path) -> tuple[str, Sequence[str]]:
    for name in NAME_FILES:
        path = root / name
        try:
            if path.is_file() and not links_out(path, root):
                lines = path.read_text(encoding="utf-8-sig").splitlines()
                return name, [line.strip() for line in lines if line.strip()]
        except (OSError, ValueError):
            continue
    return "", []


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
