"""What a dataset yields, what it says of what is wrong with it, and how it says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import UInt8
from torch import Tensor

from ssd_lite.truths import Truth


class Example(NamedTuple):
    """One image with its objects; boxes are relative to the image as it is displayed."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    name: str


@runtime_checkable
class Dataset(Protocol):
    """Any sequence of examples that knows its classes (object names, background left out)."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Example: ...


@dataclass(frozen=True)
class Problem:
    """Something wrong in a dataset: which file, which object of it (or none), which rule it breaks."""

    file: str
    rule: str
    object: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.object}: {self.rule}" if self.object else f"{self.file}: {self.rule}"


@runtime_checkable
class AnnotatedDataset(Dataset, Protocol):
    """A dataset of files: its truths are known without decoding its images."""

    @property
    def problems(self) -> tuple[Problem, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def truth(self, index: int, /) -> Truth: ...

    def image_path(self, index: int, /) -> Path: ...


class DatasetError(ValueError):
    """A dataset that cannot be used as it is; ``faults`` holds everything that is wrong with it."""

    SHOWN = 20

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems = () if isinstance(problems, str) else tuple(problems)
        if isinstance(problems, str):  # its message: so a loader's worker process hands an error on
            super().__init__(problems)
            return
        lines = [str(fault) for fault in self.problems[: self.SHOWN]]
        if len(self.problems) > self.SHOWN:
            lines.append(f"… and {len(self.problems) - self.SHOWN} more problems")
        super().__init__("\n".join(lines))


class Concatenated:
    """Several datasets one after the other, of the same classes in the same order."""

    def __init__(self, parts: Sequence[AnnotatedDataset]) -> None:
        self.parts = tuple(parts)
        if len({part.classes for part in self.parts}) != 1:
            raise ValueError(f"parts must agree on classes, got {[part.classes for part in self.parts]}")
        self.classes = self.parts[0].classes
        self.problems = tuple(fault for part in self.parts for fault in part.problems)
        self.names = tuple(name for part in self.parts for name in part.names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Example:
        part, place = self._at(index)
        return part[place]

    def truth(self, index: int) -> Truth:
        """The objects of one image, which is not decoded."""
        part, place = self._at(index)
        return part.truth(place)

    def image_path(self, index: int) -> Path:
        """Where one image lies."""
        part, place = self._at(index)
        return part.image_path(place)

    def _at(self, index: int) -> tuple[AnnotatedDataset, int]:
        place = range(len(self))[index]  # counts negative ones from the end, raises IndexError
        for part in self.parts:
            if place < len(part):
                return part, place
            place -= len(part)
        raise IndexError(index)


class Subset:
    """Some of the examples of a dataset, by their indices."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        self._dataset, self._indices = dataset, list(indices)
        self.classes = dataset.classes
        self.problems: tuple[Problem, ...] = tuple(getattr(dataset, "problems", ()))
        names = getattr(dataset, "names", ())
        self.names = tuple(names[i] for i in self._indices) if names else ()

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int, /) -> Example:
        return self._dataset[self._indices[index]]
