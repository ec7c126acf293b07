"""The words of figures as messages, and their translations as they are drawn.

Numbers are placeholders, so that "3 objects" and "20 objects" are one message, "{} objects".
"""

import re
from collections.abc import Callable

CATALOG = "figures"
"""The name of the catalog with the words of all figures."""
LETTER = re.compile("[A-Za-z]")
ARABIC = re.compile(r"[\u0621-\u064a]")
OTHER_DIGITS = re.compile(r"[\u0660-\u0669\u06f0-\u06f9]")
MATH = r"\$[^$]*\$"
ONE = r"(?:[-+−×] ?)?\d+(?:\.\d+)?(?:e[-+−]?\d+)?"
NAMED = r"(?:(?<!\w)\w{1,2} = )?"
NUMBER = rf"{NAMED}(?<![\w.]){ONE}(?:(?:[.,:/–]| ?× ?){ONE})*[%°]?(?!\w)"
"""One number, or several that belong together, such as γ = 2, 3:1, 8 × 8 and 0.1–0.5."""
VALUE = re.compile(rf"(?P<math>{MATH})|[(\[]{ONE}(?:, {ONE})+[)\]]|{NUMBER}")
"""A formula, a list of numbers in brackets, or numbers."""
PLACE = re.compile(r"\{(\d*)\}")
ISOLATED = "\u2066{}\u2069"
"""Something that runs from left to right, whatever stands beside it."""
RIGHT_TO_LEFT = "\u200f"
"""What a line begins with that runs from right to left, whatever its first word."""


def split(text: str) -> tuple[str, list[str]]:
    """The message of a drawn text and its numbers; the message is empty if there is nothing to translate."""
    values: list[str] = []

    def place(found: re.Match[str]) -> str:
        if found["math"]:
            return found[0]
        values.append(found[0])
        return "{}"

    message = VALUE.sub(place, text)
    words = re.sub(MATH, "", message)
    if ARABIC.search(text) or not LETTER.search(words):
        return "", []
    return message, values


def drawn(text: str, say: Callable[[str], str]) -> str:
    """A text as it is drawn in an Arabic figure."""
    message, values = split(text)
    arabic = say(message)
    if not message or not ARABIC.search(arabic):
        return text
    following = iter(values)

    def value(found: re.Match[str]) -> str:
        number = values[int(found[1])] if found[1] else next(following)
        return ISOLATED.format(number)

    filled = PLACE.sub(value, arabic)
    return "\n".join(RIGHT_TO_LEFT + line for line in filled.split("\n"))


def problems(english: str, arabic: str) -> list[str]:
    """What is wrong with a translation, in words; an empty list if nothing is."""
    if arabic == english:
        return []
    found = []
    if _places(arabic) != _places(english):
        found.append("placeholders: as many are wanted as in the English")
    if not ARABIC.search(arabic):
        found.append("not Arabic: translate it, or repeat the English")
    if "$" in arabic:
        found.append("math: write α or sₖ, since $…$ breaks Arabic words")
    if OTHER_DIGITS.search(arabic):
        found.append("digits: 0 to 9 are used")
    return found


def _places(message: str) -> list[int]:
    """The numbers of the placeholders; {} counts by itself."""
    places = PLACE.findall(re.sub(MATH, "", message))
    return sorted(int(n) if n else k for k, n in enumerate(places))
