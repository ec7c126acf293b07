"""Detectors as files: what is stored, and what is refused."""

import dataclasses
import json
from dataclasses import asdict

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ssd_lite import models, scales
from ssd_lite.data import Scenes

CLASSES = ("cat", "dog", "fish")


@pytest.mark.parametrize("name", ["ssd300_mobilenet_v2", "ssd_tiny"])
def test_a_detector_comes_back_from_its_file_alone(name: str, tmp_path) -> None:
    options = {"frozen_norm": True} if "mobilenet" in name else {"width": 2}
    model = models.MODELS[name](CLASSES, mean=(0.5,) * 3, **options).eval()
    path = tmp_path / "model.safetensors"
    path.write_bytes(models.to_bytes(model, about={"metrics": {"mean": 0.5}}))
    again = models.load(path)
    image = Scenes(count=1)[0].image
    assert again.classes == model.classes
    assert again.default_boxes == model.default_boxes
    assert torch.equal(again.mean, model.mean)
    assert torch.equal(again.predict([image])[0]["boxes"], model.predict([image])[0]["boxes"])
    assert models.about(path)["metrics"]["mean"] == 0.5


OTHER_GRIDS = asdict(models.tiny_default_boxes()) | {"grids": [(12, 12), (8, 8), (4, 4), (2, 2), (1, 1)]}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: _rewrite(path, architecture="yolo"), "architecture must be one of .*, got 'yolo'"),
        (
            lambda path: _rewrite(path, classes=["cat"]),
            r"tiny of 1 class: wrong: \S+ must have shape .*, got .* more",
        ),
        (lambda path: _rewrite(path, default_boxes={}), "must hold a detector of this version"),
        (
            lambda path: _rewrite(path, default_boxes=asdict(scales.paper((16, 8, 4, 2, 2)))),
            "default boxes are made for",
        ),
        (lambda path: _rewrite(path, default_boxes=OTHER_GRIDS), "default boxes are made for"),
        (lambda path: _rewrite(path, options={"weights": "imagenet"}), "options of ssd_tiny must be some of"),
        (
            lambda path: _rewrite(path, options={"width": 10**5}),
            "must have shape",
        ),  # and no memory was allocated for it
        (lambda path: _rewrite(path, options=[]), "must hold a detector of this version"),
        (lambda path: _rewrite(path, model="[" * 100_000), "must hold a detector of this version"),
        (lambda path: _rewrite(path, input='{"size": 300}'), "input size must be 128 pixels, got 300"),
        (
            lambda path: _rewrite(path, tensors={"new": torch.ones(2)}),
            "missing: .* and .* more; unknown: new",
        ),
        (lambda path: _rewrite(path, integers=True), r"must be torch.float32, got torch.int64"),
        (lambda path: path.unlink(), "no readable file"),
        (lambda path: path.write_bytes(b"not weights"), "no readable file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "no readable file"),
        (lambda path: _rewrite(path, format="ssd_lite 99"), "format must be"),
        (lambda path: _rewrite(path, model="{}"), "must hold a detector of this version"),
        (lambda path: _rewrite(path, model="no json"), "must hold a detector of this version"),
    ],
)
def test_a_file_that_is_no_detector_is_refused_by_name(spoil, says: str, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(models.to_bytes(models.ssd_tiny(CLASSES)))
    spoil(path)
    with pytest.raises(ValueError, match=says) as error:
        models.load(path)
    assert str(path) in str(error.value)


def _rewrite(
    path, *, format="ssd_lite 1", model=None, input=None, tensors=None, integers=False, **changes
) -> None:
    built = models.ssd_tiny(CLASSES)
    text = json.dumps(built.config | changes) if model is None else model
    metadata = {"format": format, "model": text, "about": "{}"} | ({"input": input} if input else {})
    tensors = tensors or built.state_dict()
    save_file({k: v.long() if integers else v for k, v in tensors.items()}, path, metadata=metadata)


def test_a_file_says_what_its_detector_takes(tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    about = {"recipe": {"steps": 3}, "metrics": {"mean": 0.5}}
    path.write_bytes(models.to_bytes(models.ssd_tiny(CLASSES, mean=(0.25,) * 3), about=about))
    with safe_open(path, framework="pt") as file:
        metadata = {name: json.loads(text) for name, text in file.metadata().items() if name != "format"}
    assert metadata["input"] == {"size": 128, "mean": [0.25] * 3, "std": [0.25] * 3}
    assert metadata["model"]["classes"] == list(CLASSES)
    assert metadata["model"]["default_boxes"]["grids"] == [[16, 16], [8, 8], [4, 4], [2, 2], [1, 1]]
    assert metadata["about"] == about == models.about(path)


@pytest.mark.parametrize("text", ["[1]", "no json", "[" * 100_000])
def test_what_a_file_says_of_itself_must_be_json(text: str, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.ones(1)}, path, metadata={"format": "ssd_lite 1", "about": text})
    with pytest.raises(ValueError, match="about must be a JSON object"):
        models.about(path)


@pytest.mark.parametrize("build", models.MODELS.values(), ids=models.MODELS)
def test_variances_are_kept_in_the_file(build, tmp_path) -> None:
    """A detector trained with other variances would decode its boxes wrongly if the file lost them."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(models.to_bytes(build(["cat"], variances=(1.0, 1.0))))
    assert models.load(path).variances == (1.0, 1.0)


def test_options_of_detection_are_kept_in_the_file_and_give_way_to_those_of_the_call(tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    layout = dataclasses.replace(models.tiny_default_boxes(), clip_sides=True)
    options = {"score_threshold": 0.0, "per_image": 7}
    path.write_bytes(models.to_bytes(models.ssd_tiny(["cat"], default_boxes=layout, detection=options)))
    model = models.load(path)
    image = Scenes(count=1)[0].image
    assert model.detection == options
    assert model.default_boxes == layout
    assert len(model.predict([image])[0]["labels"]) == 7
    assert len(model.predict([image], per_image=5)[0]["labels"]) == 5
    for wrong in ("offsets", "variances", "threshold"):
        with pytest.raises(ValueError, match=f"unknown setting '{wrong}'"):
            models.ssd_tiny(["cat"], detection={wrong: 0.5})
    with pytest.raises(ValueError, match="per_image must be at least 1, got 0"):
        models.ssd_tiny(["cat"], detection={"per_image": 0})


def test_a_file_in_half_precision_is_half_as_large_and_loads_as_float32(tmp_path) -> None:
    model = models.ssd_tiny(CLASSES)
    whole, half = models.to_bytes(model), models.to_bytes(model, half=True)
    assert len(half) < 0.52 * len(whole)
    path = tmp_path / "model.safetensors"
    path.write_bytes(half)
    for name, value in models.load(path).state_dict().items():
        expected = model.state_dict()[name]
        assert value.dtype == expected.dtype
        torch.testing.assert_close(value, expected, atol=1e-3, rtol=1e-3)
