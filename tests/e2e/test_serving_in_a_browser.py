"""`footnote serve` as a process, seen through a browser."""

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import STRICT
from tests.fakes.answer_sides import QUESTION, make_settings
from tests.fakes.browser import ask, looking
from tests.fakes.command import Command

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A synced knowledge base; strict, so that hashed words can refuse what shares none."""
    home = tmp_path_factory.mktemp("acme")
    make_settings(home, config=STRICT.replace('kind = "memory"', 'kind = "edge"'))
    command = Command(config=home / "footnote.toml")
    assert command("sync").code == 0
    return command


def test_a_browser_shows_an_answer_its_footnote_and_a_refusal(footnote: Command, browser: Browser) -> None:
    with footnote.serving() as (_, url), looking(browser) as (page, witness):
        page.goto(url)
        ask(page, QUESTION)
        expect(page.locator(".sentence").first).to_contain_text("Everyone gets 26 days")
        page.locator(".chip").first.click()
        expect(page.locator(".card[open] blockquote")).to_contain_text("Everyone gets 26")
        ask(page, "Zebra xylophone quartz?")
        expect(page.locator(".refused")).to_have_text("The pages do not answer this.")
        assert witness.complaints == []
        page.goto(page.locator(".card[open] a").get_attribute("href") or "")
        expect(page.locator("section:target")).to_contain_text("Entitlement")
        assert page.locator("main").evaluate("(main) => getComputedStyle(main).maxWidth") != "none"
        assert witness.complaints == []


def test_a_browser_runs_nothing_that_a_page_or_a_question_says(footnote: Command, browser: Browser) -> None:
    with footnote.serving() as (_, url), looking(browser) as (page, witness):
        page.add_init_script("window.alert = () => { document.title = 'owned' }")
        page.goto(url)
        ask(page, "<img src=x onerror=alert(1)> What are widgets? <script>alert(1)</script>")
        expect(page.locator(".actions")).to_be_visible()
        assert page.title() == "Footnote"
        assert page.locator(".turn img, .turn script").count() == 0
        page.goto(f"{url}/documents/docs:hostile.md")
        assert page.locator("img, script, svg, iframe, style").count() == 0
        assert witness.complaints == []
