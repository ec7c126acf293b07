"""Runs: the same seed, the same result; stopped and gone on with; what they leave behind."""

import json
import os
import signal
from dataclasses import replace as changed
from pathlib import Path

import pytest
import torch

from ssd_lite import models, recipes, training
from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.data import DatasetError, Scenes, decode
from ssd_lite.data.examples import Subset
from ssd_lite.evaluation import COCOEvaluator
from ssd_lite.training.evaluate import in_pixels
from ssd_lite.training.logging import TrainingLogger
from ssd_lite.training.step import train_step
from ssd_lite.training.trainer import Trainer
from ssd_lite.truths import Truth, Truths
from tests.data.folders import write_voc

SMALL = recipes.scenes().changed(
    train_images=12,
    test_images=6,
    steps=7,
    batch=4,
    warmup=2,
    milestones=(5,),
    log_every=3,
    checkpoint_every=3,
)


@pytest.fixture(scope="module")
def data() -> tuple:
    return training.open_sources(SMALL)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> tuple[Path, training.Result]:
    run = tmp_path_factory.mktemp("runs") / "whole"
    return run, training.train(SMALL, run_dir=run, data=data, show=False, device="cpu")


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
    assert _equal(result.model, again.model)
    assert (tmp_path / "again" / "log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()
    other = training.train(
        SMALL.changed(seed=1), run_dir=tmp_path / "other", data=data, show=False, device="cpu"
    )
    assert not _equal(result.model, other.model)


@pytest.mark.parametrize("stop_after", [1, 3, 4, 6])
def test_a_stopped_run_ends_as_if_it_had_never_stopped(finished, data, tmp_path, stop_after: int) -> None:
    run, result = finished
    _stop_after(stop_after, tmp_path, data)
    resumed = training.resume(tmp_path / "run", data=data, show=False, device="cpu")
    assert _equal(result.model, resumed.model)
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()


def _stop_after(steps: int, folder: Path, data: tuple) -> None:
    """Press Ctrl-C while a run takes its ``steps``-th step."""

    class Interrupting:
        def __init__(self, source) -> None:
            self.classes, self.problems, self.source = source.classes, source.problems, source

        def __len__(self) -> int:
            return len(self.source)

        def batches(self, order):
            for number, batch in enumerate(self.source.batches(order), start=1):
                if number == steps:
                    os.kill(os.getpid(), signal.SIGINT)
                yield batch

    with pytest.raises(training.InterruptedRunError, match=f"stopped after step {steps}"):
        training.train(
            SMALL, run_dir=folder / "run", data=(Interrupting(data[0]), data[1]), show=False, device="cpu"
        )


def test_a_run_killed_before_its_first_checkpoint_starts_again(finished, data, tmp_path) -> None:
    _, result = finished
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text(json.dumps(SMALL.to_dict()))
    (run / "log.jsonl").write_text('{"step": 3, "loss": 1.0}\n{"st')
    resumed = training.resume(run, data=data, show=False, device="cpu")
    assert _equal(result.model, resumed.model)
    assert [entry["step"] for entry in training.read_log(run)] == [3, 6, 7]


def test_a_run_that_cannot_start_again_keeps_its_recipe(tmp_path) -> None:
    recipe = SMALL.changed(data="folder", root=str(tmp_path / "nowhere"))
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    with pytest.raises(DatasetError):
        training.resume(tmp_path, show=False)
    assert json.loads((tmp_path / "recipe.json").read_text())["root"] == recipe.root


def test_a_truncated_checkpoint_costs_only_the_steps_since_the_one_before(finished, data, tmp_path) -> None:
    _, result = finished
    _stop_after(6, tmp_path, data)
    newest = tmp_path / "run" / "checkpoints" / "step-00000006.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="is skipped"):
        resumed = training.resume(tmp_path / "run", data=data, show=False, device="cpu")
    assert _equal(result.model, resumed.model)


def test_a_folder_that_holds_a_run_is_not_overwritten(finished, data) -> None:
    run, _ = finished
    with pytest.raises(ValueError, match="holds a run already"):
        training.train(SMALL, run_dir=run, data=data, show=False)


def test_a_folder_without_a_run_cannot_go_on(tmp_path) -> None:
    with pytest.raises(ValueError, match="holds no run"):
        training.resume(tmp_path)


def test_a_diverging_run_names_the_step_and_its_images(data, tmp_path) -> None:
    wild = SMALL.changed(learning_rate=1e30, warmup=0, log_every=1)
    with pytest.raises(training.NonFiniteLossError, match=r"step 2: the loss is .*scene 0000\d"):
        training.train(wild, run_dir=tmp_path / "run", data=data, show=False, device="cpu")


def test_the_logger_finds_the_step_within_its_window(tmp_path) -> None:
    from ssd_lite.criterion import Loss

    def loss(value: float) -> Loss:
        return Loss(torch.tensor(value), torch.tensor(0.0), torch.tensor(value), torch.tensor(1))

    with TrainingLogger(tmp_path, steps=10, start=0, every=4, show=False) as logger:
        for step, value in enumerate([1.0, float("nan"), 1.0]):
            logger.log(step, 0.1, loss(value), [f"image of step {step + 1}"])
        with pytest.raises(training.NonFiniteLossError, match=r"^step 2: .*image of step 2$"):
            logger.log(3, 0.1, loss(1.0), ["image of step 4"])


def _poisoned(data: tuple, step: int, act) -> tuple:
    """The data, with something done to the run's files or weights when it takes the images of a step."""

    class Poisoned:
        def __init__(self, source) -> None:
            self.classes, self.problems, self.names, self.source = (
                source.classes,
                source.problems,
                source.names,
                source,
            )

        def __len__(self) -> int:
            return len(self.source)

        def batches(self, order):
            for number, batch in enumerate(self.source.batches(order), start=1):
                if number == step:
                    act()
                yield batch

    return Poisoned(data[0]), data[1]


def test_a_loss_that_is_told_late_spoils_no_checkpoint(data, tmp_path, monkeypatch) -> None:
    """It breaks at step 4, would be told at step 7, and step 6 is one of a checkpoint."""
    loss_of = Trainer.loss

    def broken(*arguments):
        loss = loss_of(*arguments)
        return loss._replace(total=loss.total * float("nan"))

    data = _poisoned(data, 4, lambda: monkeypatch.setattr(Trainer, "loss", broken))
    run = tmp_path / "run"
    with pytest.raises(training.NonFiniteLossError, match=r"^step 4: the loss is nan.*scene 0000\d"):
        training.train(SMALL.changed(log_every=7), run_dir=run, data=data, show=False, device="cpu")
    assert [p.name for p in (run / "checkpoints").glob("*.pt")] == ["step-00000003.pt"]


@pytest.mark.parametrize("part", ["weights", "momentum"])
def test_weights_that_are_not_finite_are_never_saved(data, tmp_path, monkeypatch, part: str) -> None:
    """The loss of a step is that of the weights before it."""
    take_step = Trainer.step

    def overflowing(trainer, *arguments, **options):
        loss = take_step(trainer, *arguments, **options)
        weight = trainer.optimizer.param_groups[0]["params"][0]
        momentum = trainer.optimizer.state[weight]["momentum_buffer"]
        (weight.data if part == "weights" else momentum).fill_(float("inf"))
        return loss

    data = _poisoned(data, 6, lambda: monkeypatch.setattr(Trainer, "step", overflowing))
    run = tmp_path / "run"
    name = r"model\.trunk" if part == "weights" else r"optimizer\.state"
    says = rf"^step 6: .*after it {name}\S* is not; its images: scene 000"
    with pytest.raises(training.NonFiniteLossError, match=says):
        training.train(SMALL, run_dir=run, data=data, show=False, device="cpu")
    assert [p.name for p in (run / "checkpoints").glob("*.pt")] == ["step-00000003.pt"]


@pytest.mark.parametrize(("step", "room"), [(2, 100_000), (4, 100_000), (4, 0)])
def test_a_full_disk_is_told_and_loses_nothing(finished, data, tmp_path, step: int, room: int) -> None:
    """A real one: from some step on, the system lets no file grow beyond ``room`` bytes."""
    resource = pytest.importorskip("resource")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = tmp_path / "run"
    full = _poisoned(data, step, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, most)))
    try:
        with pytest.raises(OSError, match=rf"could not write {run}\S+: File too large"):
            training.train(SMALL, run_dir=run, data=full, show=False, device="cpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert [p.name for p in (run / "checkpoints").glob("*.pt*")] == ["step-00000003.pt"] * (step > 3)
    resumed = training.resume(run, data=data, show=False, device="cpu")
    assert _equal(finished[1].model, resumed.model)
    assert (run / "log.jsonl").read_bytes() == (finished[0] / "log.jsonl").read_bytes()


@pytest.fixture
def stopped(data, tmp_path) -> Path:
    _stop_after(4, tmp_path, data)
    return tmp_path / "run"


def test_a_changed_recipe_is_refused_by_what_differs(data, stopped) -> None:
    other = SMALL.changed(learning_rate=0.5, checkpoint_every=5)  # how often it is saved may change
    (stopped / "recipe.json").write_text(json.dumps(other.to_dict()))
    with pytest.raises(ValueError, match=r"recipe.json .* but learning_rate was 0.02, is 0.5$"):
        training.resume(stopped, data=data, show=False)


def test_other_images_are_refused_by_what_differs(data, stopped) -> None:
    run = stopped
    train = data[0]
    fewer = Subset(Scenes(count=12, size=(128, 128)), range(11))
    with pytest.raises(ValueError, match=r"training images .* but number was 12, is 11"):
        training.resume(run, data=(decode(fewer, canvas_px=128), data[1]), show=False)
    others = changed(train, classes=("zebra", *train.classes[1:]))
    with pytest.raises(ValueError, match=r'classes was \["cat".*, is \["zebra"'):
        training.resume(run, data=(others, data[1]), show=False)


def test_the_same_images_in_another_order_are_refused(data, tmp_path) -> None:
    with pytest.raises(InterruptedError):
        training.train(SMALL, run_dir=tmp_path, data=_poisoned(data, 4, _raise), show=False, device="cpu")
    turned = changed(data[0], names=data[0].names[::-1])
    with pytest.raises(ValueError, match="digest of names and order was"):
        training.resume(tmp_path, data=(turned, data[1]), show=False)


def _raise() -> None:
    raise InterruptedError


def test_what_is_left_out_stays_left_out_when_a_run_goes_on(tmp_path) -> None:
    root = write_voc(tmp_path / "mine")
    (root / "JPEGImages" / "b.jpg").write_bytes(b"no image")
    recipe = SMALL.changed(data="folder", root=str(root), steps=2, batch=2)
    run = tmp_path / "run"
    training.train(recipe, run_dir=run, skip_invalid=True, show=False, device="cpu")
    (fault,) = training.resume(run, show=False, device="cpu").skipped
    assert fault.startswith("JPEGImages/b.jpg: file must be an image")


def test_random_negatives_are_the_seeds(data, tmp_path) -> None:
    recipe = SMALL.changed(criterion={"mining": "random"}, steps=3)
    logs = []
    for name in "ab":
        training.train(recipe, run_dir=tmp_path / name, data=data, show=False, device="cpu")
        logs.append((tmp_path / name / "log.jsonl").read_bytes())
    assert logs[0] == logs[1]


def test_the_log_is_shortened_at_once_or_not_at_all(tmp_path, monkeypatch) -> None:
    """A run that is killed while it goes on must not lose what its log holds."""
    log, lines = tmp_path / "log.jsonl", '{"step": 3}\n{"step": 6}\n{"st'
    log.write_text(lines)
    seen = []

    def looking(*arguments) -> None:
        seen.append(log.read_text())
        replace(*arguments)

    replace = os.replace
    monkeypatch.setattr("os.replace", looking)
    with TrainingLogger(tmp_path, steps=10, start=3, every=3, show=False):
        assert seen == [lines]
        assert log.read_text() == '{"step": 3}\n'


def test_curves_show_what_was_told_and_no_step_twice(data, tmp_path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _stop_after(6, tmp_path, data)  # the step of a point
    training.resume(tmp_path / "run", data=data, show=False, device="cpu")
    curves = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    told = training.read_log(tmp_path / "run")
    points = [(point.step, pytest.approx(point.value)) for point in curves.Scalars("loss")]
    assert points == [(entry["step"], entry["loss"]) for entry in told]


def test_evaluating_with_other_classes_is_refused(data) -> None:
    with pytest.raises(ValueError, match="the model's classes are"):
        training.evaluate(models.ssd_tiny(["zebra"]), data[1])


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


def _equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    one, two = a.state_dict(), b.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_cocos_numbers_are_those_of_its_evaluator_in_pixels(data) -> None:
    model = models.load(Path(__file__).parents[2] / "book/models/scenes.safetensors")
    found = training.evaluate(model, data[1], metric="coco", batch=4)
    evaluator = COCOEvaluator(model.classes)
    images = Scenes(count=6, size=(128, 128), seed=2 * SMALL.seed + 1)
    for example in (images[index] for index in range(6)):
        truth = {"boxes": example.truth.boxes_xyxy * 128, "labels": example.truth.labels}
        evaluator.update(model.predict([example.image]), [truth])
    expected = evaluator.compute()
    assert expected.metrics["AP50"] > 0.5
    assert found.metrics == pytest.approx(expected.metrics, nan_ok=True)
    assert found.per_class == pytest.approx(expected.per_class, nan_ok=True)
    assert found.counts == expected.counts
    with pytest.raises(ValueError, match="metric must be one of voc, coco, got 'pascal'"):
        training.evaluate(model, data[1], metric="pascal")


def test_truths_in_pixels_count_by_the_width_and_height_of_their_image() -> None:
    truths = Truths.from_list([Truth.of([[0.1, 0.2, 0.5, 1.0]], [1]), Truth.of([[0.0, 0.5, 1.0, 1.0]], [2])])
    moved = in_pixels(truths, torch.tensor([[100, 200], [30, 40]]))
    assert moved.boxes_xyxy.tolist() == [
        [pytest.approx([20, 20, 100, 100])],
        [pytest.approx([0, 15, 40, 30])],
    ]
    assert torch.equal(moved.labels, truths.labels)
