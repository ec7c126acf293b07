"""Average precision as the VOC devkit's VOCevaldet.m and VOCap.m go about it, one detection at a time.

A detection is ``(box, score, label)``, an object ``(box, label, difficult)``; an image is a pair of lists.
"""

from fractions import Fraction

Box = list[float]
Detection = tuple[Box, float, int]
Object = tuple[Box, int, bool]
Image = tuple[list[Detection], list[Object]]


def overlap(a: Box, b: Box, extra: float) -> float:
    """Intersection over union of boxes whose sides are ``extra`` longer than corner less corner."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + extra
    height = min(a[3], b[3]) - max(a[1], b[1]) + extra
    if width <= 0 or height <= 0:
        return 0.0
    area_a = (a[2] - a[0] + extra) * (a[3] - a[1] + extra)
    area_b = (b[2] - b[0] + extra) * (b[3] - b[1] + extra)
    return width * height / (area_a + area_b - width * height)


def outcomes(
    images: list[Image], label: int, *, threshold: float, inclusive: bool, extra: float
) -> tuple[list[bool], int]:
    """Whether each detection of the class is right, best score first, the ignored ones left out; and
    how many objects there are to find."""
    queue = []
    for number, (detections, _) in enumerate(images):
        for place, (box, score, its_label) in enumerate(detections):
            if its_label == label:
                queue.append((-score, number, place, box))
    queue.sort()
    taken, right = set(), []
    for _, number, _, box in queue:
        objects = images[number][1]
        greatest, best = greatest_overlap(box, objects, label, extra)
        enough = greatest > threshold or (inclusive and greatest == threshold)
        if best is None or not enough:
            right.append(False)
        elif not objects[best][2]:
            right.append((number, best) not in taken)
            taken.add((number, best))
    total = 0
    for _, objects in images:
        for _, its_label, difficult in objects:
            if its_label == label and not difficult:
                total += 1
    return right, total


def greatest_overlap(box: Box, objects: list[Object], label: int, extra: float) -> tuple[float, int | None]:
    greatest, best = 0.0, None
    for index, (its_box, its_label, _) in enumerate(objects):
        here = overlap(box, its_box, extra)
        if its_label == label and here > greatest:
            greatest, best = here, index
    return greatest, best


def curve(right: list[bool], total: int) -> list[tuple[Fraction, Fraction]]:
    """Recall and precision after each detection, exactly."""
    points, hits = [], 0
    for place, is_right in enumerate(right):
        hits += is_right
        points.append((Fraction(hits, total), Fraction(hits, place + 1)))
    return points


def eleven_points(points: list[tuple[Fraction, Fraction]]) -> float:
    total = Fraction(0)
    for k in range(11):
        total += max((p for r, p in points if r >= Fraction(k, 10)), default=Fraction(0))
    return float(total / 11)


def area(points: list[tuple[Fraction, Fraction]]) -> float:
    recall = [Fraction(0), *(r for r, _ in points), Fraction(1)]
    precision = [Fraction(0), *(p for _, p in points), Fraction(0)]
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    total = Fraction(0)
    for i in range(1, len(recall)):
        if recall[i] != recall[i - 1]:
            total += (recall[i] - recall[i - 1]) * precision[i]
    return float(total)
