"""Grids of images, and a patch on its image."""

import matplotlib
import pytest
import torch

from ssd_lite import Truth, plotting
from ssd_lite.data import Scenes
from ssd_lite.plotting import colour
from ssd_lite.plotting.style import WIDTH

SCENES = Scenes(count=3)
TRUTH = Truth.of([[0.0, 0.0, 0.5, 0.5], [0.25, 0.5, 1.0, 1.0]], [1, 2])


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
    figure = plotting.image_grid(images, [TRUTH, None, Truth.of([], [])], titles=["a", "b", "c"], columns=2)
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == ["a", "b", "c"]
    assert [len(rectangles(axes)) for axes in drawn] == [2, 0, 0]
    box = [patch.get_bbox().extents.tolist() for patch in drawn[0].patches][::2]
    assert box == [[-0.5, -0.5, 63.5, 63.5], [31.5, 63.5, 127.5, 127.5]]
    assert len(figure.axes) == 4
    assert figure.get_size_inches()[0] == WIDTH


def test_pictures_without_truths_or_titles() -> None:
    figure = plotting.image_grid([torch.rand(3, 20, 40)])
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
    assert [line.get_xdata()[0] for line in left.lines] == pytest.approx([31.5, 31.5, 79.5, 79.5])


def test_an_image_as_high_as_its_panel_is_not_blurred() -> None:
    images = [torch.rand(3, 130, 130), torch.rand(3, 90, 90)]
    figure = plotting.image_grid(images, panel_height=1.0)
    drawn = [axes.images[0] for axes in figure.axes]
    assert [image.get_interpolation() for image in drawn] == [
        "nearest",
        matplotlib.rcParams["image.interpolation"],
    ]
    assert len(set(drawn[0].get_array().flat)) == 64
