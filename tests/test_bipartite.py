"""Greedy bipartite assignment: both versions give the literal answer, in a graph of one node."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_lite.bipartite import UNASSIGNED, _settle, assign

ROOT = Path(__file__).parents[1]


def literal(scores: list[list[float]]) -> list[int]:
    """The greatest score first, ties to the lower row, then to the lower column."""
    own, rows, columns = [UNASSIGNED] * len(scores), set(range(len(scores))), set(range(len(scores[0])))
    while True:
        left = [(-scores[r][c], r, c) for r in rows for c in columns if scores[r][c] >= 0]
        if not left:
            return own
        _, row, column = min(left)
        own[row] = column
        rows.remove(row)
        columns.remove(column)


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 3), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_greatest_score_is_settled_first(rows, columns, images, values, seed) -> None:
    """Few different values, so that ties are everywhere; -1 is a score that must not be assigned."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(-1, values, (images, rows, columns), generator=generator).double() / 4
    assert assign(scores).tolist() == [literal(table) for table in scores.tolist()]
    best, column = scores[0].max(dim=-1)
    assert _settle(scores[0], best, column).tolist() == literal(scores[0].tolist())


def test_a_long_chain_of_rejections_is_followed_to_its_end() -> None:
    """Every row wants most what the row before it wants second."""
    size = 40
    scores = torch.zeros(size, size, dtype=torch.float64)
    for row in range(size):
        scores[row, row] = 0.9 - row / 100
        scores[row, max(row - 1, 0)] = 0.9 - row / 100 + 0.005
    assert assign(scores).tolist() == literal(scores.tolist())


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4), (0, 2, 4)])
def test_an_empty_table_has_an_empty_answer(shape: tuple[int, ...]) -> None:
    assert assign(torch.zeros(shape)).shape == shape[:-1]


def test_scores_are_left_as_they_were() -> None:
    scores = torch.rand(3, 6, 4)
    before = scores.clone()
    assign(scores)
    assert scores.equal(before)


@pytest.mark.plain
@pytest.mark.parametrize("rows", [3, 300])
def test_a_graph_holds_one_node(rows: int) -> None:
    graphs = []

    def record(graph, inputs):
        graphs.append(graph)
        return graph

    torch.compile(assign, fullgraph=True, dynamic=False, backend=record)(torch.rand(2, rows, 50))
    calls = [node for graph in graphs for node in graph.graph.nodes if node.op == "call_function"]
    assert [str(node.target) for node in calls] == ["ssd_lite.assign.default"] or len(calls) == 1


INTERPRETED = """
import torch
from ssd_lite.bipartite import assign
from ssd_lite.bipartite_kernel import launch
torch.manual_seed(0)
for rows, columns, values in [(3, 10, 5), (8, 40, 3), (20, 15, 4), (1, 5, 2), (7, 1500, 6), (16, 64, 2)]:
    scores = torch.randint(-1, values, (3, rows, columns)).float() / 4
    scores[1, 0] = -1
    assert launch(scores, *scores.max(dim=-1)).equal(assign(scores)), (rows, columns)
print("agree")
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU runs the kernel itself")
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_the_kernel_for_gpus_agrees_when_it_is_interpreted() -> None:
    """Triton runs kernels on a CPU where the environment asks for it, before it is imported."""
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "agree", done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("rows", "values"), [(3, 1000), (50, 20), (300, 4), (700, 1000)])
def test_a_gpu_agrees_and_is_not_waited_for(rows: int, values: int) -> None:
    scores = torch.randint(-1, values, (4, rows, 8732)).float() / values
    on_gpu = scores.cuda()
    assign(on_gpu)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = assign(on_gpu)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert found.cpu().equal(assign(scores))
