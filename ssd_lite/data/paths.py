"""Files of a dataset's folder: which are images, and which paths would lead out of it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".jp2", ".avif", ".jfif", ".jpe"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".dib", ".mpo", ".ico", ".pcx", ".sgi", ".qoi", ".dds", ".psd"),
)
"""Suffixes of image files, in any case; where several files fit one annotation the first of these wins."""


def leads_out(name: str) -> bool:
    """Whether a relative name, with any system's separators, is absolute, climbs, or names nothing."""
    path = PureWindowsPath(name)
    return bool(path.anchor) or ".." in path.parts or "\0" in name or not path.parts


def links_out(path: Path, *folders: Path) -> bool:
    """Whether a path leads through links to a place in none of the folders; the folders may be links."""
    place = os.path.realpath(path)
    return not any(place.startswith(os.path.join(os.path.realpath(f), "")) for f in folders)  # noqa: PTH118


def files_in(folder: Path, suffixes: Sequence[str], *, deep: bool = False) -> Iterator[Path]:
    """The files of a folder with one of the suffixes; with ``deep`` those of its subfolders, too.

    Hidden files are left out: archives made on a Mac hold ``._a.xml`` beside ``a.xml``.
    """
    for file in folder.rglob("*") if deep else folder.glob("*"):
        if file.suffix.lower() in suffixes and not file.name.startswith("."):
            yield file


def index(folder: Path, suffixes: Sequence[str], *, deep: bool = True) -> dict[str, Path]:
    """The files of a folder by relative path without suffix. Only these are read, so no name leads out."""
    files = files_in(folder, suffixes, deep=deep)
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: (suffixes.index(file.suffix.lower()), str(file))):
        found.setdefault(file.relative_to(folder).with_suffix("").as_posix(), file)
    return found


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, without links, hidden ones and what archives made on a Mac add."""
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.is_dir() and not path.is_symlink() and not path.name.startswith((".", "__MACOSX"))
        )
    except OSError:
        return []


def named(folder: Path, names: Sequence[str]) -> Path | None:
    """The subfolder with the first of the names that there is, in any case; it may be a link."""
    try:
        found = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    except OSError:
        return None
    return next((found[name] for name in names if name in found), None)


def shown(path: Path, root: Path) -> str:
    """What messages call a file: its path relative to the dataset's folder."""
    if path == root:
        return path.name
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
