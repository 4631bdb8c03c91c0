"""Every page that is not the chat: accessible in all its states, worked by keyboard alone, and within its window."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_accessibility import AXE, violations
from tests.e2e.test_administration import keep_answers
from tests.fakes.answer_sides import QUESTION, make_key, make_settings
from tests.fakes.browser import ask, looking
from tests.fakes.web_sides import Served, served

pytestmark = pytest.mark.e2e
Shoot = Callable[[Page, str], None]
TASTES: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark", "viewport": {"width": 390, "height": 780}},
]


@pytest.fixture
def closed_server(tmp_path: Path) -> Iterator[Served]:
    settings = make_settings(tmp_path)
    (tmp_path / "pages" / "broken.md").write_bytes(b"\x00\xff\xfe" * 30)
    with served(settings, is_open=False) as running:
        running.run(lambda side: keep_answers(side, ["How do I book the boat house?", "Where is lunch?"]))
        yield running


def key_of(server: Served, *scopes: str) -> str:
    return server.run(lambda side: make_key(side, *scopes))["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("taste", TASTES, ids=lambda taste: taste["color_scheme"])
def test_every_page_can_be_read_by_everybody(
    closed_server: Served, browser: Browser, shoot: Shoot, taste: dict[str, Any]
) -> None:
    name = taste["color_scheme"]
    with looking(browser, reduced_motion="reduce", **taste) as (page, _):

        def must_be_fine(what: str) -> None:
            shoot(page, f"{what}-{name}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what
            assert not AXE.exists() or violations(page) == [], what

        page.goto(f"{closed_server.url}/documents/docs:leave.md")
        expect(page.get_by_role("heading", name="This page needs a key")).to_be_visible()
        must_be_fine("document-needs-key")
        page.get_by_role("link", name="Go to the chat").click()
        ask(page, QUESTION)
        page.locator("input[type=password]").fill(key_of(closed_server, "ask"))
        must_be_fine("chat-asks-for-key")
        page.get_by_role("button", name="Use the key").click()
        expect(page.locator(".chip").first).to_be_visible()
        page.goto(f"{closed_server.url}/documents/docs:nothing.md")
        must_be_fine("document-missing")
        page.goto(f"{closed_server.url}/documents/docs:leave.md")
        must_be_fine("document")
        page.goto(f"{closed_server.url}/admin")
        must_be_fine("administration-login")
        page.get_by_label("A key with the scope admin").fill(key_of(closed_server, "admin"))
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Sources")).to_be_visible()
        for part in page.locator("details").all():
            part.evaluate("(part) => { part.open = true }")
        must_be_fine("administration-open")
        page.locator("section", has=page.get_by_role("heading", name="Keys")).scroll_into_view_if_needed()
        shoot(page, f"administration-keys-{name}")
        page.get_by_role("link", name=QUESTION).first.click()
        expect(page.get_by_role("heading", name=QUESTION)).to_be_visible()
        must_be_fine("answer-record")
        page.goto(f"{closed_server.url}/admin/answers/none")
        expect(page.get_by_role("alert")).to_contain_text("no such answer")
        must_be_fine("answer-record-missing")


def test_the_administration_is_worked_with_the_keyboard_alone(closed_server: Served, browser: Browser) -> None:
    with looking(browser) as (page, _):
        page.goto(f"{closed_server.url}/admin")
        press_to(page, "input#key")
        page.keyboard.type(key_of(closed_server, "admin"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Sources")).to_be_visible()
        press_to(page, "form[action='/admin/sync'] button")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("The source is read as soon as it is free.")
        press_to(page, "details summary", within="1 missing from docs")
        page.keyboard.press("Enter")
        press_to(page, "form[action='/admin/retry'] button")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("read again at the next sync")
        press_to(page, "details summary", within="Make a key")
        page.keyboard.press("Enter")
        press_to(page, "input[name=name]")
        page.keyboard.type("kiosk")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("fn_")


def press_to(page: Page, selector: str, *, within: str = "") -> None:
    """Press Tab until such an element has the focus, where it must be seen to have it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "([selector, words]) => { const at = document.activeElement;"
            " return at.matches(selector) && at.textContent.includes(words) ? getComputedStyle(at).outlineStyle : '' }",
            [selector, within],
        )
        if found:
            assert found != "none", f"{selector} shows that it has the focus"
            return
    raise AssertionError(f"Tab does not lead to {selector}")
