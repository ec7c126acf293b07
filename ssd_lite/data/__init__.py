"""Datasets: folders in VOC layout, COCO's JSON, drawn scenes; and batches of them."""

from ssd_lite.data.coco import COCOFolder
from ssd_lite.data.examples import Dataset, DatasetError, Example, Problem
from ssd_lite.data.images import read_image
from ssd_lite.data.loading import Batch, BatchSource, Decoded, Streamed, decode, load
from ssd_lite.data.opening import HELD_OUT, Datasets, open_datasets
from ssd_lite.data.scenes import Scenes
from ssd_lite.data.torchvision_datasets import as_torchvision, from_torchvision
from ssd_lite.data.voc import VOC_CLASSES, VOCFolder
from ssd_lite.deprecation import renamed

__all__ = [
    "HELD_OUT",
    "VOC_CLASSES",
    "Batch",
    "BatchSource",
    "COCOFolder",
    "Dataset",
    "DatasetError",
    "Datasets",
    "Decoded",
    "Example",
    "Problem",
    "Scenes",
    "Streamed",
    "VOCFolder",
    "as_torchvision",
    "decode",
    "from_torchvision",
    "load",
    "open_datasets",
    "read_image",
]

__getattr__ = renamed(
    __name__, {"Fault": "ssd_lite.data.examples.Problem", "Source": "ssd_lite.data.loading.BatchSource"}
)
