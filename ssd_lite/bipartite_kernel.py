"""The Triton kernel of :mod:`ssd_lite.bipartite`; imported only where a GPU needs it."""

import torch
import triton
import triton.language as tl
from torch import Tensor

COLUMNS = 1024
"""Columns of a row that are read at a time."""


def launch(scores: Tensor, best: Tensor, column: Tensor) -> Tensor:
    """The assignment of (b, n, m) scores, given each row's greatest score and the column where it stands."""
    images, rows, columns = scores.shape
    assigned = torch.full((images, rows), -1, dtype=torch.int64, device=scores.device)
    taken = torch.zeros((images, columns), dtype=torch.int32, device=scores.device)
    _assign[(images,)](
        scores,
        best,
        column,
        assigned,
        taken,
        rows,
        columns,
        ROWS=triton.next_power_of_2(rows),
        COLUMNS=COLUMNS,
    )
    return assigned


@triton.jit  # type: ignore[untyped-decorator]
def _assign(scores, best, column, assigned, taken, rows, columns, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """One image: take the row with the greatest score until no score is left.

    ``value`` and ``choice`` hold each row's greatest score and its column, which may have been taken since:
    then the score is too high, so such a row comes up in time and looks for another column. A row that
    comes up with a free column has the greatest score of all that are left.
    """
    image = tl.program_id(0).to(tl.int64)
    row = tl.arange(0, ROWS)
    inside = row < rows
    value = tl.load(best + image * rows + row, mask=inside, other=-1.0).to(tl.float64)
    choice = tl.load(column + image * rows + row, mask=inside, other=0)
    greatest = tl.max(value, axis=0)
    while greatest >= 0:
        first = tl.min(tl.where(value == greatest, row, ROWS), axis=0)
        wanted = tl.sum(tl.where(row == first, choice, 0), axis=0)
        if tl.load(taken + image * columns + wanted) == 0:
            tl.store(assigned + image * rows + first, wanted)
            tl.store(taken + image * columns + wanted, 1)
            tl.debug_barrier()  # so that every thread sees the column as taken
            value = tl.where(row == first, -1.0, value)
        else:
            new_value, new_choice = _best_free(
                scores + (image * rows + first) * columns, taken + image * columns, columns, COLUMNS
            )
            value = tl.where(row == first, new_value, value)
            choice = tl.where(row == first, new_choice, choice)
        greatest = tl.max(value, axis=0)


@triton.jit  # type: ignore[untyped-decorator]
def _best_free(scores, taken, columns, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """A row's greatest score among the columns that are free, and the first column that has it."""
    greatest = tl.full((COLUMNS,), -1.0, tl.float64)
    place = tl.zeros((COLUMNS,), tl.int64)
    for start in range(0, columns, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        inside = column < columns
        score = tl.load(scores + column, mask=inside, other=-1.0).to(tl.float64)
        free = inside & (tl.load(taken + column, mask=inside, other=1) == 0)
        better = free & (score > greatest)  # strictly: the first of equals stays
        greatest = tl.where(better, score, greatest)
        place = tl.where(better, column.to(tl.int64), place)
    best = tl.max(greatest, axis=0)
    return best, tl.min(tl.where(greatest == best, place, columns), axis=0)
