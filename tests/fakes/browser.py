"""A real browser, driven by Playwright: what a page does to a person. Chromium is the machine's own."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MOST_MILLISECONDS = 8_000
_FLAGS = (
    "--no-sandbox",  # the tests may run as root; the only pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)


def browser_binary() -> str | None:
    """Where a Chromium is, if there is one."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser that is gone afterwards."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_binary(), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Witness:
    """Everything a page complained of and asked for. `complaints`: console errors, uncaught errors, dialogs."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.addresses.append(request.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


@contextmanager
def looking(browser: Browser, **taste: Any) -> Iterator[tuple[Page, Witness]]:
    """A page in a profile of its own, and who watches it. `taste`: size, scheme, language, as Playwright names them."""
    settings: Mapping[str, Any] = {"viewport": {"width": 1100, "height": 760}, **taste}
    context = browser.new_context(**settings)
    context.set_default_timeout(MOST_MILLISECONDS)
    try:
        page = context.new_page()
        yield page, Witness(page)
    finally:
        context.close()


def ask(page: Page, question: str) -> None:
    """Type a question into the chat and send it with Enter."""
    field = page.locator("footnote-chat textarea")
    field.fill(question)
    field.press("Enter")
