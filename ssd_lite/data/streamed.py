"""A dataset that does not fit into memory: decoded anew for every batch by other processes."""

import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch.utils.data import DataLoader

from ssd_lite.data.batches import Batch, shrink
from ssd_lite.data.decoded import lay
from ssd_lite.data.examples import Dataset, Example
from ssd_lite.data.machine import local_cores
from ssd_lite.data.problems import DatasetError, Problem
from ssd_lite.messages import plural
from ssd_lite.truths import Truth, Truths

GRACE_S = 10
"""Seconds that a reading process continues after it was asked to end."""

FEWEST_SLOTS = 16
"""Fewest rows of truths in a streamed batch."""


class Streamed:
    """A dataset that is decoded anew for every batch, by other processes, a few batches ahead.

    All batches have the same number of rows of truths, as many as the fullest image needs, so that they
    come in one shape, which is compiled once. Where only decoding tells how many objects an image has, the
    rows of a batch are a power of two.

    An image that cannot be decoded raises :class:`DatasetError`. With ``skip_invalid`` a black image
    without objects, which has no part in the loss, takes its place, and ``problems`` says so from then on.
    """

    def __init__(
        self, dataset: Dataset, *, canvas_px: int, workers: int | None = None, skip_invalid: bool = False
    ) -> None:
        self.classes: tuple[str, ...] = tuple(dataset.classes)
        self.names = tuple(getattr(dataset, "names", ()))  # empty where only decoding tells
        self._read = _Reader(dataset, canvas_px, skip_invalid, _num_slots(dataset))
        self._workers = local_cores() if workers is None else workers
        self._problems = dict.fromkeys(getattr(dataset, "problems", ()))  # ordered, each once

    def __len__(self) -> int:
        return len(self._read.dataset)

    def __repr__(self) -> str:
        classes = plural(len(self.classes), "class", "classes")
        return f"Streamed({plural(len(self), 'image')}, {classes}, {self.storage})"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The dataset's problems, and those of the images that were skipped so far."""
        return tuple(self._problems)

    @property
    def storage(self) -> str:
        """Where the images are."""
        return f"disk, read by {plural(self._workers, 'process', 'processes')}"

    def batches(self, order: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """One batch for each list of indices."""
        loader: Iterable[_Read] = DataLoader(
            self._read,  # type: ignore[arg-type]  # any object that can be indexed will do
            batch_sampler=order,  # type: ignore[arg-type]  # sequences of ints as well as lists
            num_workers=self._workers,
            collate_fn=self._read.collate,
            worker_init_fn=_leave_signals_to_the_parent,
            pin_memory=torch.cuda.is_available(),
        )
        for read in loader:
            self._problems |= dict.fromkeys(read.problems)
            yield read.batch


@dataclass(frozen=True)
class _Read:
    """A batch with the problems of the images that were skipped in it."""

    batch: Batch
    problems: tuple[Problem, ...]

    def pin_memory(self) -> "_Read":  # called by DataLoader
        return replace(self, batch=self.batch.pin_memory())


class _Reader:
    """Examples that fit the canvas, and batches of them; picklable, so that other processes can read."""

    def __init__(self, dataset: Dataset, canvas_px: int, skip_invalid: bool, num_slots: int | None) -> None:
        self.dataset, self.canvas_px = dataset, canvas_px
        self.skip_invalid, self.num_slots = skip_invalid, num_slots

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Example | DatasetError:
        try:
            return shrink(self.dataset[index], self.canvas_px)
        except DatasetError as error:
            if not self.skip_invalid:
                raise
            return error

    def collate(self, read: Sequence[Example | DatasetError]) -> _Read:
        examples = [_blank() if isinstance(example, DatasetError) else example for example in read]
        problems = [p for error in read if isinstance(error, DatasetError) for p in error.problems]
        side = self.canvas_px
        canvas = torch.zeros(len(examples), 3, side, side, dtype=torch.uint8, device="cpu")
        sizes = [lay(example, place) for example, place in zip(examples, canvas, strict=True)]
        truths = [example.truth for example in examples]
        num_slots = _power_of_two(truths) if self.num_slots is None else self.num_slots
        batch = Batch(
            canvas,
            torch.tensor(sizes, dtype=torch.int64, device="cpu").view(-1, 2),
            Truths.from_list(truths, slots=num_slots),
            [example.name for example in examples],
        )
        return _Read(batch, tuple(problems))


def _blank() -> Example:
    return Example(torch.zeros(3, 1, 1, dtype=torch.uint8, device="cpu"), Truth.of([], []), "skipped")


def _num_slots(dataset: Dataset) -> int | None:
    """The objects of the fullest image, at least ``FEWEST_SLOTS``; ``None`` where only decoding tells."""
    truth = getattr(dataset, "truth", None)
    if truth is None:
        return None
    return max([FEWEST_SLOTS, *(len(truth(index)) for index in range(len(dataset)))])


def _power_of_two(truths: Sequence[Truth]) -> int:
    most = max((len(truth) for truth in truths), default=0)
    return int(max(FEWEST_SLOTS, 2 ** (most - 1).bit_length()))


def _leave_signals_to_the_parent(worker: int) -> None:
    """Reading processes ignore Ctrl-C, so that the training process can save its state first.

    They end by themselves when it does. SIGTERM, which a process that exits also sends to its workers, ends
    them after ``GRACE_S``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):  # not on every system
        signal.signal(signal.SIGTERM, lambda *_: signal.alarm(GRACE_S))
