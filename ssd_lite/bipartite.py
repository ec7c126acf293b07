"""Greedy bipartite assignment as one operator: the greatest score of a table is settled first.

Each row gets a column of its own. The greatest score of all is settled first, then the greatest among the
rows and columns that are left, and so on; equal scores go to the lower row, then to the lower column. Done
literally, that is one step a row, and a compiled graph of them grows with the table. So it is one operator,
``torch.ops.ssd_lite.assign``, which a graph holds as a single node. Both versions give the literal answer:

- in PyTorch, by rounds: a score that is the greatest of its row *and* of its column among those left is
  settled sooner or later whatever happens elsewhere, so all such scores are settled at once. Crowded images
  take a few rounds, not one per object.
- on a GPU, as one Triton kernel with a program per image, which never waits for the host.
"""

import importlib.util
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

UNASSIGNED = -1


def assign(scores: Float[Tensor, "*b n m"]) -> Int64[Tensor, "*b n"]:
    """The column of each row, or ``UNASSIGNED`` (-1); the greatest score of each table is settled first.

    Negative scores are never assigned, and a row may go without a column when ``n > m``. Ties go to the lower
    row, then to the lower column. No value is read back from a GPU (where Triton is installed).
    """
    rows, columns = scores.shape[-2:]
    if rows == 0 or columns == 0:
        return torch.full(scores.shape[:-1], UNASSIGNED, dtype=torch.int64, device=scores.device)
    flat = scores.detach().reshape(-1, rows, columns)
    return torch.ops.ssd_lite.assign(flat).view(scores.shape[:-1])  # type: ignore[no-any-return]


def _by_rounds(scores: Tensor) -> Tensor:
    """The assignment of (b, n, m) scores. Where no two rows want the same column, each gets its best."""
    best, column = scores.max(dim=-1)  # the first of equal scores
    assigned = column.masked_fill(~(best >= 0), UNASSIGNED)
    wanted = assigned.sort(dim=-1).values
    conflict = ((wanted[:, 1:] == wanted[:, :-1]) & (wanted[:, 1:] != UNASSIGNED)).any(dim=-1)
    for image in conflict.nonzero().flatten().tolist():
        assigned[image] = _settle(scores[image], best[image], column[image])
    return assigned


def _settle(scores: Tensor, best: Tensor, column: Tensor) -> Tensor:
    """The assignment of one table (n, m); ``best`` and ``column`` are each row's, and are changed."""
    assigned = torch.full_like(column, UNASSIGNED)
    taken = torch.zeros_like(scores[0], dtype=torch.bool)
    rows = (best >= 0).nonzero().flatten()
    while len(rows):
        rivals = scores[rows.unsqueeze(1), column[rows]]  # (rival, row): what each would give for the column
        wins = rivals.argmax(dim=0) == torch.arange(len(rows), device=rows.device)  # the first of equals
        won, rows = rows[wins], rows[~wins]
        assigned[won] = column[won]
        taken[column[won]] = True
        again = rows[taken[column[rows]]]
        best[again], column[again] = scores[again].masked_fill_(taken, -1.0).max(dim=-1)
        rows = rows[best[rows] >= 0]
    return assigned


def _on_gpu(scores: Tensor) -> Tensor:
    """The same assignment by one kernel, or by rounds (which read values back) where Triton is missing."""
    if not _has_triton():
        return _by_rounds(scores)
    from ssd_lite.bipartite_kernel import launch  # noqa: PLC0415 - imports Triton

    best, column = scores.max(dim=-1)
    return launch(scores.contiguous(), best, column)


@cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


def _shape(scores: Tensor) -> Tensor:
    """What a tracer needs to know of the result."""
    return scores.new_empty(scores.shape[:2], dtype=torch.int64)


def _register() -> Any:
    operator = torch.library.custom_op(
        "ssd_lite::assign", _by_rounds, mutates_args=(), schema="(Tensor scores) -> Tensor"
    )
    operator.register_kernel("cuda")(_on_gpu)
    operator.register_fake(_shape)
    return operator


_OPERATOR = _register()
