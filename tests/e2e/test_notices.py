"""Warnings below an answer: sources that disagree, pages that are old or no longer hold, a half that stays open."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.fakes.browser import ask, looking
from tests.fakes.web_sides import Served

pytestmark = pytest.mark.e2e
Shoot = Callable[[Page, str], None]
NOTICES = [("conflict", [2, 1]), ("stale", [1]), ("outdated", [1]), ("unanswered", []), ("of a later version", [1])]
WORDS = {
    "en-GB": ("These sources disagree, newest first", "May have changed since", "Outdated", "A part of the question"),
    "de-DE": ("Diese Quellen widersprechen sich", "Vielleicht überholt", "Veraltet", "Ein Teil der Frage"),
    "fr-FR": ("Ces sources se contredisent", "A pu changer depuis", "Périmé", "Une partie de la question"),
    "es-ES": ("Estas fuentes se contradicen", "Puede haber cambiado", "Anticuada", "Una parte de la pregunta"),
    "ar-EG": ("هذه المصادر متعارضة", "ربما تغيّر", "قديمة", "بقي جزء من السؤال"),
}


def citation(number: int, *, days: str, updated_at: str, is_outdated: bool) -> dict[str, Any]:
    return {
        "number": number, "document_id": f"docs:leave-{number}.md", "title": f"Leave {2023 + number}",
        "heading_path": ["Entitlement"], "url": f"/documents/docs:leave-{number}.md", "source": "docs",
        "space": "People",
        "quote": f"| Gdańsk | {days} |", "above": ["| Office | Days |"], "updated_at": updated_at, "age": "long ago",
        "is_outdated": is_outdated,
    }  # fmt: skip


def stream(route: Route) -> None:
    old = citation(1, days="24", updated_at="2024-03-01T00:00:00Z", is_outdated=True)
    new = citation(2, days="26", updated_at="2026-10-01T00:00:00Z", is_outdated=False)
    texts = {1: "Gdańsk has 24 days of leave.", 2: "Gdańsk has 26 days of leave."}
    sentences = [{"text": texts[number], "citations": [number]} for number in (2, 1)]
    done = {
        "answer_id": "a_1", "conversation_id": "c_1", "status": "answered", "mode": "grounded", "reason": None,
        "text": "\n".join(f"{each['text']} [{each['citations'][0]}]" for each in sentences), "sentences": sentences,
        "citations": [old, new], "closest": [], "model": None, "timings_ms": {},
        "notices": [{"kind": kind, "text": "English words", "citations": numbers} for kind, numbers in NOTICES],
    }  # fmt: skip
    events: list[tuple[str, Any]] = [
        ("sentence", {"sentence": sentences[0], "citations": [new]}),
        ("sentence", {"sentence": sentences[1], "citations": [old]}),
        ("done", done),
    ]
    body = "".join(f"event: {name}\ndata: {json.dumps(each)}\n\n" for name, each in events)
    route.fulfill(body=body, content_type="text/event-stream")


@pytest.mark.parametrize("locale", WORDS)
def test_warnings_are_said_in_the_readers_language_and_lead_to_the_sources(
    server: Served, browser: Browser, shoot: Shoot, locale: str
) -> None:
    with looking(browser, locale=locale, color_scheme="dark" if locale == "de-DE" else "light") as (page, witness):
        page.route("**/api/v1/ask", stream)
        page.goto(server.url)
        page.evaluate(
            "(tag) => { document.documentElement.lang = tag; const old = document.querySelector"
            "('footnote-chat'); old.replaceWith(old.cloneNode()) }",
            locale,
        )
        ask(page, "How much leave do I get in Gdańsk?")
        notices = page.locator(".warn")
        expect(notices).to_have_count(len(WORDS[locale]))
        for place, words in enumerate(WORDS[locale]):
            expect(notices.nth(place)).to_contain_text(words)
        expect(notices.first.locator(".chip")).to_have_text(["2", "1"])
        notices.first.locator(".chip").last.click()
        card = page.locator(".card[open]")
        expect(card.locator("blockquote")).to_have_text("| Office | Days |\n| Gdańsk | 24 |")
        expect(card.locator("mark")).to_have_text("| Gdańsk | 24 |")
        expect(card.locator(".about")).to_contain_text("People · ")
        expect(card.locator(".about")).to_contain_text(WORDS[locale][2])
        shoot(page, f"notices-{locale[:2]}")
        page.reload()
        expect(page.locator(".warn")).to_have_count(len(WORDS[locale]))
        assert witness.complaints == []
