"""Boxes one at a time, in plain Python floats."""

Box = list[float]


def area(box: Box) -> float:
    x0, y0, x1, y1 = box
    if x1 <= x0 or y1 <= y0:
        return 0.0
    return (x1 - x0) * (y1 - y0)


def clip(box: Box) -> Box:
    return [min(max(value, 0.0), 1.0) for value in box]


def jaccard(a: Box, b: Box) -> float:
    """Intersection over union; 0 where there is nothing to intersect."""
    if area(a) == 0 or area(b) == 0:
        return 0.0
    both = [max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])]
    shared = area(both)
    return shared / (area(a) + area(b) - shared)


def to_cxcywh(box: Box) -> Box:
    x0, y0, x1, y1 = box
    return [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]


def to_xyxy(box: Box) -> Box:
    cx, cy, w, h = box
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
