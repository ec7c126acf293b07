"""The training loop: one for CPU and GPU, short enough to be read aloud."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssd_lite.criterion import Loss, MultiBoxCriterion
from ssd_lite.data.loading import Batch, BatchSource, shuffled
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.files import write_atomic
from ssd_lite.models import SSD, to_bytes
from ssd_lite.recipes import Recipe
from ssd_lite.training import checkpoint, identity
from ssd_lite.training.distributed import ProcessGroup
from ssd_lite.training.evaluating import evaluate
from ssd_lite.training.journal import TrainingLogger
from ssd_lite.training.machine import machine
from ssd_lite.training.schedule import learning_rate, parameter_groups
from ssd_lite.training.signals import stop_requests
from ssd_lite.training.sources import ProgressCallback
from ssd_lite.training.step import Objective, draw, learn

WEIGHTS = "model.safetensors"
RESULTS = "results.json"

CheckpointCallback = Callable[[int, float, SSD], object]
"""Called at each checkpoint with steps done, seconds of training, and the model; its time does not count."""


class InterruptedRunError(RuntimeError):
    """The run was asked to stop; it saved its state in ``run_dir`` and can go on from there."""

    def __init__(self, step: int, run_dir: Path) -> None:
        self.run_dir = run_dir
        super().__init__(f"stopped after step {step}, saved in {run_dir}")


@dataclass(frozen=True)
class Result:
    """What a run came to: the detector, its average precision, and what it took.

    ``seconds`` count the training alone; ``skipped`` names the problems of the data that were passed over;
    ``kept`` says where the training images were. Of several processes one ``leads`` and has written it all.
    """

    recipe: Recipe
    model: SSD
    metrics: AveragePrecision
    seconds: float
    images_per_second: float
    train_count: int
    test_images: BatchSource
    skipped: list[str]
    device: str
    kept: str = ""
    is_main: bool = True


class Run:
    """A run under way: everything that one step hands to the next."""

    def __init__(
        self,
        recipe: Recipe,
        run_dir: Path,
        model: SSD,
        data: tuple[BatchSource, BatchSource],
        *,
        device: torch.device,
        ranks: ProcessGroup,
        show: bool,
        on_progress: ProgressCallback | None,
        on_checkpoint: CheckpointCallback | None,
    ) -> None:
        self.recipe, self.run_dir, self.device, self.ranks = recipe, run_dir, device, ranks
        self.show, self.on_progress, self.on_checkpoint = (
            show and ranks.is_main,
            on_progress if ranks.is_main else None,
            on_checkpoint,
        )
        self.train_images, self.test_images = data
        self.model = ranks.synced(model.to(device).to(memory_format=torch.channels_last), device)
        self.augmentation = recipe.augmentation(model.image_size)
        self.generator = torch.Generator(device)
        # What is drawn at random is the step's own, so that a run that goes on draws it again.
        options: dict[str, Any] = {"variances": model.variances, "generator": self.generator}
        options |= dict(recipe.criterion)
        self.criterion = MultiBoxCriterion(model.default_boxes, **options).to(device)
        self.optimizer = torch.optim.SGD(
            parameter_groups(model, recipe.weight_decay),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            fused=device.type == "cuda",
        )
        self.step, self.seconds, self.pending = 0, 0.0, _table([])

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint holds."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.pending = state["step"], state["seconds"], state["pending"]

    def finish(self) -> Result:
        """Train what is left, measure the detector, and write it."""
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):
            self._train()
        try:
            self.ranks.agree_on(self.model)
            metrics = evaluate(
                self.model,
                self.test_images,
                method=self.recipe.ap_method,
                on_progress=self.on_progress,
                ranks=self.ranks,
            )
        except KeyboardInterrupt:
            raise InterruptedRunError(self.step, self.run_dir) from None
        problems = dict.fromkeys([*self.train_images.problems, *self.test_images.problems])
        result = Result(
            recipe=self.recipe,
            model=self.model.eval(),
            metrics=metrics,
            seconds=self.seconds,
            images_per_second=self.step * self.recipe.batch / self.seconds,
            train_count=len(self.train_images),
            test_images=self.test_images,
            skipped=[str(fault) for fault in problems],
            device=self.device.type,
            kept=getattr(self.train_images, "where", "a place of their own"),
            is_main=self.ranks.is_main,
        )
        if self.ranks.is_main:
            self._write(result)
        return result

    def _write(self, result: Result) -> None:
        about = {
            "recipe": self.recipe.to_dict(),
            "metrics": result.metrics.to_dict(),
            "training_seconds": round(result.seconds, 1),
            "training_images_per_second": round(result.images_per_second, 1),
            "images_kept": result.kept,
            "processes": self.ranks.size,
            "test_images": len(self.test_images),
            "left_out": result.skipped,
            "machine": machine(self.device),
        }
        write_atomic(self.run_dir / WEIGHTS, to_bytes(self.model, about=about))
        write_atomic(self.run_dir / RESULTS, json.dumps(about, indent=1).encode())

    def _train(self) -> None:
        recipe = self.recipe
        objective = self._objective()
        with self._journal() as journal, stop_requests() as asked:
            began = time.perf_counter() - self.seconds
            for indices, batch in self._batches():
                rate = learning_rate(
                    self.step, base=recipe.learning_rate, warmup=recipe.warmup, milestones=recipe.milestones
                )
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                first, _ = self.ranks.part(indices)
                self.generator.manual_seed(recipe.seed * 1_000_003 + self.step)
                numbers = draw(self.augmentation, len(indices), self.generator, self.device)
                loss = objective(
                    batch.images, batch.sizes_px, batch.truths, numbers, batch=len(indices), first=first
                )
                share, loss = self.ranks.pooled(loss, self._weight(loss, batch))
                learn(self.optimizer, share)
                journal.step(self.step, rate, loss, self._names(indices, batch))
                self.step += 1
                stop = self._stops(bool(asked))
                saves = self.step % recipe.checkpoint_every == 0 or self.step == recipe.steps or stop
                if saves and self.device.type == "cuda":
                    torch.cuda.synchronize(self.device)  # so that seconds count what is still under way
                self.seconds = time.perf_counter() - began
                if saves:
                    self._save(journal)
                    if self.on_checkpoint is not None:
                        self.on_checkpoint(self.step, self.seconds, self.model)
                        began = time.perf_counter() - self.seconds
                if stop:
                    raise InterruptedRunError(self.step, self.run_dir)

    def _objective(self) -> nn.Module:
        """Images in, loss out; compiled on a GPU, and where the recipe wants it."""
        recipe, on_gpu = self.recipe, self.device.type == "cuda"
        half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and on_gpu)
        objective: nn.Module = Objective(self.model.train(), self.criterion, self.augmentation, half=half)
        if recipe.compile or (recipe.compile is None and on_gpu):
            # One graph, but for random negatives, whose generator breaks it.
            whole = self.criterion.options.mining != "random"
            objective = torch.compile(objective, fullgraph=whole, dynamic=False)  # type: ignore[assignment]
        return self.ranks.shared(objective)

    def _batches(self) -> Iterator[tuple[list[int], Batch]]:
        """The indices of each step's images, and the batch of those that are this process's."""
        recipe, count = self.recipe, len(self.train_images)
        wholes, parts = (
            shuffled(count, recipe.batch, steps=recipe.steps, seed=recipe.seed, start=self.step)
            for _ in range(2)
        )
        batches = self.train_images.batches(self.ranks.part(indices)[1] for indices in parts)
        for indices, batch in zip(wholes, batches, strict=True):
            yield indices, batch.to(self.device)

    def _weight(self, loss: Loss, batch: Batch) -> Tensor:
        """What the loss of this process's images was divided by."""
        whole = self.criterion.options.normalize == "batch"
        return loss.num_matched.float() if whole else torch.full_like(loss.total, len(batch.images)).detach()

    def _names(self, indices: list[int], batch: Batch) -> list[str]:
        """The names of a step's images, of all processes where they are known."""
        names = getattr(self.train_images, "names", ())
        return [names[i] for i in indices] if names else batch.names

    def _stops(self, asked: bool) -> bool:
        """Whether to stop after this step; several processes agree on it when losses are told."""
        if self.ranks.size == 1:
            return asked
        if self.step % self.recipe.log_every:
            return False
        return bool(self.ranks.sum(torch.tensor(float(asked), device=self.device)) > 0)

    def _journal(self) -> TrainingLogger:
        journal = TrainingLogger(
            self.run_dir if self.ranks.is_main else None,
            steps=self.recipe.steps,
            start=self.step,
            every=self.recipe.log_every,
            show=self.show,
        )
        journal.pending = list(self.pending.to(self.device))
        return journal

    def _save(self, journal: TrainingLogger) -> None:
        if not self.ranks.is_main:
            return
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "recipe": identity.of_recipe(self.recipe),
            "images": identity.of_images(self.train_images),
            "config": self.model.config,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "pending": _table(journal.pending),
        }
        journal.check(state)
        checkpoint.save(self.run_dir / "checkpoints", state)


def _table(losses: list[Tensor]) -> Tensor:
    """The losses of some steps (n, 4), on the CPU."""
    return torch.stack(losses).cpu() if losses else torch.zeros(0, 4, device="cpu")
