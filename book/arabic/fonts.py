"""The font of the Arabic pages: one that is installed, copied into the site with its licence."""

import shutil
from pathlib import Path

from fontTools.ttLib import TTFont
from matplotlib import font_manager

FAMILY = "NotoNaskhArabic"
WEIGHTS = ("Regular", "Bold")
FACE = """\
@font-face {{
  font-family: "Book Arabic";
  src: url("{file}.woff");
  font-weight: {weight};
  font-display: swap;
  size-adjust: 112%;
  unicode-range: U+0600-06FF, U+0750-077F, U+FB50-FDFF, U+FE70-FEFF;
}}
"""
"""Letters of Arabic alone: others come from the fonts of the English pages."""
PACKAGE = "fonts-noto-core"
"""Debian's package with the font."""


def installed() -> list[Path]:
    """The font's files on this machine; empty if one is missing."""
    names = {f"{FAMILY}-{weight}.ttf" for weight in WEIGHTS}
    found = {Path(path).name: Path(path) for path in _files()}
    return (
        [found[name] for name in sorted(names)] if names <= set(found) else []
    )


def _files() -> list[str]:
    return list(font_manager.findSystemFonts())


def write(folder: Path) -> None:
    """Write the font as web fonts, and its licence beside them."""
    folder.mkdir()
    files = installed()
    if not files:
        print(f"no {FAMILY} here: Arabic pages use the reader's own fonts")
        return
    for path in files:
        font = TTFont(path)
        font.flavor = "woff"
        font.save(folder / f"{path.stem}.woff")
    faces = (
        FACE.format(file=path.stem, weight=path.stem.partition("-")[2].lower())
        for path in files
    )
    (folder / "fonts.css").write_text(
        "".join(faces).replace("regular", "normal")
    )
    licence(files[0], folder / "LICENSE.txt")


def licence(font: Path, target: Path) -> None:
    """Write the licence as it came with the font's package, or else what the font itself says."""
    names = TTFont(font)["name"]
    stated = [names.getDebugName(number) for number in (0, 13, 14)]
    text = "\n".join(line for line in stated if line)
    target.write_text(text + "\n")
    for share in font.parents:
        document = share / "doc" / PACKAGE / "copyright"
        if document.exists():
            shutil.copy(document, target)
            return
