"""Recipes: named, frozen, complete settings of a run.

A recipe says everything that decides the result: data, model, default boxes, augmentation, objective,
optimizer, schedule, seed. A run writes its recipe beside its weights.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import NoneType
from typing import Any

import torch

from ssd_lite.augmentation import Crop, Photometric, SSDAugmentation
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.data.loading import KEEP
from ssd_lite.messages import short_repr
from ssd_lite.models import MODELS, tiny_default_boxes
from ssd_lite.scales import DefaultBoxes, coverage, fit, ssd300_coco, ssd300_voc, ssd512_voc
from ssd_lite.truths import Truths


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of one run; ``ValueError`` names the one that cannot be.

    ``data`` is one of ``DATA``, ``"folder"`` being any folder in VOC layout, and ``root`` says where it
    lies; ``download`` fetches VOC there. ``classes`` are the names that may occur in it, by default all
    that do; ``skip_invalid`` leaves out what is not sound. ``weights`` start the trunk (see
    :mod:`ssd_lite.models.zoo`). ``learning_rate`` rises over ``warmup`` steps and is multiplied by 0.1
    at each of ``milestones``. ``canvas_px`` bounds the images kept, and ``keep`` says
    where (see :func:`ssd_lite.data.load`). ``precision`` is the
    network's (auto: bfloat16 on a GPU, float32 on a CPU); the loss is float32 always. ``compile``
    None means: on a GPU.
    """

    name: str
    data: str
    root: str = ""
    download: bool = False
    train_split: str = "train"
    test_split: str = "test"
    classes: tuple[str, ...] | None = None
    train_images: int = 0
    test_images: int = 0
    skip_invalid: bool = False
    model: str = "ssd300_vgg16"
    model_options: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None
    default_boxes: DefaultBoxes | None = None
    canvas_px: int = 512
    keep: str = "auto"
    # augmentation
    crop: Crop | None = field(default_factory=Crop)
    photometric: Photometric | None = field(default_factory=Photometric)
    flip: float = 0.5
    zoom_out: float = 0.0
    # objective
    criterion: Mapping[str, Any] = field(default_factory=dict)
    # optimization
    batch: int = 32
    steps: int = 120_000
    learning_rate: float = 1e-3
    warmup: int = 500
    milestones: tuple[int, ...] = (80_000, 100_000)
    momentum: float = 0.9
    weight_decay: float = 5e-4
    precision: str = "auto"
    compile: bool | None = None
    seed: int = 0
    # evaluation and records
    ap_method: str = "area"
    log_every: int = 10
    checkpoint_every: int = 1000

    def __post_init__(self) -> None:
        _check_kinds(self)
        for name, allowed in CHOICES.items():
            if (value := getattr(self, name)) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {short_repr(value)}")
        counts = ("batch", "steps", "log_every", "checkpoint_every", "canvas_px")
        for name in (*counts, "warmup", "seed", "train_images", "test_images"):
            value, least = getattr(self, name), 1 if name in counts else 0
            if not _is_whole(value) or not least <= value <= MOST:
                raise ValueError(
                    f"{name} must be a whole number of at least {least}, got {short_repr(value)}"
                )
        if self.canvas_px > LARGEST_CANVAS:
            raise ValueError(f"canvas_px must be at most {LARGEST_CANVAS}, got {self.canvas_px}")
        for name in ("learning_rate", "momentum", "weight_decay", "flip", "zoom_out"):
            if not _is_finite(getattr(self, name)):
                raise ValueError(
                    f"{name} must be a number, and finite, got {short_repr(getattr(self, name))}"
                )
        for name, least, most in (("weight_decay", 0, math.inf), ("momentum", 0, 1)):
            if not least <= getattr(self, name) < most:
                raise ValueError(f"{name} must lie in [{least}, {most}), got {getattr(self, name)}")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")
        _check_parts(self)

    def changed(self, **changes: Any) -> "Recipe":
        """The recipe with some settings changed; ``ValueError`` names one that does not exist."""
        known = {setting.name for setting in fields(self)}
        for name in changes:
            if name not in known:
                raise ValueError(f"a recipe has no setting {name!r}; it has {', '.join(sorted(known))}")
        return replace(self, **changes)

    def with_steps(self, steps: int) -> "Recipe":
        """The recipe over another number of steps, warm-up and milestones in proportion."""
        share = steps / self.steps
        milestones = tuple(round(m * share) for m in self.milestones)
        return self.changed(steps=steps, warmup=round(self.warmup * share), milestones=milestones)

    def augmentation(self, size: int) -> SSDAugmentation:
        """The augmentation that the recipe asks for, to images of ``size`` pixels."""
        return SSDAugmentation(
            size, crop=self.crop, photometric=self.photometric, flip=self.flip, zoom_out=self.zoom_out
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "Recipe":
        """The recipe of :meth:`to_dict`, after JSON too; ``ValueError`` when it is of another version."""
        if not isinstance(settings, Mapping):
            raise ValueError(f"a recipe must be a JSON object, got {short_repr(settings)}")
        values = _tuples(settings)
        try:
            for name, kind in (("crop", Crop), ("photometric", Photometric)):
                if isinstance(values.get(name), Mapping):
                    values[name] = kind(**_tuples(values[name]))
            if isinstance(values.get("default_boxes"), Mapping):
                values["default_boxes"] = DefaultBoxes.from_dict(values["default_boxes"])
            return cls(**values)
        except (TypeError, OverflowError, LookupError, AttributeError) as error:
            raise ValueError(f"not a recipe of this version: {error}") from error


def _check_kinds(recipe: Recipe) -> None:
    """Raises ``ValueError`` naming a setting that is not of its kind; lists become tuples."""
    for name in ("milestones", "classes"):
        if isinstance(getattr(recipe, name), list):
            object.__setattr__(recipe, name, tuple(getattr(recipe, name)))
    for what, kinds in KINDS.items():
        for name in what.split():
            if not isinstance(getattr(recipe, name), kinds):
                wanted = " or ".join(KIND_NAMES.get(kind, kind.__name__) for kind in kinds)
                raise ValueError(f"{name} must be {wanted}, got {short_repr(getattr(recipe, name))}")
    if not all(_is_whole(milestone) for milestone in recipe.milestones):
        raise ValueError(f"milestones must be whole numbers, got {short_repr(recipe.milestones)}")
    if not all(isinstance(name, str) for name in recipe.classes or ()):
        raise ValueError(f"classes must be names, got {short_repr(recipe.classes)}")
    for name in ("model_options", "criterion"):
        if not all(isinstance(key, str) for key in getattr(recipe, name)):
            raise ValueError(f"{name} must have names as keys, got {short_repr(getattr(recipe, name))}")


def _check_parts(recipe: Recipe) -> None:
    """Make what the recipe asks for, which knows best what it takes. Raises ``ValueError``."""
    for what, make in (
        ("crop and photometric", lambda: recipe.augmentation(32)),
        ("criterion", lambda: MultiBoxCriterion(torch.ones(1, 4, device="cpu"), **recipe.criterion)),
    ):
        try:
            make()
        except TypeError as error:
            raise ValueError(f"{what} must hold settings of their own: {error}") from error


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # JSON's integers know no bound
        return False


def _tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with tuples where JSON has lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


DATA = ("scenes", "voc07", "voc0712", "coco", "folder")

CHOICES = {
    "data": DATA,
    "model": MODELS,
    "keep": KEEP,
    "precision": ("auto", "float32", "bfloat16"),
    "ap_method": ("area", "11-point"),
}

MOST, LARGEST_CANVAS = 2**31 - 1, 10_000
"""Bounds of whole numbers, so that seeds fit into 64 bits, and of the canvas, which holds 300 MB then."""

KINDS: dict[str, tuple[type, ...]] = {
    "name data root train_split test_split model precision ap_method keep": (str,),
    "download skip_invalid": (bool,),
    "compile": (bool, NoneType),
    "weights": (str, NoneType),
    "classes": (tuple, NoneType),
    "milestones": (tuple,),
    "model_options criterion": (Mapping,),
    "crop": (Crop, NoneType),
    "photometric": (Photometric, NoneType),
    "default_boxes": (DefaultBoxes, NoneType),
}
KIND_NAMES = {str: "text", bool: "true or false", NoneType: "null", tuple: "a list", Mapping: "an object"}


def scenes() -> Recipe:
    """A small detector on drawn scenes: minutes on two CPU cores, to an mAP of 0.85 or more."""
    return Recipe(
        name="scenes",
        data="scenes",
        train_images=3000,
        test_images=200,
        model="ssd_tiny",
        canvas_px=128,
        crop=Crop(keep_empty=False),
        batch=16,
        steps=1300,
        learning_rate=0.02,
        warmup=50,
        milestones=(1000, 1200),
        checkpoint_every=500,
    )


def voc07() -> Recipe:
    """The paper's SSD300 on VOC2007 trainval: 60,000 steps.

    The paper reports 68.0 mAP on VOC2007 test with 11-point AP; not measured here.
    """
    return Recipe(
        name="voc07",
        data="voc07",
        train_split="trainval",
        weights="imagenet",
        steps=60_000,
        milestones=(40_000, 50_000),
        ap_method="11-point",
    )


def voc0712() -> Recipe:
    """The paper's SSD300 on VOC2007 and 2012 trainval: 120,000 steps of 32 images, as the released code.

    The paper reports 74.3 mAP on VOC2007 test, and 77.2 with ``zoom_out=0.5``; not measured here.
    """
    return voc07().changed(name="voc0712", data="voc0712", steps=120_000, milestones=(80_000, 100_000))


def coco() -> Recipe:
    """The paper's SSD300 on COCO: 240,000 steps, default boxes from 21 pixels.

    The paper reports 23.2 AP on test-dev2015, and 25.1 with ``zoom_out=0.5``; not measured here.
    """
    return Recipe(
        name="coco",
        data="coco",
        train_split="train2017",
        test_split="val2017",
        weights="imagenet",
        default_boxes=ssd300_coco(),
        steps=240_000,
        milestones=(160_000, 200_000),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "scenes": scenes,
    "voc07": voc07,
    "voc0712": voc0712,
    "coco": coco,
}


LAYOUTS: dict[str, Callable[[], DefaultBoxes]] = {
    "ssd300_vgg16": ssd300_voc,
    "ssd512_vgg16": ssd512_voc,
    "ssd300_mobilenet_v2": ssd300_voc,
    "ssd_tiny": tiny_default_boxes,
}
"""The default boxes that each model has of its own."""


def for_folder(
    truths: Truths,
    *,
    root: str = "",
    model: str = "ssd300_mobilenet_v2",
    weights: str | None = "imagenet",
    batch: int = 16,
) -> Recipe:
    """Settings for a dataset of one's own, chosen from its objects.

    Default boxes are fitted where the model's own leave more than 2 % of the objects below an overlap
    of 0.5, or fit them worse by 0.02 on average. About 60 passes over the images, at least 600
    steps; the learning rate is proportional to the batch, and a tenth for the VGG models, which have
    no batch norm. MobileNetV2's first four blocks stay as ``weights`` have them; ``ssd_tiny`` always
    starts from nothing. Raises ``ValueError`` for an unknown model.
    """
    if model not in LAYOUTS:
        raise ValueError(f"model must be one of {', '.join(LAYOUTS)}, got {model!r}")
    own = LAYOUTS[model]()
    fitted = fit(truths, like=own)
    before, after = coverage(own, truths), coverage(fitted, truths)
    better = before.recall < 0.98 or after.mean > before.mean + 0.02
    steps = max(600, round(60 * len(truths) / batch))
    pretrained = model != "ssd_tiny" and weights is not None
    freezes = pretrained and model == "ssd300_mobilenet_v2"
    return Recipe(
        name="folder",
        data="folder",
        root=root,
        model=model,
        model_options={"frozen_blocks": 4} if freezes else {},
        weights=weights if pretrained else None,
        default_boxes=fitted if better else None,
        canvas_px=896 if model == "ssd512_vgg16" else 512,
        crop=Crop(keep_empty=False),
        batch=batch,
        steps=steps,
        learning_rate=(1e-3 if "vgg16" in model else 1e-2) * batch / 32,
        warmup=steps // 12,
        milestones=(steps * 2 // 3, steps * 5 // 6),
        checkpoint_every=max(50, steps // 10),
    )
