"""What an XML file in PASCAL VOC's form states."""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from defusedxml import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.ElementTree import ParseError, fromstring

from ssd_lite.data.problems import Problem
from ssd_lite.data.raw import RawObject, title
from ssd_lite.messages import short_repr

YES, NO = ("1", "true", "yes"), ("0", "false", "no", "unspecified", "none", "")
"""What ``difficult`` may say, in any case."""


class Annotation(NamedTuple):
    """What one XML file states, and the rules it breaks as a whole."""

    objects: tuple[RawObject, ...]
    size_px: tuple[float, float] | None
    filename: str
    errors: tuple[str, ...]


def read_annotation(path: Path, file: str) -> Annotation | Problem:
    """What an XML file states, or why it cannot be read; ``file`` is what messages call it."""
    try:
        root: Element | None = fromstring(_text(path.read_bytes()), forbid_dtd=True)
    except DTDForbidden:
        return Problem(file, "must be XML without a DTD and entities, got a DTD; remove its <!DOCTYPE …>")
    except (EntitiesForbidden, ExternalReferenceForbidden):
        return Problem(file, "must be XML without a DTD and entities, got an entity")
    except (ParseError, LookupError, ValueError, OSError) as error:
        return Problem(file, f"must be XML: {error}")
    if root is None:
        return Problem(file, "must be XML, got nothing")
    for element in root.iter():
        if isinstance(element.tag, str):  # names without their namespace
            element.tag = element.tag.rpartition("}")[2]
    if str(root.tag).lower() != "annotation":
        return Problem(file, f"root must be <annotation>, got <{short_repr(root.tag)[1:-1]}>")
    objects = tuple(_object(place, element) for place, element in enumerate(root.findall("object"), 1))
    size_px, wrong = _numbers(root.find("size"), ("width", "height"), missing="0")
    size = (size_px[0], size_px[1]) if size_px and all(size_px) else None
    return Annotation(objects, size, _text_of(root, "filename"), tuple(wrong))


def _text(content: bytes) -> str:
    """The text of an XML file by its byte order mark, or else by the encoding it declares, or in UTF-8.

    ``expat`` itself knows no encoding of several bytes but UTF-8 and UTF-16. Raises ``LookupError`` for an
    unknown encoding, ``ValueError`` for bytes that are none of it.
    """
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    for mark, encoding in marks:
        if content.startswith(mark):
            return content.decode(encoding)
    if content.startswith(b"<\0"):
        return content.decode("utf-16-le")
    if content.startswith(b"\0<"):
        return content.decode("utf-16-be")
    declared = re.match(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""", content[:300])
    encoding = declared[1].decode("ascii").lower() if declared else "utf-8"
    if encoding.startswith("utf-16"):
        encoding = "utf-8"  # a declaration that can be read as ASCII is wrong; .NET writes such files
    if encoding in ("gb2312", "gbk", "cp936"):
        encoding = "gb18030"  # which holds them all: what is declared as gb2312 often is GBK
    return content.decode(encoding)


def _object(place: int, element: Element) -> RawObject:
    """One object; its box is its own, not that of a head or hand among its parts."""
    name = element.findtext("name") or ""
    wrong, repairs = [] if name.strip() else ["name must be given"], []
    box = element.find("bndbox")
    if box is None:
        corners, broken = None, ["bndbox must be given"]
    else:
        corners, broken = _numbers(box, ("xmin", "ymin", "xmax", "ymax"))
    flags = {}
    for flag in ("difficult", "iscrowd"):
        text = _text_of(element, flag)
        flags[flag] = text.lower() in YES
        if text.lower() not in (*YES, *NO):
            wrong.append(f"{flag} must be 0 or 1, got {short_repr(text)}")
        elif text not in ("0", "1", ""):
            repairs.append(f"{flag} was read as {int(flags[flag])}, got {short_repr(text)}")
    return RawObject(
        title("object", place, name),
        name if name.strip() else None,
        (corners[0], corners[1], corners[2], corners[3]) if corners else None,
        flags["difficult"],
        flags["iscrowd"],
        (*wrong, *broken),
        tuple(repairs),
    )


def _text_of(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _numbers(
    element: Element | None, tags: Sequence[str], *, missing: str = ""
) -> tuple[list[float] | None, list[str]]:
    """The numbers in an element's children, or ``None`` with the rules that they break."""
    numbers, broken = [], []
    for tag in tags:
        text = "" if element is None else _text_of(element, tag)
        try:
            numbers.append(float(text or missing))
        except ValueError:
            broken.append(f"{tag} must be a number, got {short_repr(text)}")
    return None if broken else numbers, broken
