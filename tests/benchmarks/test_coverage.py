"""The measurement of coverage: on objects whose answers are known, and on a written folder."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import coverage
from ssd_lite import scales
from ssd_lite.truths import Truth, Truths
from tests.data.folders import write_voc

MEASURED = Path(coverage.__file__).parent / "results" / "coverage.cpu.json"


def test_objects_are_put_into_their_size_class() -> None:
    found = coverage.by_size(torch.tensor([0.4, 0.6, 0.5, 0.9]), torch.tensor([0.05, 0.08, 0.1, 0.9]))
    assert [(c["from"], c["to"], c["objects"]) for c in found] == [
        (0.0, 0.05, 1),
        (0.05, 0.1, 2),
        (0.6, 1.0, 1),
    ]
    # an overlap of exactly 0.5 is not higher than 0.5
    assert [c["recall"] for c in found] == [0, 0.5, 1]
    assert found[1]["mean"] == pytest.approx(0.55)


def test_an_object_that_is_a_default_box_is_covered_whole() -> None:
    layout = scales.paper((4, 2))
    # The second cell of the 4 × 4 map; and an object of a quarter of its area within it.
    whole, within = (0.275, 0.025, 0.475, 0.225), (0.325, 0.075, 0.425, 0.175)
    truths = Truths.from_list([Truth.of([whole, within], [1, 1]), Truth.of([], [])])
    measured = coverage.measure(truths, {"formula": layout})
    assert (measured["images"], measured["objects"]) == (2, 2)
    assert (measured["size"]["0"], measured["size"]["1"]) == pytest.approx((0.1, 0.2))
    assert measured["ratio"]["0.5"] == pytest.approx(1)
    of_layout = measured["layouts"]["formula"]
    assert of_layout["boxes"] == (16 + 4) * 6
    assert of_layout["recall"] == pytest.approx(0.5)
    assert of_layout["mean"] == pytest.approx((1 + 0.25) / 2, abs=1e-4)


def test_a_folder_is_measured_split_by_split(tmp_path) -> None:
    root = write_voc(tmp_path, {"trainval": "ab", "test": "b"})
    measured = coverage.dataset(root, rounds=3)
    assert measured["classes"] == 2
    assert (measured["trainval"]["objects"], measured["test"]["objects"]) == (3, 1)
    layouts = measured["trainval"]["layouts"]
    assert layouts["fitted"]["mean"] >= layouts["released, VOC"]["mean"]
    assert layouts["formula"]["boxes"] == 11640
    json.dumps(measured)


def test_the_committed_measurement_says_what_it_measured() -> None:
    measured = json.loads(MEASURED.read_text())
    assert tuple(measured["datasets"]) == coverage.NAMES
    for of_dataset in measured["datasets"].values():
        for split in coverage.SPLITS:
            layouts = of_dataset[split]["layouts"]
            assert {"formula", "released, VOC", "released, COCO", "fitted"} <= set(layouts)
            for reached in layouts.values():
                assert sum(c["objects"] for c in reached["by_size"]) == of_dataset[split]["objects"]
        seen = of_dataset["trainval"]["layouts"]
        assert seen["fitted"]["recall"] >= seen["released, VOC"]["recall"]
        assert seen["fitted"]["mean"] >= seen["released, VOC"]["mean"]
