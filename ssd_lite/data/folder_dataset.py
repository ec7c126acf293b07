"""The images of one split of an annotated folder, whatever its layout."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ssd_lite.data.decoded import Progress
from ssd_lite.data.examples import Example
from ssd_lite.data.images import ImageError, Size, bounded, check_max_side, read_image
from ssd_lite.data.problems import DatasetError, Problem
from ssd_lite.data.raw import RawSplit
from ssd_lite.data.suspicions import suspicions, unit_mistaken
from ssd_lite.data.validation import AnnotatedImage, BoxUnit, Reading, validate
from ssd_lite.messages import plural
from ssd_lite.truths import Truth


class FolderDataset:
    """Images on disk with their objects, decoded when they are asked for.

    Crowds (COCO's ``iscrowd``) are objects that evaluation ignores, as it does difficult ones; with
    ``crowds=False`` they are left out, as they are for training in torchvision's reference.
    ``max_side`` bounds the images' size as :func:`read_image` does. ``problems`` holds all that was
    found when the files were read, the severities mixed.
    """

    def __init__(self, reading: Reading, *, crowds: bool = True, max_side: int | None = None) -> None:
        check_max_side(max_side)
        self.classes, self.images, self.problems = reading
        self.names = tuple(image.name for image in self.images)
        self._crowds, self._max_side = crowds, max_side

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Example:
        """One example. Raises ``DatasetError`` when its image cannot be decoded."""
        image = self.images[index]
        try:
            return Example(read_image(image.path, max_side=self._max_side), self.truth(index), image.name)
        except ImageError as error:
            raise DatasetError([Problem(image.file, str(error))]) from error

    def truth(self, index: int) -> Truth:
        """The objects of one image, which is not decoded."""
        image = self.images[index]
        chosen = [place for place, crowd in enumerate(image.crowd) if self._crowds or not crowd]
        return Truth.of(
            [image.boxes_xyxy[place] for place in chosen],
            [image.labels[place] for place in chosen],
            [image.difficult[place] or image.crowd[place] for place in chosen],
        )

    def image_path(self, index: int) -> Path:
        """Where one image lies."""
        return self.images[index].path

    def size_px(self, index: int) -> Size:
        """Width and height of one image as the dataset yields it, known without decoding it."""
        width, height = self.images[index].size_px
        return bounded((width, height), self._max_side)

    def without_crowds(self, more: Iterable[Problem] = ()) -> "FolderDataset":
        """The same images without crowds, to train on, and with more problems to report."""
        reading = Reading(self.classes, self.images, (*self.problems, *more))
        return FolderDataset(reading, crowds=False, max_side=self._max_side)

    def __repr__(self) -> str:
        objects = sum(len(image.labels) for image in self.images)
        classes = plural(len(self.classes), "class", "classes")
        return f"{type(self).__name__}({plural(len(self), 'image')}, {plural(objects, 'object')}, {classes})"


def read_split(
    raw: RawSplit,
    classes: Sequence[str],
    *,
    boxes: BoxUnit | None = None,
    scale_boxes: bool = False,
) -> Reading:
    """What can be used of a split, and all problems: those of reading, of validation, and suspicions.

    ``boxes`` overrides the unit of the boxes, ``"pixels"`` or ``"fractions"``, that the layout has.
    """
    images = list(raw.images)
    if boxes is not None:
        images = [replace(image, fractions=boxes == "fractions") for image in images]
    images, mistaken = unit_mistaken(images)
    reading = validate(images, classes, scale_boxes=scale_boxes)
    suspected = suspicions(images, reading)
    problems = dict.fromkeys((*raw.problems, *mistaken, *reading.problems, *suspected))
    return reading._replace(problems=tuple(problems))


def undecodable(images: Sequence[AnnotatedImage], progress: Progress | None = None) -> Iterator[Problem]:
    """The errors that show only when images are decoded; each image is decoded and let go."""
    for done, image in enumerate(images, 1):
        try:
            read_image(image.path)
        except ImageError as error:
            yield Problem(image.file, str(error))
        if progress is not None:
            progress(done, len(images))
