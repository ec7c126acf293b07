"""The traced graphs of a whole step, backward pass included: nothing compiles badly, or waits for a GPU.

A CPU compiles and runs what a GPU cannot, so these faults would otherwise show up on a GPU alone.
"""

from collections import Counter

import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from torch.fx import GraphModule

from ssd_lite import models, recipes
from ssd_lite.augmentation import Photometric
from ssd_lite.data import Batch, Scenes
from ssd_lite.training import Trainer
from ssd_lite.truths import Truths

pytestmark = pytest.mark.plain

EVERYTHING = recipes.scenes().changed(
    compile=True,
    batch=2,
    zoom_out=0.5,
    photometric=Photometric(shuffle=0.5),
    criterion={"train_difficult": False},
)

WAITS = ("nonzero", "masked_select", "unique", "_local_scalar_dense", "item", "bincount", "_assert")
"""Operations whose result decides a shape or a number that the host must know."""

SCANS = ("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "associative_scan")
"""Operations that Inductor compiled wrongly, or not at all, over long rows on a GPU."""

INDEXING = ("index", "index_put", "index_put_", "_unsafe_index_put")

LONG = 256
"""A row that is longer than this is scanned in several blocks."""


@pytest.fixture
def traced(monkeypatch) -> list[GraphModule]:
    """The graphs, forward and backward, of everything that is compiled in the test."""
    graphs: list[GraphModule] = []

    def record(graph: GraphModule, inputs):
        graphs.append(graph)
        return make_boxed_func(graph.forward)

    backend, compile_ = aot_autograd(fw_compiler=record, bw_compiler=record), torch.compile
    monkeypatch.setattr(torch, "compile", lambda part, **options: compile_(part, backend=backend, **options))
    torch._dynamo.reset()
    return graphs


def _batch(objects: int) -> Batch:
    """Two images of noise with so many objects each, some of them difficult."""
    corners = torch.rand(2, objects, 2) * 0.8
    boxes = torch.cat([corners, corners + 0.02 + 0.1 * torch.rand(2, objects, 2)], dim=2)
    truths = Truths(boxes, torch.randint(1, 9, (2, objects)), torch.rand(2, objects) < 0.2)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    return Batch(images, torch.full((2, 2), 64), truths, ["a", "b"])


def _trainer(**changes) -> Trainer:
    model = models.ssd_tiny(Scenes(count=0).classes)
    return Trainer(model, EVERYTHING.changed(**changes), device="cpu")


def _name(node: torch.fx.Node) -> str:
    return str(node.target).removeprefix("aten.").partition(".")[0]


def _faults(graphs: list[GraphModule]) -> list[str]:
    """The operations that must not be there."""
    calls = [node for graph in graphs for node in graph.graph.nodes if node.op == "call_function"]
    found = [_name(node) for node in calls if _name(node) in WAITS]
    for node in calls:
        if _name(node) in SCANS and node.args[0].meta["val"].shape[node.args[1]] > LONG:
            found.append(_name(node))
        if _name(node) in INDEXING:
            indices = [index.meta["val"].dtype for index in node.args[1] if index is not None]
            found += [_name(node)] * (torch.bool in indices)
    return found


def test_the_whole_step_holds_no_operation_that_waits_or_scans(traced) -> None:
    _trainer().step(_batch(20), 0)
    assert len(traced) == 5  # augmentation, network and criterion, the latter two backward, too
    names = Counter(_name(node) for graph in traced for node in graph.graph.nodes)
    assert names["convolution"] > 10  # it is the step that was traced
    assert names["convolution_backward"] > 10
    assert _faults(traced) == []


@pytest.mark.parametrize(
    "criterion",
    [
        {"mining": "all"},
        {"mine_per_batch": True},
        {"normalize": "image"},
        {"rule": "multibox"},
        {"rule": "threshold", "inclusive": True},
    ],
    ids=str,
)
def test_no_option_of_the_criterion_brings_one_in(traced, criterion: dict) -> None:
    trainer = _trainer(criterion=criterion)
    offsets = torch.randn(2, 2046, 4, requires_grad=True)
    logits = torch.randn(2, 2046, 9, requires_grad=True)
    trainer.loss(offsets, logits, _batch(20).truths).total.backward()
    assert len(traced) == 2
    assert _faults(traced) == []


def test_what_must_not_be_there_would_be_found(traced) -> None:
    def bad(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        values = values.cumsum(dim=1)
        values = values.index_put((mask,), torch.zeros(()))
        return values + values[:, :LONG].cumsum(dim=1).sum()

    torch.compile(bad, fullgraph=True)(torch.rand(2, 1000), torch.rand(2, 1000) < 0.5)
    assert sorted(_faults(traced)) == ["cumsum", "index_put"]


def test_the_graphs_have_as_many_nodes_at_300_objects_as_at_3(traced) -> None:
    sizes = []
    for objects in (3, 300):
        traced.clear()
        torch._dynamo.reset()
        _trainer().step(_batch(objects), 0)
        sizes.append([len(graph.graph.nodes) for graph in traced])
    assert sizes[0] == sizes[1]
    assert sum(sizes[0]) < 3000
