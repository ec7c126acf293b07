"""Every explorable figure, moved by mouse, finger and keys, says what the package computes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from explore import data
from playwright.sync_api import Browser
from torch import Tensor

from ssd_lite import Truths, augmentation, boxes, matching, mining, models, objective, scales
from ssd_lite.scales import DefaultBoxes
from tests.book.explore_driver import Driver, numbers
from tests.book.explore_site import visit
from tests.book.test_explore import careless

pytestmark = pytest.mark.site

PAIR = DefaultBoxes(grids=((8, 8), (4, 4)), scales=(0.25, 0.5, 0.95), aspect_ratios=((2.0,), (2.0,)))
ON_FINE = 8 * 8 * 4
ROUNDED = 0.00501
Drive = Callable[[str], Driver]


@pytest.fixture(params=("mouse", "touch", "keys"))
def driven(chromium: Browser, figures: Path, request: pytest.FixtureRequest) -> Iterator[Drive]:
    """Makes a driver of the figure of that name; nothing may go wrong on the page meanwhile."""
    touch = request.param == "touch"
    page, problems = visit(chromium, figures / "index.html", 400 if touch else 1400, has_touch=touch)
    yield lambda name: Driver(page, name, request.param)
    assert problems == []
    page.close()


def defaults(layout: DefaultBoxes) -> Tensor:
    return boxes.cxcywh_to_xyxy(layout.cxcywh()).double()


def test_matching(driven: Drive) -> None:
    driver = driven("matching")
    assert re.search("dog has none on the 8 × 8 map and 2 default boxes on the 4 × 4", driver.said)
    driver.move("dog", "ArrowDown ArrowDown ArrowLeft", (-20, 30))
    driver.resize("dog", (-70, 30))
    for threshold, shown, rule in (
        (0.5, "both steps", "ssd"),
        (0.2, "both steps", "ssd"),
        (0.2, "step one", "multibox"),
    ):
        driver.slide("Threshold", threshold)
        driver.option(shown)
        truths = torch.tensor([driver.box("cat"), driver.box("dog")], dtype=torch.float64)
        found = matching.match(truths, defaults(PAIR), threshold=threshold, rule=rule)
        overlaps = boxes.jaccard(truths, defaults(PAIR))
        for j, row in enumerate(driver.cells()):
            for part, text in zip((slice(None, ON_FINE), slice(ON_FINE, None)), row, strict=True):
                best, *count = numbers(text)
                assert abs(best - overlaps[j, part].max()) < ROUNDED
                assert (count or [0]) == [(found[part] == j).sum()]
        assert numbers(driver.said)[-1] == (found == matching.UNMATCHED).sum()
        own = set(matching.match(truths, defaults(PAIR), rule="multibox").tolist()) - {matching.UNMATCHED}
        assert driver.count(".ex-rect.own") == len(own)
    driver.option("overlaps")
    assert driver.count(".ex-cell.dog") == 8 * 8 + 4 * 4
    driver.option("Start again")
    assert driver.box("dog") == [0.34375, 0.1875, 0.953125, 0.5625]


def test_conflict(driven: Drive) -> None:
    driver = driven("conflict")
    assert "leaves the cat without a default box" in driver.said
    for step in range(2):
        truths = torch.tensor([driver.box("cat"), driver.box("dog")], dtype=torch.float64)
        overlaps = boxes.jaccard(truths, defaults(PAIR))
        found = careless(overlaps), matching.match(truths, defaults(PAIR))
        for j, (wanted, *counts) in enumerate(driver.cells()):
            assert numbers(wanted)[0] == overlaps[j].argmax()
            for text, owners in zip(counts, found, strict=True):
                count = (owners == j).sum()
                assert text == "lost" if count == 0 else numbers(text)[0] == count
        if step == 0:
            driver.move("dog", "ArrowRight " * 8 + "ArrowDown " * 8, (60, 60))
    assert "Neither matcher" in driver.said


def test_offsets(driven: Drive) -> None:
    driver = driven("offsets")
    driver.move("predicted", "ArrowUp ArrowRight ArrowRight", (40, -25))
    driver.resize("truth", (-30, 20))
    for text, variances in (("(1, 1)", (1.0, 1.0)), ("(0.1, 0.2)", (0.1, 0.2))):
        driver.option(text)
        corners = torch.tensor([driver.box("truth"), driver.box("predicted")], dtype=torch.float64)
        default = torch.tensor([[0.390625, 0.5, 0.46875, 0.5]], dtype=torch.float64)
        wanted, given = objective.encode(boxes.xyxy_to_cxcywh(corners), default, variances=variances)
        off = (given - wanted).requires_grad_()
        loss = objective.localization_loss(off[None], torch.zeros(1, 4), torch.ones(1, dtype=torch.bool))
        loss.backward()
        assert abs(numbers(driver.said)[0] - loss.item()) < 0.000501
        assert off.grad is not None
        for m, row in enumerate(driver.cells()):
            cost = objective.localization_losses(
                off[m : m + 1, None], torch.zeros(1, 1), torch.ones(1).bool()
            )
            expected = [v.item() for v in (wanted[m], given[m], off[m], cost[0], off.grad[m])]
            assert [float(cell.replace("−", "-")) for cell in row] == pytest.approx(expected, abs=ROUNDED)


def objects(name: str) -> Tensor:
    """The real objects that the figure holds, as corners."""
    return boxes.cxcywh_to_xyxy(torch.tensor(data.objects()[name], dtype=torch.float64) / 1000)


def test_scales(driven: Drive) -> None:
    driver = driven("scales")
    picture, image = driver.figure.locator(".ex-picture"), driver.figure.locator(".ex-image")
    before = picture.get_attribute("aria-label")
    if driver.hand == "keys":
        picture.focus()
        driver.page.keyboard.press("ArrowRight")
    elif driver.hand == "touch":
        driver.page.touchscreen.tap(*driver.middle(image, (0.9, 0.9)))
    else:
        driver.page.mouse.click(*driver.middle(image, (0.9, 0.9)))
    place = {"keys": "row 5, column 6"}.get(driver.hand, "row 10, column 10")
    assert picture.get_attribute("aria-label") == f"10\xa0×\xa010 map, {place}" != before
    grids, ratios = (38, 19, 10, 5, 3, 1), {"1": (), "1, 2, ½": (2.0,), "1, 2, 3, ½, ⅓": (2.0, 3.0)}
    names = {"debris on runways": "fod", "blood cells": "bccd", "playing cards": "cards"}
    for (text, name), (shapes, extra), (maps, smallest, largest) in zip(
        names.items(), ratios.items(), ((6, 0.1, 0.9), (3, 0.2, 0.8), (1, 0.3, 0.7)), strict=True
    ):
        driver.option(text)
        driver.option(shapes)
        for label, value in (("Maps, m", maps), ("Smallest scale", smallest), ("Largest scale", largest)):
            driver.slide(label, value)
        side = scales.linear_scales(maps, smallest=smallest, largest=largest)
        step = side[1] - side[0] if maps > 1 else largest - smallest
        layout = DefaultBoxes(
            grids=grids[:maps], scales=(*side, side[-1] + step), aspect_ratios=(extra,) * maps
        )
        rows = objects(name)
        truths = Truths(rows[None], torch.ones(1, len(rows)).long(), torch.zeros(1, len(rows)).bool())
        recall = scales.coverage(layout, truths).recall
        assert numbers(driver.said)[:4] == [
            round(recall, 2),
            round(recall * len(rows)),
            len(rows),
            len(layout),
        ]
        assert numbers(driver.said)[5:-1] == pytest.approx(side[:-1], abs=ROUNDED)
        assert driver.count(".ex-rect.cell") == 1
        assert driver.count(".ex-picture .ex-boxes .ex-rect") == 2 + 2 * len(extra)


def test_mining(driven: Drive) -> None:
    driver = driven("mining")
    detector, example = models.load(data.DETECTOR), data.mined_scene()
    losses = data.background_losses(detector, example)[None]
    found = matching.match(example.truth.boxes_xyxy, defaults(detector.default_boxes).float())[None]
    positive = found != matching.UNMATCHED
    slider = driver.figure.get_by_role("slider", name="Negatives to a positive")
    for turn in range(2):
        ratio = float(slider.input_value())
        picked = mining.hard_negatives(losses, positive, ratio=ratio)
        share = (losses[picked].sum() / losses[~positive].sum()).item()
        said = [positive.sum(), ratio, 1, picked.sum(), (~positive).sum()]
        assert numbers(driver.said)[:5] == said
        assert numbers(driver.said)[5] == pytest.approx(100 * share, abs=0.51)
        assert driver.count(".ex-rect.kept") == picked.sum()
        assert driver.count(".ex-rect.positive") == positive.sum()
        if turn == 0 and driver.hand == "keys":
            slider.focus()
            driver.page.keyboard.press("ArrowRight")
        elif turn == 0:
            tap = driver.page.touchscreen.tap if driver.hand == "touch" else driver.page.mouse.click
            tap(*driver.middle(slider, (0.6, 0.5)))
        assert float(slider.input_value()) != 3
    driver.slide("Look at rank", 400)
    hardest = losses.masked_fill(positive, -1).sort(descending=True).values[0, 399].item()
    assert numbers(driver.said)[-1] == pytest.approx(hardest, abs=0.00051)
    assert "left out" in driver.said


def test_augmentation(driven: Drive) -> None:
    driver = driven("augmentation")
    driver.page.evaluate(
        "(state) => { Math.random = () => (state = (state * 16807) % 2147483647) / 2147483647; }", 7
    )
    objects_xyxy = torch.tensor(
        [
            [0.0625, 0.15625, 0.296875, 0.890625],
            [0.375, 0.453125, 0.5625, 0.828125],
            [0.546875, 0.21875, 0.9375, 0.625],
        ],
        dtype=torch.float64,
    )
    truths = Truths(objects_xyxy[None], torch.ones(1, 3).long(), torch.zeros(1, 3).bool())

    def as_the_package_says() -> float:
        patch = torch.tensor([driver.box("patch")], dtype=torch.float64)
        kept = augmentation.crop_truths(truths, patch).present[0].tolist()
        said = re.search(r"Kept, and clipped to the patch: (.*?)\.", driver.said)
        named = said[1] if said else "No object is left." if "No object is left." in driver.said else ""
        assert [name in named for name in ("tree", "cat", "dog")] == kept
        assert driver.count(".ex-boxes .ex-tag") == sum(kept)
        return boxes.jaccard(patch, objects_xyxy).max().item()

    driver.move("patch", "ArrowRight ArrowRight ArrowDown", (25, 40))
    driver.resize("patch", (20, 20))
    best = as_the_package_says()
    for step, minimum in enumerate((0.1, 0.3, 0.5, 0.7, 0.9)):
        driver.slide("Minimum overlap", step)
        assert ("takes this patch" if best >= minimum else "refuses this patch") in driver.said
    outcomes = set()
    for text in ("minimum overlap", "any patch", "whole image", "one of the three at random"):
        driver.option(text)
        driver.slide("Minimum overlap", 2)
        for _ in range(12):
            button = driver.figure.get_by_text("Draw a patch")
            if driver.hand == "keys":
                button.press("Enter")
            else:
                button.tap() if driver.hand == "touch" else button.click()
            best, said = as_the_package_says(), driver.said
            if text == "minimum overlap" and "taken" in said:
                assert best >= 0.5
            outcomes.add(re.sub(r"[\d.,]+", "", said.split(": ")[0]))
    assert len(outcomes) >= 3
