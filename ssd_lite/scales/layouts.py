"""The scales and layouts of the text, and the layouts of the released models."""

from collections.abc import Sequence

from ssd_lite.scales.default_boxes import DefaultBoxes


def linear_scales(num_maps: int, *, smallest: float = 0.2, largest: float = 0.9) -> tuple[float, ...]:
    r"""The scales :math:`s_1 … s_m`, evenly spaced from ``smallest`` to ``largest``.

    .. math:: s_k = s_{min} + \frac{s_{max} - s_{min}}{m - 1} (k - 1), \quad k \in [1, m]

    A single map has ``smallest``. Raises ``ValueError`` unless ``num_maps >= 1`` and
    ``0 < smallest <= largest``. Source: section 2.2, choosing scales and aspect ratios.
    """
    if num_maps < 1:
        raise ValueError(f"num_maps must be at least 1, got {num_maps}")
    if not 0 < smallest <= largest:
        raise ValueError(f"0 < smallest <= largest must hold, got {smallest} and {largest}")
    step = (largest - smallest) / max(num_maps - 1, 1)
    return tuple(smallest + step * k for k in range(num_maps))


def paper(grids: Sequence[int | tuple[int, int]]) -> DefaultBoxes:
    """The layout of the text for any feature maps: six boxes per cell.

    Scales follow the formula. The extra box of the last map needs an ``s_(m+1)``, which the text leaves
    open: it is the formula's next value. Aspect ratios are {1, 2, 3, 1/2, 1/3}, centres
    ``(i + 0.5) / |f_k|``. Source: section 2.2, choosing scales and aspect ratios.
    """
    scales = linear_scales(len(grids))
    step = scales[1] - scales[0] if len(scales) > 1 else 0.9 - scales[0]
    return DefaultBoxes(
        grids=tuple((grid, grid) if isinstance(grid, int) else grid for grid in grids),
        scales=(*scales, scales[-1] + step),
        aspect_ratios=((2.0, 3.0),) * len(grids),
    )


# Scales and steps in pixels are the released code's lists. The scales follow the formula, but with its step
# rounded down to whole per cents (17 % for SSD300) and a smaller scale for conv4_3. The steps put the last
# centre of the 10 × 10 map at 9.5 · 32 / 300 = 1.013, outside the image.
_STEPS_300 = (8, 16, 32, 64, 100, 300)
_STEPS_512 = (8, 16, 32, 64, 128, 256, 512)


def ssd300_voc() -> DefaultBoxes:
    """The 8732 boxes of the released SSD300 for VOC; its smallest scale is 30 of 300 pixels."""
    return _released(300, _STEPS_300, (30, 60, 111, 162, 213, 264, 315))


def ssd300_coco() -> DefaultBoxes:
    """The 8732 boxes of the released SSD300 for COCO, whose objects are smaller: from 21 pixels."""
    return _released(300, _STEPS_300, (21, 45, 99, 153, 207, 261, 315))


def ssd512_voc() -> DefaultBoxes:
    """The 24564 boxes of the released SSD512 for VOC."""
    return _released(512, _STEPS_512, (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6))


def ssd512_coco() -> DefaultBoxes:
    """The 24564 boxes of the released SSD512 for COCO."""
    return _released(512, _STEPS_512, (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72))


def _released(size: int, steps: tuple[int, ...], sides_px: Sequence[float | int]) -> DefaultBoxes:
    grids = {300: (38, 19, 10, 5, 3, 1), 512: (64, 32, 16, 8, 4, 2, 1)}[size]
    six = ((2.0, 3.0),) * (len(grids) - 3)  # the first and the last two maps lack 3 and 1/3
    return DefaultBoxes(
        grids=tuple((cells, cells) for cells in grids),
        scales=tuple(side / size for side in sides_px),
        aspect_ratios=((2.0,), *six, (2.0,), (2.0,)),
        steps=tuple(float(step) for step in steps),
        image_size=size,
    )
