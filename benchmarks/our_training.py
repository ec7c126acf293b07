"""Our detector under training, put together as ``training.train`` does it, for one step to be timed alone."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.criterion import Loss, MultiBoxCriterion
from ssd_lite.data import Batch, BatchSource
from ssd_lite.data.loading import shuffled
from ssd_lite.models import SSD
from ssd_lite.random import PredrawnUniforms
from ssd_lite.recipes import Recipe
from ssd_lite.training.schedule import parameter_groups
from ssd_lite.training.step import Objective, draw, learn
from ssd_lite.truths import Truths


class Training:
    """One model, its objective and its optimizer; the step is one compiled graph on a GPU, as in a run."""

    def __init__(self, model: SSD, recipe: Recipe, device: torch.device) -> None:
        self.device = device
        self.half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.type == "cuda")
        self.compiles = recipe.compile or (recipe.compile is None and device.type == "cuda")
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
        whole = Objective(self.model, self.criterion, self.augmentation, half=self.half)
        self.objective = self._compiled(whole)
        # The parts of the step, to be timed one by one.
        self.seen = self._compiled(Augmenting(self.augmentation))
        self.forward, self.loss = self._compiled(self.model), self._compiled(self.criterion)

    def step(self, batch: Batch) -> Loss:
        """The whole step, augmentation included."""
        images = len(batch.images)
        numbers = draw(self.augmentation, images, self.generator, self.device)
        loss: Loss = self.objective(
            batch.images, batch.sizes_px, batch.truths, numbers, batch=images, first=0
        )
        learn(self.optimizer, loss.total)
        return loss

    def augmented(self, batch: Batch) -> tuple[Tensor, Truths]:
        """The step's first part: images of the model's size, and what is seen in them."""
        numbers = draw(self.augmentation, len(batch.images), self.generator, self.device)
        images, truths = self.seen(batch.images, batch.sizes_px, batch.truths, numbers)
        return images.contiguous(memory_format=torch.channels_last), truths

    def predicted(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The second part: offsets and logits."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            found: tuple[Tensor, Tensor] = self.forward(images)
        return found

    def lost(self, images: Tensor, truths: Truths) -> Tensor:
        """The third part after the second: the loss."""
        total: Tensor = self.loss(*self.predicted(images), truths).total
        return total

    def learned(self, images: Tensor, truths: Truths) -> Tensor:
        """Everything but augmentation."""
        total = self.lost(images, truths)
        learn(self.optimizer, total)
        return total.detach()

    def _compiled(self, part: Any) -> Any:
        return torch.compile(part, fullgraph=True, dynamic=False) if self.compiles else part


class Augmenting(torch.nn.Module):
    """Augmentation with numbers that were drawn before, which compiles into one graph."""

    def __init__(self, augmentation: SSDAugmentation) -> None:
        super().__init__()
        self.augmentation = augmentation

    def forward(
        self, images: Tensor, sizes_px: Tensor, truths: Truths, numbers: Tensor
    ) -> tuple[Tensor, Truths]:
        """Images in [0, 1] and the truths seen in them."""
        draws = PredrawnUniforms(numbers, images=len(images), first=0)
        found: tuple[Tensor, Truths] = self.augmentation(images, truths, generator=draws, sizes_px=sizes_px)
        return found


def endless(source: BatchSource, batch: int, device: torch.device, *, seed: int) -> Iterator[Batch]:
    """Batches in random order on the device, without end."""
    for found in source.batches(shuffled(len(source), batch, steps=10**9, seed=seed)):
        yield found.to(device)
