import math
from types import SimpleNamespace

import pytest
import torch
from torchvision.models.detection._utils import BoxCoder, SSDMatcher
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_iou

from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.matching import UNMATCHED, match
from ssd_lite.truths import BACKGROUND, Truth, Truths
from tests.reference import boxes as reference_boxes
from tests.reference import matching as reference_matching
from tests.reference import mining as reference_mining
from tests.reference import objective as reference_objective
from tests.strategies import random_boxes

LAYOUT = scales.paper((4, 2))
COUNT = len(LAYOUT)
CLASSES = 5


def random_truths(generator, images=4, slots=5, share=0.7) -> Truths:
    """Objects and padding in any order; the last image has no object at all."""
    labels = torch.randint(1, CLASSES, (images, slots), generator=generator)
    labels[torch.rand(images, slots, generator=generator) > share] = BACKGROUND
    labels[-1] = BACKGROUND
    boxes = random_boxes(images, slots, generator=generator, least=0.1).float()
    difficult = (torch.rand(images, slots, generator=generator) < 0.3) & (labels != BACKGROUND)
    return Truths(boxes, labels, difficult)


def random_outputs(generator, images=4, dtype=torch.float32):
    """Offsets and logits of a network that has not learned anything."""
    offsets = torch.randn(images, COUNT, 4, generator=generator, dtype=torch.float64)
    logits = 2 * torch.randn(images, COUNT, CLASSES, generator=generator, dtype=torch.float64)
    return offsets.to(dtype), logits.to(dtype)


def no_truths(images=2, slots=3) -> Truths:
    return Truths(
        torch.rand(images, slots, 4),
        torch.zeros(images, slots, dtype=torch.int64),
        torch.zeros(images, slots, dtype=torch.bool),
    )


def image_sums(offsets, logits, boxes, labels, *, ratio=3.0, variances=(0.1, 0.2), mined=None, **matching):
    """Localization and confidence loss of one image, summed, and its number of matches, by loops.

    Arguments are nested lists; ``mined`` replaces the reference's own mining.
    """
    defaults = LAYOUT.cxcywh().double().tolist()
    defaults_xyxy = [reference_boxes.to_xyxy(box) for box in defaults]
    present = [label != BACKGROUND for label in labels]
    matches = reference_matching.match(boxes, defaults_xyxy, present=present, **matching)
    positive = [j != UNMATCHED for j in matches]
    losses = [
        reference_objective.softmax_loss(row, BACKGROUND if j == UNMATCHED else labels[j])
        for row, j in zip(logits, matches, strict=True)
    ]
    negative = (mined or reference_mining.hard_negatives)(losses, positive, ratio)
    confidence = sum(loss for loss, p, n in zip(losses, positive, negative, strict=True) if p or n)
    targets = [
        reference_objective.encode(reference_boxes.to_cxcywh(boxes[j]), default, variances)
        if j != UNMATCHED
        else [0.0] * 4
        for j, default in zip(matches, defaults, strict=True)
    ]
    localization = reference_objective.localization_loss(offsets, targets, positive)
    return localization, confidence, sum(positive)


def batch_sums(offsets, logits, truths, **options):
    """``image_sums`` of every image."""
    return [
        image_sums(*image, **options)
        for image in zip(
            offsets.double().tolist(),
            logits.double().tolist(),
            truths.boxes_xyxy.double().tolist(),
            truths.labels.tolist(),
            strict=True,
        )
    ]


def expected_loss(offsets, logits, truths, *, alpha=1.0, **options):
    """(total, localization, confidence, N), N over the whole batch."""
    sums = batch_sums(offsets, logits, truths, **options)
    localization, confidence, matched = (sum(column) for column in zip(*sums, strict=True))
    if matched == 0:
        return 0.0, 0.0, 0.0, 0
    return (
        (confidence + alpha * localization) / matched,
        localization / matched,
        confidence / matched,
        matched,
    )


def numbers(loss):
    return loss.total.item(), loss.localization.item(), loss.confidence.item(), loss.num_matched.item()


# The objective


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"alpha": 0.25},
        {"alpha": 0.0},
        {"threshold": 0.3},
        {"threshold": 1.0},
        {"negative_ratio": 1.0},
        {"negative_ratio": 0.0},
        {"negative_ratio": 1000.0},
        {"variances": (1.0, 1.0)},
        {"rule": "multibox"},
        {"rule": "threshold"},
    ],
)
def test_loss_equals_the_loops(options, seed):
    generator = torch.Generator().manual_seed(seed)
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    by_loops = dict(options)
    if "negative_ratio" in by_loops:
        by_loops["ratio"] = by_loops.pop("negative_ratio")
    got = numbers(MultiBoxCriterion(LAYOUT, **options)(offsets, logits, truths))
    assert got == pytest.approx(expected_loss(offsets, logits, truths, **by_loops), rel=1e-5)


def test_in_float64_the_loss_equals_the_loops_to_the_last_digits(generator):
    truths = random_truths(generator)
    truths = Truths(truths.boxes_xyxy.double(), truths.labels, truths.difficult)
    offsets, logits = random_outputs(generator, dtype=torch.float64)
    criterion = MultiBoxCriterion(LAYOUT.cxcywh().double())
    loss = criterion(offsets, logits, truths)
    assert loss.total.dtype == torch.float64
    assert numbers(loss) == pytest.approx(expected_loss(offsets, logits, truths), rel=1e-12)


def test_golden_loss():
    # One default box, one object that it fits but for a shift of a tenth of its width.
    criterion = MultiBoxCriterion(torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.1, 0.1, 0.2, 0.2]]))
    truths = Truths.from_list([Truth.of([[0.3, 0.25, 0.8, 0.75]], [1])])
    logits = torch.tensor([[[0.0, math.log(3)], [0.0, 0.0]]])
    loss = criterion(torch.zeros(1, 2, 4), logits, truths)
    # Target (0.05 / 0.5) / 0.1 = 1 across, else 0: smooth L1 of 1 is 1/2.
    assert loss.localization.item() == pytest.approx(0.5, abs=1e-5)
    # -log 3/4 of the match, -log 1/2 of the one negative.
    assert loss.confidence.item() == pytest.approx(-math.log(3 / 4) - math.log(1 / 2))
    assert loss.total.item() == pytest.approx(loss.localization.item() + loss.confidence.item())
    assert loss.num_matched.item() == 1


def test_n_counts_the_batch_not_the_image(generator):
    # Two images of one and of many matches: a mean of images would weigh them alike.
    truths = random_truths(generator, images=3)
    offsets, logits = random_outputs(generator, images=3)
    criterion = MultiBoxCriterion(LAYOUT)
    together = criterion(offsets, logits, truths)
    alone = [criterion(offsets[i : i + 1], logits[i : i + 1], truths[i : i + 1]) for i in range(3)]
    matched = sum(loss.num_matched for loss in alone)
    assert together.num_matched == matched
    total = sum(loss.total * loss.num_matched for loss in alone) / matched
    torch.testing.assert_close(together.total, total)


def test_one_image_alone_has_the_targets_it_has_in_its_batch(generator):
    truths = random_truths(generator, images=5)
    criterion = MultiBoxCriterion(LAYOUT)
    labels, offsets = criterion.targets(truths)
    for i in range(5):
        alone_labels, alone_offsets = criterion.targets(truths[i : i + 1])
        assert torch.equal(labels[i], alone_labels[0])
        there = labels[i] != BACKGROUND
        assert torch.equal(offsets[i][there], alone_offsets[0][there])


# Nothing to match


@pytest.mark.parametrize("slots", [0, 3])
@pytest.mark.parametrize(
    "options", [{}, {"mining": "all"}, {"mining": "random"}, {"normalize": "image"}, {"mine_per_batch": True}]
)
def test_without_objects_loss_and_gradients_are_exactly_0(options, slots, generator):
    offsets, logits = random_outputs(generator, images=2)
    offsets.requires_grad_()
    logits.requires_grad_()
    loss = MultiBoxCriterion(LAYOUT, **options)(offsets, logits, no_truths(slots=slots))
    assert numbers(loss) == (0, 0, 0, 0)
    loss.total.backward()
    assert torch.equal(offsets.grad, torch.zeros_like(offsets))
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_an_empty_image_in_a_batch_adds_nothing(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    offsets.requires_grad_()
    logits.requires_grad_()
    criterion = MultiBoxCriterion(LAYOUT)
    loss = criterion(offsets, logits, truths)
    loss.total.backward()
    assert bool(torch.isfinite(offsets.grad).all() & torch.isfinite(logits.grad).all())
    # The last image has no object: no positives, hence no negatives either.
    assert torch.equal(offsets.grad[-1], torch.zeros(COUNT, 4))
    assert torch.equal(logits.grad[-1], torch.zeros(COUNT, CLASSES))
    without = criterion(offsets[:-1], logits[:-1], truths[:-1])
    torch.testing.assert_close(loss.total, without.total)


# Gradients


def test_gradients_in_float64(generator):
    # Finite differences: a step of 1e-6 changes no match and, without ties, no choice of negatives.
    truths = random_truths(generator, images=2, slots=2, share=1.0)
    few = scales.paper((2,)).cxcywh()[::3]
    criterion, count = MultiBoxCriterion(few), len(few)
    offsets = torch.randn(2, count, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(2, count, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    truths = Truths(truths.boxes_xyxy, truths.labels.clamp(max=2), truths.difficult)
    assert torch.autograd.gradcheck(
        lambda o, c: criterion(o, c, truths).total, (offsets, logits), fast_mode=True
    )


def test_only_chosen_boxes_have_gradients(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    offsets.requires_grad_()
    logits.requires_grad_()
    criterion = MultiBoxCriterion(LAYOUT)
    loss = criterion(offsets, logits, truths)
    loss.total.backward()
    positive = criterion.targets(truths)[0] != BACKGROUND
    assert not offsets.grad[~positive].any()
    moved = logits.grad.abs().sum(dim=-1) > 0
    assert bool(moved[positive].all())
    negatives = (moved & ~positive).sum(dim=1)
    assert torch.equal(negatives, torch.minimum(3 * positive.sum(1), (~positive).sum(1)))


@pytest.mark.parametrize("garbage", [math.nan, math.inf])
def test_offsets_of_unmatched_boxes_may_be_anything(garbage, generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    criterion = MultiBoxCriterion(LAYOUT)
    unmatched = criterion.targets(truths)[0] == BACKGROUND
    dirty = offsets.masked_fill(unmatched.unsqueeze(-1), garbage).requires_grad_()
    loss = criterion(dirty, logits, truths)
    loss.total.backward()
    assert numbers(loss) == numbers(criterion(offsets, logits, truths))
    assert bool(torch.isfinite(dirty.grad).all())


# What must not matter


def test_bfloat16_gives_the_float32_answer_of_the_rounded_inputs(generator):
    truths = random_truths(generator)
    for dtype in (torch.bfloat16, torch.float16):
        offsets, logits = random_outputs(generator, dtype=dtype)
        criterion = MultiBoxCriterion(LAYOUT)
        loss = criterion(offsets, logits, truths)
        assert loss.total.dtype == torch.float32
        assert numbers(loss) == numbers(criterion(offsets.float(), logits.float(), truths))


def test_under_autocast_the_loss_stays_in_float32(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    criterion = MultiBoxCriterion(LAYOUT)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = criterion(offsets.bfloat16(), logits.bfloat16(), truths)
    assert loss.total.dtype == torch.float32
    assert numbers(loss) == numbers(criterion(offsets.bfloat16(), logits.bfloat16(), truths))


def test_huge_logits_give_a_finite_loss(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    logits = (logits * 1e4).requires_grad_()
    loss = MultiBoxCriterion(LAYOUT)(offsets, logits, truths)
    loss.total.backward()
    assert math.isfinite(loss.total.item())
    assert bool(torch.isfinite(logits.grad).all())


@pytest.mark.parametrize("garbage", [0.0, 0.5, math.nan, math.inf])
def test_padding_changes_nothing(garbage, generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    rows = torch.full((4, 2, 4), garbage)
    none = torch.zeros(4, 2, dtype=torch.int64)
    padded = Truths(
        torch.cat([rows, truths.boxes_xyxy, rows], dim=1),
        torch.cat([none, truths.labels, none], dim=1),
        torch.cat([none == 1, truths.difficult, none == 1], dim=1),
    )
    criterion = MultiBoxCriterion(LAYOUT)
    assert numbers(criterion(offsets, logits, padded)) == numbers(criterion(offsets, logits, truths))


def test_the_order_of_objects_does_not_matter(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    order = torch.randperm(5, generator=generator)
    shuffled = Truths(truths.boxes_xyxy[:, order], truths.labels[:, order], truths.difficult[:, order])
    criterion = MultiBoxCriterion(LAYOUT)
    assert numbers(criterion(offsets, logits, shuffled)) == numbers(criterion(offsets, logits, truths))


def test_inputs_are_unchanged(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    kept = [t.clone() for t in (offsets, logits, truths.boxes_xyxy, truths.labels, truths.difficult)]
    MultiBoxCriterion(LAYOUT, train_difficult=False)(offsets, logits, truths)
    for now, then in zip(
        (offsets, logits, truths.boxes_xyxy, truths.labels, truths.difficult), kept, strict=True
    ):
        assert torch.equal(now, then)


def test_default_boxes_are_no_part_of_a_checkpoint():
    criterion = MultiBoxCriterion(LAYOUT)
    assert criterion.state_dict() == {}
    assert list(criterion.parameters()) == []
    assert {buffer.device.type for buffer in criterion.to("meta").buffers()} == {"meta"}


# Options


def test_a_layout_and_its_tensor_are_the_same_criterion(generator):
    truths = random_truths(generator)
    outputs = random_outputs(generator)
    by_tensor = MultiBoxCriterion(LAYOUT.cxcywh())(*outputs, truths)
    assert numbers(by_tensor) == numbers(MultiBoxCriterion(LAYOUT)(*outputs, truths))


def test_inclusive_reaches_the_matcher():
    # Overlaps 1 and exactly 1/2.
    default_boxes = torch.tensor([[0.25, 0.25, 0.5, 0.5], [0.5, 0.25, 1.0, 0.5]])
    truths = Truths.from_list([Truth.of([[0.0, 0.0, 0.5, 0.5]], [1])])
    outputs = torch.zeros(1, 2, 4), torch.zeros(1, 2, 2)
    assert MultiBoxCriterion(default_boxes)(*outputs, truths).num_matched == 1
    assert MultiBoxCriterion(default_boxes, inclusive=True)(*outputs, truths).num_matched == 2


def test_all_negatives_count_where_nothing_is_mined(generator):
    truths = random_truths(generator)
    outputs = random_outputs(generator)
    got = numbers(MultiBoxCriterion(LAYOUT, mining="all")(*outputs, truths))

    def every_one(losses, positive, ratio):
        return [not counts for counts in positive]

    assert got == pytest.approx(expected_loss(*outputs, truths, mined=every_one), rel=1e-5)


def test_random_negatives_are_as_many_as_the_hard_ones(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    # The same logits everywhere: whichever negatives are drawn, the sum is the same.
    logits = logits[:, :1].expand(-1, COUNT, -1)[:1].expand(4, -1, -1)
    hard = MultiBoxCriterion(LAYOUT)(offsets, logits, truths)
    drawn = MultiBoxCriterion(LAYOUT, mining="random")(offsets, logits, truths)
    assert numbers(drawn) == pytest.approx(numbers(hard), rel=1e-5)


def test_mining_over_the_batch_takes_negatives_from_images_without_objects(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    # By far the hardest negatives lie in the last image, which has no object.
    logits[-1, :, 0] -= 100
    logits.requires_grad_()
    MultiBoxCriterion(LAYOUT)(offsets, logits, truths).total.backward()
    assert not logits.grad[-1].any()
    logits.grad = None
    loss = MultiBoxCriterion(LAYOUT, mine_per_batch=True)(offsets, logits, truths)
    loss.total.backward()
    moved = (logits.grad[-1].abs().sum(dim=-1) > 0).sum()
    assert moved == min(3 * loss.num_matched.item(), COUNT)


def test_normalised_by_image_it_is_the_mean_of_the_images_losses(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    loss = MultiBoxCriterion(LAYOUT, normalize="image", alpha=0.5)(offsets, logits, truths)
    sums = batch_sums(offsets, logits, truths)
    # The last image has no match, and counts as a loss of 0.
    localization = sum(place / matched for place, _, matched in sums if matched) / 4
    confidence = sum(surety / matched for _, surety, matched in sums if matched) / 4
    expected = (confidence + 0.5 * localization, localization, confidence)
    assert numbers(loss)[:3] == pytest.approx(expected, rel=1e-5)


def test_difficult_objects_are_trained_on_unless_told(generator):
    truths = random_truths(generator)
    assert truths.difficult.any()
    outputs = random_outputs(generator)
    got = numbers(MultiBoxCriterion(LAYOUT)(*outputs, truths))
    assert got == pytest.approx(expected_loss(*outputs, truths), rel=1e-5)
    fewer = Truths(
        truths.boxes_xyxy, truths.labels.masked_fill(truths.difficult, BACKGROUND), truths.difficult
    )
    got = numbers(MultiBoxCriterion(LAYOUT, train_difficult=False)(*outputs, truths))
    assert got == pytest.approx(expected_loss(*outputs, fewer), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"mining": "easy"},
        {"normalize": "none"},
        {"alpha": -1.0},
        {"alpha": math.nan},
        {"alpha": math.inf},
        {"threshold": 1.5},
        {"rule": "best"},
        {"negative_ratio": -1.0},
        {"negative_ratio": math.inf},
    ],
)
def test_bad_options_are_named_at_once(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=rf"^{name} .*got .*{value}"):
        MultiBoxCriterion(LAYOUT, **options)


def test_the_known_ways_of_mining_are_listed():
    with pytest.raises(ValueError, match="one of hard, random, all, got 'easy'"):
        MultiBoxCriterion(LAYOUT, mining="easy")


# torchvision. Its objective differs in three points, none of which may arise here: it overwrites
# matches in conflicts, takes `>=` at the threshold, and counts positives again as negatives once
# three times the positives exceed the negatives. Images without objects it cannot match at all.


def conflict_free_truths(generator, defaults_xyxy, images=4, objects=2) -> Truths:
    """Objects whose best default boxes differ."""
    rows = []
    while len(rows) < images:
        boxes = random_boxes(objects, generator=generator, least=0.15).float()
        best = box_iou(boxes, defaults_xyxy).argmax(dim=1)
        if len(best.unique()) == objects:
            labels = torch.randint(1, CLASSES, (objects,), generator=generator)
            rows.append(Truth.of(boxes, labels))
    return Truths.from_list(rows)


def torchvision_loss(offsets, logits, truths, defaults_xyxy):
    targets = [{"boxes": truth.boxes_xyxy, "labels": truth.labels} for truth in truths.unpadded()]
    matches = [SSDMatcher(0.5)(box_iou(target["boxes"], defaults_xyxy)) for target in targets]
    detector = SimpleNamespace(box_coder=BoxCoder((10.0, 10.0, 5.0, 5.0)), neg_to_pos_ratio=3.0)
    outputs = {"bbox_regression": offsets, "cls_logits": logits}
    loss = SSD.compute_loss(detector, targets, outputs, [defaults_xyxy] * len(targets), matches)
    return loss, sum(int((row >= 0).sum()) for row in matches)


@pytest.mark.parametrize("seed", range(5))
def test_torchvision_agrees_where_no_conflict_arises(seed):
    generator = torch.Generator().manual_seed(seed)
    defaults_xyxy = cxcywh_to_xyxy(LAYOUT.cxcywh())
    truths = conflict_free_truths(generator, defaults_xyxy)
    offsets, logits = (t.requires_grad_() for t in random_outputs(generator))
    ours = MultiBoxCriterion(LAYOUT)(offsets, logits, truths)
    ours.total.backward()
    gradients = offsets.grad.clone(), logits.grad.clone()
    offsets.grad = logits.grad = None
    theirs, matched = torchvision_loss(offsets, logits, truths, defaults_xyxy)
    (theirs["bbox_regression"] + theirs["classification"]).backward()
    assert ours.num_matched == matched
    torch.testing.assert_close(ours.localization, theirs["bbox_regression"])
    torch.testing.assert_close(ours.confidence, theirs["classification"])
    torch.testing.assert_close(gradients, (offsets.grad, logits.grad), rtol=1e-4, atol=1e-6)


# Compiled, and on a GPU


@pytest.mark.plain
@pytest.mark.parametrize("options", [{}, {"normalize": "image"}])
def test_compiled_in_one_graph_it_gives_the_same_loss_and_gradients(options, generator):
    truths = random_truths(generator)
    torch.compiler.reset()
    criterion = MultiBoxCriterion(LAYOUT, **options)
    compiled = torch.compile(criterion, fullgraph=True)
    offsets, logits = (t.requires_grad_() for t in random_outputs(generator))
    eager = criterion(offsets, logits, truths)
    eager.total.backward()
    gradients = offsets.grad.clone(), logits.grad.clone()
    offsets.grad = logits.grad = None
    loss = compiled(offsets, logits, truths)
    loss.total.backward()
    assert numbers(loss) == pytest.approx(numbers(eager), rel=1e-5)
    torch.testing.assert_close((offsets.grad, logits.grad), gradients)


@pytest.mark.plain
def test_compiled_it_does_not_compile_again_for_the_next_batch(generator):
    torch.compiler.reset()
    compiled = torch.compile(MultiBoxCriterion(LAYOUT), fullgraph=True, dynamic=False)
    compiled(*random_outputs(generator), random_truths(generator))
    with torch.compiler.set_stance("fail_on_recompile"):
        for truths in (random_truths(generator), no_truths(images=4, slots=5)):
            loss = compiled(*random_outputs(generator), truths)
            assert math.isfinite(loss.total.item())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_loss_and_never_waits_for_the_host(generator):
    truths = random_truths(generator)
    offsets, logits = random_outputs(generator)
    criterion = MultiBoxCriterion(LAYOUT)
    expected = numbers(criterion(offsets, logits, truths))
    criterion = criterion.cuda()
    on_gpu = offsets.cuda().requires_grad_(), logits.cuda().requires_grad_(), truths.to("cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss = criterion(*on_gpu)
        loss.total.backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert numbers(loss) == pytest.approx(expected, rel=1e-4)


def test_matches_are_those_of_the_matcher(generator):
    truths = random_truths(generator)
    criterion = MultiBoxCriterion(LAYOUT)
    matches = match(truths.boxes_xyxy, cxcywh_to_xyxy(LAYOUT.cxcywh()), present=truths.present)
    labels, _ = criterion.targets(truths)
    expected = torch.where(matches >= 0, truths.labels.gather(1, matches.clamp(min=0)), BACKGROUND)
    assert torch.equal(labels, expected)


EXTREMES = {
    "a pixel": [[0.5, 0.5, 0.5 + 1 / 300, 0.5 + 1 / 300]],
    "the whole image": [[0.0, 0.0, 1.0, 1.0]],
    "fifty on one spot": [[0.4, 0.4, 0.6, 0.6]] * 50,
    "a thin one": [[0.3, 0.2, 0.3 + 1e-6, 0.8]],  # the thinnest that datasets let pass
    "one step of float32": [[0.3, 0.2, 0.3 + 6e-8, 0.8]],
    "hardly more than nothing": [[0.0, 0.0, 1e-40, 1e-40]],
    "a crowd": [[i / 16, j / 16, (i + 1) / 16, (j + 1) / 16] for i in range(16) for j in range(16)],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("boxes", EXTREMES.values(), ids=EXTREMES)
def test_extreme_boxes_give_finite_losses_and_gradients(boxes: list, dtype: torch.dtype) -> None:
    defaults = scales.paper((8, 4, 2, 1))
    truths = Truths.from_list([Truth.of(boxes, [1] * len(boxes)), Truth.of([], [])])
    for value in (0.0, 100.0, 65504.0):  # the largest of float16
        offsets = torch.full((2, len(defaults), 4), value, dtype=dtype).requires_grad_()
        logits = (
            torch.tensor([value, -value]).to(dtype).expand(2, len(defaults), 2).contiguous().requires_grad_()
        )
        loss = MultiBoxCriterion(defaults)(offsets, logits, truths)
        loss.total.backward()
        assert loss.num_matched >= len(set(map(tuple, boxes)))
        assert loss.total.isfinite()
        assert offsets.grad.isfinite().all()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("boxes", EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("grey", [0, 255])
def test_extreme_boxes_stay_finite_through_augmentation(boxes: list, grey: int, generator) -> None:
    """Images all black and all white among them."""
    from ssd_lite.augmentation import SSDAugmentation

    defaults = scales.paper((4, 2, 1))
    criterion = MultiBoxCriterion(defaults)
    truths = Truths.from_list([Truth.of(boxes, [1] * len(boxes))] * 8)
    images = torch.full((8, 3, 32, 32), grey, dtype=torch.uint8)
    augmentation = SSDAugmentation(32, zoom_out=0.5)
    for _ in range(4):
        seen, kept = augmentation(images, truths, generator=generator)
        loss = criterion(torch.zeros(8, len(defaults), 4), torch.zeros(8, len(defaults), 2), kept)
        assert seen.isfinite().all()
        assert loss.total.isfinite()


@pytest.mark.parametrize("side", [0, 1])
def test_objects_without_width_or_height_are_left_out(side: int, generator) -> None:
    defaults = scales.paper((4, 2, 1))
    flat = torch.tensor([[[0.1, 0.1, 0.6, 0.6], [0.2, 0.2, 0.7, 0.7]]])
    flat[0, 0, 2 + side] = flat[0, 0, side]
    truths = Truths(flat, torch.tensor([[1, 1]]), torch.zeros(1, 2, dtype=torch.bool))
    alone = Truths(flat[:, 1:], torch.tensor([[1]]), torch.zeros(1, 1, dtype=torch.bool))
    predicted = torch.randn(1, len(defaults), 4, generator=generator), torch.zeros(1, len(defaults), 2)
    criterion = MultiBoxCriterion(defaults)
    assert criterion(*predicted, truths) == criterion(*predicted, alone)


def test_random_negatives_come_from_the_generator(generator):
    outputs, truths = random_outputs(generator), random_truths(generator)
    totals = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        own = torch.Generator().manual_seed(5)
        totals.append(MultiBoxCriterion(LAYOUT, mining="random", generator=own)(*outputs, truths).total)
    assert totals[0] == totals[1]


def test_an_infinite_loss_counts_nothing_where_nothing_matched():
    nothing = Truths.from_list([Truth(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0).bool())] * 2)
    logits = torch.zeros(2, COUNT, CLASSES)
    logits[..., 0] = -torch.inf
    for normalize in ("batch", "image"):
        criterion = MultiBoxCriterion(LAYOUT, mining="all", normalize=normalize)
        assert numbers(criterion(torch.zeros(2, COUNT, 4), logits, nothing)) == (0.0, 0.0, 0.0, 0)


def test_a_loss_of_each_image_keeps_float64(generator):
    truths = random_truths(generator, images=3)
    offsets, logits = random_outputs(generator, images=3, dtype=torch.float64)
    criterion = MultiBoxCriterion(LAYOUT.cxcywh().double(), normalize="image")
    truths = Truths(truths.boxes_xyxy.double(), truths.labels, truths.difficult)
    whole = criterion(offsets, logits, truths).total.item()
    alone = [
        criterion(
            offsets[i : i + 1],
            logits[i : i + 1],
            Truths(truths.boxes_xyxy[i : i + 1], truths.labels[i : i + 1], truths.difficult[i : i + 1]),
        ).total.item()
        for i in range(3)
    ]
    assert whole == pytest.approx(sum(alone) / 3, rel=1e-13)


@pytest.mark.parametrize("options", [{}, {"normalize": "image"}, {"mining": "all"}])
def test_without_counting_first_the_loss_and_its_gradients_are_the_same(options, generator, monkeypatch):
    """As in a compiled graph and on a GPU, where rows that do not count are computed and left out."""
    truths, criterion = random_truths(generator), MultiBoxCriterion(LAYOUT, **options)
    results = []
    for counts in (True, False):
        if not counts:
            monkeypatch.setattr("ssd_lite.criterion.can_read_values", lambda values: False)
        outputs = [v.requires_grad_() for v in random_outputs(torch.Generator().manual_seed(3))]
        loss = criterion(*outputs, truths)
        loss.total.backward()
        results.append((*loss, *(v.grad for v in outputs)))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
