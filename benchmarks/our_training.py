"""Our detector under training, put together as ``training.train`` does it, for one step to be timed alone."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ssd_lite.criterion import Loss, MultiBoxCriterion
from ssd_lite.data import Batch, Source
from ssd_lite.data.loading import shuffled
from ssd_lite.models import SSD
from ssd_lite.recipes import Recipe
from ssd_lite.training import train_step
from ssd_lite.training.schedule import parameter_groups
from ssd_lite.truths import Truths


class Training:
    """One model, its objective and its optimizer; compiled on a GPU, as in a run."""

    def __init__(self, model: SSD, recipe: Recipe, device: torch.device) -> None:
        self.device = device
        self.half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.type == "cuda")
        self.model = model.to(device).to(memory_format=torch.channels_last).train()
        options: dict[str, Any] = {"variances": model.variances} | dict(recipe.criterion)
        self.criterion = MultiBoxCriterion(model.default_boxes, **options).to(device)
        groups = parameter_groups(self.model, recipe.weight_decay)
        # A small rate: the steps are timed, and many of them in a row must not diverge.
        self.optimizer = torch.optim.SGD(
            groups, lr=1e-4, momentum=recipe.momentum, fused=device.type == "cuda"
        )
        self.augmentation = recipe.augmentation(model.image_size)
        self.generator = torch.Generator(device).manual_seed(recipe.seed)
        self.forward: Any = self.model
        self.loss: Any = self.criterion
        if recipe.compile or (recipe.compile is None and device.type == "cuda"):
            self.forward, self.loss = torch.compile(self.model), torch.compile(self.criterion)

    def step(self, batch: Batch) -> Loss:
        """The whole step, augmentation included."""
        return train_step(
            self.forward,
            self.loss,
            self.optimizer,
            self.augmentation,
            batch,
            generator=self.generator,
            half=self.half,
        )

    def augmented(self, batch: Batch) -> tuple[Tensor, Truths]:
        """The step's first part: images of the model's size, and what is seen in them."""
        images, truths = self.augmentation(
            batch.images, batch.truths, generator=self.generator, sizes_px=batch.sizes_px
        )
        return images.contiguous(memory_format=torch.channels_last), truths

    def predicted(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The second part: offsets and logits."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            found: tuple[Tensor, Tensor] = self.forward(images)
        return found

    def learned(self, images: Tensor, truths: Truths) -> Tensor:
        """Everything but augmentation."""
        total: Tensor = self.loss(*self.predicted(images), truths).total
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return total.detach()


def endless(source: Source, batch: int, device: torch.device, *, seed: int) -> Iterator[Batch]:
    """Batches in random order on the device, without end."""
    for found in source.batches(shuffled(len(source), batch, steps=10**9, seed=seed)):
        yield found.to(device)
