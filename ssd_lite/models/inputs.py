"""Images of any size and type as the batch that a detector takes."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from ssd_lite.resampling import resample


def as_batch(
    images: Sequence[Tensor] | Tensor, sizes_px: Tensor | None, *, size: int, like: Tensor
) -> tuple[Float[Tensor, "b 3 s s"], Int64[Tensor, "b 2"]]:
    """The images in [0, 1] at ``size`` × ``size`` pixels, and their original (height, width).

    The batch has the device and dtype of ``like``. Images that all have this size already are not
    rounded to uint8, so that what augmentation returns is predicted exactly. Otherwise images of
    several sizes are padded to a common canvas first; ``sizes_px`` says that ``images`` is such a canvas.

    Raises ``ValueError`` for an image that is not (3, height, width), naming its index.
    """
    square = (3, size, size)
    if sizes_px is None and all(image.shape == square for image in images):
        exact = [image / 255 if image.dtype == torch.uint8 else image for image in images]
        return torch.stack(exact).to(like), torch.tensor(square[1:], device=like.device).expand(len(exact), 2)
    canvas, sizes = _canvas(images) if sizes_px is None else (_as_uint8(images), sizes_px)  # type: ignore[arg-type]
    canvas, sizes = canvas.to(like.device), sizes.to(like.device)
    return resample(canvas, size, sizes_px=sizes), sizes


def _canvas(images: Sequence[Tensor] | Tensor) -> tuple[UInt8[Tensor, "b 3 h w"], Int64[Tensor, "b 2"]]:
    """Images of any sizes, padded with zeros to a common canvas, and their (height, width)."""
    images = [_as_uint8(image) for image in images]
    for index, image in enumerate(images):
        if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
            raise ValueError(f"image {index}: shape must be (3, height, width), got {tuple(image.shape)}")
    sizes = torch.tensor([image.shape[-2:] for image in images], device="cpu")
    height, width = sizes.amax(dim=0).tolist()
    canvas = images[0].new_zeros(len(images), 3, height, width)
    for place, image in zip(canvas, images, strict=True):
        place[:, : image.shape[1], : image.shape[2]] = image
    return canvas, sizes


def _as_uint8(images: Tensor) -> UInt8[Tensor, "..."]:
    """Images as uint8; floats must lie in [0, 1]."""
    return images if images.dtype == torch.uint8 else (images * 255).round().clamp(0, 255).to(torch.uint8)
