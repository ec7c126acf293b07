"""The whole augmentation of a batch."""

import pytest
import torch

from ssd_lite.augmentation import Crop, SSDAugmentation
from ssd_lite.random import PredrawnUniforms
from ssd_lite.truths import Truth, Truths
from tests.augmentation.samples import ANY_PATCH, BOX, WHOLES, equal, fields, many, seeded, street


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    images = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    SSDAugmentation(8, zoom_out=0.5)(images, many(BOX, times=4), generator=seeded(23))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_what_comes_out_can_be_trained_on(augment, generator):
    images, truths, sizes = street(generator)
    copy, copies_of = images.clone(), [value.clone() for value in (*fields(truths), sizes)]
    for seed in range(5):
        seen, found = augment(images, truths, generator=seeded(seed), sizes_px=sizes)
        assert seen.shape == (40, 3, augment.size, augment.size)
        assert seen.dtype == torch.float32
        assert 0 <= seen.min() < seen.max() <= 1  # and so no NaN
        boxes = found.boxes_xyxy[found.present]
        assert boxes.isfinite().all()
        assert boxes.min() >= 0
        assert boxes.max() <= 1
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        # Objects may go, none may come or change their label; what is gone is padding.
        assert ((found.labels == truths.labels) | (found.labels == 0)).all()
        assert torch.equal(found.difficult, truths.difficult & found.present)
        assert found.present.any()
    assert torch.equal(images, copy)
    assert all(torch.equal(a, b) for a, b in zip((*fields(truths), sizes), copies_of, strict=True))


@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_the_generator_decides_everything(augment, generator):
    images, truths, sizes = street(generator)
    first, found = augment(images, truths, generator=seeded(1), sizes_px=sizes)
    again, found_again = augment(images, truths, generator=seeded(1), sizes_px=sizes)
    assert torch.equal(first, again)
    assert equal(found, found_again)
    if augment is not WHOLES[1]:  # it draws nothing: mirroring is certain
        other, _ = augment(images, truths, generator=seeded(2), sizes_px=sizes)
        assert not torch.equal(first, other)


def test_without_any_option_it_only_resizes(generator):
    images = torch.randint(0, 256, (2, 3, 30, 30), dtype=torch.uint8, generator=generator)
    augment = SSDAugmentation(30, crop=None, photometric=None, flip=0.0)
    seen, truths = augment(images, many(BOX, times=2), generator=generator)
    torch.testing.assert_close(seen, images / 255, atol=1e-3, rtol=0)
    assert equal(truths, many(BOX, times=2))


def test_without_sizes_the_whole_canvas_is_the_image(generator):
    images, truths, _ = street(generator)
    sizes = torch.tensor([[50, 70]] * 40)
    implied = SSDAugmentation(32)(images, truths, generator=seeded(3))
    stated = SSDAugmentation(32)(images, truths, generator=seeded(3), sizes_px=sizes)
    assert torch.equal(implied[0], stated[0])
    assert equal(implied[1], stated[1])


@pytest.mark.parametrize("slots", [0, 3])
@pytest.mark.parametrize("images", [0, 1, 2])
def test_a_batch_without_any_object(images, slots):
    empty = Truths.from_list([Truth.of([], [])] * images, slots=slots)
    augment = SSDAugmentation(16, zoom_out=0.5)
    pixels = torch.zeros(images, 3, 20, 31, dtype=torch.uint8)
    seen, truths = augment(pixels, empty, generator=seeded(4))
    assert seen.shape == (images, 3, 16, 16)
    assert truths.labels.shape == (images, slots)
    assert not truths.present.any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_a_gpu_gives_the_same(augment, generator):
    images, truths, sizes = street(generator)
    here, found = augment(images, truths, generator=seeded(5), sizes_px=sizes)
    there, found_there = augment(images.cuda(), truths.to("cuda"), generator=seeded(5), sizes_px=sizes.cuda())
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), here, atol=1e-2, rtol=0)
    assert torch.equal(found_there.labels.cpu(), found.labels)
    torch.testing.assert_close(found_there.boxes_xyxy.cpu(), found.boxes_xyxy, atol=1e-5, rtol=0)


def test_a_chance_is_not_reached_by_a_number_that_equals_it() -> None:
    augmentation = SSDAugmentation(8, crop=None, photometric=None, flip=0.5, zoom_out=0.5)
    image = torch.arange(8, dtype=torch.uint8).expand(1, 3, 8, 8).contiguous()
    truths = Truths.from_list([Truth.of([BOX], [1])])
    seen, kept = augmentation(
        image, truths, generator=PredrawnUniforms(torch.tensor([0.5, 0.9, 0.5, 0.5, 0.5]), images=1)
    )
    torch.testing.assert_close(seen * 255, image.float())
    assert equal(kept, truths)


@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_everything_is_made_on_the_device_of_the_images(augment, generator) -> None:
    images, truths, sizes = street(generator)
    seen, found = augment(images, truths, generator=seeded(5), sizes_px=sizes)
    with torch.device("meta"):  # where whatever names no device would land
        again, found_again = augment(images, truths, generator=seeded(5), sizes_px=sizes)
    assert torch.equal(again, seen)
    assert equal(found_again, found)


def test_the_crop_options_given_are_used() -> None:
    truths = Truths.from_list([Truth.of([BOX], [1])] * 50)
    images = torch.zeros(50, 3, 8, 8, dtype=torch.uint8)
    whole = SSDAugmentation(8, crop=Crop(weights=(1.0, 0.0, 0.0)), photometric=None, flip=0.0)
    assert equal(whole(images, truths, generator=seeded(1))[1], truths)
    cropped = SSDAugmentation(8, crop=Crop(weights=ANY_PATCH), photometric=None, flip=0.0)
    assert not (cropped(images, truths, generator=seeded(1))[1].boxes_xyxy == truths.boxes_xyxy).any()
