"""The faults that the book is tried with can still be made."""

import pytest

from tests.faults import FAULTS, ROOT


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_changes_one_place_and_leaves_python(fault) -> None:
    text = (ROOT / "ssd_lite" / fault.file).read_text()
    assert text.count(fault.right) == 1
    compile(text.replace(fault.right, fault.wrong), fault.file, "exec")
    assert (ROOT / "book" / f"{fault.chapter}.ipynb").exists()


def test_there_are_faults_for_every_chapter() -> None:
    assert len({fault.chapter for fault in FAULTS}) == 6
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 12
