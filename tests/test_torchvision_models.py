"""Detectors to torchvision and back: the same weights, the same outputs, and clear refusals."""

import argparse
import copy
import itertools
import math
from dataclasses import replace

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.ssd import SSDHead

from ssd_lite import models, scales
from ssd_lite.detection import detect
from ssd_lite.models import torchvision_ssd
from ssd_lite.resampling import resample

detection = torchvision.models.detection
CHANNELS, PER_LOCATION = [512, 1024, 512, 256, 256, 256], [4, 6, 6, 6, 4, 4]


def names(count: int) -> list[str]:
    return [f"class {label}" for label in range(1, count + 1)]


@pytest.fixture(scope="module")
def trunk() -> nn.Module:
    """Torchvision's detector with random weights, in evaluation mode; its heads are for a test to replace."""
    torch.manual_seed(0)
    return detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=3).eval()


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.randint(0, 256, (3, 300, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def maps(trunk: nn.Module, image: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return list(trunk.backbone(trunk.transform([image / 255])[0].tensors).values())


class Fixed(nn.Module):
    """Stands for a trunk whose feature maps are known: a VGG-16 takes seconds on a CPU."""

    def __init__(self, maps: list[Tensor], *, named: bool) -> None:
        super().__init__()
        self.maps, self.named = maps, named

    def forward(self, images: Tensor) -> dict[str, Tensor] | list[Tensor]:
        return {str(k): m for k, m in enumerate(self.maps)} if self.named else list(self.maps)


def put_heads(
    module: nn.Module,
    maps: list[Tensor],
    num_classes: int,
    seed: int,
    *,
    background: float = 2.0,
    spread: float = 1.5,
    offset_spread: float = 1.0,
) -> None:
    """New heads whose logits and offsets spread as asked on these maps."""
    generator = torch.Generator().manual_seed(seed)
    module.head = SSDHead(CHANNELS, PER_LOCATION, num_classes)
    wanted = (
        (module.head.regression_head.module_list, offset_spread),
        (module.head.classification_head.module_list, spread),
    )
    with torch.no_grad():
        for heads, deviation in wanted:
            for head, features in zip(heads, maps, strict=True):
                gain = deviation / (features.square().mean() * 9 * features.shape[1]).sqrt()
                head.weight.copy_(torch.randn(head.weight.shape, generator=generator) * gain)
                head.bias.copy_(torch.randn(head.bias.shape, generator=generator) * 0.3)
        for head in module.head.classification_head.module_list:
            head.bias.view(-1, num_classes)[:, 0] += background


def changed(module: nn.Module, **attributes: object) -> nn.Module:
    other = copy.copy(module)
    other._modules = dict(module._modules)
    for name, value in attributes.items():
        setattr(other, name, value)
    return other


def check_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found["labels"].tolist() == expected["labels"].tolist()
    torch.testing.assert_close(found["scores"], expected["scores"], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found["boxes"], expected["boxes"], rtol=0, atol=1e-3)


# --- the same outputs --------------------------------------------------------------------------


def test_raw_outputs_and_detections_are_torchvisions(
    trunk: nn.Module, image: Tensor, maps: list[Tensor]
) -> None:
    put_heads(trunk, maps, 21, seed=1)
    ours = models.from_torchvision(trunk, names(20))
    with torch.no_grad():
        expected = trunk.head(maps)
        offsets, logits = ours(image[None] / 255)
        detections = trunk([image / 255])[0]
    assert logits.std() > 1
    torch.testing.assert_close(offsets, expected["bbox_regression"], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(logits, expected["cls_logits"], rtol=1e-5, atol=1e-5)
    assert len(detections["labels"].unique()) > 5
    check_same(ours.predict([image])[0], detections)
    assert not ours.training


CASES = {
    "a crowd": {},
    "few": {"background": 9.0},  # so few that torchvision moves classes apart in float32
    "none": {"background": 40.0},
    "wild offsets": {"offset_spread": 12.0},  # beyond torchvision's bound of 62.5 times the default box
}


@pytest.mark.parametrize(("num_classes", "seeds"), [(3, (1, 2, 3)), (21, (1, 2)), (91, (1,))])
def test_detections_are_torchvisions_whatever_the_heads_say(
    num_classes: int, seeds: tuple[int, ...], trunk: nn.Module, image: Tensor, maps: list[Tensor]
) -> None:
    put_heads(trunk, maps, num_classes, seed=0)
    ours = models.from_torchvision(trunk, names(num_classes - 1))
    theirs = changed(trunk, backbone=Fixed(maps, named=True))
    ours.trunk, ours.extras = Fixed(maps, named=False), nn.ModuleList()
    for (case, options), seed in itertools.product(CASES.items(), seeds):
        put_heads(theirs, maps, num_classes, seed, **options)
        state = theirs.state_dict()
        ours.load_state_dict({name: state[torchvision_ssd.NAMES[name]] for name in ours.state_dict()})
        with torch.no_grad():
            expected = theirs([image / 255])[0]
        check_same(ours.predict([image])[0], expected)
        count, labels = len(expected["labels"]), len(expected["labels"].unique())
        assert (count, labels) == (0, 0) if case == "none" else count > 20 and labels > 1


def test_sides_are_bounded_as_torchvisions(trunk: nn.Module, image: Tensor, maps: list[Tensor]) -> None:
    """One default box alone is an object, and shall be 100 times as wide; its centre is far to the left."""
    layout = scales.DefaultBoxes(grids=((1, 1),), scales=(0.01, 0.02), aspect_ratios=((),))
    offsets, logits = torch.zeros(1, 2, 4), torch.tensor([[[0.0, 9.0], [9.0, 0.0]]])
    offsets[0, 0] = torch.tensor([-300.0, 0.0, math.log(100) / 0.2, 0.0])
    anchors = torch.tensor([[148.5, 148.5, 151.5, 151.5], [147.0, 147.0, 153.0, 153.0]])
    head = {"bbox_regression": offsets, "cls_logits": logits}
    expected = trunk.postprocess_detections(head, [anchors], [(300, 300)])[0]["boxes"]
    bound = torchvision_ssd._settings(trunk)["detection"]
    assert bound == {"largest_growth": 62.5}
    bounded, free = (detect(offsets, logits, layout, **options)[0]["boxes"] * 300 for options in (bound, {}))
    torch.testing.assert_close(bounded, expected, rtol=0, atol=1e-3)
    assert expected[0, 2].item() == pytest.approx(150 - 90 + 62.5 * 3 / 2, abs=1e-3)
    assert free[0, 2].item() == pytest.approx(150 - 90 + 100 * 3 / 2, abs=1e-3)


def test_images_are_resized_alike_unless_they_shrink(trunk: nn.Module) -> None:
    """Torchvision's interpolation skips pixels where it shrinks; here they are averaged."""
    differences = {}
    for height, width in ((150, 200), (300, 300), (310, 290), (600, 900)):
        image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
        theirs, _ = trunk.transform.resize(image / 255, None)
        differences[height] = (theirs - resample(image[None], 300)[0]).abs().mean().item()
    assert differences[150] < 1e-4
    assert differences[300] < 1e-4
    assert differences[310] < 0.02
    assert differences[600] > 0.1


# --- there and back ----------------------------------------------------------------------------


def test_torchvisions_detector_comes_back_bit_by_bit(trunk: nn.Module, maps: list[Tensor]) -> None:
    put_heads(trunk, maps, 3, seed=3)
    back = models.to_torchvision(models.from_torchvision(trunk, names(2)))
    assert type(back) is type(trunk)
    assert str(back.backbone) == str(trunk.backbone)
    for name in ("image_mean", "image_std"):
        values = (torch.tensor(getattr(module.transform, name)) for module in (back, trunk))
        assert torch.equal(*values)
    state, expected = back.state_dict(), trunk.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    for name in ("score_thresh", "nms_thresh", "detections_per_img", "topk_candidates"):
        assert getattr(back, name) == getattr(trunk, name)
    assert vars(back.box_coder) == vars(trunk.box_coder)
    assert tuple(back.transform.fixed_size) == tuple(trunk.transform.fixed_size)
    grids = [list(grid) for grid in torchvision_ssd.GRIDS]
    boxes = [module.anchor_generator._grid_default_boxes(grids, [300, 300]) for module in (back, trunk)]
    assert torch.equal(*boxes)
    torch.testing.assert_close(models.from_torchvision(back, names(2)).default_boxes.cxcywh(), boxes[0])


def test_a_detector_of_ours_comes_back_bit_by_bit_with_all_its_settings(image: Tensor) -> None:
    layout = scales.DefaultBoxes(
        grids=torchvision_ssd.GRIDS,
        scales=(0.08, 0.2, 0.4, 0.55, 0.7, 0.8, 0.97),
        aspect_ratios=((1.7,), (2.1,), (), (1.5, 2.5, 3.5), (2.0,), (2.0,)),
    )
    options = {"score_threshold": 0.02, "iou_threshold": 0.6, "per_class": 70, "per_image": 90}
    ours = models.ssd300_vgg16(
        names(90),
        default_boxes=layout,
        mean=(0.1, 0.2, 0.3),
        std=(0.2, 0.3, 0.4),
        variances=(1.0, 0.5),
        detection=options,
    )
    ours.trunk.features[:5].requires_grad_(False)
    with torch.no_grad():
        for head in ours.offset_heads:
            head.weight.mul_(0.1)
    other = models.to_torchvision(ours)
    assert other.training
    assert other.anchor_generator.steps is None
    frozen = [name for name, value in other.named_parameters() if not value.requires_grad]
    assert frozen == [f"backbone.features.{i}.{kind}" for i in (0, 2) for kind in ("weight", "bias")]
    again = models.from_torchvision(other, names(90))
    assert again.config == ours.config
    state = again.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in ours.state_dict().items())
    assert torch.equal(again.mean, ours.mean)
    assert torch.equal(again.std, ours.std)
    with torch.no_grad():
        expected = other.eval()([image / 255])[0]
    assert len(expected["labels"]) == 90
    check_same(ours.predict([image])[0], expected)
    for value in other.parameters():
        assert not any(value.data_ptr() == own.data_ptr() for own in ours.parameters())


def test_steps_count_in_pixels_of_their_own_image() -> None:
    steps = (16.0, 32.0, 64.0, 128.0, 200.0, 600.0)
    layout = replace(scales.ssd300_voc(), steps=steps, image_size=600)
    generator = torchvision_ssd._generator(layout)
    assert generator.steps == [8.0, 16.0, 32.0, 64.0, 100.0, 300.0]
    assert generator.clip is False


# --- what comes as a state dict ------------------------------------------------------------------


def test_a_checkpoint_of_the_reference_script_loads_with_a_state_dicts_settings(
    trunk, maps, tmp_path
) -> None:
    put_heads(trunk, maps, 91, seed=0)
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": trunk.state_dict(), "args": argparse.Namespace(epochs=120), "epoch": 119}, path)
    with torch.serialization.safe_globals([argparse.Namespace]):
        checkpoint = torch.load(path, weights_only=True)
    with torch.random.fork_rng(devices=[]):
        before = torch.random.get_rng_state()
        ours = models.from_torchvision(checkpoint, models.TORCHVISION_COCO_CLASSES)
        assert torch.equal(torch.random.get_rng_state(), before)
    assert ours.classes[18 - 1] == "dog"  # 18 in COCO
    assert ours.config["options"]["detection"] == {"largest_growth": 62.5}
    assert ours.default_boxes == replace(scales.ssd300_coco(), clip_sides=True)
    assert ours.mean.flatten().tolist() == pytest.approx([0.48235, 0.45882, 0.40784])
    other = scales.ssd300_voc()
    changed = models.from_torchvision(
        checkpoint, models.TORCHVISION_COCO_CLASSES, default_boxes=other, mean=(0.5,) * 3, std=(0.25,) * 3
    )
    assert changed.default_boxes == other
    assert changed.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert changed.std.flatten().tolist() == [0.25, 0.25, 0.25]


def test_the_coco_classes_are_torchvisions_with_names_for_the_empty_numbers() -> None:
    theirs = detection.SSD300_VGG16_Weights.COCO_V1.meta["categories"]
    assert theirs[0] == "__background__"
    assert len(models.TORCHVISION_COCO_CLASSES) == len(set(models.TORCHVISION_COCO_CLASSES)) == 90
    for label, (name, their) in enumerate(zip(models.TORCHVISION_COCO_CLASSES, theirs[1:], strict=True), 1):
        assert name == (f"N/A {label}" if their == "N/A" else their)


# --- refusals ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def state(trunk: nn.Module) -> dict[str, Tensor]:
    """A state dict without memory: only names and shapes are looked at before it is refused."""
    with torch.device("meta"):
        return detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=21).state_dict()


@pytest.mark.parametrize("count", [19, 21])
def test_another_number_of_classes_is_refused_with_both_numbers(count: int, state: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match=rf"classes .* 21 with background, so 20 names, got {count}"):
        models.from_torchvision(state, names(count))


def test_what_is_missing_too_much_or_of_another_shape_is_named(state: dict[str, Tensor]) -> None:
    spoilt = {name: value for name, value in state.items() if name != "backbone.extra.2.0.bias"}
    spoilt["roi_heads.weight"] = torch.zeros(1)
    spoilt["backbone.scale_weight"] = torch.zeros(256)
    spoilt["backbone.features.2.bias"] = "no tensor"
    with pytest.raises(ValueError, match="source must be torchvision's ssd300_vgg16") as error:
        models.from_torchvision(spoilt, names(20))
    for part in (
        "misses backbone.extra.2.0.bias;",
        "has beside it roi_heads.weight;",
        "backbone.scale_weight must have shape (512,), got (256,)",
        "backbone.features.2.bias must have shape (64,), got ()",
    ):
        assert part in str(error.value)


def test_a_classifiers_weights_are_refused_in_a_few_words(state: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        vgg = torchvision.models.vgg16(weights=None).state_dict()
    with pytest.raises(ValueError, match=r"misses backbone\..* and 66 more; has beside it .* and 27 more"):
        models.from_torchvision(vgg, names(20))
    with pytest.raises(ValueError, match=f"and {len(state) - 5} more"):
        models.from_torchvision({}, names(20))


def test_ssdlite_is_refused_by_name() -> None:
    module = detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3)
    for source in (module, module.state_dict()):
        with pytest.raises(
            ValueError, match="got its ssdlite320_mobilenet_v3_large, whose heads are separable"
        ):
            models.from_torchvision(source, names(2))


def test_settings_without_a_counterpart_are_refused(trunk: nn.Module, maps: list[Tensor]) -> None:
    put_heads(trunk, maps, 3, seed=0)
    skewed = changed(trunk, box_coder=BoxCoder((10.0, 5.0, 5.0, 5.0)))
    with pytest.raises(ValueError, match=r"weigh x as y .*got \(10\.0, 5\.0, 5\.0, 5\.0\)"):
        models.from_torchvision(skewed, names(2))
    transform = copy.copy(trunk.transform)
    transform.fixed_size = (512, 512)
    with pytest.raises(ValueError, match=r"images of 300 × 300 pixels, got \(512, 512\)"):
        models.from_torchvision(changed(trunk, transform=transform), names(2))

    class Wrapped(nn.Module):
        def state_dict(self, *args: object, **kwargs: object) -> dict[str, Tensor]:
            return trunk.state_dict()

    with pytest.raises(ValueError, match="source must be torchvision's SSD, got Wrapped"):
        models.from_torchvision(Wrapped(), names(2))


def test_what_torchvision_cannot_build_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ssd300_vgg16 without batch norm, got ssd_tiny$"):
        models.to_torchvision(models.ssd_tiny(["cat"]))
    with torch.device("meta"):
        plain = models.SSD(
            nn.Identity(),
            [],
            (8,),
            classes=["cat"],
            default_boxes=scales.DefaultBoxes(
                grids=((1, 1),), scales=(0.5, 1.0), aspect_ratios=((),), clip=True
            ),
            image_size=8,
            mean=(0.5,) * 3,
            std=(0.5,) * 3,
        )
    with pytest.raises(ValueError, match=r"got None$"):
        models.to_torchvision(plain)
    plain.config = {"architecture": "ssd300_vgg16", "options": {"batch_norm": True}}
    with pytest.raises(ValueError, match=r"got ssd300_vgg16 with batch norm$"):
        models.to_torchvision(plain)
    plain.config["options"]["batch_norm"] = False
    with pytest.raises(ValueError, match="must not be clipped by their corners"):
        models.to_torchvision(plain)
