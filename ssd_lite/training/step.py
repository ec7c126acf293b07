"""The parts of a training step: augment, predict, compare, and move the weights."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.criterion import Loss
from ssd_lite.data import Batch
from ssd_lite.random import PredrawnUniforms
from ssd_lite.truths import Truths


class AugmentationGraph(nn.Module):
    """Augmentation whose random numbers were drawn beforehand, so that it compiles into one graph."""

    def __init__(self, augmentation: SSDAugmentation) -> None:
        super().__init__()
        self.augmentation = augmentation

    def forward(
        self,
        images: UInt8[Tensor, "b 3 h w"],
        sizes_px: Int64[Tensor, "b 2"],
        truths: Truths,
        uniforms: Float[Tensor, " n"],
        batch_size: int,
        first: int,
    ) -> tuple[Float[Tensor, "b 3 s s"], Truths]:
        """Images in [0, 1] and their truths; they are number ``first`` and on of ``batch_size`` images.

        ``uniforms`` are the numbers of the whole batch, of which a process with a part of it takes its own.
        """
        source = PredrawnUniforms(uniforms, images=batch_size, first=first)
        seen, truths = self.augmentation(images, truths, generator=source, sizes_px=sizes_px)
        return seen.contiguous(memory_format=torch.channels_last), truths


class NetworkGraph(nn.Module):
    """The network with its precision: bfloat16 with ``half``, float32 otherwise."""

    def __init__(self, model: Callable[..., Any], *, half: bool = False) -> None:
        super().__init__()
        self.model, self.half_precision = model, half

    def forward(
        self, images: Float[Tensor, "b 3 s s"]
    ) -> tuple[Float[Tensor, "b d 4"], Float[Tensor, "b d c"]]:
        """Offsets and class logits of every default box."""
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self.half_precision):
            found: tuple[Tensor, Tensor] = self.model(images)
        return found


class TrainingGraph(nn.Module):
    """Decoded images in, their loss out: augmentation, network and criterion as one module.

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
        self.augment = AugmentationGraph(augmentation)
        self.network = NetworkGraph(model, half=half)
        self.criterion = criterion

    def forward(
        self,
        images: UInt8[Tensor, "b 3 h w"],
        sizes_px: Int64[Tensor, "b 2"],
        truths: Truths,
        uniforms: Float[Tensor, " n"],
        batch_size: int,
        first: int,
    ) -> Loss:
        """The loss; the arguments are those of ``AugmentationGraph``."""
        seen, truths = self.augment(images, sizes_px, truths, uniforms, batch_size, first)
        loss: Loss = self.criterion(*self.network(seen), truths)
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
    """One eager step of a single process: augment, predict, compare, and move the weights.

    ``half`` runs the network in bfloat16; the loss is computed in float32 either way. Never waits for a GPU.
    """
    graph = TrainingGraph(model, criterion, augmentation, half=half)
    images = len(batch.images)
    uniforms = draw_uniforms(augmentation, images, generator, batch.images.device)
    loss: Loss = graph(batch.images, batch.sizes_px, batch.truths, uniforms, images, 0)
    optimizer_step(optimizer, loss.total)
    return loss


def draw_uniforms(
    augmentation: SSDAugmentation, images: int, generator: torch.Generator, device: torch.device
) -> Float[Tensor, " n"]:
    """All random numbers that the augmentation of so many images needs."""
    count = augmentation.num_uniforms(images)
    uniforms = torch.rand(count, generator=generator, dtype=torch.float32, device=generator.device)
    return uniforms.to(device, non_blocking=True)


def optimizer_step(optimizer: torch.optim.Optimizer, loss: Float[Tensor, ""]) -> None:
    """Compute the gradients of the loss and move the weights."""
    backward(optimizer, loss)
    optimizer.step()


def backward(optimizer: torch.optim.Optimizer, loss: Float[Tensor, ""]) -> None:
    """Replace the gradients of the optimizer's weights by those of the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
