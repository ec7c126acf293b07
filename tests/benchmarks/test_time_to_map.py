"""Time to mAP at toy size: both sides get the same seconds, and a side that is complete is not run again."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import drawn, sides, time_to_map, torchvision_training
from benchmarks.sides import train_for
from ssd_lite.data import Scenes, VOCFolder, decode
from ssd_lite.evaluation import VOCEvaluator

CPU = torch.device("cpu")


def _run(place: Path, *more: str) -> dict:
    places = ["--work", str(place / "work"), "--out", str(place / "out")]
    time_to_map.main(["--quick", "--device", "cpu", "--seconds", "1", *places, *more])
    return json.loads((place / "out" / "time_to_map.cpu.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[dict, Path]:
    place = tmp_path_factory.mktemp("whole")
    return _run(place), place


def test_both_sides_get_the_same_seconds(whole) -> None:
    measured, _ = whole
    assert measured["complete"] is True
    for name in ("ours", "torchvision"):
        side = measured[name]
        assert 1 <= side["seconds"] < 3
        assert side["curve"][-1] == {
            "step": side["steps"],
            "seconds": pytest.approx(side["seconds"], abs=0.01),
        } | {"map": side["metrics"]["mean"]}
        assert 0 < side["first_step_seconds"] <= side["seconds"]
        assert side["images_per_second"] == pytest.approx(2 * side["steps"] / side["seconds"], abs=0.1)
    assert (measured["train_images"], measured["test_images"]) == (8, 4)


def test_a_complete_side_is_not_run_again(whole, monkeypatch) -> None:
    measured, place = whole
    path = place / "out" / "time_to_map.cpu.json"
    half = json.loads(path.read_text())
    half["torchvision"]["complete"] = half["complete"] = False
    path.write_text(json.dumps(half))
    monkeypatch.setattr(time_to_map, "Ours", None)  # would fail if it were built
    again = _run(place)
    assert again["ours"] == measured["ours"]
    assert again["torchvision"]["complete"] is True


def test_no_side_is_started_that_would_not_end_in_time(whole, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(time_to_map, "SPARE_S", 1e6)
    chosen = time_to_map.Settings(device=CPU, out=tmp_path)
    run = time_to_map.recipe(time_to_map.Settings(device=CPU, quick=True))
    record = time_to_map.Record("time_to_map", device=CPU, folder=tmp_path)
    root = whole[1] / "work" / "scenes"
    assert not time_to_map.measure(chosen, run, record, root=root, work=tmp_path, seconds=1, limit_s=60)
    assert "ours" not in record.measured


def test_a_folder_of_ones_own_is_used(whole, tmp_path) -> None:
    root = whole[1] / "work" / "scenes"
    measured = _run(tmp_path, "--data", str(root))
    assert measured["settings"]["dataset"] == "scenes"
    assert not (tmp_path / "work" / "scenes").exists()


class _Counting:
    """A side that does nothing but count."""

    def __init__(self, loss: float = 1.0) -> None:
        self.numbers: list[int] = []
        self.loss = loss

    def steps(self):
        while True:
            yield None

    def step(self, batch: object, number: int) -> Tensor:
        self.numbers.append(number)
        return torch.tensor(self.loss)

    def evaluate(self):
        evaluator = VOCEvaluator(("a",))
        return evaluator.compute()


def test_the_schedule_runs_over_the_time() -> None:
    side = _Counting()
    states = list(train_for(lambda: side, 0.4, device=CPU, points=4))
    assert [len(state["curve"]) for state in states] == [1, 2, 3, 4]
    assert side.numbers == sorted(set(side.numbers))  # no number twice, since it seeds what is random
    assert 0.9 * sides.NUMBERS < side.numbers[-1] < sides.NUMBERS
    middle = side.numbers[len(side.numbers) // 2]
    assert 0.2 * sides.NUMBERS < middle < 0.8 * sides.NUMBERS


def test_a_side_that_diverges_says_so_and_ends() -> None:
    states = list(train_for(lambda: _Counting(loss=float("nan")), 0.2, device=CPU, points=2))
    assert len(states) == 1
    assert states[0]["diverged"] is True
    assert states[0]["curve"] == []


def test_ours_that_never_gets_there_has_no_time() -> None:
    curve = [{"seconds": 1.0, "map": 0.2}, {"seconds": 2.0, "map": 0.4}]
    low = [{"seconds": 2.0, "map": 0.3}]
    assert time_to_map.compared({"ours": {"curve": curve}, "torchvision": {"curve": low}}) == {
        "torchvisions_best_map": 0.3,
        "seconds_to_torchvisions_best_map": 2.0,
    }
    reached = time_to_map.compared({"ours": {"curve": low}, "torchvision": {"curve": curve}})
    assert reached["seconds_to_torchvisions_best_map"] is None


def test_both_sides_read_the_same_images_and_objects(tmp_path) -> None:
    root = drawn.folder(tmp_path / "drawn", Scenes(count=9, size=(96, 128)), workers=1)
    ours = decode(VOCFolder(root, "trainval"))
    reader = torchvision_training.reader(
        root, "trainval", ours.classes, size_px=64, link=tmp_path, names=ours.names[:5]
    )
    assert [Path(path).stem for path in reader.images] == list(ours.names[:5])
    reader.transforms.transforms = torchvision_training.theirs.resizing(64)
    for number, truth in zip(range(5), ours.truths.unpadded(), strict=False):
        image, target = reader[number]
        assert image.shape == (3, 64, 64)
        torch.testing.assert_close(
            target["boxes"] / 64, truth.boxes_xyxy, atol=1e-4, rtol=0, check_dtype=False
        )
        assert target["labels"].tolist() == truth.labels.tolist()


def test_drawn_scenes_are_the_same_in_memory_and_as_files(tmp_path) -> None:
    scenes = Scenes(count=9, size=(96, 128))
    root = drawn.folder(tmp_path / "drawn", scenes, workers=2)
    images = decode(scenes)
    for number, truth in enumerate(images.truths.unpadded()):
        assert images.images[number].equal(scenes[number].image)
        assert truth.boxes_xyxy.equal(scenes[number].truth.boxes_xyxy)
    from_files = VOCFolder(root, "trainval", classes=scenes.classes)
    for number in range(9):
        assert from_files[number].truth.labels.equal(scenes[number].truth.labels)
        torch.testing.assert_close(from_files[number].truth.boxes_xyxy, scenes[number].truth.boxes_xyxy)
    few = drawn.first(images, 4)
    assert len(few) == len(few.truths) == len(few.names) == 4
