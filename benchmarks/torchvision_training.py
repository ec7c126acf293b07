"""Training torchvision's SSD: its model, its transforms, its reader of VOC, its loss.

The step is that of torchvision's detection reference (model and loss in mixed precision, SGD) with the
learning rates of one of our recipes. It uses bfloat16 instead of float16, so that gradients need no scaling.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.datasets import VOCDetection

from benchmarks import torchvision_side as theirs
from benchmarks.torchvision_side import Target
from ssd_lite import models
from ssd_lite.data import BatchSource
from ssd_lite.data.loading import in_order
from ssd_lite.evaluation import AveragePrecision, VOCEvaluator
from ssd_lite.recipes import Recipe
from ssd_lite.training.schedule import learning_rate, parameter_groups

Images = list[Tensor]


def reader(
    root: Path,
    split: str,
    classes: Sequence[str],
    *,
    size_px: int,
    link: Path,
    names: Sequence[str] | None = None,
) -> VOCDetection:
    """Torchvision's reader of VOC with its transforms for SSD, on any folder in VOC's layout.

    It looks for ``VOCdevkit/VOC2012``, so ``link`` becomes a folder that holds a link of that name. ``names``
    restricts it to some of the images.
    """
    place = link / "VOCdevkit" / "VOC2012"
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():  # perhaps to another folder
        place.unlink()
    if not place.exists():
        place.symlink_to(root.resolve(), target_is_directory=True)
    transforms = _Transforms(classes, size_px)
    found = VOCDetection(str(link), year="2012", image_set=split, transforms=transforms)
    if names is not None:
        wanted = set(names)
        chosen = [number for number, path in enumerate(found.images) if Path(path).stem in wanted]
        found.images = [found.images[number] for number in chosen]
        found.targets = [found.targets[number] for number in chosen]
    return found


class _Transforms:
    """Turn an annotation into a target, then transform image and target; picklable, for worker processes."""

    def __init__(self, classes: Sequence[str], size_px: int) -> None:
        self.labels = {name: label for label, name in enumerate(classes, start=1)}
        self.transforms = theirs.pipeline(size_px)

    def __call__(self, image: Any, tree: dict[str, Any]) -> tuple[Tensor, Target]:
        objects = tree["annotation"]["object"]
        corners = [[float(o["bndbox"][k]) for k in ("xmin", "ymin", "xmax", "ymax")] for o in objects]
        boxes = tv_tensors.BoundingBoxes(
            torch.tensor(corners).view(-1, 4),
            format="XYXY",
            canvas_size=(image.height, image.width),
        )
        labels = torch.tensor([self.labels[o["name"]] for o in objects], dtype=torch.int64)
        found: tuple[Tensor, Target] = self.transforms(image, {"boxes": boxes, "labels": labels})
        return found


def batches(
    dataset: Any, order: Iterable[Sequence[int]], *, workers: int, device: torch.device
) -> Iterator[tuple[Images, list[Target]]]:
    """Batches of transformed images and targets on the device, prepared by worker processes."""
    loader: Iterable[tuple[Images, list[Target]]] = DataLoader(
        dataset,
        batch_sampler=order,  # type: ignore[arg-type]  # sequences of ints as well as lists
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=device.type == "cuda",
        worker_init_fn=_one_thread,
    )
    for images, targets in loader:
        yield moved(images, targets, device)


def moved(images: Images, targets: list[Target], device: torch.device) -> tuple[Images, list[Target]]:
    """Images and targets on the device."""
    there = [{k: v.to(device, non_blocking=True) for k, v in target.items()} for target in targets]
    return [image.to(device, non_blocking=True) for image in images], there


def _collate(samples: Sequence[tuple[Tensor, Target]]) -> tuple[Images, list[Target]]:
    plain = torch.Tensor.as_subclass
    return [plain(image, Tensor) for image, _ in samples], [
        {key: plain(value, Tensor) for key, value in target.items()} for _, target in samples
    ]


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)  # there is one worker per core


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Training:
    """Torchvision's detector like one of ours, with an optimizer and the learning rates of a recipe."""

    def __init__(self, model: models.SSD, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.type == "cuda")
        self.model = theirs.like(model).to(device).train()
        groups = parameter_groups(self.model, recipe.weight_decay)
        self.optimizer = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)

    def step(self, images: Images, targets: list[Target], number: int = 0) -> Tensor:
        """Take step ``number``, which decides the learning rate; returns its loss."""
        rate = learning_rate(
            number,
            base=self.recipe.learning_rate,
            warmup=self.recipe.warmup,
            milestones=self.recipe.milestones,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.loss(images, targets)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def loss(self, images: Images, targets: list[Target]) -> Tensor:
        """Forward pass and loss, in mixed precision if the recipe asks for it."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            parts: dict[str, Tensor] = self.model(images, targets)
        return parts["bbox_regression"] + parts["classification"]

    @torch.no_grad()
    def predict(self, images: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Detections in uint8 images, on the CPU, with boxes relative to each image."""
        self.model.eval()
        found = self.model([image.to(self.device) / 255 for image in images])
        self.model.train()
        for detections, image in zip(found, images, strict=True):
            height, width = image.shape[-2:]
            detections["boxes"] /= detections["boxes"].new_tensor([width, height, width, height])
        return [{key: value.cpu() for key, value in detections.items()} for detections in found]

    def evaluate(self, images: BatchSource) -> AveragePrecision:
        """VOC's average precision of torchvision's detections, by our evaluator."""
        evaluator = VOCEvaluator(images.classes)
        for batch in images.batches(in_order(len(images), 32)):
            sizes = batch.sizes_px.tolist()
            whole = [
                image[:, :height, :width] for image, (height, width) in zip(batch.images, sizes, strict=True)
            ]
            evaluator.update(self.predict(whole), batch.truths)
        return evaluator.compute()
