"""Atomic writing of files."""

import os
import sys
from pathlib import Path

UNFINISHED = ".part"
"""Suffix of a file that is still being written."""


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file completely or not at all: to a temporary name, synced to disk, then renamed.

    Creates missing parent folders. Raises ``OSError`` naming the file, for example when the disk is full;
    an existing file is then left as it was.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        _remove(unfinished)
        raise OSError(error.errno, f"could not write {path}: {error.strerror}") from error
    except BaseException:  # such as Ctrl-C, pressed twice
        _remove(unfinished)
        raise


def _sync_folder(folder: Path) -> None:
    """Sync a folder's directory entries: without it a rename may be lost in a power failure."""
    if sys.platform == "win32":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the caller reports the error that stopped the writing
