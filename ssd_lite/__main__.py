"""``python -m ssd_lite`` is the command ``ssd-lite``."""

from ssd_lite.cli import main

main()
