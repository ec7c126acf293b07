"""Data augmentation: crops, flips and colours, for a whole batch at once, on any device.

Section 2.2, "Data augmentation": each training image is the whole image, or a patch that overlaps
an object enough, or any patch; then it is resized, mirrored half of the time, and distorted in
colour. There is no loop over images: the candidate patches of all images and all trials are drawn
together, and one sampling grid crops, zooms, mirrors and resizes.

Explained in chapter 5, ``book/05-augmentation.ipynb``.
"""

from ssd_lite.augmentation.colour import Photometric, shift_colours
from ssd_lite.augmentation.crop import Crop, sample_patches
from ssd_lite.augmentation.geometry import crop_truths, flip_truths, relative_to
from ssd_lite.augmentation.pipeline import SSDAugmentation

__all__ = [
    "Crop",
    "Photometric",
    "SSDAugmentation",
    "crop_truths",
    "flip_truths",
    "relative_to",
    "sample_patches",
    "shift_colours",
]
