"""Evaluators of several processes are merged into one."""

import pickle

import pytest
import torch

from ssd_lite.evaluation import VOCEvaluator
from tests.evaluation.samples import assert_same, some_images


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_merged_processes_equal_one(ranks: int) -> None:
    for seed in range(8):
        detections, truths, expected = some_images(seed)
        places = list(range(len(detections)))
        places += places[: -len(places) % ranks]  # a distributed sampler repeats the first images
        evaluators = []
        for rank in range(ranks):
            evaluator = VOCEvaluator("abc")
            for place in places[rank::ranks]:
                evaluator.update([detections[place]], [truths[place]], image_ids=[place])
            evaluators.append(pickle.loads(pickle.dumps(evaluator)))  # as gathering objects sends them
        for order in (evaluators, evaluators[::-1]):
            merged = VOCEvaluator("abc")
            merged.merge(order)
            assert_same(merged.compute(), expected)
        evaluators[0].merge(evaluators)  # its own images, gathered with the others', count once
        assert_same(evaluators[0].compute(), expected)


def test_image_ids_decide_ties_not_the_order_of_updates() -> None:
    detections, truths, expected = some_images()
    evaluator = VOCEvaluator("abc")
    backwards = torch.arange(len(detections)).flip(0)
    evaluator.update(detections[::-1], truths[::-1], image_ids=backwards)
    assert_same(evaluator.compute(), expected)


def test_merge_refuses_what_it_cannot_order() -> None:
    detections, truths, _ = some_images()
    numbered, counted = VOCEvaluator("abc"), VOCEvaluator("abc")
    numbered.update(detections, truths, image_ids=range(7))
    counted.update(detections, truths)
    for one, other in ((numbered, counted), (counted, numbered)):
        with pytest.raises(
            ValueError, match=r"^merge needs image_ids in every update, since they decide ties$"
        ):
            one.merge([other])
    with pytest.raises(ValueError, match=r"classes \['a', 'b', 'c'\], got \['a', 'b'\]"):
        numbered.merge([VOCEvaluator("ab")])
    counted.merge([])
