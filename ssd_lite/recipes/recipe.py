"""The settings of one run."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, field, fields, replace
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from ssd_lite.augmentation import Crop, Photometric, SSDAugmentation
from ssd_lite.criterion import CriterionOptions
from ssd_lite.data.opening import DATA
from ssd_lite.data.storage import KEEP
from ssd_lite.data.validation import BoxUnit
from ssd_lite.deprecation import warn_renamed
from ssd_lite.messages import short_repr
from ssd_lite.models import MODELS
from ssd_lite.models.zoo import VARIANCES
from ssd_lite.scales import DefaultBoxes
from ssd_lite.settings import freeze, settings

MOST = 2**31 - 1
"""Upper bound of whole numbers, so that seeds derived from them fit into 64 bits."""

LARGEST_CANVAS = 10_000
"""Upper bound of ``canvas_px``: one image then takes 300 MB."""


def _one_of(choices: Collection[str]) -> AfterValidator:
    """A check against choices that may grow at run time, as ``MODELS`` can."""

    def check(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, got {short_repr(value)}")
        return value

    return AfterValidator(check)


def _without_variances(options: Any, info: Any) -> Any:
    """Criterion options of older recipes, which could state the model's variances a second time."""
    if not isinstance(options, Mapping) or "variances" not in options:
        return options
    of_model = tuple(info.data.get("model_options", {}).get("variances", VARIANCES))
    if tuple(options["variances"]) != of_model:
        raise ValueError(
            f"variances belong to the model: set them in model_options, which has {of_model}, "
            f"and leave out criterion.variances, got {short_repr(options['variances'])}"
        )
    return {name: value for name, value in options.items() if name != "variances"}


Count = Annotated[StrictInt, Field(ge=1, le=MOST)]
Whole = Annotated[StrictInt, Field(ge=0, le=MOST)]
Share = Annotated[StrictFloat, Field(ge=0, le=1)]
ModelOptions = Annotated[Mapping[StrictStr, Any], AfterValidator(freeze)]


@settings()
class Recipe:
    """Everything that decides what a run results in; immutable, hashable, and readable from JSON.

    ``data`` is a kind of data that :func:`ssd_lite.data.open_datasets` knows, and ``root`` its folder;
    ``download`` fetches VOC there. ``layout``, ``boxes`` and ``scale_boxes`` are for folders that
    :func:`ssd_lite.data.open_folder` cannot recognise by itself. ``classes`` are the names that may occur, by
    default all that do; for drawn scenes the names of what is drawn, ``image_size_px`` (height, width) large,
    by default as large as the canvas. ``skip_invalid`` skips invalid images and objects. ``canvas_px`` bounds
    the sides of the images kept, and ``keep`` says where (see :func:`ssd_lite.data.load`).

    ``model`` is a builder's name, ``model_options`` are its keyword arguments (such as ``variances``), and
    ``weights`` initialise the trunk (see :mod:`ssd_lite.models.zoo`). ``criterion`` are options by name.

    ``learning_rate`` rises over ``warmup`` steps and is multiplied by 0.1 at each of ``milestones``.
    ``precision`` is the network's (auto: bfloat16 on a GPU, float32 on a CPU); the loss is float32 always.
    ``compile=None`` compiles where it saves more time than it takes: see
    :func:`ssd_lite.training.compiling_pays`.

    Raises ``ValueError`` naming every invalid setting, the rule and the value.
    """

    name: StrictStr
    data: Annotated[StrictStr, _one_of(DATA)]
    root: StrictStr = ""
    download: StrictBool = False
    train_split: StrictStr = "train"
    test_split: StrictStr = "test"
    layout: StrictStr | None = None
    boxes: BoxUnit | None = None
    scale_boxes: StrictBool = False
    classes: tuple[StrictStr, ...] | None = None
    train_images: Whole = 0
    test_images: Whole = 0
    image_size_px: tuple[Count, Count] | None = None
    skip_invalid: StrictBool = False
    model: Annotated[StrictStr, _one_of(MODELS)] = "ssd300_vgg16"
    model_options: ModelOptions = field(default_factory=lambda: freeze({}))
    weights: StrictStr | None = None
    default_boxes: DefaultBoxes | None = None
    canvas_px: Annotated[StrictInt, Field(ge=1, le=LARGEST_CANVAS)] = 512
    keep: Annotated[StrictStr, _one_of(KEEP)] = "auto"
    # augmentation
    crop: Crop | None = field(default_factory=Crop)
    photometric: Photometric | None = field(default_factory=Photometric)
    flip: Share = 0.5
    zoom_out: Share = 0.0
    # criterion
    criterion: Annotated[CriterionOptions, BeforeValidator(_without_variances)] = field(
        default_factory=CriterionOptions
    )
    # optimization
    batch: Count = 32
    steps: Count = 120_000
    learning_rate: Annotated[StrictFloat, Field(gt=0)] = 1e-3
    warmup: Whole = 500
    milestones: tuple[StrictInt, ...] = (80_000, 100_000)
    momentum: Annotated[StrictFloat, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[StrictFloat, Field(ge=0)] = 5e-4
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: StrictBool | None = None
    seed: Whole = 0
    # evaluation and records
    ap_method: Literal["area", "11-point"] = "area"
    log_every: Count = 10
    checkpoint_every: Count = 1000

    def __post_init__(self) -> None:
        if self.image_size_px is not None and self.data != "scenes":
            raise ValueError(f"image_size_px must be left out unless data is 'scenes', got {self.data!r}")

    def __repr__(self) -> str:
        return (
            f"<Recipe {self.name}: {self.model} on {self.data}, {self.steps:,} steps of {self.batch} images, "
            f"learning rate {self.learning_rate:g}, seed {self.seed}>"
        )

    def changed(self, **changes: Any) -> "Recipe":
        """The recipe with some settings changed. Raises ``ValueError`` naming one that does not exist."""
        known = {setting.name for setting in fields(self)}
        for name in changes:
            if name not in known:
                raise ValueError(f"a recipe has no setting {name!r}; it has {', '.join(sorted(known))}")
        return replace(self, **changes)

    def with_steps(self, steps: int) -> "Recipe":
        """The recipe with another number of steps, warm-up and milestones in proportion."""
        share = steps / self.steps
        milestones = tuple(round(m * share) for m in self.milestones)
        return self.changed(steps=steps, warmup=round(self.warmup * share), milestones=milestones)

    def lasting(self, steps: int) -> "Recipe":
        """Deprecated name of :meth:`with_steps`."""
        warn_renamed("Recipe.lasting", "Recipe.with_steps")
        return self.with_steps(steps)

    def augmentation(self, size: int) -> SSDAugmentation:
        """The augmentation that yields images of ``size`` by ``size`` pixels."""
        return SSDAugmentation(
            size, crop=self.crop, photometric=self.photometric, flip=self.flip, zoom_out=self.zoom_out
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings as a dictionary that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "Recipe":
        """The recipe from :meth:`to_dict`, also after JSON. Raises ``ValueError`` for anything else."""
        if not isinstance(settings, Mapping):
            raise ValueError(f"a recipe must be a JSON object, got {short_repr(settings)}")
        try:
            return cls(**settings)
        except TypeError as error:
            raise ValueError(f"not a recipe of this version: {error}") from error
