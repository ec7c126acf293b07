"""What a detector does, one box at a time: kinds of errors, their repair, confusions, thresholds, sizes.

Images are those of ``tests.reference.evaluation``. A detection is known by (image, place), an object too.
"""

from fractions import Fraction

from tests.reference.evaluation import Box, Image, area, curve, overlap

Key = tuple[int, int]
FOREGROUND, BACKGROUND = 0.5, 0.1


def queue(images: list[Image]) -> list[Key]:
    """All detections, highest score first."""
    keys = [(-image[0][k][1], i, k) for i, image in enumerate(images) for k in range(len(image[0]))]
    return [(i, k) for _, i, k in sorted(keys)]


def best(box: Box, objects: list, wanted) -> tuple[float, int | None]:
    """The greatest overlap with the objects that ``wanted`` accepts, and which of them it is."""
    greatest, index = 0.0, None
    for j, (its_box, label, difficult) in enumerate(objects):
        here = overlap(box, its_box, 0.0)
        if wanted(label, difficult) and here > greatest:
            greatest, index = here, j
    return greatest, index


def judged(images: list[Image], threshold: float = FOREGROUND) -> tuple[dict[Key, str], dict[Key, Key]]:
    """Each detection as "hit", "miss" or "ignored", and the detection that found each object."""
    verdicts, finders = {}, {}
    for i, k in queue(images):
        box, _, label = images[i][0][k]
        objects = images[i][1]
        greatest, index = best(box, objects, lambda its, _, label=label: its == label)
        if index is None or greatest < threshold:
            verdicts[i, k] = "miss"
        elif objects[index][2]:
            verdicts[i, k] = "ignored"
        elif (i, index) in finders:
            verdicts[i, k] = "miss"
        else:
            verdicts[i, k], finders[i, index] = "hit", (i, k)
    return verdicts, finders


def errors(images: list[Image]) -> tuple[dict[Key, str], dict[Key, Key], set[Key]]:
    """The kind of each false positive, the object that each repair gives, and the missed objects."""
    verdicts, finders = judged(images)
    kinds, targets, taken = {}, {}, set()
    for i, k in queue(images):
        if verdicts[i, k] != "miss":
            continue
        box, _, label = images[i][0][k]
        objects = images[i][1]
        same, same_index = best(box, objects, lambda its, hard, label=label: its == label and not hard)
        other, other_index = best(box, objects, lambda its, hard, label=label: its != label and not hard)
        goal = None
        if BACKGROUND <= same < FOREGROUND:
            kinds[i, k], goal = "localization", same_index
        elif other >= FOREGROUND:
            kinds[i, k], goal = "classification", other_index
        elif same >= FOREGROUND:
            kinds[i, k] = "duplicate"
        elif max(same, other) <= BACKGROUND:
            kinds[i, k] = "background"
        else:
            kinds[i, k] = "both"
        if goal is not None and (i, goal) not in finders and (i, goal) not in taken:
            targets[i, k] = (i, goal)
            taken.add((i, goal))
    missed = {
        (i, j)
        for i, image in enumerate(images)
        for j, (_, _, difficult) in enumerate(image[1])
        if not difficult and (i, j) not in finders and (i, j) not in taken
    }
    return kinds, targets, missed


def mean_ap(entries: list[tuple[int, bool]], asked: dict[int, int], before: dict[int, int]) -> float:
    """The mean over classes, from (label, right) in order; a class of which nothing is left has 1."""
    values = []
    for label in before:
        right = [is_right for its, is_right in entries if its == label]
        values.append(area(curve(right, asked[label])) if asked.get(label) else 1.0)
    return sum(values) / len(values)


def gain(images: list[Image], repair: str) -> float:
    """What the mean average precision gains by a repair."""
    verdicts, finders = judged(images)
    kinds, targets, missed = errors(images)
    before: dict[int, int] = {}
    for _, objects in images:
        for _, label, difficult in objects:
            if not difficult:
                before[label] = before.get(label, 0) + 1
    now, after = [], []
    for i, k in queue(images):
        if verdicts[i, k] == "ignored":
            continue
        entry = (images[i][0][k][2], verdicts[i, k] == "hit")
        now.append(entry)
        if verdicts[i, k] == "hit" or (kinds[i, k] != repair and repair != "false positives"):
            after.append(entry)
        elif (i, k) in targets and repair != "false positives":
            j = targets[i, k][1]
            after.append((images[i][1][j][1], True))
    asked = dict(before)
    for i, image in enumerate(images):
        for j, (_, label, difficult) in enumerate(image[1]):
            gone = (repair == "missed" and (i, j) in missed) or (
                repair == "false negatives" and (i, j) not in finders
            )
            if gone and not difficult:
                asked[label] -= 1
    return mean_ap(after, asked, before) - mean_ap(now, before, before)


def of_size(images: list[Image], label: int, low: float, high: float) -> float | None:
    """Average precision of one class for objects of one size; None without such objects."""
    marked = [
        (detections, [(box, its, hard or not low <= _area(box) < high) for box, its, hard in objects])
        for detections, objects in images
    ]
    verdicts, _ = judged(marked)
    total = sum(its == label and not hard for _, objects in marked for _, its, hard in objects)
    right = []
    for i, k in queue(marked):
        box, _, its = marked[i][0][k]
        counts = verdicts[i, k] == "hit" or (verdicts[i, k] == "miss" and low <= _area(box) < high)
        if its == label and counts:
            right.append(verdicts[i, k] == "hit")
    return area(curve(right, total)) if total else None


def confusion(images: list[Image], classes: int, score: float) -> list[list[int]]:
    """Rows: the object's class; columns: the detection's; 0 is background."""
    matrix = [[0] * (classes + 1) for _ in range(classes + 1)]
    taken = set()
    for i, k in queue(images):
        box, its_score, label = images[i][0][k]
        if its_score < score:
            continue
        objects = images[i][1]
        greatest, index = 0.0, None
        for j, (its_box, _, difficult) in enumerate(objects):
            here = overlap(box, its_box, 0.0)
            if not difficult and (i, j) not in taken and here >= FOREGROUND and here > greatest:
                greatest, index = here, j
        if index is not None:
            taken.add((i, index))
            matrix[objects[index][1]][label] += 1
        elif not any(hard and overlap(box, its_box, 0.0) >= FOREGROUND for its_box, _, hard in objects):
            matrix[0][label] += 1
    for i, (_, objects) in enumerate(images):
        for j, (_, label, difficult) in enumerate(objects):
            if not difficult and (i, j) not in taken:
                matrix[label][0] += 1
    return matrix


def best_f1(images: list[Image], label: int | None) -> tuple[Fraction, float] | None:
    """The best F1 of a class, or of all together, and the highest score that reaches it."""
    verdicts, _ = judged(images)
    total = sum(not hard and label in (None, its) for _, objects in images for _, its, hard in objects)
    choices = []
    for score in {d[1] for detections, _ in images for d in detections}:
        hits = kept = 0
        for i, k in queue(images):
            _, its_score, its = images[i][0][k]
            if its_score >= score and label in (None, its) and verdicts[i, k] != "ignored":
                kept += 1
                hits += verdicts[i, k] == "hit"
        if hits:
            choices.append((Fraction(2 * hits, kept + total), score))
    return max(choices) if choices else None


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
