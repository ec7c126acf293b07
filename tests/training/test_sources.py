"""The images of a recipe: what cannot be trained on is refused before a run has a folder."""

import shutil
from pathlib import Path

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from ssd_lite import models, recipes, training
from ssd_lite.data import Example, Scenes, Streamed
from ssd_lite.data.opening import HELD_OUT
from ssd_lite.data.problems import DatasetError
from ssd_lite.training.run import open_recipe_datasets
from ssd_lite.truths import Truth
from tests.training.small_runs import SMALL


def test_a_dataset_of_one_image_is_refused_and_leaves_no_run(shared: Path, tmp_path) -> None:
    folder = shutil.copytree(shared / "cases" / "single_image", tmp_path / "images")
    recipe = SMALL.changed(data="folder", root=str(folder), train_split="all", test_split=HELD_OUT)
    with pytest.raises(DatasetError, match="at least 2 images, one to train on and one to measure on, got 1"):
        training.train(recipe, run_dir=tmp_path / "run", show=False, device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"train_images": 0}, "no image to train on: the data has 0 training images and 6 test images"),
        ({"test_images": 0}, "no image to evaluate on: the data has 12 training images and 0 test images"),
    ],
)
def test_a_part_without_images_is_refused_and_leaves_no_run(tmp_path, counts: dict, message: str) -> None:
    recipe, run = SMALL.changed(**counts), tmp_path / "run"
    with pytest.raises(DatasetError, match=message):
        training.train(recipe, run_dir=run, show=False, device="cpu")
    sources = training.open_sources(SMALL)
    empty = training.open_sources(SMALL.changed(train_images=1, test_images=1))[0]
    empty = type(empty)(empty.classes, empty.images[:0], empty.sizes_px[:0], empty.truths[:0], [])
    given = (empty, sources[1]) if "train_images" in counts else (sources[0], empty)
    with pytest.raises(DatasetError, match="there is no image to"):
        training.train(SMALL, run_dir=run, data=given, show=False, device="cpu")
    assert not run.exists()


def test_both_parts_are_of_the_recipe(tmp_path) -> None:
    recipe = SMALL.changed(image_size_px=(64, 96), classes=("boat", "rocket"), seed=3)
    progress = []
    train, test = training.open_sources(recipe, on_progress=lambda *told: progress.append(told))
    assert train.classes == test.classes == ("boat", "rocket")
    assert train.images.shape == (12, 3, 64, 96)
    assert len(test) == 6
    assert torch.equal(
        train.images[2], Scenes(count=3, size=(64, 96), seed=6, classes=train.classes)[2].image
    )
    assert progress[0] == ("reading 12 images", 1, 12)
    assert progress[-1] == ("reading 6 images", 6, 6)


def test_the_old_functions_still_work() -> None:
    with pytest.warns(DeprecationWarning, match="open_sources"):
        train, _ = training.sources(SMALL)
    with pytest.warns(DeprecationWarning, match="open_datasets"):
        dataset = training.training_dataset(SMALL)
    assert dataset == open_recipe_datasets(SMALL).train
    with pytest.warns(DeprecationWarning, match="open_datasets"):
        assert training.held_out_dataset(SMALL, dataset.classes) == open_recipe_datasets(SMALL).test
    with pytest.warns(DeprecationWarning, match=r"data\.load"):
        assert torch.equal(training.loaded(dataset, SMALL).images, train.images)


class _Crowded:
    """Nine images of which each has 16 objects more than the one before, as files on disk would state."""

    classes = ("thing",)
    problems = ()
    names = tuple("abcdefghi")

    def __len__(self) -> int:
        return 9

    def truth(self, index: int) -> Truth:
        objects = 16 * (index + 1)
        corners = torch.rand(objects, 2, generator=torch.Generator().manual_seed(index)) * 0.8
        return Truth.of(torch.cat([corners, corners + 0.1], dim=1), [1] * objects)

    def __getitem__(self, index: int) -> Example:
        image = torch.full((3, 32, 32), 10 * index, dtype=torch.uint8)
        return Example(image, self.truth(index), self.names[index])


@pytest.mark.plain
def test_a_streamed_dataset_of_nine_object_counts_is_compiled_once(monkeypatch) -> None:
    dataset = _Crowded()
    streamed = Streamed(dataset, canvas_px=32, workers=0)
    counter, compile_ = CompileCounterWithBackend("aot_eager"), torch.compile
    monkeypatch.setattr(torch, "compile", lambda part, **rest: compile_(part, backend=counter, **rest))
    torch._dynamo.reset()
    recipe = recipes.scenes().changed(batch=2, steps=9, compile=True, learning_rate=1e-4)
    trainer = training.Trainer(models.ssd_tiny(dataset.classes), recipe, device="cpu")
    for number, batch in enumerate(streamed.batches([[index, index] for index in range(9)])):
        assert trainer.step(batch, number).total.isfinite()
    assert trainer.compiles
    assert counter.frame_count == 3
