"""A figure of the page, moved as readers move it, and what it then shows."""

import re

from playwright.sync_api import Locator, Page

Point = tuple[float, float]


class Driver:
    """One figure on an open page; the hand is ``mouse``, ``touch`` or ``keys``."""

    def __init__(self, page: Page, name: str, hand: str) -> None:
        self.page, self.figure, self.hand = page, page.locator(f".explore-live.ex-{name}"), hand
        self.figure.scroll_into_view_if_needed()

    def box(self, kind: str) -> list[float]:
        """Where a movable box lies, as the figure has placed it."""
        sides = self.movable(kind).evaluate(
            "(e) => ['left', 'top', 'width', 'height'].map((s) => e.style[s])"
        )
        left, top, width, height = (float(side.removesuffix("%")) / 100 for side in sides)
        return [left, top, left + width, top + height]

    def movable(self, kind: str) -> Locator:
        return self.figure.locator(f".ex-movable.{kind}").first

    @property
    def said(self) -> str:
        return self.figure.get_by_role("status").inner_text().replace("\xa0", " ")

    def cells(self) -> list[list[str]]:
        """The texts of the figure's table, without its head."""
        rows: list[list[str]] = self.figure.locator("table").evaluate(
            "(t) => [...t.rows].slice(1).map((row) => [...row.cells].slice(1).map((cell) => cell.innerText))"
        )
        return rows

    def count(self, selector: str) -> int:
        return self.figure.locator(selector).count()

    def slide(self, label: str, value: float) -> None:
        """Set a slider as a key press would: value, then the event."""
        slider = self.figure.get_by_role("slider", name=label)
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)

    def option(self, text: str) -> None:
        """Press a button, or take one of several options."""
        exactly = re.compile(f"^{re.escape(text)}$")
        self.figure.locator(".ex-choice label, button").filter(has_text=exactly).click()

    def middle(self, target: Locator, share: Point = (0.5, 0.5)) -> Point:
        """A point of an element, in the middle of the window, away from what is fixed at its edges."""
        target.evaluate("(e) => e.scrollIntoView({ block: 'center' })")
        found = target.bounding_box()
        assert found is not None
        return found["x"] + share[0] * found["width"], found["y"] + share[1] * found["height"]

    def move(self, kind: str, keys: str, by: Point) -> None:
        """Move a box by its middle, or by keys."""
        before = self.box(kind)
        if self.hand == "keys":
            self._press(kind, keys)
        else:
            self.drag(self.movable(kind), by)
        assert self.box(kind) != before

    def resize(self, kind: str, by: Point) -> None:
        """Make a box larger or smaller at its lower right corner, or by keys."""
        before = self.box(kind)
        if self.hand == "keys":
            self._press(kind, "Shift+ArrowRight Shift+ArrowRight Shift+ArrowDown + - -")
        else:
            self.drag(self.movable(kind).locator(".ex-corner.right.low"), by)
            assert self.box(kind)[:2] == before[:2]
        after = self.box(kind)
        assert after[2] - after[0] != before[2] - before[0]

    def _press(self, kind: str, keys: str) -> None:
        self.movable(kind).focus()
        for key in keys.split():
            self.page.keyboard.press(key)

    def drag(self, target: Locator, by: Point) -> None:
        """Press in the middle of an element, move by so many pixels, let go."""
        (x, y), steps = self.middle(target), 4
        path = [(x + by[0] * n / steps, y + by[1] * n / steps) for n in range(steps + 1)]
        (self._finger if self.hand == "touch" else self._mouse)(path)

    def _mouse(self, path: list[Point]) -> None:
        mouse = self.page.mouse
        mouse.move(*path[0])
        mouse.down()
        for point in path[1:]:
            mouse.move(*point)
        mouse.up()

    def _finger(self, path: list[Point]) -> None:
        session = self.page.context.new_cdp_session(self.page)

        def send(kind: str, points: list[Point]) -> None:
            at = [{"x": x, "y": y} for x, y in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        send("touchStart", path[:1])
        for point in path[1:]:
            send("touchMove", [point])
        send("touchEnd", [])
        session.detach()


def numbers(text: str) -> list[float]:
    """The numbers of a text, in order."""
    found = re.findall(r"-?\d[\d,]*\.?\d*", text.replace("−", "-"))
    return [float(number.replace(",", "")) for number in found]
