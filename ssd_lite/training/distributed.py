"""One batch shared by several processes, as ``torchrun`` starts them; a single process is a group of one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ssd_lite.criterion import Loss
from ssd_lite.deprecation import renamed
from ssd_lite.models import SSD


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that share each batch: this one's ``rank``, and the number of all, ``size``."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def shard(self, batch: Sequence[int]) -> tuple[int, Sequence[int]]:
        """This process's consecutive images of a batch, behind the position of the first."""
        each, more = divmod(len(batch), self.size)
        first = self.rank * each + min(self.rank, more)
        return first, batch[first : first + each + (self.rank < more)]

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes in order, in every process."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def convert_batch_norm(self, model: SSD, device: torch.device) -> SSD:
        """The model with batch norms that share their statistics between several GPUs.

        PyTorch has no such batch norms for CPUs: there each process normalises by its own images.
        """
        if self.size > 1 and device.type == "cuda":
            return cast(SSD, nn.SyncBatchNorm.convert_sync_batchnorm(model))  # type: ignore[no-untyped-call]
        return model

    def wrap(self, network: nn.Module) -> nn.Module:
        """The module with gradients averaged over the processes."""
        return DistributedDataParallel(network) if self.size > 1 else network

    def broadcast_buffers(self, model: nn.Module) -> None:
        """Copy the batch norms' statistics of the main process to all others."""
        for buffer in model.buffers() if self.size > 1 else ():
            dist.broadcast(buffer, 0)

    def reduce_loss(self, loss: Loss, weight: Tensor) -> tuple[Tensor, Loss]:
        """The scalar that this process calls ``backward`` on, and the loss of the whole batch.

        ``weight`` is what this process's loss was divided by: its number of matched default boxes. The whole
        batch's loss divides by the sum over all processes, so that two processes with 16 images have the
        gradients of one with 32. (The mean of two quotients would not: a process with few matches would
        count too much.)
        """
        if self.size == 1:
            return loss.total, loss
        share = weight / self.sum(weight).clamp(min=1)
        values = torch.stack([loss.total, loss.localization, loss.confidence]).detach() * share
        total, localization, confidence, matched = self.sum(
            torch.cat([values, loss.num_matched[None]])
        ).unbind()
        # DistributedDataParallel divides the sum of the gradients by the number of processes.
        return loss.total * share * self.size, Loss(total, localization, confidence, matched.long())


def join(device: torch.device) -> ProcessGroup:
    """Join the processes that ``torchrun`` has started; without it, a group of this process alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ProcessGroup()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return ProcessGroup(dist.get_rank(), dist.get_world_size())


def default_device() -> torch.device:
    """The GPU (of several processes, this one's), or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", torch.cuda.current_device())))


__getattr__ = renamed(__name__, {"Ranks": "ssd_lite.training.distributed.ProcessGroup"})
