"""Detectors as files: weights in safetensors, with all that is needed to build the model again."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ssd_lite.models.ssd import SSD
from ssd_lite.models.states import difference
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
        "input": json.dumps(_input(model)),
        "about": json.dumps(dict(about or {})),
    }
    return save(tensors, metadata=metadata)


def load(path: str | Path) -> SSD:
    """The detector in a file, ready to predict: classes, default boxes and normalisation included.

    Nothing in the file is run. Raises ``ValueError`` when the file is missing, is no such file,
    or was written for another architecture or version, naming what differs.
    """
    metadata, tensors = _read(path)
    try:
        config = json.loads(metadata["model"])
        _check(config, metadata, tensors)
        model = build(config)
        model.load_state_dict(tensors)
    except Exception as error:  # what others wrote there may be anything
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: does not describe a detector of this version: {reason}") from error
    return model.eval()


def build(config: Mapping[str, Any]) -> SSD:
    """The detector that a model's ``config`` describes, with new weights.

    Raises ``ValueError`` for an architecture or an option that is not known here.
    """
    name, options = config["architecture"], config["options"]
    if name not in MODELS:
        raise ValueError(f"architecture must be one of {', '.join(MODELS)}, got {name!r}")
    known = inspect.signature(MODELS[name]).parameters.keys() - {"classes", "default_boxes", "weights"}
    if unknown := sorted(options.keys() - known):
        raise ValueError(f"options of {name} must be among {', '.join(sorted(known))}, got {unknown}")
    boxes = DefaultBoxes.from_dict(config["default_boxes"])
    return MODELS[name](config["classes"], default_boxes=boxes, **options)


def about(path: str | Path) -> dict[str, Any]:
    """What a file says of how its weights came to be. Raises ``ValueError`` as :func:`load` does."""
    metadata, _ = _read(path)
    try:
        return dict(json.loads(metadata.get("about", "{}")))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: about must be a JSON object: {error}") from error


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a file of this format."""
    try:
        with safe_open(Path(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except Exception as error:  # SafetensorError, OSError, and whatever an odd tensor leads to
        raise ValueError(f"{path}: no readable file of weights ({error})") from error
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: format must be {FORMAT!r}, got {metadata.get('format')!r}")
    return metadata, tensors


def _check(config: Mapping[str, Any], metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    """Raises ``ValueError`` naming what the file has and what is needed, before memory is taken for it."""
    with torch.device("meta"):
        model = build(config).eval()
        if rule := difference(tensors, model.state_dict()):
            raise ValueError(f"{config['architecture']} of {len(model.classes)} classes: {rule}")
        model(torch.empty(1, 3, model.image_size, model.image_size))  # raises where the default boxes differ
    if "input" in metadata:  # files of before it was written have none
        size = json.loads(metadata["input"])["size"]
        if size != model.image_size:
            raise ValueError(f"input must be {model.image_size} pixels, got {size}")


def _input(model: SSD) -> dict[str, Any]:
    """What images the model takes: their side in pixels, and what they are normalised with."""
    return {
        "size": model.image_size,
        "mean": model.mean.flatten().tolist(),
        "std": model.std.flatten().tolist(),
    }
