"""Layouts and datasets that the tests of default boxes share."""

import torch

from ssd_lite.scales import DefaultBoxes
from ssd_lite.truths import Truths


def small_layout(**changes) -> DefaultBoxes:
    options = {
        "grids": ((4, 4), (2, 2)),
        "scales": (0.2, 0.4, 0.8),
        "aspect_ratios": ((2.0,), (2.0, 3.0)),
    }
    return DefaultBoxes(**{**options, **changes})


def same_boxes(got, expected) -> None:
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float32), rtol=0, atol=2e-7)


def batch_of(boxes, present) -> Truths:
    """Truths of boxes (b, t, 4), with label 1 where an object is present."""
    return Truths(boxes, present.long(), torch.zeros_like(present))


def dataset(kind, generator, images=20, objects=5) -> Truths:
    """Objects of one kind only, anywhere in the image."""
    wanted = {"tiny": (0.02, 0.02), "long": (0.6, 0.06), "tall": (0.06, 0.6), "large": (0.8, 0.8)}
    side = torch.tensor(wanted[kind])
    size = side * (0.9 + 0.2 * torch.rand(images, objects, 2, generator=generator))
    low = (1 - size) * torch.rand(images, objects, 2, generator=generator)
    return batch_of(torch.cat([low, low + size], dim=-1), torch.ones(images, objects, dtype=torch.bool))
