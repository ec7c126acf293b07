"""Figures of the objective's chapter: what was drawn where, and nothing below nine points."""

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from ssd_lite import boxes, objective, plotting, scales
from ssd_lite.data.scenes import draw

matplotlib.use("Agg")
CLASSES = ("cat", "dog")
SCENE = draw([("cat", (0.1, 0.4, 0.4, 0.9)), ("dog", (0.6, 0.1, 0.9, 0.3))], size=(200, 100), classes=CLASSES)
DEFAULTS = boxes.cxcywh_to_xyxy(
    scales.DefaultBoxes(grids=((2, 2),), scales=(0.4, 0.9), aspect_ratios=((2.0,),)).cxcywh()
)
NOBODY = torch.zeros(16, dtype=torch.bool)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def _least_type(figure: Figure) -> float:
    figure.canvas.draw()
    texts = [t for t in figure.findobj(matplotlib.text.Text) if t.get_text() and t.get_visible()]
    return min(t.get_fontsize() for t in texts)


def _boxes(axes: plt.Axes, line: str) -> list[list[float]]:
    return [[*p.get_xy(), p.get_width(), p.get_height()] for p in axes.patches if p.get_linestyle() == line]


def test_the_example_shows_all_default_boxes_and_the_matched_ones_by_number() -> None:
    matches = torch.full((16,), -1)
    matches[4], matches[8] = 1, 0
    figure = plotting.matched_pair(SCENE.image, SCENE.truth, DEFAULTS, matches)
    left, right = figure.axes
    grey = [p for p in left.patches if to_hex(p.get_edgecolor()) == "#404040"]
    assert len(grey) == 16
    assert [text.get_text() for text in right.texts] == ["4", "8"]
    drawn = [p for p in right.patches if p.get_linestyle() == "-" and to_hex(p.get_edgecolor()) != "#ffffff"]
    x0, y0, x1, y1 = (DEFAULTS[8] * torch.tensor([100, 200, 100, 200])).tolist()  # the image is 100 wide
    assert [*drawn[1].get_xy(), drawn[1].get_width(), drawn[1].get_height()] == pytest.approx(
        [x0, y0, x1 - x0, y1 - y0]
    )
    assert to_hex(drawn[1].get_edgecolor()) == plotting.colour(1).lower()  # the cat's
    assert "2 default boxes" in right.get_title()
    assert _least_type(figure) >= 9


def test_a_pair_shows_both_boxes_and_its_four_offsets() -> None:
    default, truth = torch.tensor([0.5, 0.5, 0.2, 0.4]), torch.tensor([0.55, 0.4, 0.4, 0.4])
    figure = plotting.offset_pairs(
        {"a pair": (default, truth, objective.encode(truth[None], default[None])[0])}
    )
    axes = figure.axes[0]
    assert _boxes(axes, "-")[0] == pytest.approx([0.4, 0.3, 0.2, 0.4])
    assert _boxes(axes, "--")[0] == pytest.approx([0.35, 0.2, 0.4, 0.4])
    text = " ".join(text.get_text() for text in axes.texts)
    assert all(part in text for part in ("cx +0.25", "cy -0.25", "w +0.69", "h +0.00"))
    assert _least_type(figure) >= 9


def test_decoded_boxes_have_a_panel_for_each_title() -> None:
    default, truth = torch.tensor([0.5, 0.5, 0.2, 0.4]), torch.tensor([0.55, 0.4, 0.4, 0.4])
    figure = plotting.decoded_boxes(default, truth, {"one": truth, "two": default, "three": truth})
    assert [axes.get_title() for axes in figure.axes] == ["one", "two", "three"]
    assert _boxes(figure.axes[1], "-")[0] == pytest.approx([0.4, 0.3, 0.2, 0.4])
    assert _least_type(figure) >= 9


def test_curves_are_drawn_as_given() -> None:
    x = torch.linspace(0.25, 4, 5)
    costs = {"one": x, "two": 2 * x}
    for figure in (
        plotting.ratio_costs(x, costs),
        plotting.loss_shapes(x, costs, costs),
        plotting.overfitting({name: values.tolist() for name, values in costs.items()}),
    ):
        drawn = [line for line in figure.axes[0].lines if line.get_label() == "two"]
        assert list(drawn[0].get_ydata()) == (2 * x).tolist()
        assert _least_type(figure) >= 9
    assert figure.axes[0].get_yscale() == "log"


def test_the_histograms_share_an_axis_and_count_every_offset() -> None:
    values = torch.linspace(-1, 1, 40).repeat(4, 1).T
    figure = plotting.offset_spread({"narrow": values / 10, "wide": values})
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim() == (-5, 5)
    assert [len(axes.patches) for axes in figure.axes] == [4, 4]
    assert figure.axes[0].patches[0].get_xy()[:, 1].max() > figure.axes[1].patches[0].get_xy()[:, 1].max()
    assert _least_type(figure) >= 9


def test_line_fits_tell_outliers_from_points() -> None:
    x = torch.linspace(-1, 1, 5)
    outlier = torch.tensor([False, False, False, False, True])
    figure = plotting.line_fits(x, 2 * x, outlier, {"L2": (2.0, 1.0)})
    points, crosses, line = figure.axes[0].lines
    assert (len(points.get_xdata()), list(crosses.get_xdata())) == (4, [1.0])
    assert list(line.get_ydata()) == [-1.0, 3.0]
    assert _least_type(figure) >= 9


def test_gradient_boxes_are_positives_left_and_negatives_right() -> None:
    positive, negative = NOBODY.clone(), NOBODY.clone()
    positive[4], negative[5:8] = True, True
    figure = plotting.gradient_boxes(SCENE.image, SCENE.truth, DEFAULTS, positive, negative)
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("1 positive", "3 negative, counted")
    extra = 2 * len(SCENE.truth)  # each object is drawn broken, over a white line
    assert (len(left.patches), len(right.patches)) == (1 + extra, 3 + extra)


@pytest.mark.parametrize("count", [0, 2])
def test_compared_detections_stand_beside_the_truth(count: int) -> None:
    corners = SCENE.truth.boxes_xyxy * torch.tensor([100, 200, 100, 200])
    found = {"boxes": corners, "labels": SCENE.truth.labels, "scores": torch.tensor([0.9, 0.02])}
    found = {key: value[:count] for key, value in found.items()}
    figure = plotting.detections_compared(SCENE.image, SCENE.truth, {"a": found, "b": found}, CLASSES)
    assert [axes.get_title() for axes in figure.axes] == ["truth", "a", "b"]
    assert [len(axes.patches) for axes in figure.axes] == [2, count, count]
    assert _least_type(figure) >= 9


def test_without_a_panel_of_its_own_the_truth_is_in_every_panel() -> None:
    found = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "scores": torch.zeros(0),
    }
    figure = plotting.detections_compared(SCENE.image, SCENE.truth, {"a": found}, CLASSES, truth_beside=False)
    assert len(_boxes(figure.axes[0], "--")) == len(SCENE.truth)


def test_a_small_pair_is_magnified() -> None:
    default, truth = torch.tensor([0.5, 0.5, 0.02, 0.04]), torch.tensor([0.505, 0.49, 0.04, 0.04])
    figure = plotting.offset_pairs({"a pair": (default, truth, torch.zeros(4))})
    inset = figure.axes[0].child_axes[0]
    assert _boxes(inset, "--")[0] == pytest.approx([0.485, 0.47, 0.04, 0.04], abs=1e-6)
    assert inset.get_xlim() == pytest.approx((0.45, 0.55))
