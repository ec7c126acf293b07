"""Scenes drawn by several processes are those that one would draw."""

import torch

from ssd_lite.data import Scenes, decode, decoded, drawing
from ssd_lite.data.drawing import scenes_in_order


def test_several_processes_draw_what_one_does(monkeypatch) -> None:
    monkeypatch.setattr(drawing, "WORTHWHILE", 20)
    scenes = Scenes(count=37, size=(48, 64), seed=3)  # two full chunks, and a short one
    found = list(scenes_in_order(scenes, workers=2))
    assert [example.name for example in found] == [f"scene {index:05d}" for index in range(37)]
    for index, example in enumerate(found):
        assert torch.equal(example.image, scenes[index].image)
        assert torch.equal(example.truth.boxes_xyxy, scenes[index].truth.boxes_xyxy)


def test_few_scenes_start_no_process(monkeypatch) -> None:
    monkeypatch.setattr(drawing, "DataLoader", None)
    assert len(list(scenes_in_order(Scenes(count=3, size=(48, 64)), workers=2))) == 3
    assert list(scenes_in_order(Scenes(count=0), workers=2)) == []


def test_decoding_draws_in_parallel_and_tells_progress(monkeypatch) -> None:
    """Scenes that are not square: (height, width) and (width, height) must not be mixed up."""
    scenes, told = Scenes(count=5, size=(48, 64), seed=3), []
    asked = []
    monkeypatch.setattr(
        decoded, "scenes_in_order", lambda found: (asked.append(found), scenes_in_order(found))[1]
    )
    images = decode(scenes, canvas_px=64, progress=lambda done, total: told.append((done, total)))
    assert asked == [scenes]
    assert told == [(done, 5) for done in range(1, 6)]
    assert images.images.shape == (5, 3, 48, 64)
    assert images.sizes_px.tolist() == [[48, 64]] * 5
    assert torch.equal(images.images[4], scenes[4].image)
