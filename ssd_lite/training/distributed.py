"""One batch shared by several processes, as ``torchrun`` starts them; a process alone is one of one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ssd_lite.criterion import Loss
from ssd_lite.models import SSD


@dataclass(frozen=True)
class ProcessGroup:
    """This process's number among ``size`` of them."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def part(self, batch: Sequence[int]) -> tuple[int, Sequence[int]]:
        """This process's images of a batch, one after the other, and the place of the first."""
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
        """Every process's value, in order, for each of them."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def synced(self, model: SSD, device: torch.device) -> SSD:
        """The model, on several GPUs with batch norms that take their statistics from all of them.

        PyTorch has no such batch norms for CPUs: there each process normalises by its own images.
        """
        if self.size > 1 and device.type == "cuda":
            return cast(SSD, nn.SyncBatchNorm.convert_sync_batchnorm(model))  # type: ignore[no-untyped-call]
        return model

    def shared(self, objective: nn.Module) -> nn.Module:
        """The module, its gradients averaged over the processes."""
        return DistributedDataParallel(objective) if self.size > 1 else objective

    def agree_on(self, model: nn.Module) -> None:
        """Give every process the statistics of batch norms that the first one has."""
        for buffer in model.buffers() if self.size > 1 else ():
            dist.broadcast(buffer, 0)

    def pooled(self, loss: Loss, weight: Tensor) -> tuple[Tensor, Loss]:
        """What to send back in this process, and the loss of the whole batch.

        ``weight`` is what the loss was divided by here: the number of matched default boxes. The
        whole batch's loss divides by the sum over all processes, so that two processes with 16 images
        give the gradients of one with 32. (The average of two quotients would not: a process with few
        matches would count too much.)
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
    """The processes that ``torchrun`` has started, joined to each other; one where it has not."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ProcessGroup()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return ProcessGroup(dist.get_rank(), dist.get_world_size())


def default_device() -> torch.device:
    """The GPU, with several processes that of this one, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", torch.cuda.current_device())))
