"""The administration page in a real browser: what it shows, to whom, and that no words act in it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.wiring import AnswerSide
from kb.catalogue.records import StoredAnswer
from tests.e2e.test_accessibility import AXE, violations
from tests.e2e.test_hostile_words import ADDRESSES, WORDS
from tests.fakes.answer_sides import make_key, make_settings
from tests.fakes.browser import looking
from tests.fakes.web_sides import Served, served

pytestmark = pytest.mark.e2e
Shoot = Callable[[Page, str], None]


def citation(words: str, url: str) -> dict[str, object]:
    return {"document_id": words, "title": words, "heading_path": [], "url": url, "updated_at": words}


async def keep_answers(side: AnswerSide, words: list[str]) -> None:
    """Answers and opinions whose every word is one of these."""
    store, feedback = side.knowledge_base.catalogue.answers, side.knowledge_base.catalogue.feedback
    for place, word in enumerate(words):
        answer = StoredAnswer(
            answer_id=f"a_{place}",
            conversation_id="c",
            asker=word,
            channel="rest",
            question=word,
            status="not_found" if place % 3 == 0 else "answered",
            body={"citations": [citation(word, ADDRESSES[place % len(ADDRESSES)])]},
            asked_at=datetime.now(UTC) - timedelta(days=place % 20),
        )
        await store.add("acme", answer)
        await store.add("acme", replace(answer, answer_id=f"b_{place}"))
        await feedback.rate("acme", answer_id=f"a_{place}", rater=word, channel=word[:40], verdict="down")
        await feedback.explain("acme", answer_id=f"a_{place}", rater=word, reasons=[word], comment=word)


def sign_in(page: Page, server: Served) -> None:
    key = server.run(lambda side: make_key(side, "admin", name=WORDS[0]))["Authorization"].removeprefix("Bearer ")
    page.goto(f"{server.url}/admin")
    page.get_by_label("A key with the scope admin").fill(key)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Sources")).to_be_visible()


def test_it_shows_sources_gaps_opinions_and_keys(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    settings = make_settings(tmp_path)
    (tmp_path / "pages" / "broken.md").write_bytes(b"\x00\xff\xfe" * 30)
    questions = ["How do I book the boat house?", "Can I book the boat house?", "Where is lunch?", "Who fixes pumps?"]
    with served(settings, is_open=False) as server, looking(browser) as (page, witness):
        server.run(lambda side: keep_answers(side, questions))
        sign_in(page, server)
        sources = page.locator("section", has=page.get_by_role("heading", name="Sources"))
        expect(sources.locator("tbody tr").first).to_contain_text("docs")
        gaps = page.locator("section", has=page.get_by_role("heading", name="What the pages do not answer"))
        expect(gaps.locator("tbody tr").first).to_contain_text("How do I book the boat house?")
        expect(page.locator("svg.chart g")).to_have_count(30)
        assert witness.complaints == [
            "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
        ]
        shoot(page, "administration")
        page.emulate_media(color_scheme="dark")
        shoot(page, "administration-dark")
        page.set_viewport_size({"width": 390, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
        if AXE.exists():
            assert violations(page) == []


def test_no_words_act_in_it(tmp_path: Path, browser: Browser) -> None:
    with served(make_settings(tmp_path), is_open=False) as server, looking(browser) as (page, witness):
        page.add_init_script("window.ownedCount = 0; window.owned = () => { window.ownedCount += 1 }")
        server.run(lambda side: keep_answers(side, WORDS))
        sign_in(page, server)
        expect(page.get_by_text(WORDS[1]).first).to_be_visible()
        assert page.locator("script, iframe, style, img:not([src='/assets/icon.svg'])").count() == 0
        own = "form:not([action='/admin/sync'], [action='/admin/keys'], [action='/admin/keys/revoke'])"
        assert page.locator(own).count() == 0
        assert page.locator("main a:not([href^='/admin/answers/'], [href='/admin/suspects'])").count() == 0
        assert page.evaluate("window.ownedCount") == 0
        assert {address.split("/")[2] for address in witness.addresses} == {server.url.split("/")[2]}


async def keep_hostile_record(side: AnswerSide, *, answer_id: str, word: str, address: str) -> None:
    """An answer whose every word is this one, of a page that everyone may read: nothing is hidden."""
    cited = citation(word, address) | {"number": 1, "document_id": "docs:leave.md", "quote": word, "above": [word]}
    cited |= {"heading_path": [word, word], "source": word, "space": word, "age": word}
    body = {
        "citations": [cited], "sentences": [{"text": word, "citations": [1]}], "mode": word, "reason": word,
        "model": {"name": word, "sha256": word}, "timings_ms": {word: 1.0},
        "closest": [{"title": word, "url": address}],
        "notices": [{"kind": word, "text": word, "citations": [1]}],
    }  # fmt: skip
    answer = StoredAnswer(
        answer_id=answer_id,
        conversation_id=word,
        asker=word,
        channel=word,
        question=word,
        status=word,
        body=body,
        asked_at=datetime.now(UTC),
    )
    await side.knowledge_base.catalogue.answers.add("acme", answer)
    await side.knowledge_base.catalogue.feedback.rate(
        "acme", answer_id=answer_id, rater=word, channel=word[:40], verdict="up"
    )


def test_no_words_act_in_a_record_or_the_name_of_a_page(tmp_path: Path, browser: Browser) -> None:
    settings = make_settings(tmp_path)
    for place, word in enumerate(WORDS):
        name = word.replace("/", "\u2215")[:60]
        (tmp_path / "pages" / f"{place}{name}.md").write_bytes(b"\x00\xff\xfe" * 30)
    with served(settings, is_open=False) as server, looking(browser) as (page, witness):
        page.add_init_script("window.ownedCount = 0; window.owned = () => { window.ownedCount += 1 }")
        sign_in(page, server)
        page.get_by_text(f"{len(WORDS)} missing from docs").click()
        expect(page.locator("details tbody tr")).to_have_count(len(WORDS))
        for place, word in enumerate(WORDS):
            address = ADDRESSES[place % len(ADDRESSES)]
            server.run(partial(keep_hostile_record, answer_id=f"h_{place}", word=word, address=address))
            page.goto(f"{server.url}/admin/answers/h_{place}")
            expect(page.locator(".asked")).to_be_visible()
            assert page.locator("script, iframe, style, img:not([src='/assets/icon.svg'])").count() == 0
            assert page.locator("main a, main form, main [style], main [onerror]").count() == 0
        assert page.evaluate("window.ownedCount") == 0
        assert {address.split("/")[2] for address in witness.addresses} == {server.url.split("/")[2]}


def test_a_key_without_the_scope_sees_nothing(tmp_path: Path, browser: Browser, shoot: Shoot) -> None:
    with served(make_settings(tmp_path), is_open=False) as server, looking(browser) as (page, _):
        key = server.run(lambda side: make_key(side, "ask", "search"))["Authorization"].removeprefix("Bearer ")
        page.goto(f"{server.url}/admin")
        page.get_by_label("A key with the scope admin").fill(key)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_have_text("This key may not look here.")
        expect(page.get_by_role("heading", name="Sources")).to_have_count(0)
        shoot(page, "administration-refused")


def test_without_keys_this_machines_own_people_see_it(server: Served, browser: Browser) -> None:
    with looking(browser) as (page, witness):
        page.goto(f"{server.url}/admin")
        expect(page.get_by_role("heading", name="Sources")).to_be_visible()
        assert witness.complaints == []
