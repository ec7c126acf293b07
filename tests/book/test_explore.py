"""The explorable figures compute what the package computes: thousands of random cases through both.

Half of the boxes lie on a lattice of sixteenths, where overlaps tie and edges touch.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page
from torch import Tensor

from ssd_lite import Truths, augmentation, boxes, matching, mining, objective, scales
from ssd_lite.random import PredrawnUniforms
from ssd_lite.scales import DefaultBoxes
from tests.book.explore_site import FOLDER, browser

pytestmark = pytest.mark.site

CASES = 2000
OPTIONS = augmentation.Crop()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        seen = opened.new_page()
        seen.add_script_tag(path=FOLDER / "math.js")
        yield seen


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def many(page: Page, script: str, cases: list[Any]) -> list[Any]:
    """What a function of one case gives for each; ``m`` is the figures' arithmetic.

    Cases travel as JSON, which is exact and takes a tenth of the time; infinity is 1e999 there, NaN is null.
    """
    text = json.dumps(cases).replace("Infinity", "1e999").replace("NaN", "null")
    run = f"(text) => {{ const m = Explore.math; return JSON.stringify(JSON.parse(text).map({script})); }}"
    found: list[Any] = json.loads(page.evaluate(run, text))
    return found


def draw(rng: np.random.Generator, count: int, *, smallest: int = 0) -> list[list[float]]:
    """Boxes, on the lattice half of the time; with ``smallest`` 0 some have no area."""
    unit = 16 if rng.random() < 0.5 else 2**30
    low = rng.integers(0, unit - smallest, (count, 2), endpoint=True)
    high = low + smallest + rng.integers(0, unit - smallest - low, endpoint=True)
    return (np.concatenate([low, high], axis=1) / unit).tolist()


def tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def truths_of(rows: list[list[float]]) -> Truths:
    there = torch.ones(1, len(rows))
    return Truths(tensor([rows]), there.long(), torch.zeros_like(there, dtype=torch.bool))


def test_overlaps_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = [[draw(rng, 3), draw(rng, 8)] for _ in range(CASES)]
    for (a, b), found in zip(cases, many(page, "([a, b]) => m.table(a, b)", cases), strict=True):
        assert found == boxes.jaccard(tensor(a), tensor(b)).tolist()


def test_matches_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = []
    for number in range(3 * CASES):
        truths, defaults = draw(rng, rng.integers(1, 7)), draw(rng, rng.integers(1, 25))
        threshold = float(rng.choice([0, 0.25, 0.5, 1, rng.random()]))
        options = {
            "rule": matching.RULES[number % 3],
            "threshold": threshold,
            "inclusive": bool(rng.integers(2)),
        }
        cases.append([truths, defaults, options])
    script = "([truths, defaults, options]) => m.match(m.table(truths, defaults), options)"
    for (truths, defaults, options), found in zip(cases, many(page, script, cases), strict=True):
        assert found == matching.match(tensor(truths), tensor(defaults), **options).tolist()


def careless(overlaps: Tensor, threshold: float = 0.5) -> Tensor:
    """The chapter's matcher of many ports: the later object overwrites the earlier one."""
    greatest, owner = overlaps.max(dim=0)
    owner[greatest < threshold] = matching.UNMATCHED
    for j in range(len(overlaps)):
        owner[overlaps[j].argmax()] = j
    return owner


def test_the_careless_matcher_is_the_chapters(page: Page, rng: np.random.Generator) -> None:
    cases = [[draw(rng, 4), draw(rng, 12)] for _ in range(CASES)]
    lost = 0
    for (a, b), found in zip(cases, many(page, "([a, b]) => m.careless(m.table(a, b))", cases), strict=True):
        expected = careless(boxes.jaccard(tensor(a), tensor(b))).tolist()
        assert found == expected
        lost += len(set(expected) - {matching.UNMATCHED}) < len(a)
    assert lost > 0


def test_offsets_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = [[*draw(rng, 2, smallest=1), [0.1, 0.2] if rng.integers(2) else [1, 1]] for _ in range(CASES)]
    script = """([g, d, v]) => {
      const box = m.toCentre(d), offsets = m.encode(m.toCentre(g), box, v);
      return [offsets, m.toCorners(m.decode(offsets, box, v))];
    }"""
    for (g, d, v), (offsets, restored) in zip(cases, many(page, script, cases), strict=True):
        truth, box = (boxes.xyxy_to_cxcywh(tensor(b)[None]) for b in (g, d))
        expected = objective.encode(truth, box, variances=tuple(v))[0]
        assert offsets[:2] == expected[:2].tolist()
        np.testing.assert_allclose(offsets[2:], expected[2:], rtol=0, atol=1e-14)  # two libraries' logarithms
        np.testing.assert_allclose(restored, g, rtol=0, atol=1e-12)


def test_smooth_l1_and_its_gradient_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    values = [*(np.arange(-64, 65) / 16).tolist(), *rng.normal(0, 2, CASES).tolist()]
    differences = tensor(values).view(-1, 1).repeat(1, 4).requires_grad_()
    everywhere = torch.ones(len(values), dtype=torch.bool)
    costs = objective.localization_losses(differences, torch.zeros_like(differences), everywhere)
    costs.sum().backward()
    assert differences.grad is not None
    assert many(page, "(x) => 4 * m.smoothL1(x)", values) == costs.tolist()
    assert many(page, "(x) => m.smoothL1Gradient(x)", values) == differences.grad[:, 0].tolist()


def test_scales_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = [[int(rng.integers(1, 8)), *sorted(rng.random(2) + 0.01)] for _ in range(CASES)]
    for case, found in zip(cases, many(page, "(c) => m.linearScales(...c)", cases), strict=True):
        count, smallest, largest = case
        assert found == list(scales.linear_scales(count, smallest=smallest, largest=largest))
    for count in range(1, 7):
        layout = scales.paper((38, 19, 10, 5, 3, 1)[:count])
        assert many(page, "(n) => m.scalesAndNext(n, 0.2, 0.9)", [count]) == [list(layout.scales)]


def layout_of(grids: list[int], side: list[float], ratios: list[float]) -> DefaultBoxes:
    return DefaultBoxes(grids=tuple(grids), scales=tuple(side), aspect_ratios=(tuple(ratios),) * len(grids))


def draw_layout(rng: np.random.Generator) -> list[Any]:
    maps = int(rng.integers(1, 5))
    ratios = [[], [2.0], [2.0, 3.0], [1.6, 2.8]][rng.integers(4)]
    return [rng.integers(1, 20, maps).tolist(), sorted((rng.random(maps + 1) + 0.02).tolist()), ratios]


def test_layouts_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = [draw_layout(rng) for _ in range(100)]
    for case, found in zip(cases, many(page, "(c) => m.corners(m.layout(...c))", cases), strict=True):
        assert found == boxes.cxcywh_to_xyxy(layout_of(*case).cxcywh()).tolist()


def test_coverage_is_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = [[draw_layout(rng), draw(rng, 20, smallest=1)] for _ in range(100)]
    script = "([c, truths]) => truths.map((truth) => m.bestOverlap(truth, m.layout(...c)))"
    for (layout, truths), found in zip(cases, many(page, script, cases), strict=True):
        assert found == scales.coverage(layout_of(*layout), truths_of(truths)).best[0].tolist()


def test_mined_negatives_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = []
    for _ in range(CASES):
        count = int(rng.integers(1, 40))
        losses = (
            (rng.integers(0, 16, count) / 4).tolist()
            if rng.integers(2)
            else rng.exponential(size=count).tolist()
        )
        losses = [float(rng.choice([np.nan, np.inf, -np.inf])) if rng.random() < 0.05 else v for v in losses]
        positive = (rng.random(count) < rng.random()).tolist()
        cases.append([losses, positive, float(rng.choice([0, 0.1, 0.5, 1, 3, 10]))])
    script = "([losses, ...rest]) => m.hardNegatives(losses.map((loss) => loss ?? NaN), ...rest)"
    for case, found in zip(cases, many(page, script, cases), strict=True):
        losses, positive, ratio = case
        picked = mining.hard_negatives(tensor([losses]), torch.tensor([positive]), ratio=ratio)[0]
        assert sorted(found) == picked.nonzero().flatten().tolist()


def test_patches_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    rules = len(OPTIONS.min_overlaps) + 1
    cases, count = [], CASES // 4
    for _ in range(count):
        numbers = rng.random(4 * rules * OPTIONS.trials + 1)
        cases.append([draw(rng, int(rng.integers(1, 4)), smallest=1), numbers.tolist()])
    script = """([truths, numbers]) => {
      const taken = m.choose(numbers.at(-1)), minimum = [0.1, 0.3, 0.5, 0.7, 0.9, null][taken - 1];
      let next = 200 * (taken - 1);
      const last = taken ? m.trials(truths, minimum, () => numbers[next++]).at(-1) : {};
      return last.accepted ? last.patch : [0, 0, 1, 1];
    }"""
    whole = 0
    for (truths, numbers), found in zip(cases, many(page, script, cases), strict=True):
        drawn = PredrawnUniforms(tensor(numbers), images=1)
        expected = augmentation.sample_patches(truths_of(truths), generator=drawn, options=OPTIONS)[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)  # two libraries' logarithms
        whole += found == [0, 0, 1, 1]
    assert 0.3 * count < whole < 0.8 * count


def test_cropped_truths_are_the_packages(page: Page, rng: np.random.Generator) -> None:
    cases = [[draw(rng, 4, smallest=1), draw(rng, 1, smallest=1)[0]] for _ in range(CASES)]
    kept = 0
    for (truths, patch), found in zip(cases, many(page, "(c) => m.cropTruths(...c)", cases), strict=True):
        expected = augmentation.crop_truths(truths_of(truths), tensor([patch]))
        rows = zip(expected.boxes_xyxy[0].tolist(), expected.present[0].tolist(), strict=True)
        assert found == [box if present else None for box, present in rows]
        kept += int(expected.present.sum())
    assert 0 < kept < 4 * CASES
