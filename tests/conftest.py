"""What every test shares: a seed, threads that do not fight, and where real data may lie."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("ssd_lite", deadline=None, derandomize=True, max_examples=200)
# For mutants: hundreds of runs, of which each need only find one fault.
hypothesis.settings.register_profile(
    "mutants", deadline=None, derandomize=True, max_examples=20, database=None
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ssd_lite"))

# The tests run side by side, one process a core; more threads than that only get in each other's way.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real datasets and weights, where there is one."""
    folder = Path(os.environ.get("SSD_LITE_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set SSD_LITE_SHARED")
    return folder
