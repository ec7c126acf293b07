"""The layouts of the released models: counts, boxes, and torchvision's."""

import pytest
import torch
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList

from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy
from tests.reference import scales as reference
from tests.scales.layouts import same_boxes

GRIDS_300 = (38, 19, 10, 5, 3, 1)
RATIOS_300 = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
STEPS_300 = [8, 16, 32, 64, 100, 300]
GRIDS_512 = (64, 32, 16, 8, 4, 2, 1)
RATIOS_512 = [[2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2]]
STEPS_512 = [8, 16, 32, 64, 128, 256, 512]
# Sides in pixels of the released models' boxes, from their prototxt files.
RELEASED = {
    "ssd300_voc": (300, GRIDS_300, RATIOS_300, STEPS_300, [30, 60, 111, 162, 213, 264, 315]),
    "ssd300_coco": (300, GRIDS_300, RATIOS_300, STEPS_300, [21, 45, 99, 153, 207, 261, 315]),
    "ssd512_voc": (
        512,
        GRIDS_512,
        RATIOS_512,
        STEPS_512,
        [35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6],
    ),
    "ssd512_coco": (
        512,
        GRIDS_512,
        RATIOS_512,
        STEPS_512,
        [20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72],
    ),
}


@pytest.mark.parametrize(("name", "count"), [("ssd300_voc", 8732), ("ssd512_voc", 24564)])
def test_golden_counts(name, count):
    for dataset in ("voc", "coco"):
        layout = getattr(scales, name.replace("voc", dataset))()
        assert len(layout) == len(layout.cxcywh()) == count


def test_golden_boxes_per_location():
    for layout in (scales.ssd300_voc(), scales.ssd300_coco()):
        assert list(layout.per_location) == [4, 6, 6, 6, 4, 4]
    for layout in (scales.ssd512_voc(), scales.ssd512_coco()):
        assert list(layout.per_location) == [4, 6, 6, 6, 6, 4, 4]


@pytest.mark.parametrize("name", RELEASED)
def test_released_layouts_equal_the_loops(name):
    size, grids, ratios, steps, sides_px = RELEASED[name]
    expected = reference.default_boxes(
        [(g, g) for g in grids], [side / size for side in sides_px], ratios, steps, size
    )
    same_boxes(getattr(scales, name)().cxcywh(), expected)


@pytest.mark.parametrize("name", RELEASED)
def test_released_layouts_equal_torchvision_s(name):
    # It clamps widths and heights to 1 by default, and its boxes come as corners in pixels.
    size, grids, ratios, steps, sides_px = RELEASED[name]
    theirs = DefaultBoxGenerator(ratios, scales=[side / size for side in sides_px], steps=steps, clip=False)
    image = ImageList(torch.zeros(1, 3, size, size), [(size, size)])
    (boxes_px,) = theirs(image, [torch.zeros(1, 1, g, g) for g in grids])
    ours = cxcywh_to_xyxy(getattr(scales, name)().cxcywh())
    torch.testing.assert_close(ours, boxes_px / size, rtol=0, atol=1e-6)


def test_torchvision_s_own_scales_are_those_for_coco():
    # Its ssd300_vgg16 names them as shares: 0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05.
    assert scales.ssd300_coco().scales == pytest.approx((0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05))


@pytest.mark.parametrize(
    ("name", "beyond"),
    [("ssd300_voc", 2869), ("ssd300_coco", 2223), ("ssd512_voc", 5486), ("ssd512_coco", 4118)],
)
def test_golden_number_of_boxes_beyond_the_image(name, beyond):
    # 2,869 of 8,732 is the figure one reads of; it is that of the layout for VOC.
    boxes = cxcywh_to_xyxy(getattr(scales, name)().cxcywh().double())
    # The slack of 1e-6 is for sides that end at the image's edge, but for float32.
    assert int(((boxes < -1e-6) | (boxes > 1 + 1e-6)).any(dim=1).sum()) == beyond


def test_clamping_centre_form_alters_other_boxes_than_clipping_does():
    centre_form = scales.ssd300_voc().cxcywh()
    altered = centre_form.clamp(0, 1) != centre_form
    assert int(altered[:, 2:].any(dim=1).sum()) == 20
    # The last row and column of the 10 × 10 map: 19 cells of 6 boxes.
    assert int(altered[:, :2].any(dim=1).sum()) == 114


def test_the_last_centre_of_the_10_by_10_map_lies_outside():
    boxes = scales.ssd300_voc().cxcywh()
    of_map = boxes[38 * 38 * 4 + 19 * 19 * 6 :][: 10 * 10 * 6]
    assert of_map[-1, 0].item() == pytest.approx(9.5 * 32 / 300)
    assert of_map[:, :2].max().item() == pytest.approx(1.013, abs=5e-4)
    # The text's centres stay inside.
    assert scales.paper((38, 19, 10, 5, 3, 1)).cxcywh()[:, :2].max() < 1
