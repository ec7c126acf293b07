"""What Hypothesis draws: boxes on a lattice of 1/16, so that ties and touching edges occur."""

import json
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

LATTICE = 16
"""Sixteenths are exact in every float type here, and two different overlaps of such boxes differ by
more than 1e-6: float32 and float64 must order them alike."""


@st.composite
def sides(draw: st.DrawFn, *, empty: bool = False, cells: int = LATTICE) -> tuple[float, float]:
    """A lower and an upper coordinate; the same one twice only if ``empty`` sides are allowed."""
    low = draw(st.integers(0, cells if empty else cells - 1))
    high = draw(st.integers(low if empty else low + 1, cells))
    return low / cells, high / cells


@st.composite
def boxes_xyxy(draw: st.DrawFn, *, empty: bool = False, cells: int = LATTICE) -> list[float]:
    """One box; ``empty`` allows zero area. Fewer ``cells`` make more ties."""
    x0, x1 = draw(sides(empty=empty, cells=cells))
    y0, y1 = draw(sides(empty=empty, cells=cells))
    return [x0, y0, x1, y1]


def box_lists(
    *, least: int = 0, most: int = 6, empty: bool = False, cells: int = LATTICE
) -> st.SearchStrategy[list[list[float]]]:
    return st.lists(boxes_xyxy(empty=empty, cells=cells), min_size=least, max_size=most)


def tensor_of(boxes: list[list[float]], dtype: torch.dtype = torch.float32) -> Tensor:
    """Boxes (n, 4), also when n = 0."""
    return torch.tensor(boxes, dtype=dtype).reshape(-1, 4)


def lattice_boxes(
    *shape: int, generator: torch.Generator, cells: int = LATTICE, empty: float = 0.0
) -> Tensor:
    """Random float64 boxes (*shape, 4) on the lattice; a share ``empty`` of them has no width."""
    corners = torch.randint(0, cells + 1, (*shape, 2, 2), generator=generator).sort(dim=-2).values
    touching = corners[..., 0, :] == corners[..., 1, :]
    # A side of length 0 is widened by one cell, to the left where the right edge is the image's.
    low = torch.where(touching & (corners[..., 0, :] == cells), cells - 1, corners[..., 0, :])
    high = torch.where(touching & (corners[..., 1, :] < cells), corners[..., 1, :] + 1, corners[..., 1, :])
    boxes = torch.cat([low, high], dim=-1).double() / cells
    hollow = torch.rand(shape, generator=generator) < empty
    boxes[..., 2] = torch.where(hollow, boxes[..., 0], boxes[..., 2])
    return boxes


def random_boxes(*shape: int, generator: torch.Generator, least: float = 0.02) -> Tensor:
    """Random float64 boxes (*shape, 4) inside the image, with sides of ``least`` and more: hardly a tie."""
    size = least + (1 - least) * torch.rand(*shape, 2, generator=generator, dtype=torch.float64)
    low = (1 - size) * torch.rand(*shape, 2, generator=generator, dtype=torch.float64)
    return torch.cat([low, low + size], dim=-1)


# ---- input that is spoiled

JSON_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 10)
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["", "..", "/", ".", "\ud800", "x" * 300, 10**400, "nan", "area", "a.jpg"])
)
JSON = st.recursive(
    JSON_SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
"""Anything that JSON can hold."""


@st.composite
def spoiled_json(draw: st.DrawFn, good: Any) -> Any:
    """The good content, some of its values at any depth replaced, left out or added."""
    content = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(1, 4))):
        place: Any = content
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.integers(0, 3)):
                place = place[key]
                continue
            change = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
            if change == "replace":
                place[key] = draw(JSON)
            elif change == "remove":
                del place[key]
            elif isinstance(place, dict):
                place[draw(st.text(max_size=3))] = draw(JSON)
            else:
                place.insert(key, draw(JSON))
            break
    return content


@st.composite
def spoiled_bytes(draw: st.DrawFn, good: bytes) -> bytes:
    """The good content, some stretches of it replaced by others of any length, and perhaps cut off."""
    content = bytearray(good)
    for _ in range(draw(st.integers(0, 4))):
        # Often near the beginning, where files say what they hold.
        start = draw(st.integers(0, len(content)) | st.integers(0, min(64, len(content))))
        end = min(len(content), start + draw(st.sampled_from([0, 1, 1, 1, 4, 40, 4000])))
        content[start:end] = draw(
            st.binary(max_size=4) | st.sampled_from([b"\xff" * 4, b"\0" * 8, b"<&e;>", b"../"])
        )
    if draw(st.integers(0, 3)) == 0:
        del content[draw(st.integers(0, len(content))) :]
    return bytes(content)
