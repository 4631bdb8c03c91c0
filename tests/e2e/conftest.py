"""What the browser's tests share: one browser, one server over a few pages, and a folder for what they looked like."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from app.settings import Settings
from tests.fakes.answer_sides import CONFIG, make_settings
from tests.fakes.browser import browser_binary, running_browser
from tests.fakes.web_sides import Served, served

# With its own threshold, so that a question nobody answers is refused.
STRICT = CONFIG.replace("answerable_above = 0.0", "")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if browser_binary() is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    with running_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_settings(tmp_path_factory.mktemp("acme"), config=STRICT)


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[Served]:
    with served(settings) as running:
        yield running


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keep what a page looks like: in FOOTNOTE_TEST_SCREENSHOTS, where that names a folder."""
    folder = Path(os.environ.get("FOOTNOTE_TEST_SCREENSHOTS", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    return keep
