"""The harness of training: model, criterion, optimizer, augmentation and compiled parts, built once."""

import warnings
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from ssd_lite.criterion import CriterionOptions, Loss, MultiBoxCriterion
from ssd_lite.data import Batch
from ssd_lite.models import SSD
from ssd_lite.recipes import Recipe
from ssd_lite.training.distributed import ProcessGroup
from ssd_lite.training.schedule import learning_rate, parameter_groups
from ssd_lite.training.step import AugmentationGraph, NetworkGraph, backward, draw_uniforms
from ssd_lite.truths import Truths

ALONE = ProcessGroup()

COMPILE_FROM_STEPS = 3000
"""The number of steps from which on compiling saves more time than it takes: see :func:`compiling_pays`."""


def compiling_pays(device: torch.device, steps: int) -> bool:
    """Whether to compile a training of so many steps that are left: on a GPU, from 3,000 on.

    Measured with SSD300 on VGG-16 and batches of 32 on an H100: compiling takes 23 s, an eager step 26.8 ms
    and a compiled one 16.6 ms, so that compiling pays for itself after about 2,300 steps; fewer than 3,000
    would save next to nothing. On a CPU, where it can take longer than a short run, only the recipe's
    ``compile=True`` compiles.
    """
    return device.type == "cuda" and steps >= COMPILE_FROM_STEPS


class Trainer:
    """Everything that a step of training needs, and the step itself.

    ``model`` is moved to ``device`` and trained there; ``group`` are the processes that share each batch.
    Augmentation, network and criterion are three graphs, each compiled with static shapes if ``compile`` says
    so. By default that is the recipe's decision, or :func:`compiling_pays` for the steps from number
    ``start`` on. Unless it was asked for, a compilation that fails is only warned of: the step is repeated
    without it, from the same state, and so are all that follow.

    Raises ``ValueError`` for settings under which several processes would not train as one does.
    """

    def __init__(
        self,
        model: SSD,
        recipe: Recipe,
        *,
        device: torch.device | str,
        group: ProcessGroup = ALONE,
        compile: bool | None = None,
        start: int = 0,
    ) -> None:
        _check_shareable(recipe.criterion, group)
        self.recipe, self.group, self.device = recipe, group, torch.device(device)
        model = model.to(self.device).to(memory_format=torch.channels_last)
        self.model = group.convert_batch_norm(model, self.device).train()
        self.augmentation = recipe.augmentation(model.image_size)
        self.generator = torch.Generator(self.device)
        self.criterion = MultiBoxCriterion(
            model.default_boxes,
            variances=model.variances,
            generator=self.generator,
            **asdict(recipe.criterion),
        ).to(self.device)
        self.optimizer = torch.optim.SGD(
            parameter_groups(self.model, recipe.weight_decay),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            fused=self.device.type == "cuda",
        )
        wanted = recipe.compile if compile is None else compile
        pays = compiling_pays(self.device, recipe.steps - start)
        self._may_fail, self._rows = not wanted, -1
        self._set_parts(compiles=pays if wanted is None else wanted)

    def step(self, batch: Batch, number: int, *, batch_size: int | None = None, first: int = 0) -> Loss:
        """Take step ``number``, counted from 0, and return the loss of the whole batch.

        ``number`` decides the learning rate and, with the recipe's seed, all that is random. A process that
        has a part of the batch says how many images all of it has, and the position of its own first.
        """
        rate = self.learning_rate(number)
        for settings in self.optimizer.param_groups:
            settings["lr"] = rate
        # Trying cuDNN's kernels takes seconds, which eager steps never save: measured on an H100 and an H200.
        with torch.backends.cudnn.flags(enabled=True, benchmark=self.compiles):
            loss = self._gradients(batch, number, batch_size, first)
            self.optimizer.step()
        return loss

    def learning_rate(self, number: int) -> float:
        """The learning rate of step ``number``."""
        recipe = self.recipe
        return learning_rate(
            number, base=recipe.learning_rate, warmup=recipe.warmup, milestones=recipe.milestones
        )

    def augment(
        self, batch: Batch, number: int, *, batch_size: int | None = None, first: int = 0
    ) -> tuple[Float[Tensor, "b 3 s s"], Truths]:
        """The first part of step ``number``: images in [0, 1] of the model's size, and the truths in them."""
        whole = len(batch.images) if batch_size is None else batch_size
        self.generator.manual_seed(self.recipe.seed * 1_000_003 + number)
        uniforms = draw_uniforms(self.augmentation, whole, self.generator, self.device)
        truths = self._padded(batch.truths) if self.compiles else batch.truths
        found: tuple[Tensor, Truths] = self._augment(
            batch.images, batch.sizes_px, truths, uniforms, whole, first
        )
        return found

    def predict(
        self, images: Float[Tensor, "b 3 s s"]
    ) -> tuple[Float[Tensor, "b d 4"], Float[Tensor, "b d c"]]:
        """The second part: offsets and class logits, in the recipe's precision."""
        found: tuple[Tensor, Tensor] = self._network(images)
        return found

    def loss(self, offsets: Float[Tensor, "b d 4"], logits: Float[Tensor, "b d c"], truths: Truths) -> Loss:
        """The third part: the loss of this process's images."""
        loss: Loss = self._criterion(offsets, logits, truths)
        return loss

    def _set_parts(self, *, compiles: bool) -> None:
        self.compiles = compiles
        on_gpu, precision = self.device.type == "cuda", self.recipe.precision
        half = precision == "bfloat16" or (precision == "auto" and on_gpu)
        network = NetworkGraph(self.model, half=half)
        self._augment: nn.Module = _part(AugmentationGraph(self.augmentation), compiles=compiles)
        self._network = self.group.wrap(_part(network, compiles=compiles))
        # The generator of random negatives breaks the graph.
        whole = self.criterion.options.mining != "random"
        self._criterion = _part(self.criterion, compiles=compiles, fullgraph=whole)

    def _gradients(self, *step: Any) -> Loss:
        """Forward and backward; where they are to be compiled now and cannot be, once more without."""
        if not (self.compiles and self._is_new(step[0].truths)):
            return self._forward_and_backward(*step)
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        try:
            with warnings.catch_warnings():  # the compiler looks at tensors between two graphs
                warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not")
                return self._forward_and_backward(*step)
        except Exception as error:  # a compiler may fail in any way
            if not self._may_fail:
                raise
            for buffer, before in zip(self.model.buffers(), buffers, strict=True):
                buffer.copy_(before)  # the batch norms have seen these images already
            self._set_parts(compiles=False)
            loss = self._forward_and_backward(*step)
            if self.group.is_main:
                reason = f"compiling failed, training goes on without it: {_reason(error)}"
                warnings.warn(reason, stacklevel=4)
            return loss

    def _forward_and_backward(self, batch: Batch, number: int, batch_size: int | None, first: int) -> Loss:
        images, truths = self.augment(batch, number, batch_size=batch_size, first=first)
        loss = self.loss(*self.predict(images), truths)
        scalar, loss = self.group.reduce_loss(loss, self._weight(loss, len(images)))
        backward(self.optimizer, scalar)
        return loss

    def _weight(self, loss: Loss, images: int) -> Tensor:
        """What the criterion divided the loss of this process's images by."""
        by_matches = self.criterion.options.normalize == "batch"
        return loss.num_matched.float() if by_matches else torch.full_like(loss.total, images).detach()

    def _is_new(self, truths: Truths) -> bool:
        """Whether graphs must be compiled: for the first batch, and for one with more rows than any before.

        The number of rows is then at least doubled, so that a source of batches with many different numbers
        of rows is compiled a few times, and one with a fixed number once.
        """
        rows = truths.labels.shape[1]
        if rows <= self._rows:
            return False
        self._rows = max(rows, 2 * self._rows)
        return True

    def _padded(self, truths: Truths) -> Truths:
        """The truths with the number of rows that the graphs were compiled for."""
        more = self._rows - truths.labels.shape[1]
        if more <= 0:
            return truths
        boxes, marks = (0, 0, 0, more), (0, more)
        return Truths(pad(truths.boxes_xyxy, boxes), pad(truths.labels, marks), pad(truths.difficult, marks))


def _part(module: nn.Module, *, compiles: bool, fullgraph: bool = True) -> nn.Module:
    compiled: Any = partial(torch.compile, fullgraph=fullgraph, dynamic=False)
    part: nn.Module = compiled(module) if compiles else module
    return part


def _check_shareable(options: CriterionOptions, group: ProcessGroup) -> None:
    """Raises ``ValueError`` for criteria that look at the whole batch, of which a process has only a part."""
    if group.size == 1:
        return
    if options.mine_per_batch:
        setting, problem = "mine_per_batch must be false", "would mine in its own images only"
    elif options.mining == "random":
        setting, problem = "mining must not be 'random'", "would draw the same numbers for other images"
    else:
        return
    raise ValueError(
        f"criterion.{setting} with {group.size} processes: each {problem}; train with one process"
    )


def _reason(error: Exception) -> str:
    """An error on one line, without the advice on debugging that compilers add after a blank line."""
    text = " ".join(str(error).partition("\n\n")[0].split())
    return f"{type(error).__name__}: {text[:300]}"
