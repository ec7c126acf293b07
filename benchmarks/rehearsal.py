"""The paper's schedule, extrapolated from its first steps: ``python -m benchmarks.rehearsal``.

SSD300 on VGG-16 by the recipe ``voc0712``, 32 images a step, on 16,551 drawn scenes of 375 × 500 pixels with
objects of 20 classes, as many as VOC07+12 has. The whole step of 2,000 steps is timed, without drawing the
scenes and without saving. The time of all 120,000 steps is extrapolated from the steps after the first tenth,
in which the step is compiled. The detector is not evaluated.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import photos
from benchmarks.command import Settings, run
from ssd_lite import recipes, training
from ssd_lite.data import Scenes, decode
from ssd_lite.data.scenes import ALL_CLASSES
from ssd_lite.recipes import Recipe

IMAGES, CLASSES, SIZE_PX = 16_551, 20, (375, 500)
SCHEDULE = 120_000
GOAL_S = 33 * 60
"""The whole schedule should take less than this on one H100."""


def recipe(chosen: Settings) -> Recipe:
    """The paper's schedule, cut to the steps that are timed; without weights, since only time counts."""
    steps = chosen.size(quick=3, cpu=3, cuda=2000)
    whole = recipes.voc0712().changed(weights=None, seed=chosen.seed, learning_rate=1e-5)
    whole = whole.changed(checkpoint_every=max(1, steps // 10))
    if chosen.quick:
        return whole.changed(steps=steps, model="ssd_tiny", batch=4)
    return whole.changed(steps=steps, batch=chosen.size(quick=4, cpu=2, cuda=32))


def measure(chosen: Settings) -> Iterator[dict[str, Any]]:
    """Time the run, and extrapolate to the whole schedule."""
    count = chosen.size(quick=30, cpu=30, cuda=IMAGES)
    size = chosen.size(quick=(96, 128), cpu=SIZE_PX, cuda=SIZE_PX)
    scenes = Scenes(count=count, size=size, seed=chosen.seed, classes=ALL_CLASSES[:CLASSES])
    began = time.perf_counter()
    images = decode(scenes)
    drawing = time.perf_counter() - began
    if chosen.device.type == "cuda":
        images = images.to(chosen.device)
    few = decode(Scenes(count=4, size=size, seed=chosen.seed + 1, classes=scenes.classes))
    settings, times = recipe(chosen), list[tuple[int, float]]()
    with tempfile.TemporaryDirectory() as place:
        result = training.train(
            settings,
            run_dir=Path(place) / "run",
            data=(images, few),
            device=chosen.device,
            show=False,
            on_checkpoint=lambda step, seconds, model: times.append((step, seconds)),
        )
    whole = extrapolated(times, SCHEDULE)
    print(
        f"{settings.steps} steps of {settings.batch}: {result.seconds:.1f} s; "
        f"{SCHEDULE} steps would take {whole['schedule_seconds'] / 60:.1f} min (extrapolated)"
    )
    yield {
        "images": f"{count} drawn scenes of {size[0]} × {size[1]} pixels, objects of {CLASSES} classes",
        "model": settings.model,
        "batch": settings.batch,
        "steps": settings.steps,
        "training_seconds": result.seconds,
        "first_step_seconds": result.first_step_seconds,
        "drawing_seconds": drawing,
        "data_kept_in": photos.storage(images),
        "seconds_by_step": times,
        **whole,
        "schedule_steps": SCHEDULE,
        "goal_seconds": GOAL_S,
        "note": "schedule_seconds is extrapolated from the steps that were timed, not measured",
    }


def extrapolated(times: list[tuple[int, float]], steps: int) -> dict[str, float]:
    """Seconds per step after the first part, and what ``steps`` steps would take at that rate."""
    (first, starting), (last, ended) = times[0], times[-1]
    a_step = (ended - starting) / (last - first)
    return {"seconds_a_step": a_step, "schedule_seconds": starting + a_step * (steps - first)}


if __name__ == "__main__":
    run("rehearsal", __doc__, measure)
