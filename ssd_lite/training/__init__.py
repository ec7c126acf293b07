"""Training a detector, measuring it, and going on where a run was stopped."""

from ssd_lite.training.distributed import default_device
from ssd_lite.training.evaluating import evaluate
from ssd_lite.training.journal import NonFiniteLossError, read_log
from ssd_lite.training.loop import InterruptedRunError, Result
from ssd_lite.training.machine import machine
from ssd_lite.training.runs import resume, train
from ssd_lite.training.sources import (
    HELD_OUT,
    ProgressCallback,
    held_out_dataset,
    loaded,
    sources,
    training_dataset,
)
from ssd_lite.training.step import Objective, train_step

__all__ = [
    "HELD_OUT",
    "InterruptedRunError",
    "NonFiniteLossError",
    "Objective",
    "ProgressCallback",
    "Result",
    "default_device",
    "evaluate",
    "held_out_dataset",
    "loaded",
    "machine",
    "read_log",
    "resume",
    "sources",
    "train",
    "train_step",
    "training_dataset",
]
