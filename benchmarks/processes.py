"""Run a command with a time limit: output passed on and logged, SIGTERM first, then SIGKILL."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import IO

GRACE_S = 15.0
"""Seconds between SIGTERM and SIGKILL; the limit includes them."""

POLL_S = 0.5


class Outcome(Enum):
    """How a command ended."""

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped at its time limit"


def run(
    arguments: Sequence[str],
    *,
    log: Path,
    limit_s: float,
    environment: Mapping[str, str] = MappingProxyType({}),
    meanwhile: Callable[[], object] = lambda: None,
    grace_s: float | None = None,
) -> Outcome:
    """Run Python with ``arguments``; ends within ``limit_s`` seconds.

    Output is printed and appended to ``log``; ``environment`` is added to that of this process; ``meanwhile``
    is called about every five seconds. The command has a process group of its own, which is killed as a whole
    if it ignores SIGTERM, or when this process is interrupted.
    """
    end = time.monotonic() + limit_s
    command = [sys.executable, "-u", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, text=True, process_group=0, env=os.environ | environment, **pipes)
    try:
        printing = threading.Thread(target=_tee, args=(process.stdout, log), daemon=True)
        printing.start()
        in_time = _wait(process, end - min(GRACE_S if grace_s is None else grace_s, limit_s / 2), meanwhile)
        if not in_time:
            process.send_signal(signal.SIGTERM)
            _wait(process, end, meanwhile)
    finally:
        _kill_group(process)
        process.wait()
    printing.join(timeout=5)
    if not in_time:
        return Outcome.STOPPED
    return Outcome.DONE if process.returncode == 0 else Outcome.FAILED


def _wait(process: subprocess.Popen[str], until: float, meanwhile: Callable[[], object]) -> bool:
    """Wait for the end of a process; returns whether it came before the monotonic time ``until``."""
    called = time.monotonic()
    while process.poll() is None:
        now = time.monotonic()
        if now >= until:
            return False
        if now - called > 5:
            meanwhile()
            called = now
        time.sleep(min(POLL_S, max(until - now, 0.01)))
    return True


def _kill_group(process: subprocess.Popen[str]) -> None:
    """Kill what is left of the process and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _tee(stream: IO[str] | None, log: Path) -> None:
    assert stream is not None
    with stream, log.open("a") as file:
        for line in stream:
            print(line, end="", flush=True)
            file.write(line)
            file.flush()
