"""Checkpoints: written whole or not at all, the last two kept, a damaged one passed over."""

import errno
import io
import re
import sys
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssd_lite.files import UNFINISHED, write_atomic

FORMAT = "ssd_lite run 1"
KEPT = 2


def save(folder: Path, state: dict[str, Any]) -> Path:
    """Write the state of a run after ``state["step"]`` steps, and drop all but the last two."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT} | state, buffer)
    path = folder / f"step-{state['step']:08d}.pt"
    write_atomic(path, buffer.getvalue())
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def newest(folder: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The latest state that is whole, or None where none was written yet.

    One that is damaged is passed over with a warning. Nothing in a file is run (``weights_only=True``).
    Raises ``ValueError`` when all are damaged, or one is of another version.
    """
    found = _newest_first(folder)
    for path in found:
        try:
            state = _whole(path, device)
        except Exception as error:  # a damaged file may fail in any way
            # The first line alone: torch goes on with advice on how to run what is in the file.
            reason = str(error).partition("\n")[0]
            warnings.warn(f"{path} cannot be read and is passed over: {reason}", stacklevel=2)
            continue
        if state.get("format") != FORMAT:
            raise ValueError(f"{path}: format must be {FORMAT!r}, got {state.get('format')!r}")
        return state
    if found:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"{folder}: no checkpoint can be read ({names}); only a new run can start over")
    return None


def first_not_finite(state: Any, name: str = "") -> str | None:
    """The name of the first tensor in a nested state that holds infinity or NaN, or None."""
    if isinstance(state, Tensor):
        return None if state.isfinite().all() else name
    inside = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    names = (first_not_finite(value, f"{name}.{key}".lstrip(".")) for key, value in inside)
    return next((found for found in names if found is not None), None)


def clear_unfinished(run_dir: Path) -> None:
    """Remove what a run that was killed left half-written."""
    for path in [*run_dir.glob(f"*{UNFINISHED}"), *(run_dir / "checkpoints").glob(f"*{UNFINISHED}")]:
        path.unlink(missing_ok=True)


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Keeps other processes from the run meanwhile. The system lets go of the lock of a process killed.

    Raises ``ValueError`` when another process has the run.
    """
    folder = run_dir / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("wb") as file:
        if not _lock(file.fileno()):
            raise ValueError(f"{run_dir} is being trained by another process")
        clear_unfinished(run_dir)
        yield


def _lock(descriptor: int) -> bool:
    """Whether the file is ours now; also where system or disk know no locks."""
    if sys.platform == "win32":
        return True
    import fcntl  # noqa: PLC0415 - not there on every system

    try:
        # Not flock, whose lock the loader's processes would inherit, and keep for seconds after a kill.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)
    return True


def _whole(path: Path, device: torch.device | str) -> dict[str, Any]:
    """The state in a file. Raises anything when it is not as it was written."""
    with zipfile.ZipFile(path) as file:  # torch does not look at the checksums
        if (broken := file.testzip()) is not None:
            raise ValueError(f"{broken} in it is damaged")
    return dict(torch.load(path, map_location=device, weights_only=True))


def _newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("step-*.pt") if re.fullmatch(r"step-\d{8,}\.pt", path.name)]
    return sorted(found, key=lambda path: int(path.stem.partition("-")[2]), reverse=True)
