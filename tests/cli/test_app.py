"""The command as a whole: help, version, and errors as messages."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

import ssd_lite
from ssd_lite.cli.console import plain
from ssd_lite.training import InterruptedRunError
from tests.cli.helpers import run

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words

COMMANDS = ("train", "evaluate", "detect", "inspect", "convert", "export")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    code, said = run(command, "--help")
    assert code == 0
    assert "Usage" in said


def test_the_version() -> None:
    code, said = run("--version")
    assert code == 0
    assert said.startswith(f"ssd-lite {ssd_lite.__version__} (torch {torch.__version__}")


def test_it_is_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ssd_lite", "inspect", "nowhere"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error nowhere: folder must exist")
    assert not done.stdout


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ValueError("[/x] is wrong"), 2, "error [/x] is wrong"),
        (OSError("disk full"), 2, "error disk full"),
        (torch.OutOfMemoryError("2 GiB"), 2, "a smaller --batch"),
        (InterruptedRunError(7, Path("runs/x")), 130, "ssd-lite train --resume --out runs/x"),
    ],
)
def test_errors_become_messages(
    error: Exception, code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    # The package hands the application on under the name of its module.
    monkeypatch.setattr(importlib.import_module("ssd_lite.cli.app"), "app", fail)
    got, said = run()
    assert got == code
    assert says in said


def test_text_is_shown_as_it_is() -> None:
    console = Console(file=sys.stdout, width=200)
    with console.capture() as captured:
        console.print(plain("[/x] :cat: [red]x[/] \x1b[31m \udc80 é"))
    assert captured.get() == "[/x] :cat: [red]x[/] \\x1b[31m \\udc80 é\n"
