"""Torchvision's state dicts and checkpoints as detectors, and clear refusals of what has no counterpart."""

import argparse
import copy
from dataclasses import replace

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder

from ssd_lite import models, scales
from tests.models.torchvision_detectors import changed, names, put_heads

detection = torchvision.models.detection


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
    with pytest.raises(
        ValueError, match=rf"classes must be 20 names, since .* 21 classes with background, got {count}"
    ):
        models.from_torchvision(state, names(count))


def test_what_is_missing_too_much_or_of_another_shape_is_named(state: dict[str, Tensor]) -> None:
    spoilt = {name: value for name, value in state.items() if name != "backbone.extra.2.0.bias"}
    spoilt["roi_heads.weight"] = torch.zeros(1)
    spoilt["backbone.scale_weight"] = torch.zeros(256)
    spoilt["backbone.features.2.bias"] = "no tensor"
    with pytest.raises(ValueError, match="source must have the parameters of torchvision's") as error:
        models.from_torchvision(spoilt, names(20))
    for part in (
        "missing: backbone.extra.2.0.bias;",
        "unknown: roi_heads.weight;",
        "backbone.scale_weight must have shape (512,), got (256,)",
        "backbone.features.2.bias must be a tensor, got str",
    ):
        assert part in str(error.value)


def test_a_classifiers_weights_are_refused_in_a_few_words(state: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        vgg = torchvision.models.vgg16(weights=None).state_dict()
    with pytest.raises(ValueError, match=r"missing: backbone\..* and 68 more; unknown: .* and 29 more"):
        models.from_torchvision(vgg, names(20))
    with pytest.raises(ValueError, match=f"and {len(state) - 3} more"):
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
    with pytest.raises(ValueError, match=r"equal for x and y.*got \(10\.0, 5\.0, 5\.0, 5\.0\)"):
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
    with pytest.raises(ValueError, match="default_boxes must have clip=False"):
        models.to_torchvision(plain)
