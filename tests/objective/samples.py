"""Boxes that the tests of the objective share."""

from ssd_lite.boxes import xyxy_to_cxcywh
from tests.strategies import random_boxes

VARIANCES = [(1.0, 1.0), (0.1, 0.2)]


def pairs(count, generator):
    """Truths and default boxes in centre form, float64."""
    truths = xyxy_to_cxcywh(random_boxes(count, generator=generator))
    return truths, xyxy_to_cxcywh(random_boxes(count, generator=generator))


def rows_of(flat, count):
    return [flat[count * i : count * (i + 1)] for i in range(len(flat) // count)]
