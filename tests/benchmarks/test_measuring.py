"""What ablations measure: mAP by size, changed scenes, and the architectures of the study of maps."""

import pytest
import torch
from torch import Tensor

from benchmarks.ablations import architectures, measuring
from benchmarks.ablations.architectures import ARCHITECTURES
from benchmarks.ablations.collecting import costs
from benchmarks.ablations.studies import STUDIES
from ssd_lite.data import Scenes, decode
from ssd_lite.data.scenes import CLASSES
from ssd_lite.models import tiny_default_boxes
from ssd_lite.truths import Truth, Truths

SMALL, LARGE = (0.1, 0.1, 0.2, 0.2), (0.3, 0.3, 0.9, 0.9)


@pytest.fixture(scope="module")
def scenes():
    return decode(Scenes(count=6))


def _found(boxes: list, scores: list[float], labels: list[int]) -> dict[str, Tensor]:
    return {
        "boxes": torch.tensor(boxes).view(-1, 4),
        "scores": torch.tensor(scores),
        "labels": torch.tensor(labels),
    }


def _of_size(found: dict, truth: Truth, name: str) -> float:
    kept, marked = measuring._of_size([found], [Truths.from_list([truth])], measuring.SIZES[name])
    return measuring._mean(("a",), kept, marked)


def test_only_objects_of_a_size_count_for_it() -> None:
    truth = Truth.of([SMALL, LARGE], [1, 1])
    assert _of_size(_found([SMALL], [0.9], [1]), truth, "small") == 1
    assert _of_size(_found([SMALL], [0.9], [1]), truth, "large") == 0
    assert _of_size(_found([LARGE], [0.9], [1]), truth, "large") == 1


def test_detections_of_other_sizes_do_not_hurt_but_false_ones_of_the_size_do() -> None:
    truth = Truth.of([SMALL], [1])
    nowhere = (0.5, 0.5, 0.6, 0.6)
    both = _found([nowhere, SMALL], [0.9, 0.8], [1, 1])
    assert _of_size(both, truth, "small") == pytest.approx(0.5)
    assert _of_size(_found([LARGE, SMALL], [0.9, 0.8], [1, 1]), truth, "small") == 1


def test_a_detection_across_the_bound_still_finds_its_object() -> None:
    just_small, just_medium = (0.1, 0.1, 0.295, 0.295), (0.1, 0.1, 0.305, 0.305)
    assert _of_size(_found([just_medium], [0.9], [1]), Truth.of([just_small], [1]), "small") == 1


class _Perfect:
    """A model that finds every object where it should be, whatever the images look like."""

    def __init__(self, truths: list[Truth], classes: tuple[str, ...]) -> None:
        self.classes, self.image_size, self.truths, self.seen = classes, 128, list(truths), []

    def parameters(self):
        yield torch.zeros(1)

    def predict(self, images: Tensor, *, relative: bool):
        assert relative
        self.seen.append(images)
        rows, self.truths = self.truths[: len(images)], self.truths[len(images) :]
        return [
            {"boxes": t.boxes_xyxy, "scores": torch.ones(len(t.labels)), "labels": t.labels} for t in rows
        ]


def _seen_by(name: str, scenes) -> tuple[Tensor, Truths]:
    return measuring.CHANGES[name](next(scenes.batches([range(len(scenes))])), 128)


@pytest.mark.parametrize("name", ["larger", "smaller", "stretched", "recoloured", "darker"])
def test_changed_scenes_carry_their_objects_along(name: str, scenes) -> None:
    images, truths = _seen_by(name, scenes)
    assert images.shape == (6, 3, 128, 128)
    assert images.min() >= 0
    assert images.max() <= 1
    assert truths.present.any()
    model = _Perfect(list(truths.unpadded()), scenes.classes)
    found, there = measuring._predicted(model, scenes, measuring.CHANGES[name])
    assert measuring._mean(scenes.classes, found, there) == 1


def test_objects_have_the_size_that_the_change_says(scenes) -> None:
    def sides(truths: Truths) -> Tensor:
        return (truths.boxes_xyxy[..., 2:] - truths.boxes_xyxy[..., :2])[truths.present]

    plain = sides(scenes.truths)
    assert torch.allclose(sides(_seen_by("smaller", scenes)[1]), plain / 2)
    taller = sides(_seen_by("stretched", scenes)[1])
    assert (taller[:, 1] / taller[:, 0]).median() > (plain[:, 1] / plain[:, 0]).median()
    assert sides(_seen_by("larger", scenes)[1]).median() > plain.median()
    recoloured, plain_images = (
        _seen_by("recoloured", scenes)[0],
        measuring._unchanged(next(scenes.batches([range(6)])), 128)[0],
    )
    assert torch.equal(recoloured[:, 1], plain_images[:, 0])
    assert torch.allclose(_seen_by("darker", scenes)[0], 0.4 * plain_images)


def test_measure_names_every_result(scenes) -> None:
    model = architectures.build("ssd_tiny", scenes.classes)
    assert set(measuring.measure(model, scenes)) == {"map", *measuring.SIZES}
    whole = measuring.measure(model, scenes, robustness=True)
    assert set(whole) == {"map", *measuring.SIZES, *measuring.CHANGES}
    assert whole["map"] == measuring.mean_precision(model, scenes)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_answers_for_its_default_boxes(name: str) -> None:
    model = architectures.build(name, CLASSES)
    offsets, logits = model(torch.rand(2, 3, 128, 128))
    assert offsets.shape == (2, len(model.default_boxes), 4)
    assert logits.shape == (2, len(model.default_boxes), 1 + len(CLASSES))
    assert model.default_boxes.scales == tiny_default_boxes().scales
    with pytest.raises(ValueError, match="architecture must be one of ssd_tiny, one map"):
        architectures.build("six maps", CLASSES)


def test_a_pyramid_has_the_default_boxes_of_five_maps_and_one_pair_of_heads() -> None:
    model = architectures.build("pyramid from 256 pixels", CLASSES)
    assert model.default_boxes == tiny_default_boxes()
    heads = [p for n, p in model.named_parameters() if "heads" in n]
    assert len(heads) == 4  # weight and bias of one head for offsets and of one for logits
    assert len({id(head) for head in model.offset_heads}) == 1


def test_costs_tell_the_architectures_apart() -> None:
    found = costs(STUDIES["maps"], device=torch.device("cpu"), images=1, rounds=1)
    assert set(found) == {variation.architecture for variation in STUDIES["maps"].variants.values()}
    assert found["pyramid from 256 pixels"]["flops_per_image"] > 2 * found["ssd_tiny"]["flops_per_image"]
    assert all(cost["forward_s_per_image"] > 0 for cost in found.values())
