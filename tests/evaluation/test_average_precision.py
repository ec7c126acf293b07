"""Average precision of one curve."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from ssd_lite.evaluation import average_precision
from tests.evaluation.samples import GOLDEN, PRECISION, RECALL


@pytest.mark.parametrize("method", GOLDEN)
@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, lambda v: torch.tensor(v).double()])
def test_golden_curve(method: str, kind: Any) -> None:
    value = average_precision(kind(RECALL), kind(PRECISION), method=method)
    assert isinstance(value, float)
    assert value == pytest.approx(GOLDEN[method], abs=1e-7)


def test_precision_that_rises_with_recall_is_lifted_to_the_envelope() -> None:
    # Wrong, wrong, right, right of 2 objects: precision 0 0 1/3 1/2; the envelope is 1/2 throughout.
    recall, precision = [0, 0, 0.5, 1.0], [0, 0, 1 / 3, 0.5]
    assert average_precision(recall, precision) == pytest.approx(0.5)
    assert average_precision(recall, precision, method="11-point") == pytest.approx(0.5)


def test_perfect_and_empty_curves() -> None:
    for method in GOLDEN:
        assert average_precision([1.0], [1.0], method=method) == 1.0
        assert average_precision([1], [1], method=method) == 1.0  # integers
        assert average_precision([], [], method=method) == 0.0
        assert average_precision(torch.zeros(0), torch.zeros(0), method=method) == 0.0
        assert average_precision([0.0, 0.0], [0.0, 0.0], method=method) == 0.0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_recall_of_exactly_a_tenth_counts_in_every_type(dtype: torch.dtype) -> None:
    for k in range(11):
        for m in (1, 3, 7, 12):  # k/10 as 3/10, 9/30, 21/70 …
            recall = torch.tensor([k * m], dtype=dtype) / torch.tensor([10 * m], dtype=dtype)
            ones = torch.ones(1, dtype=dtype)
            assert average_precision(recall, ones, method="11-point") == pytest.approx((k + 1) / 11)


def test_a_recall_just_below_a_threshold_does_not_count() -> None:
    below = [math.nextafter(0.3, 0)]
    assert average_precision(below, [1.0], method="11-point") == pytest.approx(3 / 11)


def test_inputs_unchanged_and_read_only_arrays_taken() -> None:
    recall, precision = np.array(RECALL)[::-1][::-1], np.array(PRECISION)
    recall.flags.writeable = False
    assert average_precision(recall, precision) == pytest.approx(5 / 9)
    assert precision.tolist() == PRECISION


@pytest.mark.parametrize(
    ("recall", "precision", "method", "message"),
    [
        ([0.5], [1.0], "12-point", "method must be one of area, 11-point, got '12-point'"),
        ([0.5, 1.0], [1.0], "area", r"of the same length, got \(2,\) and \(1,\)"),
        ([[0.5]], [[1.0]], "area", "one-dimensional"),
        ([1.5], [1.0], "area", "lie in"),
        ([math.nan], [1.0], "area", "lie in"),
        ([0.5, 0.25], [1.0, 1.0], "area", "never decrease"),
    ],
)
def test_bad_curves(recall: Any, precision: Any, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        average_precision(torch.tensor(recall), torch.tensor(precision), method=method)


def test_whole_numbers_will_do_for_a_curve() -> None:
    eleven = average_precision(np.array([0, 1]), [1.0, 0.5], method="11-point")
    assert eleven == pytest.approx((1 + 10 * 0.5) / 11)
    assert average_precision([0, 1], [1, 1], method="11-point") == 1
