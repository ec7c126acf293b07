"""The learning rate of each step, and which weights decay."""

import pytest
import torch

from ssd_lite import models
from ssd_lite.training.schedule import learning_rate, parameter_groups


def test_the_papers_schedule() -> None:
    rates = {
        step: learning_rate(step, base=1e-3, warmup=0, milestones=(80_000, 100_000))
        for step in (0, 79_999, 80_000, 99_999, 100_000, 119_999)
    }
    assert list(rates.values()) == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_warm_up_rises_in_a_line_and_reaches_the_base() -> None:
    rates = [learning_rate(step, base=0.8, warmup=4, milestones=()) for step in range(6)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_biases_and_norms_do_not_decay() -> None:
    model = models.ssd_tiny(["cat"])
    decayed, others = parameter_groups(model, 5e-4)
    names = {id(p): name for name, p in model.named_parameters()}
    assert decayed["weight_decay"] == 5e-4
    assert others["weight_decay"] == 0.0
    assert all(p.ndim == 4 for p in decayed["params"])
    assert {names[id(p)].rsplit(".")[-1] for p in others["params"]} == {"weight", "bias"}
    assert len(decayed["params"]) + len(others["params"]) == len(list(model.parameters()))


def test_frozen_parameters_are_left_out() -> None:
    model = models.ssd_tiny(["cat"])
    model.trunk.requires_grad_(False)
    held = [p for group in parameter_groups(model, 0.1) for p in group["params"]]
    assert len(held) == sum(p.requires_grad for p in model.parameters())
    assert parameter_groups(torch.nn.Linear(2, 2, bias=False), 0.1)[0]["weight_decay"] == 0.1
