"""Match, encode, mine, lose, go back: ``python -m benchmarks.criterion``.

A batch of predictions and truths goes through the objective and its gradients, ours and torchvision's
SSD's, with 3 to 50 objects an image. Before that both must agree, loss and gradients, on the same
predictions with truths that do not conflict: where two objects want one default box, torchvision lets the
later one have it and may lose the other, and here the greater overlap chooses first. The truths that are
timed are any. On a GPU ours is measured as it stands and compiled, and may not once wait for the host.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings, run
from benchmarks.timing import comparison, in_turn, no_host_sync, peak_gib
from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy, jaccard
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.scales import DefaultBoxes
from ssd_lite.truths import Truths

CLASSES = 20
OBJECTS = (3, 8, 20, 50)
GOALS = {"cpu": {3: 0.5, 8: 0.5, 50: 1.0}, "cuda": {3: 0.1, 8: 0.1, 20: 0.1}}
"""The share of torchvision's time that ours may take, by device and objects an image."""


class Predictions:
    """Random offsets and logits of a batch, the same for both sides; their gradients start anew each time."""

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
    """Objects anywhere, sides 0.05 to 0.6 of the image, up to twice as long as wide."""
    generator = torch.Generator().manual_seed(seed)
    scale = 0.05 * 12 ** torch.rand(batch, objects, 1, generator=generator)
    stretch = 2 ** (torch.rand(batch, objects, 1, generator=generator) - 0.5)
    sides = torch.cat([scale * stretch, scale / stretch], dim=-1)
    low = torch.rand(batch, objects, 2, generator=generator) * (1 - sides)
    labels = torch.randint(1, CLASSES + 1, (batch, objects), generator=generator)
    return Truths(torch.cat([low, low + sides], dim=-1), labels, torch.zeros_like(labels, dtype=torch.bool))


def without_conflicts(truths: Truths, layout: DefaultBoxes) -> Truths:
    """The truths for which there is one answer: every object has a best default box, and has it alone.

    Objects whose two best overlaps differ by rounding are left out, and so is the later of two that
    want the same box, and one with an overlap so close to the threshold that rounding decides.
    """
    overlaps = jaccard(truths.boxes_xyxy.double(), cxcywh_to_xyxy(layout.cxcywh().double()))
    best = overlaps.topk(2, dim=-1)
    unsure = (best.values[..., 0] - best.values[..., 1] < 1e-5) | ((overlaps - 0.5).abs() < 1e-6).any(-1)
    box = best.indices[..., 0]
    wanted = (box.unsqueeze(-1) == box.unsqueeze(-2)) & truths.present.unsqueeze(-2)
    earlier = torch.ones_like(wanted[0]).tril(-1)
    return truths.without(unsure | (wanted & earlier).any(dim=-1))


def check(ours: Sequence[Tensor], other: Sequence[Tensor]) -> None:
    """Raises ``AssertionError`` unless loss and gradients of both sides are the same but for rounding."""
    for name, a, b in zip(("loss", "gradient of offsets", "gradient of logits"), ours, other, strict=True):
        difference = (a - b).norm() / b.norm()
        assert b.norm() > 0, f"{name}: torchvision's is 0, so nothing is compared"
        assert difference < 1e-4, f"{name}: ours and torchvision's differ by {difference:.2g} of its size"


def measure(chosen: Settings, *, layout: DefaultBoxes | None = None) -> dict[str, Any]:
    """Both sides at every number of objects, after both have agreed at each."""
    layout = layout or scales.ssd300_coco()
    batch = chosen.size(quick=2, cpu=32, cuda=32)
    counts: Sequence[int] = (3,) if chosen.quick else OBJECTS
    bench = _Bench(layout, batch, chosen)
    for objects in counts:
        bench.agree(objects)
    compared: list[dict[str, Any]] = []
    for objects in counts:
        compared += bench.compare(objects)
    return {
        "batch": batch,
        "default_boxes": len(layout),
        "classes": CLASSES,
        "agreement": "loss and gradients alike on truths without conflicts",
        "host_syncs": 0 if chosen.device.type == "cuda" else None,
        "memory_gib": bench.memory(counts[-1]),
        "comparisons": compared,
    }


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
        """What each side does with a batch of truths."""
        targets = theirs.targets(truths.to(self.device))
        placed, back = truths.to(self.device), self.predictions.back

        def of(criterion: Callable[..., Any]) -> Callable[[], tuple[Tensor, Tensor, Tensor]]:
            return lambda: back(lambda offsets, logits: criterion(offsets, logits, placed).total)

        def torchvision() -> tuple[Tensor, Tensor, Tensor]:
            return back(
                lambda offsets, logits: theirs.loss(self.model, offsets, logits, targets, self.anchors)
            )

        return {name: of(criterion) for name, criterion in self.sides.items()} | {"torchvision": torchvision}

    def agree(self, objects: int) -> None:
        """Both sides on truths without conflicts; nothing is timed."""
        truths = some_truths(self.batch, objects, seed=self.chosen.seed)
        works = self.works(without_conflicts(truths, self.layout))
        expected = works.pop("torchvision")()
        for work in works.values():
            check(work(), expected)

    def compare(self, objects: int) -> list[dict[str, Any]]:
        """Each of our sides against torchvision's, on any truths."""
        works = self.works(some_truths(self.batch, objects, seed=self.chosen.seed + 1))
        for name, work in works.items():
            if name != "torchvision":
                work()  # compiles, which may wait for the device
                with no_host_sync(self.device):
                    work()
        rounds = self.chosen.size(quick=2, cpu=9, cuda=15)
        times = in_turn(
            works, device=self.device, rounds=rounds, calls=self.chosen.size(quick=1, cpu=1, cuda=5)
        )
        # On a GPU the goal is that of training, which compiles; on a CPU that of the plain criterion.
        goals = GOALS[self.device.type]
        found = []
        for name in self.sides:
            goal = goals.get(objects) if name == list(self.sides)[-1] else None
            compared = comparison(_title(objects, name), times, goal=goal, side=name)
            found.append(compared | {"objects": objects})
        return found

    def memory(self, objects: int) -> dict[str, float | None]:
        """GiB of GPU memory at most, for each side; None on a CPU."""
        works = self.works(some_truths(self.batch, objects, seed=self.chosen.seed + 1))
        return {name: peak_gib(work, device=self.device) for name, work in works.items()}


def _title(objects: int, side: str) -> str:
    _, _, how = side.partition(", ")
    return f"criterion, {objects} objects" + (f", {how}" if how else "")


if __name__ == "__main__":
    run("criterion", __doc__, measure)
