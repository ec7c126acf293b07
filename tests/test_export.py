"""Exported detectors, opened by onnxruntime and by torch.export, against the detector itself."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from ssd_lite import cli, export, models
from ssd_lite.data import Scenes
from ssd_lite.detection import detect
from ssd_lite.resampling import resample
from ssd_lite.scales import paper

pytestmark = pytest.mark.plain  # run-time type checks cannot be traced

SCENES = Path(__file__).parents[1] / "book/models/scenes.safetensors"
CLASSES = ("cat", "dog", "fish")
BATCHES = (1, 2, 5)
TOLERANCE = {"rtol": 0.0, "atol": 1e-5}
"""Of boxes relative to the image, and of scores: float32 rounding through a network, elsewhere ordered."""

Run = Callable[[Tensor], list[Tensor]]
runner = CliRunner()


def opened_onnx(content: bytes) -> Run:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda images: [torch.from_numpy(v) for v in session.run(None, {"images": images.numpy()})]


def opened_torch(content: bytes) -> Run:
    program = torch.export.load(io.BytesIO(content)).module()
    return lambda images: list(program(images))


def opened_both(model: models.SSD, **options) -> dict[str, Run]:
    return {
        "onnx": opened_onnx(export.to_onnx(model, **options)),
        "torch": opened_torch(export.to_torch(model, **options)),
    }


@pytest.fixture(scope="module")
def lively() -> models.SSD:
    """A detector that was not trained, with weights so large that its scores and boxes differ widely."""
    torch.manual_seed(1)
    model = models.ssd_tiny(CLASSES).eval()
    for heads, factor in ((model.logit_heads, 6.0), (model.offset_heads, 3.0)):
        for head in heads:
            head.weight.data *= factor
    return model


@pytest.fixture(scope="module")
def trained() -> models.SSD:
    return models.load(SCENES)


@pytest.fixture(scope="module")
def lively_files(lively: models.SSD, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    files = {"onnx": folder / "detector.onnx", "torch": folder / "detector.pt2"}
    for file in files.values():
        export.save(lively, file)
    return files


@pytest.fixture(scope="module")
def lively_runs(lively_files: dict[str, Path]) -> dict[str, Run]:
    onnx_file, torch_file = (file.read_bytes() for file in lively_files.values())
    return {"onnx": opened_onnx(onnx_file), "torch": opened_torch(torch_file)}


@pytest.fixture(scope="module")
def trained_runs(trained: models.SSD) -> dict[str, Run]:
    return opened_both(trained, uint8=True)


@pytest.fixture(scope="module")
def raw_runs(trained: models.SSD) -> dict[str, Run]:
    return opened_both(trained, detections=False)


def drawn(count: int) -> Tensor:
    """Scenes, stretched to the detector's size: uint8 (b, 3, 128, 128)."""
    scenes = Scenes(count=count, seed=7)
    images = torch.stack([scenes[i].image for i in range(count)])
    return (resample(images, 128) * 255).round().to(torch.uint8)


def assert_detections(found: list[Tensor], expected: list[dict[str, Tensor]]) -> None:
    boxes, scores, labels = found
    assert len(boxes) == len(expected)
    for image, wanted in enumerate(expected):
        count = len(wanted["labels"])
        assert torch.equal(labels[image, :count], wanted["labels"])
        torch.testing.assert_close(scores[image, :count], wanted["scores"], **TOLERANCE)
        torch.testing.assert_close(boxes[image, :count], wanted["boxes"], **TOLERANCE)
        for values in found:
            assert not values[image, count:].any()


@torch.no_grad()
def detected(model: models.SSD, images: Tensor) -> list[dict[str, Tensor]]:
    return detect(*model(images), model.default_boxes, variances=model.variances)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_raw_outputs_are_decoded_boxes_and_softmax_scores(raw_runs, trained, kind: str, batch: int) -> None:
    images = drawn(batch) / 255
    boxes, scores = raw_runs[kind](images)
    with torch.no_grad():
        offsets, logits = trained(images)
    torch.testing.assert_close(scores, logits.softmax(-1), **TOLERANCE)
    # what detect makes of every box, one at a time
    for row in (0, 1000, 2045):
        alone = detect(
            offsets[:1, row : row + 1],
            torch.tensor([[[0.0, 9.0]]]),
            trained.default_boxes.cxcywh()[row : row + 1],
            variances=trained.variances,
        )
        torch.testing.assert_close(boxes[:1, row], alone[0]["boxes"], **TOLERANCE)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_detections_of_random_weights_are_those_of_detect(lively_runs, lively, kind: str, batch: int) -> None:
    images = torch.rand(batch, 3, 128, 128)
    expected = detected(lively, images)
    assert min(len(found["labels"]) for found in expected) > 20
    assert all(set(found["labels"].tolist()) == {1, 2, 3} for found in expected)
    assert_detections(lively_runs[kind](images), expected)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_detections_of_a_trained_detector_are_those_of_detect(
    trained_runs, trained, kind: str, batch: int
) -> None:
    images = drawn(batch)
    expected = detected(trained, images / 255)
    assert all(found["scores"][0] > 0.5 for found in expected)
    assert_detections(trained_runs[kind](images), expected)


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_images_without_detections_are_rows_of_zeros(lively, kind: str) -> None:
    """The suppression alone, after a network that sees background everywhere in one image of two."""
    boxes = torch.rand(2, 30, 4).sort(dim=-1).values
    scores = torch.zeros(2, 30, 4)
    scores[..., 0] = 1
    scores[1, 4] = torch.tensor([0.1, 0.2, 0.7, 0.0])
    found = suppressed(kind, boxes, scores, export.Settings())
    assert [values.shape[:2] for values in found] == [(2, 90)] * 3  # 3 classes of 30 boxes
    assert not any(values[0].any() for values in found)
    assert found[2][1, :3].tolist() == [2, 1, 0]
    torch.testing.assert_close(found[0][1, :2], boxes[1, 4].expand(2, 4))


def suppressed(kind: str, boxes: Tensor, scores: Tensor, settings: export.Settings) -> list[Tensor]:
    """The suppression of an exported file, fed with boxes and scores."""
    if kind == "torch":
        module = export._Suppressed(lambda images: (boxes, scores), settings)  # type: ignore[arg-type]
        return list(module(torch.zeros(len(boxes), 3, 8, 8)))
    columns = {"d": boxes.shape[1], "classes": scores.shape[2] - 1}
    graph = export._suppression(onnx, settings, ir_version=10, **columns)
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {"all_boxes": boxes.numpy(), "all_scores": scores.numpy()}
    return [torch.from_numpy(values) for values in session.run(None, feed)]


@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize("caps", [(400, 200), (5, 200), (400, 7), (4, 3)])
def test_suppression_is_that_of_detect_with_ties_and_caps(kind: str, caps: tuple[int, int]) -> None:
    """Scores of few values, so that many are equal; boxes that overlap each other widely."""
    per_class, per_image = caps
    defaults = paper((4, 2, 1)).cxcywh()
    for seed in range(10):
        draw = torch.Generator().manual_seed(seed)
        logits = torch.randint(-2, 3, (3, len(defaults), 4), generator=draw).float()
        offsets = torch.zeros(3, len(defaults), 4)
        options = {"score_threshold": 0.05, "per_class": per_class, "per_image": per_image}
        expected = detect(offsets, logits, defaults, **options)
        half = defaults[:, 2:] / 2
        boxes = torch.cat([defaults[:, :2] - half, defaults[:, :2] + half], dim=1).clamp(0, 1)
        settings = export.Settings(**options)
        found = suppressed(kind, boxes.expand(3, -1, -1).contiguous(), logits.softmax(-1), settings)
        assert_detections(found, expected)


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_a_mobilenet_gives_the_same_elsewhere(kind: str) -> None:
    torch.manual_seed(0)
    model = models.ssd300_mobilenet_v2(CLASSES).eval()
    images = torch.rand(2, 3, 300, 300)
    convert, opened = {"onnx": (export.to_onnx, opened_onnx), "torch": (export.to_torch, opened_torch)}[kind]
    boxes, scores = opened(convert(model, detections=False))(images)
    assert boxes.shape == (2, 8732, 4)
    with torch.no_grad():
        torch.testing.assert_close(scores, model(images)[1].softmax(-1), **TOLERANCE)


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
        ("x.tflite", {}, "must end in .onnx or .pt2"),
        ("x.onnx", {"format": "tflite"}, "format must be onnx or torch, got 'tflite'"),
        (".", {"format": "onnx"}, "is a folder"),
        ("there.pt2", {}, "is there already"),
    ],
)
def test_a_target_that_cannot_be_is_named(
    tmp_path: Path, lively, name: str, options: dict, rule: str
) -> None:
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
    settings = export._settings(model, {"per_image": 9})
    assert (settings.iou_threshold, settings.per_image, settings.per_class) == (0.3, 9, 400)


def test_boxes_grow_no_more_than_is_allowed() -> None:
    model = models.ssd_tiny(CLASSES)
    for head in model.offset_heads:
        torch.nn.init.constant_(head.bias, 30.0)
    boxes, _ = export._Raw(model, export.Settings(largest_growth=1.5), uint8=False)(
        torch.zeros(1, 3, 128, 128)
    )
    inside = ((boxes > 0) & (boxes < 1)).all(dim=-1)
    grown = (boxes[..., 2:] - boxes[..., :2])[inside] / model.default_boxes.cxcywh()[inside[0], 2:]
    torch.testing.assert_close(grown, torch.full_like(grown, 1.5))


@pytest.mark.parametrize(
    "wrong",
    [
        {"score_threshold": -0.1},
        {"score_threshold": 1.1},
        {"iou_threshold": -0.1},
        {"iou_threshold": 1.1},
        {"per_class": 0},
        {"per_image": 0},
        {"largest_growth": 0.0},
    ],
)
def test_settings_out_of_range_are_named(wrong: dict) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must"):
        export.Settings(**wrong)


def test_limits_themselves_are_in_range() -> None:
    assert export.Settings(score_threshold=0, iou_threshold=1, per_class=1, per_image=1)
    assert export.Settings(score_threshold=1, iou_threshold=0)


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
    told = {"score_threshold": 0.3, "iou_threshold": 0.6}
    assert settings == {**told, "per_class": 400, "per_image": 200, "largest_growth": None}
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


def test_normalisation_is_inside(raw_runs: dict[str, Run], trained: models.SSD) -> None:
    """Grey of the mean becomes zeros inside: the scores are those of a network that is fed with zeros."""
    grey = trained.mean.expand(1, 3, 128, 128).contiguous()
    with torch.no_grad():
        maps = trained.trunk(torch.zeros(1, 3, 128, 128))
        for extra in trained.extras:
            maps.append(extra(maps[-1]))
        last = trained.logit_heads[-1](maps[-1]).permute(0, 2, 3, 1).reshape(1, -1, 1 + len(trained.classes))
    for run in raw_runs.values():
        scores = run(grey)[1][:, -last.shape[1] :]
        np.testing.assert_allclose(scores, last.softmax(-1), atol=1e-5)
