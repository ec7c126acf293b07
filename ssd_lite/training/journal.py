"""What a run tells: a progress bar, a plain JSONL log, and curves for TensorBoard."""

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from ssd_lite.criterion import Loss
from ssd_lite.files import write_atomic
from ssd_lite.training.checkpoint import first_not_finite
from ssd_lite.training.curves import Curves

LOG = "log.jsonl"


class NonFiniteLossError(RuntimeError):
    """The loss or a weight became infinite or NaN; the message names the step and its images."""


class TrainingLogger:
    """Collects the losses of each step and tells their means every ``every`` steps, and at the end.

    Losses stay on the device until then. The log holds only what the seed decides, so two runs of
    one recipe on one machine have the same; times go to the bar and to TensorBoard. Without a
    ``run_dir`` nothing is written: of several processes one does it for all.
    """

    def __init__(self, run_dir: Path | None, *, steps: int, start: int, every: int, show: bool) -> None:
        self.every, self.pending = every, []  # type: tuple[int, list[Tensor]]
        self._names: list[list[str]] = []
        self._last: tuple[int, list[str]] = (start - 1, [])
        self._steps = steps
        self._path = run_dir / LOG if run_dir else None
        self._keep_until(start)
        self._curves = Curves(run_dir / "tensorboard", start=start) if run_dir else None
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not show,
        )
        self._task = self._bar.add_task("training", total=steps, completed=start, told="")
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

    def step(self, step: int, rate: float, loss: Loss, names: list[str]) -> None:
        """Take note of step number ``step`` (from 0), and tell, when it is time to.

        Raises :class:`NonFiniteLossError` when a loss told now is not finite.
        """
        values = [loss.total, loss.localization, loss.confidence, loss.num_matched]
        self.pending.append(torch.stack([value.detach().float() for value in values]))
        self._names.append(names)
        self._last = (step, names)
        self._images += len(names)
        self._bar.update(self._task, completed=step + 1)
        if (step + 1) % self.every == 0 or step + 1 == self._steps:
            self._tell(step, rate)

    def _tell(self, step: int, rate: float) -> None:
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
        told = f"loss {total:.3f} = conf {confidence:.3f} + loc {localization:.3f}  {speed:.0f} images/s"
        self._bar.update(self._task, told=told)

    def check(self, state: dict[str, Any]) -> None:
        """Raises :class:`NonFiniteLossError` unless ``state`` and the losses not told yet are finite."""
        step, names = self._last
        if self.pending:
            self._check(torch.stack(self.pending).cpu(), step)
        if (broken := first_not_finite(state)) is not None:
            raise NonFiniteLossError(
                f"step {step + 1}: the loss is finite, but after it {broken} is not; "
                f"its images: {', '.join(names)}"
            )

    def _check(self, window: Tensor, step: int) -> None:
        broken = (~window.isfinite().all(dim=1)).nonzero().flatten().tolist()
        if broken:
            back = len(window) - broken[0]
            # Losses of before the run went on are finite: no checkpoint is written with others.
            raise NonFiniteLossError(
                f"step {step + 2 - back}: the loss is {window[broken[0], 0].item()}, not finite; "
                f"its images: {', '.join(self._names[-back])}"
            )

    def _append(self, line: str) -> None:
        """Add a line to the log, on disk before any checkpoint that counts on it."""
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OSError(error.errno, f"could not write {self._path}: {error.strerror}") from error

    def _keep_until(self, step: int) -> None:
        """Drop what a run that was cut off wrote after its last checkpoint."""
        if self._path is None or not self._path.exists():
            return
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomic(self._path, "".join(line + "\n" for line in kept).encode())


def read_log(run_dir: Path) -> list[dict[str, Any]]:
    """The entries of a run's log, in order; empty where there is none yet."""
    path = run_dir / LOG
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _step_of(line: str) -> float:
    """The step of a line of the log; a line that was cut off counts as later than any."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
