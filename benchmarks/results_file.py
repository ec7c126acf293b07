"""Where a measurement is written, and what is written beside it."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from ssd_lite.training import machine

RESULTS = Path(__file__).parent / "results"


def write(
    name: str, measured: dict[str, Any], *, device: torch.device, of: str, folder: Path = RESULTS
) -> Path:
    """Write ``NAME.DEVICE.json``, with machine, versions, date and ``of``, the commit measured."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{device.type}.json"
    stamp = {"machine": machine(device), "commit": of, "date": datetime.now(UTC).date().isoformat()}
    path.write_text(json.dumps(measured | stamp, indent=1) + "\n")
    return path


def commit() -> str:
    """The commit that was measured, with ``+`` where files had been changed since.

    Where the files were copied without their history, ``SSD_LITE_COMMIT`` may say it.
    """
    if told := os.environ.get("SSD_LITE_COMMIT"):
        return told
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=RESULTS.parent)
    return done.stdout.strip()
