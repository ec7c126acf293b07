"""Datasets read from disk for every batch."""

import multiprocessing
from contextlib import suppress

import pytest
import torch

from ssd_lite.data import (
    DatasetError,
    Example,
    Scenes,
    Streamed,
    decode,
    streamed,
)
from ssd_lite.data.order import shuffled
from ssd_lite.truths import Truth
from tests.data.photos import Photos


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


def test_streaming_passes_over_an_unreadable_image_with_a_blank_one() -> None:
    source = Streamed(Photos(broken=(1,)), canvas_px=64, workers=0, skip_invalid=True)
    batch = next(iter(source.batches([[1, 2]])))
    assert batch.truths.present.sum(dim=1).tolist() == [0, 2]
    assert batch.images[0].sum() == 0
    with pytest.raises(DatasetError):
        list(Streamed(Photos(broken=(1,)), canvas_px=64, workers=0).batches([[1, 2]]))


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


class Crowds:
    """Images with more and more objects: 16 in the first, 144 in the last of nine."""

    classes = ("cat",)
    problems = ()

    def __len__(self) -> int:
        return 9

    def truth(self, index: int) -> Truth:
        count = 16 * (index + 1)
        return Truth.of([[0.1, 0.1, 0.5, 0.5]] * count, [1] * count)

    def __getitem__(self, index: int) -> Example:
        return Example(torch.zeros(3, 20, 20, dtype=torch.uint8), self.truth(index), f"crowd {index}")


def test_batches_of_nine_sizes_have_one_shape() -> None:
    batches = list(Streamed(Crowds(), canvas_px=32, workers=0).batches([[i] for i in range(9)]))
    assert [int(batch.truths.present.sum()) for batch in batches] == [16 * i for i in range(1, 10)]
    assert {batch.truths.labels.shape for batch in batches} == {(1, 144)}


def test_where_only_decoding_tells_batches_have_few_shapes() -> None:
    class Unknown:
        classes = ("cat",)

        def __len__(self) -> int:
            return 9

        def __getitem__(self, index: int) -> Example:
            return Crowds()[index]

    batches = Streamed(Unknown(), canvas_px=32, workers=0).batches([[i] for i in range(9)])
    assert [batch.truths.labels.shape[1] for batch in batches] == [16, 32, 64, 64, 128, 128, 128, 128, 256]


@pytest.mark.parametrize("workers", [0, 1])
def test_skipped_images_are_reported_once_each(workers: int) -> None:
    source = Streamed(Photos(broken=(1, 3)), canvas_px=64, workers=workers, skip_invalid=True)
    assert source.problems == ()
    names = [batch.names for batch in source.batches([[0, 1], [2, 3], [1, 4]])]
    assert names == [["photo 0", "skipped"], ["photo 2", "skipped"], ["skipped", "photo 4"]]
    assert [problem.file for problem in source.problems] == ["1.jpg", "3.jpg"]


def test_it_says_what_it_is() -> None:
    assert repr(Streamed(Photos(), canvas_px=64, workers=1)) == (
        "Streamed(5 images, 1 class, disk, read by 1 process)"
    )
