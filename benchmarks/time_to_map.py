"""Time to mAP, ours and torchvision's: ``python -m benchmarks.time_to_map --seconds 240``.

Both sides train SSD300 on VGG-16 with batch norm from scratch for the same number of seconds on the same JPEG
files: 16,551 drawn scenes of 20 classes, or with ``--data FOLDER`` the splits ``trainval`` and ``test`` of a
folder in VOC's layout. Ours decodes them onto the device first (``loading_seconds``, told apart) and trains
with its own harness. Torchvision's reads them from disk while it trains, with its reader, its transforms and
as many worker processes as there are cores, in mixed precision. Compiling counts as training on both sides,
evaluation does not.

Both have the same batch size, default boxes, momentum, decay and learning rates. The schedule runs over time
rather than over steps, so that each side, however fast it is, has been annealed when its time is over: the
rate rises over the first twentieth and falls at 2/3 and 5/6. Torchvision's extra maps have no batch norm,
ours have.

The mAP on the first 500 test images is written after every point. A side that is complete is not run again.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import drawn
from benchmarks.command import Settings, add_limit, parser, settings
from benchmarks.results_file import Record
from benchmarks.sides import NUMBERS, Ours, Torchvision, train_for
from ssd_lite import recipes
from ssd_lite.data import Scenes, VOCFolder, decode
from ssd_lite.recipes import Recipe

WATCHED = 500
"""Test images that the curves are measured on."""

RATE = 5e-3
"""Learning rate: half of what batch norm everywhere might bear, since torchvision's extra maps have none."""

SPARE_S = 45
"""Seconds that a side takes beside its training, at least: reading images, evaluating."""


def recipe(chosen: Settings, *, rate: float = RATE) -> Recipe:
    """The settings of both sides; augmentation, matching and loss are each side's own."""
    whole = recipes.scenes300().changed(
        seed=chosen.seed, learning_rate=rate, zoom_out=0.5, train_split="trainval"
    )
    if chosen.quick:
        small = {
            "model": "ssd_tiny",
            "model_options": {},
            "image_size_px": (96, 128),
            "canvas_px": 128,
            "batch": 2,
        }
        whole = whole.changed(train_images=8, test_images=4, **small)
    return whole.with_steps(NUMBERS).changed(warmup=NUMBERS // 20)


def folder_of(run: Recipe, work: Path, *, workers: int | None) -> Path:
    """A folder with the drawn scenes of a recipe, written now unless it is there."""
    size, classes = run.image_size_px or (run.canvas_px, run.canvas_px), tuple(run.classes or ())
    root = work / "scenes"
    for split, count, seed in (
        ("trainval", run.train_images, 2 * run.seed),
        ("test", min(run.test_images, WATCHED), 2 * run.seed + 1),
    ):
        drawn.folder(
            root, Scenes(count=count, size=size, classes=classes, seed=seed), split=split, workers=workers
        )
    return root


def measure(
    chosen: Settings,
    run: Recipe,
    record: Record,
    *,
    root: Path | None,
    work: Path,
    seconds: float,
    limit_s: float,
) -> bool:
    """Train the sides that are missing and for which there is time; returns whether both are complete."""
    end = time.monotonic() + limit_s
    began = time.monotonic()
    root = root or folder_of(run, work, workers=1 if chosen.quick else None)
    drawing, began = time.monotonic() - began, time.monotonic()
    train = decode(VOCFolder(root, "trainval", skip_invalid=True), canvas_px=run.canvas_px)
    test = decode(VOCFolder(root, "test", classes=train.classes, skip_invalid=True), canvas_px=run.canvas_px)
    watched = drawn.first(test, WATCHED).to(chosen.device)
    record.replace(
        {
            "train_images": len(train),
            "test_images": len(watched),
            "drawing_seconds": round(drawing, 1),
            "loading_seconds": round(time.monotonic() - began, 1),
        }
    )
    sides = {
        "ours": lambda: Ours(run, train, watched, chosen.device),
        "torchvision": lambda: Torchvision(run, root, work / "link", train, watched, chosen.device),
    }
    for name, side_of in sides.items():
        if record.measured.get(name, {}).get("complete"):
            continue
        if not chosen.quick and time.monotonic() + seconds + SPARE_S > end:
            return False
        for state in train_for(side_of, seconds, device=chosen.device):
            record.replace({name: state | {"complete": False}})
            print(
                f"{name}: {state['steps']} steps, {state['seconds']:.0f} s, mAP {_last(state):.3f}",
                flush=True,
            )
        images = state["steps"] * run.batch
        record.replace(
            {name: state | {"complete": True, "images_per_second": round(images / state["seconds"], 1)}}
        )
    record.replace(compared(record.measured))
    return True


def _last(state: dict[str, Any]) -> float:
    return float(state["curve"][-1]["map"]) if state["curve"] else 0.0


def compared(measured: dict[str, Any]) -> dict[str, Any]:
    """How long ours took to reach the best mAP of torchvision; None if it did not."""
    best = max((point["map"] for point in measured["torchvision"]["curve"]), default=0.0)
    reached = (point["seconds"] for point in measured["ours"]["curve"] if point["map"] >= best)
    return {"torchvisions_best_map": best, "seconds_to_torchvisions_best_map": next(reached, None)}


def resumed(record: Record, settings: dict[str, Any]) -> None:
    """Take complete sides of the same settings over from the result that is on disk."""
    if record.path.exists():
        held = json.loads(record.path.read_text())
        if held.get("settings") == settings:
            record.measured |= {
                name: held[name] for name in ("ours", "torchvision") if held.get(name, {}).get("complete")
            }
    record.replace({"settings": settings})


def options() -> argparse.ArgumentParser:
    """The command line."""
    found = parser(__doc__)
    found.add_argument("--seconds", type=float, default=240, help="seconds of training of each side")
    found.add_argument("--data", type=Path, help="folder in VOC's layout; by default scenes are drawn")
    found.add_argument("--learning-rate", type=float, default=RATE)
    found.add_argument("--work", type=Path, default=Path("runs/time_to_map"), help="folder for drawn scenes")
    add_limit(found, default_s=float("inf"))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; exits with status 3 while a side is missing."""
    arguments = options().parse_args(argv)
    chosen = settings(arguments)
    run = recipe(chosen, rate=arguments.learning_rate)
    record = Record(
        "time_to_map",
        device=chosen.device,
        folder=chosen.out,
        stamp={"quick": chosen.quick, "seed": chosen.seed},
    )
    dataset = arguments.data.name if arguments.data else "drawn scenes"
    resumed(
        record,
        json.loads(json.dumps({"recipe": run.to_dict(), "dataset": dataset, "seconds": arguments.seconds})),
    )
    done = measure(
        chosen,
        run,
        record,
        root=arguments.data,
        work=arguments.work,
        seconds=arguments.seconds,
        limit_s=arguments.limit_s,
    )
    if not done:
        print("there is no time left for another side; run the same command again to resume")
        sys.exit(3)
    print(f"written to {record.complete()}")


if __name__ == "__main__":
    main()
