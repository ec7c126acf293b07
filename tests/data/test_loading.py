"""Batches: decoded or streamed, in an order that depends on the seed and the step alone."""

import multiprocessing
from contextlib import suppress
from itertools import chain

import pytest
import torch

from ssd_lite.data import (
    DatasetError,
    Decoded,
    Example,
    Problem,
    Scenes,
    Streamed,
    decode,
    load,
    storage,
    streamed,
)
from ssd_lite.data.examples import Subset
from ssd_lite.data.loading import in_order, shrink, shuffled
from ssd_lite.truths import Truth


class Photos:
    """Images of several sizes, one of them without objects, one perhaps unreadable."""

    classes = ("cat",)
    problems = ()

    def __init__(self, broken: tuple[int, ...] = ()) -> None:
        self.broken = broken

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Example:
        if index in self.broken:
            raise DatasetError([Problem(f"{index}.jpg", "image cannot be decoded")])
        image = torch.full((3, 20 + 10 * index, 60 - 10 * index), index, dtype=torch.uint8)
        truth = Truth.of([[0.1, 0.1, 0.5, 0.5]] * index, [1] * index)
        return Example(image, truth, f"photo {index}")


@pytest.mark.parametrize("make", [decode, lambda d, canvas_px: Streamed(d, canvas_px=canvas_px, workers=0)])
def test_batches_hold_the_images_in_their_corners(make) -> None:
    source = make(Photos(), canvas_px=64)
    first, second = source.batches([[3, 0], [4]])
    assert first.names == ["photo 3", "photo 0"]
    assert first.sizes_px.tolist() == [[50, 30], [20, 60]]
    assert (first.images[0, :, :50, :30] == 3).all()
    assert first.truths.present.sum(dim=1).tolist() == [3, 0]
    assert second.truths.present.sum(dim=1).tolist() == [4]


def test_streamed_and_decoded_batches_agree() -> None:
    scenes = Scenes(count=6)
    order = list(shuffled(6, 2, steps=4, seed=1))
    decoded = decode(scenes, canvas_px=128).batches(order)
    streamed = Streamed(scenes, canvas_px=128, workers=1).batches(order)
    for a, b in zip(decoded, streamed, strict=True):
        assert torch.equal(a.images, b.images)
        assert a.names == b.names
        for one, other in zip(a.truths.unpadded(), b.truths.unpadded(), strict=True):
            assert torch.equal(one.boxes_xyxy, other.boxes_xyxy)
            assert torch.equal(one.labels, other.labels)
        assert b.truths.labels.shape == (2, 16)  # whatever a batch holds: few shapes to compile for


def test_large_images_are_shrunk_to_the_canvas_and_their_boxes_stay() -> None:
    example = Example(torch.zeros(3, 300, 100, dtype=torch.uint8), Truth.of([[0.1, 0.2, 0.3, 0.4]], [1]), "x")
    small = shrink(example, 60)
    assert small.image.shape == (3, 60, 20)
    assert small.truth is example.truth
    assert shrink(example, 300) is example


def test_what_does_not_fit_into_memory_is_streamed() -> None:
    assert isinstance(load(Photos(), canvas_px=64, memory_gib=1e-6), Streamed)
    assert not isinstance(load(Photos(), canvas_px=64, memory_gib=1.0), Streamed)


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


def test_streaming_passes_over_an_unreadable_image_with_a_blank_one() -> None:
    source = Streamed(Photos(broken=(1,)), canvas_px=64, workers=0, skip_invalid=True)
    batch = next(iter(source.batches([[1, 2]])))
    assert batch.truths.present.sum(dim=1).tolist() == [0, 2]
    assert batch.images[0].sum() == 0
    with pytest.raises(DatasetError):
        list(Streamed(Photos(broken=(1,)), canvas_px=64, workers=0).batches([[1, 2]]))


def test_progress_is_told_image_by_image() -> None:
    told = []
    decode(Photos(), canvas_px=64, progress=lambda done, total: told.append((done, total)))
    assert told == [(i, 5) for i in range(1, 6)]


@pytest.mark.parametrize(("images", "batch"), [(10, 4), (3, 8), (1, 2), (8, 8)])
def test_every_epoch_sees_every_image_once(images: int, batch: int) -> None:
    steps = 12
    stream = list(chain.from_iterable(shuffled(images, batch, steps=steps, seed=5)))
    assert len(stream) == steps * batch  # no short batch, no early end
    for start in range(0, len(stream) - images + 1, images):
        assert sorted(stream[start : start + images]) == list(range(images))


def test_the_order_can_be_taken_up_anywhere() -> None:
    whole = list(shuffled(7, 3, steps=20, seed=2))
    assert list(shuffled(7, 3, steps=20, seed=2, start=11)) == whole[11:]
    assert list(shuffled(7, 3, steps=20, seed=3)) != whole


def test_in_order_ends_with_a_short_batch() -> None:
    assert list(in_order(5, 2)) == [[0, 1], [2, 3], [4]]


def test_a_subset_holds_the_chosen_examples() -> None:
    subset = Subset(Photos(), [4, 1])
    assert [subset[i].name for i in range(len(subset))] == ["photo 4", "photo 1"]
    assert subset.classes == ("cat",)


def test_a_dataset_is_kept_where_it_is_told_to_be() -> None:
    scenes = Scenes(count=4, size=(64, 64))
    assert isinstance(load(scenes, canvas_px=64), Decoded)  # little enough for memory
    assert isinstance(load(scenes, canvas_px=64, memory_gib=1e-9), Streamed)
    assert isinstance(load(scenes, canvas_px=64, memory_gib=1e-9, keep="memory"), Decoded)
    streamed = load(scenes, canvas_px=64, keep="disk")
    assert isinstance(streamed, Streamed)
    assert streamed.storage.startswith("disk")
    assert load(scenes, canvas_px=64, keep="device").storage.startswith("cpu, 0.00 GiB")
    with pytest.raises(ValueError, match="keep must be one of auto, device, memory, disk, got 'attic'"):
        load(scenes, keep="attic")


@pytest.mark.parametrize(
    ("free", "memory_gib", "place"), [(2001, 1.0, "device"), (1999, 1.0, "memory"), (1999, 1e-9, "disk")]
)
def test_a_gpu_takes_what_fits_into_half_of_what_it_has_free(monkeypatch, free, memory_gib, place) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10_000))
    assert storage._place(1000, torch.device("cuda", 0), memory_gib) == place


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


def test_a_reader_that_is_asked_to_end_does_so_in_a_while(monkeypatch) -> None:
    """A process that exits waits for those that it has asked to end: they must not go on for ever."""
    monkeypatch.setattr(streamed, "GRACE_S", 1)
    batches = Streamed(Scenes(count=4, size=(64, 64)), canvas_px=64, workers=1).batches([[0]] * 50)
    next(batches)
    (reader,) = multiprocessing.active_children()
    reader.terminate()
    reader.join(timeout=0.5)
    assert reader.is_alive()  # the one that trains may still need it
    with suppress(RuntimeError):  # which torch raises in this process when a reader ends
        reader.join(timeout=20)
    assert not reader.is_alive()
