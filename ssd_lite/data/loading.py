"""From a dataset to batches: what :mod:`ssd_lite.data` offers of it, under the name that it had."""

from ssd_lite.data.batches import Batch, BatchSource, shrink
from ssd_lite.data.decoded import Decoded, decode
from ssd_lite.data.order import in_order, shuffled
from ssd_lite.data.storage import KEEP, load
from ssd_lite.data.streamed import Streamed

__all__ = [
    "KEEP",
    "Batch",
    "BatchSource",
    "Decoded",
    "Streamed",
    "decode",
    "in_order",
    "load",
    "shrink",
    "shuffled",
]
