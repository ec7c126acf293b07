"""The images that benchmarks run on: photographs of playing cards if they are available, else drawn scenes.

``SSD_LITE_SHARED`` names the folder that holds ``data/cards`` (see :mod:`benchmarks.runs`).
"""

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks import drawn
from ssd_lite.data import (
    Batch,
    BatchSource,
    Dataset,
    DatasetError,
    Decoded,
    Example,
    Scenes,
    VOCFolder,
    decode,
)
from ssd_lite.data.loading import shuffled

SHARED = Path(os.environ.get("SSD_LITE_SHARED", Path(__file__).parents[2] / "shared"))
"""The folder of real photographs and weights, which need not exist."""

HEIGHT, WIDTH = 378, 504


def endless(source: BatchSource, batch: int, *, seed: int) -> Iterator[Batch]:
    """Batches in random order, without end."""
    return source.batches(shuffled(len(source), batch, steps=10**9, seed=seed))


def storage(source: BatchSource) -> str:
    """Where a source keeps its images, if it says so."""
    return str(getattr(source, "storage", getattr(source, "where", "unknown")))


def examples(count: int, *, seed: int = 0) -> tuple[list[Example], str]:
    """``count`` images of 378 × 504 pixels with their objects, and a phrase that says what they are."""
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
    # from the first again if there are fewer than wanted
    return [found[number % len(found)] for number in range(count)], "photos of cards"


def _drawn(count: int, seed: int) -> list[Example]:
    scenes = Scenes(count=count, size=(HEIGHT, WIDTH), seed=seed)
    return [scenes[index] for index in range(count)]


def folder(count: int, place: Path, *, seed: int = 0, quick: bool = False) -> tuple[Path, str, str]:
    """A folder in VOC's layout, a split of it, and what it holds: photographs, or scenes drawn there."""
    cards = SHARED / "data" / "cards"
    if cards.is_dir() and not quick:
        return cards, "trainval", "photos of cards, most of 378 × 504 pixels"
    size = (96, 128) if quick else (HEIGHT, WIDTH)
    drawn.folder(place / "drawn", Scenes(count=count, size=size, seed=seed))
    return place / "drawn", "trainval", f"drawn scenes of {size[0]} × {size[1]} pixels"


class Listed:
    """A dataset of examples in memory."""

    def __init__(self, examples: list[Example], classes: tuple[str, ...]) -> None:
        self.classes, self._examples = classes, examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int, /) -> Example:
        return self._examples[index]


def decoded(examples: list[Example]) -> Decoded:
    """The examples on a common canvas, in memory; classes are named by number."""
    most = max((int(example.truth.labels.max()) for example in examples if len(example.truth)), default=1)
    dataset: Dataset = Listed(examples, tuple(f"class {label}" for label in range(1, most + 1)))
    return decode(dataset)
