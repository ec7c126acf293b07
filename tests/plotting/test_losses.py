"""Shapes of losses, and where gradients go."""

import torch

from ssd_lite import boxes, plotting, scales
from ssd_lite.data.scenes import draw

CLASSES = ("cat", "dog")
SCENE = draw([("cat", (0.1, 0.4, 0.4, 0.9)), ("dog", (0.6, 0.1, 0.9, 0.3))], size=(200, 100), classes=CLASSES)
DEFAULTS = boxes.cxcywh_to_xyxy(
    scales.DefaultBoxes(grids=((2, 2),), scales=(0.4, 0.9), aspect_ratios=((2.0,),)).cxcywh()
)
NOBODY = torch.zeros(16, dtype=torch.bool)


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
    assert figure.axes[0].get_yscale() == "log"


def test_line_fits_tell_outliers_from_points() -> None:
    x = torch.linspace(-1, 1, 5)
    outlier = torch.tensor([False, False, False, False, True])
    figure = plotting.line_fits(x, 2 * x, outlier, {"L2": (2.0, 1.0)})
    points, crosses, line = figure.axes[0].lines
    assert (len(points.get_xdata()), list(crosses.get_xdata())) == (4, [1.0])
    assert list(line.get_ydata()) == [-1.0, 3.0]


def test_gradient_boxes_are_positives_left_and_negatives_right() -> None:
    positive, negative = NOBODY.clone(), NOBODY.clone()
    positive[4], negative[5:8] = True, True
    figure = plotting.gradient_boxes(SCENE.image, SCENE.truth, DEFAULTS, positive, negative)
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("1 positive", "3 negative, counted")
    extra = 2 * len(SCENE.truth)  # each object is drawn broken, over a white line
    assert (len(left.patches), len(right.patches)) == (1 + extra, 3 + extra)
