"""The front door for annotated folders: what layout a folder has, which splits, and their datasets."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import get_args

from ssd_lite.data.decoded import Progress
from ssd_lite.data.folder_dataset import FolderDataset, read_split, undecodable
from ssd_lite.data.images import check_max_side
from ssd_lite.data.layouts import LAYOUTS, Layout
from ssd_lite.data.paths import shown, subfolders
from ssd_lite.data.problems import SKIP_ADVICE, DatasetError, Problem, errors
from ssd_lite.data.splits import ALL, HELD_OUT_FIRST, TRAINING, find_split, in_usual_order, preferred
from ssd_lite.data.suspicions import repeated_images
from ssd_lite.data.validation import BoxUnit, Reading, checked_classes, require_valid
from ssd_lite.messages import plural, short_repr

DEEPEST = 3
"""So many levels below the folder that is opened a dataset is looked for."""

_FOLDERS_LOOKED_AT = 200  # on a level


class Folder:
    """An annotated folder whose layout is known; splits are read when they are asked for.

    ``layout`` is the layout's name, ``root`` the folder in which it was found. Problems and datasets of a
    split are read once.
    """

    def __init__(
        self,
        opened: Path,
        layout: str,
        found: Layout,
        *,
        classes: Sequence[str] | None = None,
        skip_invalid: bool = False,
        max_side: int | None = None,
        boxes: BoxUnit | None = None,
        scale_boxes: bool = False,
    ) -> None:
        self.layout, self.root, self.splits = layout, found.root, in_usual_order(found.splits)
        self._opened, self._found, self._given = opened, found, checked_classes(classes)
        self._skip_invalid, self._max_side = skip_invalid, max_side
        self._boxes, self._scale_boxes = boxes, scale_boxes
        self._readings: dict[str, Reading] = {}

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names that were given, or else those of all splits; a background is not among them."""
        return self._found.classes()[0] if self._given is None else self._given

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, repaired or suspicious in any split, without decoding an image."""
        readings = {split: self._reading(split) for split in self.splits}
        found = [problem for reading in readings.values() for problem in reading.problems]
        found += [
            Problem(f"split {split}", "holds no image that can be used", severity="warning")
            for split, reading in readings.items()
            if not reading.images and not errors(reading.problems)
        ]
        found += repeated_images({split: reading.images for split, reading in readings.items()})
        return tuple(dict.fromkeys(found))

    def check(self, progress: Progress | None = None, *, split: str | None = None) -> tuple[Problem, ...]:
        """All problems, or those of a split, and those that show only when images are decoded, each once."""
        splits = self.splits if split is None else (self.split_named(split),)
        images = {image.path: image for name in splits for image in self._reading(name).images}
        problems = self.problems if split is None else self._reading(splits[0]).problems
        return tuple(dict.fromkeys((*problems, *undecodable([*images.values()], progress))))

    def dataset(self, split: str) -> FolderDataset:
        """The images of one split, which may be named by a synonym, such as ``val`` for ``valid``.

        Raises :class:`DatasetError` with every error of the split; with ``skip_invalid`` only where
        nothing valid is left. Raises :class:`DatasetError` for a split that there is not.
        """
        name = self.split_named(split)
        reading = require_valid(self._reading(name), self._title(name), skip_invalid=self._skip_invalid)
        return FolderDataset(reading, max_side=self._max_side)

    def datasets(self, *splits: str) -> list[FolderDataset]:
        """The datasets of several splits. Raises one :class:`DatasetError` with the errors of all of them."""
        datasets: list[FolderDataset] = []
        problems: list[Problem] = []
        for split in splits:
            try:
                datasets.append(self.dataset(split))
            except DatasetError as error:
                problems += error.problems
        if problems:
            raise DatasetError(list(dict.fromkeys(problems)), advice=SKIP_ADVICE)
        return datasets

    def split_named(self, wanted: str) -> str:
        """The folder's own name of a split. Raises :class:`DatasetError` where there is none."""
        name = find_split(wanted, (*self.splits, *self._found.more_splits))
        if name is None:
            rule = f"split must be one of {', '.join(self.splits)}, got {short_repr(wanted)}"
            raise DatasetError([Problem(str(self.root), rule)])
        return name

    def choose_splits(self, train: str | None = None, test: str | None = None) -> tuple[str, str | None]:
        """The splits to train on and to measure on: those that are named, or the usual ones.

        To train: ``trainval`` or ``train``, else the first split. To measure: ``test`` or ``val``, else
        another one, or ``None`` where there is no other.
        """
        names = self.splits
        train = preferred(names, TRAINING) or names[0] if train is None else self.split_named(train)
        if test is not None:
            return train, self.split_named(test)
        others = [name for name in names if name != train]
        return train, preferred(others, HELD_OUT_FIRST) or next(iter(others), None)

    def describe(self) -> str:
        """The layout and the splits in one line."""
        where = "" if self.root == self._opened else f" in {shown(self.root, self._opened)}"
        start = f"{self._found.title}{where}, {self._found.form}"
        counts = [self._found.count(split) for split in self.splits]
        if self.splits == (ALL,):
            return f"{start}: {plural(counts[0], 'image')}, not split"
        parts = [f"{split} ({count:,})" for split, count in zip(self.splits, counts, strict=True)]
        parts[0] = f"{self.splits[0]} ({plural(counts[0], 'image')})"
        return f"{start}: {'splits' if len(parts) > 1 else 'split'} {', '.join(parts)}"

    def __repr__(self) -> str:
        return f"Folder({str(self._opened)!r}: {self.describe()})"

    def _title(self, split: str) -> str:
        return str(self.root) if split == ALL else f"{self.root}, split {split}"

    def _reading(self, split: str) -> Reading:
        if split not in self._readings:
            raw = self._found.read(split, self._given)
            if self._given is None:
                raw = raw._replace(problems=(*raw.problems, *self._found.classes()[1]))
            self._readings[split] = read_split(
                raw, self.classes, boxes=self._boxes, scale_boxes=self._scale_boxes
            )
        return self._readings[split]


def open_folder(
    path: str | PathLike[str],
    *,
    layout: str | None = None,
    classes: Sequence[str] | None = None,
    skip_invalid: bool = False,
    max_side: int | None = None,
    boxes: BoxUnit | None = None,
    scale_boxes: bool = False,
) -> Folder:
    """An annotated folder in any layout that is known: VOC's, COCO's or YOLO's, in their usual forms.

    The layout is recognised by what lies in the folder, or in the only folder below it that holds a
    dataset; ``layout`` (``"voc"``, ``"coco"``, ``"yolo"``) overrides that. ``classes`` are the names that may
    occur, by default all that do. With ``skip_invalid`` objects and images with errors are left out.
    ``max_side`` bounds the images' size as :func:`read_image` does. ``boxes`` says that boxes are in
    ``"pixels"`` or in ``"fractions"`` of the image where that is not the layout's own unit; ``scale_boxes``
    scales the boxes of images that were resized after they were annotated.

    Raises :class:`DatasetError` for a folder that has no such layout, or more than one.
    """
    root = Path(path)
    check_max_side(max_side)
    if boxes is not None and boxes not in get_args(BoxUnit):
        raise ValueError(f"boxes must be pixels or fractions, got {boxes!r}")
    if layout is not None and layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if not root.is_dir():
        rule = "must be a folder, got a file; unpack archives first" if root.exists() else "folder must exist"
        raise DatasetError([Problem(str(root), rule)])
    name, found = _only(root, _found(root, [layout] if layout else list(LAYOUTS)), layout)
    return Folder(
        root,
        name,
        found,
        classes=classes,
        skip_invalid=skip_invalid,
        max_side=max_side,
        boxes=boxes,
        scale_boxes=scale_boxes,
    )


def _found(root: Path, names: Sequence[str]) -> list[tuple[str, Layout]]:
    """The layouts in a folder, or else those in the folders of the first level below it that has any."""
    level = [root]
    for _ in range(DEEPEST + 1):
        tried = ((name, LAYOUTS[name](folder)) for folder in level for name in names)
        found = [(name, layout) for name, layout in tried if layout is not None]
        if found:
            return found
        below = (folder for parent in level for folder in subfolders(parent))
        level = list(islice(below, _FOLDERS_LOOKED_AT))
    return []


def _only(root: Path, found: list[tuple[str, Layout]], wanted: str | None) -> tuple[str, Layout]:
    """The one layout that was found. Raises :class:`DatasetError` unless it is one."""
    if len(found) == 1:
        return found[0]
    if not found:
        raise DatasetError([Problem(str(root), _not_recognised(root, wanted))])
    if len({layout.root for _, layout in found}) == 1:
        kinds = " and ".join(f"{layout.title} ({layout.form})" for _, layout in found)
        names = " or ".join(f"layout={name!r} (--layout {name})" for name, _ in found)
        raise DatasetError([Problem(str(root), f"holds two layouts, {kinds}; say which with {names}")])
    places = ", ".join(dict.fromkeys(shown(layout.root, root) for _, layout in found))
    raise DatasetError([Problem(str(root), f"holds several datasets, open one of them: {places}")])


LOOKED_FOR = {
    "voc": "VOC (XML in Annotations and images in JPEGImages, or XML beside the images)",
    "coco": "COCO (annotations/instances_*.json, _annotations.coco.json, or a JSON file beside images)",
    "yolo": "YOLO (data.yaml, or labels/*.txt and images)",
}


def _not_recognised(root: Path, wanted: str | None) -> str:
    kinds = "; ".join(text for name, text in LOOKED_FOR.items() if wanted in (None, name))
    files: Counter[str] = Counter()
    for path in islice(root.rglob("*"), 10_000):
        if path.is_file():
            files[path.suffix.lower() or "no suffix"] += 1
    got = ", ".join(f"{count} × {suffix}" for suffix, count in files.most_common(6)) or "no files"
    folders = ", ".join(folder.name for folder in subfolders(root)[:8])
    where = f" in folders {folders}" if folders else ""
    return f"must hold a dataset in a layout that is known. Looked for {kinds}; found {got}{where}"
