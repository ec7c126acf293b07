"""PASCAL VOC itself, and single splits of folders laid out like it."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from torchvision.datasets import VOCDetection

from ssd_lite.data.decoded import Progress
from ssd_lite.data.examples import AnnotatedDataset, Concatenated
from ssd_lite.data.folder import open_folder
from ssd_lite.data.folder_dataset import FolderDataset
from ssd_lite.data.problems import DatasetError, Problem, errors
from ssd_lite.data.validation import Reading

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person",
    "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
"""VOC's own 20 classes, in their alphabetical order."""

YEARS = {"2007": ("2007",), "2012": ("2012",), "07+12": ("2007", "2012")}


class VOCFolder(FolderDataset):
    """The images of one split of a folder in VOC's layout, with their objects.

    The same as ``open_folder(root, layout="voc").dataset(split)``.

    An image belongs to the annotation of the same name, or else is the one that its ``<filename>`` names.
    Coordinates are divided by the image's size as they stand, no 1 subtracted, as in the authors'
    released code: in VOC's own files, which count pixels from 1, a box thus lies up to a pixel low.
    Where ``<size>`` is missing or zero the image's header tells. Where it is that of a photo as
    stored, lying on its side, the boxes are turned upright with the photo.

    ``classes`` are by default the sorted names of all objects in the folder, whatever the split, so
    that training and test agree. ``max_side`` bounds the images' size as ``read_image`` does.

    Raises ``DatasetError`` with every error found in annotations and image headers. With
    ``skip_invalid`` an invalid object is left out, and an image whose annotation or file cannot
    be used; ``problems`` tells which. It still raises when nothing valid is left.
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
        folder = open_folder(
            root, layout="voc", classes=classes, skip_invalid=skip_invalid, max_side=max_side
        )
        read = folder.dataset(split)
        super().__init__(Reading(read.classes, read.images, read.problems), max_side=max_side)


def splits(root: str | PathLike[str]) -> tuple[str, ...]:
    """The names of the folder's splits; ``("all",)`` where it names none.

    Raises ``DatasetError`` when the folder is not laid out like VOC.
    """
    return open_folder(root, layout="voc").splits


def check(
    root: str | PathLike[str],
    split: str | None = None,
    *,
    classes: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Problem]:
    """Every error of one split, or of all; each image is decoded, too. Nothing is raised."""
    problems: list[Problem] = []
    try:
        folder = open_folder(root, layout="voc", classes=classes)
        problems += errors(folder.check(progress, split=split))
        folder.datasets(*(folder.splits if split is None else (split,)))
    except DatasetError as error:
        problems += error.problems
    return list(dict.fromkeys(problems))


def voc(
    root: str | PathLike[str],
    year: str,
    split: str,
    *,
    download: bool = False,
    skip_invalid: bool = False,
    max_side: int | None = None,
) -> AnnotatedDataset:
    """PASCAL VOC of 2007, 2012 or, with year "07+12", both, from ``VOCdevkit/VOC2007`` and so on below root.

    With ``download`` a year that cannot be read is downloaded and unpacked by torchvision first.

    Raises ``DatasetError`` as ``VOCFolder`` does, and what torchvision raises when a download fails.
    """
    if year not in YEARS:
        raise ValueError(f"year must be one of {', '.join(YEARS)}, got {year!r}")

    def read(part: str) -> VOCFolder:
        folder = Path(root, "VOCdevkit", f"VOC{part}")
        return VOCFolder(folder, split, classes=VOC_CLASSES, skip_invalid=skip_invalid, max_side=max_side)

    def downloaded(part: str) -> VOCFolder:
        try:
            return read(part)
        except DatasetError:
            if not download:
                raise
        VOCDetection(str(root), year=part, image_set=split, download=True)
        return read(part)

    folders = [downloaded(part) for part in YEARS[year]]
    return folders[0] if len(folders) == 1 else Concatenated(folders)
