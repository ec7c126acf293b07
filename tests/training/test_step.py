"""The step: one graph for all of it, numbers drawn beforehand, nothing read back from a GPU."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from ssd_lite import models
from ssd_lite.augmentation import Crop, Photometric, SSDAugmentation
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.data import Scenes, decode
from ssd_lite.data.loading import shuffled
from ssd_lite.random import PredrawnUniforms
from ssd_lite.training.step import TrainingGraph, draw_uniforms, optimizer_step, train_step

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]


@pytest.fixture(scope="module")
def images():
    return decode(Scenes(count=8, size=(64, 64)), canvas_px=64)


def _parts(images, **options):
    torch.manual_seed(0)
    model = models.ssd_tiny(images.classes).train()
    criterion = MultiBoxCriterion(model.default_boxes)
    augmentation = SSDAugmentation(128, zoom_out=0.5, photometric=Photometric(shuffle=0.5))
    return TrainingGraph(model, criterion, augmentation, **options)


def _losses(objective, forward, images, steps: int, device="cpu") -> list[float]:
    """The losses of some steps, each with a learning rate of its own."""
    generator = torch.Generator(device)
    optimizer = torch.optim.SGD(objective.network.model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for step, batch in enumerate(images.batches(shuffled(len(images), 4, steps=steps, seed=0))):
        optimizer.param_groups[0]["lr"] = 0.01 / (step + 1)
        generator.manual_seed(step)
        numbers = draw_uniforms(objective.augment.augmentation, 4, generator, torch.device(device))
        loss = forward(batch.images, batch.sizes_px, batch.truths, numbers, batch_size=4, first=0)
        optimizer_step(optimizer, loss.total)
        losses.append(loss.total.detach())
    return torch.stack(losses).tolist()


@pytest.mark.plain
@pytest.mark.parametrize("half", [False, True])
def test_the_whole_step_is_one_graph_that_is_compiled_once(images, half: bool) -> None:
    """Augmentation, network, matching, mining and loss: ``fullgraph`` refuses any break."""
    expected = _losses(eager := _parts(images, half=half), eager, images, 5)
    objective = _parts(images, half=half)
    counter = CompileCounterWithBackend("aot_eager")
    torch._dynamo.reset()
    compiled = torch.compile(objective, fullgraph=True, dynamic=False, backend=counter)
    found = _losses(objective, compiled, images, 5)
    assert counter.frame_count == 1  # and not again for other batches, rates or numbers
    # Rounding differs, and every step magnifies it.
    assert found[0] == pytest.approx(expected[0], rel=1e-2 if half else 1e-4)
    assert found == pytest.approx(expected, rel=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("on_device", [True, False])
def test_nothing_waits_for_the_gpu(images, on_device: bool) -> None:
    """Images on the GPU, or in pinned memory: from taking the batch to moving the weights."""
    there = images.to("cuda", images=on_device)
    objective = _parts(images, half=True).cuda()
    optimizer = torch.optim.SGD(objective.network.model.parameters(), lr=0.01, momentum=0.9, fused=True)
    generator = torch.Generator("cuda").manual_seed(0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in there.batches([[0, 1, 2, 3], [4, 5, 6, 7]]):
            numbers = draw_uniforms(objective.augment.augmentation, 4, generator, torch.device("cuda"))
            optimizer_step(optimizer, objective(*batch[:3], numbers, batch_size=4, first=0).total)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "augmentation",
    [
        SSDAugmentation(32),
        SSDAugmentation(32, crop=None, photometric=None),
        SSDAugmentation(32, crop=Crop(trials=7, min_overlaps=(0.5,)), photometric=Photometric(shuffle=0.5)),
        SSDAugmentation(32, zoom_out=0.5, flip=0.0),
    ],
)
def test_numbers_drawn_beforehand_are_those_of_the_generator(images, augmentation, device: str) -> None:
    """As many as are used, and in the same order."""
    batch = next(iter(images.to(device).batches([[0, 1, 2]])))
    numbers = draw_uniforms(augmentation, 3, torch.Generator().manual_seed(5), torch.device(device))
    draws = PredrawnUniforms(numbers, images=3)
    one = augmentation(batch.images, batch.truths, generator=draws, sizes_px=batch.sizes_px)
    assert draws.used == len(numbers) == augmentation.num_uniforms(3)
    generator = torch.Generator().manual_seed(5)
    other = augmentation(batch.images, batch.truths, generator=generator, sizes_px=batch.sizes_px)
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1].boxes_xyxy, other[1].boxes_xyxy)


def test_a_part_of_a_batch_draws_what_it_would_in_the_whole(images) -> None:
    augmentation = SSDAugmentation(32, zoom_out=0.5, photometric=Photometric(shuffle=0.5))
    numbers = draw_uniforms(augmentation, 5, torch.Generator().manual_seed(2), torch.device("cpu"))
    whole = next(iter(images.batches([[0, 1, 2, 3, 4]])))
    seen, truths = augmentation(whole.images, whole.truths, generator=PredrawnUniforms(numbers, images=5))
    for first, rows in ((0, [0, 1, 2]), (3, [3, 4])):
        part = next(iter(images.batches([rows])))
        draws = PredrawnUniforms(numbers, images=5, first=first)
        ours, kept = augmentation(part.images, part.truths, generator=draws)
        torch.testing.assert_close(ours, seen[rows])
        assert torch.equal(kept.labels, truths.labels[rows])


def test_the_step_is_augmentation_prediction_comparison_and_learning(images) -> None:
    objective = _parts(images)
    batch = next(iter(images.batches([[0, 1]])))
    before = [p.clone() for p in objective.network.model.parameters()]
    optimizer = torch.optim.SGD(objective.network.model.parameters(), lr=0.1)
    parts = objective.network.model, objective.criterion, optimizer, objective.augment.augmentation
    loss = train_step(*parts, batch, generator=torch.Generator().manual_seed(0))
    assert loss.total.isfinite()
    for old, new in zip(before, objective.network.model.parameters(), strict=True):
        torch.testing.assert_close(new, old - 0.1 * new.grad)
