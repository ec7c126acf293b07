"""Match, encode, mine, loss, backward: ``python -m benchmarks.criterion``.

A batch of predictions and truths goes through the objective and its gradients, ours and torchvision's, with
3 to 300 objects per image. At each count both must first agree, in loss and gradients, on truths without
conflicts: where two objects want the same default box, torchvision gives it to the later one and may lose the
other, while here the greatest overlap chooses first. The truths that are timed have conflicts. On a GPU ours
is measured eagerly and compiled, and must never wait for the host; the first call, which compiles, is timed
apart.

Beside this, ``matching`` compares matching alone with the table of overlaps that it needs, up to 700 objects.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings, run
from benchmarks.timing import comparison, in_turn, no_host_sync, peak_gib, summary, synchronize
from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy, jaccard
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.matching import match
from ssd_lite.scales import DefaultBoxes
from ssd_lite.truths import Truths

CLASSES = 20
OBJECTS = (3, 8, 50, 300)
CROWD, CROWDED = 100, 700
"""From so many objects on they are as small as goods on a shelf; and the most that matching is timed with."""

GOALS = {"cpu": {3: 0.5, 8: 0.5, 50: 1.0}, "cuda": {3: 0.1, 8: 0.1}}
"""The share of torchvision's time that ours may take, by device and objects per image."""

GOALS_S = {8: 1e-3, 50: 2e-3}
"""Seconds that the compiled criterion may take on a GPU, by objects per image."""

MATCHING_GOAL = 2.0
"""How many times as long as the table of overlaps matching may take."""


class Predictions:
    """Random offsets and logits of a batch, the same for both sides."""

    def __init__(self, batch: int, layout: DefaultBoxes, *, seed: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        offsets = torch.randn(batch, len(layout), 4, generator=generator)
        logits = 2 * torch.randn(batch, len(layout), CLASSES + 1, generator=generator)
        self.offsets = offsets.to(device).requires_grad_()
        self.logits = logits.to(device).requires_grad_()

    def back(self, loss: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """The loss and its gradients with respect to offsets and logits."""
        self.offsets.grad = self.logits.grad = None
        value = loss(self.offsets, self.logits)
        value.backward()  # type: ignore[no-untyped-call]
        assert self.offsets.grad is not None
        assert self.logits.grad is not None
        return value.detach(), self.offsets.grad, self.logits.grad


def some_truths(batch: int, objects: int, *, seed: int) -> Truths:
    """Objects anywhere, up to twice as long as wide: 0.05 to 0.6 of the image, 0.02 to 0.12 in crowds."""
    generator = torch.Generator().manual_seed(seed)
    smallest, largest = (0.02, 0.12) if objects >= CROWD else (0.05, 0.6)
    scale = smallest * (largest / smallest) ** torch.rand(batch, objects, 1, generator=generator)
    stretch = 2 ** (torch.rand(batch, objects, 1, generator=generator) - 0.5)
    sides = torch.cat([scale * stretch, scale / stretch], dim=-1)
    low = torch.rand(batch, objects, 2, generator=generator) * (1 - sides)
    labels = torch.randint(1, CLASSES + 1, (batch, objects), generator=generator)
    return Truths(torch.cat([low, low + sides], dim=-1), labels, torch.zeros_like(labels, dtype=torch.bool))


def without_conflicts(truths: Truths, layout: DefaultBoxes) -> Truths:
    """The truths that have one answer: each object has a best default box, and shares it with none. Removes
    objects whose two best overlaps differ by rounding alone, the later of two objects that want the same box,
    and objects with an overlap so close to the threshold that rounding decides.
    """
    defaults = cxcywh_to_xyxy(layout.cxcywh().double())
    rows = [
        _ambiguous(boxes, present, defaults)
        for boxes, present in zip(truths.boxes_xyxy, truths.present, strict=True)
    ]
    return truths.without(torch.stack(rows))


def _ambiguous(boxes: Tensor, present: Tensor, defaults: Tensor) -> Tensor:
    """Which objects of one image (t) have no clear answer."""
    overlaps = jaccard(boxes.double(), defaults)
    best = overlaps.topk(2, dim=-1)
    unsure = (best.values[:, 0] - best.values[:, 1] < 1e-5) | ((overlaps - 0.5).abs() < 1e-6).any(-1)
    box = best.indices[:, 0]
    same_box = (box.unsqueeze(-1) == box.unsqueeze(-2)) & present
    return unsure | same_box.tril(-1).any(dim=-1)


def check(ours: Sequence[Tensor], other: Sequence[Tensor]) -> None:
    """Raises ``AssertionError`` unless loss and gradients of both sides are the same but for rounding."""
    for name, a, b in zip(("loss", "gradient of offsets", "gradient of logits"), ours, other, strict=True):
        difference = (a - b).norm() / b.norm()
        assert b.norm() > 0, f"{name}: torchvision's is 0, so nothing is compared"
        assert difference < 1e-4, f"{name}: ours and torchvision's differ by {difference:.2g} of its size"


def measure(chosen: Settings, *, layout: DefaultBoxes | None = None) -> Iterator[dict[str, Any]]:
    """Both sides at every number of objects, after they have agreed at it; then matching alone."""
    layout = layout or scales.ssd300_coco()
    bench = _Bench(layout, chosen.size(quick=2, cpu=32, cuda=32), chosen)
    yield {
        "batch": bench.batch,
        "default_boxes": len(layout),
        "classes": CLASSES,
        "agreement": "loss and gradients agree on truths without conflicts",
        "host_syncs": 0 if chosen.device.type == "cuda" else None,
    }
    counts: Sequence[int] = (3,) if chosen.quick else OBJECTS
    for objects in counts:
        first_call_s = bench.agree(objects)
        yield {"comparisons": bench.compare(objects, first_call_s)}
    yield {"memory_gib": bench.memory(counts[-1])}
    for objects in (*counts, *(() if chosen.quick else (CROWDED,))):
        compared = matching(objects, layout, chosen)
        print(
            f"matching, {objects} objects: {compared['matching']['median_s'] * 1e3:.2f} ms, "
            f"{compared['times_the_table']:.2f} times the table of overlaps"
        )
        yield {"matching": [compared]}


def matching(objects: int, layout: DefaultBoxes, chosen: Settings) -> dict[str, Any]:
    """Matching alone beside the table of overlaps alone, eagerly, a few images at a time."""
    images = chosen.size(quick=2, cpu=4, cuda=32)
    truths = some_truths(images, objects, seed=chosen.seed + 1).to(chosen.device)
    defaults = cxcywh_to_xyxy(layout.cxcywh()).to(chosen.device)
    works = {
        "table": lambda: jaccard(truths.boxes_xyxy, defaults),
        "matching": lambda: match(truths.boxes_xyxy, defaults, present=truths.present),
    }
    times = in_turn(works, device=chosen.device, rounds=chosen.size(quick=2, cpu=9, cuda=15))
    sides = {name: summary(values) for name, values in times.items()}
    ratio = sides["matching"]["median_s"] / sides["table"]["median_s"]
    return {"objects": objects, "images": images, **sides, "times_the_table": ratio, "goal": MATCHING_GOAL}


class _Bench:
    def __init__(self, layout: DefaultBoxes, batch: int, chosen: Settings) -> None:
        self.layout, self.batch, self.chosen, self.device = layout, batch, chosen, chosen.device
        self.predictions = Predictions(batch, layout, seed=chosen.seed, device=chosen.device)
        self.model = theirs.without_network(layout, CLASSES).to(chosen.device)
        self.anchors = theirs.anchors(self.model, layout.grids, batch, chosen.device)
        eager = MultiBoxCriterion(layout).to(chosen.device)
        self.sides: dict[str, Callable[..., Any]] = {"ours": eager}
        if chosen.full:
            self.sides["ours, compiled"] = torch.compile(eager, dynamic=False)

    def works(self, truths: Truths) -> dict[str, Callable[[], tuple[Tensor, Tensor, Tensor]]]:
        """One call per side for a batch of truths."""
        placed, back = truths.to(self.device), self.predictions.back
        targets = theirs.targets(placed)

        def of(criterion: Callable[..., Any]) -> Callable[[], tuple[Tensor, Tensor, Tensor]]:
            return lambda: back(lambda offsets, logits: criterion(offsets, logits, placed).total)

        def torchvision() -> tuple[Tensor, Tensor, Tensor]:
            return back(
                lambda offsets, logits: theirs.loss(self.model, offsets, logits, targets, self.anchors)
            )

        return {name: of(criterion) for name, criterion in self.sides.items()} | {"torchvision": torchvision}

    def agree(self, objects: int) -> dict[str, float]:
        """Compare both sides on truths without conflicts; returns the seconds of the first call of each of
        ours.
        """
        truths = some_truths(self.batch, objects, seed=self.chosen.seed)
        works = self.works(without_conflicts(truths, self.layout))
        expected, first_call_s = works.pop("torchvision")(), {}
        for name, work in works.items():
            began = time.perf_counter()
            found = work()
            synchronize(self.device)
            first_call_s[name] = time.perf_counter() - began
            check(found, expected)
        return first_call_s

    def compare(self, objects: int, first_call_s: dict[str, float]) -> list[dict[str, Any]]:
        """Each of our sides against torchvision's, on truths with conflicts."""
        works = self.works(some_truths(self.batch, objects, seed=self.chosen.seed + 1))
        for name, work in works.items():
            if name != "torchvision":
                work()
                with no_host_sync(self.device):
                    work()
        rounds = self.chosen.size(quick=2, cpu=5 if objects >= CROWD else 9, cuda=15)
        calls = self.chosen.size(quick=1, cpu=1, cuda=5)
        times = in_turn(works, device=self.device, rounds=rounds, calls=calls)
        return [
            self._compared(objects, side, times) | {"first_call_s": first_call_s[side]} for side in self.sides
        ]

    def _compared(self, objects: int, side: str, times: dict[str, list[float]]) -> dict[str, Any]:
        # On a GPU the goals are those of training, which compiles; on a CPU those of the plain criterion.
        is_last = side == list(self.sides)[-1]
        goal = GOALS[self.device.type].get(objects) if is_last else None
        goal_s = GOALS_S.get(objects) if is_last and self.device.type == "cuda" else None
        compared = comparison(_title(objects, side), times, goal=goal, side=side)
        return compared | {"objects": objects, "goal_s": goal_s}

    def memory(self, objects: int) -> dict[str, float | None]:
        """Peak GiB of GPU memory of each side; None on a CPU."""
        works = self.works(some_truths(self.batch, objects, seed=self.chosen.seed + 1))
        return {name: peak_gib(work, device=self.device) for name, work in works.items()}


def _title(objects: int, side: str) -> str:
    _, _, how = side.partition(", ")
    return f"criterion, {objects} objects" + (f", {how}" if how else "")


if __name__ == "__main__":
    run("criterion", __doc__, measure)
