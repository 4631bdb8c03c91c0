"""The widget on other people's pages: strict policies, hostile styles, origins that are not allowed, limits, phones."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, Page, expect

from app.settings import LimitsTable, SiteTable
from tests.e2e.test_accessibility import AXE, violations
from tests.fakes.answer_sides import QUESTION, make_settings
from tests.fakes.browser import ask, looking
from tests.fakes.serving import serving
from tests.fakes.web_sides import Served, served

pytestmark = pytest.mark.e2e
Shoot = Callable[[Page, str], None]
LIMIT = 3
HOSTILE_STYLE = (
    "* { display: none !important; color: red !important; font: 40px cursive !important; position: static !important }"
    "footnote-chat { opacity: 0; width: 3px; transform: scale(9); display: none }"
    "html, body { display: block !important }"
)
TEXT = "<h1>Our product</h1><p>Reliable since 1998.</p>"


class Host:
    """Another site. `html` and `policy` are what its only page is."""

    def __init__(self) -> None:
        self.html = ""
        self.policy = ""
        self.app = FastAPI()
        self.app.add_api_route("/", self.page)
        self.app.add_api_route("/favicon.ico", lambda: Response(status_code=204))

    async def page(self) -> HTMLResponse:
        return HTMLResponse(self.html, headers={"Content-Security-Policy": self.policy} if self.policy else {})


@contextmanager
def site(home: Path, *, is_allowed: bool = True, limit: int = 100) -> Iterator[tuple[Served, Host, str]]:
    """A server with keys, and another site whose pages may use it, or may not."""
    host = Host()
    with serving(host.app) as address:
        settings = make_settings(home).model_copy(
            update={
                "sites": (SiteTable(id="shop", origins=(address if is_allowed else "https://shop.test",)),),
                "limits": LimitsTable(visitor_questions_per_minute=limit),
            }
        )
        with served(settings, is_open=False) as server:
            script = f'<script type="module" src="{server.url}/widget.js?site=shop"></script>'
            host.html = f'<!doctype html><html lang="en"><title>Shop</title><body>{TEXT}{script}'
            yield server, host, address


def opened_chat(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Open the chat").click()


def test_one_tag_adds_a_floating_chat_that_answers_visitors(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with site(tmp_path) as (server, _, address), looking(browser) as (page, witness):
        page.goto(address)
        launcher = page.get_by_role("button", name="Open the chat")
        expect(launcher).to_have_attribute("aria-expanded", "false")
        launcher.click()
        expect(page.get_by_role("dialog", name="Ask the wiki")).to_be_visible()
        expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
        ask(page, QUESTION)
        expect(page.locator(".sentence")).to_contain_text("26 days")
        page.locator(".chip").click()
        shoot(page, "floating")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(launcher).to_be_focused()
        assert witness.complaints == []
        assert {address.split("/")[2] for address in witness.addresses} == {server.url[7:], address[7:]}


def test_it_runs_under_a_strict_policy_with_trusted_types(tmp_path: Path, browser: Browser) -> None:
    with site(tmp_path) as (server, host, address), looking(browser) as (page, witness):
        host.policy = (
            f"default-src 'none'; img-src 'self'; script-src {server.url}; connect-src {server.url}; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        opened_chat(page, address)
        ask(page, QUESTION)
        expect(page.locator(".sentence")).to_contain_text("26 days")
        page.locator(".chip").click()
        page.get_by_role("button", name="Bad answer").click()
        expect(page.locator(".why")).to_be_visible()
        assert witness.complaints == []


def test_a_host_pages_styles_do_not_come_in(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with site(tmp_path) as (_, host, address), looking(browser) as (page, _):
        host.html = host.html.replace("<body>", f"<style>{HOSTILE_STYLE}</style><body>")
        opened_chat(page, address)
        ask(page, QUESTION)
        sentence = page.locator(".sentence p")
        expect(sentence).to_be_visible()
        shoot(page, "hostile-style")
        style = sentence.evaluate("(node) => { const s = getComputedStyle(node); return [s.fontSize, s.color] }")
        assert style == ["15.5px", "rgb(28, 36, 35)"]
        panel = page.locator(".panel").bounding_box()
        assert panel is not None
        assert panel["width"] > 400


def test_a_page_may_colour_it_and_letters_stay_readable(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with site(tmp_path) as (_, host, address), looking(browser) as (page, _):
        host.html = host.html.replace("<body>", "<style>:root { --footnote-accent: #ffd166 }</style><body>")
        opened_chat(page, address)
        ask(page, QUESTION)
        expect(page.locator(".actions")).to_be_visible()
        shoot(page, "themed")
        colours = page.locator(".question").evaluate(
            "(node) => [getComputedStyle(node).backgroundColor, getComputedStyle(node).color]"
        )
        assert colours == ["rgb(255, 209, 102)", "rgb(11, 18, 17)"]
        chip = page.locator(".chip").first.evaluate("(node) => getComputedStyle(node).color")
        assert chip == "rgb(28, 36, 35)", "yellow on paper is no letter"
        page.locator(".chip").first.click()
        assert not AXE.exists() or not [each for each in violations(page) if "color-contrast" in each]


def test_on_a_phone_it_covers_the_page_and_keeps_the_focus(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    phone = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}
    with site(tmp_path) as (_, host, address), looking(browser, **phone) as (page, _):
        host.html = host.html.replace("<title>", '<meta name="viewport" content="width=device-width"><title>')
        opened_chat(page, address)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_have_attribute("aria-modal", "true")
        # It slides in; where it comes to rest is what counts.
        dialog.evaluate("(node) => Promise.all(node.getAnimations().map((animation) => animation.finished))")
        assert dialog.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 780}
        for _ in range(6):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.localName") == "footnote-chat"
        ask(page, QUESTION)
        expect(page.locator(".actions")).to_be_visible()
        shoot(page, "phone-floating")
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("button", name="Open the chat")).to_be_visible()


def test_a_page_that_is_not_on_the_list_is_refused_in_words(tmp_path: Path, browser: Browser) -> None:
    with site(tmp_path, is_allowed=False) as (_, _, address), looking(browser) as (page, _):
        opened_chat(page, address)
        ask(page, QUESTION)
        # Without the header that lets it, a page cannot even read why.
        expect(page.locator(".turn .refused")).to_be_visible()
        expect(page.locator(".sentence")).to_have_count(0)


def test_a_visitor_who_asks_too_much_is_told_how_long_to_wait(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with site(tmp_path, limit=LIMIT) as (_, _, address), looking(browser) as (page, _):
        opened_chat(page, address)
        for number in range(LIMIT):
            ask(page, QUESTION)
            expect(page.locator(".actions")).to_have_count(number + 1)
        ask(page, QUESTION)
        expect(page.locator(".turn .refused")).to_have_text(
            re.compile(r"That was a lot of questions\. Go on in (20|1\d) seconds\.")
        )
        expect(page.get_by_role("button", name="Try again (", exact=False).last).to_be_disabled()
        shoot(page, "limited")


def test_an_element_in_the_page_stands_where_it_is_written(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with site(tmp_path) as (_, host, address), looking(browser) as (page, _):
        suggestions = 'suggestions="What are widgets? | Leave?"'
        element = f'<footnote-chat mode="inline" site="shop" heading="Help" {suggestions}></footnote-chat>'
        host.html = host.html.replace(TEXT, TEXT + element)
        page.goto(address)
        expect(page.locator("footnote-chat")).to_have_count(1)
        page.get_by_role("button", name="What are widgets?").click()
        expect(page.locator(".sentence").first).to_contain_text("Widgets are blue.")
        shoot(page, "inline")
