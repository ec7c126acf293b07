"""Default boxes: their scales, aspect ratios and tiling, and how well they cover a dataset."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ssd_lite.boxes import clip, cxcywh_to_xyxy, jaccard, xyxy_to_cxcywh
from ssd_lite.random import uniform
from ssd_lite.truths import Truths


def linear_scales(num_maps: int, *, smallest: float = 0.2, largest: float = 0.9) -> tuple[float, ...]:
    r"""The scales :math:`s_1 … s_m`, evenly spaced from ``smallest`` to ``largest``.

    .. math:: s_k = s_{min} + \frac{s_{max} - s_{min}}{m - 1} (k - 1), \quad k \in [1, m]

    A single map has the smallest. Raises ``ValueError`` unless ``num_maps >= 1`` and
    ``0 < smallest <= largest``. Source: section 2.2, choosing scales and aspect ratios.
    """
    if num_maps < 1:
        raise ValueError(f"num_maps must be at least 1, got {num_maps}")
    if not 0 < smallest <= largest:
        raise ValueError(f"0 < smallest <= largest must hold, got {smallest} and {largest}")
    step = (largest - smallest) / max(num_maps - 1, 1)
    return tuple(smallest + step * k for k in range(num_maps))


@dataclass(frozen=True, kw_only=True)
class DefaultBoxes:
    """A layout of default boxes on feature maps.

    ``grids`` holds the (rows, columns) of each of the ``m`` maps; an int stands for a square.
    ``scales`` are ``m + 1`` sides relative to the image: map ``k`` has boxes of scale ``s_k``, and one of
    ``s'_k``, the geometric mean of ``s_k`` and ``s_(k+1)``. ``aspect_ratios`` holds for each map the ratios
    beside 1; each stands for itself and its inverse. ``steps`` are the distances in pixels between
    centres on an image of ``image_size`` pixels, as in the released code; without them the centres
    are the text's, ``((i + 0.5) / columns, (j + 0.5) / rows)``. ``clip`` cuts the boxes' corners to
    the image; the released training does not. ``clip_sides`` shortens sides that are longer than the
    image's to 1 and leaves centres where they are, which torchvision calls clipping.

    Raises ``ValueError`` when the lengths disagree or a number is not positive.
    """

    grids: tuple[tuple[int, int], ...]
    scales: tuple[float, ...]
    aspect_ratios: tuple[tuple[float, ...], ...]
    steps: tuple[float, ...] | None = None
    image_size: int | None = None
    clip: bool = False
    clip_sides: bool = False

    def __post_init__(self) -> None:
        grids = tuple((g, g) if isinstance(g, int) else (int(g[0]), int(g[1])) for g in self.grids)
        object.__setattr__(self, "grids", grids)
        object.__setattr__(self, "scales", tuple(float(s) for s in self.scales))
        object.__setattr__(
            self, "aspect_ratios", tuple(tuple(float(r) for r in ratios) for ratios in self.aspect_ratios)
        )
        if self.steps is not None:
            object.__setattr__(self, "steps", tuple(float(s) for s in self.steps))
        self._check()

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "DefaultBoxes":
        """The layout that ``dataclasses.asdict`` made, after JSON too, which has lists for tuples.

        Raises ``ValueError`` for anything else.
        """
        try:
            return cls(**{name: _tuple(value) for name, value in settings.items()})
        except (TypeError, LookupError, OverflowError, AttributeError) as error:
            kind = type(error).__name__
            raise ValueError(f"default boxes must be of this version: {kind}: {error}") from error

    def _check(self) -> None:
        maps = len(self.grids)
        if maps < 1:
            raise ValueError("grids must name at least one feature map, got none")
        if len(self.scales) != maps + 1:
            raise ValueError(f"scales must be one more than the {maps} grids, got {len(self.scales)}")
        if len(self.aspect_ratios) != maps:
            got = len(self.aspect_ratios)
            raise ValueError(f"aspect_ratios must be as many as the {maps} grids, got {got}")
        if (self.steps is None) != (self.image_size is None):
            raise ValueError("steps and image_size go together: give both or neither")
        if self.steps is not None and len(self.steps) != maps:
            raise ValueError(f"steps must be as many as the {maps} grids, got {len(self.steps)}")
        for name, values in (
            ("grids", [n for grid in self.grids for n in grid]),
            ("scales", self.scales),
            ("aspect_ratios", [r for ratios in self.aspect_ratios for r in ratios]),
            ("steps", self.steps or ()),
            ("image_size", () if self.image_size is None else (self.image_size,)),
        ):
            for value in values:
                if not 0 < value < math.inf:
                    raise ValueError(f"{name} must be positive and finite, got {value}")

    @property
    def per_location(self) -> tuple[int, ...]:
        """How many boxes each cell of each map has."""
        return tuple(2 + 2 * len(ratios) for ratios in self.aspect_ratios)

    def __len__(self) -> int:
        return sum(
            rows * columns * boxes
            for (rows, columns), boxes in zip(self.grids, self.per_location, strict=True)
        )

    def shapes(self, k: int) -> Float[Tensor, "s 2"]:
        """Width and height of the boxes in each cell of map ``k`` (from 0): s, s', then the ratios."""
        scale = self.scales[k]
        between = math.sqrt(scale * self.scales[k + 1])
        shapes = [(scale, scale), (between, between)]
        for ratio in self.aspect_ratios[k]:
            wide, narrow = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
            shapes += [(wide, narrow), (narrow, wide)]
        sides = torch.tensor(shapes, dtype=torch.float64, device="cpu")
        return sides.clamp(max=1) if self.clip_sides else sides

    def pitch(self, k: int) -> tuple[float, float]:
        """Distance between neighbouring centres of map ``k``, across and down, relative to the image."""
        if self.steps is not None and self.image_size is not None:
            return self.steps[k] / self.image_size, self.steps[k] / self.image_size
        rows, columns = self.grids[k]
        return 1 / columns, 1 / rows

    def cxcywh(self, *, device: torch.device | str | None = None) -> Float[Tensor, "d 4"]:
        """All boxes in float32, on the CPU unless another device is named.

        Map by map, row by row, column by column, then shape by shape.
        """
        maps = [self._map_cxcywh(k) for k in range(len(self.grids))]
        boxes = torch.cat(maps)
        if self.clip:
            boxes = xyxy_to_cxcywh(clip(cxcywh_to_xyxy(boxes)))
        return boxes.to(device=device, dtype=torch.float32)

    def _map_cxcywh(self, k: int) -> Float[Tensor, "n 4"]:
        (rows, columns), (across, down) = self.grids[k], self.pitch(k)
        cy = (torch.arange(rows, dtype=torch.float64, device="cpu") + 0.5) * down
        cx = (torch.arange(columns, dtype=torch.float64, device="cpu") + 0.5) * across
        shapes = self.shapes(k)
        centres = torch.stack([cx.expand(rows, -1), cy.unsqueeze(1).expand(-1, columns)], dim=-1)
        centres = centres.reshape(-1, 1, 2).expand(-1, len(shapes), -1)
        return torch.cat([centres, shapes.expand_as(centres)], dim=-1).reshape(-1, 4)


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list | tuple) else value


def paper(grids: Sequence[int | tuple[int, int]]) -> DefaultBoxes:
    """The layout as the text has it, for any list of feature maps, six boxes in every cell.

    Scales by the formula; the ``s_(m+1)`` that the last map's extra box needs is the formula's next
    value, since the text leaves it open. Aspect ratios {1, 2, 3, 1/2, 1/3}; centres
    ``(i + 0.5) / |f_k|``. Source: section 2.2, choosing scales and aspect ratios.
    """
    scales = linear_scales(len(grids))
    step = scales[1] - scales[0] if len(scales) > 1 else 0.9 - scales[0]
    return DefaultBoxes(
        grids=tuple((grid, grid) if isinstance(grid, int) else grid for grid in grids),
        scales=(*scales, scales[-1] + step),
        aspect_ratios=((2.0, 3.0),) * len(grids),
    )


# The released models. Their scales start from the formula but floor its step to whole per cents
# (17 % for SSD300), and conv4_3 is set apart with a smaller one: the lists in pixels are the
# released code's, and so are the steps, which put the 10 × 10 map's last centre at
# 9.5 · 32 / 300 = 1.013, outside the image.
_STEPS_300 = (8, 16, 32, 64, 100, 300)
_STEPS_512 = (8, 16, 32, 64, 128, 256, 512)


def ssd300_voc() -> DefaultBoxes:
    """The 8732 boxes of the released SSD300 for VOC; its smallest scale is 30 of 300 pixels."""
    return _released(300, _STEPS_300, (30, 60, 111, 162, 213, 264, 315))


def ssd300_coco() -> DefaultBoxes:
    """The 8732 boxes of the released SSD300 for COCO, whose objects are smaller: from 21 pixels."""
    return _released(300, _STEPS_300, (21, 45, 99, 153, 207, 261, 315))


def ssd512_voc() -> DefaultBoxes:
    """The 24564 boxes of the released SSD512 for VOC."""
    return _released(512, _STEPS_512, (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6))


def ssd512_coco() -> DefaultBoxes:
    """The 24564 boxes of the released SSD512 for COCO."""
    return _released(512, _STEPS_512, (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72))


def _released(size: int, steps: tuple[int, ...], sides_px: Sequence[float | int]) -> DefaultBoxes:
    grids = {300: (38, 19, 10, 5, 3, 1), 512: (64, 32, 16, 8, 4, 2, 1)}[size]
    six = ((2.0, 3.0),) * (len(grids) - 3)  # the first and the last two maps leave out 3 and 1/3
    return DefaultBoxes(
        grids=tuple((cells, cells) for cells in grids),
        scales=tuple(side / size for side in sides_px),
        aspect_ratios=((2.0,), *six, (2.0,), (2.0,)),
        steps=tuple(float(step) for step in steps),
        image_size=size,
    )


def defaults_cxcywh(default_boxes: DefaultBoxes | Tensor) -> Float[Tensor, "d 4"]:
    """The boxes of a layout as a tensor; a tensor is passed on as it is."""
    return default_boxes if isinstance(default_boxes, Tensor) else default_boxes.cxcywh()


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
