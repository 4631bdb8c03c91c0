"""axe-core finds nothing wrong: every state of the chat, light and dark, on a desk and on a phone; documents too.

`npm install --prefix build axe-core` brings axe-core here; without it these tests are skipped.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.answer_sides import QUESTION
from tests.fakes.browser import ask, looking
from tests.fakes.web_sides import Served

AXE = Path(__file__).resolve().parents[2] / "build" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: npm install --prefix build axe-core"),
]
TASTES: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": {"width": 390, "height": 780}},
    {"color_scheme": "dark", "locale": "ar"},
]


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with what is shown now: rule and place."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [f"{each['id']}: {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("taste", TASTES, ids=lambda taste: "-".join(map(str, taste.values())))
def test_the_chat_is_accessible_in_every_state(server: Served, browser: Browser, taste: dict[str, Any]) -> None:
    with looking(browser, reduced_motion="reduce", **taste) as (page, _):
        page.goto(server.url)
        if taste.get("locale") == "ar":
            page.evaluate(
                "() => { document.documentElement.lang = 'ar'; const old = document.querySelector('footnote-chat');"
                " old.replaceWith(old.cloneNode()) }"
            )
        assert violations(page) == []
        ask(page, QUESTION)
        page.locator(".chip").first.click()
        page.locator("[aria-pressed]").last.click()
        expect(page.locator(".why")).to_be_visible()
        ask(page, "Zebra xylophone quartz?")
        expect(page.locator(".closest")).to_be_visible()
        page.context.set_offline(True)
        ask(page, QUESTION)
        expect(page.locator(".banner")).to_be_visible()
        expect(page.locator(".turn")).to_have_count(3)
        assert violations(page) == []


def test_a_stored_document_is_accessible(server: Served, browser: Browser) -> None:
    with looking(browser) as (page, _):
        page.goto(f"{server.url}/documents/docs:leave.md")
        assert violations(page) == []
