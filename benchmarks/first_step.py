"""Seconds until the first step of a training: ``python -m benchmarks.first_step``.

SSD300 on VGG-16 in batches of 32, each time in a process of its own: compiled with an empty compile cache,
compiled with the cache that this left, and eagerly. The clock starts when images and model exist, and stops
when the loss of the first step is known; importing torch is not counted. ``steady_step_s`` is the time of
later steps, so that both together say after how many steps compiling has paid for itself.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.command import Settings, run
from benchmarks.photos import endless
from benchmarks.timing import seconds, synchronize
from benchmarks.training_step import recipe
from ssd_lite import models, training
from ssd_lite.data import Scenes, decode

GOALS_S = {"cold cache": 25.0, "warm cache": 10.0, "eager": 1.0}

"""Objects per image at most: rows of padded ground truth decide the shape that is compiled."""


def measure(chosen: Settings) -> Iterator[dict[str, Any]]:
    """One process after the other."""
    goals = GOALS_S if chosen.full else dict.fromkeys(GOALS_S)
    ways = ["eager"] if chosen.quick else list(GOALS_S)  # compiling takes minutes on a CPU
    yield {"batch": _batch(chosen), "first_steps": []}
    with tempfile.TemporaryDirectory() as cache:
        for way in ways:
            found = _in_process(way, chosen, Path(cache))
            first, later = found["first_step_s"], 1e3 * found["steady_step_s"]
            print(f"first step, {way}: {first:.2f} s; later steps {later:.1f} ms", flush=True)
            yield {"first_steps": [{"name": way, **found, "goal_s": goals[way]}]}


def _in_process(way: str, chosen: Settings, cache: Path) -> dict[str, float]:
    """What ``_time`` measures in a new process; the last line of its output."""
    settings = {"way": way, "device": str(chosen.device), "quick": chosen.quick, "seed": chosen.seed}
    places = {"TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"), "TRITON_CACHE_DIR": str(cache / "triton")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.first_step", "--child", json.dumps(settings)],
        env=os.environ | places,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _time(way: str, chosen: Settings) -> dict[str, float]:
    """Seconds of the first step and of later ones in this process."""
    settings = recipe(chosen)
    scenes = Scenes(count=_batch(chosen), size=chosen.size(quick=(96, 128), cpu=(375, 500), cuda=(375, 500)))
    images = decode(scenes).to(chosen.device)
    model = models.MODELS[settings.model](scenes.classes, **settings.model_options)
    batches = endless(images, settings.batch, seed=chosen.seed)
    synchronize(chosen.device)
    began = time.perf_counter()
    trainer = training.Trainer(model, settings, device=chosen.device, compile=way != "eager")
    trainer.step(next(batches), 0).total.item()
    first = time.perf_counter() - began
    calls = chosen.size(quick=1, cpu=1, cuda=20)
    trainer.step(next(batches), 1)
    steady = seconds(lambda: trainer.step(next(batches), 2), device=chosen.device, calls=calls)
    return {"first_step_s": first, "steady_step_s": steady}


def _batch(chosen: Settings) -> int:
    return recipe(chosen).batch


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        chosen = json.loads(sys.argv[2])
        way, device = chosen.pop("way"), torch.device(chosen.pop("device"))
        print(json.dumps(_time(way, Settings(device=device, **chosen))))
    else:
        run("first_step", __doc__, measure)
