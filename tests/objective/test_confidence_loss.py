"""The confidence loss."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssd_lite.objective import confidence_loss
from tests.objective.samples import rows_of
from tests.reference import objective as reference


@given(st.data())
def test_confidence_loss_equals_the_loop(data):
    classes, count = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 5))
    numbers = st.floats(-50, 50, width=32)
    logits = rows_of(
        data.draw(st.lists(numbers, min_size=classes * count, max_size=classes * count)), classes
    )
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=count, max_size=count))
    got = confidence_loss(torch.tensor([logits], dtype=torch.float64), torch.tensor([labels]))
    expected = [reference.softmax_loss(row, label) for row, label in zip(logits, labels, strict=True)]
    assert got.shape == (1, count)
    assert got[0].tolist() == pytest.approx(expected)


def test_golden_confidence_loss():
    logits = torch.tensor([[[0.0, 0.0], [math.log(3), 0.0], [math.log(3), 0.0]]])
    expected = torch.tensor([[math.log(2), -math.log(3 / 4), -math.log(1 / 4)]])
    torch.testing.assert_close(confidence_loss(logits, torch.tensor([[1, 0, 1]])), expected)


def test_confidence_loss_has_one_number_a_default_box(generator):
    logits = torch.randn(3, 7, 5, generator=generator)
    labels = torch.randint(0, 5, (3, 7), generator=generator)
    losses = confidence_loss(logits, labels)
    assert losses.shape == (3, 7)
    assert bool((losses > 0).all())
    for image in range(3):
        torch.testing.assert_close(
            losses[image : image + 1], confidence_loss(logits[image, None], labels[image, None])
        )
    assert confidence_loss(torch.zeros(0, 7, 5), torch.zeros(0, 7, dtype=torch.int64)).shape == (0, 7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_confidence_loss_of_half_precision_is_close_to_the_truth(dtype, generator):
    logits = (8 * torch.randn(4, 100, 21, generator=generator)).to(dtype)
    labels = torch.randint(0, 21, (4, 100), generator=generator)
    losses = confidence_loss(logits, labels)
    assert losses.dtype == torch.float32
    # The truth for the logits as they were rounded: the loss itself must add no error of half precision.
    torch.testing.assert_close(
        losses.double(), confidence_loss(logits.double(), labels), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("size", [1e4, -1e4, 1e30])
def test_huge_logits_stay_finite(size):
    # One maximum for the whole batch would make log 0 of the second row.
    logits = torch.tensor([[[size, 0.0, 0.0], [0.0, 1.0, 2.0], [-size, size, 0.0]]], requires_grad=True)
    labels = torch.tensor([[0, 0, 1]])
    losses = confidence_loss(logits, labels)
    losses.sum().backward()
    assert bool(torch.isfinite(losses).all())
    assert bool(torch.isfinite(logits.grad).all())
    expected = [
        reference.softmax_loss(row, label) for row, label in zip(logits[0].tolist(), [0, 0, 1], strict=True)
    ]
    assert losses[0].tolist() == pytest.approx(expected)


def test_gradient_of_the_confidence_loss(generator):
    logits = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 4, (2, 3), generator=generator)
    assert torch.autograd.gradcheck(lambda x: confidence_loss(x, labels), (logits,))
