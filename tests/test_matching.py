import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection._utils import Matcher, SSDMatcher
from torchvision.ops import box_iou

from ssd_lite.matching import CPU_TABLE, UNMATCHED, match
from tests.reference import matching as reference
from tests.strategies import box_lists, lattice_boxes, random_boxes, tensor_of

RULES = ["ssd", "multibox", "threshold"]


def expected(truths, defaults, present, **options) -> torch.Tensor:
    """The reference's answer for a batch (b, t, 4) and (b, t)."""
    rows = [
        reference.match(boxes, defaults.tolist(), present=there, **options)
        for boxes, there in zip(truths.tolist(), present.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=torch.int64)


def tied_problem(images, num_truths, num_defaults, generator, cells=4):
    """Truths (b, t, 4), defaults (d, 4) and present (b, t), full of duplicates, hollow boxes and padding.

    On a lattice of 4 there are 100 different boxes, so that overlaps tie often even without the
    duplicates put in.
    """
    defaults = lattice_boxes(num_defaults, generator=generator, cells=cells, empty=0.1)
    truths = lattice_boxes(images, num_truths, generator=generator, cells=cells, empty=0.1)
    copied = torch.randint(0, num_defaults, (images, num_truths), generator=generator)
    is_copy = torch.rand(images, num_truths, 1, generator=generator) < 0.2
    truths = torch.where(is_copy, defaults[copied], truths)
    if num_truths > 1:
        twin = torch.rand(images, generator=generator) < 0.3
        truths[twin, -1] = truths[twin, 0]
    if num_defaults > 1:
        defaults[-1] = defaults[0]
    present = torch.rand(images, num_truths, generator=generator) < 0.75
    return truths, defaults, present


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("num_truths", [1, 2, 3, 6])
@pytest.mark.parametrize("num_defaults", [1, 2, 4, 9, 100])  # sorts of a few numbers are stable by chance
def test_every_rule_equals_the_loops_where_ties_abound(num_truths, num_defaults, dtype, generator):
    for _ in range(5 if num_defaults < 100 else 1):
        truths, defaults, present = tied_problem(20, num_truths, num_defaults, generator)
        for rule in RULES:
            for threshold, inclusive in [(0.5, False), (0.5, True), (0.25, False), (0.0, True), (1.0, True)]:
                options = {"rule": rule, "threshold": threshold, "inclusive": inclusive}
                got = match(truths.to(dtype), defaults.to(dtype), present=present, **options)
                assert torch.equal(got, expected(truths, defaults, present, **options)), options


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("num_truths", "num_defaults"), [(1, 40), (5, 40), (12, 30), (30, 12)])
def test_every_rule_equals_the_loops_on_random_boxes(num_truths, num_defaults, dtype, generator):
    for rule in RULES:
        truths = random_boxes(25, num_truths, generator=generator, least=0.1).to(dtype)
        defaults = random_boxes(num_defaults, generator=generator, least=0.1).to(dtype)
        present = torch.rand(25, num_truths, generator=generator) < 0.8
        got = match(truths, defaults, present=present, threshold=0.4, rule=rule)
        assert torch.equal(got, expected(truths, defaults, present, threshold=0.4, rule=rule))


@given(
    box_lists(most=5, empty=True),
    box_lists(least=1, most=8, empty=True),
    st.sampled_from(RULES),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.booleans(),
)
def test_drawn_problems_equal_the_loops(truths, defaults, rule, threshold, inclusive):
    options = {"rule": rule, "threshold": threshold, "inclusive": inclusive}
    got = match(tensor_of(truths), tensor_of(defaults), **options)
    assert got.tolist() == reference.match(truths, defaults, **options)


def test_unmatched_is_minus_1():
    assert UNMATCHED == -1


def test_answer_is_int64_on_any_input(generator):
    truths, defaults, present = tied_problem(3, 4, 6, generator)
    for dtype in (torch.float32, torch.float64):
        assert match(truths.to(dtype), defaults.to(dtype), present=present).dtype == torch.int64


# Who gets which box


def test_two_objects_that_want_the_same_box_both_get_one():
    defaults = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0], [0.5, 0.0, 1.0, 0.5]])
    # Both overlap box 0 best, object 1 more: it stays there, and object 0 takes its next best.
    truths = torch.tensor([[0.0, 0.0, 0.75, 0.5], [0.0, 0.0, 0.5, 0.4375]])
    assert match(truths, defaults).tolist() == [1, UNMATCHED, 0]
    assert match(truths.flip(0), defaults).tolist() == [0, UNMATCHED, 1]


def test_a_lost_conflict_can_cascade():
    # Strips as high as the image: a third of them is an overlap of about 1/3.
    defaults = torch.tensor([[0.0, 0.0, 0.25, 1.0], [0.25, 0.0, 0.5, 1.0], [0.5, 0.0, 0.75, 1.0]])
    truths = torch.tensor(
        [
            [0.1875, 0.0, 0.875, 1.0],  # box 1 by 0.364, lost to the next object; box 2 by 0.364
            [0.0, 0.0, 0.4375, 1.0],  # box 0 by 0.571, lost to the next object; box 1 by 0.375
            [0.0, 0.0, 0.25, 1.0],  # box 0 by 1
        ]
    )
    assert match(truths, defaults, rule="multibox").tolist() == [2, 1, 0]


def test_an_object_may_be_pushed_to_its_last_choice(generator):
    # As many equal objects as default boxes: the k-th object gets the k-th best, whatever that is.
    defaults = random_boxes(12, generator=generator)
    truths = random_boxes(1, generator=generator).expand(12, 4)
    order = box_iou(truths[:1], defaults)[0].sort(descending=True, stable=True).indices
    got = match(truths, defaults, rule="multibox")
    assert torch.equal(got[order], torch.arange(12))


def test_a_forced_match_is_never_overwritten():
    # Object 1 overlaps box 0 more than object 0 does, but has box 1 for itself: box 0 stays with 0.
    defaults = torch.tensor([[0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.5625, 1.0]])
    truths = torch.tensor([[0.0, 0.0, 0.375, 1.0], [0.0, 0.0, 0.5625, 1.0]])
    assert match(truths, defaults, rule="threshold").tolist() == [1, 1]
    assert match(truths, defaults).tolist() == [0, 1]


def test_an_object_that_overlaps_no_default_box_gets_one_all_the_same():
    defaults = torch.tensor([[0.0, 0.0, 0.25, 0.25], [0.25, 0.0, 0.5, 0.25]])
    far = torch.tensor([[0.75, 0.75, 1.0, 1.0]])
    assert match(far, defaults).tolist() == [0, UNMATCHED]
    near_and_far = torch.tensor([[0.75, 0.75, 1.0, 1.0], [0.0, 0.0, 0.25, 0.25]])
    assert match(near_and_far, defaults).tolist() == [1, 0]


@given(box_lists(most=6, empty=True, cells=4), box_lists(least=6, most=9, empty=True, cells=4))
def test_every_object_gets_a_box_while_there_are_enough(truths, defaults):
    for rule in ("ssd", "multibox"):
        got = match(tensor_of(truths), tensor_of(defaults), rule=rule).tolist()
        assert set(range(len(truths))) <= set(got)


@given(box_lists(least=5, most=9, cells=4), box_lists(least=1, most=4, cells=4))
def test_with_more_objects_than_boxes_every_box_has_another_object(truths, defaults):
    got = match(tensor_of(truths), tensor_of(defaults)).tolist()
    assert UNMATCHED not in got
    assert len(set(got)) == len(defaults)


def test_with_more_objects_than_boxes_the_best_claims_win():
    defaults = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    truths = torch.tensor([[0.0, 0.0, 0.25, 0.5], [0.0, 0.0, 0.5, 0.4375], [0.0, 0.0, 0.5, 0.375]])
    assert match(truths, defaults).tolist() == [1]


def test_the_threshold_is_strict_unless_asked():
    defaults = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 0.9375, 0.5]])
    truth = defaults[:1]
    # Overlaps 1, exactly 1/2, and a little more.
    assert match(truth, defaults).tolist() == [0, UNMATCHED, 0]
    assert match(truth, defaults, inclusive=True).tolist() == [0, 0, 0]
    assert match(truth, defaults, rule="threshold").tolist() == [0, UNMATCHED, 0]
    assert match(truth, defaults, rule="multibox").tolist() == [0, UNMATCHED, UNMATCHED]


def test_multibox_gives_each_object_one_box_and_threshold_may_give_none():
    defaults = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.9375]])
    truths = torch.tensor([[0.0, 0.0, 0.25, 0.25], [0.0, 0.0, 1.0, 1.0]])
    assert match(truths, defaults, rule="multibox").tolist() == [1, 0]
    assert match(truths, defaults, rule="threshold").tolist() == [1, 1]
    assert match(truths, defaults).tolist() == [1, 0]


def test_ties_go_to_the_lower_object_and_the_lower_box():
    same = torch.tensor([[0.25, 0.25, 0.75, 0.75]])
    got = match(same.expand(2, 4), same.expand(4, 4))
    # Object 0 takes box 0, object 1 box 1, and the rest go to object 0.
    assert got.tolist() == [0, 1, 0, 0]


def test_negative_zeros_tie_with_zeros():
    # A flipped or shifted box may end at -0.0; its empty overlap must not sort below another's.
    # The truth lies at the image's left edge and every default box touches it from outside.
    defaults = torch.tensor([[-0.0, 0.0, -0.0, 0.5], [0.5, 0.5, 1.0, 1.0]])
    truths = torch.tensor([[-0.0, -0.0, -0.0, 0.25], [0.0, 0.0, -0.0, 0.25]])
    for dtype in (torch.float32, torch.float64):
        for truth in truths.to(dtype):
            assert match(truth[None], defaults.to(dtype)).tolist() == [0, UNMATCHED]
    # A default box that ends at -0.0, and touches a truth from outside.
    defaults = torch.tensor([[-1.0, 0.0, -0.0, 1.0], [2.0, 2.0, 3.0, 3.0]])
    assert match(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), defaults).tolist() == [0, UNMATCHED]


# Padding, batches, empties


def test_padding_never_wins():
    # Padded rows here would be the best object of every default box.
    defaults = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0]])
    truths = torch.cat([defaults, torch.tensor([[0.75, 0.75, 1.0, 1.0]])])
    present = torch.tensor([False, False, False, True])
    for threshold in (0.0, 0.5, 1.0):
        for rule in RULES:
            for inclusive in (False, True):
                got = match(
                    truths, defaults, present=present, threshold=threshold, rule=rule, inclusive=inclusive
                )
                assert set(got.tolist()) <= {3, UNMATCHED}


def test_padding_may_hold_anything():
    defaults = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]])
    one = torch.tensor([[0.0, 0.0, 0.5, 0.4375]])
    for garbage in (0.0, -1.0, float("inf"), float("nan")):
        row = torch.full((1, 4), garbage)
        first = match(torch.cat([row, one]), defaults, present=torch.tensor([False, True]))
        last = match(torch.cat([one, row]), defaults, present=torch.tensor([True, False]))
        assert first.tolist() == [1, UNMATCHED]
        assert last.tolist() == [0, UNMATCHED]


@pytest.mark.parametrize("rule", RULES)
def test_padded_rows_change_nothing(rule, generator):
    truths, defaults, present = tied_problem(50, 5, 8, generator)
    got = match(truths, defaults, present=present, rule=rule)
    for row, boxes, there in zip(got, truths, present, strict=True):
        kept = there.nonzero()[:, 0]
        alone = match(boxes[there], defaults, rule=rule)
        # Indices of the shorter list, carried back to the padded one.
        back = torch.cat([kept, torch.tensor([UNMATCHED])])[alone]
        assert torch.equal(row, back)


@pytest.mark.parametrize("rule", RULES)
def test_no_objects_match_nothing(rule):
    defaults = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]])
    for batch in [(), (3,), (2, 3)]:
        unmatched = torch.full((*batch, 2), UNMATCHED)
        assert torch.equal(match(torch.zeros(*batch, 0, 4), defaults, rule=rule), unmatched)
        padded = torch.rand(*batch, 4, 4).sort(dim=-1).values
        present = torch.zeros(*batch, 4, dtype=torch.bool)
        for inclusive in (False, True):
            got = match(padded, defaults, present=present, rule=rule, threshold=0.0, inclusive=inclusive)
            assert torch.equal(got, unmatched)


def test_no_default_boxes_and_no_images():
    assert match(torch.zeros(2, 3, 4), torch.zeros(0, 4)).shape == (2, 0)
    assert match(torch.zeros(0, 3, 4), torch.zeros(5, 4)).shape == (0, 5)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("batch", [(), (1,), (6,), (2, 3)])
def test_one_image_alone_matches_as_in_its_batch(batch, rule, generator):
    truths, defaults, present = tied_problem(6, 5, 7, generator)
    images = max(1, torch.Size(batch).numel())
    together = match(
        truths[:images].reshape(*batch, 5, 4),
        defaults,
        present=present[:images].reshape(*batch, 5),
        rule=rule,
    )
    assert together.shape == (*batch, 7)
    for row, boxes, there in zip(together.reshape(-1, 7), truths, present, strict=False):
        assert torch.equal(row, match(boxes, defaults, present=there, rule=rule))


def test_the_order_of_objects_does_not_matter_without_ties(generator):
    truths = random_boxes(8, generator=generator)
    defaults = random_boxes(60, generator=generator)
    order = torch.randperm(8, generator=generator)
    got, shuffled = match(truths, defaults), match(truths[order], defaults)
    assert torch.equal(torch.where(shuffled >= 0, order[shuffled], UNMATCHED), got)


def test_inputs_are_unchanged(generator):
    truths, defaults, present = tied_problem(4, 5, 6, generator)
    before = truths.clone(), defaults.clone(), present.clone()
    for rule in RULES:
        match(truths, defaults, present=present, rule=rule)
    assert torch.equal(truths, before[0])
    assert torch.equal(defaults, before[1])
    assert torch.equal(present, before[2])


def test_half_precision_is_accepted(generator):
    # Overlaps of lattice boxes are rounded to 8 bits here, so only what rounding leaves is promised.
    truths, defaults, present = tied_problem(4, 5, 6, generator)
    got = match(truths.bfloat16(), defaults.bfloat16(), present=present)
    for row, there in zip(got.tolist(), present, strict=True):
        assert set(there.nonzero()[:, 0].tolist()) <= set(row)


# Errors


@pytest.mark.parametrize("rule", ["SSD", "", "best"])
def test_an_unknown_rule_is_named(rule):
    with pytest.raises(ValueError, match=rf"^rule must be one of ssd, multibox, threshold, got {rule!r}$"):
        match(torch.zeros(1, 4), torch.zeros(1, 4), rule=rule)


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_threshold_outside_0_and_1_is_named(threshold):
    with pytest.raises(ValueError, match=rf"threshold must lie in \[0, 1\], got {threshold}"):
        match(torch.zeros(1, 4), torch.zeros(1, 4), threshold=threshold)


# torchvision. Its SSDMatcher takes `>=` at the threshold where the text and we take `>`, and lets a
# later object overwrite an earlier one that has the same best default box. It knows no padding and
# raises without objects.


def best_boxes_are_distinct(overlaps) -> bool:
    best = overlaps.argmax(dim=1)
    return len(best.unique()) == len(best)


def test_torchvision_agrees_where_no_two_objects_share_a_best_box(generator):
    agreed = 0
    for _ in range(200):
        truths = random_boxes(3, generator=generator, least=0.2)
        defaults = random_boxes(40, generator=generator, least=0.2)
        overlaps = box_iou(truths, defaults)
        if not best_boxes_are_distinct(overlaps) or bool((overlaps == 0.5).any()):
            continue
        agreed += 1
        assert torch.equal(match(truths, defaults), SSDMatcher(0.5)(overlaps))
        # The second step alone is torchvision's plain matcher, without its low-quality matches.
        assert torch.equal(match(truths, defaults, rule="threshold"), Matcher(0.5, 0.5)(overlaps))
    assert agreed > 100


def test_torchvision_agrees_exactly_on_the_threshold_with_inclusive():
    defaults = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 0.5]])
    theirs = SSDMatcher(0.5)(box_iou(defaults[:1], defaults))
    assert theirs.tolist() == [0, 0]
    assert match(defaults[:1], defaults).tolist() == [0, UNMATCHED]
    assert torch.equal(match(defaults[:1], defaults, inclusive=True), theirs)


def test_torchvision_loses_objects_in_conflicts_and_we_do_not(generator):
    lost = 0
    for _ in range(100):
        truths = random_boxes(6, generator=generator, least=0.1)
        defaults = random_boxes(30, generator=generator, least=0.1)
        theirs = SSDMatcher(0.5)(box_iou(truths, defaults))
        lost += len(set(range(6)) - set(theirs.tolist())) > 0
        assert set(range(6)) <= set(match(truths, defaults).tolist())
    # 1,127 of 2,000 in a longer run of other boxes.
    assert lost > 20


# Compiled, and on a GPU


@pytest.mark.plain
@pytest.mark.parametrize("rule", RULES)
def test_compiled_in_one_graph_it_gives_the_same_answer(rule, generator):
    truths, defaults, present = tied_problem(8, 5, 30, generator)
    truths, defaults = truths.float(), defaults.float()
    torch.compiler.reset()
    compiled = torch.compile(match, fullgraph=True)
    for inclusive in (False, True):
        got = compiled(truths, defaults, present=present, rule=rule, inclusive=inclusive)
        assert torch.equal(got, match(truths, defaults, present=present, rule=rule, inclusive=inclusive))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", RULES)
def test_a_gpu_gives_the_same_answer_and_never_waits_for_the_host(rule, dtype, generator):
    truths, defaults, present = tied_problem(50, 6, 40, generator)
    truths, defaults = truths.to(dtype), defaults.to(dtype)
    on_gpu = truths.cuda(), defaults.cuda(), present.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        got = match(on_gpu[0], on_gpu[1], present=on_gpu[2], rule=rule)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(got.cpu(), match(truths, defaults, present=present, rule=rule))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", RULES)
def test_everything_is_made_on_the_device_of_the_boxes(rule, dtype, generator):
    truths, defaults, present = tied_problem(5, 3, 9, generator)
    truths, defaults = truths.to(dtype), defaults.to(dtype)
    answer = match(truths, defaults, present=present, rule=rule)
    with torch.device("meta"):  # where whatever names no device would land
        assert torch.equal(match(truths, defaults, present=present, rule=rule), answer)


def test_an_image_whose_overlaps_exceed_what_a_cpu_works_on_at_a_time(generator):
    truths, defaults = random_boxes(2, 70, generator=generator), random_boxes(8732, generator=generator)
    assert truths.shape[1] * len(defaults) > CPU_TABLE
    matches = match(truths.float(), defaults.float())
    assert all(set(range(70)) <= set(row.tolist()) for row in matches)
