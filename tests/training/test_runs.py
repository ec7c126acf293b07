"""Runs: the same seed, the same result; and what they leave behind."""

import json

import pytest
import torch

from ssd_lite import models, recipes, training
from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.data import Scenes, decode
from ssd_lite.training import train_step
from tests.training.small_runs import SMALL, equal


def test_a_run_leaves_everything_in_its_folder(finished) -> None:
    run, result = finished
    assert {p.name for p in run.iterdir()} == {
        "recipe.json",
        "log.jsonl",
        "tensorboard",
        "checkpoints",
        "model.safetensors",
        "results.json",
    }
    assert recipes.Recipe.from_dict(json.loads((run / "recipe.json").read_text())) == SMALL
    assert [entry["step"] for entry in training.read_log(run)] == [3, 6, 7]
    results = json.loads((run / "results.json").read_text())
    assert results["metrics"]["mean"] == result.metrics.mean
    assert results["machine"]["torch"] == torch.__version__
    assert models.load(run / "model.safetensors").classes == result.model.classes


def test_the_same_seed_gives_the_same_weights_and_log(finished, data, tmp_path) -> None:
    run, result = finished
    again = training.train(SMALL, run_dir=tmp_path / "again", data=data, show=False, device="cpu")
    assert equal(result.model, again.model)
    assert (tmp_path / "again" / "log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()
    other = training.train(
        SMALL.changed(seed=1), run_dir=tmp_path / "other", data=data, show=False, device="cpu"
    )
    assert not equal(result.model, other.model)


def test_a_folder_that_holds_a_run_is_not_overwritten(finished, data) -> None:
    run, _ = finished
    with pytest.raises(ValueError, match="holds a run already"):
        training.train(SMALL, run_dir=run, data=data, show=False)


def test_random_negatives_are_the_seeds(data, tmp_path) -> None:
    recipe = SMALL.changed(criterion={"mining": "random"}, steps=3)
    logs = []
    for name in "ab":
        training.train(recipe, run_dir=tmp_path / name, data=data, show=False, device="cpu")
        logs.append((tmp_path / name / "log.jsonl").read_bytes())
    assert logs[0] == logs[1]


def test_training_goes_on_with_images_that_have_no_objects(tmp_path) -> None:
    class Empty(Scenes):
        def __getitem__(self, index: int, /):
            from ssd_lite.truths import Truth

            return super().__getitem__(index)._replace(truth=Truth.of([], []))

    empty = decode(Empty(count=4), canvas_px=128)
    result = training.train(
        SMALL.changed(steps=3), run_dir=tmp_path / "run", data=(empty, empty), show=False, device="cpu"
    )
    assert all(torch.isfinite(p).all() for p in result.model.parameters())
    assert [entry["loss"] for entry in training.read_log(tmp_path / "run")] == [0.0]


def test_one_image_can_be_learned_by_heart() -> None:
    """The wiring of everything: loss near zero, and the objects found where they are."""
    torch.manual_seed(0)
    images = decode(Scenes(count=1, seed=6), canvas_px=128)
    batch = next(iter(images.batches([[0, 0]])))
    model = models.ssd_tiny(images.classes)
    criterion = MultiBoxCriterion(model.default_boxes)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    as_it_is = SSDAugmentation(128, crop=None, photometric=None, flip=0.0)
    generator = torch.Generator().manual_seed(0)
    losses = [
        train_step(model, criterion, optimizer, as_it_is, batch, generator=generator).total.item()
        for _ in range(80)
    ]
    assert losses[-1] < 0.05 * losses[0]
    model.eval()
    for layer in model.modules():  # two copies of one image are no statistics: use the batch's
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.train()
    images_in = batch.images.float() / 255
    with torch.no_grad():
        offsets, logits = model(images_in)
    from ssd_lite.detection import detect

    found = detect(offsets, logits, model.default_boxes, score_threshold=0.5)[0]
    truth = next(batch.truths.unpadded())
    assert sorted(found["labels"].tolist()) == sorted(truth.labels.tolist())
