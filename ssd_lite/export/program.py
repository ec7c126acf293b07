"""Detectors as programs of ``torch.export``."""

import copy
import io
import json
import math
import warnings
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torchvision.ops import nms

from ssd_lite.boxes import clip, cxcywh_to_xyxy
from ssd_lite.export.settings import Settings, description, settings_of
from ssd_lite.models import SSD
from ssd_lite.objective import decode

ABOUT = "ssd_lite.json"
"""Name of the description inside a .pt2 file; an ONNX file has the same in its metadata."""

DYNAMIC_SHAPES = {"images": {0: torch.export.Dim("batch", min=1)}}


def to_torch(model: SSD, *, detections: bool = True, uint8: bool = False, **options: Any) -> bytes:
    """The content of a .pt2 file, for ``torch.export.load``; the program runs on the CPU.

    With suppression, the program calls torchvision's: ``import torchvision`` before loading the file.
    Overlaps are computed in float64, as in ``detect``, but boxes are decoded in float32. For ``uint8``
    and ``options`` see :func:`save`.
    """
    settings = settings_of(model, options)
    module: nn.Module = RawDetector(model, settings, uint8=uint8)
    if detections:
        module = SuppressingDetector(CandidateDetector(module), settings)
    facts = description(model, settings, detections=detections, uint8=uint8)
    buffer = io.BytesIO()
    torch.export.save(trace(module, model, uint8=uint8), buffer, extra_files={ABOUT: json.dumps(facts)})
    return buffer.getvalue()


class RawDetector(nn.Module):
    """A copy of the detector, on the CPU, that returns boxes and scores instead of offsets and logits."""

    def __init__(self, model: SSD, settings: Settings, *, uint8: bool) -> None:
        super().__init__()
        self.largest_offset = math.log(settings.largest_growth) / model.variances[1]
        self.model = copy.deepcopy(model).cpu().eval().requires_grad_(False)
        self.uint8 = uint8
        self.register_buffer("defaults_cxcywh", model.default_boxes.cxcywh())
        self.defaults_cxcywh: Tensor

    def forward(self, images: Tensor) -> tuple[Float[Tensor, "b d 4"], Float[Tensor, "b d c"]]:
        offsets, logits = self.model(images / 255 if self.uint8 else images)
        offsets = torch.cat([offsets[..., :2], offsets[..., 2:].clamp(max=self.largest_offset)], dim=-1)
        boxes = decode(offsets, self.defaults_cxcywh, variances=self.model.variances)
        return clip(cxcywh_to_xyxy(boxes)), logits.softmax(dim=-1)


class CandidateDetector(nn.Module):
    """A raw detector whose boxes without area, and those with NaN, become zeros with score 0.

    They then pass no threshold, so that, as in ``detect``, they count towards no limit.
    """

    def __init__(self, raw: nn.Module) -> None:
        super().__init__()
        self.raw = raw

    def forward(self, images: Tensor) -> tuple[Float[Tensor, "b d 4"], Float[Tensor, "b d c"]]:
        boxes, scores = self.raw(images)
        x0, y0, x1, y1 = boxes.unbind(dim=-1)
        has_area = ((x1 > x0) & (y1 > y0)).unsqueeze(-1)
        scores = torch.where(has_area & (scores >= 0), scores, 0.0)  # NaN >= 0 is false
        return torch.where(has_area, boxes, 0.0), scores


class SuppressingDetector(nn.Module):
    """``detect`` in a form that can be traced, with the same number of rows for every image.

    The number of boxes that suppression takes and keeps depends on the data, so those kept are marked in
    a table of fixed size.
    """

    def __init__(self, candidates: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.candidates, self.settings = candidates, settings

    def forward(
        self, images: Tensor
    ) -> tuple[Float[Tensor, "b n 4"], Float[Tensor, "b n"], Int64[Tensor, "b n"]]:
        all_boxes, all_scores = self.candidates(images)
        scores, place = all_scores[..., 1:].transpose(1, 2).sort(dim=-1, descending=True, stable=True)
        scores, place = scores[..., : self.settings.per_class], place[..., : self.settings.per_class]
        boxes = _rows(all_boxes, place.flatten(1))  # (b, classes · k, 4)
        kept = self._kept(boxes, scores).view(boxes.shape[:2])
        ranking, order = kept.sort(dim=-1, descending=True, stable=True)
        ranking, order = ranking[:, : self.settings.per_image], order[:, : self.settings.per_image]
        used = ranking > 0
        labels = (order // scores.shape[-1] + 1) * used
        return _rows(boxes, order) * used.unsqueeze(-1), ranking, labels

    def _kept(self, boxes: Float[Tensor, "b n 4"], scores: Float[Tensor, "b c k"]) -> Float[Tensor, " m"]:
        """All scores in one row, with 0 for those too low or suppressed within their class and image."""
        flat = scores.flatten()
        # A group is a class of an image. Whole numbers move the groups apart; float64 keeps boxes exact.
        groups = torch.arange(scores.shape[0] * scores.shape[1], device=scores.device)
        group = groups.repeat_interleave(scores.shape[2])
        apart = boxes.flatten(0, 1).double() + 2 * group.unsqueeze(1)
        candidate = (flat > self.settings.score_threshold).nonzero().squeeze(1)
        kept = candidate[nms(apart[candidate], flat[candidate].double(), self.settings.iou_threshold)]
        return torch.zeros_like(flat).index_put((kept,), flat[kept])


def trace(module: nn.Module, model: SSD, *, uint8: bool) -> torch.export.ExportedProgram:
    """The module as a program that takes a batch of any length of the model's images."""
    size, dtype = model.image_size, torch.uint8 if uint8 else torch.float32
    example = torch.zeros(2, 3, size, size, dtype=dtype)  # a batch of 1 would be taken for a constant
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision uses a deprecated function of torch
        return torch.export.export(module.eval(), (example,), dynamic_shapes=DYNAMIC_SHAPES)


def _rows(boxes: Float[Tensor, "b n 4"], index: Int64[Tensor, "b m"]) -> Float[Tensor, "b m 4"]:
    return boxes.gather(1, index.unsqueeze(-1).expand(-1, -1, 4))
