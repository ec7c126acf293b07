"""The benchmarks of single steps: both sides must agree, and what they promise must be written."""

import json
from dataclasses import replace

import pytest
import torch

from benchmarks import (
    augmentation,
    command,
    criterion,
    data_loading,
    first_step,
    prediction,
    same_weights,
    timing,
    training_step,
)
from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings
from ssd_lite import models, scales
from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.models.zoo import tiny_default_boxes
from ssd_lite.truths import Truths

QUICK = Settings(device=torch.device("cpu"), quick=True)
TINY = tiny_default_boxes()
PROMISED = {
    "criterion": {"batch", "default_boxes", "classes", "memory_gib", "host_syncs", "matching"},
    "augmentation": {"images", "images_per_second", "goal_images_per_second", "host_syncs"},
    "prediction": {"batch", "candidates_per_class", "detections_per_image"},
    "training_step": {"images_per_second", "utilisation", "memory_gib", "parts_s", "first_step_s"},
    "data_loading": {"images_per_second", "loading_seconds", "growth", "workers"},
}


@pytest.fixture(autouse=True)
def _drawn(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("benchmarks.photos.SHARED", tmp_path)  # no real photos: the same everywhere


@pytest.mark.parametrize("module", [criterion, augmentation, prediction, training_step, data_loading])
def test_a_benchmark_writes_what_it_promises(module, tmp_path, capsys) -> None:
    name = module.__name__.removeprefix("benchmarks.")
    command.run(name, module.__doc__, module.measure, ["--quick", "--device", "cpu", "--out", str(tmp_path)])
    measured = json.loads((tmp_path / f"{name}.cpu.json").read_text())
    assert {"machine", "commit", "date", "seed", "command", "quick", "agreement"} <= set(measured)
    assert measured["command"] == f"python -m benchmarks.{name}"
    assert PROMISED[name] <= set(measured)
    for compared in measured["comparisons"]:
        assert {"name", "side", compared["side"], "torchvision", "share", "goal"} <= set(compared)
        assert all(compared[side]["median_s"] > 0 for side in (compared["side"], "torchvision"))
        low, high = compared["share"]["quartiles"]
        assert 0 < low <= compared["share"]["median"] <= high
    assert "torchvision" in capsys.readouterr().out


def test_a_benchmark_that_fails_halfway_leaves_what_it_has_measured(tmp_path, capsys) -> None:
    def measure(chosen: Settings):
        times = {"ours": [1.0, 1.0], "torchvision": [2.0, 2.0]}
        yield {"batch": 2, "comparisons": [timing.comparison("first", times, goal=None)]}
        raise RuntimeError("the machine is gone")

    with pytest.raises(RuntimeError, match="is gone"):
        command.run("x", None, measure, ["--device", "cpu", "--out", str(tmp_path)])
    left = json.loads((tmp_path / "x.cpu.json").read_text())
    assert (left["batch"], left["complete"]) == (2, False)
    assert [compared["name"] for compared in left["comparisons"]] == ["first"]
    assert "first: 1000.00 ms" in capsys.readouterr().out


def test_the_first_step_is_timed_in_a_process_of_its_own(tmp_path, capsys) -> None:
    measured = command.run(
        "first_step", None, first_step.measure, ["--quick", "--device", "cpu", "--out", str(tmp_path)]
    )
    assert [found["name"] for found in measured["first_steps"]] == ["eager"]
    assert all(found["first_step_s"] > 0 < found["steady_step_s"] for found in measured["first_steps"])
    assert "first step, eager" in capsys.readouterr().out


def test_sides_take_turns_and_shares_are_taken_within_a_round() -> None:
    called: list[str] = []
    sides = {name: (lambda name=name: called.append(name)) for name in ("ours", "torchvision")}
    times = timing.in_turn(sides, device=torch.device("cpu"), rounds=2, warmup=1, calls=2)
    assert called[:2] == ["ours", "torchvision"]
    assert called[2:] == ["ours", "ours", "torchvision", "torchvision"] * 2
    assert {name: len(values) for name, values in times.items()} == {"ours": 2, "torchvision": 2}
    compared = timing.comparison("x", {"ours": [1.0, 4.0, 9.0], "torchvision": [2.0, 4.0, 3.0]}, goal=0.5)
    assert compared["share"] == {"median": 1.0, "quartiles": [0.75, 2.0]}
    assert compared["ours"] == {"median_s": 4.0, "quartiles_s": [2.5, 6.5], "rounds": 3}


def test_torchvision_gets_our_default_boxes() -> None:
    model = theirs.without_network(scales.ssd300_voc(), 3)
    boxes = theirs.anchors(model, scales.ssd300_voc().grids, 2, torch.device("cpu"))
    expected = cxcywh_to_xyxy(scales.ssd300_voc().cxcywh()) * theirs.SIZE_PX
    for found in boxes:
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    with pytest.raises(ValueError, match="layout must not clip"):
        theirs.ssd(replace(TINY, clip=True), 3, torch.nn.Identity())


@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchvisions_vgg_has_the_maps_of_ours(batch_norm: bool) -> None:
    layout = scales.ssd300_voc()
    with torch.device("meta"):
        model = theirs.ssd300_vgg16(layout, 3, batch_norm=batch_norm)
        maps = model.backbone(torch.zeros(1, 3, 300, 300))
    assert tuple(tuple(m.shape[-2:]) for m in maps.values()) == layout.grids
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in model.modules()) == 13 * batch_norm
    assert all(weights.requires_grad for weights in model.parameters())


def test_objects_that_conflict_are_left_out() -> None:
    defaults = cxcywh_to_xyxy(TINY.cxcywh()).clamp(0, 1)
    box = torch.tensor([0.21, 0.2, 0.5, 0.47])
    twins = torch.stack([box, box + 0.001, defaults[-1] * 0.9])
    truths = Truths(twins[None], torch.tensor([[1, 2, 3]]), torch.zeros(1, 3, dtype=torch.bool))
    assert criterion.without_conflicts(truths, TINY).labels.tolist()[0][:2] == [1, 0]


@pytest.mark.parametrize("broken", [{"threshold": 0.6}, {"negative_ratio": 2.0}, {"alpha": 2.0}])
def test_a_criterion_that_differs_is_not_timed(broken: dict) -> None:
    bench = criterion._Bench(TINY, 2, QUICK)
    bench.agree(8)
    bench.sides["ours"] = MultiBoxCriterion(TINY, **broken)
    with pytest.raises(AssertionError, match="differ by"):
        bench.agree(8)


def test_an_augmentation_that_differs_is_not_timed(monkeypatch) -> None:
    images, kind = augmentation.photos.examples(2)
    assert kind == "drawn scenes"
    augmentation.check(images)
    right = theirs.resizing()
    monkeypatch.setattr(theirs, "resizing", lambda: lambda image, target: _shifted(*right(image, target)))
    with pytest.raises(AssertionError, match="means differ"):
        augmentation.check(images)


def _shifted(image, target):
    return image.roll(2, -1), target


def test_detections_that_differ_are_not_timed() -> None:
    offsets, logits = prediction.predictions(2, TINY, seed=0)
    defaults = TINY.cxcywh()
    right = prediction.detect(offsets, logits, defaults)
    in_pixels = [found | {"boxes": found["boxes"] * theirs.SIZE_PX} for found in right]
    assert prediction.check(right, in_pixels) == 1
    wrong = prediction.detect(offsets, logits, defaults, iou_threshold=0.6)
    with pytest.raises(AssertionError, match="are the same"):
        prediction.check(wrong, in_pixels)


def test_the_same_weights_come_to_the_same_loss_or_nothing_is_timed(monkeypatch) -> None:
    model = models.ssd_tiny(("a", "b"))
    assert "loss" in same_weights.agree(model, torch.device("cpu"), seed=0)
    monkeypatch.setattr(same_weights, "copy_weights", lambda ours, other: None)
    with pytest.raises(AssertionError, match="torchvision's to"):
        same_weights.agree(model, torch.device("cpu"), seed=0)


def test_weights_are_copied_into_the_vgg_layer_by_layer() -> None:
    with torch.device("meta"):
        other = theirs.ssd300_vgg16(scales.ssd300_voc(), 2)
        trunk = models.backbones.VGG16Trunk()
    found = same_weights._layers(other.backbone)[:15]
    expected = same_weights._layers(trunk)
    assert [layer.weight.shape for layer in found] == [layer.weight.shape for layer in expected]


def test_images_that_differ_are_not_timed(tmp_path) -> None:
    bench = data_loading._Bench(QUICK, tmp_path)
    sources, seconds = bench.loaded(bench.dataset)
    assert set(sources) == set(seconds) == {"memory", "disk"}
    memory, disk = sources.values()
    data_loading.check([memory, disk], bench.reader, bench.dataset.classes)
    wrong = replace(memory, images=memory.images.roll(1, -1))
    with pytest.raises(AssertionError, match="pixels differ"):
        data_loading.check([memory, wrong], bench.reader, bench.dataset.classes)
    wrong = replace(memory, truths=replace(memory.truths, labels=memory.truths.labels * 2))
    with pytest.raises(AssertionError, match="labels of image"):
        data_loading.check([wrong, disk], bench.reader, bench.dataset.classes)
