"""Whole training runs, measured: ``python -m benchmarks.runs cards``.

``scenes`` is the recipe of that name. The others train ``ssd300_mobilenet_v2`` on real photographs, whose
images and weights are not part of the repository: ``SSD_LITE_SHARED`` names the folder that holds
``data/NAME`` in VOC layout and ``weights/mobilenet_v2_int8_dequantised.pth``, an ImageNet-trained MobileNetV2
in torchvision's layout. Its batch norms were folded, so they stay frozen, and its input is normalised with
mean and deviation 0.5.

What follows the training (evaluation, a picture of misses) is timed, too; it should take less than a tenth.
"""

import argparse
import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from benchmarks.photos import SHARED
from benchmarks.results_file import RESULTS, Record
from ssd_lite import models, plotting, recipes, training
from ssd_lite.data import BatchSource, Example, VOCFolder
from ssd_lite.data.loading import in_order
from ssd_lite.recipes import Recipe, for_folder
from ssd_lite.truths import Truths

WEIGHTS = "mobilenet_v2_int8_dequantised.pth"
STEPS = {"scenes": 1300, "cards": 900, "bccd": 900, "fod-a": 6000}
SURE, SHOWN = 0.5, 12
"""The score from which a detection counts in the picture of misses, and how many images that shows."""


def recipe(name: str, steps: int, *, own_boxes: bool = False) -> Recipe:
    """The settings that ``ssd-lite train FOLDER`` would choose, with the weights described above.

    With ``own_boxes`` the model keeps its own default boxes even if others are fitted to the objects.
    """
    if name == "scenes":
        return recipes.scenes().with_steps(steps)
    root, weights = SHARED / "data" / name, SHARED / "weights" / WEIGHTS
    dataset = VOCFolder(root, "trainval", skip_invalid=True)
    truths = Truths.from_list([dataset.truth(i) for i in range(len(dataset))])
    chosen = for_folder(truths, root=str(root), weights=str(weights)).with_steps(steps)
    return chosen.changed(
        name=name,
        default_boxes=None if own_boxes else chosen.default_boxes,
        train_split="trainval",
        model_options={**chosen.model_options, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        checkpoint_every=max(1, steps // 9),
    )


def misses(model: models.SSD, images: BatchSource) -> Iterator[tuple[Example, dict[str, torch.Tensor]]]:
    """Images where the sure detections are not of the same classes as the objects, with their detections."""
    device = next(model.parameters()).device
    for batch in images.batches(in_order(len(images), 32)):
        moved = batch.to(device)
        found = model.predict(moved.images, sizes_px=moved.sizes_px)
        sizes = batch.sizes_px.tolist()
        examples = zip(batch.images, sizes, batch.truths.to("cpu").unpadded(), batch.names, strict=True)
        for (image, (height, width), truth, name), detections in zip(examples, found, strict=True):
            sure = detections["labels"][detections["scores"] >= SURE]
            if sorted(sure.tolist()) != sorted(truth.labels.tolist()):
                on_cpu = {key: value.cpu() for key, value in detections.items()}
                yield Example(image[:, :height, :width].cpu(), truth, name), on_cpu


def draw_misses(model: models.SSD, images: BatchSource, path: Path) -> None:
    """Draw the first images of :func:`misses`; no picture if there are none."""
    if shown := list(islice(misses(model, images), SHOWN)):
        examples, found = zip(*shown, strict=True)
        plotting.save(plotting.detections_beside_truth(examples, found, model.classes, threshold=SURE), path)


def measure(chosen: Recipe, run: Path, device: str | None) -> tuple[training.Result, dict[str, Any]]:
    """Train, or resume what ``run`` holds; the result, and what it says for the JSON."""
    trained_at = began = time.perf_counter()

    def on_checkpoint(*_: object) -> None:
        nonlocal trained_at
        trained_at = time.perf_counter()

    options: dict[str, Any] = {"device": device, "skip_invalid": True, "on_checkpoint": on_checkpoint}
    if (run / "recipe.json").exists():
        result = training.resume(run, **options)
    else:
        result = training.train(chosen, run_dir=run, **options)
    evaluated_at = time.perf_counter()
    draw_misses(result.model, result.test_images, run / "misses.png")
    after = {"evaluation": evaluated_at - trained_at, "picture": time.perf_counter() - evaluated_at}
    return result, {
        "metrics": result.metrics.to_dict(),
        "training_seconds": round(result.seconds, 1),
        "first_step_seconds": round(result.first_step_seconds, 2),
        "training_images_per_second": round(result.images_per_second, 2),
        "total_seconds": round(time.perf_counter() - began, 1),
        "after_training_seconds": {name: round(value, 2) for name, value in after.items()},
        "train_images": result.train_count,
        "test_images": len(result.test_images),
        "recipe": without_paths(result.recipe.to_dict()),
        "skipped": result.skipped,
        "log": training.read_log(run),
    }


def without_paths(settings: dict[str, Any]) -> dict[str, Any]:
    """The recipe's settings with names of files and folders instead of their paths on this machine."""
    return settings | {key: settings[key] and Path(str(settings[key])).name for key in ("root", "weights")}


def options() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("name", choices=STEPS)
    found.add_argument("--steps", type=int, help="by default " + str(STEPS))
    found.add_argument("--device", help="cpu or cuda; by default the GPU if there is one")
    found.add_argument("--own-boxes", action="store_true", help="fit no default boxes; NAME_own_boxes.*.json")
    found.add_argument("--resume", action="store_true", help="resume the run if its folder holds one")
    found.add_argument("--run", type=Path, help="folder of the run; by default runs/NAME")
    found.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    found.add_argument("--detector", type=Path, help="also write the detector here, in half precision")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    arguments = options().parse_args(argv)
    device = torch.device(arguments.device) if arguments.device else training.default_device()
    name = arguments.name + ("_own_boxes" if arguments.own_boxes else "")
    record = Record(name, device=device, folder=arguments.out)
    run = arguments.run or Path("runs") / name
    if not arguments.resume:
        shutil.rmtree(run, ignore_errors=True)
    steps = arguments.steps or STEPS[arguments.name]
    chosen = recipe(arguments.name, steps, own_boxes=arguments.own_boxes)
    result, measured = measure(chosen, run, device.type)
    if arguments.detector:
        about = models.about(run / "model.safetensors")
        arguments.detector.write_bytes(models.to_bytes(result.model, about=about, half=True))
    command = f"python -m benchmarks.runs {arguments.name}" + (" --own-boxes" if arguments.own_boxes else "")
    record.add(measured | {"command": command})
    after = sum(measured["after_training_seconds"].values())
    print(
        f"mAP@0.5 {result.metrics.mean:.3f}; first step {result.first_step_seconds:.1f} s, training "
        f"{result.seconds:.0f} s, evaluation and picture {after:.1f} s; written to {record.complete()}"
    )


if __name__ == "__main__":
    main()
