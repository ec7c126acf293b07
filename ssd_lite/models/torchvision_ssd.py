"""Converts detectors from torchvision's ``ssd300_vgg16`` and back.

Both networks have the same layers under different names. The settings are converted with the weights: input
normalisation, default boxes, the box coder's weights (1 / variances), and the thresholds and limits of
detection. Raw outputs then agree to float32 rounding. Detections in images of the model's own size agree,
too, with these exceptions:

- torchvision also returns boxes without area, for example outside the image, and counts them towards its
  limits; here they are dropped first;
- of equal scores either may come first;
- an overlap may lie so close to the threshold that torchvision's float32 rounds it to the other side
  (suppression here is in float64).

Images of other sizes give other detections: torchvision shrinks them by plain bilinear interpolation, which
skips pixels, while :mod:`ssd_lite.resampling` averages them.

``ssdlite320_mobilenet_v3_large`` cannot be converted: its trunk is not among ours, and its heads are
separable convolutions with batch norm, where every detector here has one convolution a map.

Source: torchvision.models.detection, ssd.py, anchor_utils.py and _utils.py, version 0.29.
"""

import math
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from torch import nn
from torchvision.models.detection import ssd as torchvisions
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator

from ssd_lite.detection import detect
from ssd_lite.models.ssd import SSD
from ssd_lite.models.state_dicts import mismatch
from ssd_lite.models.zoo import ssd300_vgg16
from ssd_lite.scales import DefaultBoxes

GRIDS = ((38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1))
SIZE = 300
CHANNELS = (512, 1024, 512, 256, 256, 256)
# Layers with weight and bias. torchvision cuts VGG's list of layers before pool4, which has number 23.
LAYERS = (
    {f"trunk.features.{i}": f"backbone.features.{i}" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)}
    | {f"trunk.features.{i}": f"backbone.extra.0.{i - 23}" for i in (24, 26, 28)}
    | {"trunk.fc6": "backbone.extra.0.7.1", "trunk.fc7": "backbone.extra.0.7.3"}
    | {f"extras.{k}.{i}.0": f"backbone.extra.{k + 1}.{2 * i}" for k in range(4) for i in (0, 1)}
    | {f"offset_heads.{k}": f"head.regression_head.module_list.{k}" for k in range(6)}
    | {f"logit_heads.{k}": f"head.classification_head.module_list.{k}" for k in range(6)}
)
NAMES = {"trunk.norm.scale": "backbone.scale_weight"} | {
    f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in LAYERS.items() for kind in ("weight", "bias")
}
"""torchvision's name of each parameter, by ours."""
OPTIONS = {
    "score_thresh": "score_threshold",
    "nms_thresh": "iou_threshold",
    "topk_candidates": "per_class",
    "detections_per_img": "per_image",
}
"""Our name of each option of :func:`ssd_lite.detection.detect`, by torchvision's."""


def _coco_classes() -> tuple[str, ...]:
    """The names from torchvision; unused ids of COCO, all "N/A" there, are told apart by number."""
    names = torchvisions.SSD300_VGG16_Weights.COCO_V1.meta["categories"][1:]
    return tuple(f"N/A {label}" if name == "N/A" else name for label, name in enumerate(names, 1))


TORCHVISION_COCO_CLASSES = _coco_classes()
"""The 90 classes of torchvision's COCO detectors, in the order of COCO's ids; ten of them never occur."""


def from_torchvision(
    source: nn.Module | Mapping[str, Any],
    classes: Sequence[str],
    *,
    default_boxes: DefaultBoxes | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> SSD:
    """Our ``ssd300_vgg16`` with torchvision's weights and settings, on their device, in evaluation mode.

    ``source`` is torchvision's module, its state dict, or a checkpoint of its reference script, which
    holds the state dict under "model". ``classes`` are the names of the objects, without background, in
    the order of their labels. A state dict holds no settings, so torchvision's defaults are used for it;
    ``default_boxes``, ``mean`` and ``std`` override the settings. Those of torchvision's training, its
    matching threshold and share of negatives, are not converted.

    Raises ``ValueError`` if the number of classes differs, if tensors are missing, unknown, or of
    another shape, for ``ssdlite320_mobilenet_v3_large``, and for settings without a counterpart here.
    """
    state = source.state_dict() if isinstance(source, nn.Module) else source
    state = dict(state.get("model", state))
    _check_kind(state, classes)
    settings = _settings(source if isinstance(source, nn.Module) else _skeleton(2, None))
    given = {"default_boxes": default_boxes, "mean": mean, "std": std}
    settings |= {name: value for name, value in given.items() if value is not None}
    expected = _skeleton(1 + len(classes), settings["default_boxes"]).state_dict()
    if problem := mismatch(state, expected):
        raise ValueError(f"source must have the parameters of torchvision's ssd300_vgg16: {problem}")
    with torch.random.fork_rng(devices=[]):  # every weight is replaced, so use up no random numbers
        model = ssd300_vgg16(classes, **settings)
    model.load_state_dict({ours: state[theirs] for ours, theirs in NAMES.items()})
    return model.to(state["backbone.scale_weight"].device).eval()


def to_torchvision(model: SSD) -> torchvisions.SSD:
    """Build torchvision's ``ssd300_vgg16`` with a copy of the model's weights, and with its settings.

    Device, mode, and which parameters are frozen are the model's. Labels stay the same, from 1. The
    settings of training are torchvision's defaults.

    Raises ``ValueError`` for another architecture, for batch norm, and for ``clip=True`` in the default
    boxes, which torchvision cannot build.
    """
    name, options = model.config.get("architecture"), model.config.get("options", {})
    if name != "ssd300_vgg16" or options.get("batch_norm"):
        with_norm = " with batch norm" if options.get("batch_norm") else ""
        raise ValueError(f"model must be an ssd300_vgg16 without batch norm, got {name}{with_norm}")
    if model.default_boxes.clip:
        raise ValueError("default_boxes must have clip=False: torchvision cannot clip their corners")
    how = {name: option.default for name, option in signature(detect).parameters.items()} | model.detection
    other = _skeleton(
        1 + len(model.classes),
        model.default_boxes,
        image_mean=model.mean.flatten().tolist(),
        image_std=model.std.flatten().tolist(),
        **{theirs: how[ours] for theirs, ours in OPTIONS.items()},
    )
    centre, side = (1 / variance for variance in model.variances)
    other.box_coder = BoxCoder((centre, centre, side, side), math.log(how["largest_growth"]))
    state = {NAMES[name]: value.detach().clone() for name, value in model.state_dict().items()}
    other.load_state_dict(state, assign=True)
    for name, value in model.named_parameters():
        other.get_parameter(NAMES[name]).requires_grad_(value.requires_grad)
    return other.train(model.training)


def _skeleton(num_classes: int, default_boxes: DefaultBoxes | None, **options: Any) -> torchvisions.SSD:
    """Build torchvision's detector on the meta device; ``default_boxes=None`` keeps its own."""
    with torch.device("meta"):
        module: torchvisions.SSD = torchvisions.ssd300_vgg16(
            weights=None, weights_backbone=None, num_classes=num_classes, **options
        )
        if default_boxes is not None:
            module.anchor_generator = _generator(default_boxes)
            module.head = torchvisions.SSDHead(CHANNELS, default_boxes.per_location, num_classes)
    return module


def _generator(layout: DefaultBoxes) -> DefaultBoxGenerator:
    steps = None
    if layout.steps is not None and layout.image_size is not None:
        steps = [step * (SIZE / layout.image_size) for step in layout.steps]
    ratios = [list(of_map) for of_map in layout.aspect_ratios]
    return DefaultBoxGenerator(ratios, scales=list(layout.scales), steps=steps, clip=layout.clip_sides)


def _settings(module: nn.Module) -> dict[str, Any]:
    """The options of our builder that give the same detector. Raises ``ValueError`` for unknown settings."""
    if not isinstance(module, torchvisions.SSD):
        raise ValueError(f"source must be torchvision's SSD, got {type(module).__name__}")
    generator, transform, coder = module.anchor_generator, module.transform, module.box_coder
    if transform.fixed_size is None or tuple(transform.fixed_size) != (SIZE, SIZE):
        raise ValueError(f"source must take images of {SIZE} × {SIZE} pixels, got {transform.fixed_size}")
    across, down, wide, high = coder.weights
    if (across, wide) != (down, high):
        raise ValueError(
            "source must have box coder weights that are equal for x and y, and for width and height, "
            f"got {coder.weights}"
        )
    layout = DefaultBoxes(
        grids=GRIDS,
        scales=tuple(map(float, generator.scales)),
        aspect_ratios=tuple(tuple(map(float, ratios)) for ratios in generator.aspect_ratios),
        steps=tuple(map(float, generator.steps)) if generator.steps else None,
        image_size=SIZE if generator.steps else None,
        clip_sides=generator.clip,
    )
    # rounded, so that log and exp undo each other
    how = {ours: getattr(module, theirs) for theirs, ours in OPTIONS.items()}
    how["largest_growth"] = round(math.exp(coder.bbox_xform_clip), 9)
    usual = {name: option.default for name, option in signature(detect).parameters.items()}
    return {
        "default_boxes": layout,
        "mean": transform.image_mean,
        "std": transform.image_std,
        "variances": (1 / across, 1 / wide),
        "detection": {name: value for name, value in how.items() if value != usual[name]},
    }


def _check_kind(state: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Raise ``ValueError`` for torchvision's other SSD, and for another number of classes."""
    scores = "head.classification_head.module_list.0"
    if f"{scores}.1.weight" in state:
        raise ValueError(
            "source must be torchvision's ssd300_vgg16, got its ssdlite320_mobilenet_v3_large, whose heads "
            "are separable convolutions with batch norm: every detector here has one convolution a map"
        )
    logits, offsets = (
        state.get(f"{name}.weight") for name in (scores, scores.replace("classification", "regression"))
    )
    if logits is None or offsets is None:
        return  # reported with everything else that is missing
    count = 4 * logits.shape[0] // offsets.shape[0]
    if count != 1 + len(classes):
        raise ValueError(
            f"classes must be {count - 1} names, since the weights have {count} classes with background, "
            f"got {len(classes)}"
        )
