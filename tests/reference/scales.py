"""Section 2.2, choosing scales and aspect ratios, box by box."""

import math

from tests.reference.boxes import Box, jaccard


def linear_scales(num_maps: int, smallest: float, largest: float) -> list[float]:
    """s_k for k = 1 ... m, as the text writes it."""
    return [smallest + (largest - smallest) / (num_maps - 1) * (k - 1) for k in range(1, num_maps + 1)]


def default_boxes(
    grids: list[tuple[int, int]],
    scales: list[float],
    aspect_ratios: list[list[float]],
    steps: list[float] | None = None,
    image_size: float = 1.0,
) -> list[Box]:
    """Centre forms: map, row, column, then s, s', each ratio and its inverse. Grids are (rows, columns)."""
    boxes = []
    for k, (rows, columns) in enumerate(grids):
        shapes = [(scales[k], scales[k])]
        middle = math.sqrt(scales[k] * scales[k + 1])
        shapes.append((middle, middle))
        for ratio in aspect_ratios[k]:
            for a in (ratio, 1 / ratio):
                shapes.append((scales[k] * math.sqrt(a), scales[k] / math.sqrt(a)))
        for row in range(rows):
            for column in range(columns):
                if steps is None:
                    cx, cy = (column + 0.5) / columns, (row + 0.5) / rows
                else:
                    cx = (column + 0.5) * steps[k] / image_size
                    cy = (row + 0.5) * steps[k] / image_size
                boxes += [[cx, cy, w, h] for w, h in shapes]
    return boxes


def best_overlap(truth: Box, defaults_xyxy: list[Box]) -> float:
    return max(jaccard(truth, default) for default in defaults_xyxy)
