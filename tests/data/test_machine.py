"""What a process may take of its machine."""

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from ssd_lite.data import machine


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 1000 bytes available, whose container is limited to 800, of which 500 are in use."""
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    for name, text in (("memory.max", "800\n"), ("memory.current", "500\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "memory.stat").write_text("anon 400\ninactive_file 100\nfile 100\n")
    return tmp_path


def test_memory_within_the_containers_limit(container: Path) -> None:
    assert machine.available_memory() == 400  # the files that are cached can go
    (container / "memory.current").write_text("950\n")
    assert machine.available_memory() == 0
    (container / "memory.current").write_text("0\n")
    (container / "memory.max").write_text("5000\n")
    assert machine.available_memory() == 1000


def test_memory_without_a_limit(container: Path) -> None:
    (container / "memory.max").write_text("max\n")
    assert machine.available_memory() == 1000
    (container / "memory.max").unlink()
    assert machine.available_memory() == 1000


def test_processes_of_a_run_share_the_machine(container: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(9)), raising=False)
    assert machine.local_cores() == 9
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert machine.available_memory() == 100
    assert machine.local_cores() == 2
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "16")
    assert machine.local_cores() == 1
