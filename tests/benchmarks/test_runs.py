"""The benchmarks of whole runs, at toy size: cut off, gone on with, and written down."""

import contextlib
import importlib.util
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


def _full_run(folder: Path, tmp_path: Path, *more: str) -> dict:
    options = ["--data", str(folder), "--steps", "2", "--toy", "--device", "cpu"]
    places = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    full_run.main([*options, *places, *more])
    return json.loads((tmp_path / "out" / "full_run.cpu.json").read_text())


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory) -> dict:
    return _full_run(folder, tmp_path_factory.mktemp("whole"))


def test_a_full_run_trains_both_sides(whole) -> None:
    assert (whole["train_images"], whole["test_images"], whole["dataset"]) == (9, 4, "drawn")
    for side in ("ours", "torchvision"):
        curve = whole[side]["curve"]
        assert [point["step"] for point in curve] == [1, 2]
        assert [point["seconds"] for point in curve] == sorted(point["seconds"] for point in curve)
        assert curve[-1]["map"] == whole[side]["metrics"]["mean"]
        assert whole[side]["training_images_per_second"] > 0
    assert whole["share"] == whole["ours"]["training_seconds"] / whole["torchvision"]["training_seconds"]
    assert whole["command"] == "python -m benchmarks.full_run"


def test_a_full_run_that_is_cut_off_goes_on(whole, folder, tmp_path) -> None:
    calls = 0
    while not (tmp_path / "out").exists():
        calls += 1
        assert calls <= 4
        with contextlib.suppress(SystemExit):
            _full_run(folder, tmp_path, "--minutes", "0")
    assert calls == 4  # two parts a side
    measured = json.loads((tmp_path / "out" / "full_run.cpu.json").read_text())
    expected = [(point["step"], pytest.approx(point["map"])) for point in whole["ours"]["curve"]]
    assert [(point["step"], point["map"]) for point in measured["ours"]["curve"]] == expected
    assert [point["step"] for point in measured["torchvision"]["curve"]] == [1, 2]


def test_a_folder_of_another_run_is_not_gone_on_with(folder, tmp_path) -> None:
    with pytest.raises(SystemExit) as stopped:
        _full_run(folder, tmp_path, "--minutes", "0")
    assert stopped.value.code == 3
    with pytest.raises(ValueError, match="holds another"):
        _full_run(folder, tmp_path, "--seed", "1")


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


def _script(tmp_path: Path, name: str, body: str, seconds: float = 0.0) -> gpu.Part:
    result = tmp_path / "work" / name
    code = f"import sys, pathlib, time; told = pathlib.Path({str(result)!r}); {body}"
    return gpu.Part(result=name, arguments=("-c", code), seconds=seconds)


def test_the_one_command_goes_on_and_passes_over_what_fails(tmp_path) -> None:
    mark = tmp_path / "mark"
    todo = [
        _script(tmp_path, "a", f"told.write_text('a'); open({str(mark)!r}, 'a').write('x')"),
        _script(tmp_path, "b", "sys.exit(1)"),
        _script(tmp_path, "c", "told.write_text('c')"),
        _script(tmp_path, "d", "time.sleep(30)"),
        _script(tmp_path, "e", "told.write_text('e')", seconds=60.0),
    ]
    places = {"work": tmp_path / "work", "out": tmp_path / "out"}
    assert gpu.go_on(todo, **places, limit_s=1.5) == ["b", "d", "e"]
    assert {path.name for path in places["out"].iterdir()} == {"a", "c"}
    assert gpu.go_on([*todo[:3], todo[4]], **places, limit_s=100) == ["b"]
    assert mark.read_text() == "x"  # what was done is not done again
    assert {path.name for path in places["out"].iterdir()} == {"a", "c", "e"}


def test_the_one_command_names_modules_that_are_there() -> None:
    todo = gpu.parts(Path("data"), Path("work"), "cuda")
    assert len(todo) <= 8
    for part in todo[1:]:
        assert importlib.util.find_spec(part.arguments[1]) is not None
        assert part.result == f"{part.arguments[1].removeprefix('benchmarks.')}.cuda.json"
    if not torch.cuda.is_available():
        with pytest.raises(SystemExit):
            gpu.main(["--data", "x", "--device", "cuda"])
