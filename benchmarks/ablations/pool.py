"""Runs in several processes. A module of its own, since spawned processes do not import ``__main__``."""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch

from benchmarks.ablations.collecting import keep
from benchmarks.ablations.running import DRAWN, draw, run
from benchmarks.ablations.study import Run


def work_through(
    tasks: Sequence[Run], *, device: torch.device, workers: int, folder: Path, limit_s: float, on_result: Any
) -> None:
    """Run tasks in processes; start one only if it would end in time even if it were the slowest so far."""
    end, slowest = time.monotonic() + limit_s, 0.0
    context = multiprocessing.get_context("spawn")
    running: dict[Future[float], Run] = {}
    waiting = list(reversed(tasks))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=single_threaded) as pool:
        while waiting or running:
            while waiting and len(running) < workers and time.monotonic() + slowest < end:
                task = waiting.pop()
                running[pool.submit(one, task, device, folder)] = task
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                slowest = max(slowest, future.result())
                running.pop(future)
                on_result()


def one(task: Run, device: torch.device, folder: Path) -> float:
    """Do one run and write its result; returns the seconds that it took."""
    began = time.monotonic()
    keep(task, run(task, device=device, scenes=folder / "scenes"), folder)
    return time.monotonic() - began


def single_threaded() -> None:
    """One core per process."""
    torch.set_num_threads(1)


def draw_all(seeds: Sequence[int], canvas_px: int, folder: Path) -> None:
    """Draw the scenes of all seeds that are not drawn yet; each part is drawn by all cores."""
    for seed in seeds:
        for part in DRAWN:
            draw(folder / "scenes", part, seed, canvas_px)
