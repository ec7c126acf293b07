"""What a dataset yields, what it says of what is wrong with it, and how it says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from jaxtyping import UInt8
from torch import Tensor

from ssd_lite.truths import Truth


class Example(NamedTuple):
    """One image with its objects; boxes are relative to the image as it is displayed."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    name: str


class Dataset(Protocol):
    """Any sequence of examples that knows its classes (object names, background left out)."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Example: ...


@dataclass(frozen=True)
class Fault:
    """Something wrong in a dataset: which file, which object of it (or none), which rule it breaks."""

    file: str
    rule: str
    object: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.object}: {self.rule}" if self.object else f"{self.file}: {self.rule}"


class DatasetError(ValueError):
    """A dataset that cannot be used as it is; ``faults`` holds everything that is wrong with it."""

    SHOWN = 20

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults[: self.SHOWN]]
        if len(self.faults) > self.SHOWN:
            lines.append(f"… and {len(self.faults) - self.SHOWN} more faults")
        super().__init__("\n".join(lines))
