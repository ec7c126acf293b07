"""Detectors to torchvision and back: its ``ssd300_vgg16`` with our names, and ours with its own.

Both networks are the same, layer for layer; what differs is how they are told. What torchvision keeps beside
the weights comes along: input normalisation, default boxes, the box coder's weights (1 / variances), and
the thresholds and caps of its detections. Raw outputs then agree to float32 rounding. So do detections in
images of the model's own size, except where two scores are equal, or an overlap is so close to the
threshold that torchvision's float32 (and, with at most 1,000 candidates, boxes moved apart by class) rounds
it to the other side: suppression here is in float64. Images of other sizes differ: torchvision shrinks them
by plain bilinear interpolation, which skips pixels, :mod:`ssd_lite.resampling` averages them.

``ssdlite320_mobilenet_v3_large`` is refused: its heads are two layers deep and separable, with batch norm,
where every detector here has one convolution a map, and its trunk is none of ours.

Source: torchvision.models.detection, ssd.py, anchor_utils.py and _utils.py, version 0.29.
"""

import math
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import ssd as torchvisions
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator

from ssd_lite.detection import detect
from ssd_lite.models.ssd import SSD
from ssd_lite.models.zoo import ssd300_vgg16
from ssd_lite.scales import DefaultBoxes

GRIDS = ((38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1))
SIZE = 300
CHANNELS = (512, 1024, 512, 256, 256, 256)
SHOWN = 5  # names in a message
# Layers with weight and bias. Torchvision cuts VGG's list of layers before pool4, its number 23.
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
"""Our names of all weights, to torchvision's."""
OPTIONS = {
    "score_thresh": "score_threshold",
    "nms_thresh": "iou_threshold",
    "topk_candidates": "per_class",
    "detections_per_img": "per_image",
}
"""What torchvision calls the options of :func:`ssd_lite.detection.detect`."""


def _coco_classes() -> tuple[str, ...]:
    """Torchvision's names; the numbers that COCO left empty, all "N/A" there, get names of their own."""
    names = torchvisions.SSD300_VGG16_Weights.COCO_V1.meta["categories"][1:]
    return tuple(f"N/A {label}" if name == "N/A" else name for label, name in enumerate(names, 1))


TORCHVISION_COCO_CLASSES = _coco_classes()
"""The 90 classes of torchvision's COCO detectors, by COCO's own ids; ten of them never occur."""


def from_torchvision(
    source: nn.Module | Mapping[str, Any],
    classes: Sequence[str],
    *,
    default_boxes: DefaultBoxes | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> SSD:
    """Our ``ssd300_vgg16`` with the weights of torchvision's, in evaluation mode, where those weights lie.

    ``source`` is the module, its state dict, or a checkpoint of torchvision's reference script, which
    holds the state dict under "model". ``classes`` are the objects' names, without background, in the
    order of their labels. Settings come from the module; a state dict has none, so those of
    torchvision's ``ssd300_vgg16`` are taken unless ``default_boxes``, ``mean`` or ``std`` say otherwise.
    Settings of training (threshold of matching, share of negatives) belong to the criterion and stay behind.

    Raises ``ValueError`` when the number of classes differs, when weights are missing, too many or of
    another shape, naming them, for ``ssdlite320_mobilenet_v3_large``, and for a module with settings
    that have no counterpart here.
    """
    state = source.state_dict() if isinstance(source, nn.Module) else source
    state = dict(state.get("model", state))
    _check_kind(state, classes)
    settings = _settings(source if isinstance(source, nn.Module) else _skeleton(2, None))
    given = {"default_boxes": default_boxes, "mean": mean, "std": std}
    settings |= {name: value for name, value in given.items() if value is not None}
    _check_weights(state, _skeleton(1 + len(classes), settings["default_boxes"]).state_dict())
    with torch.random.fork_rng(devices=[]):  # every weight is replaced: no random number shall be used up
        model = ssd300_vgg16(classes, **settings)
    model.load_state_dict({ours: state[theirs] for ours, theirs in NAMES.items()})
    return model.to(state["backbone.scale_weight"].device).eval()


def to_torchvision(model: SSD) -> torchvisions.SSD:
    """Torchvision's ``ssd300_vgg16`` with the weights and settings of ours, and so its outputs.

    It is where the model is and in the model's mode; what is frozen here is frozen there. Its labels
    are the model's, from 1. Its training has torchvision's own threshold and share of negatives.

    Raises ``ValueError`` for another architecture, batch norm, or default boxes that are clipped by
    their corners, which torchvision's generator cannot build.
    """
    name, options = model.config.get("architecture"), model.config.get("options", {})
    if name != "ssd300_vgg16" or options.get("batch_norm"):
        with_norm = " with batch norm" if options.get("batch_norm") else ""
        raise ValueError(f"model must be an ssd300_vgg16 without batch norm, got {name}{with_norm}")
    if model.default_boxes.clip:
        raise ValueError("default_boxes must not be clipped by their corners, got clip=True")
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
    """Torchvision's detector without memory for its weights, by default with its own default boxes."""
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
    """What our builder must be told to be the same detector."""
    if not isinstance(module, torchvisions.SSD):
        raise ValueError(f"source must be torchvision's SSD, got {type(module).__name__}")
    generator, transform, coder = module.anchor_generator, module.transform, module.box_coder
    if transform.fixed_size is None or tuple(transform.fixed_size) != (SIZE, SIZE):
        raise ValueError(f"source must take images of {SIZE} × {SIZE} pixels, got {transform.fixed_size}")
    across, down, wide, high = coder.weights
    if (across, wide) != (down, high):
        raise ValueError(f"source must weigh x as y and width as height, got {coder.weights}")
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
    """Raises ``ValueError`` for torchvision's other SSD, and for another number of classes."""
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
        return  # named with all that is missing
    count = 4 * logits.shape[0] // offsets.shape[0]
    if count != 1 + len(classes):
        raise ValueError(
            f"classes must be as many as the weights know: {count} with background, so {count - 1} names, "
            f"got {len(classes)}"
        )


def _check_weights(state: Mapping[str, Any], expected: Mapping[str, Tensor]) -> None:
    """Raises ``ValueError`` that names what is missing, too much, or of another shape."""
    problems = []
    for what, names in (
        ("misses", expected.keys() - state.keys()),
        ("has beside it", state.keys() - expected.keys()),
    ):
        if names:
            shown = ", ".join(sorted(names)[:SHOWN]) + (
                f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            )
            problems.append(f"{what} {shown}")
    for name in sorted(expected.keys() & state.keys()):
        want, got = tuple(expected[name].shape), tuple(getattr(state[name], "shape", ()))
        if want != got:
            problems.append(f"{name} must have shape {want}, got {got}")
    if problems:
        raise ValueError("source must be torchvision's ssd300_vgg16: it " + "; ".join(problems))
