"""The harness: one step from three parts, the same as written out, compiled once or not at all."""

import dataclasses

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from ssd_lite import models, recipes
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.data import Batch, Scenes, decode
from ssd_lite.data.loading import shuffled
from ssd_lite.training import ProcessGroup, Trainer, compiling_pays, train_step
from ssd_lite.truths import Truths

RECIPE = recipes.scenes().changed(
    batch=4, steps=20, learning_rate=0.002, warmup=3, milestones=(8,), zoom_out=0.5
)
COMPILED = RECIPE.changed(compile=True)


@pytest.fixture(scope="module")
def images():
    return decode(Scenes(count=8, size=(64, 64)), canvas_px=64)


def _model() -> models.ssd.SSD:
    torch.manual_seed(0)
    return models.ssd_tiny(Scenes(count=0).classes)


def _batches(images, steps: int) -> list[Batch]:
    return list(images.batches(shuffled(len(images), 4, steps=steps, seed=0)))


def _losses(trainer: Trainer, batches: list[Batch]) -> list[float]:
    return [trainer.step(batch, number).total.item() for number, batch in enumerate(batches)]


@pytest.fixture
def counter(monkeypatch) -> CompileCounterWithBackend:
    """Traces and differentiates as every backend does, but leaves out the slow part of compiling."""
    counter, compile_ = CompileCounterWithBackend("aot_eager"), torch.compile
    monkeypatch.setattr(torch, "compile", lambda part, **options: compile_(part, backend=counter, **options))
    torch._dynamo.reset()
    return counter


def test_a_step_is_augmentation_prediction_loss_and_the_optimizer(images) -> None:
    """Written out with the schedule's rate and the step's seed: the same weights to the last bit."""
    trainer, model = Trainer(_model(), RECIPE, device="cpu"), _model().to(memory_format=torch.channels_last)
    criterion, augmentation = MultiBoxCriterion(model.default_boxes), RECIPE.augmentation(128)
    optimizer = torch.optim.SGD(
        [
            {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 5e-4},
            {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=0.0,
        momentum=0.9,
    )
    rates = [0.002 / 3, 0.004 / 3, *[0.002] * 6, *[0.0002] * 2]
    for number, batch in enumerate(_batches(images, 10)):
        assert trainer.learning_rate(number) == pytest.approx(rates[number])
        for settings in optimizer.param_groups:
            settings["lr"] = trainer.learning_rate(number)
        generator = torch.Generator().manual_seed(number)
        expected = train_step(model, criterion, optimizer, augmentation, batch, generator=generator)
        assert torch.equal(trainer.step(batch, number).total, expected.total)
    for ours, other in zip(trainer.model.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, other)


def test_the_parts_can_be_called_on_their_own(images) -> None:
    trainer, whole = (Trainer(_model(), RECIPE, device="cpu") for _ in range(2))
    (batch,) = _batches(images, 1)
    seen, truths = trainer.augment(batch, 0)
    assert seen.shape == (4, 3, 128, 128)
    loss = trainer.loss(*trainer.predict(seen), truths)
    assert torch.equal(loss.total, whole.step(batch, 0).total)


def test_a_process_with_a_part_of_a_batch_sees_what_the_whole_batch_would_show(images) -> None:
    trainer = Trainer(_model(), RECIPE, device="cpu")
    (whole,) = images.batches([[0, 1, 2, 3, 4]])
    (part,) = images.batches([[3, 4]])
    seen, truths = trainer.augment(whole, 5)
    ours, kept = trainer.augment(part, 5, batch_size=5, first=3)
    torch.testing.assert_close(ours, seen[3:])
    assert torch.equal(kept.labels, truths.labels[3:])


@pytest.mark.plain
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_step_is_three_graphs_that_are_compiled_once(images, counter, precision: str) -> None:
    batches = _batches(images, 5)
    expected = _losses(Trainer(_model(), RECIPE.changed(precision=precision), device="cpu"), batches)
    trainer = Trainer(_model(), COMPILED.changed(precision=precision), device="cpu")
    found = _losses(trainer, batches)
    assert counter.frame_count == 3  # and not again for other batches, rates or random numbers
    assert found[0] == pytest.approx(expected[0], rel=1e-2 if precision == "bfloat16" else 1e-4)
    assert found == pytest.approx(expected, rel=0.05)  # rounding differs, and every step magnifies it


def _with_rows(batch: Batch, rows: int) -> Batch:
    truths, shape = batch.truths, (len(batch.truths), rows)
    padded = Truths(torch.zeros(*shape, 4), torch.zeros(shape, dtype=torch.int64), torch.zeros(shape) > 0)
    kept = min(rows, truths.labels.shape[1])
    padded.boxes_xyxy[:, :kept] = truths.boxes_xyxy[:, :kept]
    padded.labels[:, :kept] = truths.labels[:, :kept]
    return batch._replace(truths=padded)


@pytest.mark.plain
def test_batches_with_nine_numbers_of_rows_are_compiled_a_few_times(images, counter) -> None:
    """Sixteen rows more each time: one graph for each would exceed the compiler's limit of eight."""
    batches = _batches(images, 9)
    rising = [_with_rows(batch, 16 * (1 + number)) for number, batch in enumerate(batches)]
    expected = _losses(Trainer(_model(), RECIPE, device="cpu"), rising)
    assert _losses(Trainer(_model(), COMPILED, device="cpu"), rising) == pytest.approx(expected, rel=0.05)
    assert counter.frame_count <= 1 + 5 * 2  # 16, 32, 64, 128, 256 rows; the network once
    before = counter.frame_count
    _losses(trainer := Trainer(_model(), COMPILED, device="cpu"), rising[::-1])
    assert trainer.compiles
    assert counter.frame_count <= before + 3  # the fullest first: no shape is new after it


@pytest.mark.plain
def test_random_negatives_are_compiled_as_far_as_their_generator_allows(images, counter) -> None:
    changes = {"criterion": {"mining": "random"}}
    batches = _batches(images, 2)
    expected = _losses(Trainer(_model(), RECIPE.changed(**changes), device="cpu"), batches)
    found = _losses(Trainer(_model(), COMPILED.changed(**changes), device="cpu"), batches)
    assert found == pytest.approx(expected, rel=1e-2)


class _Broken(torch.nn.Module):
    def forward(self, *arguments):
        raise RuntimeError("scan over long rows\nis unknown\n\nSet SOME_VARIABLE=1 for more information")


def _broken(part: str):
    """A compiler whose graph of one part fails when it is first called."""
    return lambda module, **options: _Broken() if type(module).__name__ == part else module


@pytest.mark.parametrize("part", ["AugmentationGraph", "NetworkGraph", "MultiBoxCriterion"])
def test_training_goes_on_eagerly_where_compiling_fails(images, monkeypatch, part: str) -> None:
    """The criterion fails after the network has moved its batch norms: the step starts from before that."""
    batches = _batches(images, 3)
    eager = Trainer(_model(), RECIPE, device="cpu")
    expected = _losses(eager, batches)
    monkeypatch.setattr("ssd_lite.training.trainer.compiling_pays", lambda device, steps: True)
    monkeypatch.setattr(torch, "compile", _broken(part))
    trainer = Trainer(_model(), RECIPE, device="cpu")
    assert trainer.compiles
    with pytest.warns(UserWarning, match=r"without it: RuntimeError: scan over long rows is unknown$"):
        found = _losses(trainer, batches)
    assert not trainer.compiles
    assert found == expected
    for ours, other in zip(
        trainer.model.state_dict().values(), eager.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, other)


def test_a_backward_pass_that_cannot_be_compiled_is_repeated_too(images, monkeypatch) -> None:
    batches = _batches(images, 2)
    expected = _losses(Trainer(_model(), RECIPE, device="cpu"), batches)
    monkeypatch.setattr("ssd_lite.training.trainer.compiling_pays", lambda device, steps: True)
    monkeypatch.setattr(torch, "compile", lambda module, **options: module)
    trainer = Trainer(_model(), RECIPE, device="cpu")
    real, calls = torch.Tensor.backward, []

    def backward(loss: torch.Tensor) -> None:
        real(loss)
        calls.append(loss)
        if len(calls) == 1:
            raise RuntimeError("no such kernel")

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    with pytest.warns(UserWarning, match="no such kernel"):
        assert _losses(trainer, batches) == expected


@pytest.mark.parametrize("asked", ["recipe", "argument"])
def test_a_compilation_that_was_asked_for_must_not_fail(images, monkeypatch, asked: str) -> None:
    monkeypatch.setattr(torch, "compile", _broken("NetworkGraph"))
    recipe, options = (COMPILED, {}) if asked == "recipe" else (RECIPE, {"compile": True})
    with pytest.raises(RuntimeError, match="scan over long rows"):
        Trainer(_model(), recipe, device="cpu", **options).step(_batches(images, 1)[0], 0)


@pytest.mark.plain
def test_an_error_that_is_not_the_compilers_is_raised(images, monkeypatch) -> None:
    monkeypatch.setattr("ssd_lite.training.trainer.compiling_pays", lambda device, steps: True)
    monkeypatch.setattr(torch, "compile", lambda module, **options: module)
    (batch,) = _batches(images, 1)
    broken = batch._replace(truths=dataclasses.replace(batch.truths, labels=batch.truths.labels[:2]))
    with pytest.raises((RuntimeError, IndexError, TypeError)):
        Trainer(_model(), RECIPE, device="cpu").step(broken, 0)


def test_compiling_is_decided_by_the_steps_that_are_left(monkeypatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [compiling_pays(gpu, steps) for steps in (2999, 3000)] == [False, True]
    assert not compiling_pays(cpu, 10**6)
    asked = []
    monkeypatch.setattr(
        "ssd_lite.training.trainer.compiling_pays", lambda device, steps: bool(asked.append(steps))
    )
    assert not Trainer(_model(), RECIPE, device="cpu", start=15).compiles
    assert asked == [5]
    assert Trainer(_model(), COMPILED, device="cpu").compiles
    assert not Trainer(_model(), COMPILED, device="cpu", compile=False).compiles


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({"mine_per_batch": True}, "criterion.mine_per_batch must be false with 2 processes"),
        ({"mining": "random"}, "criterion.mining must not be 'random' with 2 processes"),
    ],
)
def test_what_several_processes_cannot_share_is_refused(criterion: dict, message: str) -> None:
    recipe = RECIPE.changed(criterion=criterion)
    with pytest.raises(ValueError, match=message):
        Trainer(_model(), recipe, device="cpu", group=ProcessGroup(0, 2))
    Trainer(_model(), recipe, device="cpu")
