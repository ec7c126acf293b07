"""All detections of a dataset, each beside the objects that it overlaps most."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.boxes import area, jaccard
from ssd_lite.truths import Truth, Truths

NO_OBJECT = -1
"""The number of the object that a detection overlaps most, where it overlaps none."""

Sizes = Sequence[tuple[int, int]] | Int64[Tensor, "b 2"]
AnyTruths = Truths | Sequence[Truth] | Sequence[Mapping[str, Tensor]]


class Found(NamedTuple):
    """The detections of one image, on the CPU."""

    boxes_xyxy: Float[Tensor, "n 4"]
    labels: Int64[Tensor, " n"]
    scores: Float[Tensor, " n"]


class Nearest(NamedTuple):
    """For each detection the greatest overlap with certain objects, and the number of that object.

    Equal overlaps go to the lower number. Without any overlap the number is ``NO_OBJECT``.
    """

    overlap: Float[Tensor, " n"]
    object: Int64[Tensor, " n"]


class Objects(NamedTuple):
    """The objects of all images, numbered from 0 in the order of the images."""

    image: Int64[Tensor, " m"]
    label: Int64[Tensor, " m"]
    difficult: Bool[Tensor, " m"]
    area: Float[Tensor, " m"]


class Pairs(NamedTuple):
    """All detections, highest score first, with the objects that they overlap most, and all objects.

    Equal scores go by image, then by place within the image. ``nearest`` is about objects of the detection's
    class, as VOC matches them; ``counted`` about those of them that are not difficult; ``other`` about
    objects of other classes that are not difficult.
    """

    image: Int64[Tensor, " n"]
    label: Int64[Tensor, " n"]
    score: Float[Tensor, " n"]
    area: Float[Tensor, " n"]
    nearest: Nearest
    counted: Nearest
    other: Nearest
    objects: Objects


def unpack_detections(detections: Iterable[Mapping[str, Tensor]]) -> list[Found]:
    """Torchvision's dictionaries as tensors on the CPU, boxes and scores in float64."""
    return [
        Found(
            item["boxes"].detach().cpu().double().reshape(-1, 4),
            item["labels"].cpu().long().reshape(-1),
            item["scores"].detach().cpu().double().reshape(-1),
        )
        for item in detections
    ]


def unpack_truths(truths: AnyTruths) -> list[Truth]:
    """One truth per image on the CPU, boxes in float64; no object is difficult unless it says so."""
    return list(_truths(truths.unpadded() if isinstance(truths, Truths) else truths))


def _truths(truths: Iterable[Truth | Mapping[str, Tensor]]) -> Iterator[Truth]:
    for item in truths:
        if isinstance(item, Truth):
            boxes, labels, difficult = item.boxes_xyxy, item.labels, item.difficult
        else:
            boxes, labels = item["boxes"], item["labels"]
            difficult = item.get("difficult", torch.zeros_like(labels))
        yield Truth(
            boxes.detach().cpu().double().reshape(-1, 4),
            labels.cpu().long().reshape(-1),
            difficult.cpu().bool().reshape(-1),
        )


def pair(found: Sequence[Found], truths: Sequence[Truth], *, sizes_px: Sizes | None = None) -> Pairs:
    """Hold the detections of each image against its objects.

    Areas are in the square of the boxes' unit; with ``sizes_px``, the (height, width) of each image, boxes
    are relative and areas in square pixels.
    """
    tables = [_nearest(one, truth) for one, truth in zip(found, truths, strict=True)]
    starts = torch.tensor([0, *(len(truth) for truth in truths)], device="cpu").cumsum(0)[:-1].tolist()
    nearest, counted, other = (_numbered([table[kind] for table in tables], starts) for kind in range(3))
    objects = Objects(
        _image_of([len(truth) for truth in truths]),
        _joined([truth.labels for truth in truths]).long(),
        _joined([truth.difficult for truth in truths]).bool(),
        _areas([truth.boxes_xyxy for truth in truths], sizes_px),
    )
    pairs = Pairs(
        _image_of([len(one.scores) for one in found]),
        _joined([one.labels for one in found]).long(),
        _joined([one.scores for one in found]),
        _areas([one.boxes_xyxy for one in found], sizes_px),
        nearest,
        counted,
        other,
        objects,
    )
    return _in_order(pairs, pairs.score.argsort(descending=True, stable=True))


def _areas(boxes_xyxy: Sequence[Tensor], sizes_px: Sizes | None) -> Float[Tensor, " n"]:
    areas = _joined([area(boxes) for boxes in boxes_xyxy])
    if sizes_px is None:
        return areas
    pixels = torch.tensor([int(h) * int(w) for h, w in sizes_px], dtype=torch.float64, device="cpu")
    # In float32 a relative box of 32 × 32 pixels may have 1023.995 of them, and then be of another size.
    return (areas * pixels[_image_of([len(boxes) for boxes in boxes_xyxy])]).round(decimals=1)


def _nearest(found: Found, truth: Truth) -> list[Nearest]:
    """The nearest objects of one image: of the same class, the same without difficult ones, of others."""
    labels = pad(truth.labels, (0, 1))  # a row of label 0: there is always something to look up
    counts = pad(~truth.difficult, (0, 1))
    overlaps = jaccard(found.boxes_xyxy, pad(truth.boxes_xyxy, (0, 0, 0, 1)))
    same = found.labels[:, None] == labels
    return [Nearest(*(overlaps * mask).max(dim=-1)) for mask in (same, same & counts, ~same & counts)]


def _numbered(parts: Sequence[Nearest], starts: Sequence[int]) -> Nearest:
    """The parts in one, with objects numbered through all images."""
    places = [
        torch.where(part.overlap > 0, part.object + start, NO_OBJECT)
        for part, start in zip(parts, starts, strict=True)
    ]
    return Nearest(_joined([part.overlap for part in parts]), _joined(places).long())


def _in_order(pairs: Pairs, order: Int64[Tensor, " n"]) -> Pairs:
    nearest, counted, other = (
        Nearest(one.overlap[order], one.object[order]) for one in (pairs.nearest, pairs.counted, pairs.other)
    )
    return Pairs(
        pairs.image[order],
        pairs.label[order],
        pairs.score[order],
        pairs.area[order],
        nearest,
        counted,
        other,
        pairs.objects,
    )


def _image_of(lengths: Sequence[int]) -> Int64[Tensor, " n"]:
    counts = torch.tensor(lengths, dtype=torch.int64, device="cpu")
    return torch.arange(len(counts), device="cpu").repeat_interleave(counts)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([*parts]) if parts else torch.zeros(0, dtype=torch.float64, device="cpu")
