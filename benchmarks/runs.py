"""Whole training runs, measured: ``python -m benchmarks.runs cards``.

``scenes`` is the recipe of that name. The others train ``ssd300_mobilenet_v2`` on real photographs.
Their images and weights are not part of the repository: ``SSD_LITE_SHARED`` names the folder that
holds ``data/NAME`` in VOC layout and ``weights/mobilenet_v2_int8_dequantised.pth``, an
ImageNet-trained MobileNetV2 in torchvision's layout whose batch norms were folded, so they stay
frozen, and whose input is normalised with mean and deviation 0.5.
"""

import argparse
import os
import shutil
from pathlib import Path

import torch

from benchmarks.results_file import RESULTS, commit, write
from ssd_lite import models, plotting, recipes, training
from ssd_lite.data import Example, VOCFolder
from ssd_lite.recipes import Recipe, for_folder
from ssd_lite.truths import Truths

SHARED = Path(os.environ.get("SSD_LITE_SHARED", Path(__file__).parents[2] / "shared"))
WEIGHTS = "mobilenet_v2_int8_dequantised.pth"
STEPS = {"scenes": 1300, "cards": 900, "bccd": 900, "fod-a": 6000}


def recipe(name: str, steps: int) -> Recipe:
    """The settings that ``ssd-lite train FOLDER`` would choose, for the weights at hand."""
    if name == "scenes":
        return recipes.scenes().with_steps(steps)
    root, weights = SHARED / "data" / name, SHARED / "weights" / WEIGHTS
    dataset = VOCFolder(root, "trainval", skip_invalid=True)
    truths = Truths.from_list([dataset.truth(i) for i in range(len(dataset))])
    chosen = for_folder(truths, root=str(root), weights=str(weights)).with_steps(steps)
    return chosen.changed(
        name=name,
        train_split="trainval",
        model_options={**chosen.model_options, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        checkpoint_every=100,
    )


def misses(result: training.Result, path: Path) -> None:
    """A picture of the first images where an object was missed or something else was found."""
    examples, found = [], []
    for batch in result.test_images.batches([[i] for i in range(len(result.test_images))]):
        height, width = batch.sizes_px[0].tolist()
        truth = next(batch.truths.unpadded())
        detections = result.model.predict([batch.images[0, :, :height, :width]])[0]
        sure = detections["labels"][detections["scores"] >= 0.5]
        if sorted(sure.tolist()) != sorted(truth.labels.tolist()):
            examples.append(Example(batch.images[0, :, :height, :width], truth, batch.names[0]))
            found.append(detections)
        if len(examples) == 12:
            break
    if examples:
        plotting.save(plotting.detections_beside_truth(examples, found, result.model.classes), path)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=STEPS)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--resume", action="store_true", help="go on where the run was cut off")
    parser.add_argument("--run", type=Path, help="folder of the run; by default runs/NAME")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    parser.add_argument("--detector", type=Path, help="write the detector here too, in half precision")
    arguments = parser.parse_args()
    of = commit()  # before the run: the files may change while it takes its time
    run = arguments.run or Path("runs") / arguments.name
    if arguments.resume:
        result = training.resume(run, skip_invalid=True)
    else:
        shutil.rmtree(run, ignore_errors=True)
        chosen = recipe(arguments.name, arguments.steps or STEPS[arguments.name])
        result = training.train(chosen, run_dir=run, skip_invalid=True)
    misses(result, run / "misses.png")
    if arguments.detector:
        about = models.about(run / "model.safetensors")
        arguments.detector.write_bytes(models.to_bytes(result.model, about=about, half=True))
    settings = {"recipe": _without_paths(result.recipe.to_dict()), "left_out": result.skipped}
    measured = {
        "metrics": result.metrics.to_dict(),
        "training_seconds": round(result.seconds, 1),
        "training_images_per_second": round(result.images_per_second, 2),
        "train_images": result.train_count,
        "test_images": len(result.test_images),
        "log": training.read_log(run),
    }
    device = torch.device(result.device)
    path = write(arguments.name, measured | settings, device=device, of=of, folder=arguments.out)
    print(f"mAP@0.5 {result.metrics.mean:.3f}, {result.seconds:.0f} s of training; written to {path}")


def _without_paths(recipe: dict[str, object]) -> dict[str, object]:
    """The recipe without the folders of this machine."""
    return recipe | {name: recipe[name] and Path(str(recipe[name])).name for name in ("root", "weights")}


if __name__ == "__main__":
    main()
