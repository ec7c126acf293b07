"""The training loop: one for CPU and GPU, short enough to be read aloud."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssd_lite.data import Batch, BatchSource, Problem, count_problems, errors
from ssd_lite.data.order import shuffled
from ssd_lite.files import write_atomic
from ssd_lite.models import SSD, to_bytes
from ssd_lite.recipes import Recipe
from ssd_lite.training import checkpoint
from ssd_lite.training.distributed import ProcessGroup
from ssd_lite.training.environment import machine, stop_requests
from ssd_lite.training.evaluate import evaluate
from ssd_lite.training.logging import ProgressCallback, TrainingLogger
from ssd_lite.training.result import CheckpointCallback, InterruptedRunError, Progress, Result
from ssd_lite.training.trainer import Trainer

WEIGHTS = "model.safetensors"
RESULTS = "results.json"


@dataclass(frozen=True)
class RunOptions:
    """What a run is given beside recipe and data, and what leaves no trace in its result.

    After ``deadline``, a time of ``time.perf_counter``, the run saves its state and stops.
    """

    device: torch.device
    group: ProcessGroup
    show: bool
    deadline: float
    on_progress: ProgressCallback | None
    on_checkpoint: CheckpointCallback | None


class Run:
    """A run in progress: the trainer, its data, and everything else that one step hands to the next."""

    def __init__(
        self,
        recipe: Recipe,
        run_dir: Path,
        model: SSD,
        data: tuple[BatchSource, BatchSource],
        options: RunOptions,
        *,
        state: dict[str, Any] | None = None,
    ) -> None:
        self.recipe, self.run_dir, self.options = recipe, run_dir, options
        self.device, self.group = options.device, options.group
        self.train_images, self.test_images = data
        self.progress, self.pending = Progress(), _table([])
        start = 0 if state is None else state["step"]
        self.trainer = Trainer(model, recipe, device=self.device, group=self.group, start=start)
        self.model = self.trainer.model
        if state is not None:
            self.restore(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what a checkpoint holds."""
        self.model.load_state_dict(state["model"])
        self.trainer.optimizer.load_state_dict(state["optimizer"])
        self.pending = state["pending"]
        timed = {name: state[name] for name in ("starts", "first_step_seconds") if name in state}
        self.progress = Progress(state["step"], state["seconds"], **timed)

    def run(self) -> Result:
        """Take the remaining steps, evaluate the detector, and write it."""
        self._train()
        try:
            self.group.broadcast_buffers(self.model)
            metrics = evaluate(
                self.model,
                self.test_images,
                method=self.recipe.ap_method,
                on_progress=self.options.on_progress,
                group=self.group,
            )
        except KeyboardInterrupt:
            raise InterruptedRunError(self.progress.step, self.run_dir) from None
        problems = self._problems()
        result = Result(
            recipe=self.recipe,
            model=self.model.eval(),
            metrics=metrics,
            seconds=self.progress.seconds,
            first_step_seconds=self.progress.first_step_seconds,
            images_per_second=self.progress.images_per_second(self.recipe.batch),
            train_count=len(self.train_images),
            test_images=self.test_images,
            skipped=[str(problem) for problem in errors(problems)],
            device=self.device.type,
            storage=str(getattr(self.train_images, "storage", "unknown")),
            is_main=self.group.is_main,
            compiled=self.trainer.compiles,
        )
        if self.group.is_main:
            self._write(result)
        return result

    def _train(self) -> None:
        progress, trainer = self.progress, self.trainer
        with self._logger() as logger, stop_requests() as requests:
            began, is_first = time.perf_counter() - progress.seconds, True
            for indices, batch in self._batches():
                first, _ = self.group.shard(indices)
                loss = trainer.step(batch, progress.step, batch_size=len(indices), first=first)
                if is_first:
                    self._note_first_step(began, logger)
                    is_first = False
                rate = trainer.learning_rate(progress.step)
                logger.log(progress.step, rate, loss, self._names(indices, batch))
                progress.step += 1
                stops = self._stops(bool(requests) or time.perf_counter() > self.options.deadline)
                saves = self._is_due() or stops
                if saves:
                    self._synchronize()  # so that the time counts what the GPU still has to do
                progress.seconds = time.perf_counter() - began
                if saves:
                    self._save(logger)
                    if self.options.on_checkpoint is not None:
                        self.options.on_checkpoint(progress.step, progress.seconds, self.model)
                        self.model.train()
                        began = time.perf_counter() - progress.seconds
                if stops:
                    raise InterruptedRunError(progress.step, self.run_dir)

    def _note_first_step(self, began: float, logger: TrainingLogger) -> None:
        self._synchronize()
        took = time.perf_counter() - began - self.progress.seconds
        self.progress.starts += 1
        self.progress.first_step_seconds += took
        logger.first_step(self.progress.step, took)

    def _problems(self) -> list[Problem]:
        """The problems of the training and the test images, each once."""
        return list(dict.fromkeys([*self.train_images.problems, *self.test_images.problems]))

    def _is_due(self) -> bool:
        """Whether a checkpoint is due after the steps done."""
        step = self.progress.step
        return step % self.recipe.checkpoint_every == 0 or step == self.recipe.steps

    def _synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _batches(self) -> Iterator[tuple[list[int], Batch]]:
        """The indices of each step's images, and the batch of those that are this process's."""
        recipe, count = self.recipe, len(self.train_images)
        wholes, parts = (
            shuffled(count, recipe.batch, steps=recipe.steps, seed=recipe.seed, start=self.progress.step)
            for _ in range(2)
        )
        batches = self.train_images.batches(self.group.shard(indices)[1] for indices in parts)
        for indices, batch in zip(wholes, batches, strict=True):
            yield indices, batch.to(self.device)

    def _names(self, indices: list[int], batch: Batch) -> list[str]:
        """The names of a step's images, those of all processes where they are known."""
        names = getattr(self.train_images, "names", ())
        return [names[i] for i in indices] if names else batch.names

    def _stops(self, asked: bool) -> bool:
        """Whether to stop after this step; several processes agree on it where losses are logged."""
        if self.group.size == 1:
            return asked
        if self.progress.step % self.recipe.log_every:
            return False
        return bool(self.group.sum(torch.tensor(float(asked), device=self.device)) > 0)

    def _logger(self) -> TrainingLogger:
        logger = TrainingLogger(
            self.run_dir if self.group.is_main else None,
            steps=self.recipe.steps,
            start=self.progress.step,
            every=self.recipe.log_every,
            show=self.options.show,
            status="compiling" if self.trainer.compiles else "",
        )
        logger.pending = list(self.pending.to(self.device))
        return logger

    def _save(self, logger: TrainingLogger) -> None:
        if not self.group.is_main:
            return
        state = {
            "step": self.progress.step,
            "seconds": self.progress.seconds,
            "starts": self.progress.starts,
            "first_step_seconds": self.progress.first_step_seconds,
            "recipe": checkpoint.recipe_identity(self.recipe),
            "images": checkpoint.image_identity(self.train_images),
            "config": self.model.config,
            "model": self.model.state_dict(),
            "optimizer": self.trainer.optimizer.state_dict(),
            "pending": _table(logger.pending),
        }
        logger.check(state)
        checkpoint.save(self.run_dir / "checkpoints", state)

    def _write(self, result: Result) -> None:
        about = {
            "recipe": self.recipe.to_dict(),
            "metrics": result.metrics.to_dict(),
            "training_seconds": round(result.seconds, 1),
            "first_step_seconds": round(result.first_step_seconds, 1),
            "training_images_per_second": round(result.images_per_second, 1),
            "compiled": result.compiled,
            "images_kept": result.storage,
            "processes": self.group.size,
            "test_images": len(self.test_images),
            "left_out": result.skipped,
            "problems": count_problems(self._problems()),
            "machine": machine(self.device),
        }
        write_atomic(self.run_dir / WEIGHTS, to_bytes(self.model, about=about))
        write_atomic(self.run_dir / RESULTS, json.dumps(about, indent=1).encode())


def _table(losses: list[Tensor]) -> Tensor:
    """The losses of some steps (n, 4), on the CPU."""
    return torch.stack(losses).cpu() if losses else torch.zeros(0, 4, device="cpu")
