import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torchvision.models.detection._utils import BoxCoder

from ssd_lite.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssd_lite.objective import confidence_loss, decode, encode, localization_loss, localization_losses
from tests.reference import objective as reference
from tests.strategies import boxes_xyxy, lattice_boxes, random_boxes, tensor_of

VARIANCES = [(1.0, 1.0), (0.1, 0.2)]


def pairs(count, generator):
    """Truths and default boxes in centre form, float64."""
    truths = xyxy_to_cxcywh(random_boxes(count, generator=generator))
    return truths, xyxy_to_cxcywh(random_boxes(count, generator=generator))


def rows_of(flat, count):
    return [flat[count * i : count * (i + 1)] for i in range(len(flat) // count)]


# Offsets


@given(st.lists(st.tuples(boxes_xyxy(), boxes_xyxy()), min_size=1, max_size=5), st.sampled_from(VARIANCES))
def test_decode_inverts_encode(drawn, variances):
    truths = xyxy_to_cxcywh(tensor_of([a for a, _ in drawn], torch.float64))
    defaults = xyxy_to_cxcywh(tensor_of([b for _, b in drawn], torch.float64))
    offsets = encode(truths, defaults, variances=variances)
    torch.testing.assert_close(decode(offsets, defaults, variances=variances), truths)


@given(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), boxes_xyxy(), st.sampled_from(VARIANCES))
def test_encode_inverts_decode(offsets, default, variances):
    given_offsets = tensor_of([offsets], torch.float64)
    default_cxcywh = xyxy_to_cxcywh(tensor_of([default], torch.float64))
    boxes = decode(given_offsets, default_cxcywh, variances=variances)
    torch.testing.assert_close(encode(boxes, default_cxcywh, variances=variances), given_offsets)


@given(boxes_xyxy(), boxes_xyxy(), st.sampled_from([*VARIANCES, (0.5, 0.25)]))
def test_encode_equals_the_loop(truth, default, variances):
    truth_cxcywh, default_cxcywh = (xyxy_to_cxcywh(tensor_of([b], torch.float64)) for b in (truth, default))
    expected = reference.encode(truth_cxcywh[0].tolist(), default_cxcywh[0].tolist(), variances)
    got = encode(truth_cxcywh, default_cxcywh, variances=variances)
    torch.testing.assert_close(got, tensor_of([expected], torch.float64))


def test_golden_offsets():
    default = torch.tensor([[0.5, 0.5, 0.25, 0.5]])
    truth = torch.tensor([[0.625, 0.25, 0.5, 0.25]])
    # (0.625 - 0.5) / 0.25, (0.25 - 0.5) / 0.5, log 2, log 1/2
    expected = torch.tensor([[0.5, -0.5, math.log(2), -math.log(2)]])
    torch.testing.assert_close(encode(truth, default), expected)
    scaled = expected / torch.tensor([0.1, 0.1, 0.2, 0.2])
    torch.testing.assert_close(encode(truth, default, variances=(0.1, 0.2)), scaled)
    torch.testing.assert_close(decode(expected, default), truth)
    torch.testing.assert_close(decode(scaled, default, variances=(0.1, 0.2)), truth)


def test_offsets_of_a_box_from_itself_are_0(generator):
    boxes = xyxy_to_cxcywh(lattice_boxes(9, generator=generator))
    assert torch.equal(encode(boxes, boxes), torch.zeros(9, 4, dtype=torch.float64))
    assert torch.equal(decode(torch.zeros(9, 4, dtype=torch.float64), boxes), boxes)


def test_offsets_agree_with_torchvision(generator):
    # Its weights are the inverses of the variances, and its boxes are by corners.
    coder = BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
    truths, defaults = pairs(50, generator)
    theirs = coder.encode_single(cxcywh_to_xyxy(truths), cxcywh_to_xyxy(defaults))
    ours = encode(truths, defaults, variances=(0.1, 0.2))
    torch.testing.assert_close(ours, theirs)
    offsets = torch.randn(50, 4, generator=generator, dtype=torch.float64)
    decoded = cxcywh_to_xyxy(decode(offsets, defaults, variances=(0.1, 0.2)))
    torch.testing.assert_close(decoded, coder.decode_single(offsets, cxcywh_to_xyxy(defaults)))


def test_default_boxes_are_shared_by_a_batch(generator):
    truths, defaults = pairs(6, generator)
    batch = torch.stack([truths, truths.flip(0)]).reshape(2, 1, 6, 4)
    offsets = encode(batch, defaults)
    assert offsets.shape == batch.shape
    assert torch.equal(offsets[1, 0], encode(truths.flip(0), defaults))
    assert torch.equal(decode(offsets, defaults)[0, 0], decode(encode(truths, defaults), defaults))


@pytest.mark.parametrize("variances", VARIANCES)
def test_gradients_of_offsets(variances, generator):
    truths, defaults = pairs(4, generator)
    truths.requires_grad_()
    defaults.requires_grad_()
    offsets = torch.randn(4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda g, d: encode(g, d, variances=variances), (truths, defaults))
    assert torch.autograd.gradcheck(lambda o, d: decode(o, d, variances=variances), (offsets, defaults))


# Localization loss


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


# Confidence loss


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


def test_float64_stays_float64(generator):
    logits = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    labels = torch.zeros(2, 3, dtype=torch.int64)
    assert confidence_loss(logits, labels).dtype == torch.float64
    assert localization_loss(logits, logits, labels == 0).dtype == torch.float64
    assert encode(logits.abs() + 1, logits.abs() + 1).dtype == torch.float64
    # More digits than float32 has.
    tiny = torch.tensor([[[0.0, 1e-12]]], dtype=torch.float64)
    assert confidence_loss(tiny, torch.tensor([[0]])).item() - math.log(2) == pytest.approx(5e-13, rel=1e-3)


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
