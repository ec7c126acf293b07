"""What a run that is done in parts needs: a clock that says when to stop, and a curve that stays on disk."""

import json
import time
from pathlib import Path

from ssd_lite.evaluation import AveragePrecision
from ssd_lite.training import checkpoint


class OutOfTimeError(RuntimeError):
    """The time given is over; the state is saved, and the same command goes on."""


class Clock:
    """Says when to stop: before what comes next would take longer than is left."""

    def __init__(self, minutes: float) -> None:
        self.end, self._last = time.monotonic() + 60 * minutes, time.monotonic()

    def check(self) -> None:
        """Called once a part; raises :class:`OutOfTimeError` when another like it would not fit."""
        now = time.monotonic()
        took, self._last = now - self._last, now
        if now + took > self.end:
            raise OutOfTimeError("the time given is over; the same command goes on")


class Curve:
    """Points of mAP over steps and seconds of training, on disk as they come."""

    def __init__(self, path: Path, *, until: int) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.points = [point for point in map(json.loads, lines) if point["step"] <= until]

    def add(self, step: int, seconds: float, metrics: AveragePrecision) -> None:
        """A point more, unless there is one for the step."""
        if not self.points or self.points[-1]["step"] < step:
            self.points.append({"step": step, "seconds": round(seconds, 3), "map": metrics.mean})
        text = "".join(json.dumps(point) + "\n" for point in self.points)
        checkpoint.write(self.path, text.encode())
