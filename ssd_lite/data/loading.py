"""From a dataset to batches: decoded once onto a common canvas, or streamed where that is too large."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms.v2.functional import resize

from ssd_lite.data.examples import Dataset, DatasetError, Example, Problem
from ssd_lite.truths import Truth, Truths

KEEP = ("auto", "device", "memory", "disk")
"""Where a dataset's images can be kept while a detector is trained on them."""

GRACE_S = 10
"""Seconds that a reading process goes on after it was asked to end."""

SLOTS = 16
"""Truths of streamed batches are padded to a multiple of this."""


class Batch(NamedTuple):
    """Some images on a common canvas, each in its top left corner, with their true (height, width)."""

    images: UInt8[Tensor, "b 3 h w"]
    sizes_px: Int64[Tensor, "b 2"]
    truths: Truths
    names: list[str]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(
            self.images.to(device, non_blocking=True),
            self.sizes_px.to(device, non_blocking=True),
            self.truths.to(device, non_blocking=True),
            self.names,
        )


@runtime_checkable
class BatchSource(Protocol):
    """Whatever batches can be taken from, in any order; ``faults`` says what had to be left out.

    ``where`` says where its images are kept, if it says so.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def problems(self) -> tuple[Problem, ...]: ...

    def __len__(self) -> int: ...

    def batches(self, order: Iterable[Sequence[int]]) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Decoded:
    """A dataset in memory: every image decoded once, uint8 on a canvas that all share.

    ``images`` lie on the device where everything else is, or in pinned host memory: then a batch's images are
    copied to the device while it still works on the batch before.
    """

    classes: tuple[str, ...]
    images: UInt8[Tensor, "n 3 h w"]
    sizes_px: Int64[Tensor, "n 2"]
    truths: Truths
    names: list[str]
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def where(self) -> str:
        """Where the images are, and how much they take."""
        gib = self.images.numel() / 2**30
        apart = self.images.device != self.sizes_px.device
        return f"{'pinned memory' if apart else self.images.device.type}, {gib:.2f} GiB"

    def to(self, device: torch.device | str, *, images: bool = True) -> "Decoded":
        """The same dataset on another device; its images too, or in pinned memory."""
        moved = self.images.to(device) if images else self.images.pin_memory()
        return replace(self, images=moved, sizes_px=self.sizes_px.to(device), truths=self.truths.to(device))

    def batches(self, order: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """One batch for each list of indices, made where the truths are."""
        device = self.sizes_px.device
        for indices in order:
            rows = torch.as_tensor(indices, device="cpu").to(device, non_blocking=True)
            images = self.images[rows] if self.images.device == device else self._copied(indices)
            yield Batch(images, self.sizes_px[rows], self.truths[rows], [self.names[i] for i in indices])

    def _copied(self, indices: Sequence[int]) -> UInt8[Tensor, "b 3 h w"]:
        """Images from pinned memory: a copy each, for none of which anybody waits."""
        shape = (len(indices), *self.images.shape[1:])
        images = torch.empty(shape, dtype=torch.uint8, device=self.sizes_px.device)
        for place, index in zip(images, indices, strict=True):
            place.copy_(self.images[index], non_blocking=True)
        return images


class Streamed:
    """A dataset that is decoded anew for every batch, by other processes, a few batches ahead.

    Truths are padded to a multiple of 16 objects, so that batches come in few shapes, each of which
    is compiled once. An image that turns out to be unreadable raises :class:`DatasetError`; with
    ``skip_invalid`` a black image without objects takes its place, which has no part in the loss.
    """

    def __init__(
        self, dataset: Dataset, *, canvas_px: int, workers: int | None = None, skip_invalid: bool = False
    ) -> None:
        self.classes: tuple[str, ...] = tuple(dataset.classes)
        self.problems: tuple[Problem, ...] = ()
        self.names = tuple(getattr(dataset, "names", ()))  # empty where only decoding tells
        self._read = _Reader(dataset, canvas_px, skip_invalid)
        self._workers = _cores() if workers is None else workers

    def __len__(self) -> int:
        return len(self._read.dataset)

    @property
    def where(self) -> str:
        """Where the images are."""
        return f"disk, read by {self._workers} processes"

    def batches(self, order: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """One batch for each list of indices."""
        yield from DataLoader(
            self._read,  # type: ignore[arg-type]  # any object that can be indexed will do
            batch_sampler=order,  # type: ignore[arg-type]  # sequences of ints as well as lists
            num_workers=self._workers,
            collate_fn=self._read.collate,
            worker_init_fn=_leave_signals_to_the_parent,
            pin_memory=torch.cuda.is_available(),
        )


class _Reader:
    """Examples that fit the canvas, and their batches; picklable, so that other processes can read."""

    def __init__(self, dataset: Dataset, canvas_px: int, skip_invalid: bool) -> None:
        self.dataset, self.canvas_px, self.skip_invalid = dataset, canvas_px, skip_invalid

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Example:
        try:
            return shrink(self.dataset[index], self.canvas_px)
        except DatasetError:
            if not self.skip_invalid:
                raise
            nothing = torch.zeros(3, 1, 1, dtype=torch.uint8, device="cpu")
            return Example(nothing, Truth.of([], []), "left out")

    def collate(self, examples: Sequence[Example]) -> Batch:
        canvas = torch.zeros(
            len(examples), 3, self.canvas_px, self.canvas_px, dtype=torch.uint8, device="cpu"
        )
        most = max((len(example.truth) for example in examples), default=0)
        return _lay(list(examples), canvas, slots=-(-most // SLOTS) * SLOTS)


def _leave_signals_to_the_parent(worker: int) -> None:
    """Ctrl-C reaches all processes: those that read go on until the one that trains has saved its state.

    They end by themselves when it does. Asked to end by SIGTERM, which a process that exits also
    sends to those that it still has, they do so after ``GRACE_S``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):  # not on every system
        signal.signal(signal.SIGTERM, lambda *_: signal.alarm(GRACE_S))


def decode(
    dataset: Dataset,
    *,
    canvas_px: int = 512,
    skip_invalid: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Decoded:
    """The whole dataset in memory, images of more than ``canvas_px`` a side shrunk to that.

    ``progress`` is called with the number of images done and of all. Images that cannot be decoded
    raise one :class:`DatasetError` that names them all; with ``skip_invalid`` they are left out.
    """

    def read(index: int) -> Example | DatasetError:
        try:
            return shrink(dataset[index], canvas_px)
        except DatasetError as error:
            return error

    examples: list[Example] = []
    problems: list[Problem] = list(getattr(dataset, "problems", ()))
    with ThreadPoolExecutor(_cores()) as pool:
        for number, example in enumerate(pool.map(read, range(len(dataset)))):
            if isinstance(example, DatasetError):
                problems += example.problems
            else:
                examples.append(example)
            if progress is not None:
                progress(number + 1, len(dataset))
    if len(examples) < len(dataset) and (not skip_invalid or not examples):
        raise DatasetError(problems)
    height = max((e.image.shape[1] for e in examples), default=1)
    width = max((e.image.shape[2] for e in examples), default=1)
    batch = _lay(examples, torch.zeros(len(examples), 3, height, width, dtype=torch.uint8, device="cpu"))
    return Decoded(
        tuple(dataset.classes), batch.images, batch.sizes_px, batch.truths, batch.names, tuple(problems)
    )


def load(
    dataset: Dataset,
    *,
    canvas_px: int = 512,
    device: torch.device | str = "cpu",
    keep: str = "auto",
    memory_gib: float | None = None,
    skip_invalid: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Decoded | Streamed:
    """The dataset ready to be taken from: decoded on the device, or in host memory, or streamed from disk.

    ``keep`` is ``"device"``, ``"memory"`` (pinned, where the device is a GPU) or ``"disk"``; ``"auto"`` takes
    the first that holds it within half of what is free there. ``memory_gib`` sets the limit for host memory.
    Raises ``ValueError`` for another ``keep``.
    """
    if keep not in KEEP:
        raise ValueError(f"keep must be one of {', '.join(KEEP)}, got {keep!r}")
    device = torch.device(device)
    if keep == "auto":
        keep = _place(len(dataset) * 3 * canvas_px**2, device, memory_gib)
    if keep == "disk":
        return Streamed(dataset, canvas_px=canvas_px, skip_invalid=skip_invalid)
    decoded = decode(dataset, canvas_px=canvas_px, skip_invalid=skip_invalid, progress=progress)
    return decoded if device.type == "cpu" else decoded.to(device, images=keep == "device")


def _place(size: int, device: torch.device, memory_gib: float | None) -> str:
    """Where so many bytes are to be kept."""
    if device.type == "cuda" and size <= torch.cuda.mem_get_info(device)[0] / 2:
        return "device"
    limit = _half_of_memory() if memory_gib is None else memory_gib * 2**30
    return "memory" if size <= limit else "disk"


def shuffled(images: int, batch: int, *, steps: int, seed: int, start: int = 0) -> Iterator[list[int]]:
    """The indices of steps ``start`` … ``steps - 1``: every image once an epoch, one epoch after the other.

    A step's indices depend on the seed and its number alone, so a run can go on anywhere. No batch
    is short, not even of a dataset smaller than it.
    """
    orders: dict[int, list[int]] = {}

    def at(position: int) -> int:
        epoch, place = divmod(position, images)
        if epoch not in orders:
            orders.clear()
            generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
            orders[epoch] = torch.randperm(images, generator=generator, device="cpu").tolist()
        return orders[epoch][place]

    for step in range(start, steps):
        yield [at(position) for position in range(step * batch, (step + 1) * batch)]


def in_order(images: int, batch: int) -> Iterator[list[int]]:
    """Every index once, in order, the last batch as short as it comes."""
    for start in range(0, images, batch):
        yield list(range(start, min(start + batch, images)))


def shrink(example: Example, canvas_px: int) -> Example:
    """The example with an image of at most ``canvas_px`` a side; its boxes are relative, so they stay."""
    height, width = example.image.shape[-2:]
    factor = canvas_px / max(height, width)
    if factor >= 1:
        return example
    size = [max(1, round(height * factor)), max(1, round(width * factor))]
    return example._replace(image=resize(example.image, size, antialias=True))


def _lay(examples: list[Example], canvas: UInt8[Tensor, "b 3 h w"], slots: int | None = None) -> Batch:
    """The examples' images in the top left corners of the canvas; the list loses them on the way."""
    sizes = torch.tensor([example.image.shape[-2:] for example in examples], device="cpu").view(-1, 2)
    truths = Truths.from_list([example.truth for example in examples], slots=slots)
    names = [example.name for example in examples]
    for place, (height, width) in zip(canvas, sizes.tolist(), strict=True):
        place[:, :height, :width] = examples.pop(0).image  # a large dataset must not be there twice
    return Batch(canvas, sizes, truths, names)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _half_of_memory() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    except (ValueError, OSError, AttributeError):  # not every system tells
        return 4 * 2**30
