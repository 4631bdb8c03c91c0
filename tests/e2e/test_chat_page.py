"""The chat page in a real browser: with a mouse, a keyboard, a phone, a bad connection."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.settings import Settings
from tests.fakes.answer_sides import OWNER, QUESTION, make_key, make_settings
from tests.fakes.browser import ask, looking
from tests.fakes.slow_model import EndlessModel
from tests.fakes.web_sides import Served, served

pytestmark = pytest.mark.e2e
UNANSWERABLE = "Zebra xylophone quartz?"
Shoot = Callable[[Page, str], None]


def test_an_answer_has_chips_that_open_the_card_with_the_words(server: Served, browser: Browser, shoot: Shoot) -> None:
    with looking(browser) as (page, witness):
        page.goto(server.url)
        shoot(page, "empty")
        ask(page, QUESTION)
        sentence = page.locator(".sentence").first
        expect(sentence).to_contain_text("Everyone gets 26 days of annual leave each year.")
        page.get_by_role("button", name="Source 1: Annual leave › Entitlement").click()
        card = page.locator(".card[open]")
        expect(card.locator("mark")).to_have_text("Everyone gets 26 days of annual leave each year.")
        expect(card).to_contain_text("docs · updated")
        shoot(page, "answer")
        with page.context.expect_page() as opened:
            card.get_by_role("link", name="Open the page").click()
        expect(opened.value.locator("section:target")).to_contain_text("Entitlement")
        assert witness.complaints == []
        assert {address.split("/")[2] for address in witness.addresses} == {server.url.split("/")[2]}


def test_everything_can_be_done_with_the_keyboard(server: Served, browser: Browser) -> None:
    with looking(browser) as (page, _):
        page.goto(server.url)
        expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
        page.keyboard.type(QUESTION)
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Backspace")
        page.keyboard.press("Enter")
        expect(page.locator(".actions")).to_be_visible()
        page.keyboard.press("Shift+Tab")  # from the field back to the last button of the answer
        expect(page.get_by_role("button", name="Bad answer")).to_be_focused()
        for _ in range(10):
            page.keyboard.press("Shift+Tab")
            if "Source 1:" in (page.evaluate(FOCUSED_NAME) or ""):
                break
        page.keyboard.press("Enter")
        expect(page.locator(".card[open] summary")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Open the page")).to_be_focused()


FOCUSED_NAME = "document.querySelector('footnote-chat').shadowRoot.activeElement?.getAttribute('aria-label')"


def test_what_is_said_to_a_screen_reader_is_said_once(server: Served, browser: Browser) -> None:
    with looking(browser) as (page, _):
        page.goto(server.url)
        ask(page, QUESTION)
        told = page.locator("footnote-chat .hidden[role=status]")
        expect(told).to_have_text("Answer: Everyone gets 26 days of annual leave each year. [1]")
        expect(page.get_by_role("log", name="Conversation")).to_have_attribute("aria-live", "off")
        expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")


def test_a_conversation_survives_a_reload_and_ends_when_one_begins_anew(server: Served, browser: Browser) -> None:
    with looking(browser) as (page, _):
        page.goto(server.url)
        ask(page, QUESTION)
        expect(page.locator(".actions")).to_be_visible()
        page.reload()
        expect(page.locator(".sentence")).to_contain_text("26 days")
        page.locator(".chip").click()
        expect(page.locator(".card[open] mark")).to_be_visible()
        page.get_by_role("button", name="New conversation").click()
        page.reload()
        expect(page.locator(".empty")).to_be_visible()
        expect(page.locator(".turn")).to_have_count(0)


def test_stop_frees_the_model_and_leaves_a_way_to_try_again(settings: Settings, browser: Browser) -> None:
    endless = EndlessModel()
    with served(settings, chat_model=endless) as slow, looking(browser) as (page, _):
        page.goto(slow.url)
        ask(page, QUESTION)
        assert endless.started.wait(10)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".turn .refused")).to_have_text("Stopped.")
        assert endless.stopped.wait(10)
        endless.started.clear()
        page.get_by_role("button", name="Try again").click()
        assert endless.started.wait(10)
        expect(page.locator(".turn")).to_have_count(1)
        page.get_by_role("button", name="Stop").click()
        assert endless.stopped.wait(10)


def test_a_bad_answer_can_be_explained_and_the_last_word_counts(server: Served, browser: Browser, shoot: Shoot) -> None:
    with looking(browser) as (page, _):
        page.goto(server.url)
        page.evaluate("addEventListener('footnote-answer', (event) => { window.answerId = event.detail.answer_id })")
        ask(page, QUESTION)
        page.get_by_role("button", name="Good answer").click()
        page.get_by_role("button", name="Bad answer").click()
        page.get_by_role("checkbox", name="Outdated").check()
        page.get_by_role("textbox", name="Anything else? (optional)").fill("It is 27 now")
        shoot(page, "feedback")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Thank you.")).to_be_visible()
        answer_id = page.evaluate("window.answerId")
    (verdict,) = server.run(lambda side: side.knowledge_base.catalogue.feedback.of_answer("acme", answer_id))
    assert (verdict.verdict, verdict.reasons, verdict.comment) == ("down", ("outdated",), "It is 27 now")


def test_a_refusal_names_the_closest_pages(server: Served, browser: Browser, shoot: Shoot) -> None:
    with looking(browser) as (page, _):
        page.goto(server.url)
        ask(page, UNANSWERABLE)
        expect(page.locator(".refused")).to_have_text("The pages do not answer this.")
        assert page.locator(".closest a").count() >= 1
        expect(page.locator(".card")).to_have_count(0)
        shoot(page, "not-found")


def test_an_answer_is_copied_with_its_footnotes(server: Served, browser: Browser) -> None:
    with looking(browser, permissions=["clipboard-read", "clipboard-write"]) as (page, _):
        page.goto(server.url)
        ask(page, QUESTION)
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_text("Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (
        "Everyone gets 26 days of annual leave each year. [1]\n\n"
        f"[1] Annual leave › Entitlement — {server.url}/documents/docs:leave.md#entitlement"
    )


def test_being_offline_is_said_and_passes(server: Served, browser: Browser, shoot: Shoot) -> None:
    with looking(browser) as (page, _):
        page.goto(server.url)
        page.context.set_offline(True)
        ask(page, QUESTION)
        expect(page.locator(".turn .refused")).to_have_text("You are offline, or the server does not answer.")
        expect(page.locator(".banner")).to_be_visible()
        shoot(page, "offline")
        page.context.set_offline(False)
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".sentence")).to_contain_text("26 days")
        expect(page.locator(".banner")).to_be_hidden()


def test_a_server_with_keys_takes_one_and_opens_its_links(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with served(make_settings(tmp_path), is_open=False) as closed, looking(browser) as (page, _):
        key = closed.run(lambda side: make_key(side, "ask", email=OWNER))["Authorization"].removeprefix("Bearer ")
        page.goto(closed.url)
        ask(page, "What does level four pay?")
        expect(page.get_by_text("This server needs an API key.")).to_be_visible()
        page.get_by_label("API key").fill("fn_wrong")
        page.get_by_role("button", name="Use the key").click()
        expect(page.get_by_label("API key")).to_have_attribute("aria-invalid", "true")
        shoot(page, "key")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Use the key").click()
        expect(page.locator(".sentence")).to_contain_text("84000")
        page.locator(".chip").first.click()
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Open the page").click()
        expect(opened.value.locator("h1")).to_have_text("Salary bands")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_readers_taste(server: Served, browser: Browser, shoot: Shoot, scheme: str) -> None:
    with looking(browser, color_scheme=scheme, reduced_motion="reduce") as (page, _):
        page.goto(server.url)
        ask(page, QUESTION)
        page.locator(".chip").first.click()
        paper = page.locator(".panel").evaluate("(panel) => getComputedStyle(panel).backgroundColor")
        assert paper == {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 25, 25)"}[scheme]
        assert page.locator(".sentence").evaluate("(node) => getComputedStyle(node).animationName") == "none"
        shoot(page, f"taste-{scheme}")


@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "fr-FR", "es-MX", "ar-EG"])
def test_it_speaks_five_languages_and_reads_from_the_right_where_one_does(
    server: Served, browser: Browser, shoot: Shoot, locale: str
) -> None:
    with looking(browser, locale=locale, viewport={"width": 390, "height": 780}) as (page, witness):
        page.goto(server.url)
        page.evaluate(
            "(tag) => { document.documentElement.lang = tag; const old = document.querySelector"
            "('footnote-chat'); old.replaceWith(old.cloneNode()) }",
            locale,
        )
        ask(page, QUESTION)
        page.locator(".chip").first.click()
        root = page.locator("footnote-chat .root")
        expect(root).to_have_attribute("lang", locale[:2])
        expect(root).to_have_attribute("dir", "rtl" if locale.startswith("ar") else "ltr")
        words = page.locator("footnote-chat textarea").get_attribute("placeholder") or ""
        assert words[:4] == {"en": "Ask ", "de": "Stel", "fr": "Pose", "es": "Haz ", "ar": "اطرح"[:4]}[locale[:2]]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
        assert witness.complaints == []
        shoot(page, f"phone-{locale[:2]}")


def test_the_page_needs_less_than_fifteen_kilobytes_of_script(server: Served, browser: Browser, tmp_path: Path) -> None:
    sizes: dict[str, int] = {}
    with looking(browser) as (page, witness):
        page.on("response", lambda response: sizes.update({response.url: response.request.sizes()["responseBodySize"]}))
        page.goto(server.url)
        ask(page, QUESTION)
        expect(page.locator(".actions")).to_be_visible()
        scripts = {address: size for address, size in sizes.items() if address.endswith(".js")}
    assert list(scripts) == [f"{server.url}/widget.js"]
    assert sum(scripts.values()) <= 15_000
    assert all(address.startswith(server.url) for address in witness.addresses)
