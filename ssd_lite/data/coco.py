"""Images in a folder with one annotation file in COCO's JSON."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard

from ssd_lite.data.annotations import (
    Entry,
    Marked,
    Progress,
    Reading,
    checked,
    checked_classes,
    decoding_faults,
    leads_out,
    links_out,
    settle,
    title,
)
from ssd_lite.data.examples import Example, Problem
from ssd_lite.data.images import Box, check_max_side
from ssd_lite.messages import short_repr
from ssd_lite.truths import Truth

PARTS = ("images", "annotations", "categories")


class COCOFolder:
    """The images that a COCO annotation file lists, in its order, with their objects.

    ``classes`` are by default the names of the categories, sorted by id. Boxes (x, y, width, height)
    in pixels become relative corners; crowds (``iscrowd``) become difficult objects. Sizes, faults,
    ``skip_invalid`` and ``max_side`` are those of ``VOCFolder``: the same photo on its side and the
    same broken box get the same answer. Faults count the file's images, annotations and categories
    from 1.

    Raises ``DatasetError`` as ``VOCFolder`` does, and when the file is not JSON of COCO's kind.
    """

    def __init__(
        self,
        images_dir: str | PathLike[str],
        annotation_json: str | PathLike[str],
        *,
        classes: Sequence[str] | None = None,
        skip_invalid: bool = False,
        max_side: int | None = None,
    ) -> None:
        check_max_side(max_side)
        reading = _read(Path(images_dir), Path(annotation_json), classes)
        self.classes, self._images, self.problems = settle(
            reading, Path(annotation_json).name, skip_invalid=skip_invalid
        )
        self.names = tuple(image.name for image in self._images)
        self._max_side = max_side

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Example:
        """One example. Raises ``DatasetError`` when its image cannot be decoded."""
        return self._images[index].example(self._max_side)

    def truth(self, index: int) -> Truth:
        """The objects of one image, which is not decoded."""
        return self._images[index].truth()

    def image_path(self, index: int) -> Path:
        """Where one image lies."""
        return self._images[index].path


def check(
    images_dir: str | PathLike[str],
    annotation_json: str | PathLike[str],
    *,
    classes: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Problem]:
    """Every fault of the dataset; each image is decoded too. No fault is raised."""
    reading = _read(Path(images_dir), Path(annotation_json), classes)
    return [*reading.problems, *decoding_faults(reading, progress)]


def _read(images_dir: Path, file: Path, classes: Sequence[str] | None) -> Reading:
    classes = checked_classes(classes)
    parts, problems = _parts(images_dir, file)
    if problems:
        return Reading(classes or (), (), tuple(problems))
    categories, wrong = _by_id(parts["categories"], "category", "name", file.name)
    images, more = _by_id(parts["images"], "image", "file_name", file.name)
    objects, most = _objects(parts["annotations"], images, categories, file.name)
    entries = [_entry(images_dir, file.name, image, objects[number]) for number, image in images.items()]
    if classes is None:
        classes, rules = _classes(categories)
        wrong += [Problem(file.name, rule) for rule in rules]
    return checked(entries, classes, wrong + more + most)


def _parts(images_dir: Path, file: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The file's three lists, or the faults that leave nothing to read."""
    if not images_dir.is_dir():
        return {}, [Problem(str(images_dir), "folder must exist")]
    try:
        stated = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}, [Problem(str(file), "file must exist")]
    except (OSError, ValueError, RecursionError) as error:
        return {}, [Problem(file.name, f"must be JSON: {error}")]
    if not isinstance(stated, dict):
        return {}, [Problem(file.name, f"must be a JSON object, got {short_repr(stated)}")]
    wrong = [part for part in PARTS if not isinstance(stated.get(part), list)]
    problems = [
        Problem(file.name, f"{part} must be a list, got {short_repr(stated.get(part))}") for part in wrong
    ]
    if not wrong and not stated["images"]:
        problems.append(Problem(file.name, "images must hold at least one image, got none"))
    return {part: stated[part] for part in PARTS if not wrong}, problems


def _by_id(
    items: Sequence[Any], kind: str, name_key: str, file: str
) -> tuple[dict[int, dict[str, Any]], list[Problem]]:
    """Images or categories by id, those with an id of their own and a name; the others are faults."""
    found: dict[int, dict[str, Any]] = {}
    problems = []
    for place, item in enumerate(items, 1):
        rule = _item_rule(item, name_key)
        if rule is None and item["id"] in found:
            rule = f"id must occur once, got {item['id']} again"
        if rule is None:
            found[item["id"]] = item
        else:
            name = item.get(name_key) if isinstance(item, dict) else None
            problems.append(Problem(file, rule, title(kind, place, name if _is_name(name) else None)))
    return found, problems


def _item_rule(item: Any, name_key: str) -> str | None:
    if not isinstance(item, dict):
        return f"must be an object, got {short_repr(item)}"
    if not _is_id(item.get("id")):
        return f"id must be an integer, got {short_repr(item.get('id'))}"
    if not _is_name(item.get(name_key)):
        return f"{name_key} must be a name, got {short_repr(item.get(name_key))}"
    return None


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_name(value: Any) -> TypeGuard[str]:
    # Half a surrogate pair, which JSON can hold, could be neither opened nor printed.
    return isinstance(value, str) and bool(value.strip()) and not re.search("[\ud800-\udfff]", value)


def _classes(categories: Mapping[int, Mapping[str, Any]]) -> tuple[tuple[str, ...], list[str]]:
    """The categories' names by id, each once, and the rules they break."""
    times = Counter(categories[number]["name"].strip() for number in sorted(categories))
    rules = [
        f"categories must differ in name, got {short_repr(name)} twice" for name in times if times[name] > 1
    ]
    if not times:
        rules.append("categories must hold at least one category, got none")
    return tuple(times), rules


def _objects(
    annotations: Sequence[Any],
    images: Mapping[int, Any],
    categories: Mapping[int, Mapping[str, Any]],
    file: str,
) -> tuple[dict[int, list[Marked]], list[Problem]]:
    """The objects of each image, and the faults of annotations that belong to none."""
    found: dict[int, list[Marked]] = defaultdict(list)
    problems = []
    for place, item in enumerate(annotations, 1):
        number = item.get("image_id") if isinstance(item, dict) else None
        if _is_id(number) and number in images:
            found[number].append(_marked(place, item, categories))
        elif isinstance(item, dict):
            rule = f"image_id must be the id of an image, got {short_repr(number)}"
            problems.append(Problem(file, rule, title("annotation", place, None)))
        else:
            rule = f"must be an object, got {short_repr(item)}"
            problems.append(Problem(file, rule, title("annotation", place, None)))
    return found, problems


def _marked(place: int, item: Mapping[str, Any], categories: Mapping[int, Mapping[str, Any]]) -> Marked:
    broken, name, number = [], None, item.get("category_id")
    if _is_id(number) and number in categories:
        name = categories[number]["name"].strip()
    else:
        broken.append(f"category_id must be the id of a category, got {short_repr(number)}")
    box_px = _box(item.get("bbox"))
    if box_px is None:
        broken.append(f"bbox must be 4 numbers, got {short_repr(item.get('bbox'))}")
    crowd = item.get("iscrowd", 0)
    if not isinstance(crowd, int) or crowd not in (0, 1):
        broken.append(f"iscrowd must be 0 or 1, got {short_repr(crowd)}")
    return Marked(title("annotation", place, name), name, box_px, crowd == 1, tuple(broken))


def _box(xywh: Any) -> Box | None:
    """The corners of a box, or ``None``; rounded, since 0.08 · 640 + (1 - 0.08) · 640 is above 640."""
    numbers = [_number(value) for value in xywh] if isinstance(xywh, list) else []
    known = [number for number in numbers if number is not None]
    if len(known) != 4 or len(numbers) != 4:
        return None
    x, y, width, height = known
    return x, y, round(x + width, 6), round(y + height, 6)


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # JSON's integers know no bound
        return None


def _entry(images_dir: Path, file: str, item: Mapping[str, Any], objects: Sequence[Marked]) -> Entry:
    name, sizes = item["file_name"], [item.get(side) for side in ("width", "height")]
    numbers = [_number(0 if size is None else size) for size in sizes]
    rules = [f"width and height must be numbers, got {short_repr(sizes)}"] if None in numbers else []
    if leads_out(name):
        rules.append(f"file_name must stay inside the folder of images, got {short_repr(name)}")
    elif links_out(images_dir / name, images_dir):
        rules.append("file_name must stay inside the folder of images, but a link leads out of it")
    width, height = numbers
    return Entry(
        name,
        file,
        None if leads_out(name) else images_dir / name,
        name,
        (width, height) if width and height else None,
        tuple(objects),
        tuple(Problem(file, rule, name) for rule in rules),
    )
