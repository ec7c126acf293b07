"""Offsets: encoding and decoding."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder

from ssd_lite.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssd_lite.objective import decode, encode
from tests.objective.samples import VARIANCES, pairs
from tests.reference import objective as reference
from tests.strategies import boxes_xyxy, lattice_boxes, tensor_of


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
