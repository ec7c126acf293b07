"""The network: shapes, order of the default boxes, and torchvision's outputs with its weights."""

import pytest
import torch
import torchvision

from ssd_lite import models, scales
from ssd_lite.data import Scenes
from ssd_lite.models import heads
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


@pytest.mark.parametrize("classes", [[], ["cat", "cat"], "cat"])
def test_classes_must_be_different_names(classes: object) -> None:
    with pytest.raises(ValueError, match="classes must be"):
        models.ssd_tiny(classes)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="default boxes are made for"):
        models.ssd_tiny(CLASSES)(torch.rand(2, 3, 96, 96))


def test_the_tiny_layout_is_the_formulas_and_reaches_most_objects_of_drawn_scenes() -> None:
    assert models.tiny_default_boxes() == scales.paper((16, 8, 4, 2, 1))
    drawn = Scenes(count=400)
    truths = Truths.from_list([drawn[i].truth for i in range(len(drawn))])
    assert scales.coverage(models.tiny_default_boxes(), truths).recall > 0.9


def test_the_same_seed_builds_the_same_model() -> None:
    def weights() -> torch.Tensor:
        torch.manual_seed(3)
        return torch.cat([p.flatten() for p in models.ssd_tiny(CLASSES).parameters()])

    assert torch.equal(weights(), weights())


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
    with pytest.raises(ValueError, match=r"must have a grid for each of the \d maps"):
        models.ssd_tiny(["cat"], default_boxes=scales.paper([16, 8, 4, 2, 1, 1][:maps]))


@pytest.mark.parametrize("classes", [1, 3, 20])
def test_a_fused_convolution_gives_what_the_heads_give_and_their_gradients(classes: int, monkeypatch) -> None:
    model = models.ssd_tiny([f"class {n}" for n in range(classes)]).double().eval()
    images = torch.rand(2, 3, 128, 128, dtype=torch.float64)

    def outputs_and_gradients() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        offsets, logits = model(images)
        model.zero_grad()
        (offsets.square().sum() + logits.sin().sum()).backward()
        return [offsets, logits], [parameter.grad for parameter in model.parameters()]

    expected = outputs_and_gradients()
    convolved = []
    monkeypatch.setattr(heads, "separate", lambda *args: convolved.append(args) or heads.fused(*args))
    found = outputs_and_gradients()
    assert len(convolved) == 5
    for given, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(given, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("per_cell", "classes", "channels"), [(4, 21, 104), (6, 21, 152), (2, 2, 16)])
def test_a_fused_convolution_has_a_multiple_of_eight_channels(
    per_cell: int, classes: int, channels: int, monkeypatch
) -> None:
    """A multiple of eight itself gets no padding: 2 · 4 + 2 · 2 = 12 does, 4 · (4 + 21) = 100 does."""
    pair = [torch.nn.Conv2d(8, per_cell * values, 3, padding=1) for values in (4, classes)]
    widths, convolve = [], torch.nn.functional.conv2d
    monkeypatch.setattr(
        torch.nn.functional, "conv2d", lambda x, w, *a, **k: widths.append(len(w)) or convolve(x, w, *a, **k)
    )
    features = torch.rand(2, 8, 5, 5).contiguous(memory_format=torch.channels_last)
    offsets, logits = heads.fused(features, *pair)
    assert widths == [channels]
    assert (offsets.shape[1], logits.shape[1]) == (4 * per_cell, per_cell * classes)


def test_the_fused_convolution_is_for_gpus(monkeypatch) -> None:
    """Looked at through a stand-in, since the machine may have no GPU."""

    class OnGPU(torch.Tensor):
        is_cuda = True

    chosen: list[str] = []
    for name in ("fused", "separate"):
        both = (torch.zeros(1, 4, 1, 1),) * 2
        monkeypatch.setattr(heads, name, lambda *_, name=name, both=both: chosen.append(name) or both)
    one = torch.nn.ModuleList([torch.nn.Identity()])
    for features in (torch.zeros(1, 8, 1, 1).as_subclass(OnGPU), torch.zeros(1, 8, 1, 1)):
        heads.apply_heads([features], one, one, num_classes=4)
    assert chosen == ["fused", "separate"]
