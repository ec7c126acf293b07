"""The detectors: shapes, the paper's details, weights from elsewhere, prediction, files."""

import dataclasses
import json
from dataclasses import asdict

import pytest
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import save_file

from ssd_lite import models, scales
from ssd_lite.data import Scenes
from ssd_lite.detection import detect
from ssd_lite.models.backbones import L2Norm, MobileNetV2Trunk, VGG16Trunk
from ssd_lite.truths import Truths

CLASSES = ("cat", "dog", "fish")
SIZES = {"ssd300_vgg16": 8732, "ssd512_vgg16": 24564, "ssd300_mobilenet_v2": 8732, "ssd_tiny": 2046}


@pytest.mark.parametrize("name", SIZES)
def test_a_model_predicts_four_offsets_and_all_classes_for_each_default_box(name: str) -> None:
    model = models.MODELS[name](CLASSES).eval()
    with torch.no_grad():
        offsets, logits = model(torch.rand(1, 3, model.image_size, model.image_size))
    assert offsets.shape == (1, SIZES[name], 4)
    assert logits.shape == (1, SIZES[name], 1 + len(CLASSES))
    assert len(model.default_boxes) == SIZES[name]


@pytest.mark.parametrize("name", ["ssd300_mobilenet_v2", "ssd_tiny"])
def test_every_parameter_learns(name: str) -> None:
    model = models.MODELS[name](CLASSES).train()
    offsets, logits = model(torch.rand(2, 3, model.image_size, model.image_size))
    (offsets.square().sum() + logits.square().sum()).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", ["ssd300_vgg16", "ssd_tiny"])
def test_predictions_follow_the_order_of_the_default_boxes(name: str) -> None:
    """Where only one cell of one map is touched, only the boxes of that cell may change."""
    model = models.MODELS[name](CLASSES).eval()
    maps = [torch.zeros(1, head.in_channels, *grid) for head, grid in _heads(model)]
    before = _offsets(model, maps)
    maps[1][0, :, 2, 3] = 1.0  # row 2, column 3 of the second map
    changed = (_offsets(model, maps) - before).abs().amax(dim=-1)[0] > 0
    rows, columns = model.default_boxes.grids[1]
    centre = model.default_boxes.cxcywh()[changed, :2] * torch.tensor([columns, rows])
    # a 3 × 3 head sees a cell's neighbours too
    assert changed.any()
    assert ((centre - torch.tensor([3.5, 2.5])).abs() <= 1.1 * columns / (columns - 0.9)).all()


def _heads(model: models.SSD) -> list[tuple[torch.nn.Conv2d, tuple[int, int]]]:
    return list(zip(model.offset_heads, model.default_boxes.grids, strict=True))


def _offsets(model: models.SSD, maps: list[torch.Tensor]) -> torch.Tensor:
    class Fixed(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
            return list(maps)

    trunk, extras = model.trunk, model.extras
    model.trunk, model.extras = Fixed(), torch.nn.ModuleList()
    with torch.no_grad():
        offsets, _ = model(torch.zeros(1, 3, 8, 8))
    model.trunk, model.extras = trunk, extras
    return offsets


def test_ssd300_has_as_many_parameters_as_torchvisions() -> None:
    theirs = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=4)
    ours = models.ssd300_vgg16(CLASSES)
    count = {"ours": sum(p.numel() for p in ours.parameters())}
    count["theirs"] = sum(p.numel() for p in theirs.parameters())
    assert count["ours"] == count["theirs"]


def test_ssd300_gives_torchvisions_raw_outputs_when_given_its_weights() -> None:
    theirs = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=4)
    ours = models.ssd300_vgg16(CLASSES, default_boxes=scales.ssd300_voc()).eval()
    # Both define their layers in the order in which an image meets them, so values can be handed over
    # in that order within trunk and heads.
    _hand_over(
        theirs.backbone, [ours.trunk.norm, ours.trunk.features, ours.trunk.fc6, ours.trunk.fc7, ours.extras]
    )
    _hand_over(theirs.head.regression_head, [ours.offset_heads])
    _hand_over(theirs.head.classification_head, [ours.logit_heads])
    image = torch.rand(1, 3, 300, 300)
    normal = (image - ours.mean) / ours.std
    theirs.eval()
    with torch.no_grad():
        features = list(theirs.backbone(normal).values())
        expected = theirs.head(features)
        offsets, logits = ours(image)
    torch.testing.assert_close(offsets, expected["bbox_regression"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits, expected["cls_logits"], rtol=1e-4, atol=1e-4)


def _hand_over(source: torch.nn.Module, targets: list[torch.nn.Module]) -> None:
    values = list(source.parameters())
    places = [p for target in targets for p in target.parameters()]
    assert [v.shape for v in values] == [p.shape for p in places]
    with torch.no_grad():
        for place, value in zip(places, values, strict=True):
            place.copy_(value)


def test_vgg_takes_over_every_third_and_fourth_weight_of_the_classifier() -> None:
    state = torchvision.models.vgg16(weights=None).state_dict()
    trunk = VGG16Trunk()
    trunk.load(state)
    assert torch.equal(trunk.features[0].weight, state["features.0.weight"])
    fc6 = state["classifier.0.weight"].view(4096, 512, 7, 7)
    assert torch.equal(trunk.fc6.weight[5], fc6[20, :, ::3, ::3])
    assert torch.equal(trunk.fc7.weight[:, :, 0, 0], state["classifier.3.weight"][::4, ::4])
    assert trunk.fc6.dilation == (6, 6)


def test_conv4_3_is_scaled_to_length_twenty() -> None:
    lengths = L2Norm(8)(torch.rand(2, 8, 3, 3) * 1000).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, 20.0))


def test_frozen_norms_load_and_do_not_move() -> None:
    state = torchvision.models.mobilenet_v2(weights=None).state_dict()
    trunk = MobileNetV2Trunk(frozen_norm=True).train()
    trunk.load(state)
    before = {name: value.clone() for name, value in trunk.named_buffers()}
    trunk(torch.rand(2, 3, 300, 300))
    assert all(torch.equal(value, before[name]) for name, value in trunk.named_buffers())


def test_real_weights_load_from_a_file(shared) -> None:
    path = shared / "weights" / "mobilenet_v2_int8_dequantised.pth"
    model = models.ssd300_mobilenet_v2(CLASSES, weights=path, mean=(0.5,) * 3, std=(0.5,) * 3)
    state = torch.load(path, weights_only=True)
    assert torch.equal(model.trunk.features[0][0].weight, state["features.0.0.weight"])
    assert model.config["options"]["frozen_norm"] is True


def test_missing_weights_are_named() -> None:
    with pytest.raises(ValueError, match=r"no file .*nowhere\.pth"):
        models.ssd300_mobilenet_v2(CLASSES, weights="nowhere.pth")


@pytest.mark.parametrize("classes", [[], ["cat", "cat"], "cat"])
def test_classes_must_be_different_names(classes: object) -> None:
    with pytest.raises(ValueError, match="classes must be"):
        models.ssd_tiny(classes)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="default boxes are made for"):
        models.ssd_tiny(CLASSES)(torch.rand(2, 3, 96, 96))


def test_the_tiny_layout_reaches_more_objects_of_drawn_scenes_than_the_formulas() -> None:
    drawn = Scenes(count=400)
    truths = Truths.from_list([drawn[i].truth for i in range(len(drawn))])
    tiny = scales.coverage(models.tiny_default_boxes(), truths)
    formula = scales.coverage(scales.paper((16, 8, 4, 2, 1)), truths)
    assert tiny.recall > 0.9
    assert tiny.recall > formula.recall


def test_the_same_seed_builds_the_same_model() -> None:
    def weights() -> torch.Tensor:
        torch.manual_seed(3)
        return torch.cat([p.flatten() for p in models.ssd_tiny(CLASSES).parameters()])

    assert torch.equal(weights(), weights())


def test_prediction_is_in_the_images_pixels_and_in_torchvisions_form() -> None:
    model = models.ssd_tiny(CLASSES)
    images = [torch.randint(0, 256, (3, 90, 200), dtype=torch.uint8), torch.rand(3, 300, 40)]
    found = model.predict(images, score_threshold=0.0, per_image=50)
    for detections, (width, height) in zip(found, [(200, 90), (40, 300)], strict=True):
        assert set(detections) == {"boxes", "scores", "labels"}
        assert detections["boxes"].shape == (50, 4)
        assert detections["labels"].min() >= 1
        assert (detections["scores"].diff() <= 0).all()
        assert (detections["boxes"] >= 0).all()
        assert detections["boxes"][:, 0::2].max() <= width
        assert detections["boxes"][:, 1::2].max() <= height
        assert detections["boxes"][:, 2].max() > width / 2  # not left relative
    assert model.training  # as it was before


def test_an_image_is_predicted_alike_alone_and_in_a_batch() -> None:
    model = models.ssd_tiny(CLASSES).eval()
    images = [Scenes(count=3, size=(100 + 20 * i, 128))[i].image for i in range(3)]
    together = model.predict(images)
    for image, expected in zip(images, together, strict=True):
        alone = model.predict([image])[0]
        torch.testing.assert_close(alone["boxes"], expected["boxes"], rtol=1e-3, atol=1e-2)


def test_bytes_and_floats_are_predicted_alike() -> None:
    model = models.ssd_tiny(CLASSES)
    image = Scenes(count=1)[0].image
    as_bytes, as_floats = model.predict([image])[0], model.predict([image.float() / 255])[0]
    assert torch.equal(as_bytes["boxes"], as_floats["boxes"])


def test_no_images_no_predictions() -> None:
    assert models.ssd_tiny(CLASSES).predict([]) == []


def test_a_grey_image_is_refused_by_its_number() -> None:
    with pytest.raises(ValueError, match=r"image 1: shape must be \(3, height, width\)"):
        models.ssd_tiny(CLASSES).predict([torch.rand(3, 8, 8), torch.rand(1, 8, 8)])


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
            r"tiny of 1 classes: \S+ has shape .*, and .* is",
        ),
        (lambda path: _rewrite(path, default_boxes={}), "does not describe"),
        (
            lambda path: _rewrite(path, default_boxes=asdict(scales.paper((16, 8, 4, 2, 2)))),
            "default boxes are made for",
        ),
        (lambda path: _rewrite(path, default_boxes=OTHER_GRIDS), "default boxes are made for"),
        (lambda path: _rewrite(path, options={"weights": "imagenet"}), "options of ssd_tiny must be among"),
        (
            lambda path: _rewrite(path, options={"width": 10**5}),
            "is needed",
        ),  # and no memory was taken for it
        (lambda path: _rewrite(path, options=[]), "does not describe"),
        (lambda path: _rewrite(path, model="[" * 100_000), "does not describe"),
        (lambda path: _rewrite(path, input='{"size": 300}'), "input must be 128 pixels, got 300"),
        (lambda path: _rewrite(path, tensors={"new": torch.ones(2)}), "it lacks .* and .* more; it has new"),
        (lambda path: _rewrite(path, integers=True), r"is torch.int64, and torch.float32 is needed"),
        (lambda path: path.unlink(), "no readable file"),
        (lambda path: path.write_bytes(b"not weights"), "no readable file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "no readable file"),
        (lambda path: _rewrite(path, format="ssd_lite 99"), "format must be"),
        (lambda path: _rewrite(path, model="{}"), "does not describe"),
        (lambda path: _rewrite(path, model="no json"), "does not describe"),
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


class Trap:
    """Runs something when it is unpickled."""

    def __init__(self, sprung) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple:
        return (type(self.sprung).touch, (self.sprung,))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_weights_cannot_run_code(suffix: str, tmp_path) -> None:
    sprung, path = tmp_path / "sprung", tmp_path / f"weights{suffix}"
    torch.save({"features.0.weight": Trap(sprung)}, path)
    with pytest.raises(ValueError, match="must hold weights of torchvision's layout") as error:
        models.ssd300_mobilenet_v2(CLASSES, weights=path)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="no readable file of weights"):
        models.load(path)
    assert not sprung.exists()
    torch.load(path.rename(tmp_path / "weights.pkl"), weights_only=False)
    assert sprung.exists()  # it would have


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({}, "it lacks "),
        ([1, 2], "layout"),
        ({"features.0.weight": torch.ones(1), "classifier.0.weight": torch.ones(1)}, "it lacks"),
        ({"features.0.weight": 1}, "layout"),
    ],
)
def test_weights_of_another_layout_are_refused_in_one_line(state, says: str, tmp_path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    with pytest.raises(ValueError, match=rf"weights.pth: must hold .*{says}") as error:
        models.ssd300_mobilenet_v2(CLASSES, weights=path)
    assert len(str(error.value)) < 400
    assert "\n" not in str(error.value)


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
        with pytest.raises(ValueError, match=rf"detection must hold some of .*, got \['{wrong}'\]"):
            models.ssd_tiny(["cat"], detection={wrong: 0.5})


def test_images_of_the_models_size_are_not_rounded() -> None:
    model = models.ssd_tiny(CLASSES).eval()
    images = torch.rand(2, 3, 128, 128)
    with torch.no_grad():
        expected = detect(*model(images), model.default_boxes, score_threshold=0.2)
    for given in (images, list(images), images.double()):
        found = model.predict(given, score_threshold=0.2)
        assert [len(item["labels"]) for item in found] == [len(item["labels"]) for item in expected]
        for item, want in zip(found, expected, strict=True):
            assert torch.equal(item["boxes"], want["boxes"] * 128)
    assert len(expected[0]["labels"]) > 0


@pytest.mark.parametrize("maps", [2, 3, 4, 5])
def test_the_tiny_detector_has_as_many_maps_as_its_default_boxes(maps: int) -> None:
    tiny = models.tiny_default_boxes()
    boxes = scales.DefaultBoxes(
        grids=tiny.grids[:maps], scales=tiny.scales[: maps + 1], aspect_ratios=tiny.aspect_ratios[:maps]
    )
    offsets, _ = models.ssd_tiny(["cat"], default_boxes=boxes).eval()(torch.rand(1, 3, 128, 128))
    assert offsets.shape[1] == len(boxes)


@pytest.mark.parametrize("maps", [1, 6])
def test_the_tiny_detector_refuses_other_numbers_of_maps(maps: int) -> None:
    with pytest.raises(ValueError, match="must have a grid for each of the . maps"):
        models.ssd_tiny(["cat"], default_boxes=scales.paper([16, 8, 4, 2, 1, 1][:maps]))


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
