"""Output of the commands: results on standard output, progress and remarks on standard error."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ssd_lite.evaluation import AveragePrecision
from ssd_lite.training import ProgressCallback

out = Console()
err = Console(stderr=True)


def plain(text: object) -> Text:
    """Text that is shown as it is: neither markup nor emoji, control characters as escapes.

    Class names, file names and messages go through here, since a class may be called "[/x]".
    """
    return Text("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in str(text)))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode()


def say(text: object, *, to: Console, style: str = "") -> None:
    """Print a message without wrapping it; ``style`` colours its first word."""
    message = plain(text)
    if style:
        message.stylize(style, 0, len(message.plain.split(" ", 1)[0]))
    to.print(message, soft_wrap=True)


class Bars:
    """Progress bars for whatever is being read or evaluated, one at a time; on terminals only."""

    def __enter__(self) -> ProgressCallback:
        self._what = ""
        self._bar = Progress(console=err, transient=True)
        return self._report

    def __exit__(self, *error: object) -> None:
        if err.is_terminal:
            self._bar.stop()

    def _report(self, what: str, done: int, total: int) -> None:
        if not err.is_terminal:  # where a bar would leave empty lines
            return
        if what != self._what:
            self._bar.stop()
            self._what, self._bar = what, Progress(console=err, transient=True)
            self._task = self._bar.add_task(what, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done)
        if done == total:  # the next bar may be the training loop's own
            self._bar.stop()


def report_skipped(problems: Sequence[str]) -> None:
    """List the invalid images and objects that a run or an evaluation skipped."""
    for problem in problems:
        say(f"skipped: {problem}", to=err)


def ap_table(metrics: AveragePrecision) -> Table:
    """Average precision by class, and the mean."""
    table = Table("class", "objects", "AP", title="average precision on held-out images")
    for name, ap in metrics.per_class.items():
        table.add_row(plain(name), f"{metrics.counts[name]:,}", f"{ap:.3f}")
    table.add_section()
    table.add_row("mean", f"{sum(metrics.counts.values()):,}", f"{metrics.mean:.3f}", style="bold")
    return table
