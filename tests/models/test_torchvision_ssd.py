"""Detectors to torchvision and back: the same weights and the same outputs."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
import torchvision
from torch import Tensor, nn

from ssd_lite import models, scales
from ssd_lite.detection import detect
from ssd_lite.models import torchvision_ssd
from ssd_lite.resampling import resample
from tests.models.torchvision_detectors import changed, names, put_heads

detection = torchvision.models.detection


class Fixed(nn.Module):
    """Stands for a trunk whose feature maps are known: a VGG-16 takes seconds on a CPU."""

    def __init__(self, maps: list[Tensor], *, named: bool) -> None:
        super().__init__()
        self.maps, self.named = maps, named

    def forward(self, images: Tensor) -> dict[str, Tensor] | list[Tensor]:
        return {str(k): m for k, m in enumerate(self.maps)} if self.named else list(self.maps)


def check_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found["labels"].tolist() == expected["labels"].tolist()
    torch.testing.assert_close(found["scores"], expected["scores"], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found["boxes"], expected["boxes"], rtol=0, atol=1e-3)


def with_area(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the boxes that clipping has left no area, which only torchvision returns."""
    kept = (found["boxes"][:, 2:] > found["boxes"][:, :2]).all(dim=1)
    return {name: values[kept] for name, values in found.items()}


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
        expected, found = with_area(expected), ours.predict([image])[0]
        if case == "wild offsets":  # torchvision's boxes without area took places of its 200
            assert len(expected["labels"]) < len(found["labels"]) == 200
            found = {name: values[: len(expected["labels"])] for name, values in found.items()}
        check_same(found, expected)
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
