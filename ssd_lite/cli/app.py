"""The command ``ssd-lite``: its subcommands, and how errors become messages."""

import platform
import sys
from typing import Annotated

import torch
import typer

import ssd_lite
from ssd_lite.cli.console import err, out, say
from ssd_lite.cli.convert import convert
from ssd_lite.cli.detect import detect
from ssd_lite.cli.evaluate import evaluate
from ssd_lite.cli.export import export
from ssd_lite.cli.inspect import inspect
from ssd_lite.cli.train import train
from ssd_lite.training import InterruptedRunError, NonFiniteLossError

app = typer.Typer(
    help="Train, evaluate and use SSD object detectors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (train, evaluate, detect, inspect, convert, export):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        python = platform.python_version()
        say(f"ssd-lite {ssd_lite.__version__} (torch {torch.__version__}, Python {python})", to=out)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command. Bad input ends in one message on standard error and exit code 2."""
    try:
        app()
    except InterruptedRunError as stop:
        say(f"{stop}; resume with: ssd-lite train --resume --out {stop.run_dir}", to=err)
        sys.exit(130)
    except torch.OutOfMemoryError as error:
        _fail(f"out of GPU memory; a smaller --batch or --set keep=memory needs less. {error}")
    except (ValueError, OSError, NonFiniteLossError, ImportError) as error:
        _fail(str(error))


def _fail(message: str) -> None:
    say(f"error {message}", to=err, style="red")
    sys.exit(2)
