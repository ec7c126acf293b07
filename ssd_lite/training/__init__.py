"""Train a detector, evaluate it, and resume a run that was stopped.

Explained in chapter 6, ``book/06-training.ipynb``.
"""

from ssd_lite.deprecation import renamed
from ssd_lite.training.deprecated import held_out_dataset, loaded, sources, training_dataset  # noqa: F401
from ssd_lite.training.distributed import ProcessGroup, default_device
from ssd_lite.training.environment import machine
from ssd_lite.training.evaluate import evaluate
from ssd_lite.training.logging import NonFiniteLossError, ProgressCallback, TrainingLogger, read_log
from ssd_lite.training.result import CheckpointCallback, InterruptedRunError, Result
from ssd_lite.training.run import open_sources, resume, train
from ssd_lite.training.step import TrainingGraph, draw_uniforms, optimizer_step, train_step
from ssd_lite.training.trainer import Trainer, compiling_pays

__all__ = [
    "CheckpointCallback",
    "InterruptedRunError",
    "NonFiniteLossError",
    "ProcessGroup",
    "ProgressCallback",
    "Result",
    "Trainer",
    "TrainingGraph",
    "TrainingLogger",
    "compiling_pays",
    "default_device",
    "draw_uniforms",
    "evaluate",
    "machine",
    "open_sources",
    "optimizer_step",
    "read_log",
    "resume",
    "train",
    "train_step",
]

__getattr__ = renamed(
    __name__,
    {
        "HELD_OUT": "ssd_lite.data.HELD_OUT",
        "Objective": "ssd_lite.training.TrainingGraph",
        "Report": "ssd_lite.training.ProgressCallback",
        "Watch": "ssd_lite.training.CheckpointCallback",
    },
)
