"""What a dataset is, what it yields, and datasets made of others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import UInt8
from torch import Tensor

from ssd_lite.data.problems import DatasetError, Problem
from ssd_lite.messages import plural
from ssd_lite.truths import Truth

__all__ = ["AnnotatedDataset", "Concatenated", "Dataset", "DatasetError", "Example", "Problem", "Subset"]


class Example(NamedTuple):
    """One image with its objects; boxes are relative to the image as it is displayed."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    name: str

    def __repr__(self) -> str:
        height, width = self.image.shape[-2:]
        return f"Example({self.name!r}, {width} × {height}, {plural(len(self.truth), 'object')})"


@runtime_checkable
class Dataset(Protocol):
    """Any sequence of examples that knows its classes (object names, background left out)."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Example: ...


@runtime_checkable
class AnnotatedDataset(Dataset, Protocol):
    """A dataset of files: truths and sizes (width, height) are known without decoding images."""

    @property
    def problems(self) -> tuple[Problem, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def truth(self, index: int, /) -> Truth: ...

    def image_path(self, index: int, /) -> Path: ...

    def size_px(self, index: int, /) -> tuple[int, int]: ...


class Concatenated:
    """Several datasets one after the other, of the same classes in the same order."""

    def __init__(self, parts: Sequence[AnnotatedDataset]) -> None:
        self.parts = tuple(parts)
        if len({part.classes for part in self.parts}) != 1:
            raise ValueError(f"parts must agree on classes, got {[part.classes for part in self.parts]}")
        self.classes = self.parts[0].classes
        self.problems = tuple(problem for part in self.parts for problem in part.problems)
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

    def size_px(self, index: int) -> tuple[int, int]:
        """Width and height of one image."""
        part, place = self._at(index)
        return part.size_px(place)

    def __repr__(self) -> str:
        return f"Concatenated({', '.join(map(repr, self.parts))})"

    def _at(self, index: int) -> tuple[AnnotatedDataset, int]:
        place = range(len(self))[index]  # counts negative ones from the end, raises IndexError
        for part in self.parts:
            if place < len(part):
                return part, place
            place -= len(part)
        raise IndexError(index)


class Subset:
    """Some of the examples of a dataset, by their indices.

    It has ``truth``, ``image_path`` and ``size_px`` where the dataset has them.
    """

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

    def __getattr__(self, name: str) -> Any:
        if name not in ("truth", "image_path", "size_px"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        method = getattr(self._dataset, name)
        return lambda index: method(self._indices[index])

    def __repr__(self) -> str:
        return f"Subset({plural(len(self), 'image')} of {self._dataset!r})"
