"""Datasets in memory."""

from pathlib import Path

import pytest
import torch

from ssd_lite.data import DatasetError, Example, Scenes, Streamed, decode, load
from ssd_lite.data.batches import shrink
from ssd_lite.data.decoded import canvas_shape
from ssd_lite.data.voc import VOCFolder
from ssd_lite.truths import Truth
from tests.data.folders import put, write_image, write_voc
from tests.data.photos import Photos


@pytest.mark.parametrize("make", [decode, lambda d, canvas_px: Streamed(d, canvas_px=canvas_px, workers=0)])
def test_batches_hold_the_images_in_their_corners(make) -> None:
    source = make(Photos(), canvas_px=64)
    first, second = source.batches([[3, 0], [4]])
    assert first.names == ["photo 3", "photo 0"]
    assert first.sizes_px.tolist() == [[50, 30], [20, 60]]
    assert (first.images[0, :, :50, :30] == 3).all()
    assert first.truths.present.sum(dim=1).tolist() == [3, 0]
    assert second.truths.present.sum(dim=1).tolist() == [4]


def test_large_images_are_shrunk_to_the_canvas_and_their_boxes_stay() -> None:
    example = Example(torch.zeros(3, 300, 100, dtype=torch.uint8), Truth.of([[0.1, 0.2, 0.3, 0.4]], [1]), "x")
    small = shrink(example, 60)
    assert small.image.shape == (3, 60, 20)
    assert small.truth is example.truth
    assert shrink(example, 300) is example


def test_all_unreadable_images_are_named_at_once() -> None:
    with pytest.raises(DatasetError, match=r"1\.jpg: image cannot be decoded\n3\.jpg"):
        decode(Photos(broken=(1, 3)), canvas_px=64)


def test_unreadable_images_can_be_left_out() -> None:
    source = decode(Photos(broken=(1, 3)), canvas_px=64, skip_invalid=True)
    assert source.names == ["photo 0", "photo 2", "photo 4"]
    assert [fault.file for fault in source.problems] == ["1.jpg", "3.jpg"]


def test_a_dataset_of_nothing_readable_is_an_error_even_so() -> None:
    with pytest.raises(DatasetError):
        decode(Photos(broken=(0, 1, 2, 3, 4)), canvas_px=64, skip_invalid=True)


def test_progress_is_told_image_by_image() -> None:
    told = []
    decode(Photos(), canvas_px=64, progress=lambda done, total: told.append((done, total)))
    assert told == [(i, 5) for i in range(1, 6)]


def test_images_from_pinned_memory_are_copied_one_by_one() -> None:
    decoded = decode(Scenes(count=4, size=(64, 64)), canvas_px=64)
    assert torch.equal(decoded._copied([2, 0]), decoded.images[[2, 0]])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("keep", ["device", "memory"])
def test_batches_for_a_gpu_are_made_there(keep: str) -> None:
    scenes = Scenes(count=4, size=(64, 64))
    here, there = (load(scenes, canvas_px=64, device=device, keep=keep) for device in ("cpu", "cuda"))
    for one, other in zip(here.batches([[3, 1]]), there.batches([[3, 1]]), strict=True):
        assert other.images.is_cuda
        assert other.truths.labels.is_cuda
        assert torch.equal(one.images, other.images.cpu())
        assert torch.equal(one.truths.boxes_xyxy, other.truths.boxes_xyxy.cpu())


def test_images_of_known_size_are_laid_on_the_canvas_one_by_one(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train", max_side=20)
    decoded = decode(folder, canvas_px=512)
    assert decoded.images.shape == (2, 3, 15, 20)
    for index in range(2):
        assert torch.equal(decoded.images[index], folder[index].image)
    assert canvas_shape(folder, 10) == decode(folder, canvas_px=10).images.shape[2:] == (8, 10)
    assert canvas_shape(Photos(), 64) is None


def test_the_canvas_holds_every_photo_however_it_lies(tmp_path: Path) -> None:
    root = write_voc(tmp_path, {"train": "abc"})
    (root / "JPEGImages" / "b.jpg").unlink()
    write_image(root / "JPEGImages" / "b.jpg", orientation=6)
    (root / "JPEGImages" / "c.jpg").unlink()
    write_image(root / "JPEGImages" / "c.png", (3, 500))
    put(root / "Annotations" / "b.xml", "<annotation/>")
    put(root / "Annotations" / "c.xml", "<annotation/>")
    folder = VOCFolder(root, "train")
    for canvas_px in (512, 100, 37, 7):
        decoded = decode(folder, canvas_px=canvas_px)
        largest = [shrink(folder[index], canvas_px).image.shape for index in range(3)]
        assert decoded.images.shape[2:] == (max(s[1] for s in largest), max(s[2] for s in largest))


def test_it_says_what_it_is() -> None:
    assert repr(decode(Photos(), canvas_px=64)) == "Decoded(5 images, 10 objects, 1 class, cpu, 0.00 GiB)"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_images_are_decoded_into_pinned_memory() -> None:
    decoded = load(Scenes(count=4, size=(64, 64)), canvas_px=64, device="cuda", keep="memory")
    assert decoded.images.is_pinned()
    assert decoded.storage.startswith("pinned memory")
