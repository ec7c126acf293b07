"""Fixtures of the tests of the commands."""

from pathlib import Path

import pytest

from tests.cli.helpers import write_voc


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten drawn scenes as a folder in VOC layout, with splits train and val."""
    return write_voc(tmp_path / "mine", 10)
