"""Where a dataset's images are kept while a detector is trained on them."""

import torch

from ssd_lite.data.decoded import Decoded, Progress, canvas_shape, decode
from ssd_lite.data.examples import Dataset
from ssd_lite.data.machine import available_memory
from ssd_lite.data.streamed import Streamed

KEEP = ("auto", "device", "memory", "disk")
"""Where a dataset's images can be kept while a detector is trained on them."""

SHARE = 0.5
"""The share of available memory that a dataset may take."""


def load(
    dataset: Dataset,
    *,
    canvas_px: int = 512,
    device: torch.device | str = "cpu",
    keep: str = "auto",
    memory_gib: float | None = None,
    skip_invalid: bool = False,
    progress: Progress | None = None,
) -> Decoded | Streamed:
    """The dataset ready for training: decoded on the device, decoded in host memory, or streamed from disk.

    ``keep`` is ``"device"``, ``"memory"`` (pinned, where the device is a GPU) or ``"disk"``; ``"auto"`` takes
    the first that holds the dataset within half of the memory available there. Host memory is shared by the
    processes of a machine (``LOCAL_WORLD_SIZE``), and a dataset on its way to the device must fit there, too.
    ``memory_gib`` sets the limit for host memory. Raises ``ValueError`` for another ``keep``.
    """
    if keep not in KEEP:
        raise ValueError(f"keep must be one of {', '.join(KEEP)}, got {keep!r}")
    device = torch.device(device)
    if keep == "auto":
        height, width = canvas_shape(dataset, canvas_px) or (canvas_px, canvas_px)
        keep = _place(len(dataset) * 3 * height * width, device, memory_gib)
    if keep == "disk":
        return Streamed(dataset, canvas_px=canvas_px, skip_invalid=skip_invalid)
    pinned = keep == "memory" and device.type == "cuda"
    decoded = decode(
        dataset, canvas_px=canvas_px, skip_invalid=skip_invalid, pin_memory=pinned, progress=progress
    )
    return decoded if device.type == "cpu" else decoded.to(device, images=keep == "device")


def _place(size: int, device: torch.device, memory_gib: float | None) -> str:
    """Where so many bytes are kept."""
    limit = SHARE * available_memory() if memory_gib is None else memory_gib * 2**30
    cuda = device.type == "cuda"
    if cuda and size <= min(limit, SHARE * torch.cuda.mem_get_info(device)[0]):
        return "device"
    # PyTorch rounds pinned memory up to a power of two.
    needed = 2 ** (size - 1).bit_length() if cuda else size
    return "memory" if needed <= limit else "disk"
