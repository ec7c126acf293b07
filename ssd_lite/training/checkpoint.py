"""Checkpoints: written atomically, the last two kept, damaged ones skipped; what a resumed run must share."""

import errno
import hashlib
import io
import json
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

from ssd_lite.data import BatchSource
from ssd_lite.files import UNFINISHED, write_atomic
from ssd_lite.recipes import Recipe

FORMAT = "ssd_lite run 1"
KEPT = 2

MAY_CHANGE = ("name", "root", "download", "layout", "skip_invalid", "keep", "checkpoint_every")
"""Settings that do not affect the steps to come; other images behind them are detected as images."""


def save(folder: Path, state: dict[str, Any]) -> Path:
    """Write the state of a run after ``state["step"]`` steps, and delete all but the last two."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT} | state, buffer)
    path = folder / f"step-{state['step']:08d}.pt"
    write_atomic(path, buffer.getvalue())
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def newest(folder: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The latest undamaged state, or None where none was written yet.

    A damaged file is skipped with a warning. No code in a file is executed (``weights_only=True``). Raises
    ``ValueError`` when all are damaged, or when the latest is of another version.
    """
    found = _newest_first(folder)
    for path in found:
        try:
            state = _whole(path, device)
        except Exception as error:  # a damaged file may fail in any way
            # The first line only: torch adds advice on how to execute the file's code.
            reason = str(error).partition("\n")[0]
            warnings.warn(f"{path} cannot be read and is skipped: {reason}", stacklevel=2)
            continue
        if state.get("format") != FORMAT:
            raise ValueError(f"{path}: format must be {FORMAT!r}, got {state.get('format')!r}")
        return state
    if found:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"{folder}: no checkpoint can be read ({names}); start a new run in another folder")
    return None


def first_not_finite(state: Any, name: str = "") -> str | None:
    """The name of the first tensor in a nested state that holds infinity or NaN, or None."""
    if isinstance(state, Tensor):
        return None if state.isfinite().all() else name
    inside = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    names = (first_not_finite(value, f"{name}.{key}".lstrip(".")) for key, value in inside)
    return next((found for found in names if found is not None), None)


def clear_unfinished(run_dir: Path) -> None:
    """Remove the temporary files of a run that was killed."""
    for path in [*run_dir.glob(f"*{UNFINISHED}"), *(run_dir / "checkpoints").glob(f"*{UNFINISHED}")]:
        path.unlink(missing_ok=True)


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Lock the run against other processes; the system releases the lock of a process that was killed.

    Raises ``ValueError`` when another process holds it.
    """
    folder = run_dir / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("wb") as file:
        if not _lock(file.fileno()):
            raise ValueError(f"{run_dir} is being trained by another process")
        clear_unfinished(run_dir)
        yield


def _lock(descriptor: int) -> bool:
    """Whether the file is locked now, or the system or the disk do not support locks."""
    if sys.platform == "win32":
        return True
    import fcntl  # noqa: PLC0415 - missing on some systems

    try:
        # Not flock: the loader's processes would inherit its lock and keep it for seconds after a kill.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)
    return True


def _whole(path: Path, device: torch.device | str) -> dict[str, Any]:
    """The state in a file. Raises some exception or other when the file is damaged."""
    with zipfile.ZipFile(path) as file:  # torch does not look at the checksums
        if (broken := file.testzip()) is not None:
            raise ValueError(f"{broken} in it is damaged")
    return dict(torch.load(path, map_location=device, weights_only=True))


def _newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("step-*.pt") if re.fullmatch(r"step-\d{8,}\.pt", path.name)]
    return sorted(found, key=lambda path: int(path.stem.partition("-")[2]), reverse=True)


def recipe_identity(recipe: Recipe) -> dict[str, Any]:
    """The settings that a resumed run must share with its checkpoint, as JSON has them."""
    settings = json.loads(json.dumps(recipe.to_dict()))
    return {name: value for name, value in settings.items() if name not in MAY_CHANGE}


def image_identity(images: BatchSource) -> dict[str, Any]:
    """Number and classes of the images, and a digest of their names in order, if they have any.

    Which image stands at which index decides what a step sees.
    """
    names = "\n".join(getattr(images, "names", ()))
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()
    return {
        "number": len(images),
        "classes": list(images.classes),
        "digest of names and order": digest if names else None,
    }


def check_recipe(recipe: Recipe, state: dict[str, Any], run_dir: Path) -> None:
    """Raises ``ValueError`` naming the settings that differ from the checkpoint's."""
    then = Recipe.from_dict(
        {"name": recipe.name} | state["recipe"]
    )  # settings added since have their defaults
    _check_same(recipe_identity(recipe), recipe_identity(then), f"{run_dir}: recipe.json")


def check_images(images: BatchSource, state: dict[str, Any], run_dir: Path) -> None:
    """Raises ``ValueError`` when the training images, or their order, are not the checkpoint's."""
    now, then = image_identity(images), dict(state["images"])
    for name in [name for name in now if now[name] is None or then.get(name) is None]:  # one is unknown
        now.pop(name), then.pop(name, None)
    _check_same(now, then, f"{run_dir}: the training images")


def _check_same(now: dict[str, Any], then: dict[str, Any], what: str) -> None:
    differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if differing:
        parts = [f"{name} was {_short(then.get(name))}, is {_short(now.get(name))}" for name in differing]
        raise ValueError(f"{what} must be as at its checkpoint, but {'; '.join(parts)}")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:100] + " …"
