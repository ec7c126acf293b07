"""The page of the explorable figures, and a browser, for the tests that open it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.book import explore_site


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book's site."""
    return explore_site.build(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")  # a second one may not be started before the first has ended
def chromium() -> Iterator[Browser]:
    with explore_site.browser() as opened:
        yield opened
