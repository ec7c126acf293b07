"""COCO's layout: one JSON file for each split, and a folder of images for each or for all."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ssd_lite.data.paths import files_in, links_out, shown, subfolders
from ssd_lite.data.problems import Problem
from ssd_lite.data.raw import RawSplit
from ssd_lite.data.readers.coco_json import COCOFile, is_coco, raw_split, read_coco
from ssd_lite.data.splits import ALL, meaning, split_folders

JSON = (".json",)
ROBOFLOW = "_annotations.coco.json"


class Split(NamedTuple):
    """An annotation file, and the folders where its images may lie, the most likely first."""

    file: Path
    images: tuple[Path, ...]


def find(root: Path) -> "COCO | None":
    """The folder, if it is laid out like COCO: JSON beside the images of each split, or in one place."""
    by_folder = {name: _file_in(folder) for name, folder in split_folders(root).items()}
    splits = {
        name: Split(file, (file.parent, file.parent / "images")) for name, file in by_folder.items() if file
    }
    if splits:
        return COCO(root, splits, "JSON beside the images")
    for folder in (*(path for path in subfolders(root) if path.name.lower() == "annotations"), root):
        files = [file for file in sorted(files_in(folder, JSON)) if _is_annotation_file(file)]
        instances = [file for file in files if file.name.startswith("instances_")]
        if files := instances or files:
            names = _split_names(files)
            where = f"JSON in {folder.name}" if folder != root else "JSON beside the images"
            return COCO(root, {n: Split(f, _image_folders(root, n)) for n, f in names.items()}, where)
    return None


class COCO:
    """A folder in COCO's layout."""

    title = "COCO layout"
    more_splits: tuple[str, ...] = ()

    def __init__(self, root: Path, splits: dict[str, Split], form: str) -> None:
        self.root, self.form, self._splits = root, form, splits
        self.splits = tuple(splits)
        self._files: dict[str, COCOFile] = {}

    def classes(self) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
        """The names of the categories by id, those of the first split before what other splits add."""
        names = dict.fromkeys(name for split in self.splits for name in self._file(split).classes)
        problems = [p for split in self.splits for p in self._file(split).class_problems]
        return tuple(names), tuple(problems)

    def count(self, split: str) -> int:
        return len(self._file(split).images)

    def read(self, split: str, classes: Sequence[str] | None = None) -> RawSplit:
        read, (path, folders) = self._file(split), self._splits[split]
        names = [item["file_name"] for item in list(read.images.values())[:5]]
        there = [folder for folder in folders if folder.is_dir()]
        with_images = (folder for folder in there if any(_exists(folder / name) for name in names))
        folder = next(with_images, there[0] if there else self.root)
        return raw_split(read, shown(path, self.root), folder, self.root)

    def _file(self, split: str) -> COCOFile:
        if split not in self._files:
            path = self._splits[split].file
            file = shown(path, self.root)
            if links_out(path, self.root):
                rule = "must lie in the dataset's folder, but is a link that leads out of it"
                self._files[split] = COCOFile({}, {}, (), (Problem(file, rule),))
            else:
                self._files[split] = read_coco(path, file)
        return self._files[split]


def _file_in(folder: Path) -> Path | None:
    """The annotation file right in the folder of a split."""
    files = sorted(files_in(folder, JSON), key=lambda file: (file.name != ROBOFLOW, file.name))
    return next((file for file in files if file.name == ROBOFLOW or is_coco(file)), None)


def _is_annotation_file(file: Path) -> bool:
    # Files of this name are COCO's whatever is in them, so that what is wrong in them is said.
    return file.name.startswith("instances_") or file.name.endswith(ROBOFLOW) or is_coco(file)


def _split_names(files: list[Path]) -> dict[str, Path]:
    """The files by the name of their split: "val2017" of ``instances_val2017.json``."""
    names = {
        re.sub(r"^_?(instances|annotations)_|[._]?(annotations|coco)\b", "", file.stem): file
        for file in files
    }
    if len(names) < len(files):
        names = {file.stem: file for file in files}
    only = next(iter(names))
    return {ALL: files[0]} if len(files) == 1 and not meaning(only) else names


def _image_folders(root: Path, split: str) -> tuple[Path, ...]:
    return (root / split, root / "images" / split, root / "images", root / "JPEGImages", root)


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
