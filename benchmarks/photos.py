"""The images that benchmarks run on: photos of playing cards where they lie at hand, or drawn scenes.

``SSD_LITE_SHARED`` names the folder with ``data/cards`` (see :mod:`benchmarks.runs`).
"""

from pathlib import Path

from benchmarks import drawn
from benchmarks.runs import SHARED
from ssd_lite.data import Dataset, DatasetError, Decoded, Example, Scenes, VOCFolder, decode

HEIGHT, WIDTH = 378, 504


def examples(count: int, *, seed: int = 0) -> tuple[list[Example], str]:
    """``count`` images of 378 × 504 pixels with their objects, and what they are."""
    try:
        folder = VOCFolder(SHARED / "data" / "cards", "trainval", skip_invalid=True)
    except DatasetError:
        return _drawn(count, seed), "drawn scenes"
    found: list[Example] = []
    for index in range(len(folder)):
        if len(found) == count:
            break
        example = folder[index]
        if tuple(sorted(example.image.shape[-2:])) == (HEIGHT, WIDTH):
            found.append(example)
    # again from the first, where more are asked for than there are
    return [found[number % len(found)] for number in range(count)], "photos of cards"


def _drawn(count: int, seed: int) -> list[Example]:
    scenes = Scenes(count=count, size=(HEIGHT, WIDTH), seed=seed)
    return [scenes[index] for index in range(count)]


def folder(count: int, place: Path, *, seed: int = 0, quick: bool = False) -> tuple[Path, str, str]:
    """A folder in VOC's layout, a split of it, and what it holds: photos, or scenes drawn in ``place``."""
    cards = SHARED / "data" / "cards"
    if cards.is_dir() and not quick:
        return cards, "trainval", "photos of cards, most of 378 × 504 pixels"
    size = (96, 128) if quick else (HEIGHT, WIDTH)
    drawn.folder(place / "drawn", Scenes(count=count, size=size, seed=seed))
    return place / "drawn", "trainval", f"drawn scenes of {size[0]} × {size[1]} pixels"


class Listed:
    """Examples in memory as a dataset."""

    def __init__(self, examples: list[Example], classes: tuple[str, ...]) -> None:
        self.classes, self._examples = classes, examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int, /) -> Example:
        return self._examples[index]


def decoded(examples: list[Example]) -> Decoded:
    """The examples on a common canvas, in memory; their classes are numbered."""
    most = max((int(example.truth.labels.max()) for example in examples if len(example.truth)), default=1)
    dataset: Dataset = Listed(examples, tuple(f"class {label}" for label in range(1, most + 1)))
    return decode(dataset)
