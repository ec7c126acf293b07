"""A measurement on disk: JSON with machine, versions, date and commit, rewritten after every part."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from ssd_lite.files import write_atomic
from ssd_lite.training import machine

RESULTS = Path(__file__).parent / "results"


class Record:
    """The result of a benchmark as it grows, in ``NAME.DEVICE.json``.

    The file is rewritten after every :meth:`add`, so a benchmark that is killed leaves what it has measured;
    ``complete`` is false in it until :meth:`complete` is called.
    """

    def __init__(
        self, name: str, *, device: torch.device, folder: Path = RESULTS, stamp: dict[str, Any] | None = None
    ) -> None:
        self.path = folder / f"{name}.{device.type}.json"
        self.measured: dict[str, Any] = {"command": f"python -m benchmarks.{name}"} | (stamp or {})
        # The commit is read before the measurement: files may change while it runs.
        self._origin = {"machine": machine(device), "commit": commit()}
        self._done = False

    def add(self, part: dict[str, Any]) -> None:
        """Merge a part into the result and write it: lists are extended, everything else is replaced."""
        for name, value in part.items():
            if isinstance(value, list) and name in self.measured:
                self.measured[name] = self.measured[name] + value
            else:
                self.measured[name] = value
        self._write()

    def replace(self, part: dict[str, Any]) -> None:
        """Set parts of the result, lists included, and write it."""
        self.measured |= part
        self._write()

    def complete(self) -> Path:
        """Mark the result as complete; returns its file."""
        self._done = True
        self._write()
        return self.path

    def _write(self) -> None:
        date = {"date": datetime.now(UTC).date().isoformat()}
        whole = self.measured | {"complete": self._done} | self._origin | date
        write_atomic(self.path, (json.dumps(whole, indent=1) + "\n").encode())


def is_complete(path: Path) -> bool:
    """Whether a file exists and, if it is a benchmark's JSON, says that nothing is missing from it."""
    if not path.exists():
        return False
    return path.suffix != ".json" or bool(json.loads(path.read_text()).get("complete", True))


def commit() -> str:
    """The commit that is measured, followed by ``+`` if tracked files have been changed since.

    The environment variable ``SSD_LITE_COMMIT`` overrides it, for copies of the repository without history.
    """
    if stated := os.environ.get("SSD_LITE_COMMIT"):
        return stated
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=RESULTS.parent)
    return done.stdout.strip()
