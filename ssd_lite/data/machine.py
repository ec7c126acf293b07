"""What a process may take of its machine: cores and memory, shared with the processes of the same run."""

import os
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux states the memory that a container may use."""


def local_processes() -> int:
    """How many processes of this run share the machine, as torchrun states."""
    return max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def local_cores() -> int:
    """The cores that this process may use: its share of those it is allowed to run on, at least one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed // local_processes())


def available_memory() -> int:
    """This process's share of the machine's available memory in bytes, within its container's limit."""
    available: int = psutil.virtual_memory().available
    limited = _available_in_container()
    return (available if limited is None else min(available, limited)) // local_processes()


def _available_in_container() -> int | None:
    """What a memory limit leaves in bytes; ``None`` where there is no limit."""
    try:
        limit, used = ((CGROUP / name).read_text() for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        inactive = int(stat["inactive_file"])
        return max(0, int(limit) - int(used) + inactive)  # cached files give way to whoever asks
    except (OSError, ValueError, KeyError):  # no cgroup of the second version, or "max": no limit
        return None
