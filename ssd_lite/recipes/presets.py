"""Named recipes: small and large ones on drawn scenes, the paper's, and one for your own dataset."""

from collections.abc import Callable

from ssd_lite.augmentation import Crop
from ssd_lite.data.scenes import ALL_CLASSES
from ssd_lite.models import tiny_default_boxes
from ssd_lite.recipes.recipe import Recipe
from ssd_lite.scales import DefaultBoxes, coverage, fit, ssd300_coco, ssd300_voc, ssd512_voc
from ssd_lite.truths import Truths


def scenes() -> Recipe:
    """A small detector on drawn scenes: an mAP of 0.85 or more after minutes on two CPU cores."""
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


def scenes300() -> Recipe:
    """SSD300 on VGG-16 with batch norm, from scratch, on drawn scenes as many and as large as VOC's images.

    16,551 scenes of 375 × 500 pixels to learn from and 4,952 held out, 20 classes, and the paper's schedule:
    120,000 steps of 32 images. Everything is drawn from the seed, so there is nothing to download.
    """
    return Recipe(
        name="scenes300",
        data="scenes",
        train_images=16_551,
        test_images=4_952,
        image_size_px=(375, 500),
        classes=ALL_CLASSES[:20],
        model="ssd300_vgg16",
        model_options={"batch_norm": True},
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
    "scenes300": scenes300,
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
"""Each model's own default boxes."""

WORTHWHILE_GAIN = 0.02
"""By how much fitted default boxes must overlap the objects better, on average, to be used."""


def for_folder(
    truths: Truths,
    *,
    root: str = "",
    model: str = "ssd300_mobilenet_v2",
    weights: str | None = "imagenet",
    batch: int = 16,
) -> Recipe:
    """A recipe for your own dataset, chosen from its objects.

    Default boxes are fitted if fitted ones overlap the objects better by more than 0.02 on average. Below
    that, on drawn scenes, they trained a worse detector (the study ``scales`` of ``benchmarks.ablations``);
    above it, on photographs of cards, training did not even converge without them (``benchmarks.runs cards
    --own-boxes``, one run).
    Training makes about 60 passes over the images, in at least 600 steps. The learning rate is proportional
    to the batch, and ten times lower for the VGG models, which have no batch norm. MobileNetV2's first four
    blocks keep ``weights``; ``ssd_tiny`` always starts from random weights. Raises ``ValueError`` for an
    unknown model.
    """
    if model not in LAYOUTS:
        raise ValueError(f"model must be one of {', '.join(LAYOUTS)}, got {model!r}")
    own = LAYOUTS[model]()
    fitted = fit(truths, like=own)
    gain = coverage(fitted, truths).mean - coverage(own, truths).mean
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
        default_boxes=fitted if gain > WORTHWHILE_GAIN else None,
        canvas_px=896 if model == "ssd512_vgg16" else 512,
        crop=Crop(keep_empty=False),
        batch=batch,
        steps=steps,
        learning_rate=(1e-3 if "vgg16" in model else 1e-2) * batch / 32,
        warmup=steps // 12,
        milestones=(steps * 2 // 3, steps * 5 // 6),
        checkpoint_every=max(50, steps // 10),
    )
