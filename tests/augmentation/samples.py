"""Truths, images and pipelines that the tests of augmentation share."""

import itertools

import torch

from ssd_lite.augmentation import Crop, Photometric, SSDAugmentation
from ssd_lite.truths import Truth, Truths

WHOLE = [0.0, 0.0, 1.0, 1.0]
BOX = [0.2, 0.2, 0.7, 0.7]
ANY_PATCH, BY_OVERLAP = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
MANY = 20_000


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def many(*boxes: list[float], times: int = MANY) -> Truths:
    one = Truths.from_list([Truth.of(list(boxes), [1] * len(boxes))])
    return Truths(*(value.repeat(times, *[1] * (value.ndim - 1)) for value in fields(one)))


def fields(truths: Truths) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return truths.boxes_xyxy, truths.labels, truths.difficult


def equal(one: Truths, other: Truths) -> bool:
    return all(torch.equal(a, b) for a, b in zip(fields(one), fields(other), strict=True))


def is_whole(patches: torch.Tensor) -> torch.Tensor:
    return (patches == torch.tensor(WHOLE)).all(dim=-1)


def patch_sides(patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (patches[:, 2:] - patches[:, :2]).double().unbind(-1)


NOTHING = {"brightness": 0.0, "contrast": (1.0, 1.0), "saturation": (1.0, 1.0), "hue": 0.0}


def only(**options) -> Photometric:
    """One distortion, always, and the others off."""
    return Photometric(**{**NOTHING, "probability": 1.0, **options})


def random_pixels(images: int, pixels: int) -> torch.Tensor:
    """Colours (b, 3, 1, n), with corners of the cube and greys among them."""
    colours = torch.rand(images, 3, 1, pixels, generator=seeded(30))
    cube = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)))  # (8, 3)
    colours[..., :8] = cube.T.unsqueeze(1)
    colours[..., 8:11] = torch.tensor([0.2, 0.5, 0.9])
    colours[..., 11] = torch.tensor([0.7, 0.7, 0.2]).view(3, 1)
    return colours


def plain(times: int, colour: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(colour).view(1, 3, 1, 1).repeat(times, 1, 1, 1)


def street(generator: torch.Generator) -> tuple[torch.Tensor, Truths, torch.Tensor]:
    """Noise on a canvas that is no square, with many objects, one, or none, and one difficult."""
    images = torch.randint(0, 256, (40, 3, 50, 70), dtype=torch.uint8, generator=generator)
    kinds = [
        Truth.of([BOX, [0.0, 0.0, 0.25, 0.5], [0.5, 0.75, 1.0, 1.0]], [1, 2, 3], [False, True, False]),
        Truth.of([], []),
        Truth.of([WHOLE], [4]),
        Truth.of([[0.9, 0.9, 0.95, 0.95]], [5]),
    ]
    sizes = torch.tensor([[50, 70], [33, 21], [1, 1], [7, 70]])
    return images, Truths.from_list(kinds * 10), sizes.repeat(10, 1)


WHOLES = [
    SSDAugmentation(32),
    SSDAugmentation(17, crop=None, photometric=None, flip=1.0),
    SSDAugmentation(90, zoom_out=0.5),
    SSDAugmentation(32, crop=None, zoom_out=1.0, zoom_out_largest=8.0),
    SSDAugmentation(
        8,
        crop=Crop(
            weights=(1.0, 5.0, 1.0),
            order="draw-then-choose",
            overlap_with="all",
            size_of="side",
            size=(0.3, 1.0),
        ),
        photometric=Photometric(shuffle=0.5, brightness_by="product"),
        zoom_out=0.5,
    ),
]
