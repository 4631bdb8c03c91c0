"""Slips of the pen and abbreviations in a search: what they mean, only pages that the asker may read tell."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kb.access import Audience
from kb.documents import Document
from kb.embedders.base import Vectors
from kb.wiring import KnowledgeBase
from tests.factories import listing, make_page, opened_base, search, sync

REVENUE = "The revenue of each quarter is shown to everybody on the third day."
TYPED = "revneue of the quarter"


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with opened_base(tmp_path) as opened:
        yield opened


async def store(base: KnowledgeBase, *pages: Document) -> None:
    report = await sync(base, listing(*pages), *pages)
    assert report.reason is None


async def read_as(base: KnowledgeBase, typed: str, *pages: Document, monkeypatch: pytest.MonkeyPatch) -> str:
    """What was searched for at last."""
    await store(base, *pages)
    asked: list[str] = []

    async def noted(text: str) -> Vectors:
        asked.append(text)
        return await type(base.embedder).__getattr__(base.embedder, "embed_query")(text)  # type: ignore[attr-defined]

    monkeypatch.setattr(base.embedder, "embed_query", noted, raising=False)
    await search(base, typed, count=1)
    return asked[-1]


def crowd(text: str, **others: Any) -> list[Document]:
    """So many pages nearer to the question that the word of one more is not among the sections looked at."""
    near = [make_page(f"near{number}", f"{REVENUE} Note {number}.") for number in range(40)]
    return [*near, make_page("far", text, **others)]


async def test_a_word_of_no_page_is_read_as_the_nearest_that_was_found(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = crowd("Pumps are painted green.")
    assert await read_as(base, TYPED, *pages, monkeypatch=monkeypatch) == "revenue of the quarter"


async def test_a_word_of_some_page_is_no_slip_however_far_down_it_is(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = crowd("Pumps are painted by revneue, a robot, in green, and so are valves, doors and pipes.")
    assert await read_as(base, TYPED, *pages, monkeypatch=monkeypatch) == TYPED


async def test_a_word_of_a_page_for_others_alone_changes_nothing(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = crowd("Pumps are painted by revneue, a robot.", audience=Audience.of(["ada@acme.test"]))
    assert await read_as(base, TYPED, *pages, monkeypatch=monkeypatch) == "revenue of the quarter"


async def test_a_word_outside_the_space_that_was_asked_for_is_no_slip(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = crowd("Pumps are painted by revneue, a robot.", space="ART")
    assert await read_as(base, f"in:OPS {TYPED}", *pages, monkeypatch=monkeypatch) == TYPED


SLO = "Each team has a service level objective (SLO) that it wrote itself."
PROMISE = "The service level objective of the store is four nines in any quarter of the year."


async def test_an_abbreviation_finds_pages_that_have_its_long_form_alone(base: KnowledgeBase) -> None:
    others = [make_page(f"other{number}", f"Pump {number} is green.") for number in range(6)]
    await store(base, make_page("what", SLO), make_page("store", PROMISE), *others)
    assert "store" in [each.document_id.partition(":")[2] for each in await search(base, "SLO?", count=2)]


async def test_an_abbreviation_that_a_page_for_others_explains_stays_as_it_is(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    others = [make_page(f"other{number}", f"Pump {number} is green.") for number in range(6)]
    pages = [make_page("store", PROMISE), *others]
    await store(base, *pages, make_page("what", SLO, audience=Audience.of(["ada@acme.test"])))
    async with opened_base(tmp_path / "without") as alone:
        await store(alone, *pages)
        wanted = [(each.document_id, each.score) for each in await search(alone, "SLO?")]
    assert [(each.document_id, each.score) for each in await search(base, "SLO?")] == wanted
