"""Figures of augmentation: what stands on the axes is what was given."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib import rcParams

from ssd_lite.data import Scenes
from ssd_lite.plotting import augmentation as plotting
from ssd_lite.plotting.common import COLOURS, colour
from ssd_lite.truths import Truth

matplotlib.use("Agg")
SCENES = Scenes(count=3)
TRUTH = Truth.of([[0.0, 0.0, 0.5, 0.5], [0.25, 0.5, 1.0, 1.0]], [1, 2])


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def rectangles(axes, shade=None):
    """Extents of the boxes on the axes, their white rims left out."""
    inks = [matplotlib.colors.to_hex(patch.get_edgecolor()) for patch in axes.patches]
    return [
        patch.get_extents().transformed(axes.transData.inverted()).extents.round(3).tolist()
        for patch, ink in zip(axes.patches, inks, strict=True)
        if ink != "#ffffff" and (shade is None or ink == matplotlib.colors.to_hex(shade))
    ]


def test_pictures_have_their_boxes_and_titles() -> None:
    images = [SCENES[i].image for i in range(3)]
    figure = plotting.pictures(images, [TRUTH, None, Truth.of([], [])], titles=["a", "b", "c"], columns=2)
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == ["a", "b", "c"]
    assert [len(rectangles(axes)) for axes in drawn] == [2, 0, 0]
    box = [patch.get_bbox().extents.tolist() for patch in drawn[0].patches][::2]
    assert box == [[-0.5, -0.5, 63.5, 63.5], [31.5, 63.5, 127.5, 127.5]]
    assert len(figure.axes) == 4
    assert figure.get_size_inches()[0] == 7


def test_pictures_without_truths_or_titles() -> None:
    figure = plotting.pictures([torch.rand(3, 20, 40)])
    assert not figure.axes[0].patches
    assert figure.axes[0].get_title() == ""
    assert figure.axes[0].images[0].get_array().shape == (20, 40, 3)


def test_a_patch_on_its_image_marks_what_is_dropped() -> None:
    image, cut = SCENES[0].image, torch.rand(3, 30, 30)
    patch, kept = torch.tensor([0.0, 0.0, 0.5, 0.75]), torch.tensor([True, False])
    seen = Truth.of([[0.0, 0.0, 1.0, 0.6667]], [1])
    figure = plotting.patch_on_image(image, TRUTH, patch, kept, cut, seen)
    left, right = figure.axes
    assert len(rectangles(left)) == 3
    assert len(rectangles(left, colour(1))) == len(rectangles(right, colour(1))) == 1
    assert not rectangles(left, colour(2))
    assert left.patches[-1].get_bbox().extents.tolist() == [-0.5, -0.5, 63.5, 95.5]
    assert [line.get_marker() for line in left.lines] == ["o", "o", "x", "x"]
    assert [line.get_xdata()[0] for line in left.lines] == [32, 32, 80, 80]


def test_distributions_are_shares() -> None:
    values = {"one": torch.tensor([0.1, 0.1, 0.9, 0.6]), "other": torch.tensor([0.3])}
    figure = plotting.distributions(
        {"x": values, "y": values}, ranges=[(0, 1), (0, 2)], bins=2, ticks={"y": {0.0: "low", 2.0: "high"}}
    )
    first, second = figure.axes
    assert [step.get_data().values.tolist() for step in first.patches] == [[0.5, 0.5], [1.0, 0.0]]
    assert second.patches[0].get_data().values.tolist() == [1.0, 0.0]
    assert [text.get_text() for text in second.get_xticklabels()] == ["low", "high"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]


def test_shares_are_bars_with_numbers() -> None:
    figure = plotting.shares({"first": {"a": 0.25, "b": 1.0}, "second": {"a": 0.0, "b": 0.5}}, label="share")
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 1.0, 0.0, 0.5]
    assert [text.get_text() for text in axes.texts] == ["0.25", "1.00", "0.00", "0.50"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    lone = plotting.shares({"first": {"a": 0.25}}, label="share")
    assert lone.axes[0].get_legend() is None


def test_trends_go_through_their_points() -> None:
    figure = plotting.trends(
        {"a": [(1, 0.5), (10, 0.25)], "b": [(1, 0.0)]}, x_label="x", y_label="y", logarithmic=True
    )
    lines = figure.axes[0].lines
    assert lines[0].get_xydata().tolist() == [[1, 0.5], [10, 0.25]]
    assert [line.get_color() for line in lines] == [COLOURS[6], COLOURS[0]]
    assert figure.axes[0].get_xscale() == "log"


def test_map_over_steps_is_the_mean_of_the_seeds() -> None:
    whole, diverged = {"map": [[100, 0.2], [200, 0.4]]}, {"map": [[100, 0.4]], "diverged": 150}
    found = plotting.map_over_steps({"runs": {"a": [whole, diverged], "b": [whole]}})
    assert found["a"] == [(100, pytest.approx(0.3)), (200, pytest.approx(0.2))]
    assert found["b"] == [(100, 0.2), (200, 0.4)]


def test_an_image_as_high_as_its_panel_is_not_blurred() -> None:
    images = [torch.rand(3, 130, 130), torch.rand(3, 90, 90)]
    figure = plotting.pictures(images, panel_height=1.0)
    drawn = [axes.images[0] for axes in figure.axes]
    assert [image.get_interpolation() for image in drawn] == ["nearest", rcParams["image.interpolation"]]
    assert len(set(drawn[0].get_array().flat)) == 64
