"""Boxes and pixels agree after cropping, mirroring and zooming out."""

import pytest
import torch

from ssd_lite.augmentation import Crop, Photometric, SSDAugmentation
from ssd_lite.random import PredrawnUniforms
from ssd_lite.truths import Truth, Truths
from tests.augmentation.samples import ANY_PATCH, BY_OVERLAP, MANY, WHOLE, is_whole, many, seeded
from tests.augmentation.statistics import assert_independent, assert_share, assert_uniform

EVEN = [(96, 80), (56, 96), (32, 48), (96, 104), (72, 32), (40, 40)]
ODD = [(95, 80), (61, 97), (33, 45), (99, 109), (70, 31), (45, 45)]


def bright_rectangles(
    sizes_px: list[tuple[int, int]], generator: torch.Generator
) -> tuple[torch.Tensor, Truths, torch.Tensor]:
    """Black images with one red box each, on a canvas whose unused part is blue and red noise."""
    images = torch.randint(0, 2, (len(sizes_px), 3, 100, 110), generator=generator, dtype=torch.uint8) * 255
    images[:, 2] = 255
    truths = []
    for image, (height, width) in zip(images, sizes_px, strict=True):
        image[:, :height, :width] = 0
        spans = []
        for side in (width, height):
            long = int(torch.randint(int(0.4 * side), int(0.8 * side), (), generator=generator))
            low = int(torch.randint(0, side - long + 1, (), generator=generator))
            spans.append((low, low + long))
        (x0, x1), (y0, y1) = spans
        image[0, y0:y1, x0:x1] = 255
        truths.append(Truth.of([[x0 / width, y0 / height, x1 / width, y1 / height]], [1]))
    return images, Truths.from_list(truths), torch.tensor(sizes_px)


def extent(mask: torch.Tensor) -> list[float]:
    """The bounding box of the marked pixels, in pixels."""
    columns, rows = mask.any(dim=0).nonzero(), mask.any(dim=1).nonzero()
    return [columns.min().item(), rows.min().item(), columns.max().item() + 1, rows.max().item() + 1]


# A result pixel is bright or not as one, which is half a pixel; a shrunken image's pixel, up to two
# result pixels long in a narrow image, is another half of that. Where the sides are odd, a shrunken
# image lacks its last row or column, up to 1.6 result pixels long, and repeats the one before.
@pytest.mark.parametrize(("sizes_px", "pixels"), [(EVEN, 1.5), (ODD, 2.1)], ids=["even", "odd"])
@pytest.mark.parametrize("size", [40, 120])
@pytest.mark.parametrize("zoom_out", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "crop",
    [None, Crop(weights=ANY_PATCH), Crop(), Crop(weights=BY_OVERLAP, size_of="side", keep_empty=False)],
    ids=["uncropped", "any", "text", "side"],
)
def test_truths_fit_what_is_seen(crop, zoom_out, size, sizes_px, pixels):
    augment = SSDAugmentation(size, crop=crop, photometric=None, zoom_out=zoom_out, fill=(0.0, 1.0, 0.0))
    images, truths, sizes = bright_rectangles(sizes_px * 15, seeded(26))
    seen, found = augment(images, truths, generator=seeded(27), sizes_px=sizes)
    assert seen[:, 2].max() < 1e-3  # no blue: the unused canvas never shows
    kept = found.present[:, 0]
    assert kept.double().mean() > 0.4
    # Half red, as at the edge in a shrunken image, is not red, however it was rounded.
    drawn = torch.tensor([extent(image[0] > 0.501) for image in seen[kept]])
    off = found.boxes_xyxy[kept, 0] * size - drawn
    assert off.abs().max() < pixels
    assert off.abs().quantile(0.9) < 0.75
    # Half a pixel of shift would hide in such a bound, but not in the mean of many.
    assert off.mean(dim=0).abs().max() < pixels / 7


def zoomed(times: int, **options) -> torch.Tensor:
    """Where the image lies on its canvas: boxes (b, 4)."""
    images = torch.zeros(times, 3, 1, 1, dtype=torch.uint8)
    augment = SSDAugmentation(1, crop=None, photometric=None, flip=0.0, **options)
    return augment(images, many(WHOLE, times=times), generator=seeded(28))[1].boxes_xyxy[:, 0].double()


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_zooming_out_happens_with_its_probability(chance):
    assert_share(~is_whole(zoomed(MANY, zoom_out=chance).float()), chance)


def test_zooming_out_shrinks_evenly_up_to_its_largest_and_puts_the_image_anywhere():
    boxes = zoomed(MANY, zoom_out=1.0, zoom_out_largest=3.0)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    torch.testing.assert_close(width, height, atol=1e-6, rtol=0)  # it keeps its shape
    assert_uniform((1 / width - 1) / 2)
    clear = width < 0.99
    across, down = (boxes[:, 0] / (1 - width))[clear], (boxes[:, 1] / (1 - height))[clear]
    assert_uniform(across)
    assert_uniform(down)
    assert_independent(across, down)
    assert boxes.min() > -1e-6
    assert boxes.max() < 1 + 1e-6


@pytest.mark.parametrize("photometric", [None, Photometric(probability=1.0, shuffle=1.0)])
def test_the_canvas_has_exactly_the_fill_colour(photometric):
    augment = SSDAugmentation(30, crop=None, photometric=photometric, zoom_out=1.0, fill=(0.1, 0.7, 0.3))
    images = torch.full((50, 3, 20, 20), 255, dtype=torch.uint8)
    seen, truths = augment(images, many(WHOLE, times=50), generator=seeded(29))
    fill = torch.tensor([0.1, 0.7, 0.3]).view(3, 1, 1)
    centres = (torch.arange(30) + 0.5) / 30
    filled = 0
    for image, (x0, y0, x1, y1) in zip(seen, truths.boxes_xyxy[:, 0].tolist(), strict=True):
        inside = ((centres > y0) & (centres < y1)).view(-1, 1) & (centres > x0) & (centres < x1)
        assert (image == fill).all(dim=0)[~inside].all()
        # White may have become grey, but not the fill.
        assert (image[:, inside].amax(dim=0) - image[:, inside].amin(dim=0) < 1e-5).all()
        filled += int((~inside).sum())
    assert filled > 0.3 * 50 * 900


def test_padding_stays_zero_when_the_image_is_zoomed_out(generator: torch.Generator) -> None:
    truths = Truths.from_list([Truth.of([[0.2, 0.2, 0.6, 0.6]], [1]), Truth.of([], [])])
    zoom = SSDAugmentation(16, crop=None, photometric=None, flip=1.0, zoom_out=1.0)
    images = torch.zeros(2, 3, 20, 20, dtype=torch.uint8)
    assert zoom(images, truths, generator=generator)[1].boxes_xyxy[1].abs().sum() == 0


def test_an_image_far_away_is_averaged_not_sampled() -> None:
    """Zoomed out to a sixteenth, a pixel of the result stands for 16 × 16 of the image."""
    noise = torch.randint(0, 2, (1, 1, 64, 64), generator=seeded(2)).expand(1, 3, 64, 64) * 255
    options = {"zoom_out": 1.0, "zoom_out_largest": 16.0}
    augment = SSDAugmentation(64, crop=None, photometric=None, flip=0.0, **options)
    numbers = PredrawnUniforms(torch.tensor([0.0, 1 - 2**-24, 0.5, 0.5, 0.5]), images=1)
    seen, _ = augment(noise.to(torch.uint8), Truths.from_list([Truth.of([], [])]), generator=numbers)
    assert (seen[:, :, 30:34, 30:34] - 0.5).abs().max() < 0.15  # of single pixels: up to 0.5
    assert (seen[0, :, 0, 0] - torch.tensor(augment.fill)).abs().max() < 1e-6
