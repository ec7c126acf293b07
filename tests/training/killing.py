"""Kill training with SIGKILL, go on, and compare with a run that was never killed.

``python -m tests.training.killing --kills 200 --seed 1`` kills at random moments; ``--everywhere`` kills once
before each time that a run touches a file. Processes are forked from this one, which has torch
imported and the images drawn, and computes nothing itself: a new interpreter would take seconds a kill.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ssd_lite import recipes, training
from ssd_lite.training import checkpoint

RECIPE = recipes.scenes().changed(
    train_images=9,  # and batches of 2: epochs end within batches
    test_images=2,
    steps=20,
    batch=2,
    warmup=3,
    milestones=(14,),
    log_every=4,  # so that checkpoints fall within a window of the log
    checkpoint_every=3,
    criterion={"mining": "random"},  # which draws numbers that must be drawn again
)
SHORT = RECIPE.changed(steps=3, log_every=2, checkpoint_every=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--everywhere", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if options.everywhere:
            report = everywhere(Path(folder))
        else:
            report = at_random(Path(folder), options.kills, random.Random(options.seed))
    print(json.dumps(report))
    sys.exit(bool(report["failures"]))


def at_random(folder: Path, kills: int, moments: random.Random) -> dict[str, Any]:
    """Kill runs at random moments, each as often as it takes to its end, until there were enough kills."""
    data = training.open_sources(RECIPE)
    took, expected = _whole(RECIPE, folder / "whole", data)
    killed, runs, failures = 0, 0, []
    while killed < kills:
        run, runs, times = folder / f"run-{runs}", runs + 1, 0
        while killed < kills:
            # Later and later, so that a machine that has become slower gets somewhere too.
            moment = moments.uniform(0, took * (1 + times / 4))
            if (code := _forked(lambda run=run: _go_on(RECIPE, run, data), moment)) >= 0:
                break
            killed, times = killed + 1, times + 1
        else:
            code = _forked(lambda run=run: _go_on(RECIPE, run, data))
        failures += _failures(run, code, expected, f"run {runs}")
    return {"kills": killed, "runs": runs, "seconds of one": round(took, 2), "failures": failures}


def everywhere(folder: Path) -> dict[str, Any]:
    """Kill a short run once before each time that it touches a file, and go on."""
    data = training.open_sources(SHORT)
    _, expected = _whole(SHORT, folder / "whole", data)
    failures, number, code = [], 0, -signal.SIGKILL
    while code < 0:
        run, number = folder / f"run-{number}", number + 1
        code = _forked(lambda run=run, number=number: _go_on(SHORT, run, data, kill_at=number))
        code = _forked(lambda run=run: _go_on(SHORT, run, data)) or code
        failures += _failures(run, max(code, 0), expected, f"killed at touch {number}")
    return {"kills": number - 1, "failures": failures}


def _go_on(recipe: recipes.Recipe, run: Path, data: tuple, *, kill_at: int = 0) -> None:
    if kill_at:
        _kill_at(kill_at, run)
    go_on = (
        training.resume
        if (run / "recipe.json").exists()
        else lambda run, **o: training.train(recipe, run_dir=run, **o)
    )
    go_on(run, data=data, device="cpu", show=False)


def _kill_at(number: int, run: Path) -> None:
    """Kill this process before it opens, renames, removes or syncs a file of the run for the n-th time.

    Before a sync only half of a new file has reached the disk, or not all of the line added to the log.
    """
    left, sync = [number], os.fsync

    def count(descriptor: int | None = None) -> None:
        left[0] -= 1
        if left[0] == 0:
            if descriptor is not None:
                _cut_off(descriptor)
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple) -> None:
        touches = event in ("open", "os.rename", "os.remove", "os.mkdir")
        if touches and str(arguments[0]).startswith(str(run)):
            count()

    def counting_sync(descriptor: int) -> None:
        count(descriptor)
        sync(descriptor)

    os.fsync = counting_sync
    sys.addaudithook(hook)


def _cut_off(descriptor: int) -> None:
    file = Path(f"/proc/self/fd/{descriptor}").resolve()
    if file.is_file():
        size = file.stat().st_size
        os.truncate(descriptor, size // 2 if file.suffix == checkpoint.UNFINISHED else max(0, size - 10))


def _whole(recipe: recipes.Recipe, run: Path, data: tuple) -> tuple[float, dict[str, str]]:
    """How long a run takes that is not killed, in seconds, and what it comes to."""
    began = time.perf_counter()
    if code := _forked(lambda: _go_on(recipe, run, data)):
        raise RuntimeError(f"a run that was not killed ended with {code}")
    return time.perf_counter() - began, outcome(run)


def outcome(run: Path) -> dict[str, str]:
    """Digests of the log and of every tensor of the detector and of the last state."""
    state = checkpoint.newest(run / "checkpoints") or {}
    tensors = {f"state {name}": value for name, value in state["model"].items()}
    for number, slot in state["optimizer"]["state"].items():
        tensors[f"momentum {number}"] = slot["momentum_buffer"]
    tensors |= load_file(run / "model.safetensors")
    found = {name: _digest(value.contiguous().numpy().tobytes()) for name, value in tensors.items()}
    return found | {"log": _digest((run / "log.jsonl").read_bytes())}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _failures(run: Path, code: int, expected: dict[str, str], what: str) -> list[str]:
    if code:
        return [f"{what}: ended with {code}"]
    found = outcome(run)
    failures = [f"{what}: {name} differs" for name in expected if found.get(name) != expected[name]]
    left = [str(path) for path in run.rglob(f"*{checkpoint.UNFINISHED}")]
    return failures + [f"{what}: left {path}" for path in left]


def _forked(action: Callable[[], object], seconds: float | None = None) -> int:
    """Exit code of an action in a process of its own, which is killed after some seconds: then it is -9."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)  # a process that has ended already stays until it is waited for
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
