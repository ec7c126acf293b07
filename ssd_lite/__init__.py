"""How the SSD object detector is trained, one module per step.

The five steps of section 2.2 of the SSD paper are :mod:`~ssd_lite.matching`, :mod:`~ssd_lite.objective`,
:mod:`~ssd_lite.scales`, :mod:`~ssd_lite.mining` and :mod:`~ssd_lite.augmentation`;
:mod:`~ssd_lite.criterion` and :mod:`~ssd_lite.training` put them together. :func:`ssd_lite.data.open_folder`
opens a folder of annotated images, and :func:`ssd_lite.models.load` a trained detector.
"""

from ssd_lite import (
    analysis,
    augmentation,
    boxes,
    criterion,
    data,
    detection,
    evaluation,
    export,
    matching,
    mining,
    models,
    objective,
    recipes,
    scales,
    training,
)
from ssd_lite.truths import Truth, Truths

__version__ = "0.1.0"

__all__ = [
    "Truth",
    "Truths",
    "analysis",
    "augmentation",
    "boxes",
    "criterion",
    "data",
    "detection",
    "evaluation",
    "export",
    "matching",
    "mining",
    "models",
    "objective",
    "recipes",
    "scales",
    "training",
]
