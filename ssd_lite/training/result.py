"""What a run results in, on the way and at its end."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssd_lite.data import BatchSource
from ssd_lite.deprecation import warn_renamed
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.models import SSD
from ssd_lite.recipes import Recipe

CheckpointCallback = Callable[[int, float, SSD], object]
"""Called after each checkpoint with steps done, seconds of training (these calls excluded), and the model."""


class InterruptedRunError(RuntimeError):
    """The run was asked to stop, or its time was up; its state is saved in ``run_dir`` and can be resumed."""

    def __init__(self, step: int, run_dir: Path) -> None:
        self.run_dir = run_dir
        super().__init__(f"stopped after step {step}, saved in {run_dir}")


@dataclass(frozen=True, repr=False)
class Result:
    """What a run resulted in: the detector, its average precision, and the time it took.

    ``seconds`` is the time of all training, without reading and evaluating; ``first_step_seconds`` of it went
    by until the first step was done, which is mostly compiling where the step is compiled (of a resumed run:
    until the first step after each start, together). ``images_per_second`` counts the steps after these.
    ``skipped`` names the problems of the data that were skipped, ``storage`` where the training images were.
    Of several processes only the main one (``is_main``) has written files.
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
    storage: str = ""
    is_main: bool = True
    first_step_seconds: float = 0.0
    compiled: bool = False

    def __repr__(self) -> str:
        return (
            f"<Result of {self.recipe.name}: mAP {self.metrics.mean:.3f}, {self.recipe.steps:,} steps in "
            f"{self.seconds:.0f} s on {self.device}, {self.images_per_second:.0f} images/s>"
        )

    @property
    def left_out(self) -> list[str]:
        """Deprecated name of ``skipped``."""
        warn_renamed("Result.left_out", "Result.skipped")
        return self.skipped

    @property
    def kept(self) -> str:
        """Deprecated name of ``storage``."""
        warn_renamed("Result.kept", "Result.storage")
        return self.storage


@dataclass
class Progress:
    """How far a run is: steps done, seconds spent, and what of them the first step after each start took."""

    step: int = 0
    seconds: float = 0.0
    starts: int = 0
    first_step_seconds: float = 0.0

    def images_per_second(self, batch: int) -> float:
        """The speed after the first step of each start, or of all steps where there are no others."""
        steps, seconds = self.step - self.starts, self.seconds - self.first_step_seconds
        if steps < 1 or seconds <= 0:
            steps, seconds = self.step, self.seconds
        return steps * batch / seconds
