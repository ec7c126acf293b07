"""Atomic writing of files."""

import errno
import os
from pathlib import Path

import pytest

from ssd_lite.files import write_atomic


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"could not write .*results\.json: No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_a_name_is_synced_after_its_content_and_its_renaming(tmp_path: Path, monkeypatch) -> None:
    order, sync, replace = [], os.fsync, os.replace

    def noting_sync(descriptor: int) -> None:
        order.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)
        sync(descriptor)

    def noting_replace(old: Path, new: Path) -> None:
        order.append("renamed")
        replace(old, new)

    monkeypatch.setattr("os.fsync", noting_sync)
    monkeypatch.setattr("os.replace", noting_replace)
    write_atomic(tmp_path / "a", b"new")
    assert order == ["a.part", "renamed", tmp_path.name]


def test_writing_that_is_interrupted_leaves_nothing_half(tmp_path: Path, monkeypatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a", b"new")
    assert not list(tmp_path.iterdir())
