"""Average precision of one curve, and the result of an evaluation over all classes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssd_lite.messages import plural

METHODS = ("area", "11-point")
Curve = Tensor | np.ndarray | Sequence[float | int]


def average_precision(recall: Curve, precision: Curve, *, method: str = "area") -> float:
    """The average precision of one class, in [0, 1]; 0 for an empty curve.

    ``recall`` and ``precision`` (n,) are the values after each detection, best score first. The envelope at a
    recall is the highest precision at that recall or a higher one. Of the envelope,

    - ``"area"`` takes the area under it, as VOC does since 2010;
    - ``"11-point"`` takes the mean at recalls 0, 0.1, …, 1, as VOC did until 2009. A recall of 0.3 reaches
      the threshold 0.3, which ``np.arange(0, 1.1, 0.1)`` would place slightly higher.

    Raises ``ValueError`` for an unknown method, for different lengths, and for a recall that decreases or
    lies outside [0, 1]. Source: VOC devkit, VOCap.m (2012) and VOCevaldet.m (2007).
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    recall, precision = _as_curve(recall), _as_curve(precision)
    if recall.shape != precision.shape or recall.ndim != 1:
        shapes = f"{tuple(recall.shape)} and {tuple(precision.shape)}"
        raise ValueError(f"recall and precision must be one-dimensional and of the same length, got {shapes}")
    if not ((recall >= 0) & (recall <= 1)).all() or (recall.diff() < 0).any():
        raise ValueError(f"recall must lie in [0, 1] and never decrease, got {recall.tolist()}")
    envelope = precision.double().flip(0).cummax(0).values.flip(0)
    if method == "area":
        return float((recall.double().diff(prepend=envelope.new_zeros(1)) * envelope).sum())
    # k / 10 in the dtype of the recall, so that 7 objects of 10 reach 0.7 in float32, too.
    thresholds = torch.tensor([k / 10 for k in range(11)], dtype=torch.float64, device="cpu").to(recall.dtype)
    first = torch.searchsorted(recall, thresholds)  # the first index that reaches each; n if none does
    return float(torch.cat([envelope, envelope.new_zeros(1)])[first].mean())


def _as_curve(values: Curve) -> Tensor:
    """The values on the CPU, in their own floating dtype, or in float64."""
    curve = values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    return curve if curve.is_floating_point() else curve.double()


@dataclass(frozen=True)
class AveragePrecision:
    """The result of an evaluation: average precision per class and its mean.

    - ``mean``: over the classes with objects; NaN if there are none.
    - ``per_class``: NaN for a class without objects.
    - ``counts``: objects per class, difficult ones left out.
    - ``recall``, ``precision``: VOC's curves, float64 (n,), one point per detection that is not ignored, best
      score first; empty for a class without objects.
    - ``metrics``: COCO's twelve numbers, named as in ``COCO_METRICS``.
    - ``metric``: how it was computed, such as "VOC, IoU 0.5, area".
    """

    mean: float
    per_class: dict[str, float]
    counts: dict[str, int]
    recall: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    precision: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    metrics: dict[str, float] = field(default_factory=dict)
    metric: str = field(default="", compare=False)

    def __repr__(self) -> str:
        """For example "mAP 0.873 over 8 classes (VOC, IoU 0.5, area)"."""
        classes = sum(not math.isnan(value) for value in self.per_class.values())
        metric = f" ({self.metric})" if self.metric else ""
        return f"mAP {self.mean:.3f} over {plural(classes, 'class', 'classes')}{metric}"

    def to_dict(self) -> dict[str, Any]:
        """The numbers for a JSON file, without the curves; NaN, which JSON lacks, becomes None."""
        per_class, metrics = _for_json(self.per_class), _for_json(self.metrics)
        numbers = {"per_class": per_class, "counts": dict(self.counts), "metrics": metrics}
        return {**_for_json({"mean": self.mean}), **numbers}


def _for_json(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}
