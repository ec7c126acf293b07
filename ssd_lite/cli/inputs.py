"""The images and videos that ``ssd-lite detect`` is given: files, folders and patterns."""

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from PIL import Image

from ssd_lite.data.images import FORMATS
from ssd_lite.messages import plural

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ogv")
ANIMATED_SUFFIXES = (".gif", ".png", ".apng", ".webp", ".avif", ".tif", ".tiff")
SUBFOLDER = "subfolder"


@dataclass
class Inputs:
    """The files to look at, each once, and the number of others by kind: a suffix, or ``SUBFOLDER``."""

    images: list[Path] = field(default_factory=list)
    videos: list[Path] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def add(self, path: Path) -> None:
        """Add a file, unless it is there already."""
        files = self.videos if path.suffix.lower() in VIDEO_SUFFIXES else self.images
        if path not in files:
            files.append(path)

    def describe_passed_over(self) -> str:
        """What was passed over: "2 subfolders (--recursive enters them), 3 × .txt"; empty if nothing."""
        parts = []
        if folders := self.passed_over[SUBFOLDER]:
            parts.append(f"{plural(folders, SUBFOLDER)} (--recursive enters them)")
        others = sorted((kind, count) for kind, count in self.passed_over.items() if kind != SUBFOLDER)
        return ", ".join(parts + [f"{count} × {kind or 'no suffix'}" for kind, count in others])


def find_inputs(given: Sequence[Path], *, recursive: bool) -> Inputs:
    """The images and videos among files, in folders, and behind patterns such as ``photos/*.jpg``.

    A file that is named is taken whatever its suffix. In folders and behind patterns only suffixes of
    images and videos count, and hidden files do not. Raises ``ValueError`` for what does not exist, and for
    a folder or a pattern behind which there is no image or video.
    """
    inputs = Inputs()
    for path in given:
        if path.is_dir():
            _add_all(inputs, path, list(_in_folder(path, inputs, recursive)))
        elif path.exists():
            inputs.add(path)
        elif glob.has_magic(str(path)):
            _add_all(inputs, path, list(_matches(path, inputs, recursive)))
        else:
            raise ValueError(f"{path}: no such file or folder")
    return inputs


def is_animation(path: Path) -> bool:
    """Whether the file holds several frames, of which only the first is read."""
    if path.suffix.lower() not in ANIMATED_SUFFIXES:
        return False
    with Image.open(path) as image:
        return getattr(image, "n_frames", 1) > 1


@cache
def image_suffixes() -> frozenset[str]:
    """The suffixes of all formats that can be read here, in lower case."""
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS)


def _add_all(inputs: Inputs, where: Path, files: list[Path]) -> None:
    if not files:
        passed_over = inputs.describe_passed_over()
        found = f"; passed over {passed_over}" if passed_over else ""
        raise ValueError(f"{where}: holds no image or video{found}")
    for path in files:
        inputs.add(path)


def _in_folder(folder: Path, inputs: Inputs, recursive: bool) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and recursive:
            yield from _in_folder(path, inputs, recursive)
        elif path.is_dir():
            inputs.passed_over[SUBFOLDER] += 1
        elif _is_known(path):
            yield path
        else:
            inputs.passed_over[path.suffix.lower()] += 1


def _matches(pattern: Path, inputs: Inputs, recursive: bool) -> Iterator[Path]:
    found = glob.glob(str(pattern), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    for path in map(Path, sorted(found)):
        if path.is_dir() and recursive:
            yield from _in_folder(path, inputs, recursive)
        elif path.is_dir():
            inputs.passed_over[SUBFOLDER] += 1
        elif _is_known(path):
            yield path
        else:
            inputs.passed_over[path.suffix.lower()] += 1


def _is_known(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES or path.suffix.lower() in image_suffixes()
