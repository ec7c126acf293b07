"""Section 2.2, matching strategy, as one would do it by hand with a table of overlaps."""

from tests.reference.boxes import Box, jaccard

UNMATCHED = -1


def forced(overlaps: list[list[float]], present: list[bool], num_defaults: int) -> dict[int, int]:
    """Default box -> object: again and again, the greatest overlap left claims its default box.

    Objects and default boxes are tried in order and only a greater overlap replaces the best one so
    far, so ties go to the lower index.
    """
    owner: dict[int, int] = {}
    waiting = [j for j, there in enumerate(present) if there]
    while waiting and len(owner) < num_defaults:
        best = None
        for j in waiting:
            for i in range(num_defaults):
                if i not in owner and (best is None or overlaps[j][i] > best[0]):
                    best = (overlaps[j][i], j, i)
        assert best is not None
        _, j, i = best
        owner[i] = j
        waiting.remove(j)
    return owner


def match(
    truths: list[Box],
    defaults: list[Box],
    *,
    present: list[bool] | None = None,
    threshold: float = 0.5,
    rule: str = "ssd",
    inclusive: bool = False,
) -> list[int]:
    if present is None:
        present = [True] * len(truths)
    overlaps = [[jaccard(truth, default) for default in defaults] for truth in truths]
    answer = [UNMATCHED] * len(defaults)
    if rule in ("ssd", "threshold"):
        for i in range(len(defaults)):
            best = None
            for j in range(len(truths)):
                if present[j] and (best is None or overlaps[j][i] > overlaps[best][i]):
                    best = j
            if best is None:
                continue
            overlap = overlaps[best][i]
            if overlap > threshold or (inclusive and overlap == threshold):
                answer[i] = best
    if rule in ("ssd", "multibox"):
        for i, j in forced(overlaps, present, len(defaults)).items():
            answer[i] = j
    return answer
