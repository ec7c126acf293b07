"""Folders laid out like PASCAL VOC: ``JPEGImages``, ``Annotations``, ``ImageSets/Main``."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

from torchvision.datasets import VOCDetection

from ssd_lite.data.annotations import (
    Entry,
    Progress,
    Reading,
    checked,
    checked_classes,
    decoding_faults,
    leads_out,
    links_out,
    settle,
)
from ssd_lite.data.examples import AnnotatedDataset, Concatenated, DatasetError, Example, Problem
from ssd_lite.data.images import check_max_side
from ssd_lite.data.voc_files import (
    ALL,
    Annotation,
    index,
    missing_parts,
    read_annotation,
    read_split,
    split_files,
)
from ssd_lite.messages import short_repr
from ssd_lite.truths import Truth

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person",
    "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
"""VOC's own 20 classes, in their alphabetical order."""

YEARS = {"2007": ("2007",), "2012": ("2012",), "07+12": ("2007", "2012")}

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""Of an image's file, in any case; where several fit one annotation the first of these is taken."""


class VOCFolder:
    """The images of one split of a folder laid out like PASCAL VOC, with their objects.

    An image belongs to the annotation of the same name, or else is the one its ``<filename>`` names.
    Coordinates are divided by the image's size as they stand, no 1 subtracted, as in the authors'
    released code: in VOC's own files, which count pixels from 1, a box thus lies up to a pixel low.
    Where ``<size>`` is missing or zero the image's header tells. Where it is that of a photo as
    stored, lying on its side, the boxes are turned upright with the photo.

    ``classes`` are by default the sorted names of all objects in the folder, whatever the split, so
    that training and test agree. ``max_side`` bounds the images' size as ``read_image`` does.

    Raises ``DatasetError`` with every fault found in annotations and image headers. With
    ``skip_invalid`` an object with a fault is left out, and an image whose annotation or file cannot
    be used; ``faults`` tells which. It still raises when nothing sound is left.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        split: str,
        *,
        classes: Sequence[str] | None = None,
        skip_invalid: bool = False,
        max_side: int | None = None,
    ) -> None:
        check_max_side(max_side)
        reading = settle(_read(Path(root), [split], classes), str(root), skip_invalid=skip_invalid)
        self.classes, self._images, self.problems = reading
        self.names = tuple(image.name for image in self._images)
        self._max_side = max_side

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Example:
        """One example. Raises ``DatasetError`` when its image cannot be decoded."""
        return self._images[index].example(self._max_side)

    def truth(self, index: int) -> Truth:
        """The objects of one image, which is not decoded."""
        return self._images[index].truth()

    def image_path(self, index: int) -> Path:
        """Where one image lies."""
        return self._images[index].path


def splits(root: str | PathLike[str]) -> tuple[str, ...]:
    """The names of the folder's splits, sorted; ``("all",)`` where it lists none.

    Raises ``DatasetError`` when the folder or one of its parts is missing.
    """
    if problems := missing_parts(Path(root)):
        raise DatasetError(problems)
    return tuple(split_files(Path(root))) or (ALL,)


def check(
    root: str | PathLike[str],
    split: str | None = None,
    *,
    classes: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Problem]:
    """Every fault of one split, or of all; each image is decoded too. No fault is raised."""
    reading = _read(Path(root), None if split is None else [split], classes)
    return [*reading.problems, *decoding_faults(reading, progress)]


def voc(
    root: str | PathLike[str],
    year: str,
    split: str,
    *,
    download: bool = False,
    skip_invalid: bool = False,
    max_side: int | None = None,
) -> AnnotatedDataset:
    """PASCAL VOC of 2007, 2012 or, with year "07+12", both: ``VOCdevkit/VOC2007`` and so on below root.

    With ``download`` a year that cannot be read is fetched and unpacked by torchvision first.

    Raises ``DatasetError`` as ``VOCFolder`` does, and what torchvision raises when a download fails.
    """
    if year not in YEARS:
        raise ValueError(f"year must be one of {', '.join(YEARS)}, got {year!r}")

    def read(part: str) -> VOCFolder:
        folder = Path(root, "VOCdevkit", f"VOC{part}")
        return VOCFolder(folder, split, classes=VOC_CLASSES, skip_invalid=skip_invalid, max_side=max_side)

    def fetched(part: str) -> VOCFolder:
        try:
            return read(part)
        except DatasetError:
            if not download:
                raise
        VOCDetection(str(root), year=part, image_set=split, download=True)
        return read(part)

    folders = [fetched(part) for part in YEARS[year]]
    return folders[0] if len(folders) == 1 else Concatenated(folders)


def _read(root: Path, wanted: Sequence[str] | None, classes: Sequence[str] | None) -> Reading:
    """The images and faults of the wanted splits, or of all; an image in several is read once."""
    classes = checked_classes(classes)
    if problems := missing_parts(root):
        return Reading(classes or (), (), tuple(problems))
    files = index(root / "Annotations", (".xml",))
    listed: dict[str, str] = {}  # images in order, to the file that lists them
    for split in splits(root) if wanted is None else wanted:
        names, list_file, wrong = read_split(root, split, files)
        listed.update((name, list_file) for name in names if name not in listed)
        problems.extend(wrong)
    stated = {
        name: read_annotation(files[name], f"Annotations/{name}.xml", root)
        for name in files
        if classes is None or name in listed
    }
    if classes is None:
        classes, wrong = _classes(stated.values())
        problems.extend(wrong)
    entries, wrong = _entries(root, listed, stated)
    return checked(entries, classes, problems + wrong)


def _classes(stated: Iterable[Annotation | Problem]) -> tuple[tuple[str, ...], list[Problem]]:
    """The names of all objects, sorted; without any name there is a fault."""
    annotations = [annotation for annotation in stated if isinstance(annotation, Annotation)]
    names = {marked.name for annotation in annotations for marked in annotation.objects if marked.name}
    problems = [] if names else [Problem("Annotations", "must name an object, since no classes are given")]
    return tuple(sorted(names)), problems


def _entries(
    root: Path, listed: Mapping[str, str], stated: Mapping[str, Annotation | Problem]
) -> tuple[list[Entry], list[Problem]]:
    """The listed images with what their annotations state, and the faults of those that have none."""
    images, entries, problems = index(root / "JPEGImages", SUFFIXES), [], []
    for name, list_file in listed.items():
        annotation = stated.get(name)
        if isinstance(annotation, Annotation):
            entries.append(_entry(root, name, annotation, images))
        elif isinstance(annotation, Problem):
            problems.append(annotation)
        elif leads_out(name):
            problems.append(Problem(list_file, f"id must stay inside Annotations, got {short_repr(name)}"))
        else:
            problems.append(Problem(f"Annotations/{name}.xml", f"file must exist, {list_file} lists it"))
    return entries, problems


def _entry(root: Path, name: str, annotation: Annotation, images: Mapping[str, Path]) -> Entry:
    file, broken, filename = f"Annotations/{name}.xml", list(annotation.broken), annotation.filename
    stem = filename.rpartition(".")[0] if filename.lower().endswith(SUFFIXES) else filename
    image = images.get(name) or images.get(stem)
    if image is None and filename and leads_out(filename):
        broken.append(f"filename must stay inside JPEGImages, got {short_repr(filename)}")
    elif image is None:
        broken.append(
            f"JPEGImages must hold its image, {short_repr(name)} or {short_repr(stem)} with {SUFFIXES}"
        )
    elif image.is_symlink() and links_out(image, root, root / "JPEGImages"):
        broken.append("its image must lie in the dataset's folder, but is a link that leads out of it")
    return Entry(
        name,
        file,
        image,
        image.relative_to(root).as_posix() if image else "",
        annotation.size_px,
        annotation.objects,
        tuple(Problem(file, rule) for rule in broken),
    )
