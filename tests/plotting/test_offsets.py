"""Offsets, on the image and in numbers."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex

from ssd_lite import boxes, objective, plotting, scales
from ssd_lite.data.scenes import draw

CLASSES = ("cat", "dog")
SCENE = draw([("cat", (0.1, 0.4, 0.4, 0.9)), ("dog", (0.6, 0.1, 0.9, 0.3))], size=(200, 100), classes=CLASSES)
DEFAULTS = boxes.cxcywh_to_xyxy(
    scales.DefaultBoxes(grids=((2, 2),), scales=(0.4, 0.9), aspect_ratios=((2.0,),)).cxcywh()
)


def _boxes(axes: plt.Axes, line: str) -> list[list[float]]:
    return [[*p.get_xy(), p.get_width(), p.get_height()] for p in axes.patches if p.get_linestyle() == line]


def test_the_example_shows_the_matched_default_boxes_by_number_and_their_predictions() -> None:
    matches = torch.full((16,), -1)
    matches[4], matches[8] = 1, 0
    predicted = ["background"] * 8 + ["cat"] * 8
    figure = plotting.matched_boxes(SCENE.image, SCENE.truth, DEFAULTS, matches, DEFAULTS, predicted)
    left, right = figure.axes
    grey = [p for p in left.patches if to_hex(p.get_edgecolor()) == "#595959"]
    assert len(grey) == 14
    assert [text.get_text() for text in left.texts] == ["4", "8"]
    assert [text.get_text() for text in right.texts] == ["4 background", "8 cat"]
    drawn = [p for p in right.patches if p.get_linestyle() == "-" and to_hex(p.get_edgecolor()) != "#ffffff"]
    x0, y0, x1, y1 = (DEFAULTS[8] * torch.tensor([100, 200, 100, 200])).tolist()  # the image is 100 wide
    assert [*drawn[1].get_xy(), drawn[1].get_width(), drawn[1].get_height()] == pytest.approx(
        [x0 - 0.5, y0 - 0.5, x1 - x0, y1 - y0]
    )
    assert to_hex(drawn[1].get_edgecolor()) == plotting.colour(1).lower()  # the cat's
    assert left.get_title() == "2 of 16 are matched"


def test_a_pair_shows_both_boxes_and_its_four_offsets() -> None:
    default, truth = torch.tensor([0.5, 0.5, 0.2, 0.4]), torch.tensor([0.55, 0.4, 0.4, 0.4])
    figure = plotting.offset_pairs(
        {"a pair": (default, truth, objective.encode(truth[None], default[None])[0])}
    )
    axes = figure.axes[0]
    assert _boxes(axes, "-")[0] == pytest.approx([0.4, 0.3, 0.2, 0.4])
    assert _boxes(axes, "--")[0] == pytest.approx([0.35, 0.2, 0.4, 0.4])
    text = " ".join(text.get_text() for text in axes.texts)
    assert all(part in text for part in ("cx +0.250", "cy −0.250", "w +0.693", "h +0.000"))


def test_a_small_pair_is_magnified() -> None:
    default, truth = torch.tensor([0.5, 0.5, 0.02, 0.04]), torch.tensor([0.505, 0.49, 0.04, 0.04])
    figure = plotting.offset_pairs({"a pair": (default, truth, torch.zeros(4))})
    inset = figure.axes[0].child_axes[0]
    assert _boxes(inset, "--")[0] == pytest.approx([0.485, 0.47, 0.04, 0.04], abs=1e-6)
    assert inset.get_xlim() == pytest.approx((0.45, 0.55))


def test_decoded_boxes_have_a_panel_for_each_title() -> None:
    default, truth = torch.tensor([0.5, 0.5, 0.2, 0.4]), torch.tensor([0.55, 0.4, 0.4, 0.4])
    figure = plotting.decoded_boxes(default, truth, {"one": truth, "two": default, "three": truth})
    assert [axes.get_title() for axes in figure.axes] == ["one", "two", "three"]
    assert _boxes(figure.axes[1], "-")[0] == pytest.approx([0.4, 0.3, 0.2, 0.4])


def test_the_histograms_share_an_axis_and_count_every_offset() -> None:
    values = torch.linspace(-1, 1, 40).repeat(4, 1).T
    figure = plotting.offset_spread({"narrow": values / 10, "wide": values})
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim() == (-5, 5)
    assert [len(axes.patches) for axes in figure.axes] == [4, 4]
    assert figure.axes[0].patches[0].get_xy()[:, 1].max() > figure.axes[1].patches[0].get_xy()[:, 1].max()
