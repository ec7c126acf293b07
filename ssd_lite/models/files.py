"""Detectors as safetensors files: the weights, and all that is needed to build the model again."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ssd_lite.messages import plural
from ssd_lite.models.ssd import SSD
from ssd_lite.models.state_dicts import mismatch
from ssd_lite.models.zoo import MODELS
from ssd_lite.scales import DefaultBoxes

FORMAT = "ssd_lite 1"


def to_bytes(model: SSD, *, about: Mapping[str, Any] | None = None, half: bool = False) -> bytes:
    """The content of a file that :func:`load` reads.

    ``about`` is stored as JSON, for example the recipe and metrics. ``half=True`` stores the weights of
    convolutions in float16, which halves the file; they load as float32 again, rounded.
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
    """The detector in a file, in evaluation mode, with its classes, default boxes and normalisation.

    No code in the file is run. Raises ``ValueError`` naming the file and the reason if it cannot be
    read, is damaged, or does not hold a detector of this version.
    """
    metadata, tensors = _read(path)
    try:
        config = json.loads(metadata["model"])
        _check_config(config, metadata, tensors)
        model = build(config)
        model.load_state_dict(tensors)
    except Exception as error:  # a foreign file may hold anything
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: must hold a detector of this version of ssd_lite: {reason}") from error
    return model.eval()


def build(config: Mapping[str, Any]) -> SSD:
    """A detector with random weights, built from another one's ``config``.

    Raises ``ValueError`` for an unknown architecture or option, ``KeyError`` for a missing one.
    """
    name, options = config["architecture"], config["options"]
    if name not in MODELS:
        raise ValueError(f"architecture must be one of {', '.join(MODELS)}, got {name!r}")
    known = inspect.signature(MODELS[name]).parameters.keys() - {"classes", "default_boxes", "weights"}
    if unknown := sorted(options.keys() - known):
        raise ValueError(f"options of {name} must be some of {', '.join(sorted(known))}, got {unknown}")
    boxes = DefaultBoxes.from_dict(config["default_boxes"])
    return MODELS[name](config["classes"], default_boxes=boxes, **options)


def about(path: str | Path) -> dict[str, Any]:
    """The ``about`` that :func:`to_bytes` stored in a file, {} if none.

    Raises ``ValueError`` as :func:`load` does.
    """
    metadata, _ = _read(path)
    try:
        return dict(json.loads(metadata.get("about", "{}")))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: about must be a JSON object: {error}") from error


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """A file's metadata and tensors. Raises ``ValueError`` if it cannot be read or has another format."""
    try:
        with safe_open(Path(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except Exception as error:  # SafetensorError, OSError, and more for odd tensors
        raise ValueError(f"{path}: no readable file of weights ({error})") from error
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: format must be {FORMAT!r}, got {metadata.get('format')!r}")
    return metadata, tensors


def _check_config(
    config: Mapping[str, Any], metadata: Mapping[str, str], tensors: Mapping[str, Tensor]
) -> None:
    """Raise ``ValueError`` if the tensors do not fit the config, before any memory is allocated for it."""
    with torch.device("meta"):
        model = build(config).eval()
        if problem := mismatch(tensors, model.state_dict()):
            raise ValueError(
                f"{config['architecture']} of {plural(len(model.classes), 'class', 'classes')}: {problem}"
            )
        model(torch.empty(1, 3, model.image_size, model.image_size))  # raises if default boxes differ
    if "input" in metadata:  # missing in the oldest files
        size = json.loads(metadata["input"])["size"]
        if size != model.image_size:
            raise ValueError(f"input size must be {model.image_size} pixels, got {size}")


def _input(model: SSD) -> dict[str, Any]:
    """The size in pixels of the model's input, and the mean and deviation that normalise it."""
    return {
        "size": model.image_size,
        "mean": model.mean.flatten().tolist(),
        "std": model.std.flatten().tolist(),
    }
