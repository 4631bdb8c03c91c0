"""Retrieval over a small wiki: who finds what, in which order, through which filter."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.answering.retrieval import HybridRetriever
from app.answering.types import Passage, SearchScope
from kb.access import Audience
from kb.documents import Document
from kb.errors import ModelError
from kb.index.base import Hit
from kb.wiring import KnowledgeBase
from tests.factories import NOW, TENANT, listing, make_page, opened_base, search, sync

ROLLBACK = "To roll back the firmware of a sensor, hold the button and choose the older image."
LEAVE = "Everybody may carry over eight days of annual leave into the next year."


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with opened_base(tmp_path) as opened:
        yield opened


async def store(base: KnowledgeBase, *pages: Document) -> None:
    report = await sync(base, listing(*pages), *pages)
    assert report.reason is None


def names(passages: list[Passage]) -> list[str]:
    return [passage.document_id.partition(":")[2] for passage in passages]


async def test_the_section_that_answers_comes_first(base: KnowledgeBase) -> None:
    await store(base, make_page("firmware", ROLLBACK), make_page("leave", LEAVE))
    assert names(await search(base, "how do I roll back the firmware?"))[0] == "firmware"


async def test_whole_sections_come_back_once_however_many_chunks_match(base: KnowledgeBase) -> None:
    long = "\n\n".join(f"Step {number}: roll back the firmware of sensor {number}." for number in range(200))
    await store(base, make_page("firmware", long), make_page("leave", LEAVE))
    found = await search(base, "roll back firmware")
    assert [passage.text for passage in found if passage.document_id.endswith("firmware")] == [long]


async def test_no_more_sections_come_back_than_asked_for(base: KnowledgeBase) -> None:
    await store(base, *(make_page(f"page{number}", f"Firmware note {number}.") for number in range(9)))
    assert len(await search(base, "firmware note", count=4)) == 4


async def test_many_sections_of_one_page_leave_room_for_other_pages(base: KnowledgeBase) -> None:
    long = make_page("long", *(f"Carry over of annual leave, part {number}." for number in range(8)))
    other = make_page("other", "Carry over of annual leave, in short, and what else to know about it here.")
    await store(base, long, other)
    assert "other" in names(await search(base, "carry over annual leave", count=4))


async def test_a_page_for_others_is_not_found(base: KnowledgeBase) -> None:
    secret = make_page("firmware", ROLLBACK, audience=Audience.of(["ada@acme.test"]))
    await store(base, secret, make_page("leave", LEAVE))
    assert "firmware" not in names(await search(base, "roll back the firmware"))


async def test_pages_for_others_change_no_score_and_no_order(base: KnowledgeBase, tmp_path: Path) -> None:
    pages = [make_page(f"page{number}", f"{ROLLBACK} Note {number} on sensors.", LEAVE) for number in range(4)]
    hidden = [
        make_page(
            f"hidden{number}", f"{ROLLBACK} firmware sensor image {number}", audience=Audience.of(["ada@acme.test"])
        )
        for number in range(6)
    ]
    await store(base, *pages, *hidden)
    async with opened_base(tmp_path / "without") as other:
        await store(other, *pages)
        alone = await search(other, "roll back the sensor image")
    together = await search(base, "roll back the sensor image")
    assert [(each.document_id, each.score) for each in together] == [(each.document_id, each.score) for each in alone]


@pytest.mark.parametrize("typed", ["in:HR carry over", "in:hr carry over", "space:HR carry over"])
async def test_an_inline_filter_keeps_the_search_in_a_space(base: KnowledgeBase, typed: str) -> None:
    await store(base, make_page("ops", "Carry over the readings.", space="OPS"), make_page("hr", LEAVE, space="HR"))
    assert names(await search(base, typed)) == ["hr"]


async def test_an_inline_filter_that_matches_nothing_is_read_as_words(base: KnowledgeBase) -> None:
    await store(base, make_page("leave", LEAVE))
    assert names(await search(base, "in:NOWHERE annual leave")) == ["leave"]


async def test_an_inline_date_leaves_older_pages_out(base: KnowledgeBase) -> None:
    old = make_page("old", LEAVE, updated_at=NOW - timedelta(days=400))
    await store(base, old, make_page("new", f"{LEAVE} This is new."))
    assert names(await search(base, "updated:2026 annual leave")) == ["new"]


async def test_a_date_after_every_page_finds_nothing(base: KnowledgeBase) -> None:
    await store(base, make_page("leave", LEAVE))
    assert await search(base, "updated:2099 annual leave") == []


async def test_a_label_keeps_the_search_to_pages_that_carry_it(base: KnowledgeBase) -> None:
    await store(base, make_page("plain", LEAVE), make_page("policy", f"{LEAVE} Policy.", labels=("policy",)))
    assert names(await search(base, "label:policy annual leave")) == ["policy"]


async def test_of_two_pages_that_say_the_same_the_newer_is_shown(base: KnowledgeBase) -> None:
    await store(base, make_page("copy", LEAVE, updated_at=NOW - timedelta(days=9)), make_page("original", LEAVE))
    assert names(await search(base, "annual leave")) == ["original"]


async def test_an_outdated_page_is_behind_the_current_one(base: KnowledgeBase) -> None:
    outdated = make_page("a-old", "Carry over five days of annual leave.", status="outdated")
    await store(base, outdated, make_page("new", "Carry over eight days of annual leave."))
    found = await search(base, "carry over annual leave")
    assert [(name, passage.is_outdated) for name, passage in zip(names(found), found, strict=True)] == [
        ("new", False),
        ("a-old", True),
    ]


async def test_an_outdated_page_that_is_alone_is_found(base: KnowledgeBase) -> None:
    await store(base, make_page("old", LEAVE, status="outdated"), make_page("firmware", ROLLBACK))
    assert names(await search(base, "carry over annual leave"))[0] == "old"


async def test_the_page_with_the_error_code_itself_comes_first(base: KnowledgeBase) -> None:
    pages = [make_page(f"e{code}", f"ERR_{code} means that the sensor is offline.") for code in range(400, 410)]
    await store(base, *pages)
    assert names(await search(base, "what does ERR_404 mean"))[0] == "e404"


async def test_a_word_asked_in_another_form_is_found_in_its_own_language(base: KnowledgeBase) -> None:
    german = "Die Rückerstattung einer Reise ist binnen einer Woche auf dem Konto, wenn die Belege da sind."
    await store(base, make_page("reise", german), make_page("leave", LEAVE), make_page("firmware", ROLLBACK))
    assert names(await search(base, "Wie lange dauern die Rückerstattungen der Reisen?"))[0] == "reise"


async def test_links_of_pages_without_an_address_start_at_this_server(base: KnowledgeBase) -> None:
    section = replace(make_page("leave", LEAVE).sections[0], url="/documents/wiki:leave#part-0")
    await store(base, make_page("leave", LEAVE, sections=(section,)))
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="https://kb.test")
    principal = await base.catalogue.access.principal(TENANT, None)
    found = await retriever.retrieve("annual leave", principal, scope=SearchScope(), count=1)
    assert found[0].url == "https://kb.test/documents/wiki:leave#part-0"


async def test_the_callers_scope_and_the_inline_filters_hold_together(base: KnowledgeBase) -> None:
    await store(
        base,
        make_page("both", LEAVE, labels=("policy",), updated_at=datetime(2026, 2, 1, tzinfo=UTC)),
        make_page("old", f"{LEAVE} Old.", labels=("policy",), updated_at=datetime(2024, 2, 1, tzinfo=UTC)),
        make_page("bare", f"{LEAVE} Bare.", updated_at=datetime(2026, 2, 1, tzinfo=UTC)),
    )
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="")
    principal = await base.catalogue.access.principal(TENANT, None)
    scope = SearchScope(labels=("policy",))
    found = await retriever.retrieve("updated:2026 annual leave", principal, scope=scope, count=5)
    assert names(found) == ["both"]


async def test_a_search_during_a_busy_sync_finds_every_page(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the index has answered, the next page is replaced before its sections are read."""
    pages = [make_page(f"page{number}", f"Firmware note {number}.") for number in range(6)]
    await store(base, *pages)
    searched, waiting = base.index.search, list(pages)

    async def search_and_replace(**query: Any) -> list[Hit]:
        hits = await searched(**query)
        if waiting:
            name = waiting.pop(0).native_id
            renewed = make_page(name, f"Newer firmware note of {name}.", version="2")
            report = await sync(base, listing(*pages), renewed)
            assert report.reason is None
        return hits

    monkeypatch.setattr(base.index, "search", search_and_replace)
    assert sorted(names(await search(base, "firmware note"))) == [page.native_id for page in pages]
    assert not waiting


class BackwardsReranker:
    """Likes best what the retriever liked least of what it shows."""

    candidate_count = 3

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.failure: Exception | None = None

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        if self.failure is not None:
            raise self.failure
        self.shown = list(texts)
        return [place / len(texts) for place in range(len(texts))]


async def search_reranked(base: KnowledgeBase, query: str) -> tuple[list[Passage], BackwardsReranker]:
    reranker = BackwardsReranker()
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="", reranker=reranker)
    principal = await base.catalogue.access.principal(TENANT, None)
    return await retriever.retrieve(query, principal, scope=SearchScope(), count=5), reranker


async def test_a_reranker_decides_the_order_of_the_best_and_the_others_stay_behind(base: KnowledgeBase) -> None:
    pages = [make_page(f"page{number}", f"Firmware note {number}. {'Extra words. ' * number}") for number in range(5)]
    await store(base, *pages)
    before = names(await search(base, "firmware note"))
    after, _ = await search_reranked(base, "firmware note")
    assert names(after) == [*reversed(before[:3]), *before[3:]]
    assert [passage.score for passage in after] == sorted((passage.score for passage in after), reverse=True)


async def test_a_reranker_reads_sections_under_their_headings(base: KnowledgeBase) -> None:
    await store(base, make_page("leave", LEAVE, title="Annual leave"))
    _, reranker = await search_reranked(base, "annual leave")
    assert reranker.shown == [f"Annual leave › Part 0\n{LEAVE}"]


async def test_a_reranker_is_shown_nothing_that_the_asker_may_not_read(base: KnowledgeBase) -> None:
    await store(base, make_page("secret", ROLLBACK, audience=Audience.of(["ada@acme.test"])), make_page("leave", LEAVE))
    _, reranker = await search_reranked(base, "roll back the firmware")
    assert not any("roll back" in text for text in reranker.shown)


async def test_a_reranker_that_fails_leaves_the_order_as_it_was(base: KnowledgeBase) -> None:
    await store(base, *(make_page(f"page{number}", f"Firmware note {number}.") for number in range(4)))
    reranker = BackwardsReranker()
    reranker.failure = ModelError("its files are gone")
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="", reranker=reranker)
    principal = await base.catalogue.access.principal(TENANT, None)
    found = await retriever.retrieve("firmware note", principal, scope=SearchScope(), count=4)
    assert names(found) == names(await search(base, "firmware note", count=4))
