"""Progress bar, JSONL log and TensorBoard curves of a run."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from ssd_lite.criterion import Loss
from ssd_lite.files import write_atomic
from ssd_lite.training.checkpoint import first_not_finite

if TYPE_CHECKING:
    from ssd_lite.training.curves import Curves

LOG = "log.jsonl"

ProgressCallback = Callable[[str, int, int], object]
"""Called with what is being done, the number of images done, and the number of all."""


class NonFiniteLossError(RuntimeError):
    """The loss or a weight became infinite or NaN; the message names the step and its images."""


class TrainingLogger:
    """Collects the losses of each step and logs their means every ``every`` steps, and after the last.

    Losses stay on the device until then. The log holds only what the seed decides, so two runs of one recipe
    on one machine have the same; times go to the bar and to TensorBoard. ``status`` stands in the bar until
    the first step is done. Without a ``run_dir`` nothing is written: of several processes one writes for all.
    """

    def __init__(
        self, run_dir: Path | None, *, steps: int, start: int, every: int, show: bool, status: str = ""
    ) -> None:
        self.every, self.pending = every, []  # type: tuple[int, list[Tensor]]
        self._names: list[list[str]] = []
        self._last: tuple[int, list[str]] = (start - 1, [])
        self._steps = steps
        self._path = run_dir / LOG if run_dir else None
        self._drop_after(start)
        self._curves = _curves(run_dir / "tensorboard", start) if run_dir else None
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not show,
        )
        self._task = self._bar.add_task("training", total=steps, completed=start, status=status)
        self._since, self._images = time.perf_counter(), 0

    def __enter__(self) -> "TrainingLogger":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._bar.disable:  # rich 13 prints a line even where the bar is disabled
            self._bar.stop()
        if self._curves is not None:
            self._curves.close()

    def first_step(self, step: int, seconds: float) -> None:
        """Record how long the first step took, compiling included: a curve of its own, and in the bar."""
        if self._curves is not None:
            self._curves.add({"seconds to the first step": seconds}, step + 1)
        self._bar.update(self._task, status=f"first step after {seconds:.1f} s")
        self._since, self._images = time.perf_counter(), 0

    def log(self, step: int, rate: float, loss: Loss, names: list[str]) -> None:
        """Record step number ``step`` (from 0), and write the means when they are due.

        Raises :class:`NonFiniteLossError` when one of the losses written now is not finite.
        """
        values = [loss.total, loss.localization, loss.confidence, loss.num_matched]
        self.pending.append(torch.stack([value.detach().float() for value in values]))
        self._names.append(names)
        self._last = (step, names)
        self._images += len(names)
        self._bar.update(self._task, completed=step + 1)
        if (step + 1) % self.every == 0 or step + 1 == self._steps:
            self._write_means(step, rate)

    def check(self, state: dict[str, Any]) -> None:
        """Raises :class:`NonFiniteLossError` unless ``state`` and the losses not yet written are finite."""
        step, names = self._last
        if self.pending:
            self._check(torch.stack(self.pending).cpu(), step)
        if (broken := first_not_finite(state)) is not None:
            raise NonFiniteLossError(
                f"step {step + 1}: the loss is finite, but after it {broken} is not; "
                f"its images: {', '.join(names)}"
            )

    def _write_means(self, step: int, rate: float) -> None:
        window = torch.stack(self.pending).cpu()
        self._check(window, step)
        total, localization, confidence, matched = window.mean(dim=0).tolist()
        entry = {
            "step": step + 1,
            "learning_rate": rate,
            "loss": total,
            "localization": localization,
            "confidence": confidence,
            "matched": matched,
        }
        self._append(json.dumps(entry) + "\n")
        now = time.perf_counter()
        speed = self._images / (now - self._since)
        self._since, self._images, self.pending, self._names = now, 0, [], []
        points = {name: entry[name] for name in ("loss", "localization", "confidence", "learning_rate")}
        if self._curves is not None:
            self._curves.add(points | {"images per second": speed}, step + 1)
        status = f"loss {total:.3f} = conf {confidence:.3f} + loc {localization:.3f}  {speed:.0f} images/s"
        self._bar.update(self._task, status=status)

    def _check(self, window: Tensor, step: int) -> None:
        broken = (~window.isfinite().all(dim=1)).nonzero().flatten().tolist()
        if broken:
            back = len(window) - broken[0]
            # Losses from before a run was resumed are finite: no checkpoint is written with others.
            raise NonFiniteLossError(
                f"step {step + 2 - back}: the loss is {window[broken[0], 0].item()}, not finite; "
                f"its images: {', '.join(self._names[-back])}"
            )

    def _append(self, line: str) -> None:
        """Add a line to the log, on disk before any checkpoint that relies on it."""
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OSError(error.errno, f"could not write {self._path}: {error.strerror}") from error

    def _drop_after(self, step: int) -> None:
        """Drop the lines that an interrupted run wrote after its last checkpoint."""
        if self._path is None or not self._path.exists():
            return
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomic(self._path, "".join(line + "\n" for line in kept).encode())


def _curves(folder: Path, start: int) -> "Curves":
    # Imported by runs alone, since TensorBoard takes a second to load.
    from ssd_lite.training.curves import Curves  # noqa: PLC0415

    return Curves(folder, start=start)


def read_log(run_dir: Path) -> list[dict[str, Any]]:
    """The entries of a run's log, in order; empty before the first is written."""
    path = run_dir / LOG
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _step_of(line: str) -> float:
    """The step of a line of the log; infinity for a truncated line, which is dropped."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
