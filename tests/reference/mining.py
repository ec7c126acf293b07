"""Section 2.2, hard negative mining: sort the negatives, take the top ones."""

import math


def hard_negatives(losses: list[float], positive: list[bool], ratio: float = 3.0) -> list[bool]:
    """One image (or one flattened batch). Python's sort is stable, so ties stay in order of index."""
    negatives = [i for i, counts in enumerate(positive) if not counts]
    hardest_first = sorted(negatives, key=lambda i: -losses[i])
    chosen = set(hardest_first[: math.floor(ratio * sum(positive))])
    return [i in chosen for i in range(len(losses))]
