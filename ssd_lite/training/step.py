"""One step of training: augment, predict, compare, learn."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.criterion import Loss
from ssd_lite.data.loading import Batch
from ssd_lite.random import PredrawnUniforms
from ssd_lite.truths import Truths


class Objective(nn.Module):
    """Decoded images in, their loss out: augment, predict, compare. It compiles into one graph.

    ``half`` runs the network in bfloat16; the loss is computed in float32 either way.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        criterion: Callable[..., Loss],
        augmentation: SSDAugmentation,
        *,
        half: bool = False,
    ) -> None:
        super().__init__()
        self.model, self.criterion = model, criterion
        self.augmentation, self.low_precision = augmentation, half

    def forward(
        self,
        images: UInt8[Tensor, "b 3 h w"],
        sizes_px: Int64[Tensor, "b 2"],
        truths: Truths,
        numbers: Float[Tensor, " n"],
        batch: int,
        first: int,
    ) -> Loss:
        """The loss of images ``first`` … of a batch of so many, which all ``numbers`` were drawn for."""
        draws = PredrawnUniforms(numbers, images=batch, first=first)
        seen, truths = self.augmentation(images, truths, generator=draws, sizes_px=sizes_px)
        seen = seen.contiguous(memory_format=torch.channels_last)
        with torch.autocast(seen.device.type, dtype=torch.bfloat16, enabled=self.low_precision):
            offsets, logits = self.model(seen)
        loss: Loss = self.criterion(offsets, logits, truths)
        return loss


def train_step(
    model: Callable[..., Any],
    criterion: Callable[..., Loss],
    optimizer: torch.optim.Optimizer,
    augmentation: SSDAugmentation,
    batch: Batch,
    *,
    generator: torch.Generator,
    half: bool = False,
) -> Loss:
    """One step of a process on its own: augment, predict, compare, learn.

    ``half`` runs the network in bfloat16; the loss is computed in float32 either way. Nothing here waits
    for a GPU.
    """
    objective = Objective(model, criterion, augmentation, half=half)
    numbers = draw(augmentation, len(batch.images), generator, batch.images.device)
    loss: Loss = objective(batch.images, batch.sizes_px, batch.truths, numbers, len(batch.images), 0)
    learn(optimizer, loss.total)
    return loss


def draw(
    augmentation: SSDAugmentation, images: int, generator: torch.Generator, device: torch.device
) -> Float[Tensor, " n"]:
    """All random numbers of a step."""
    count = augmentation.numbers(images)
    numbers = torch.rand(count, generator=generator, dtype=torch.float32, device=generator.device)
    return numbers.to(device, non_blocking=True)


def learn(optimizer: torch.optim.Optimizer, loss: Float[Tensor, ""]) -> None:
    """Send the gradient back and move the weights."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
