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

    ``best`` (b, t) is the greatest overlap of each object with any default box, 0 in padded rows.
    ``recall`` is the share of objects whose best overlap is higher than the threshold: a detector that
    returned default boxes unchanged could find no more, and the other objects are matched by the bipartite
    step alone. ``mean`` is the mean of ``best`` over all objects. Both are NaN if there are no objects.
    """

    best: Float[Tensor, "b t"]
    recall: float
    mean: float


def coverage(default_boxes: DefaultBoxes | Tensor, truths: Truths, *, threshold: float = 0.5) -> Coverage:
    """The best overlap of each object with the boxes of a layout, and the share above ``threshold``."""
    defaults_xyxy = cxcywh_to_xyxy(defaults_cxcywh(default_boxes)).to(truths.boxes_xyxy)
    best = torch.zeros_like(truths.boxes_xyxy[..., 0])
    for start in range(0, len(best), 16):  # (16, t, d) fits any memory
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
    """A layout like ``like`` with scales and aspect ratios fitted to the objects of a dataset.

    Starts from ``like`` (by default the released SSD300 for VOC) and keeps its grids, centres and boxes
    per cell, so that the heads of a model need no change. A seeded random search changes some of the scales
    and ratios slightly, less and less from round to round. A change is kept if it raises the sum of mean
    best overlap and recall while neither of them falls. The result therefore covers the objects at least as
    well as ``like`` (of more than 2,000 objects, a random 2,000). The same seed gives the same layout.

    The search ignores ``clip``: if ``like`` clips its boxes and covers the objects better than the result,
    ``like`` itself is returned. Raises ``ValueError`` if there are no objects.

    Source: section 2.2: "one can also design a distribution of default boxes to best fit a
    specific dataset". The text does not say how.
    """
    generator = torch.Generator().manual_seed(seed)
    boxes = xyxy_to_cxcywh(truths.boxes_xyxy[truths.present].cpu().double())
    if len(boxes) == 0:
        raise ValueError("truths must hold at least one object to fit default boxes to, got none")
    boxes = boxes[torch.randperm(len(boxes), generator=generator, device="cpu")[:2000]]
    start = best = like or ssd300_voc()
    sizes, distances = boxes[:, None, 2:], _centre_distances(best, boxes)
    mean, recall = _coverage(best, sizes, distances, threshold)
    for number in range(rounds):
        spread = 0.3 * (1 - number / rounds) + 0.01
        candidates = [_perturbed(best, spread, generator) for _ in range(8)]
        coverages = [_coverage(layout, sizes, distances, threshold) for layout in candidates]
        for layout, (new_mean, new_recall) in zip(candidates, coverages, strict=True):
            gain = new_mean + new_recall - mean - recall
            if gain > 0 and new_mean >= mean and new_recall >= recall:
                best, mean, recall = layout, new_mean, new_recall
    if start.clip and coverage(best, truths).mean < coverage(start, truths).mean:
        return start
    return best


def _perturbed(layout: DefaultBoxes, spread: float, generator: torch.Generator) -> DefaultBoxes:
    """The layout with about a third of its scales and ratios multiplied by random factors near 1."""

    def perturb(values: Sequence[float], low: float, high: float) -> tuple[float, ...]:
        noise = torch.randn(len(values), generator=generator, dtype=torch.float64, device="cpu") * spread
        noise = noise * (uniform(generator, noise, len(values)) < 1 / 3)
        perturbed = [v * math.exp(n) for v, n in zip(values, noise.tolist(), strict=True)]
        return tuple(round(min(max(v, low), high), 4) for v in perturbed)

    # Bounds keep maps that no object needs from drifting: boxes are no larger than the image's diagonal
    # and at most six times as long as wide.
    scales = sorted(perturb(layout.scales, 0.01, 1.4))
    ratios = tuple(perturb(of_map, 1 / 6, 6.0) for of_map in layout.aspect_ratios)
    return replace(layout, scales=tuple(scales), aspect_ratios=ratios)


def _centre_distances(layout: DefaultBoxes, boxes_cxcywh: Float[Tensor, "n 4"]) -> Float[Tensor, "n s 2"]:
    """The distance of each object's centre from the nearest box centre, in x and y, for each shape.

    For a given shape the overlap falls with these distances, so the box at the nearest centre is the best
    of its shape: the search compares one box per shape instead of one per cell.
    """
    centre = boxes_cxcywh[:, :2]
    distances = []
    for k, ((rows, columns), shapes) in enumerate(zip(layout.grids, layout.per_location, strict=True)):
        pitch = torch.tensor(layout.pitch(k), dtype=torch.float64, device="cpu")
        cell = (centre / pitch).floor().clamp(min=0)
        cell = cell.minimum(torch.tensor([columns - 1, rows - 1], dtype=torch.float64, device="cpu"))
        distance = (centre - (cell + 0.5) * pitch).abs()
        distances.append(distance.unsqueeze(1).expand(-1, shapes, -1))
    return torch.cat(distances, dim=1)


def _coverage(
    layout: DefaultBoxes, sizes: Float[Tensor, "n 1 2"], distances: Float[Tensor, "n s 2"], threshold: float
) -> tuple[float, float]:
    """Mean best overlap and recall of a layout, computed without its boxes."""
    shape = torch.cat([layout.shapes(k) for k in range(len(layout.grids))])  # (s, 2)
    shared = torch.minimum(torch.minimum(sizes, shape), (sizes + shape) / 2 - distances).clamp(min=0)
    intersection = shared.prod(dim=-1)  # (n, s)
    union = sizes.prod(dim=-1) + shape.prod(dim=-1) - intersection
    best = (intersection / union).amax(dim=-1)
    return best.mean().item(), (best > threshold).double().mean().item()
