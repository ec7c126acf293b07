import math

import pytest
import torch
from torch.nn.functional import grid_sample
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from ssd_lite.resampling import inside_image, resample
from tests.reference import augmentation as reference

# Positions pass through float32 numbers in [-1, 1], which moves a point by 1e-4 pixels at most here.
NEAR = 1e-3


def noise(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def waves(height: int, width: int) -> torch.Tensor:
    """A smooth image (1, 3, h, w): each channel one slow wave of its own."""
    y = torch.linspace(0, 1, height).view(-1, 1)
    x = torch.linspace(0, 1, width)
    channels = [torch.cos(math.pi * (a * x + c * y)) for a, c in ((2, 1), (1, -2), (3, 2))]
    return (127.5 + 127.5 * torch.stack(channels)).round().to(torch.uint8).unsqueeze(0)


def checkerboard(height: int, width: int) -> torch.Tensor:
    cells = (torch.arange(height).view(-1, 1) + torch.arange(width)) % 2
    return (cells * 255).to(torch.uint8).expand(1, 3, -1, -1).contiguous()


def stripes(height: int, width: int) -> torch.Tensor:
    return (torch.arange(width) % 2 * 255).to(torch.uint8).expand(1, 3, height, -1).contiguous()


def on_canvas(pictures: list[torch.Tensor], height: int, width: int, filling: torch.Tensor) -> torch.Tensor:
    """Pictures (3, h, w) in the top left corners of one canvas, the rest of it filling."""
    canvas = filling.expand(len(pictures), 3, height, width).clone()
    for row, picture in zip(canvas, pictures, strict=True):
        row[:, : picture.shape[1], : picture.shape[2]] = picture
    return canvas


def sizes_of(pictures: list[torch.Tensor]) -> torch.Tensor:
    return torch.tensor([picture.shape[1:] for picture in pictures])


@pytest.mark.parametrize("size", [1, 2, 7, 64, 301])
def test_the_whole_image_at_its_own_size_is_itself(size, generator):
    images = noise(2, 3, size, size, generator=generator)
    torch.testing.assert_close(resample(images, size), images / 255, atol=NEAR, rtol=0)


def test_shape_type_and_range(generator):
    result = resample(noise(3, 3, 41, 67, generator=generator), 20)
    assert result.shape == (3, 3, 20, 20)
    assert result.dtype == torch.float32
    assert 0 <= result.min() < result.max() <= 1


def test_the_input_is_unchanged(generator):
    images, windows = noise(2, 3, 40, 50, generator=generator), torch.tensor([[0.1, 0.2, 0.9, 0.7]] * 2)
    sizes, flip = torch.tensor([[40, 50], [31, 17]]), torch.tensor([True, False])
    before = [value.clone() for value in (images, windows, sizes, flip)]
    resample(images, 11, sizes_px=sizes, windows_xyxy=windows, flip=flip)
    for value, copy in zip((images, windows, sizes, flip), before, strict=True):
        assert torch.equal(value, copy)


def test_windows_are_read_bilinearly_and_the_edge_goes_on(generator):
    # No window has so many more pixels than the result that a shrunken image would be read.
    windows = torch.tensor(
        [
            [0.0, 0.0, 1.0, 1.0],
            [0.25, 0.5, 0.75, 1.0],
            [0.13, 0.29, 0.61, 0.97],
            [-0.2, -0.1, 0.7, 0.8],
            [0.4, 0.3, 1.2, 1.3],
            [-0.3, -0.4, 1.1, 1.2],
        ]
    )
    sizes = torch.tensor([[7, 9], [9, 6], [5, 5], [9, 9], [8, 3], [3, 4]])
    flip = torch.tensor([False, True, False, True, False, True])
    images = noise(6, 3, 9, 9, generator=generator)
    result = resample(images, 8, sizes_px=sizes, windows_xyxy=windows, flip=flip)
    for i, (height, width) in enumerate(sizes.tolist()):
        for c in range(3):
            channel = (images[i, c, :height, :width].double() / 255).tolist()
            expected = reference.resample(channel, 8, windows[i].tolist(), flip=bool(flip[i]))
            torch.testing.assert_close(
                result[i, c].double(), torch.tensor(expected).double(), atol=NEAR, rtol=0
            )


def test_a_window_outside_the_image_repeats_its_corner(generator):
    images = noise(1, 3, 6, 6, generator=generator)
    result = resample(images, 6, windows_xyxy=torch.tensor([[1.5, 1.5, 2.5, 2.5]]))
    corner = (images[:, :, -1:, -1:] / 255).expand(-1, -1, 6, 6)
    torch.testing.assert_close(result, corner, atol=NEAR, rtol=0)


def test_flip_mirrors_the_columns(generator):
    images = noise(2, 3, 33, 52, generator=generator)
    plain = resample(images, 24)
    mirrored = resample(images, 24, flip=torch.tensor([True, False]))
    torch.testing.assert_close(mirrored[0], plain[0].flip(-1), atol=NEAR, rtol=0)
    assert torch.equal(mirrored[1], plain[1])


@pytest.mark.parametrize(("height", "width"), [(20, 20), (13, 29), (3, 2)])
def test_enlarging_is_torchvisions_bilinear_resize(height, width, generator):
    images = noise(2, 3, height, width, generator=generator)
    expected = tv.resize(images / 255, [50, 50], InterpolationMode.BILINEAR, antialias=True)
    torch.testing.assert_close(resample(images, 50), expected, atol=NEAR, rtol=0)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_shrinking_a_smooth_image_is_torchvisions_antialiased_resize(factor):
    # Both average about as many pixels, under a box here, under a triangle there: on slow waves
    # the two differ by the curvature within one result pixel, and by how the edge is repeated.
    images = waves(48 * factor, 48 * factor)
    expected = tv.resize(images / 255, [48, 48], InterpolationMode.BILINEAR, antialias=True)
    difference = (resample(images, 48) - expected).abs()
    assert difference.max() < 4 / 255
    assert difference[..., 2:-2, 2:-2].max() < 2 / 255


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_shrinking_by_a_power_of_two_averages_squares(factor, generator):
    images = noise(2, 3, 16 * factor, 16 * factor, generator=generator)
    squares = (images / 255).unflatten(3, (16, factor)).unflatten(2, (16, factor)).mean(dim=(3, 5))
    torch.testing.assert_close(resample(images, 16), squares, atol=NEAR, rtol=0)


def plain_grid(images: torch.Tensor, size: int) -> torch.Tensor:
    steps = (torch.arange(size) + 0.5) / size * 2 - 1
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).unsqueeze(0)
    return grid_sample(images / 255, grid, padding_mode="border", align_corners=False)


@pytest.mark.parametrize("pattern", [checkerboard, stripes])
@pytest.mark.parametrize("factor", [2.5, 3.0, 3.7, 5.3, 7.0, 9.9])
def test_fine_texture_becomes_grey(pattern, factor):
    side = round(40 * factor)
    images = pattern(side, side)
    grey = resample(images, 40)
    assert (grey - 0.5).abs().max() < 0.02
    # The same without shrunken images shows a pattern that is not there: this is what is tested against.
    assert (plain_grid(images, 40) - 0.5).abs().max() > 0.1


@pytest.mark.parametrize("largest", [2.0, 4.0])
def test_fine_texture_becomes_grey_in_windows_larger_than_the_image(largest):
    # The image itself is no larger than the result: only the window makes shrinking necessary.
    window = torch.tensor([[0.0, 0.0, largest, largest]])
    grey = resample(checkerboard(40, 40), 40, windows_xyxy=window, largest_window=largest)
    assert (grey - 0.5).abs().max() < 0.02


SIDES = [1, 2, 3, 5, 7, 15, 17, 31, 33, 63, 64]


@pytest.mark.parametrize("size", [1, 3, 8, 16, 33, 100])
@pytest.mark.parametrize(("inside", "outside"), [(0, 255), (255, 0)])
def test_the_rest_of_the_canvas_never_shows(size, inside, outside):
    # From sizes 1 to 100, every level of shrinking from none to six times occurs.
    pictures = [torch.full((3, h, w), inside, dtype=torch.uint8) for h in SIDES for w in SIDES]
    images = on_canvas(pictures, 65, 67, torch.tensor(outside, dtype=torch.uint8))
    for window in ([0.0, 0.0, 1.0, 1.0], [-0.5, -0.3, 1.7, 1.4], [0.55, 0.35, 1.0, 1.0]):
        result = resample(
            images,
            size,
            sizes_px=sizes_of(pictures),
            windows_xyxy=torch.tensor([window]).expand(len(pictures), 4),
            largest_window=2.2,
        )
        assert (result - inside / 255).abs().max() < NEAR


@pytest.mark.parametrize("size", [4, 11, 30])
def test_an_image_on_a_canvas_is_the_image_alone(size, generator):
    pictures = [
        noise(3, h, w, generator=generator) for h, w in ((50, 70), (33, 21), (1, 1), (1, 9), (64, 64), (7, 5))
    ]
    canvas = on_canvas(pictures, 71, 70, noise(1, 3, 71, 70, generator=generator))
    windows = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.1, 0.3, 0.8, 1.0]] * 3)
    flip = torch.arange(6) % 3 == 0
    together = resample(canvas, size, sizes_px=sizes_of(pictures), windows_xyxy=windows, flip=flip)
    for i, picture in enumerate(pictures):
        alone = resample(picture.unsqueeze(0), size, windows_xyxy=windows[i : i + 1], flip=flip[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=NEAR, rtol=0)


def test_one_image_alone_is_the_same_image_in_a_batch(generator):
    images = noise(5, 3, 60, 45, generator=generator)
    sizes = torch.tensor([[60, 45], [31, 40], [5, 44], [60, 3], [17, 17]])
    windows = torch.rand(5, 4, generator=generator) * 0.5 + torch.tensor([0.0, 0.0, 0.5, 0.5])
    together = resample(images, 16, sizes_px=sizes, windows_xyxy=windows)
    for i in range(5):
        one = slice(i, i + 1)
        alone = resample(images[one], 16, sizes_px=sizes[one], windows_xyxy=windows[one])
        torch.testing.assert_close(together[one], alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [1, 2, 9])
def test_an_image_of_one_pixel_is_a_plain_colour(size, generator):
    images = noise(2, 3, 1, 1, generator=generator)
    torch.testing.assert_close(resample(images, size), (images / 255).expand(-1, -1, size, size))


def test_a_batch_of_no_images():
    assert resample(torch.zeros(0, 3, 8, 8, dtype=torch.uint8), 4).shape == (0, 3, 4, 4)


def test_inside_image_marks_pixel_centres_on_the_image():
    windows = torch.tensor([[0.0, 0.0, 1.0, 1.0], [-1.0, -1.0, 1.0, 1.0], [0.0, -1.0, 4.0, 1.0]])
    inside = inside_image(windows, 4)
    assert inside.shape == (3, 1, 4, 4)
    assert inside[0].all()
    # Centres lie at -0.75, -0.25, 0.25, 0.75.
    assert inside[1, 0].int().tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    # Across: 0.5, 1.5, 2.5, 3.5.
    assert inside[2, 0].int().tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]


def test_inside_image_is_mirrored_with_the_image():
    windows = torch.tensor([[-1.0, -1.0, 1.0, 1.0], [0.0, -1.0, 4.0, 1.0]])
    plain = inside_image(windows, 4)
    mirrored = inside_image(windows, 4, flip=torch.tensor([True, False]))
    assert torch.equal(mirrored[0], plain[0].flip(-1))
    assert torch.equal(mirrored[1], plain[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same(generator):
    images = noise(4, 3, 65, 43, generator=generator)
    sizes = torch.tensor([[65, 43], [30, 43], [7, 9], [64, 1]])
    windows = torch.tensor([[-0.3, 0.1, 1.2, 0.9]] * 4)
    here = resample(images, 20, sizes_px=sizes, windows_xyxy=windows)
    there = resample(images.cuda(), 20, sizes_px=sizes.cuda(), windows_xyxy=windows.cuda())
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), here, atol=NEAR, rtol=0)
