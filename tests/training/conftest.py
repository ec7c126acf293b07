"""A small run's images, and the run itself, once for each module of tests that looks at it."""

from pathlib import Path

import pytest

from ssd_lite import training
from tests.training.small_runs import SMALL


@pytest.fixture(scope="module")
def data() -> tuple:
    return training.open_sources(SMALL)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> tuple[Path, training.Result]:
    run = tmp_path_factory.mktemp("runs") / "whole"
    return run, training.train(SMALL, run_dir=run, data=data, show=False, device="cpu")
