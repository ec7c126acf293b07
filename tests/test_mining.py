import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssd_lite.mining import all_negatives, hard_negatives, random_negatives
from tests.reference import mining as reference

RATIOS = [0.0, 0.5, 1.0, 2.5, 3.0, 1000.0]


def expected(losses, positive, ratio) -> torch.Tensor:
    rows = zip(losses.tolist(), positive.tolist(), strict=True)
    return torch.tensor([reference.hard_negatives(row, mask, ratio) for row, mask in rows])


@st.composite
def problems(draw):
    """Losses (b, d) with many ties, and which default boxes are positive."""
    images, boxes = draw(st.integers(1, 3)), draw(st.integers(1, 12))
    number = st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.5, math.inf])
    losses = [draw(st.lists(number, min_size=boxes, max_size=boxes)) for _ in range(images)]
    positive = [draw(st.lists(st.booleans(), min_size=boxes, max_size=boxes)) for _ in range(images)]
    return torch.tensor(losses), torch.tensor(positive)


@given(problems(), st.sampled_from(RATIOS))
def test_hard_negatives_equal_the_loop(problem, ratio):
    losses, positive = problem
    assert torch.equal(hard_negatives(losses, positive, ratio=ratio), expected(losses, positive, ratio))


@given(problems(), st.sampled_from(RATIOS))
def test_per_batch_they_equal_the_loop_over_all_images_at_once(problem, ratio):
    losses, positive = problem
    chosen = expected(losses.reshape(1, -1), positive.reshape(1, -1), ratio).reshape(losses.shape)
    assert torch.equal(hard_negatives(losses, positive, ratio=ratio, per_batch=True), chosen)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_hard_negatives_equal_the_loop_on_thousands_of_boxes(dtype, ratio, generator):
    # In bfloat16, 3000 losses in [0, 1) have a few hundred different values: ties are the rule.
    losses = torch.rand(4, 3000, generator=generator).to(dtype)
    positive = torch.rand(4, 3000, generator=generator) < torch.tensor([[0.0], [0.001], [0.1], [0.9]])
    assert torch.equal(hard_negatives(losses, positive, ratio=ratio), expected(losses, positive, ratio))


@given(problems(), st.sampled_from(RATIOS))
def test_the_count_is_exact(problem, ratio):
    losses, positive = problem
    positives = positive.sum(dim=1)
    counts = torch.minimum((ratio * positives).floor(), (~positive).sum(dim=1))
    assert torch.equal(hard_negatives(losses, positive, ratio=ratio).sum(dim=1), counts.long())


def test_ties_go_to_the_lower_index():
    losses = torch.tensor([[1.0, 2.0, 1.0, 1.0, 2.0, 1.0, 1.0]])
    positive = torch.tensor([[False, False, False, False, False, True, False]])
    assert hard_negatives(losses, positive).tolist() == [[True, True, False, False, True, False, False]]
    same = torch.ones(1, 7)
    assert hard_negatives(same, positive).tolist() == [[True, True, True, False, False, False, False]]


@pytest.mark.parametrize("loss", [math.inf, -math.inf, math.nan, 1e38, -1e38, 0.0])
def test_never_a_positive_whatever_its_loss(loss):
    losses = torch.tensor([[1.0, loss, 3.0, loss, 2.0]])
    positive = torch.tensor([[False, True, False, True, False]])
    for ratio in (0.5, 1.0, 3.0):
        chosen = hard_negatives(losses, positive, ratio=ratio)
        assert not (chosen & positive).any()
        assert chosen.sum() == min(2 * ratio, 3)
    assert hard_negatives(losses, positive, ratio=0.5).tolist() == [[False, False, True, False, False]]


@pytest.mark.parametrize("loss", [-math.inf, 0.0, math.inf])
def test_negatives_of_any_loss_are_told_from_positives(loss):
    # Positives set to -inf before a sort would tie with these negatives, and stand before one of them.
    losses = torch.full((1, 4), loss)
    positive = torch.tensor([[False, True, False, False]])
    assert hard_negatives(losses, positive).tolist() == [[True, False, True, True]]
    assert hard_negatives(losses, positive, ratio=2.0).tolist() == [[True, False, True, False]]


def test_a_ratio_larger_than_the_negatives_takes_all_of_them():
    # torchvision counts some positives here, since -inf rows are all that is left to take.
    losses = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    positive = torch.tensor([[True, True, False, True]])
    assert hard_negatives(losses, positive).tolist() == [[False, False, True, False]]


def test_without_positives_or_without_negatives_nothing_is_chosen():
    losses = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
    assert not hard_negatives(losses, torch.zeros(2, 2, dtype=torch.bool)).any()
    assert not hard_negatives(losses, torch.ones(2, 2, dtype=torch.bool)).any()
    assert hard_negatives(torch.zeros(0, 2), torch.zeros(0, 2, dtype=torch.bool)).shape == (0, 2)
    assert hard_negatives(torch.zeros(2, 0), torch.zeros(2, 0, dtype=torch.bool)).shape == (2, 0)


def test_each_image_counts_its_own_positives_unless_asked():
    losses = torch.tensor([[4.0, 3.0, 2.0, 1.0], [8.0, 7.0, 6.0, 5.0]])
    positive = torch.tensor([[True, False, False, False], [False, False, False, False]])
    assert hard_negatives(losses, positive, ratio=2.0).tolist() == [[False, True, True, False], [False] * 4]
    per_batch = hard_negatives(losses, positive, ratio=2.0, per_batch=True)
    assert per_batch.tolist() == [[False] * 4, [True, True, False, False]]


def test_one_image_alone_is_mined_as_in_its_batch(generator):
    losses = torch.randint(0, 4, (6, 40), generator=generator) / 2
    positive = torch.rand(6, 40, generator=generator) < 0.1
    together = hard_negatives(losses, positive)
    for row, image, mask in zip(together, losses, positive, strict=True):
        assert torch.equal(row, hard_negatives(image[None], mask[None])[0])


def test_choosing_needs_no_gradient():
    losses = torch.rand(2, 9, requires_grad=True)
    positive = torch.zeros(2, 9, dtype=torch.bool)
    positive[:, 0] = True
    chosen = hard_negatives(losses, positive)
    assert not chosen.requires_grad
    losses[chosen].sum().backward()
    assert torch.equal(losses.grad, chosen.float())


@pytest.mark.parametrize("ratio", [-1.0, math.inf, math.nan])
def test_a_bad_ratio_is_named(ratio):
    with pytest.raises(ValueError, match=f"ratio .*got {ratio}"):
        hard_negatives(torch.zeros(1, 2), torch.zeros(1, 2, dtype=torch.bool), ratio=ratio)


@given(problems())
def test_all_negatives_are_the_boxes_that_are_not_positive(problem):
    losses, positive = problem
    wanted = [[not counts for counts in row] for row in positive.tolist()]
    assert all_negatives(losses, positive).tolist() == wanted


@given(problems(), st.sampled_from(RATIOS))
def test_random_negatives_are_as_many_as_the_hard_ones(problem, ratio):
    losses, positive = problem
    chosen = random_negatives(losses, positive, ratio=ratio, generator=torch.Generator().manual_seed(1))
    assert not (chosen & positive).any()
    assert torch.equal(chosen.sum(1), hard_negatives(losses, positive, ratio=ratio).sum(1))


def test_random_negatives_are_uniform_whatever_the_losses(generator):
    # 8 negatives, 2 of them chosen each time: 1/4 each, with a standard error of 0.0043 in 10,000 draws.
    draws = 10_000
    losses = torch.arange(10.0).expand(draws, 10)
    positive = torch.zeros(draws, 10, dtype=torch.bool)
    positive[:, [2, 5]] = True
    chosen = random_negatives(losses, positive, ratio=1.0, generator=generator)
    shares = chosen.double().mean(dim=0)
    assert shares[2] == shares[5] == 0
    others = shares[~positive[0]]
    assert (others - 1 / 4).abs().max() < 5 * 0.0043
    # Pairs too: 28 of them, so that no neighbour is preferred.
    both = (chosen[:, 0] & chosen[:, 1]).double().mean()
    assert abs(both - 1 / 28) < 5 * 0.0019


def test_random_negatives_repeat_under_the_same_generator():
    losses = torch.zeros(2, 500)
    positive = torch.zeros(2, 500, dtype=torch.bool)
    positive[:, :20] = True

    def draw(seed):
        return random_negatives(losses, positive, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    before = torch.random.get_rng_state()
    draw(3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_inputs_are_unchanged(generator):
    losses = torch.rand(3, 20, generator=generator)
    positive = torch.rand(3, 20, generator=generator) < 0.3
    before = losses.clone(), positive.clone()
    hard_negatives(losses, positive)
    hard_negatives(losses, positive, per_batch=True)
    random_negatives(losses, positive, generator=generator)
    all_negatives(losses, positive).logical_not_()
    assert torch.equal(losses, before[0])
    assert torch.equal(positive, before[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_breaks_ties_alike_and_never_waits_for_the_host(generator):
    losses = torch.rand(4, 3000, generator=generator).bfloat16()
    positive = torch.rand(4, 3000, generator=generator) < 0.02
    on_gpu = losses.cuda(), positive.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        chosen = hard_negatives(*on_gpu)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(chosen.cpu(), hard_negatives(losses, positive))


def test_a_loss_that_is_no_number_is_chosen_first() -> None:
    losses = torch.tensor([[1.0, torch.nan, 5.0, torch.inf, 0.0]])
    positive = torch.tensor([[True, False, False, False, False]])
    assert hard_negatives(losses, positive, ratio=1.0).tolist() == [[False, True, False, False, False]]
    assert hard_negatives(losses, positive, ratio=2.0).tolist() == [[False, True, False, True, False]]


def test_three_negatives_to_a_positive_is_the_default_everywhere():
    positive = torch.zeros(1, 40, dtype=torch.bool)
    positive[0, :2] = True
    losses = torch.rand(1, 40)
    assert [int(mine(losses, positive).sum()) for mine in (hard_negatives, random_negatives)] == [6, 6]


def test_an_infinite_loss_is_as_hard_as_one_that_is_no_number():
    losses = torch.tensor([[0.5, math.inf, math.nan, 0.0]])
    positive = torch.tensor([[False, False, False, True]])
    assert hard_negatives(losses, positive, ratio=1.0).tolist() == [[False, True, False, False]]


@pytest.mark.parametrize("ratio", RATIOS)
def test_without_counting_first_the_same_negatives_are_found(ratio, monkeypatch):
    """As in a compiled graph and on a GPU, where all losses are sorted."""
    losses = torch.randint(0, 6, (4, 50), generator=torch.Generator().manual_seed(0)).float()
    positive = losses[:, torch.randperm(50, generator=torch.Generator().manual_seed(1))] > 4
    expected_mask = hard_negatives(losses, positive, ratio=ratio)
    monkeypatch.setattr("ssd_lite.mining.can_read_values", lambda values: False)
    assert torch.equal(hard_negatives(losses, positive, ratio=ratio), expected_mask)


@pytest.mark.parametrize("choose", [hard_negatives, random_negatives, all_negatives])
def test_everything_is_made_on_the_device_of_the_losses(choose, generator):
    losses, positive = torch.rand(3, 40, generator=generator), torch.zeros(3, 40, dtype=torch.bool)
    positive[:, :4] = True
    options = {"generator": torch.Generator().manual_seed(1)} if choose is random_negatives else {}
    with torch.device("meta"):  # where whatever names no device would land
        chosen = choose(losses, positive, **options)
    assert chosen.sum(dim=1).tolist() == [36 if choose is all_negatives else 12] * 3
