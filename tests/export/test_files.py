"""Exported files: what they say of themselves, where they are written, and what is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

from ssd_lite import cli, export, models
from ssd_lite.export.settings import settings_of
from tests.export.opened import CLASSES, SCENES, drawn

pytestmark = pytest.mark.plain  # run-time type checks cannot be traced

runner = CliRunner()


def test_an_onnx_file_says_how_to_use_it(lively_files: dict[str, Path]) -> None:
    session = onnxruntime.InferenceSession(lively_files["onnx"], providers=["CPUExecutionProvider"])
    (images,) = session.get_inputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(float)", ["batch", 3, 128, 128])
    outputs = [(output.name, output.shape) for output in session.get_outputs()]
    assert outputs == [("boxes", ["batch", 200, 4]), ("scores", ["batch", 200]), ("labels", ["batch", 200])]
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == list(CLASSES)
    assert json.loads(facts["image_size"]) == 128
    assert json.loads(facts["detection"])["per_image"] == 200
    assert "float32 in [0, 1]" in facts["input"]
    assert "labels" in facts["outputs"]


def test_a_program_of_torch_export_says_how_to_use_it_and_loads_without_the_package(
    tmp_path: Path, lively_files: dict[str, Path]
) -> None:
    path = lively_files["torch"]
    code = (
        "import json, sys, torch, torchvision; inside = {'ssd_lite.json': ''};"
        f"program = torch.export.load({str(path)!r}, extra_files=inside).module();"
        "found = program(torch.zeros(3, 3, 128, 128));"
        "assert 'ssd_lite' not in sys.modules;"
        "print(json.dumps([list(found[0].shape), json.loads(inside['ssd_lite.json'])]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    shape, facts = json.loads(done.stdout)
    assert shape == [3, 200, 4]
    assert (facts["classes"], facts["image_size"]) == (list(CLASSES), 128)
    assert "float32 in [0, 1]" in facts["input"]
    assert facts["detection"]["iou_threshold"] == 0.45


def test_exporting_leaves_the_detector_as_it_was(lively: models.SSD) -> None:
    lively.train()
    before = {name: value.clone() for name, value in lively.state_dict().items()}
    export.to_torch(lively, detections=False)
    assert lively.training
    assert all(parameter.requires_grad for parameter in lively.parameters())
    assert all(torch.equal(value, before[name]) for name, value in lively.state_dict().items())
    lively.eval()


@pytest.mark.parametrize(
    ("name", "options", "rule"),
    [
        ("x.tflite", {}, "name must end in .onnx or .pt2"),
        ("x.onnx", {"format": "tflite"}, "format must be onnx or torch, got 'tflite'"),
        (".", {"format": "onnx"}, "is a folder"),
        ("there.pt2", {}, "exists already"),
    ],
)
def test_an_unusable_target_is_named(tmp_path: Path, lively, name: str, options: dict, rule: str) -> None:
    (tmp_path / "there.pt2").write_text("mine")
    with pytest.raises(ValueError, match=re.escape(rule)):
        export.save(lively, tmp_path / name, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["there.pt2"]
    assert (tmp_path / "there.pt2").read_text() == "mine"


def test_a_file_is_written_over_where_asked(tmp_path: Path, lively: models.SSD) -> None:
    path = tmp_path / "any name"
    path.write_text("old")
    export.save(lively, path, format="torch", detections=False, overwrite=True)
    assert torch.export.load(path)


def test_a_detectors_own_settings_hold_unless_others_are_given() -> None:
    model = models.ssd_tiny(CLASSES)
    model.detection = {"iou_threshold": 0.3, "per_image": 7}
    settings = settings_of(model, {"per_image": 9})
    assert (settings.iou_threshold, settings.per_image, settings.per_class) == (0.3, 9, 400)


def test_missing_packages_are_named_with_the_command_that_installs_them(lively, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=re.escape("pip install ssd-lite[export]")):
        export.to_onnx(lively)


def test_the_command_exports_what_was_asked_for(tmp_path: Path, trained: models.SSD) -> None:
    out = tmp_path / "scenes.pt2"
    options = ["--threshold", "0.3", "--iou", "0.6", "--uint8"]
    done = runner.invoke(cli.app, ["export", str(SCENES), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    inside = {export.ABOUT: ""}
    program = torch.export.load(out, extra_files=inside).module()
    facts = json.loads(inside[export.ABOUT])
    settings = facts["detection"]
    assert "uint8 from 0 to 255" in facts["input"]
    wanted = {"score_threshold": 0.3, "iou_threshold": 0.6}
    assert settings == {**wanted, "per_class": 400, "per_image": 200, "largest_growth": None}
    scores = program(drawn(1))[1]
    assert scores[scores > 0].min() > 0.3


def test_the_command_exports_raw_outputs_and_writes_over_only_when_told(tmp_path: Path) -> None:
    out = tmp_path / "raw"
    out.write_text("old")
    wanted = ["export", str(SCENES), "--out", str(out), "--format", "torch", "--raw"]
    done = runner.invoke(cli.app, wanted)
    assert isinstance(done.exception, ValueError)
    assert out.read_text() == "old"
    assert runner.invoke(cli.app, [*wanted, "--overwrite"]).exit_code == 0
    boxes, scores = torch.export.load(out).module()(torch.zeros(1, 3, 128, 128))
    assert (boxes.shape, scores.shape) == ((1, 2046, 4), (1, 2046, 9))


def test_a_missing_detector_is_one_clear_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ssd_lite", "export", tmp_path / "none", "--out", tmp_path / "x.onnx"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "none: no readable file of weights" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_importing_export_loads_no_figures_no_curves_and_no_onnx() -> None:
    """``ssd_lite.training``, which has the curves, is imported by the package itself, so left out here."""
    code = (
        "import sys, types; sys.modules['ssd_lite.training'] = types.ModuleType('ssd_lite.training');"
        "import ssd_lite.export;"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        "print(loaded & {'tensorboard', 'matplotlib', 'onnx', 'onnxscript'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
