"""The command itself, and what its errors look like."""

import sys

import typer
from rich.markup import escape

from ssd_lite.cli.console import err
from ssd_lite.cli.detect import detect
from ssd_lite.cli.evaluate import evaluate
from ssd_lite.cli.export import export
from ssd_lite.cli.inspect import inspect
from ssd_lite.cli.train import train
from ssd_lite.training import InterruptedRunError, NonFiniteLossError

app = typer.Typer(
    help="Train, measure and use SSD object detectors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (train, evaluate, detect, inspect, export):
    app.command()(command)


def main() -> None:
    """Run the command; what is wrong with its input is one clear message, and exit code 2."""
    try:
        app()
    except InterruptedRunError as stop:
        err.print(f"{stop}; go on with: ssd-lite train --resume --out {stop.run_dir}", soft_wrap=True)
        sys.exit(130)
    except (ValueError, OSError, NonFiniteLossError, ImportError) as error:
        err.print(f"[red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
