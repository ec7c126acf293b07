"""What the commands say: on standard output results, on standard error how far the work is."""

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from ssd_lite.evaluation import AveragePrecision
from ssd_lite.training import ProgressCallback

out = Console()
err = Console(stderr=True)


class Bars:
    """A progress bar for whatever is being read or evaluated."""

    def __enter__(self) -> ProgressCallback:
        self._what = ""
        self._bar = Progress(console=err, transient=True)
        return self._report

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def _report(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._bar.stop()
            self._what, self._bar = what, Progress(console=err, transient=True)
            self._task = self._bar.add_task(what, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done)
        if done == total:  # the next bar may be the training loop's own
            self._bar.stop()


def tell_left_out(problems: list[str]) -> None:
    """What a run or a measurement went without."""
    for fault in problems:
        err.print(f"left out: {escape(fault)}", highlight=False, soft_wrap=True)


def ap_table(metrics: AveragePrecision) -> Table:
    """Average precision of each class, and the mean."""
    table = Table("class", "objects", "AP", title="average precision on held-out images")
    for name, ap in metrics.per_class.items():
        table.add_row(name, str(metrics.counts[name]), f"{ap:.3f}")
    table.add_section()
    table.add_row("mean", str(sum(metrics.counts.values())), f"{metrics.mean:.3f}", style="bold")
    return table
