"""Datasets: folders in VOC layout, COCO's JSON, drawn scenes; and batches of them."""

from ssd_lite.data.coco import COCOFolder
from ssd_lite.data.examples import Dataset, DatasetError, Example, Fault
from ssd_lite.data.images import read_image
from ssd_lite.data.loading import Batch, Decoded, Source, Streamed, decode, load
from ssd_lite.data.scenes import Scenes
from ssd_lite.data.torchvision_datasets import as_torchvision, from_torchvision
from ssd_lite.data.voc import VOC_CLASSES, VOCFolder

__all__ = [
    "VOC_CLASSES",
    "Batch",
    "COCOFolder",
    "Dataset",
    "DatasetError",
    "Decoded",
    "Example",
    "Fault",
    "Scenes",
    "Source",
    "Streamed",
    "VOCFolder",
    "as_torchvision",
    "decode",
    "from_torchvision",
    "load",
    "read_image",
]
