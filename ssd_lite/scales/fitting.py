"""How well default boxes cover the objects of a dataset, and fitting them to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ssd_lite.boxes import cxcywh_to_xyxy, jaccard, xyxy_to_cxcywh
from ssd_lite.random import uniform
from ssd_lite.scales.default_boxes import DefaultBoxes, defaults_cxcywh
from ssd_lite.scales.layouts import ssd300_voc
from ssd_lite.truths import Truths


@dataclass(frozen=True)
class Coverage:
    """How well a layout covers a dataset.

    ``best`` (b, t) is the greatest overlap that any default box has with each object, 0 in padded
    rows. ``recall`` is the share of objects whose best overlap is higher than the threshold: no
    detector that answered with default boxes unchanged could find more, and the others are
    matched by the bipartite step alone. ``mean`` is the mean of ``best`` over objects. Without any
    object both are NaN.
    """

    best: Float[Tensor, "b t"]
    recall: float
    mean: float


def coverage(default_boxes: DefaultBoxes | Tensor, truths: Truths, *, threshold: float = 0.5) -> Coverage:
    """The best overlap that each object can get from a layout, and the share above ``threshold``."""
    defaults_xyxy = cxcywh_to_xyxy(defaults_cxcywh(default_boxes)).to(truths.boxes_xyxy)
    best = torch.zeros_like(truths.boxes_xyxy[..., 0])
    for start in range(0, len(best), 16):  # 16 images at a time, so that (b, t, d) fits any memory
        boxes = truths.boxes_xyxy[start : start + 16]
        best[start : start + 16] = jaccard(boxes, defaults_xyxy).amax(dim=-1)
    best = best * truths.present
    found = best[truths.present]
    return Coverage(best, (found > threshold).double().mean().item(), found.double().mean().item())


def fit(
    truths: Truths,
    *,
    like: DefaultBoxes | None = None,
    threshold: float = 0.5,
    rounds: int = 150,
    seed: int = 0,
) -> DefaultBoxes:
    """A layout whose scales and aspect ratios fit a dataset, otherwise built as ``like``.

    Starts from ``like`` (the released SSD300 for VOC) and keeps its grids, centres and boxes per
    cell, so a model's heads need no change. A seeded random search moves some of the scales and
    ratios a little, and keeps a move that raises the sum of mean best overlap and recall while
    neither of them falls; the moves shrink as it goes on. So the result covers the objects at least
    as well as ``like`` does (2,000 of them drawn at random, where there are more). Same seed, same
    layout. Boxes are measured whole: where ``like`` clips its boxes and the search therefore lost,
    ``like`` itself comes back. Raises ``ValueError`` when there is no object.

    Source: section 2.2: "one can also design a distribution of default boxes to best fit a
    specific dataset"; how is left open.
    """
    generator = torch.Generator().manual_seed(seed)
    boxes = xyxy_to_cxcywh(truths.boxes_xyxy[truths.present].cpu().double())
    if len(boxes) == 0:
        raise ValueError("truths must hold at least one object to fit default boxes to, got none")
    boxes = boxes[torch.randperm(len(boxes), generator=generator, device="cpu")[:2000]]
    best = like or ssd300_voc()
    size, apart = boxes[:, None, 2:], _distances(best, boxes)
    mean, recall = _reach(best, size, apart, threshold)
    for number in range(rounds):
        spread = 0.3 * (1 - number / rounds) + 0.01
        moves = [_moved(best, spread, generator) for _ in range(8)]
        reached = [_reach(layout, size, apart, threshold) for layout in moves]
        for layout, (new_mean, new_recall) in zip(moves, reached, strict=True):
            gain = new_mean + new_recall - mean - recall
            if gain > 0 and new_mean >= mean and new_recall >= recall:
                best, mean, recall = layout, new_mean, new_recall
    start = like or ssd300_voc()
    if start.clip and coverage(best, truths).mean < coverage(start, truths).mean:
        return start
    return best


def _moved(layout: DefaultBoxes, spread: float, generator: torch.Generator) -> DefaultBoxes:
    """The layout with about a third of its scales and ratios multiplied by random factors."""

    def move(values: Sequence[float], low: float, high: float) -> tuple[float, ...]:
        noise = torch.randn(len(values), generator=generator, dtype=torch.float64, device="cpu") * spread
        noise = noise * (uniform(generator, noise, len(values)) < 1 / 3)
        moved = [v * math.exp(n) for v, n in zip(values, noise.tolist(), strict=True)]
        return tuple(round(min(max(v, low), high), 4) for v in moved)

    # A map that no object needs would otherwise drift: no box larger than the image's diagonal,
    # none more than six times as long as wide.
    scales = sorted(move(layout.scales, 0.01, 1.4))
    ratios = tuple(move(of_map, 1 / 6, 6.0) for of_map in layout.aspect_ratios)
    return replace(layout, scales=tuple(scales), aspect_ratios=ratios)


def _distances(layout: DefaultBoxes, boxes_cxcywh: Float[Tensor, "n 4"]) -> Float[Tensor, "n s 2"]:
    """How far each object's centre is from the nearest centre of a box, across and down, for each shape.

    For a given shape the overlap falls with these distances, so the box at the nearest centre is
    the best of its shape: the search looks at one box a shape, not at one a cell.
    """
    centre = boxes_cxcywh[:, :2]
    distances = []
    for k, ((rows, columns), shapes) in enumerate(zip(layout.grids, layout.per_location, strict=True)):
        pitch = torch.tensor(layout.pitch(k), dtype=torch.float64, device="cpu")
        cell = (centre / pitch).floor().clamp(min=0)
        cell = cell.minimum(torch.tensor([columns - 1, rows - 1], dtype=torch.float64, device="cpu"))
        apart = (centre - (cell + 0.5) * pitch).abs()
        distances.append(apart.unsqueeze(1).expand(-1, shapes, -1))
    return torch.cat(distances, dim=1)


def _reach(
    layout: DefaultBoxes, size: Float[Tensor, "n 1 2"], apart: Float[Tensor, "n s 2"], threshold: float
) -> tuple[float, float]:
    """Mean best overlap and recall of a layout, without building its boxes."""
    shape = torch.cat([layout.shapes(k) for k in range(len(layout.grids))])  # (s, 2)
    shared = torch.minimum(torch.minimum(size, shape), (size + shape) / 2 - apart).clamp(min=0)
    intersection = shared.prod(dim=-1)  # (n, s)
    union = size.prod(dim=-1) + shape.prod(dim=-1) - intersection
    best = (intersection / union).amax(dim=-1)
    return best.mean().item(), (best > threshold).double().mean().item()
