"""Detections by loops: decode, softmax, greedy suppression within each class, the limits."""

import math


def detections(offsets, logits, defaults, variances, score_threshold, iou_threshold, per_class, per_image):
    """The detections of one image as (box, score, label), best first."""
    boxes = [_clip(_decode(o, d, variances)) for o, d in zip(offsets, defaults, strict=True)]
    found = []
    for label in range(1, len(logits[0])):
        scored = [(_softmax(row)[label], i) for i, row in enumerate(logits)]
        scored = sorted(
            (s for s in scored if s[0] > score_threshold and _has_area(boxes[s[1]])),
            key=lambda s: (-s[0], s[1]),
        )
        kept = []
        for score, i in scored[:per_class]:
            if all(_overlap(boxes[i], boxes[j]) <= iou_threshold for _, j in kept):
                kept.append((score, i))
        found += [(boxes[i], score, label) for score, i in kept]
    return sorted(found, key=lambda f: -f[1])[:per_image]


def _decode(offset, default, variances):
    cx = offset[0] * variances[0] * default[2] + default[0]
    cy = offset[1] * variances[0] * default[3] + default[1]
    w = math.exp(offset[2] * variances[1]) * default[2]
    h = math.exp(offset[3] * variances[1]) * default[3]
    return (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)


def _clip(box):
    return tuple(min(max(v, 0.0), 1.0) for v in box)


def _has_area(box):
    return box[2] > box[0] and box[3] > box[1]


def _softmax(row):
    powers = [math.exp(v - max(row)) for v in row]
    return [p / sum(powers) for p in powers]


def _overlap(a, b):
    w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / union if union else 0.0
