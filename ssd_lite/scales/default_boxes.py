"""A layout of default boxes on feature maps, and the boxes it describes."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

import torch
from jaxtyping import Float
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt
from torch import Tensor

from ssd_lite.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from ssd_lite.messages import plural, short_repr
from ssd_lite.settings import settings


def _square(grid: Any) -> Any:
    return (grid, grid) if isinstance(grid, int) else grid


Count = Annotated[StrictInt, Field(ge=1)]
Grid = Annotated[tuple[Count, Count], BeforeValidator(_square)]
Length = Annotated[StrictFloat, Field(gt=0)]


@settings()
class DefaultBoxes:
    """A layout of default boxes on ``m`` feature maps.

    - ``grids``: (rows, columns) of each map; an int stands for a square.
    - ``scales``: ``m + 1`` sides relative to the image. Map ``k`` has boxes of scale ``s_k``, and one of
      ``s'_k``, the geometric mean of ``s_k`` and ``s_(k+1)``.
    - ``aspect_ratios``: the ratios of each map other than 1; each stands for itself and its inverse.
    - ``steps``: distances in pixels between centres on an image of ``image_size`` pixels, as in the
      released code. Without them centres are the text's, ``((i + 0.5) / columns, (j + 0.5) / rows)``.
    - ``clip``: cuts the boxes at the edges of the image; the released training does not.
    - ``clip_sides``: shortens sides longer than the image's to 1 and keeps the centres, which torchvision
      calls clipping.

    Raises ``ValueError`` naming a setting whose length does not fit the grids, or that is not positive.
    """

    grids: Annotated[tuple[Grid, ...], Field(min_length=1)]
    scales: tuple[Length, ...]
    aspect_ratios: tuple[tuple[Length, ...], ...]
    steps: tuple[Length, ...] | None = None
    image_size: Count | None = None
    clip: StrictBool = False
    clip_sides: StrictBool = False

    def __post_init__(self) -> None:
        if (self.steps is None) != (self.image_size is None):
            raise ValueError("steps and image_size go together: give both or neither")
        maps = len(self.grids)
        for name, values, needed in (
            ("scales", self.scales, maps + 1),
            ("aspect_ratios", self.aspect_ratios, maps),
            ("steps", self.steps, maps),
        ):
            if values is not None and len(values) != needed:
                rule = f"{name} must have {plural(needed, 'value')} for {plural(maps, 'grid')}"
                raise ValueError(f"{rule}, got {len(values)}")

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "DefaultBoxes":
        """The layout from ``dataclasses.asdict``, also after JSON. Raises ``ValueError`` if it is invalid."""
        if not isinstance(settings, Mapping):
            raise ValueError(f"default boxes must be a JSON object, got {short_repr(settings)}")
        try:
            return cls(**settings)
        except ValueError as error:
            raise ValueError(f"default boxes: {error}") from error

    def __repr__(self) -> str:
        """For example "8732 default boxes on 6 maps (38x38 ... 1x1), scales 0.10 ... 1.05"."""
        first, last = (f"{rows}x{columns}" for rows, columns in (self.grids[0], self.grids[-1]))
        span = first if len(self.grids) == 1 else f"{first} ... {last}"
        maps = f"{plural(len(self.grids), 'map')} ({span})"
        return f"{len(self)} default boxes on {maps}, scales {self.scales[0]:.2f} ... {self.scales[-1]:.2f}"

    @property
    def per_location(self) -> tuple[int, ...]:
        """The number of boxes per cell of each map."""
        return tuple(2 + 2 * len(ratios) for ratios in self.aspect_ratios)

    def __len__(self) -> int:
        return sum(
            rows * columns * boxes
            for (rows, columns), boxes in zip(self.grids, self.per_location, strict=True)
        )

    def shapes(self, k: int) -> Float[Tensor, "s 2"]:
        """Width and height of the boxes in a cell of map ``k``, counted from 0: s, s', then the ratios."""
        scale = self.scales[k]
        between = math.sqrt(scale * self.scales[k + 1])
        shapes = [(scale, scale), (between, between)]
        for ratio in self.aspect_ratios[k]:
            wide, narrow = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
            shapes += [(wide, narrow), (narrow, wide)]
        sides = torch.tensor(shapes, dtype=torch.float64, device="cpu")
        return sides.clamp(max=1) if self.clip_sides else sides

    def pitch(self, k: int) -> tuple[float, float]:
        """The distance between centres of map ``k``, horizontally and vertically, relative to the image."""
        if self.steps is not None and self.image_size is not None:
            return self.steps[k] / self.image_size, self.steps[k] / self.image_size
        rows, columns = self.grids[k]
        return 1 / columns, 1 / rows

    def cxcywh(self, *, device: torch.device | str | None = None) -> Float[Tensor, "d 4"]:
        """All boxes in float32, by default on the CPU.

        They are ordered by map, then row, then column, then shape.
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


def defaults_cxcywh(default_boxes: DefaultBoxes | Tensor) -> Float[Tensor, "d 4"]:
    """The boxes of a layout as a tensor; a tensor is returned as it is."""
    return default_boxes if isinstance(default_boxes, Tensor) else default_boxes.cxcywh()
