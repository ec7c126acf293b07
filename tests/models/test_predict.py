"""Prediction: images of any size in, detections in their pixels out, and the model left as it was."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ssd_lite import models
from ssd_lite.data import Scenes
from ssd_lite.detection import detect
from ssd_lite.models.mode import evaluation_mode

CLASSES = ("cat", "dog", "fish")
DETECTOR = Path(__file__).parents[2] / "book" / "models" / "scenes.safetensors"


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
    model = models.load(DETECTOR)  # untrained scores are nearly equal, so that rounding changes their order
    images = [Scenes(count=3, size=(100 + 20 * i, 128))[i].image for i in range(3)]
    together = model.predict(images, score_threshold=0.3)
    assert all(len(found["boxes"]) for found in together)
    for image, expected in zip(images, together, strict=True):
        alone = model.predict([image], score_threshold=0.3)[0]
        assert torch.equal(alone["labels"], expected["labels"])
        torch.testing.assert_close(alone["scores"], expected["scores"], rtol=1e-3, atol=1e-4)
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


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


def partly_frozen() -> models.SSD:
    model = models.ssd_tiny(CLASSES).train()
    model.trunk.eval()
    model.trunk.stride16[0].train()
    return model


def test_prediction_restores_the_mode_of_every_submodule() -> None:
    model = partly_frozen()
    before = modes(model)
    during = []
    model.trunk.register_forward_pre_hook(lambda *_: during.append(any(modes(model))))
    model.predict([torch.rand(3, 128, 128)])
    assert during == [False]
    assert modes(model) == before
    assert len(set(before)) == 2


def test_prediction_restores_the_modes_after_an_error() -> None:
    model = partly_frozen()
    before = modes(model)
    model.extras[0].register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.predict([torch.rand(3, 128, 128)])
    assert modes(model) == before


def test_evaluation_mode_leaves_frozen_blocks_frozen() -> None:
    model = models.ssd300_mobilenet_v2(CLASSES, frozen_blocks=4).train()
    before = modes(model)
    with evaluation_mode(model):
        assert not any(modes(model))
    assert modes(model) == before


def test_the_text_form_names_the_models_classes() -> None:
    found = models.ssd_tiny(CLASSES).predict([torch.rand(3, 90, 200)], score_threshold=0.0, per_image=2)[0]
    assert repr(found).startswith("2 objects: ")
    assert repr(found).split()[2] in CLASSES
    relative = models.ssd_tiny(CLASSES).predict([torch.rand(3, 90, 200)], relative=True)[0]
    assert relative.classes == CLASSES
