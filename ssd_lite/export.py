"""Detectors for use elsewhere: an ONNX file, or a program of ``torch.export``, normalisation included.

Both take a batch of any length, ``images`` (b, 3, size, size) in RGB. What they give:

- with suppression, as :func:`ssd_lite.detection.detect` does: ``boxes`` (b, n, 4) as xyxy relative to the
  image, ``scores`` (b, n) falling, and ``labels`` (b, n) from 1. n is the same for every image, so rows
  that are left over hold zeros: label 0, background, marks padding.
- without: ``boxes`` (b, d, 4), decoded and clipped, and ``scores`` (b, d, c) after the softmax, background
  first. Offsets and logits would ask every user to know default boxes and variances.
"""

import copy
import io
import json
import math
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torchvision.ops import nms

from ssd_lite.boxes import clip, cxcywh_to_xyxy
from ssd_lite.files import write_atomic
from ssd_lite.models import SSD
from ssd_lite.objective import decode

FORMATS = {"onnx": ".onnx", "torch": ".pt2"}
ABOUT = "ssd_lite.json"
"""The file inside a program of ``torch.export`` that says what an ONNX file says in its metadata."""

OPSET = 18
FORMAT = "ssd_lite export 1"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of :func:`ssd_lite.detection.detect`, fixed in the exported file.

    ``largest_growth`` bounds the sides of a box, as so many times those of its default box. Raises
    ``ValueError`` for a threshold outside [0, 1], a count below 1, or a growth of 0 or less.
    """

    score_threshold: float = 0.01
    iou_threshold: float = 0.45
    per_class: int = 400
    per_image: int = 200
    largest_growth: float = math.inf

    def __post_init__(self) -> None:
        for name in ("score_threshold", "iou_threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("per_class", "per_image"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.largest_growth > 0:
            raise ValueError(f"largest_growth must be positive, got {self.largest_growth}")


def save(
    model: SSD,
    path: str | Path,
    *,
    format: str | None = None,
    detections: bool = True,
    uint8: bool = False,
    overwrite: bool = False,
    **options: Any,
) -> None:
    """Writes the detector to a file, whole or not at all.

    ``format`` is ``"onnx"`` or ``"torch"``, by default what the name ends in, .onnx or .pt2.
    ``detections=False`` leaves suppression out. ``uint8`` takes images from 0 to 255, otherwise float32 in
    [0, 1]. ``options`` are those of :func:`ssd_lite.detection.detect`, over the detector's own.

    Raises ``ValueError`` for an unknown format, a folder, or a file that is there already (unless
    ``overwrite``), and ``ImportError`` where ONNX's packages are missing.
    """
    path = Path(path)
    if format is None:
        format = next((name for name, suffix in FORMATS.items() if path.suffix == suffix), None)
        if format is None:
            raise ValueError(
                f"{path}: the name must end in {' or '.join(FORMATS.values())}, or a format be given"
            )
    if format not in FORMATS:
        raise ValueError(f"format must be {' or '.join(FORMATS)}, got {format!r}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder, a file is wanted")
    if path.exists() and not overwrite:
        raise ValueError(f"{path} is there already: choose another name, or overwrite it")
    convert = to_onnx if format == "onnx" else to_torch
    write_atomic(path, convert(model, detections=detections, uint8=uint8, **options))


def to_torch(model: SSD, *, detections: bool = True, uint8: bool = False, **options: Any) -> bytes:
    """The detector as the content of a .pt2 file, for ``torch.export.load``, on the CPU.

    With suppression the program calls torchvision's, so that ``import torchvision`` must come before the
    file is loaded. The overlaps are compared in float64, as ``detect`` does; boxes are decoded in float32.
    """
    settings = _settings(model, options)
    raw = _Raw(model, settings, uint8=uint8)
    program = _program(_Suppressed(raw, settings) if detections else raw, _example(model, uint8))
    facts = _about(model, settings, detections=detections, uint8=uint8)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={ABOUT: json.dumps(facts)})
    return buffer.getvalue()


def to_onnx(model: SSD, *, detections: bool = True, uint8: bool = False, **options: Any) -> bytes:
    """The detector as the content of an .onnx file, opset 18, with its facts as metadata.

    Suppression is ONNX's own operator, one group a class and image. Equal scores go to the lower class,
    then to the lower default box, as in ``detect``: TopK is defined so, and onnxruntime's
    NonMaxSuppression does it. Where ``detect`` works in float64 this works in float32, so two boxes whose
    overlap is within rounding of the threshold, or scores within rounding of each other, may be decided
    differently.

    Raises ``ImportError`` where onnx or onnxscript is missing.
    """
    onnx = _packages()
    settings = _settings(model, options)
    program = _program(_Raw(model, settings, uint8=uint8), _example(model, uint8))
    names = ["all_boxes", "all_scores"] if detections else ["boxes", "scores"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's remarks on its own insides
        exported = torch.onnx.export(
            program,
            input_names=["images"],
            output_names=names,
            dynamic_shapes=_DYNAMIC,  # for the name of the axis alone
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert exported is not None  # only the old exporter gives None
    graph = exported.model_proto
    if detections:
        sizes = {"d": len(model.default_boxes), "classes": len(model.classes)}
        after = _suppression(onnx, settings, ir_version=graph.ir_version, **sizes)
        graph = onnx.compose.merge_models(graph, after, io_map=[(name, name) for name in names])
    facts = _about(model, settings, detections=detections, uint8=uint8)
    texts = {name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()}
    onnx.helper.set_model_props(graph, texts)
    onnx.checker.check_model(graph, full_check=True)
    return bytes(graph.SerializeToString())


class _Raw(nn.Module):
    """A copy of the detector on the CPU that gives boxes and scores, not offsets and logits."""

    def __init__(self, model: SSD, settings: Settings, *, uint8: bool) -> None:
        super().__init__()
        self.most = math.log(settings.largest_growth) / model.variances[1]
        self.model = copy.deepcopy(model).cpu().eval().requires_grad_(False)
        self.uint8 = uint8
        self.register_buffer("defaults_cxcywh", model.default_boxes.cxcywh())
        self.defaults_cxcywh: Tensor

    def forward(self, images: Tensor) -> tuple[Float[Tensor, "b d 4"], Float[Tensor, "b d c"]]:
        offsets, logits = self.model(images / 255 if self.uint8 else images)
        offsets = torch.cat([offsets[..., :2], offsets[..., 2:].clamp(max=self.most)], dim=-1)
        boxes = decode(offsets, self.defaults_cxcywh, variances=self.model.variances)
        return clip(cxcywh_to_xyxy(boxes)), logits.softmax(dim=-1)


def _settings(model: SSD, options: dict[str, Any]) -> Settings:
    return Settings(**{**getattr(model, "detection", {}), **options})


class _Suppressed(nn.Module):
    """``detect`` for a traced program, with as many rows for every image.

    What torchvision's suppression takes and keeps has a length that depends on the data; it is marked in
    a table of fixed size.
    """

    def __init__(self, raw: _Raw, settings: Settings) -> None:
        super().__init__()
        self.raw, self.settings = raw, settings

    def forward(
        self, images: Tensor
    ) -> tuple[Float[Tensor, "b n 4"], Float[Tensor, "b n"], Int64[Tensor, "b n"]]:
        all_boxes, all_scores = self.raw(images)
        scores, place = all_scores[..., 1:].transpose(1, 2).sort(dim=-1, descending=True, stable=True)
        scores, place = scores[..., : self.settings.per_class], place[..., : self.settings.per_class]
        boxes = _rows(all_boxes, place.flatten(1))  # (b, classes · k, 4)
        kept = self._kept(boxes, scores).view(boxes.shape[:2])
        ranking, order = kept.sort(dim=-1, descending=True, stable=True)
        ranking, order = ranking[:, : self.settings.per_image], order[:, : self.settings.per_image]
        there = ranking > 0
        labels = (order // scores.shape[-1] + 1) * there
        return _rows(boxes, order) * there.unsqueeze(-1), ranking, labels

    def _kept(self, boxes: Float[Tensor, "b n 4"], scores: Float[Tensor, "b c k"]) -> Float[Tensor, " m"]:
        """The scores in a row, 0 where too low or where their box is suppressed within class and image."""
        flat = scores.flatten()
        # A group is a class of an image. Moved by whole numbers, groups do not meet; float64 keeps the boxes.
        groups = torch.arange(scores.shape[0] * scores.shape[1], device=scores.device)
        group = groups.repeat_interleave(scores.shape[2])
        apart = boxes.flatten(0, 1).double() + 2 * group.unsqueeze(1)
        candidate = (flat > self.settings.score_threshold).nonzero().squeeze(1)
        kept = candidate[nms(apart[candidate], flat[candidate].double(), self.settings.iou_threshold)]
        return torch.zeros_like(flat).index_put((kept,), flat[kept])


def _rows(boxes: Float[Tensor, "b n 4"], index: Int64[Tensor, "b m"]) -> Float[Tensor, "b m 4"]:
    return boxes.gather(1, index.unsqueeze(-1).expand(-1, -1, 4))


# The same in ONNX's operators, for d default boxes, c classes, k boxes a class, and n detections an image.
_SUPPRESSION = """<ir_version: {ir_version}, opset_import: ["": {opset}]>
suppression (float[batch, {d}, 4] all_boxes, float[batch, {d}, {columns}] all_scores)
    => (float[batch, {n}, 4] boxes, float[batch, {n}] scores, int64[batch, {n}] labels)
{{
    k = Constant <value = int64[1] {{{k}}}> ()
    n = Constant <value = int64[1] {{{n}}}> ()
    first = Constant <value = int64[1] {{1}}> ()
    last = Constant <value = int64[1] {{{columns}}}> ()
    axis = Constant <value = int64[1] {{2}}> ()
    iou_threshold = Constant <value = float[1] {{{iou_threshold}}}> ()
    score_threshold = Constant <value = float[1] {{{score_threshold}}}> ()
    as_column = Constant <value = int64[3] {{0, -1, 1}}> ()
    as_boxes = Constant <value = int64[3] {{1, 1, 4}}> ()
    as_groups = Constant <value = int64[3] {{-1, {k}, 4}}> ()
    as_group_scores = Constant <value = int64[3] {{-1, 1, {k}}}> ()
    as_images = Constant <value = int64[2] {{-1, {ck}}}> ()

    objects = Slice (all_scores, first, last, axis)
    by_class = Transpose <perm = [0, 2, 1]> (objects)
    best, place = TopK (by_class, k)
    place_column = Reshape (place, as_column)
    place_rows = Expand (place_column, as_boxes)
    candidates = GatherElements <axis = 1> (all_boxes, place_rows)

    groups = Reshape (candidates, as_groups)
    group_scores = Reshape (best, as_group_scores)
    kept = NonMaxSuppression (groups, group_scores, k, iou_threshold, score_threshold)
    kept_scores = GatherND (group_scores, kept)
    shape = Shape (group_scores)
    nothing = ConstantOfShape (shape)
    marked = ScatterND (nothing, kept, kept_scores)

    ranking = Reshape (marked, as_images)
    scores, order = TopK (ranking, n)
    order_column = Reshape (order, as_column)
    order_rows = Expand (order_column, as_boxes)
    best_boxes = GatherElements <axis = 1> (candidates, order_rows)
    found = Sign (scores)
    found_column = Reshape (found, as_column)
    boxes = Mul (best_boxes, found_column)
    found_label = Cast <to = 7> (found)
    class = Div (order, k)
    label = Add (class, first)
    labels = Mul (label, found_label)
}}
"""


def _suppression(onnx: ModuleType, settings: Settings, *, d: int, classes: int, ir_version: int) -> Any:
    """The suppression as an ONNX model of its own, from all boxes and scores to detections."""
    k = min(settings.per_class, d)
    sizes = {"d": d, "columns": classes + 1, "k": k, "ck": classes * k}
    thresholds = {name: f"{getattr(settings, name):.9f}" for name in ("iou_threshold", "score_threshold")}
    n = min(settings.per_image, classes * k)
    text = _SUPPRESSION.format(ir_version=ir_version, opset=OPSET, n=n, **sizes, **thresholds)
    return onnx.parser.parse_model(text)


def _about(model: SSD, settings: Settings, *, detections: bool, uint8: bool) -> dict[str, Any]:
    """What a user of the file must know. ONNX's metadata are texts: what is none becomes JSON there."""
    size, values = model.image_size, "uint8 from 0 to 255" if uint8 else "float32 in [0, 1]"
    outputs = (
        "boxes (b, n, 4): x0, y0, x1, y1 relative to the image; scores (b, n), highest first; labels (b, n): "
        "1 is the first of classes, 0 marks rows that hold nothing"
        if detections
        else "boxes (b, d, 4): x0, y0, x1, y1 relative to the image; scores (b, d, c): column 0 is "
        "background, column 1 the first of classes"
    )
    fixed = {name: None if value == math.inf else value for name, value in asdict(settings).items()}
    return {
        "format": FORMAT,
        "architecture": str(model.config["architecture"]),
        "classes": list(model.classes),
        "image_size": size,
        "input": f"images (b, 3, {size}, {size}), RGB, {values}, stretched to a square; normalised inside",
        "outputs": outputs,
        "detection": fixed if detections else {"largest_growth": fixed["largest_growth"]},
    }


_DYNAMIC = {"images": {0: torch.export.Dim("batch", min=1)}}


def _program(module: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision calls a function of torch by its old name
        return torch.export.export(module.eval(), (example,), dynamic_shapes=_DYNAMIC)


def _example(model: SSD, uint8: bool) -> Tensor:
    """Two images: with one, the exporter would take the length of the batch for a constant."""
    return torch.zeros(
        2, 3, model.image_size, model.image_size, dtype=torch.uint8 if uint8 else torch.float32
    )


def _packages() -> ModuleType:
    try:
        import onnx  # noqa: PLC0415 - an extra that most readers do without
        import onnx.compose  # noqa: PLC0415
        import onnxscript  # noqa: F401, PLC0415 - what torch.onnx.export works with
    except ImportError as error:
        raise ImportError("export to ONNX needs onnx and onnxscript: pip install ssd-lite[export]") from error
    return onnx
