"""YOLO's layout: a text file of labels for each image, and names of classes in a YAML file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ssd_lite.data.paths import IMAGE_SUFFIXES, files_in, links_out, shown, subfolders
from ssd_lite.data.problems import Problem
from ssd_lite.data.raw import RawImage, RawSplit
from ssd_lite.data.readers.yolo_txt import are_labels, read_labels
from ssd_lite.data.readers.yolo_yaml import (
    NAME_FILES,
    Stated,
    class_names,
    place_in,
    read_yaml,
    stated_places,
)
from ssd_lite.data.splits import ALL, meaning, split_folders

Places = tuple[Path, ...]
"""The folders of a split's images, or files that list them."""

_LOOKED_AT = 50  # text files, until one that holds labels is found


def find(root: Path) -> "YOLO | None":
    """The folder, if it is laid out like YOLO: names in a YAML file, or text files of labels, and images."""
    stated = read_yaml(root)
    if "names" not in stated.content and not _has_labels(root):
        return None
    splits = stated_places(root, stated)
    known = {place for places in splits.values() for place in places}
    found = _found_splits(root)
    if not splits or ALL not in found:  # folders of images that the YAML file does not state
        splits = {name: places for name, places in found.items() if known.isdisjoint(places)} | splits
    return YOLO(root, splits, stated) if splits else None


class YOLO:
    """A folder in YOLO's layout."""

    title = "YOLO layout"
    more_splits: tuple[str, ...] = ()

    def __init__(self, root: Path, splits: dict[str, Places], stated: Stated) -> None:
        self.root, self._splits, self._stated = root, splits, stated
        self.splits = tuple(splits)
        self.form = f"names in {stated.file}" if stated.content else "labels in text files"

    def classes(self) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
        """The names in the order of their numbers, from the YAML file or from ``classes.txt``."""
        return class_names(self.root, self._stated)

    def count(self, split: str) -> int:
        return len(list(self._images(split)))

    def read(self, split: str, classes: Sequence[str] | None = None) -> RawSplit:
        known, problems = (tuple(classes), ()) if classes else self.classes()
        read = [self._image(path, folder, known) for path, folder in self._images(split)] if known else []
        images = tuple(image for image in read if isinstance(image, RawImage))
        wrong = [problem for problem in read if isinstance(problem, Problem)]
        if images and all(image.file == image.image_file for image in images):
            first = images[0].path or self.root
            rule = f"no image has a label file, the first at {shown(self._label(first), self.root)}"
            wrong.append(Problem(f"split {split}", rule, severity="warning"))
        return RawSplit(images, (*problems, *wrong))

    def _images(self, split: str) -> Iterator[tuple[Path, Path]]:
        """The images of a split, each with the folder that its name is relative to."""
        for place in self._splits[split]:
            if place.is_dir():
                yield from ((path, place) for path in sorted(files_in(place, IMAGE_SUFFIXES, deep=True)))
            else:
                yield from ((path, self.root) for path in _listed(place, self.root))

    def _image(self, path: Path, folder: Path, classes: Sequence[str]) -> RawImage | Problem:
        label = self._label(path)
        image_file, label_file = shown(path, self.root), shown(label, self.root)
        for file, name in ((path, image_file), (label, label_file)):
            if links_out(file, self.root):
                rule = "must lie in the dataset's folder, but is a link that leads out of it"
                return Problem(name, rule)
        if not label.is_file():  # an image without objects
            return RawImage(shown(path, folder), image_file, path, image_file, None, (), fractions=True)
        objects = read_labels(label, label_file, classes)
        if isinstance(objects, Problem):
            return objects
        return RawImage(shown(path, folder), label_file, path, image_file, None, objects, fractions=True)

    def _label(self, image: Path) -> Path:
        """The label file of an image: in ``labels`` for one in ``images``, else beside it, as Ultralytics."""
        parts = list(image.relative_to(self.root).parts)
        folders = [place for place, part in enumerate(parts[:-1]) if part == "images"]
        if folders:
            parts[folders[-1]] = "labels"
        return self.root.joinpath(*parts).with_suffix(".txt")


def _found_splits(root: Path) -> dict[str, Places]:
    """Splits by folders, ``images/train``, ``train/images`` or ``train``, by lists, or all images in one."""
    nested = {folder.name: folder for folder in subfolders(root / "images")}
    by_split = split_folders(root)
    inner = {name: folder / "images" for name, folder in by_split.items()}
    lists = {path.stem: path for path in files_in(root, (".txt",)) if meaning(path.stem)}
    for splits in (nested, inner, by_split, lists, {ALL: root / "images"}, {ALL: root}):
        there: dict[str, Places] = {
            name: (place,) for name, place in splits.items() if _has_images(place, root)
        }
        if there:
            return there
    return {}


def _has_images(place: Path, root: Path) -> bool:
    if place.is_file():
        return bool(_listed(place, root))
    return place.is_dir() and next(files_in(place, IMAGE_SUFFIXES, deep=True), None) is not None


def _has_labels(root: Path) -> bool:
    """Whether there are text files of labels where YOLO's are."""
    folders = [root / "labels", *subfolders(root / "labels")]
    folders += [place for folder in split_folders(root).values() for place in (folder / "labels", folder)]
    if any((root / name).is_file() for name in NAME_FILES):
        folders += [root, *subfolders(root)]
    return any(_holds_labels(folder) for folder in folders)


def _holds_labels(folder: Path) -> bool:
    files = (path for path in files_in(folder, (".txt",)) if path.name not in NAME_FILES)
    return any(are_labels(path) for _, path in zip(range(_LOOKED_AT), files, strict=False))


def _listed(path: Path, root: Path) -> list[Path]:
    """The images that a text file lists, as far as they lie in the dataset's folder."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return []
    places = (place_in(root, line.strip()) for line in lines if line.strip())
    return [place for place in places if place is not None and place.is_file()]
