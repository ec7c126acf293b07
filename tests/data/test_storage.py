"""Where a dataset is kept: on the device, in memory, on disk."""

import pytest
import torch

from ssd_lite.data import Decoded, Scenes, Streamed, load, storage
from tests.data.photos import Photos


def test_what_does_not_fit_into_memory_is_streamed() -> None:
    assert isinstance(load(Photos(), canvas_px=64, memory_gib=1e-6), Streamed)
    assert not isinstance(load(Photos(), canvas_px=64, memory_gib=1.0), Streamed)


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


def test_a_dataset_on_its_way_to_the_device_must_fit_into_memory(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10_000, 10_000))
    monkeypatch.setattr(storage, "available_memory", lambda: 1999)
    assert storage._place(1000, torch.device("cuda", 0), None) == "disk"
    assert storage._place(999, torch.device("cuda", 0), None) == "device"


def test_pinned_memory_is_counted_as_pytorch_takes_it(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 10_000))
    monkeypatch.setattr(storage, "available_memory", lambda: 2 * 1100)
    cuda = torch.device("cuda", 0)
    assert [storage._place(size, cuda, None) for size in (1024, 1025)] == ["memory", "disk"]
    assert storage._place(1025, torch.device("cpu"), None) == "memory"


def test_memory_is_judged_by_the_canvas_that_the_images_need(monkeypatch) -> None:
    scenes = Scenes(count=4, size=(64, 32))
    monkeypatch.setattr(storage, "available_memory", lambda: 2 * 4 * 3 * 64 * 32)
    assert isinstance(load(scenes, canvas_px=512), Decoded)
    assert load(scenes, canvas_px=512).images.shape == (4, 3, 64, 32)
    monkeypatch.setattr(storage, "available_memory", lambda: 2 * 4 * 3 * 64 * 32 - 1)
    assert isinstance(load(scenes, canvas_px=512), Streamed)
