"""Images in a folder with one annotation file in COCO's JSON."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ssd_lite.data.decoded import Progress
from ssd_lite.data.folder_dataset import FolderDataset, read_split, undecodable
from ssd_lite.data.problems import Problem, errors
from ssd_lite.data.readers.coco_json import raw_split, read_coco
from ssd_lite.data.validation import Reading, checked_classes, require_valid


class COCOFolder(FolderDataset):
    """The images that a COCO annotation file lists, in its order, with their objects.

    ``classes`` are by default the names of the categories, sorted by id. Boxes (x, y, width, height)
    in pixels become relative corners; crowds (``iscrowd``) become difficult objects, which evaluation
    ignores. Sizes, errors, ``skip_invalid`` and ``max_side`` are those of ``VOCFolder``: the same photo on
    its side and the same broken box get the same answer. Messages count the file's images, annotations and
    categories from 1.

    Raises ``DatasetError`` as ``VOCFolder`` does, and when the file is not JSON of COCO's kind.
    """

    def __init__(
        self,
        images_dir: str | PathLike[str],
        annotation_json: str | PathLike[str],
        *,
        classes: Sequence[str] | None = None,
        skip_invalid: bool = False,
        max_side: int | None = None,
    ) -> None:
        reading = _read(Path(images_dir), Path(annotation_json), classes)
        reading = require_valid(reading, Path(annotation_json).name, skip_invalid=skip_invalid)
        super().__init__(reading, max_side=max_side)


def check(
    images_dir: str | PathLike[str],
    annotation_json: str | PathLike[str],
    *,
    classes: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Problem]:
    """Every error of the dataset; each image is decoded, too. Nothing is raised."""
    reading = _read(Path(images_dir), Path(annotation_json), classes)
    return [*errors(reading.problems), *undecodable(reading.images, progress)]


def _read(images_dir: Path, file: Path, classes: Sequence[str] | None) -> Reading:
    given = checked_classes(classes)
    if not images_dir.is_dir():
        return Reading(given or (), (), (Problem(str(images_dir), "folder must exist"),))
    read = read_coco(file, file.name)
    raw = raw_split(read, file.name, images_dir, images_dir)
    if given is None:
        raw = raw._replace(problems=(*raw.problems, *read.class_problems))
    return read_split(raw, given or read.classes)
