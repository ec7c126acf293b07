"""The benchmarks of whole runs, at toy size: cut off, gone on with, and written down."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import command, drawn, rehearsal, torchvision_training
from ssd_lite.data import Scenes, VOCFolder, decode


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "drawn"
    drawn.folder(root, Scenes(count=9, size=(96, 128)), split="trainval")
    return drawn.folder(root, Scenes(count=4, size=(96, 128), seed=1), split="test")


def test_both_sides_read_the_same_images_and_objects(folder, tmp_path) -> None:
    ours = decode(VOCFolder(folder, "trainval"))
    reader = torchvision_training.reader(
        folder, "trainval", ours.classes, size_px=64, link=tmp_path, names=ours.names[:5]
    )
    assert [Path(path).stem for path in reader.images] == ours.names[:5]
    reader.transforms.transforms = torchvision_training.theirs.resizing(64)
    for number, truth in zip(range(5), ours.truths.unpadded(), strict=False):
        image, target = reader[number]
        assert image.shape == (3, 64, 64)
        torch.testing.assert_close(
            target["boxes"] / 64, truth.boxes_xyxy, atol=1e-4, rtol=0, check_dtype=False
        )
        assert target["labels"].tolist() == truth.labels.tolist()


def test_drawn_scenes_are_the_same_in_memory_and_as_files(folder) -> None:
    scenes = Scenes(count=9, size=(96, 128))
    images = drawn.decoded(scenes, workers=0)
    for number, truth in enumerate(images.truths.unpadded()):
        assert images.images[number].equal(scenes[number].image)
        assert truth.boxes_xyxy.equal(scenes[number].truth.boxes_xyxy)
    from_files = VOCFolder(folder, "trainval", classes=scenes.classes)
    for number in range(9):
        assert from_files[number].truth.labels.equal(scenes[number].truth.labels)
        torch.testing.assert_close(from_files[number].truth.boxes_xyxy, scenes[number].truth.boxes_xyxy)


def test_the_rehearsal_times_some_steps_and_says_that_the_rest_is_extrapolated(tmp_path) -> None:
    command.run("rehearsal", None, rehearsal.measure, ["--quick", "--device", "cpu", "--out", str(tmp_path)])
    measured = json.loads((tmp_path / "rehearsal.cpu.json").read_text())
    assert [step for step, _ in measured["seconds_by_step"]] == [1, 2, 3]
    assert "extrapolated" in measured["note"]
    assert "20 classes" in measured["images"]
    told = rehearsal.extrapolated([(200, 60.0), (400, 64.0), (2000, 96.0)], 120_000)
    assert told == {"seconds_a_step": 0.02, "schedule_seconds": pytest.approx(60 + 0.02 * 119_800)}
