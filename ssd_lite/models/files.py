"""Detectors as files: weights in safetensors, with all that is needed to build the model again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ssd_lite.models.ssd import SSD
from ssd_lite.models.zoo import MODELS
from ssd_lite.scales import DefaultBoxes

FORMAT = "ssd_lite 1"


def to_bytes(model: SSD, *, about: Mapping[str, Any] | None = None, half: bool = False) -> bytes:
    """The model as the content of a file; ``about`` is anything that JSON can hold: recipe, metrics.

    ``half`` writes the convolutions in float16, which halves the file and rounds their weights;
    biases and norms keep their type. :func:`load` gives float32 either way.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    if half:
        tensors = {name: value.half() if value.ndim > 1 else value for name, value in tensors.items()}
    metadata = {
        "format": FORMAT,
        "model": json.dumps(model.config),
        "about": json.dumps(dict(about or {})),
    }
    return save(tensors, metadata=metadata)


def load(path: str | Path) -> SSD:
    """The detector in a file, ready to predict: classes, default boxes and normalisation included.

    Nothing in the file is run. Raises ``ValueError`` when the file is missing, is no such file,
    or was written for another architecture or version, naming what differs.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: no readable file of weights ({error})") from error
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: format must be {FORMAT!r}, got {metadata.get('format')!r}")
    try:
        model = build(json.loads(metadata["model"]))
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: does not describe a detector of this version: {error}") from error
    return model.eval()


def build(config: Mapping[str, Any]) -> SSD:
    """The detector that a model's ``config`` describes, with new weights."""
    boxes = DefaultBoxes.from_dict(config["default_boxes"])
    return MODELS[config["architecture"]](config["classes"], default_boxes=boxes, **config["options"])


def about(path: str | Path) -> dict[str, Any]:
    """What a file says of how its weights came to be."""
    with safe_open(Path(path), framework="pt") as file:
        return dict(json.loads((file.metadata() or {}).get("about", "{}")))
