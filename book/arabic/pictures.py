"""Arabic pictures of figures: each stands for one English picture, and is named after its bytes."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import nbformat
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from . import catalogs, pages, words
from .kernel import WORDS

FOLDER = pages.BOOK / "locale" / "ar" / "figures"
WORDLESS = "wordless.txt"
"""A list of the English pictures of a page that show no words."""
COLOURS = 256
PNG = "image/png"


def outputs(
    notebook: nbformat.NotebookNode,
) -> Iterator[tuple[int, nbformat.NotebookNode]]:
    """The outputs that are pictures, and the numbers of their cells."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if PNG in output.get("data", {}):
                yield number, output


def content(output: nbformat.NotebookNode) -> bytes:
    """The picture of an output."""
    return b64decode(output.data[PNG])


def in_text(picture: bytes) -> str:
    """A picture as an output holds it."""
    return b64encode(picture).decode()


def english(page: str) -> list[str]:
    """The names of a page's English pictures, in their order."""
    path = pages.source(page)
    if path.suffix == ".md":
        return []
    notebook = nbformat.read(path, as_version=4)
    return [name(content(output)) for _, output in outputs(notebook)]


def name(picture: bytes) -> str:
    """What an Arabic picture is called, given the English one."""
    return sha256(picture).hexdigest()[:16]


def path(page: str, key: str) -> Path:
    """Where the Arabic picture lies that stands for the English one of that name."""
    return FOLDER / page / f"{key}.png"


def wordless(page: str) -> list[str]:
    """The names of English pictures without words."""
    file = FOLDER / page / WORDLESS
    return file.read_text().split() if file.exists() else []


def shown(picture: bytes) -> dict[str, str]:
    """The words that a picture says it shows: Arabic by English."""
    return json.loads(Image.open(BytesIO(picture)).text.get(WORDS, "{}"))


def small(picture: bytes) -> bytes:
    """A picture in at most 256 colours, with its words."""
    image, written, file = Image.open(BytesIO(picture)), PngInfo(), BytesIO()
    written.add_itxt(WORDS, image.text[WORDS])
    few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True, pnginfo=written)
    return file.getvalue()


def write(page: str, pairs: list[tuple[bytes, bytes]]) -> None:
    """Keep the pictures of a page, of pairs of an English and an Arabic one, and no others."""
    kept = {name(old): new for old, new in pairs if shown(new)}
    bare = sorted({name(old) for old, _ in pairs} - kept.keys())
    (FOLDER / page).mkdir(parents=True, exist_ok=True)
    for file in (FOLDER / page).iterdir():
        file.unlink()
    for key, picture in kept.items():
        path(page, key).write_bytes(small(picture))
    if bare:
        text = "".join(f"{key}\n" for key in bare)
        (FOLDER / page / WORDLESS).write_text(text)


def replace(notebook: nbformat.NotebookNode, page: str) -> None:
    """Put Arabic pictures in the place of English ones, as far as there are any."""
    for _, output in outputs(notebook):
        file = path(page, name(content(output)))
        if file.exists():
            output.data[PNG] = in_text(file.read_bytes())


def messages() -> list[str]:
    """The words of all Arabic pictures that stand for one in the book, each message once."""
    found: dict[str, str] = {}
    for page in pages.names():
        files = (path(page, key) for key in english(page))
        for file in filter(Path.exists, files):
            found |= shown(file.read_bytes())
    return list(found)


def problems(page: str) -> list[str]:
    """What is wrong with the pictures of a page, in words; an empty list if nothing is."""
    say = catalogs.translator(words.CATALOG)
    wanted, bare = english(page), wordless(page)
    there = {p.stem: p for p in sorted((FOLDER / page).glob("*.png"))}
    missing = [f"missing: {k}" for k in wanted if k not in {*there, *bare}]
    unused = [f"unused: {k}" for k in [*there, *bare] if k not in wanted]
    changed = [
        f"drawn with other words: {key}"
        for key, file in there.items()
        if any(say(m) != a for m, a in shown(file.read_bytes()).items())
    ]
    return [*missing, *unused, *changed]
