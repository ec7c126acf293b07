"""What makes a running notebook draw Arabic figures: its kernel calls ``install`` before the first cell."""

import json
from collections.abc import Callable
from functools import partialmethod, wraps
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.text import Text

from . import catalogs, words

WORDS = "Words"
"""Where a PNG file says which words it shows."""

LEGEND = {"markerfirst": False, "alignment": "right", "labelspacing": 0.3}
"""Lines of Arabic are higher than those of English, so less space lies between them."""


def install() -> None:
    """Let matplotlib draw Arabic words, note in a PNG file which they are, and put legends to the right.

    DejaVu Sans, the font of all figures, has Arabic letters that go well with its Latin ones.
    """
    say = catalogs.translator(words.CATALOG)
    Text.set_text = _in_arabic(Text.set_text, say)
    FigureCanvasAgg.print_png = _with_words(FigureCanvasAgg.print_png, say)
    Legend.__init__ = partialmethod(Legend.__init__, **LEGEND)


def _in_arabic(
    set_text: Callable[[Text, Any], None], say: Callable[[str], str]
) -> Callable[[Text, Any], None]:
    @wraps(set_text)
    def replaced(self: Text, s: Any) -> None:
        set_text(self, s)
        english = self.get_text()
        self.message, _ = words.split(english)
        if self.message:
            set_text(self, words.drawn(english, say))

    return replaced


def _with_words(
    print_png: Callable[..., None], say: Callable[[str], str]
) -> Callable[..., None]:
    @wraps(print_png)
    def printed(
        self: FigureCanvasAgg,
        filename_or_obj: Any,
        *,
        metadata: dict[str, str] | None = None,
        pil_kwargs: dict[str, Any] | None = None,
    ) -> None:
        shown = {m: say(m) for m in _messages(self)}
        note = {WORDS: json.dumps(shown, ensure_ascii=False)}
        print_png(
            self,
            filename_or_obj,
            metadata=(metadata or {}) | note,
            pil_kwargs=pil_kwargs,
        )

    return printed


def _messages(canvas: FigureCanvasAgg) -> list[str]:
    """The messages that a figure shows, each once."""
    texts = canvas.figure.findobj(Text)
    shown = [text.message for text in texts if text.get_visible()]
    return [message for message in dict.fromkeys(shown) if message]
