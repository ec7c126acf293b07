"""Training a detector, measuring it, and going on where a run was stopped."""

from ssd_lite.training.evaluating import default_device, evaluate
from ssd_lite.training.journal import NonFiniteLossError, read_log
from ssd_lite.training.loop import InterruptedRunError, Result, machine, resume, train, train_step
from ssd_lite.training.sources import HELD_OUT, Report, held_out_dataset, loaded, sources, training_dataset

__all__ = [
    "HELD_OUT",
    "InterruptedRunError",
    "NonFiniteLossError",
    "Report",
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
