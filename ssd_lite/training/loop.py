"""The training loop: one for CPU and GPU, short enough to be read aloud."""

import json
import platform
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision

from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.criterion import Loss, MultiBoxCriterion
from ssd_lite.data.loading import Batch, Source, shuffled
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.models import MODELS, SSD, build, to_bytes
from ssd_lite.recipes import Recipe
from ssd_lite.training import checkpoint, identity
from ssd_lite.training.evaluating import default_device, evaluate
from ssd_lite.training.journal import Journal
from ssd_lite.training.schedule import learning_rate, parameter_groups
from ssd_lite.training.sources import Report, sources

WEIGHTS = "model.safetensors"
RESULTS = "results.json"
RECIPE = "recipe.json"


class InterruptedRunError(RuntimeError):
    """The run was asked to stop; it saved its state in ``run_dir`` and can go on from there."""

    def __init__(self, step: int, run_dir: Path) -> None:
        self.run_dir = run_dir
        super().__init__(f"stopped after step {step}, saved in {run_dir}")


@dataclass(frozen=True)
class Result:
    """What a run came to: the detector, its average precision, and what it took.

    ``seconds`` count the training alone; ``left_out`` names the faults of the data that were passed over.
    """

    recipe: Recipe
    model: SSD
    metrics: AveragePrecision
    seconds: float
    images_per_second: float
    train_count: int
    test_images: Source
    left_out: list[str]
    device: str


def train(
    recipe: Recipe,
    *,
    run_dir: str | Path,
    data: tuple[Source, Source] | None = None,
    device: torch.device | str | None = None,
    skip_invalid: bool = False,
    show: bool = True,
    report: Report | None = None,
) -> Result:
    """Train a detector by a recipe, evaluate it, and leave everything in ``run_dir``.

    The folder then holds ``recipe.json``, ``log.jsonl``, ``tensorboard/``, ``checkpoints/``,
    ``model.safetensors`` and ``results.json``. ``data`` are training and test images to use instead of
    the recipe's. ``show`` draws a progress bar on the standard error output; ``report`` hears of
    reading and evaluating.

    Raises ``ValueError`` when the folder holds a run already, :class:`ssd_lite.data.DatasetError` for
    data that is not sound, :class:`NonFiniteLossError` when training diverges, and
    :class:`InterruptedRunError` after Ctrl-C or SIGTERM, when the state is saved.
    """
    run_dir = Path(run_dir)
    _refuse_another(run_dir)
    recipe = recipe.changed(skip_invalid=True) if skip_invalid else recipe
    data = data or sources(recipe, report=report)
    model = _new_model(recipe, data[0].classes)
    with checkpoint.locked(run_dir):
        _refuse_another(run_dir)  # that began meanwhile
        _write_recipe(recipe, run_dir)
        run = _Run(recipe, run_dir, model, data=data, device=device, show=show, report=report)
        return run.finish()


def resume(
    run_dir: str | Path,
    *,
    data: tuple[Source, Source] | None = None,
    device: torch.device | str | None = None,
    skip_invalid: bool = False,
    show: bool = True,
    report: Report | None = None,
) -> Result:
    """Go on with a run from its last checkpoint, to the end that it would have come to anyway.

    ``skip_invalid`` need not be said again where the run began with it. Raises ``ValueError`` when the
    folder holds no run, another process trains it, no checkpoint of it can be read, or its recipe or
    its images are no longer those that the checkpoint was made with.
    """
    run_dir = Path(run_dir)
    recipe = _read_recipe(run_dir)
    if skip_invalid and not recipe.skip_invalid:
        recipe = recipe.changed(skip_invalid=True)
    with checkpoint.locked(run_dir):
        state = checkpoint.newest(run_dir / "checkpoints")
        if state is not None:
            identity.check_recipe(recipe, state, run_dir)
        data = data or sources(recipe, report=report)
        if state is None:  # it was stopped before its first checkpoint
            model = _new_model(recipe, data[0].classes)
        else:
            identity.check_images(data[0], state, run_dir)
            model = build(state["config"])
        _write_recipe(recipe, run_dir)
        run = _Run(recipe, run_dir, model, data=data, device=device, show=show, report=report, state=state)
        return run.finish()


def _refuse_another(run_dir: Path) -> None:
    if (run_dir / RECIPE).exists():
        raise ValueError(f"{run_dir} holds a run already: resume it, or choose another folder")


def _read_recipe(run_dir: Path) -> Recipe:
    try:
        return Recipe.from_dict(json.loads((run_dir / RECIPE).read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{run_dir} holds no run that could go on: {error}") from error


def _write_recipe(recipe: Recipe, run_dir: Path) -> None:
    checkpoint.write(run_dir / RECIPE, json.dumps(recipe.to_dict(), indent=1).encode())


def _new_model(recipe: Recipe, classes: tuple[str, ...]) -> SSD:
    """The model that a run begins with. Raises ``ValueError`` for options that its builder does not have."""
    options = dict(recipe.model_options)
    if recipe.weights is not None:
        options["weights"] = recipe.weights
    with torch.random.fork_rng(devices=[]):  # the seed decides the new layers, and nothing else notices
        torch.manual_seed(recipe.seed)
        try:
            return MODELS[recipe.model](classes, default_boxes=recipe.default_boxes, **options)
        except TypeError as error:
            raise ValueError(f"model_options and weights must fit {recipe.model}: {error}") from error


def train_step(
    model: Callable[..., Any],
    criterion: Callable[..., Loss],
    optimizer: torch.optim.Optimizer,
    augmentation: SSDAugmentation,
    batch: Batch,
    *,
    generator: torch.Generator,
    half: bool = False,
) -> Loss:
    """One step: augment, predict, compare, learn. Nothing here waits for the device.

    ``half`` runs the network in bfloat16; the loss is computed in float32 either way.
    """
    images, truths = augmentation(batch.images, batch.truths, generator=generator, sizes_px=batch.sizes_px)
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=half):
        offsets, logits = model(images)
    loss = criterion(offsets, logits, truths)
    optimizer.zero_grad(set_to_none=True)
    loss.total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss


class _Run:
    """A run under way: everything that one step hands to the next."""

    def __init__(
        self,
        recipe: Recipe,
        run_dir: Path,
        model: SSD,
        *,
        data: tuple[Source, Source],
        device: torch.device | str | None,
        show: bool,
        report: Report | None,
        state: dict[str, Any] | None = None,
    ) -> None:
        self.recipe, self.run_dir, self.show, self.report = recipe, run_dir, show, report
        self.train_images, self.test_images = data
        self.device = torch.device(device) if device is not None else default_device()
        self.model = model.to(self.device).to(memory_format=torch.channels_last)
        self.generator = torch.Generator(self.device)
        # What is drawn at random is the step's own, so that a run that goes on draws it again.
        options: dict[str, Any] = {"variances": model.variances, "generator": self.generator}
        options |= dict(recipe.criterion)
        self.criterion = MultiBoxCriterion(model.default_boxes, **options).to(self.device)
        self.optimizer = torch.optim.SGD(
            parameter_groups(model, recipe.weight_decay), lr=recipe.learning_rate, momentum=recipe.momentum
        )
        self.step, self.seconds, self.pending = 0, 0.0, torch.zeros(0, 4)
        if state is not None:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds, self.pending = state["step"], state["seconds"], state["pending"]

    def finish(self) -> Result:
        """Train what is left, write the detector, and measure it."""
        self._train()
        try:
            metrics = evaluate(self.model, self.test_images, method=self.recipe.ap_method, report=self.report)
        except KeyboardInterrupt:
            raise InterruptedRunError(self.step, self.run_dir) from None
        speed = self.step * self.recipe.batch / self.seconds
        faults = dict.fromkeys([*self.train_images.faults, *self.test_images.faults])
        left_out = [str(fault) for fault in faults]
        about = {
            "recipe": self.recipe.to_dict(),
            "metrics": metrics.to_dict(),
            "training_seconds": round(self.seconds, 1),
            "training_images_per_second": round(speed, 1),
            "test_images": len(self.test_images),
            "left_out": left_out,
            "machine": machine(self.device),
        }
        checkpoint.write(self.run_dir / WEIGHTS, to_bytes(self.model, about=about))
        checkpoint.write(self.run_dir / RESULTS, json.dumps(about, indent=1).encode())
        return Result(
            recipe=self.recipe,
            model=self.model.eval(),
            metrics=metrics,
            seconds=self.seconds,
            images_per_second=speed,
            train_count=len(self.train_images),
            test_images=self.test_images,
            left_out=left_out,
            device=self.device.type,
        )

    def _train(self) -> None:
        recipe, model = self.recipe, self.model.train()
        forward, criterion = self._compiled()
        half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and self.device.type == "cuda")
        augmentation = recipe.augmentation(model.image_size)
        order = shuffled(
            len(self.train_images), recipe.batch, steps=recipe.steps, seed=recipe.seed, start=self.step
        )
        journal = Journal(
            self.run_dir, steps=recipe.steps, start=self.step, every=recipe.log_every, show=self.show
        )
        journal.pending = list(self.pending.to(self.device))
        with journal, _stop_requests() as asked_to_stop:
            began = time.perf_counter() - self.seconds
            for batch in self.train_images.batches(order):
                rate = learning_rate(
                    self.step, base=recipe.learning_rate, warmup=recipe.warmup, milestones=recipe.milestones
                )
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                self.generator.manual_seed(recipe.seed * 1_000_003 + self.step)
                loss = train_step(
                    forward,
                    criterion,
                    self.optimizer,
                    augmentation,
                    batch.to(self.device),
                    generator=self.generator,
                    half=half,
                )
                journal.step(self.step, rate, loss, batch.names)
                self.step += 1
                self.seconds = time.perf_counter() - began
                if self.step % recipe.checkpoint_every == 0 or self.step == recipe.steps or asked_to_stop:
                    self._save(journal)
                if asked_to_stop:
                    raise InterruptedRunError(self.step, self.run_dir)

    def _compiled(self) -> tuple[Callable[..., Any], Callable[..., Loss]]:
        wanted = self.recipe.compile
        if wanted or (wanted is None and self.device.type == "cuda"):
            return torch.compile(self.model), torch.compile(self.criterion)
        return self.model, self.criterion

    def _save(self, journal: Journal) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "recipe": identity.of_recipe(self.recipe),
            "images": identity.of_images(self.train_images),
            "config": self.model.config,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "pending": torch.stack(journal.pending).cpu() if journal.pending else torch.zeros(0, 4),
        }
        journal.check(state)
        checkpoint.save(self.run_dir / "checkpoints", state)


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """A list that is no longer empty once Ctrl-C was pressed or SIGTERM came; the second stops at once."""
    asked: list[int] = []

    def ask(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    try:
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread, where signals arrive
        yield asked
        return
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def machine(device: torch.device) -> dict[str, Any]:
    """What a run was made on, and with which versions."""
    return {
        "device": device.type,
        "name": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


def _processor() -> str:
    """The processor's name where the system tells, or its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
