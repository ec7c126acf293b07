"""Checkpoints: written whole or not at all, the last two kept, a broken one passed over."""

import io
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

KEPT = 2


def write(path: Path, content: bytes) -> None:
    """Put a file in place at once: under another name first, synced to disk, then renamed.

    Raises ``OSError`` naming the file, for example when the disk is full; the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, f"could not write {path}: {error.strerror}") from error


def save(folder: Path, state: dict[str, Any]) -> Path:
    """Write the state of a run after ``state["step"]`` steps, and drop all but the last two."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path = folder / f"step-{state['step']:08d}.pt"
    write(path, buffer.getvalue())
    for old in list(_newest_first(folder))[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def newest(folder: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The latest state that can be read, or None; one that cannot is passed over with a warning.

    Nothing in the file is run (``weights_only=True``).
    """
    for path in _newest_first(folder):
        try:
            return dict(torch.load(path, map_location=device, weights_only=True))
        except Exception as error:  # a damaged file may fail in any way
            warnings.warn(f"{path} cannot be read and is passed over: {error}", stacklevel=2)
    return None


def _newest_first(folder: Path) -> Iterator[Path]:
    found = [path for path in folder.glob("step-*.pt") if re.fullmatch(r"step-\d{8}\.pt", path.name)]
    return iter(sorted(found, reverse=True))
