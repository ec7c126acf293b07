"""From offsets and logits to detections: ``python -m benchmarks.prediction``.

Decoding, softmax, the best 400 of each class, suppression at 0.45 and the best 200 of an image: ours for a
whole batch at once, torchvision's SSD image by image and class by class. The logits are as peaked as a
trained detector's: background nearly everywhere, a cluster of confident default boxes around each of eight
objects per image, and a floor of doubtful ones. It is measured twice: with some dozens of boxes of each class
above the threshold of 0.01, and with some hundreds, where torchvision's suppression takes most of the time on
both sides. First both must find the same detections, except for a few whose overlap equals the threshold
within rounding.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings, run
from benchmarks.criterion import CLASSES, some_truths
from benchmarks.timing import comparison, in_turn, peak_gib
from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy, jaccard, xyxy_to_cxcywh
from ssd_lite.detection import detect
from ssd_lite.objective import encode
from ssd_lite.scales import DefaultBoxes

GOAL = 1 / 3
"""Share of torchvision's time that ours may take."""

SAME = 0.995
"""Share of the detections that must be equal on both sides."""

BACKGROUND_LOGIT, VARIANCES = 8.0, (0.1, 0.2)
DOUBTS = {"prediction": 0.95, "prediction, doubtful": 1.55}
"""The spread of the doubtful logits; the book's detector on scenes is as confident as the first."""


def predictions(
    batch: int, layout: DefaultBoxes, *, objects: int = 8, doubt: float = 0.95, seed: int
) -> tuple[Tensor, Tensor]:
    """Offsets (b, d, 4) and logits (b, d, c) like those of a trained detector."""
    generator = torch.Generator().manual_seed(seed)
    truths = some_truths(batch, objects, seed=seed)
    defaults = layout.cxcywh()
    logits = doubt * torch.randn(batch, len(layout), CLASSES + 1, generator=generator)
    logits[..., 0] += BACKGROUND_LOGIT
    overlap, owner = jaccard(truths.boxes_xyxy, cxcywh_to_xyxy(defaults)).max(dim=1)
    near = torch.where(overlap > 0.3, 16 * overlap, 0.0).unsqueeze(-1)  # confident from an overlap of 0.5 on
    labels = truths.labels.gather(1, owner).unsqueeze(-1)
    logits.scatter_add_(2, labels, near)
    boxes = truths.boxes_xyxy.gather(1, owner.unsqueeze(-1).expand(-1, -1, 4))
    offsets = encode(xyxy_to_cxcywh(boxes), defaults, variances=VARIANCES)
    noise = torch.randn(offsets.shape, generator=generator)
    return torch.where(overlap.unsqueeze(-1) > 0.3, offsets + 0.4 * noise, noise), logits


def check(ours: Sequence[dict[str, Tensor]], other: Sequence[dict[str, Tensor]]) -> float:
    """Share of detections that both sides have: the same image and label, box and score equal within
    rounding.

    Raises ``AssertionError`` where it is below ``SAME``.
    """
    shared = total = 0
    for a, b in zip(ours, other, strict=True):
        found, expected = _rows(a, scale=theirs.SIZE_PX), _rows(b, scale=1)
        # a label counts 1000, so that different labels are never close
        apart = torch.cdist(found, expected, compute_mode="donot_use_mm_for_euclid_dist")
        shared += int((apart.min(dim=1).values < 0.05).sum())
        total += max(len(found), len(expected))
    assert total > 0, "nothing was found, so nothing is compared"
    assert shared >= SAME * total, f"only {shared} of {total} detections are the same"
    return shared / total


def _rows(found: dict[str, Tensor], *, scale: int) -> Tensor:
    """One row per detection: box in pixels, score in per cent, label times 1000."""
    columns = found["scores"].unsqueeze(1) * 100, found["labels"].unsqueeze(1) * 1000
    return torch.cat([found["boxes"] * scale, *columns], dim=1).double().cpu()


def measure(chosen: Settings, *, layout: DefaultBoxes | None = None) -> Iterator[dict[str, Any]]:
    """Time per batch of both sides, after they have found the same; a confident and a doubtful detector."""
    layout, batch = layout or scales.ssd300_coco(), chosen.size(quick=2, cpu=32, cuda=32)
    yield {"batch": batch, "default_boxes": len(layout), "classes": CLASSES}
    for name in DOUBTS:
        yield {key: [value] for key, value in _one(name, chosen, layout, batch).items()}


def _one(name: str, chosen: Settings, layout: DefaultBoxes, batch: int) -> dict[str, Any]:
    device = chosen.device
    found = predictions(batch, layout, doubt=DOUBTS[name], seed=chosen.seed)
    offsets, logits = (part.to(device) for part in found)
    model = theirs.without_network(layout, CLASSES).to(device)
    boxes_px = theirs.anchors(model, layout.grids, batch, device)
    head = {"bbox_regression": offsets, "cls_logits": logits}
    sizes = [(theirs.SIZE_PX, theirs.SIZE_PX)] * batch
    defaults = layout.cxcywh(device=device)

    def ours() -> list[dict[str, Tensor]]:
        return detect(offsets, logits, defaults, variances=VARIANCES)

    @torch.no_grad()
    def torchvision() -> list[dict[str, Tensor]]:
        found: list[dict[str, Tensor]] = model.postprocess_detections(head, boxes_px, sizes)
        return found

    works = {"ours": ours, "torchvision": torchvision}
    same = check(ours(), torchvision())
    rounds = chosen.size(quick=2, cpu=7, cuda=15)
    times = in_turn(works, device=device, rounds=rounds, warmup=1)
    candidates = (logits.softmax(dim=-1)[..., 1:] > 0.01).sum(dim=1).float()
    return {
        "candidates_per_class": candidates.mean().item(),
        "detections_per_image": sum(len(found["scores"]) for found in ours()) / batch,
        "agreement": f"{name}: {same:.2%} of the detections are equal",
        "memory_gib": {name: peak_gib(work, device=device) for name, work in works.items()},
        "comparisons": comparison(name, times, goal=GOAL if name == "prediction" else None),
    }


if __name__ == "__main__":
    run("prediction", __doc__, measure)
