"""A dataset in memory: every image decoded once, on a canvas that all share."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from ssd_lite.data.batches import Batch, Shape, shrink, shrunk_shape
from ssd_lite.data.drawing import scenes_in_order
from ssd_lite.data.examples import Dataset, Example
from ssd_lite.data.machine import local_cores
from ssd_lite.data.problems import SKIP_ADVICE, DatasetError, Problem
from ssd_lite.data.scenes import Scenes
from ssd_lite.messages import plural
from ssd_lite.truths import Truths

Progress = Callable[[int, int], object]
"""Called with the number of images done and the number of all."""


@dataclass(frozen=True)
class Decoded:
    """A dataset in memory: every image decoded once, as uint8 on a canvas that all share.

    ``images`` lie either on the device of everything else, or in pinned host memory. Then the images of a
    batch are copied to the device while it still works on the batch before.
    """

    classes: tuple[str, ...]
    images: UInt8[Tensor, "n 3 h w"]
    sizes_px: Int64[Tensor, "n 2"]
    truths: Truths
    names: list[str]
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        objects, classes = int(self.truths.present.sum()), len(self.classes)
        return (
            f"Decoded({plural(len(self), 'image')}, {plural(objects, 'object')}, "
            f"{plural(classes, 'class', 'classes')}, {self.storage})"
        )

    @property
    def storage(self) -> str:
        """Where the images are, and how much they take: "cuda, 1.25 GiB"."""
        gib = self.images.numel() / 2**30
        apart = self.images.device != self.sizes_px.device
        return f"{'pinned memory' if apart else self.images.device.type}, {gib:.2f} GiB"

    def to(self, device: torch.device | str, *, images: bool = True) -> "Decoded":
        """The same dataset on another device; with ``images=False`` its images stay in pinned host memory."""
        moved = self.images
        if images:
            moved = moved.to(device)
        elif not moved.is_pinned():
            moved = moved.pin_memory()
        return replace(self, images=moved, sizes_px=self.sizes_px.to(device), truths=self.truths.to(device))

    def batches(self, order: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """One batch for each list of indices, on the device of the truths."""
        device = self.sizes_px.device
        for indices in order:
            rows = torch.as_tensor(indices, device="cpu").to(device, non_blocking=True)
            images = self.images[rows] if self.images.device == device else self._copied(indices)
            yield Batch(images, self.sizes_px[rows], self.truths[rows], [self.names[i] for i in indices])

    def _copied(self, indices: Sequence[int]) -> UInt8[Tensor, "b 3 h w"]:
        """Images copied to the device from pinned memory: one asynchronous copy per image."""
        shape = (len(indices), *self.images.shape[1:])
        images = torch.empty(shape, dtype=torch.uint8, device=self.sizes_px.device)
        for place, index in zip(images, indices, strict=True):
            place.copy_(self.images[index], non_blocking=True)
        return images


def decode(
    dataset: Dataset,
    *,
    canvas_px: int = 512,
    skip_invalid: bool = False,
    pin_memory: bool = False,
    progress: Progress | None = None,
) -> Decoded:
    """The whole dataset in memory, images of more than ``canvas_px`` a side shrunk to that.

    With ``pin_memory`` images are decoded straight into pinned memory. ``progress`` is called after each
    image. Images that cannot be decoded raise one :class:`DatasetError` that names them all; with
    ``skip_invalid`` they are left out and stand in ``problems``.
    """
    read = _read_all(dataset, canvas_px, progress)
    shape = canvas_shape(dataset, canvas_px)
    if shape is None:  # only the decoded images tell
        examples = deque(read)
        shape = _largest(e.image.shape[1:] for e in examples if isinstance(e, Example))
        read = _drained(examples)
    canvas = torch.zeros(
        len(dataset), 3, *shape, dtype=torch.uint8, device="cpu", pin_memory=pin_memory and len(dataset) > 0
    )
    problems: list[Problem] = list(getattr(dataset, "problems", ()))
    laid: list[Example] = []  # without their images
    sizes: list[Shape] = []
    failed: list[Problem] = []
    for example in read:
        if isinstance(example, DatasetError):
            failed += example.problems
            continue
        sizes.append(lay(example, canvas[len(laid)]))
        laid.append(example._replace(image=example.image[:, :0, :0].clone()))
    if failed and (not skip_invalid or not laid):
        raise DatasetError([*(p for p in problems if p.severity == "error"), *failed], advice=SKIP_ADVICE)
    return Decoded(
        tuple(dataset.classes),
        canvas[: len(laid)],
        torch.tensor(sizes, dtype=torch.int64, device="cpu").view(-1, 2),
        Truths.from_list([example.truth for example in laid]),
        [example.name for example in laid],
        (*problems, *failed),
    )


def canvas_shape(dataset: Dataset, canvas_px: int) -> Shape | None:
    """The (height, width) of a canvas for every image of the dataset, ``None`` where only decoding tells."""
    size_px: Callable[[int], tuple[int, int]] | None = getattr(dataset, "size_px", None)
    if size_px is None:
        return None
    sizes = (size_px(index) for index in range(len(dataset)))
    return _largest(shrunk_shape((height, width), canvas_px) for width, height in sizes)


def lay(example: Example, canvas: UInt8[Tensor, "3 h w"]) -> Shape:
    """Copies the example's image into the top left corner of the canvas; returns its (height, width)."""
    height, width = example.image.shape[-2:]
    canvas[:, :height, :width] = example.image
    return height, width


def _read_all(
    dataset: Dataset, canvas_px: int, progress: Progress | None
) -> Iterator[Example | DatasetError]:
    """Every example in order, shrunk to the canvas, or the error that it raised."""
    examples = _drawn(dataset, canvas_px) if isinstance(dataset, Scenes) else _read(dataset, canvas_px)
    for done, example in enumerate(examples, 1):
        yield example
        if progress is not None:
            progress(done, len(dataset))


def _drawn(scenes: Scenes, canvas_px: int) -> Iterator[Example]:
    return (shrink(scene, canvas_px) for scene in scenes_in_order(scenes))


def _read(dataset: Dataset, canvas_px: int) -> Iterator[Example | DatasetError]:
    def read(index: int) -> Example | DatasetError:
        try:
            return shrink(dataset[index], canvas_px)
        except DatasetError as error:
            return error

    with ThreadPoolExecutor(local_cores()) as pool:
        yield from pool.map(read, range(len(dataset)))


def _drained(examples: deque[Example | DatasetError]) -> Iterator[Example | DatasetError]:
    """The examples one by one; each is let go, so that a large dataset is not held twice."""
    while examples:
        yield examples.popleft()


def _largest(shapes: Iterable[Sequence[int]]) -> Shape:
    every = [(1, 1), *shapes]
    return max(shape[0] for shape in every), max(shape[1] for shape in every)
