"""The project itself: its README, its versions, its public names."""

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import ssd_lite
from benchmarks import readme
from tests import mutants

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
    "boxes.xyxy_to_cxcywh": "boxes_xyxy",
    "boxes.cxcywh_to_xyxy": "boxes_cxcywh",
    "boxes.jaccard": "a_xyxy, b_xyxy",
    "matching.match": "truths_xyxy, defaults_xyxy, *, present=None, threshold=0.5, rule='ssd'",
    "objective.encode": "truths_cxcywh, defaults_cxcywh, *, variances=(1.0, 1.0)",
    "objective.decode": "offsets, defaults_cxcywh, *, variances=(1.0, 1.0)",
    "objective.localization_loss": "offsets, target_offsets, positive",
    "objective.confidence_loss": "logits, labels",
    "scales.linear_scales": "num_maps, *, smallest=0.2, largest=0.9",
    "scales.DefaultBoxes": "*, grids, scales, aspect_ratios, steps=None, image_size=None, clip=False",
    "scales.paper": "grids",
    "scales.ssd300_voc": "",
    "scales.ssd300_coco": "",
    "scales.ssd512_voc": "",
    "scales.ssd512_coco": "",
    "scales.coverage": "default_boxes, truths",
    "scales.fit": "truths",
    "mining.hard_negatives": "losses, positive, *, ratio=3.0",
    "criterion.MultiBoxCriterion": (
        "default_boxes, *, alpha=1.0, threshold=0.5, negative_ratio=3.0, variances=(0.1, 0.2)"
    ),
    "augmentation.sample_patches": "truths, *, generator",
    "augmentation.crop_truths": "truths, patches_xyxy",
    "augmentation.SSDAugmentation": "size",
    "models.ssd300_vgg16": "classes",
    "models.ssd512_vgg16": "classes",
    "models.ssd300_mobilenet_v2": "classes",
    "models.ssd_tiny": "classes",
    "detection.detect": (
        "offsets, logits, default_boxes, *, variances=(0.1, 0.2), score_threshold=0.01, iou_threshold=0.45, "
        "per_class=400, per_image=200"
    ),
    "evaluation.average_precision": "recall, precision, *, method='area'",
    "evaluation.VOCEvaluator": "classes, *, iou_threshold=0.5, method='area'",
    "training.train": "recipe",
    "training.resume": "run_dir",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_public_names_keep_their_contract(name: str) -> None:
    """Positional arguments in order, options by keyword alone, and their defaults."""
    module, attribute = name.split(".")
    public = getattr(importlib.import_module(f"ssd_lite.{module}"), attribute)
    wanted: dict[str, object] = {}
    exec(f"def contract({SIGNATURES[name]}): ...", wanted)
    parameters = inspect.signature(public).parameters
    positional = [p.name for p in parameters.values() if p.kind is not p.KEYWORD_ONLY]
    for place, expected in enumerate(inspect.signature(wanted["contract"]).parameters.values()):
        if expected.kind is expected.KEYWORD_ONLY:
            assert parameters[expected.name].kind is expected.KEYWORD_ONLY
            assert parameters[expected.name].default == expected.default
        else:
            assert positional[place] == expected.name
    assert inspect.getdoc(public)


def test_the_list_of_mutants_is_of_this_code() -> None:
    """Every survivor has a reason, and changes a line that is still there."""
    survivors = mutants.reasons(mutants.REPORT.read_text())
    assert len(survivors) == mutants.REPORT.read_text().count("\n- `")
    for survivor, reason in survivors.items():
        assert reason != mutants.MISSING
        old = survivor.split("`: `")[1].split("` → `")[0]
        lines = mutants.source_of(survivor).read_text().splitlines()
        assert old in " ".join(line.strip() for line in lines), survivor
