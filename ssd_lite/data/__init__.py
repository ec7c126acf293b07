"""Datasets: annotated folders in any usual layout, drawn scenes; and batches of them."""

from ssd_lite.data import loading  # noqa: F401 -- reachable as data.loading, as before the split
from ssd_lite.data.batches import Batch, BatchSource
from ssd_lite.data.coco import COCOFolder
from ssd_lite.data.convert import Converted, convert
from ssd_lite.data.decoded import Decoded, decode
from ssd_lite.data.examples import Dataset, Example, Subset
from ssd_lite.data.folder import Folder, open_folder
from ssd_lite.data.folder_dataset import FolderDataset
from ssd_lite.data.images import read_image
from ssd_lite.data.opening import HELD_OUT, Datasets, open_datasets
from ssd_lite.data.problems import DatasetError, Problem, count_problems, errors, summarise
from ssd_lite.data.scenes import Scenes
from ssd_lite.data.storage import load
from ssd_lite.data.streamed import Streamed
from ssd_lite.data.torchvision_datasets import as_torchvision, from_torchvision
from ssd_lite.data.voc import VOC_CLASSES, VOCFolder
from ssd_lite.deprecation import renamed

__all__ = [
    "HELD_OUT",
    "VOC_CLASSES",
    "Batch",
    "BatchSource",
    "COCOFolder",
    "Converted",
    "Dataset",
    "DatasetError",
    "Datasets",
    "Decoded",
    "Example",
    "Folder",
    "FolderDataset",
    "Problem",
    "Scenes",
    "Streamed",
    "Subset",
    "VOCFolder",
    "as_torchvision",
    "convert",
    "count_problems",
    "decode",
    "errors",
    "from_torchvision",
    "load",
    "open_datasets",
    "open_folder",
    "read_image",
    "summarise",
]

__getattr__ = renamed(
    __name__, {"Fault": "ssd_lite.data.problems.Problem", "Source": "ssd_lite.data.batches.BatchSource"}
)
