"""The report of an evaluation in a browser: opened from a disk, it asks for nothing and runs nothing a page wrote."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.evaluation import CheckedSentence
from app.report_gold import gold_report
from app.scoring import score
from tests.e2e.test_hostile_words import ADDRESSES, WORDS
from tests.fakes.browser import looking
from tests.fakes.verdicts import FACTS, make_citation, make_found, make_refusal, make_verdict

pytestmark = pytest.mark.e2e


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """One question for each hostile word and address, wherever words can stand; and a refusal."""
    verdicts = [
        make_verdict(
            words,
            reason=words,
            gold=(words,),
            gold_place=words,
            email=words,
            answerable=place / len(WORDS),
            sentences=(CheckedSentence(text=words, citations=(1,), is_supported=False),),
            citations=(make_citation(heading=words, quote=words, url=ADDRESSES[place % len(ADDRESSES)]),),
            found=(make_found(heading=words, url=ADDRESSES[place % len(ADDRESSES)]),),
        )
        for place, words in enumerate(WORDS)
    ]
    verdicts += [make_refusal("Who may work from abroad?"), make_refusal("Who won?", is_answerable=False)]
    path = tmp_path / "report.html"
    path.write_text(gold_report(FACTS, score(verdicts), verdicts), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_words_ask_for_nothing_and_run_nothing(
    browser: Browser, report: Path, scheme: str, shoot: Callable[[Page, str], None]
) -> None:
    with looking(browser, color_scheme=scheme) as (page, witness):
        page.expose_function("owned", lambda: witness.complaints.append("a page's words were run"))
        page.goto(report.as_uri())
        for question in page.locator("summary").all():
            question.click()
        page.locator("body").hover()
        assert page.locator("details[open]").count() == len(WORDS) + 2
        assert page.locator("script, img, iframe, form, link, base, object, embed").count() == 0
        assert page.locator("a:not([href^='http://127.0.0.1/'])").count() == 0
        for words in WORDS:
            assert page.locator("summary bdi").get_by_text(words, exact=True).count() >= 1
        shoot(page, f"evaluation-report-{scheme}")
        assert witness.complaints == []
        assert witness.addresses == [report.as_uri()]


def test_a_button_shows_the_questions_of_one_outcome_alone(browser: Browser, report: Path) -> None:
    with looking(browser) as (page, _):
        page.goto(report.as_uri())
        page.get_by_text("retrieved, but refused 1").click()
        expect(page.locator("details:visible")).to_have_count(1)
        expect(page.locator("details:visible")).to_contain_text("Who may work from abroad?")
        page.get_by_text(f"all {len(WORDS) + 2}").click()
        expect(page.locator("details:visible")).to_have_count(len(WORDS) + 2)


def test_the_report_fits_a_phone(browser: Browser, report: Path) -> None:
    with looking(browser, viewport={"width": 360, "height": 740}) as (page, _):
        page.goto(report.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
