"""What an annotation file in COCO's JSON states."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from ssd_lite.data.images import Box
from ssd_lite.data.paths import leads_out, links_out, shown
from ssd_lite.data.problems import Problem
from ssd_lite.data.raw import RawImage, RawObject, RawSplit, title
from ssd_lite.messages import short_repr

PARTS = ("images", "annotations", "categories")

Item = Mapping[str, Any]


class COCOFile(NamedTuple):
    """Images by id, the objects of each, the names of the categories, and what is wrong.

    ``class_problems`` concern the categories alone and do not matter where classes are given.
    """

    images: dict[int, Item]
    objects: dict[int, list[RawObject]]
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]
    class_problems: tuple[Problem, ...] = ()


def read_coco(path: Path, file: str) -> COCOFile:
    """What a JSON file states; ``file`` is what messages call it. Items are counted from 1 in messages."""
    parts, problems = _parts(path, file)
    if problems:
        return COCOFile({}, {}, (), tuple(problems))
    categories, wrong = _by_id(parts["categories"], "category", "name", file)
    images, more = _by_id(parts["images"], "image", "file_name", file)
    objects, most = _objects(parts["annotations"], images, categories, file)
    classes, rules = _classes(categories, objects)
    class_problems = tuple(Problem(file, rule) for rule in rules)
    return COCOFile(images, objects, classes, (*wrong, *more, *most), class_problems)


def raw_split(read: COCOFile, file: str, images_dir: Path, root: Path) -> RawSplit:
    """The images that a file states, found in a folder of images; no link may lead out of ``root``."""
    images = [
        _image(item, file, images_dir, root, read.objects.get(number, ()))
        for number, item in read.images.items()
    ]
    return RawSplit(tuple(images), read.problems)


def is_coco(path: Path) -> bool:
    """Whether a file is JSON with COCO's three lists."""
    try:
        stated = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(stated, dict) and all(isinstance(stated.get(part), list) for part in PARTS)


def _parts(path: Path, file: str) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The file's three lists, or the errors that leave nothing to read."""
    try:
        stated = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, [Problem(str(path), "file must exist")]
    except (OSError, ValueError, RecursionError) as error:
        return {}, [Problem(file, f"must be JSON: {error}")]
    if not isinstance(stated, dict):
        return {}, [Problem(file, f"must be a JSON object, got {short_repr(stated)}")]
    wrong = [part for part in PARTS if not isinstance(stated.get(part), list)]
    problems = [Problem(file, f"{part} must be a list, got {short_repr(stated.get(part))}") for part in wrong]
    if not wrong and not stated["images"]:
        problems.append(Problem(file, "images must hold at least one image, got none"))
    return {part: stated[part] for part in PARTS if not wrong}, problems


def _by_id(
    items: Sequence[Any], kind: str, name_key: str, file: str
) -> tuple[dict[int, Item], list[Problem]]:
    """Images or categories by id: those with a name and an id of their own. The others are errors."""
    found: dict[int, Item] = {}
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


def _classes(
    categories: Mapping[int, Item], objects: Mapping[int, Sequence[RawObject]]
) -> tuple[tuple[str, ...], list[str]]:
    """The categories' names by id, each once, and the rules they break.

    Roboflow lists the supercategory of all others as a category of its own; without objects it is no class.
    """
    names = [categories[number]["name"].strip() for number in sorted(categories)]
    times = Counter(names)
    rules = [
        f"categories must differ in name, got {short_repr(name)} twice" for name in times if times[name] > 1
    ]
    if not times:
        rules.append("categories must hold at least one category, got none")
    parents = {
        item.get("supercategory") for item in categories.values() if _is_name(item.get("supercategory"))
    }
    used = {(thing.name or "").strip() for things in objects.values() for thing in things}
    top = {item["name"].strip() for item in categories.values() if item.get("supercategory") == "none"}
    placeholders = (parents & top) - used if len(times) > 1 else set()
    return tuple(name for name in times if name not in placeholders), rules


def _objects(
    annotations: Sequence[Any], images: Mapping[int, Any], categories: Mapping[int, Item], file: str
) -> tuple[dict[int, list[RawObject]], list[Problem]]:
    """The objects of each image, and the errors of annotations that belong to none."""
    found: dict[int, list[RawObject]] = defaultdict(list)
    problems = []
    for place, item in enumerate(annotations, 1):
        number = item.get("image_id") if isinstance(item, dict) else None
        if _is_id(number) and number in images:
            found[number].append(_object(place, item, categories))
            continue
        rule = f"must be an object, got {short_repr(item)}"
        if isinstance(item, dict):
            rule = f"image_id must be the id of an image, got {short_repr(number)}"
        problems.append(Problem(file, rule, title("annotation", place, None)))
    return dict(found), problems


def _object(place: int, item: Item, categories: Mapping[int, Item]) -> RawObject:
    wrong, name, number = [], None, item.get("category_id")
    if _is_id(number) and number in categories:
        name = categories[number]["name"]
    else:
        wrong.append(f"category_id must be the id of a category, got {short_repr(number)}")
    box = _box(item.get("bbox"))
    if box is None:
        wrong.append(f"bbox must be 4 numbers, got {short_repr(item.get('bbox'))}")
    flags = {flag: item.get(flag, 0) for flag in ("difficult", "iscrowd")}
    for flag, value in flags.items():
        if not isinstance(value, int) or value not in (0, 1):
            wrong.append(f"{flag} must be 0 or 1, got {short_repr(value)}")
    return RawObject(
        title("annotation", place, name),
        name,
        box,
        flags["difficult"] == 1,
        flags["iscrowd"] == 1,
        tuple(wrong),
    )


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
    except OverflowError:  # JSON's integers have no bound
        return None


def _image(item: Item, file: str, images_dir: Path, root: Path, objects: Sequence[RawObject]) -> RawImage:
    name, sizes = item["file_name"], [item.get(side) for side in ("width", "height")]
    numbers = [_number(0 if size is None else size) for size in sizes]
    problems = []
    if None in numbers:
        problems.append(Problem(file, f"width and height must be numbers, got {short_repr(sizes)}", name))
    path = None if leads_out(name) else _found(name, images_dir, root)
    if path is None:
        rule = f"file_name must stay inside the folder of images, got {short_repr(name)}"
        problems.append(Problem(file, rule, name))
    elif links_out(path, root, images_dir):
        rule = "file_name must stay inside the folder of images, but a link leads out of it"
        problems.append(Problem(file, rule, name))
    elif path != images_dir / name:
        rule = f"file_name was found as {shown(path, root)}"
        problems.append(Problem(file, rule, name, "repair"))
    width, height = numbers
    return RawImage(
        name,
        file,
        path,
        name if path is None else shown(path, root),
        (width, height) if width and height else None,
        tuple(objects),
        problems=tuple(problems),
    )


def _found(name: str, images_dir: Path, root: Path) -> Path:
    """Where an image lies: in the folder of images, or, as some tools write it, relative to the dataset's."""
    plain = name.replace("\\", "/")
    places = (images_dir / name, images_dir / plain, root / plain, images_dir / plain.rpartition("/")[2])
    return next((place for place in places if _is_file(place)), places[0])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
