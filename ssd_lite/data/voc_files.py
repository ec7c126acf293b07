"""The files of a folder laid out like PASCAL VOC: what its splits list, and what its XML states."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, parse

from ssd_lite.data.annotations import Marked, links_out, title
from ssd_lite.data.examples import Problem
from ssd_lite.messages import short_repr

ALL = "all"
"""The one split of a folder that has no ``ImageSets/Main``: every annotation."""

FLAGS = ("-1", "0", "1")  # second column of VOC's split files of one class: absent, difficult, present


class Annotation(NamedTuple):
    """What one XML file states, and the rules it breaks as a whole."""

    objects: tuple[Marked, ...]
    size_px: tuple[float, float] | None
    filename: str
    broken: tuple[str, ...]


def missing_parts(root: Path) -> list[Problem]:
    """The folders that are missing, with a guess when the layout begins further down."""
    if not root.is_dir():
        return [Problem(str(root), "folder must exist")]
    deeper = [*root.glob("*/Annotations"), *root.glob("*/*/Annotations")]
    guess = f"; is {min(deeper).parent} meant?" if deeper else ""
    parts = [part for part in ("Annotations", "JPEGImages") if not (root / part).is_dir()]
    return [Problem(part, f"folder must exist in {root}{guess}") for part in parts]


def split_files(root: Path) -> dict[str, Path]:
    """The files in ``ImageSets/Main`` by the name of their split, sorted; none where there is none."""
    files = sorted((root / "ImageSets" / "Main").glob("*.txt"))
    return {file.stem: file for file in files if not file.name.startswith(".")}


def index(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """The files below a folder by relative path without suffix. Only these are read, so no id leads out."""
    files = [file for file in folder.rglob("*") if file.suffix.lower() in suffixes]
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: (suffixes.index(file.suffix.lower()), str(file))):
        if not file.name.startswith("."):  # archives made on a Mac hold ._ID.xml beside ID.xml
            found.setdefault(file.relative_to(folder).with_suffix("").as_posix(), file)
    return found


def read_split(root: Path, split: str, files: Mapping[str, Path]) -> tuple[list[str], str, list[Problem]]:
    """The images of a split, each once and in order, the file that lists them, and what is wrong there."""
    available, list_file = split_files(root), f"ImageSets/Main/{split}.txt"
    if not available and split == ALL:
        return sorted(files), "Annotations", [] if files else [Problem("Annotations", "must hold XML files")]
    if split not in available:
        rule = f"split must be one of {', '.join(available) or ALL}, got {short_repr(split)}"
        return [], list_file, [Problem(list_file, rule)]
    if available[split].is_symlink() and links_out(available[split], root, root / "ImageSets" / "Main"):
        return (
            [],
            list_file,
            [Problem(list_file, "must not be a link that leads out of the dataset's folder")],
        )
    try:
        text = available[split].read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return [], list_file, [Problem(list_file, f"must be text in UTF-8: {error}")]
    times = Counter(_name(line.strip(), files) for line in text.splitlines() if line.strip())
    rules = [
        f"must list {short_repr(name)} once, got {many} times" for name, many in times.items() if many > 1
    ]
    if not times:
        rules.append("split must hold at least one image, got none")
    return list(times), list_file, [Problem(list_file, rule) for rule in rules]


def _name(line: str, files: Mapping[str, Path]) -> str:
    """The image that a line names: all of it, or what stands before the flag of a split of one class."""
    name, *flag = line.rsplit(maxsplit=1)
    return name if flag and flag[0] in FLAGS and line not in files else line


def read_annotation(path: Path, file: str, folder: Path) -> Annotation | Problem:
    """What an XML file of a dataset in ``folder`` states, or why it cannot be read; ``file`` names it."""
    if path.is_symlink() and links_out(path, folder, folder / "Annotations"):
        return Problem(file, "must lie in the dataset's folder, but is a link that leads out of it")
    try:
        root: Element | None = parse(path, forbid_dtd=True).getroot()
    except DefusedXmlException as error:
        return Problem(file, f"must be XML without a DTD and entities, got {type(error).__name__}")
    except (ParseError, LookupError, ValueError, OSError) as error:
        return Problem(file, f"must be XML: {error}")
    if root is None or root.tag != "annotation":
        return Problem(file, f"root must be <annotation>, got <{root.tag if root is not None else ''}>")
    objects = tuple(_marked(place, element) for place, element in enumerate(root.findall("object"), 1))
    size_px, broken = _numbers(root.find("size"), ("width", "height"), missing="0")
    size = (size_px[0], size_px[1]) if size_px and all(size_px) else None
    return Annotation(objects, size, (root.findtext("filename") or "").strip(), tuple(broken))


def _marked(place: int, element: Element) -> Marked:
    """One object; its box is its own, not that of a head or hand among its parts."""
    name = (element.findtext("name") or "").strip() or None
    broken = [] if name else ["name must be given"]
    box = element.find("bndbox")
    if box is None:
        corners, wrong = None, ["bndbox must be given"]
    else:
        corners, wrong = _numbers(box, ("xmin", "ymin", "xmax", "ymax"))
    difficult = (element.findtext("difficult") or "").strip() or "0"
    if difficult not in ("0", "1"):
        broken.append(f"difficult must be 0 or 1, got {short_repr(difficult)}")
    box_px = (corners[0], corners[1], corners[2], corners[3]) if corners else None
    return Marked(title("object", place, name), name, box_px, difficult == "1", (*broken, *wrong))


def _numbers(
    element: Element | None, tags: Sequence[str], *, missing: str = ""
) -> tuple[list[float] | None, list[str]]:
    """The numbers in an element's children, and the rules they break; then there are no numbers."""
    numbers, broken = [], []
    for tag in tags:
        text = "" if element is None else (element.findtext(tag) or "").strip()
        try:
            numbers.append(float(text or missing))
        except ValueError:
            broken.append(f"{tag} must be a number, got {short_repr(text)}")
    return None if broken else numbers, broken
