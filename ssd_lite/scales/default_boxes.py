"""A layout of default boxes on feature maps, and its boxes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ssd_lite.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh


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


def defaults_cxcywh(default_boxes: DefaultBoxes | Tensor) -> Float[Tensor, "d 4"]:
    """The boxes of a layout as a tensor; a tensor is passed on as it is."""
    return default_boxes if isinstance(default_boxes, Tensor) else default_boxes.cxcywh()
