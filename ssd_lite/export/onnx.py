"""Detectors as ONNX files."""

import json
import warnings
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ssd_lite.export.program import DYNAMIC_SHAPES, CandidateDetector, RawDetector, trace
from ssd_lite.export.settings import Settings, description, settings_of
from ssd_lite.models import SSD

OPSET = 18


def to_onnx(model: SSD, *, detections: bool = True, uint8: bool = False, **options: Any) -> bytes:
    """The content of an .onnx file, opset 18, with its description as metadata.

    Suppression is ONNX's own operator, with a group for each class of each image. Equal scores keep the
    order of the classes, then of the default boxes, as in ``detect``: TopK is defined so, and
    onnxruntime's NonMaxSuppression does it. Where ``detect`` computes in float64, this computes in
    float32, so overlaps within rounding of the threshold, and scores within rounding of each other, may
    be decided differently. For ``uint8`` and ``options`` see :func:`save`.

    Raises ``ImportError`` if onnx or onnxscript is not installed.
    """
    onnx = _import_onnx()
    settings = settings_of(model, options)
    module: nn.Module = RawDetector(model, settings, uint8=uint8)
    names = ["all_boxes", "all_scores"] if detections else ["boxes", "scores"]
    graph = _converted(CandidateDetector(module) if detections else module, model, names, uint8=uint8)
    if detections:
        sizes = {"d": len(model.default_boxes), "classes": len(model.classes)}
        after = suppression(onnx, settings, ir_version=graph.ir_version, **sizes)
        graph = onnx.compose.merge_models(graph, after, io_map=[(name, name) for name in names])
    facts = description(model, settings, detections=detections, uint8=uint8)
    texts = {name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()}
    onnx.helper.set_model_props(graph, texts)  # metadata must be text
    onnx.checker.check_model(graph, full_check=True)
    return bytes(graph.SerializeToString())


def _converted(module: nn.Module, model: SSD, outputs: list[str], *, uint8: bool) -> Any:
    """The module as an ONNX model."""
    program = trace(module, model, uint8=uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        exported = torch.onnx.export(
            program,
            input_names=["images"],
            output_names=outputs,
            dynamic_shapes=DYNAMIC_SHAPES,  # only names the axis
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert exported is not None  # only the old exporter returns None
    return exported.model_proto


# Suppression for d default boxes, c classes, k boxes a class, and n detections an image.
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


def suppression(onnx: ModuleType, settings: Settings, *, d: int, classes: int, ir_version: int) -> Any:
    """Suppression as an ONNX model of its own, from all boxes and scores to detections."""
    k = min(settings.per_class, d)
    sizes = {"d": d, "columns": classes + 1, "k": k, "ck": classes * k}
    thresholds = {name: f"{getattr(settings, name):.9f}" for name in ("iou_threshold", "score_threshold")}
    n = min(settings.per_image, classes * k)
    text = _SUPPRESSION.format(ir_version=ir_version, opset=OPSET, n=n, **sizes, **thresholds)
    return onnx.parser.parse_model(text)


def _import_onnx() -> ModuleType:
    try:
        import onnx  # noqa: PLC0415 - an optional package
        import onnx.compose  # noqa: PLC0415
        import onnxscript  # noqa: F401, PLC0415 - torch.onnx.export needs it
    except ImportError as error:
        raise ImportError("export to ONNX needs onnx and onnxscript: pip install ssd-lite[export]") from error
    return onnx
