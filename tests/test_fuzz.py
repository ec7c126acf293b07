"""Some thousands of spoiled files and command lines, always the same; ``make fuzz`` tries more of them."""

import os
from pathlib import Path

import pytest

from tests.fuzz import CASES, fuzz

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_spoiled_input_is_taken_or_refused(case, tmp_path: Path) -> None:
    fuzz(case, tmp_path, cases=round(float(os.environ.get("SSD_LITE_FUZZ", "150")) * CASES[case]))
