"""Examples, and datasets made of others."""

import pickle
from pathlib import Path

import pytest

from ssd_lite.data import decode
from ssd_lite.data.examples import Concatenated, Subset
from ssd_lite.data.voc import VOCFolder
from tests.data.folders import write_voc
from tests.data.photos import Photos


def test_a_subset_holds_the_chosen_examples() -> None:
    subset = Subset(Photos(), [4, 1])
    assert [subset[i].name for i in range(len(subset))] == ["photo 4", "photo 1"]
    assert subset.classes == ("cat",)


def test_a_subset_knows_truths_and_places_where_its_dataset_does(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train")
    subset = pickle.loads(pickle.dumps(Subset(folder, [1])))
    assert subset.truth(0).labels.tolist() == folder.truth(1).labels.tolist()
    assert subset.image_path(0) == folder.image_path(1)
    assert subset.size_px(0) == (40, 30)
    assert subset.names == ("b",)
    assert repr(subset) == "Subset(1 image of VOCFolder(2 images, 3 objects, 2 classes))"
    for unknown in (Subset(Photos(), [1]), subset):
        with pytest.raises(AttributeError, match="'Subset' object has no attribute 'nothing'"):
            _ = unknown.nothing
    assert not hasattr(Subset(Photos(), [1]), "truth")


def test_concatenated_knows_what_its_parts_know(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train")
    both = Concatenated([folder, folder])
    assert both.size_px(2) == both.size_px(-1) == (40, 30)
    assert repr(both).startswith("Concatenated(VOCFolder(2 images, ")


def test_an_example_says_what_it_is() -> None:
    assert repr(Photos()[2]) == "Example('photo 2', 40 × 40, 2 objects)"
    batch = next(iter(decode(Photos(), canvas_px=64).batches([[0, 1]])))
    assert repr(batch) == "Batch(2 images on 60 × 60, cpu)"
