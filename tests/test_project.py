"""The project itself: its README, its versions, its public names."""

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import ssd_lite
from benchmarks import readme

ROOT = Path(__file__).parents[1]


def test_the_readmes_table_is_what_was_measured() -> None:
    text = readme.README.read_text()
    assert readme.rendered(text) == text


def test_the_readmes_python_runs(tmp_path, monkeypatch) -> None:
    """The ten lines of use, word for word, on a detector that stands where they say."""
    from PIL import Image

    from ssd_lite import models

    block = re.search(r"```python\n(.*?)```", readme.README.read_text(), re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/scenes").mkdir(parents=True)
    (tmp_path / "runs/scenes/model.safetensors").write_bytes(models.to_bytes(models.ssd_tiny(["cat", "dog"])))
    Image.new("RGB", (200, 100), "white").save(tmp_path / "photo.jpg")
    exec(compile(block.group(1), "README.md", "exec"), {})


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == ssd_lite.__version__
    assert f"version: {ssd_lite.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {ssd_lite.__version__}" in (ROOT / "CHANGELOG.md").read_text()


SIGNATURES = {
    "boxes.xyxy_to_cxcywh": ["boxes_xyxy"],
    "boxes.jaccard": ["a_xyxy", "b_xyxy"],
    "matching.match": ["truths_xyxy", "defaults_xyxy", "*present", "*threshold", "*rule"],
    "objective.encode": ["truths_cxcywh", "defaults_cxcywh", "*variances"],
    "objective.decode": ["offsets", "defaults_cxcywh", "*variances"],
    "objective.localization_loss": ["offsets", "target_offsets", "positive"],
    "objective.confidence_loss": ["logits", "labels"],
    "scales.linear_scales": ["num_maps", "*smallest", "*largest"],
    "scales.paper": ["grids"],
    "scales.ssd300_voc": [],
    "scales.ssd300_coco": [],
    "scales.ssd512_voc": [],
    "scales.ssd512_coco": [],
    "scales.coverage": ["default_boxes", "truths"],
    "scales.fit": ["truths"],
    "mining.hard_negatives": ["losses", "positive", "*ratio"],
    "criterion.MultiBoxCriterion": ["default_boxes", "*alpha", "*threshold", "*negative_ratio", "*variances"],
    "augmentation.sample_patches": ["truths", "*generator"],
    "augmentation.crop_truths": ["truths", "patches_xyxy"],
    "augmentation.SSDAugmentation": ["size"],
    "models.ssd300_vgg16": ["classes"],
    "models.ssd512_vgg16": ["classes"],
    "models.ssd300_mobilenet_v2": ["classes"],
    "models.ssd_tiny": ["classes"],
    "detection.detect": [
        "offsets",
        "logits",
        "default_boxes",
        "*variances",
        "*score_threshold",
        "*iou_threshold",
    ],
    "evaluation.average_precision": ["recall", "precision", "*method"],
    "evaluation.VOCEvaluator": ["classes", "*iou_threshold", "*method"],
    "training.train": ["recipe"],
    "training.resume": ["run_dir"],
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_public_names_keep_their_contract(name: str) -> None:
    """Positional arguments in order, options (with a star) by keyword."""
    module, attribute = name.split(".")
    public = getattr(importlib.import_module(f"ssd_lite.{module}"), attribute)
    parameters = inspect.signature(public).parameters
    positional = [p.name for p in parameters.values() if p.kind is not p.KEYWORD_ONLY]
    keywords = {p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    wanted = [n for n in SIGNATURES[name] if not n.startswith("*")]
    assert positional[: len(wanted)] == wanted
    assert {n[1:] for n in SIGNATURES[name] if n.startswith("*")} <= keywords
    assert inspect.getdoc(public)
