"""Fitting default boxes to a dataset."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.truths import Truth, Truths
from tests.scales.layouts import batch_of, dataset, small_layout


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("kind", ["tiny", "long", "tall", "large"])
def test_fit_never_lowers_coverage(kind, clip, generator):
    truths = dataset(kind, generator)
    for like in (replace(scales.paper((8, 4)), clip=clip), small_layout(clip=clip)):
        before = scales.coverage(like, truths)
        for seed in range(2):
            after = scales.coverage(scales.fit(truths, like=like, rounds=10, seed=seed), truths)
            assert after.mean >= before.mean - 1e-6
            assert after.recall >= before.recall


def test_fit_never_lowers_coverage_of_clipped_boxes_at_the_border():
    # Objects that the clipped boxes in the image's corner cover entirely: measured by boxes that are
    # not clipped, other shapes would look better.
    like = replace(scales.ssd300_voc(), clip=True)
    loose = cxcywh_to_xyxy(scales.ssd300_voc().cxcywh())
    corner = (loose[:, 0] < 0) & (loose[:, 1] < 0)
    boxes = cxcywh_to_xyxy(like.cxcywh())[corner]
    truths = Truths.from_list([Truth.of(boxes, [1] * len(boxes))])
    before = scales.coverage(like, truths)
    after = scales.coverage(scales.fit(truths, like=like, rounds=40), truths)
    assert after.mean >= before.mean - 1e-6
    assert after.recall >= before.recall


@pytest.mark.parametrize(("kind", "gain"), [("tiny", 0.05), ("long", 0.15), ("tall", 0.15)])
def test_fit_raises_coverage_clearly_where_the_boxes_did_not_fit(kind, gain, generator):
    truths = dataset(kind, generator)
    like = scales.paper((16, 8))
    before, after = (
        scales.coverage(like, truths),
        scales.coverage(scales.fit(truths, like=like, rounds=60), truths),
    )
    assert after.mean > before.mean + gain


def test_fit_keeps_what_a_model_s_heads_depend_on(generator):
    truths = dataset("tiny", generator)
    for like in (scales.paper((8, 4)), small_layout(steps=(8.0, 16.0), image_size=32, clip=True)):
        fitted = scales.fit(truths, like=like, rounds=5)
        assert fitted.grids == like.grids
        assert fitted.per_location == like.per_location
        assert fitted.steps == like.steps
        assert fitted.image_size == like.image_size
        assert fitted.clip == like.clip
        if not like.clip:  # which moves centres too
            assert torch.equal(fitted.cxcywh()[:, :2], like.cxcywh()[:, :2])


def test_fit_starts_from_the_released_layout_for_voc(generator):
    fitted = scales.fit(dataset("tiny", generator, images=3), rounds=1)
    assert fitted.grids == scales.ssd300_voc().grids
    assert fitted.steps == scales.ssd300_voc().steps


def test_fit_repeats_under_its_seed_and_leaves_the_global_one_alone(generator):
    truths, like = dataset("long", generator), scales.paper((8, 4))
    before = torch.random.get_rng_state()
    fitted = scales.fit(truths, like=like, rounds=10, seed=3)
    torch.rand(1)
    assert scales.fit(truths, like=like, rounds=10, seed=3) == fitted
    assert scales.fit(truths, like=like, rounds=10, seed=4) != fitted
    torch.random.set_rng_state(before)
    scales.fit(truths, like=like, rounds=2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_fit_looks_at_objects_alone_not_at_padding(generator):
    truths = dataset("long", generator)
    rows = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]).expand(20, 3, 4)
    padded = Truths(
        torch.cat([truths.boxes_xyxy, rows], dim=1),
        torch.cat([truths.labels, torch.zeros(20, 3, dtype=torch.int64)], dim=1),
        torch.zeros(20, 8, dtype=torch.bool),
    )
    like = scales.paper((8, 4))
    assert scales.fit(padded, like=like, rounds=5) == scales.fit(truths, like=like, rounds=5)


def test_fit_needs_an_object():
    wanted = r"^truths must hold at least one object to fit default boxes to, got none$"
    with pytest.raises(ValueError, match=wanted):
        scales.fit(Truths.from_list([Truth.of([], [])]), like=small_layout())


def voc_truths(folder: Path, split: str, images: int) -> Truths:
    """The objects of some images of a VOC folder, without the boxes of zero area that bccd has."""
    truths = []
    for name in (folder / "ImageSets/Main" / f"{split}.txt").read_text().split()[:images]:
        root = ElementTree.parse(folder / "Annotations" / f"{name}.xml").getroot()
        width, height = (float(root.findtext(f"size/{side}")) for side in ("width", "height"))
        corners = [
            [float(found.findtext(tag)) for tag in ("xmin", "ymin", "xmax", "ymax")]
            for found in root.findall("object/bndbox")
        ]
        kept = [c for c in corners if c[0] < c[2] and c[1] < c[3]]
        boxes = torch.tensor(kept).reshape(-1, 4) / torch.tensor([width, height, width, height])
        truths.append(Truth.of(boxes, [1] * len(kept)))
    return Truths.from_list(truths)


# Red cells of one size and small platelets; debris from pebbles to hoses.
@pytest.mark.parametrize(("name", "split", "gain"), [("bccd", "trainval", 0.02), ("fod-a", "test", 0.01)])
def test_fit_raises_the_coverage_of_real_data(shared, name, split, gain):
    if not (shared / "data" / name).is_dir():
        pytest.skip(f"{name} is not in {shared}")
    truths = voc_truths(shared / "data" / name, split, images=30 if name == "bccd" else 300)
    like = scales.ssd300_voc()
    before = scales.coverage(like, truths)
    after = scales.coverage(scales.fit(truths, like=like, rounds=10), truths)
    assert after.recall >= before.recall
    assert after.mean > before.mean + gain


def test_fit_repeats_itself_on_every_machine(generator):
    """Moves, and what is kept of them: the numbers of one run, which no change may alter unseen."""
    truths = dataset("long", generator, images=10, objects=3)
    fitted = scales.fit(truths, like=scales.paper((4, 2)))
    assert fitted.scales == (0.2411, 0.2843, 0.6758)
    assert fitted.aspect_ratios == ((2.4622, 6.0), (2.892, 5.9675))


def test_a_layout_that_clips_is_fitted_too(generator):
    like = replace(scales.paper((8, 4)), clip=True)
    truths = batch_of(
        torch.tensor([[[0.3, 0.45, 0.7, 0.52], [0.25, 0.5, 0.7, 0.56]]]), torch.ones(1, 2, dtype=torch.bool)
    )
    fitted = scales.fit(truths, like=like)
    assert fitted.clip
    assert scales.coverage(fitted, truths).mean > scales.coverage(like, truths).mean + 0.03


def test_fit_leaves_alone_what_could_not_be_better():
    """Moves that change nothing for the objects are not taken."""
    like = scales.paper((8, 4))
    box = cxcywh_to_xyxy(torch.tensor([[1 / 16, 1 / 16, 0.2, 0.2]]))
    assert scales.fit(Truths.from_list([Truth.of(box, [1])]), like=like, rounds=20) == like
