import pytest
import torch

from ssd_lite.truths import BACKGROUND, Truth, Truths

ONE = [0.0, 0.0, 0.5, 0.5]
TWO = [0.25, 0.25, 1.0, 0.75]


def batch() -> Truths:
    return Truths.from_list(
        [Truth.of([ONE, TWO], [3, 1], [False, True]), Truth.of([], []), Truth.of([TWO], [2])]
    )


def test_background_is_0():
    assert BACKGROUND == 0


def test_a_truth_from_lists():
    truth = Truth.of([ONE, TWO], [3, 1])
    assert len(truth) == 2
    assert truth.boxes_xyxy.dtype == torch.float32
    assert truth.labels.dtype == torch.int64
    assert truth.difficult.tolist() == [False, False]


def test_a_truth_from_tensors_of_other_types():
    truth = Truth.of(
        torch.tensor([ONE], dtype=torch.float64), torch.tensor([1], dtype=torch.int32), torch.tensor([1])
    )
    assert truth.boxes_xyxy.tolist() == [ONE]
    assert truth.labels.dtype == torch.int64
    assert truth.difficult.tolist() == [True]


def test_an_image_without_objects():
    truth = Truth.of([], [])
    assert len(truth) == 0
    assert truth.boxes_xyxy.shape == (0, 4)


@pytest.mark.parametrize(
    "box",
    [
        [0.5, 0.0, 0.5, 0.5],
        [0.0, 0.5, 0.5, 0.5],
        [0.5, 0.0, 0.25, 0.5],
        [0.0, 0.5, 0.5, 0.25],
        [float("nan"), 0.0, 0.5, 0.5],
        [0.0, 0.0, float("inf"), 0.5],
        [float("-inf"), 0.0, 0.5, 0.5],
    ],
)
def test_a_bad_box_is_named(box):
    with pytest.raises(ValueError, match="object 1: box"):
        Truth.of([ONE, box], [1, 1])


@pytest.mark.parametrize("label", [0, -1])
def test_a_bad_label_is_named(label):
    with pytest.raises(ValueError, match=rf"object 1: label .*got {label}"):
        Truth.of([ONE, TWO], [1, label])


@pytest.mark.plain  # the type checker would say so first, in its own words
def test_lengths_must_agree():
    with pytest.raises(ValueError, match="must have the same length"):
        Truth.of([ONE, TWO], [1])
    with pytest.raises(ValueError, match="must have the same length"):
        Truth.of([ONE], [1], [False, False])


def test_a_batch_is_padded_to_the_fullest_image():
    truths = batch()
    assert len(truths) == 3
    assert truths.boxes_xyxy.shape == (3, 2, 4)
    assert truths.labels.tolist() == [[3, 1], [0, 0], [2, 0]]
    assert truths.difficult.tolist() == [[False, True], [False, False], [False, False]]
    assert truths.present.tolist() == [[True, True], [False, False], [True, False]]
    assert truths.boxes_xyxy[0].tolist() == [ONE, TWO]


def test_a_batch_unpadded_is_the_list_it_came_from():
    truths = [Truth.of([ONE, TWO], [3, 1], [False, True]), Truth.of([], []), Truth.of([TWO], [2])]
    for slots in (None, 2, 5):
        again = list(Truths.from_list(truths, slots=slots).unpadded())
        for one, other in zip(again, truths, strict=True):
            assert torch.equal(one.boxes_xyxy, other.boxes_xyxy)
            assert torch.equal(one.labels, other.labels)
            assert torch.equal(one.difficult, other.difficult)


def test_slots_give_every_batch_the_same_shape():
    assert Truths.from_list([Truth.of([ONE], [1])], slots=4).boxes_xyxy.shape == (1, 4, 4)
    with pytest.raises(ValueError, match=r"^slots must be at least 2, .*, got 1$"):
        Truths.from_list([Truth.of([ONE, TWO], [1, 1])], slots=1)


def test_a_batch_of_empty_images_and_an_empty_batch():
    assert Truths.from_list([Truth.of([], []), Truth.of([], [])]).boxes_xyxy.shape == (2, 0, 4)
    assert Truths.from_list([]).boxes_xyxy.shape == (0, 0, 4)


def test_some_images_of_a_batch():
    truths = batch()
    assert truths[1:].labels.tolist() == [[0, 0], [2, 0]]
    assert truths[torch.tensor([2, 0])].labels.tolist() == [[2, 0], [3, 1]]


def test_without_turns_rows_into_padding():
    truths = batch()
    fewer = truths.without(truths.difficult)
    assert fewer.labels.tolist() == [[3, 0], [0, 0], [2, 0]]
    assert fewer.boxes_xyxy[0, 1].tolist() == [0, 0, 0, 0]
    assert not fewer.difficult.any()
    # The batch it came from is as it was.
    assert truths.labels.tolist() == [[3, 1], [0, 0], [2, 0]]
    assert truths.boxes_xyxy[0, 1].tolist() == TWO


def test_to_keeps_the_values():
    truths = batch()
    again = truths.to("cpu")
    assert torch.equal(again.labels, truths.labels)
    assert torch.equal(again.boxes_xyxy, truths.boxes_xyxy)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gets_all_three_tensors():
    truths = batch().to("cuda")
    assert {truths.boxes_xyxy.device.type, truths.labels.device.type, truths.difficult.device.type} == {
        "cuda"
    }


def test_padding_may_stand_before_an_object():
    truths = Truths(torch.tensor([[[0.0] * 4, ONE]]), torch.tensor([[0, 7]]), torch.tensor([[False, True]]))
    (truth,) = truths.unpadded()
    assert truth.boxes_xyxy.tolist() == [ONE]
    assert truth.labels.tolist() == [7]
    assert truth.difficult.tolist() == [True]


def test_a_truth_describes_itself():
    assert repr(Truth.of([], [])) == "0 objects"
    one = Truth.of([[0.1, 0.2, 0.5, 0.6], TWO], [3, 1], [False, True])
    expected = "2 objects: label 3 at (0.10, 0.20, 0.50, 0.60), label 1 at (0.25, 0.25, 1.00, 0.75) difficult"
    assert repr(one) == expected
    assert repr(Truth.of([ONE] * 7, [1] * 7)).endswith("label 1 at (0.00, 0.00, 0.50, 0.50), and 2 more")


def test_a_batch_describes_itself():
    assert repr(batch()) == "3 images with 3 objects, padded to 2 rows per image"
    assert repr(Truths.from_list([])) == "0 images with 0 objects, padded to 0 rows per image"
