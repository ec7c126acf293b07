"""Average precision: of one curve, and the result for all classes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

METHODS = ("area", "11-point")
Curve = Tensor | np.ndarray | Sequence[float | int]


def average_precision(recall: Curve, precision: Curve, *, method: str = "area") -> float:
    """The average precision of one class, in [0, 1]; 0 for an empty curve.

    ``recall`` and ``precision`` (n,) are the curve after each detection, best score first. The precision at a
    recall is the best one reached at that recall or beyond it; of this envelope

    - ``"area"`` takes the area below, as VOC does since 2010;
    - ``"11-point"`` takes the mean at recalls 0, 0.1, … 1, as VOC did until 2009. A recall of 0.3 reaches the
      threshold 0.3, which ``np.arange(0, 1.1, 0.1)`` would put a little higher.

    Raises ``ValueError`` for an unknown method, different lengths, or a recall that decreases or leaves
    [0, 1]. Source: VOC devkit, VOCap.m (2012) and VOCevaldet.m (2007).
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    recall, precision = _as_curve(recall), _as_curve(precision)
    if recall.shape != precision.shape or recall.ndim != 1:
        shapes = f"{tuple(recall.shape)} and {tuple(precision.shape)}"
        raise ValueError(f"recall and precision must be one-dimensional and as many, got {shapes}")
    if not ((recall >= 0) & (recall <= 1)).all() or (recall.diff() < 0).any():
        raise ValueError(f"recall must lie in [0, 1] and never decrease, got {recall.tolist()}")
    envelope = precision.double().flip(0).cummax(0).values.flip(0)
    if method == "area":
        return float((recall.double().diff(prepend=envelope.new_zeros(1)) * envelope).sum())
    # k / 10 in the recall's own type: 7 objects of 10 must reach 0.7 in float32, too.
    thresholds = torch.tensor([k / 10 for k in range(11)], dtype=torch.float64, device="cpu").to(recall.dtype)
    first = torch.searchsorted(recall, thresholds)  # the first place that reaches each; n if none
    return float(torch.cat([envelope, envelope.new_zeros(1)])[first].mean())


def _as_curve(values: Curve) -> Tensor:
    """The values on the CPU, in float64 unless they come in another floating type."""
    curve = values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    return curve if curve.is_floating_point() else curve.double()


@dataclass(frozen=True)
class AveragePrecision:
    """What an evaluator computes: average precision, NaN for a class without objects.

    ``mean`` leaves such classes out; NaN if no other is left. ``counts`` leaves difficult objects out. From
    VOC also the curves, float64 (n,), a point for each detection that is not ignored, best score first, empty
    for a class without objects; from COCO its twelve numbers, ``metrics``, named as in ``COCO_METRICS``.
    """

    mean: float
    per_class: dict[str, float]
    counts: dict[str, int]
    recall: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    precision: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    metrics: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The numbers for a JSON file: without curves, and None for NaN, which JSON lacks."""
        per_class, metrics = _for_json(self.per_class), _for_json(self.metrics)
        numbers = {"per_class": per_class, "counts": dict(self.counts), "metrics": metrics}
        return {**_for_json({"mean": self.mean}), **numbers}


def _for_json(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}
