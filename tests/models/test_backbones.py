"""Trunks: the paper's details, pretrained weights, and what is frozen."""

import pytest
import torch
import torchvision
from torch import nn

from ssd_lite import models
from ssd_lite.models.backbones import L2Norm, MobileNetV2Trunk, VGG16Trunk

CLASSES = ("cat", "dog", "fish")


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
    with pytest.raises(
        ValueError, match=r"weights must be 'imagenet' or an existing file, got .*nowhere\.pth"
    ):
        models.ssd300_mobilenet_v2(CLASSES, weights="nowhere.pth")


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
    with pytest.raises(ValueError, match="must hold a state dict in torchvision's layout") as error:
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
        ({}, "missing: "),
        ([1, 2], "layout"),
        ({"features.0.weight": torch.ones(1), "classifier.0.weight": torch.ones(1)}, "missing"),
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


def state_after_training(trunk: nn.Module) -> list[str]:
    """The names of what a forward and a backward pass and a step of SGD change."""
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in trunk.parameters() if p.requires_grad], lr=0.1)
    sum(features.sum() for features in trunk(torch.rand(2, 3, 64, 64))).backward()
    optimizer.step()
    return [name for name, value in trunk.state_dict().items() if not torch.equal(value, before[name])]


@pytest.mark.parametrize("blocks", [0, 4, 19])
def test_frozen_blocks_stay_still_batch_norms_included(blocks: int) -> None:
    trunk = MobileNetV2Trunk(frozen_blocks=blocks)
    wholly = nn.ModuleDict({"trunk": trunk}).eval().train()  # as training and prediction switch it
    assert wholly["trunk"] is trunk
    changed = {int(name.split(".")[1]) for name in state_after_training(trunk)} if blocks < 19 else set()
    assert changed == set(range(blocks, 19))
    statistics = trunk.features[0][1].running_mean.clone()
    trunk(torch.rand(2, 3, 64, 64))
    assert torch.equal(trunk.features[0][1].running_mean, statistics) == (blocks > 0)


def test_frozen_blocks_are_still_from_the_start() -> None:
    trunk = MobileNetV2Trunk(frozen_blocks=4)
    assert [block.training for block in trunk.features] == [False] * 4 + [True] * 15
    assert not any(module.training for module in trunk.features[3].modules())


@pytest.mark.parametrize("blocks", [-1, 20])
def test_a_number_of_blocks_that_does_not_exist_is_refused(blocks: int) -> None:
    with pytest.raises(ValueError, match=rf"frozen_blocks must lie in \[0, 19\], got {blocks}"):
        MobileNetV2Trunk(frozen_blocks=blocks)


def test_biases_that_a_batch_norm_cancels_are_not_trained_and_change_nothing() -> None:
    trunk = VGG16Trunk(batch_norm=True)
    frozen = [name for name, value in trunk.named_parameters() if not value.requires_grad]
    convolutions = [name for name, layer in trunk.features.named_children() if isinstance(layer, nn.Conv2d)]
    assert frozen == [f"features.{name}.bias" for name in convolutions]
    assert len(frozen) == 13
    assert all(value.requires_grad for value in VGG16Trunk().parameters())
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    layers = trunk.features[:3].double()
    before = layers(images)
    layers[0].bias.data += 1.0
    torch.testing.assert_close(layers(images), before, rtol=1e-9, atol=1e-9)
