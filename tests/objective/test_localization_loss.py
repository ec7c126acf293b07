"""The localization loss, and what holds for both losses."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from ssd_lite.objective import confidence_loss, decode, encode, localization_loss, localization_losses
from tests.objective.samples import pairs, rows_of
from tests.reference import objective as reference
from tests.strategies import tensor_of


@given(st.data())
def test_localization_loss_equals_the_loop(data):
    count = data.draw(st.integers(0, 6))
    # Quarters meet the corner |x| = 1 of the smooth L1 often.
    numbers = st.integers(-12, 12).map(lambda n: n / 4)
    offsets, targets = (
        rows_of(data.draw(st.lists(numbers, min_size=4 * count, max_size=4 * count)), 4) for _ in "ot"
    )
    positive = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    got = localization_loss(tensor_of(offsets), tensor_of(targets), torch.tensor(positive, dtype=torch.bool))
    assert got.item() == pytest.approx(reference.localization_loss(offsets, targets, positive))


def test_golden_localization_loss():
    # 0.5 * 0.5^2, 1 - 0.5, 3 - 0.5, 0; the second row is a negative.
    offsets = torch.tensor([[0.5, -1.0, 3.0, 0.0], [9.0, 9.0, 9.0, 9.0]])
    positive = torch.tensor([True, False])
    assert localization_loss(offsets, torch.zeros(2, 4), positive).item() == 0.125 + 0.5 + 2.5


def test_localization_loss_is_a_sum_not_a_mean(generator):
    offsets, targets = torch.randn(2, 3, 7, 4, generator=generator, dtype=torch.float64)
    positive = torch.rand(3, 7, generator=generator) < 0.5
    once = localization_loss(offsets, targets, positive)
    twice = localization_loss(
        torch.cat([offsets, offsets]), torch.cat([targets, targets]), torch.cat([positive, positive])
    )
    assert once.shape == ()
    torch.testing.assert_close(twice, 2 * once)
    theirs = functional.smooth_l1_loss(offsets[positive], targets[positive], reduction="sum")
    torch.testing.assert_close(once, theirs)


@pytest.mark.parametrize("garbage", [math.nan, math.inf, -math.inf, 1e38])
def test_garbage_beside_the_positives_changes_nothing(garbage, generator):
    offsets, targets = torch.randn(2, 2, 5, 4, generator=generator)
    positive = torch.tensor([[True, False, False, True, False], [False] * 5])
    clean = offsets.clone().requires_grad_()
    clean_loss = localization_loss(clean, targets, positive)
    clean_loss.backward()
    elsewhere = ~positive.unsqueeze(-1)
    dirty = offsets.masked_fill(elsewhere, garbage).requires_grad_()
    for dirty_targets in (
        targets,
        targets.masked_fill(elsewhere, garbage),
        targets.masked_fill(elsewhere, -garbage),
    ):
        dirty.grad = None
        loss = localization_loss(dirty, dirty_targets, positive)
        loss.backward()
        assert torch.equal(loss, clean_loss)
        assert torch.equal(dirty.grad, clean.grad)


def test_localization_loss_without_positives_is_0_with_gradient_0():
    offsets = torch.randn(2, 5, 4, requires_grad=True)
    loss = localization_loss(offsets, torch.full((2, 5, 4), math.inf), torch.zeros(2, 5, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(offsets.grad, torch.zeros(2, 5, 4))


def test_gradient_of_the_localization_loss(generator):
    offsets, targets = 2 * torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)
    positive = torch.rand(3, 4, generator=generator) < 0.6
    offsets.requires_grad_()
    assert torch.autograd.gradcheck(lambda o: localization_loss(o, targets, positive), (offsets,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_localization_loss_of_half_precision_is_that_of_the_rounded_inputs(dtype, generator):
    offsets, targets = torch.randn(2, 4, 100, 4, generator=generator).to(dtype)
    positive = torch.rand(4, 100, generator=generator) < 0.5
    loss = localization_loss(offsets, targets, positive)
    assert loss.dtype == torch.float32
    exact = localization_loss(offsets.double(), targets.double(), positive)
    assert loss.item() == pytest.approx(exact.item(), rel=1e-5)


def test_float64_stays_float64(generator):
    logits = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    labels = torch.zeros(2, 3, dtype=torch.int64)
    assert confidence_loss(logits, labels).dtype == torch.float64
    assert localization_loss(logits, logits, labels == 0).dtype == torch.float64
    assert encode(logits.abs() + 1, logits.abs() + 1).dtype == torch.float64
    # More digits than float32 has.
    tiny = torch.tensor([[[0.0, 1e-12]]], dtype=torch.float64)
    assert confidence_loss(tiny, torch.tensor([[0]])).item() - math.log(2) == pytest.approx(5e-13, rel=1e-3)


def test_inputs_are_unchanged(generator):
    truths, defaults = pairs(5, generator)
    logits = torch.randn(1, 5, 3, generator=generator)
    before = truths.clone(), defaults.clone(), logits.clone()
    offsets = encode(truths, defaults, variances=(0.1, 0.2))
    decode(offsets, defaults, variances=(0.1, 0.2))
    localization_loss(truths, defaults, torch.tensor([True, False, True, False, True]))
    confidence_loss(logits, torch.zeros(1, 5, dtype=torch.int64))
    for now, then in zip((truths, defaults, logits), before, strict=True):
        assert torch.equal(now, then)


def test_localization_losses_add_up_the_four_offsets_of_each_default_box(generator):
    offsets, targets = torch.randn(2, 3, 5, 4, generator=generator)
    losses = localization_losses(offsets, targets, torch.ones(3, 5, dtype=torch.bool))
    assert losses.shape == (3, 5)
    alone = localization_loss(offsets[1, 2:3], targets[1, 2:3], torch.tensor([True]))
    torch.testing.assert_close(losses[1, 2], alone)
