"""Drawn scenes in numbers: by several processes, since threads would draw one after the other."""

import signal
from collections.abc import Iterable, Iterator
from itertools import chain

from torch.utils.data import DataLoader

from ssd_lite.data.examples import Example
from ssd_lite.data.machine import local_cores
from ssd_lite.data.scenes import Scenes

WORTHWHILE = 256
"""From so many scenes on it pays to start processes."""

CHUNK = 16
"""Scenes that a process draws at a time."""


def scenes_in_order(scenes: Scenes, *, workers: int | None = None) -> Iterator[Example]:
    """All scenes in order, drawn by as many processes as there are cores, or by ``workers`` of them."""
    workers = local_cores() if workers is None else workers
    if workers < 2 or len(scenes) < WORTHWHILE:
        return (scenes[index] for index in range(len(scenes)))
    chunks: Iterable[list[Example]] = DataLoader(
        scenes,  # type: ignore[arg-type]  # any object that can be indexed will do
        batch_size=CHUNK,
        num_workers=workers,
        collate_fn=list,
        worker_init_fn=_ignore_interrupts,
    )
    return chain.from_iterable(chunks)


def _ignore_interrupts(worker: int) -> None:
    """Leave Ctrl-C to the main process, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
