"""The command ``ssd-lite``: train, evaluate, detect, inspect, convert, export."""

from ssd_lite.cli.app import app, main

__all__ = ["app", "main"]
