"""A quick look at whatever a notebook has."""

import matplotlib.pyplot as plt
import pytest
import torch

from ssd_lite import models, plotting
from ssd_lite.data import Scenes
from ssd_lite.detection import Detections
from ssd_lite.plotting.quick_look import MOST_IMAGES

SCENES = Scenes(count=3, size=(60, 90))
FOUND = Detections(
    boxes=torch.tensor([[10.0, 10, 50, 50]]),
    scores=torch.tensor([0.8]),
    labels=torch.tensor([2]),
    classes=["a", "b"],
)


def words(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_an_example_with_and_without_names() -> None:
    labels = SCENES[0].truth.labels.tolist()
    named = words(plotting.show(SCENES[0], classes=SCENES.classes))
    assert [word.rstrip("?") for word in named] == [SCENES.classes[label - 1] for label in labels]
    numbered = words(plotting.show(SCENES[0]))
    assert [word.rstrip("?") for word in numbered] == [f"class {label}" for label in labels]


def test_detections_on_their_image() -> None:
    assert words(plotting.show(FOUND, SCENES[0].image)) == ["b 0.80"]
    assert words(plotting.show(FOUND, SCENES[0].image, ["x", "y"])) == ["y 0.80"]
    assert words(plotting.show(FOUND, SCENES[0].image, threshold=0.9)) == []
    assert words(plotting.show(dict(FOUND), SCENES[0].image)) == ["class 2 0.80"]


def test_what_a_detector_predicts() -> None:
    found = models.ssd_tiny(["cat"]).predict([SCENES[0].image])[0]
    assert plotting.show(found, SCENES[0].image).axes


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_a_dataset_shows_some_images(count: int) -> None:
    figure = plotting.show(Scenes(count=count, size=(40, 40)))
    shown = sum(bool(axes.images) for axes in figure.axes)
    assert shown == count if count <= MOST_IMAGES else MOST_IMAGES / 2 < shown <= MOST_IMAGES


def test_a_figure_is_shown_once() -> None:
    """An open figure would be shown a second time by the notebook's backend."""
    plotting.show(SCENES[0])
    plotting.show(SCENES)
    assert not plt.get_fignums()


@pytest.mark.plain
def test_anything_else_is_refused() -> None:
    with pytest.raises(ValueError, match="detections need the image"):
        plotting.show(FOUND)
    with pytest.raises(TypeError, match="got int"):
        plotting.show(3)  # type: ignore[arg-type]
