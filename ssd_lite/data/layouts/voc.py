"""PASCAL VOC's layout: an XML file for each image, in a folder of its own or beside the image."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ssd_lite.data.paths import IMAGE_SUFFIXES, files_in, index, leads_out, links_out, named, shown
from ssd_lite.data.problems import Problem
from ssd_lite.data.raw import RawImage, RawSplit
from ssd_lite.data.readers.split_lists import Listed, read_split_list
from ssd_lite.data.readers.voc_xml import Annotation, read_annotation
from ssd_lite.data.splits import ALL, split_folders
from ssd_lite.messages import plural, short_repr

ANNOTATIONS, IMAGES = ("annotations", "xml", "xmls"), ("jpegimages", "images", "imgs")
"""Names of the folders, in any case."""

XML = (".xml",)
_ROOT_TAG = re.compile(rb"<(\w+:)?annotation[\s>]", re.IGNORECASE)


class Split(NamedTuple):
    """Where annotations and images lie, perhaps in the same folder, and the file that lists the images."""

    annotations: Path
    images: Path
    listed_in: Path | None = None


def find(root: Path) -> "VOC | None":
    """The folder, if it is laid out like PASCAL VOC: as a whole, or each of its splits for itself."""
    if whole := _split_in(root):
        lists = _split_files(root)
        splits = {name: whole._replace(listed_in=path) for name, path in lists.items()} or {ALL: whole}
    else:
        parts = {name: _split_in(folder) for name, folder in split_folders(root).items()}
        splits = {name: part for name, part in parts.items() if part is not None}
    return VOC(root, splits) if splits else None


class VOC:
    """A folder in VOC's layout: splits by lists in ``ImageSets/Main``, by subfolders, or one split of all."""

    title = "VOC layout"

    def __init__(self, root: Path, splits: dict[str, Split]) -> None:
        self.root, self._splits = root, splits
        # Lists of one class ("cat_train") beside the whole ("train") are read on request, but not shown.
        self.more_splits = tuple(name for name in splits if name.rpartition("_")[2] in [*splits, "trainval"])
        self.more_splits = tuple(name for name in self.more_splits if "_" in name and len(splits) > 3)
        self.splits = tuple(name for name in splits if name not in self.more_splits)
        first = splits[self.splits[0]]
        self.form = f"XML in {first.annotations.name}, images in {first.images.name}"
        if first.annotations == first.images:
            self.form = "XML beside the images"
        self._xml: dict[Path, dict[str, Path]] = {}
        self._read: dict[Path, Annotation | Problem] = {}

    def classes(self) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
        """The names of all objects, sorted, whatever the split."""
        folders = dict.fromkeys(split.annotations for split in self._splits.values())
        read = [self._annotation(file, folder) for folder in folders for file in self._index(folder).values()]
        annotations = [annotation for annotation in read if isinstance(annotation, Annotation)]
        names = {(thing.name or "").strip() for annotation in annotations for thing in annotation.objects}
        rule = "must name an object, since no classes are given"
        problem = Problem(shown(next(iter(folders)), self.root), rule)
        return tuple(sorted(names - {""})), () if names - {""} else (problem,)

    def count(self, split: str) -> int:
        return len(self._listed(self._splits[split]).names)

    def read(self, split: str, classes: Sequence[str] | None = None) -> RawSplit:
        part = self._splits[split]
        listed, files = self._listed(part), self._index(part.annotations)
        if not part.images.is_dir():
            rule = f"folder must exist in {self.root}"
            return RawSplit((), (*listed.problems, Problem(part.images.name, rule)))
        images = index(part.images, IMAGE_SUFFIXES, deep=part.images != part.annotations)
        found, problems = [], list(listed.problems)
        for name in listed.names:
            file = shown(part.annotations / f"{name}.xml", self.root)
            annotation = self._annotation(files[name], part.annotations) if name in files else None
            if isinstance(annotation, Annotation):
                found.append(_image(name, file, annotation, part, images, self.root))
            else:
                problems.append(annotation or self._missing(name, file, part))
        if part.listed_in is None:
            problems += self._unused({image.path for image in found}, files, images)
        return RawSplit(tuple(found), tuple(problems))

    def _index(self, folder: Path) -> dict[str, Path]:
        if folder not in self._xml:
            flat = any(split.images == folder for split in self._splits.values())
            self._xml[folder] = index(folder, XML, deep=not flat)
        return self._xml[folder]

    def _listed(self, part: Split) -> Listed:
        """The images of a split, and what is wrong with its list."""
        if part.listed_in is None:
            return Listed(tuple(sorted(self._index(part.annotations))), ())
        file = shown(part.listed_in, self.root)
        if links_out(part.listed_in, self.root, self.root / "ImageSets" / "Main"):
            rule = "must not be a link that leads out of the dataset's folder"
            return Listed((), (Problem(file, rule),))
        return read_split_list(part.listed_in, file, self._index(part.annotations))

    def _annotation(self, path: Path, folder: Path) -> Annotation | Problem:
        if path not in self._read:
            file = shown(path, self.root)
            rule = "must lie in the dataset's folder, but is a link that leads out of it"
            out = path.is_symlink() and links_out(path, self.root, folder)
            self._read[path] = Problem(file, rule) if out else read_annotation(path, file)
        return self._read[path]

    def _missing(self, name: str, file: str, part: Split) -> Problem:
        list_file = shown(part.listed_in or part.annotations, self.root)
        if leads_out(name):
            rule = f"id must stay inside {part.annotations.name}, got {short_repr(name)}"
            return Problem(list_file, rule)
        return Problem(file, f"file must exist, {list_file} lists it")

    def _unused(
        self, used: set[Path | None], files: dict[str, Path], images: dict[str, Path]
    ) -> list[Problem]:
        """A warning about the images that no annotation belongs to."""
        unused = [path for name, path in images.items() if path not in used and name not in files]
        if not unused:
            return []
        rule = f"{plural(len(unused), 'image')} without annotation left out, the first {unused[0].name!r}; "
        rule += "an image that shows no object needs an annotation without objects"
        return [Problem(shown(unused[0].parent, self.root), rule, severity="warning")]


def _split_in(folder: Path) -> Split | None:
    """Annotations and images right in a folder, or in two folders of it, if there are any."""
    annotations, images = named(folder, ANNOTATIONS), named(folder, IMAGES)
    if annotations and (next(files_in(annotations, XML, deep=True), None) or _is_vocs_own(annotations)):
        return Split(annotations, images or _folder_of_images(folder, annotations))
    xml = {path.stem: path for path in files_in(folder, XML)} if folder.is_dir() else {}
    if not xml:
        return None
    beside = any(path.stem in xml for path in files_in(folder, IMAGE_SUFFIXES))
    if beside or any(_is_annotation(path) for path in list(xml.values())[:20]):
        return Split(folder, folder)
    return None


def _is_vocs_own(annotations: Path) -> bool:
    return annotations.name == "Annotations" and named(annotations.parent, ("jpegimages",)) is not None


def _folder_of_images(folder: Path, annotations: Path) -> Path:
    """Where images lie that have no folder of a usual name; else where they are expected."""
    for place in (annotations, folder):
        if next(files_in(place, IMAGE_SUFFIXES), None):
            return place
    return folder / "JPEGImages"


def _is_annotation(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return bool(_ROOT_TAG.search(file.read(4096).replace(b"\0", b"")))
    except OSError:
        return False


def _split_files(root: Path) -> dict[str, Path]:
    """The files in ``ImageSets/Main`` by the name of their split, sorted."""
    files = sorted((root / "ImageSets" / "Main").glob("*.txt"))
    return {file.stem: file for file in files if not file.name.startswith(".")}


def _image(
    name: str, file: str, annotation: Annotation, part: Split, images: dict[str, Path], root: Path
) -> RawImage:
    """An image with its annotation: that of the same name, or else the one that ``<filename>`` names."""
    wrong, filename = list(annotation.errors), annotation.filename
    stem = filename.rpartition(".")[0] if filename.lower().endswith(IMAGE_SUFFIXES) else filename
    image, folder = images.get(name) or images.get(stem), part.images.name
    if image is None and filename and leads_out(filename):
        wrong.append(f"filename must stay inside {folder}, got {short_repr(filename)}")
    elif image is None:
        names = " or ".join(dict.fromkeys(short_repr(stem) for stem in (name, stem) if stem))
        wrong.append(
            f"{folder} must hold its image, {names} with the suffix of an image such as .jpg or .png"
        )
    elif image.is_symlink() and links_out(image, root, part.images):
        wrong.append("its image must lie in the dataset's folder, but is a link that leads out of it")
    return RawImage(
        name,
        file,
        image,
        shown(image, root) if image else "",
        annotation.size_px,
        annotation.objects,
        problems=tuple(Problem(file, rule) for rule in wrong),
    )
