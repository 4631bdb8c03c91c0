"""Who may read changes without a word being read or embedded again."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.retrieval import HybridRetriever
from app.answering.types import SearchScope
from ingest.changes import AccessChanged, Change, Checkpoint, Listing, Memberships
from ingest.report import Silent, SyncReport
from ingest.sync import SourceSync
from kb.access import Audience
from kb.settings import EmbedderTable, IndexTable, KnowledgeSettings
from kb.wiring import KnowledgeBase, open_knowledge_base
from tests.contract.catalogues import make_document

PAGE = replace(make_document("1", "The pump stops at two metres."), audience=Audience.of(["group:wiki/crew"]))
LISTED = Listing(titles={"1": "Page 1"}, is_complete=True)
JANE = "jane@example.com"


class Scripted:
    """A connector that says what it is told to."""

    def __init__(self, *changes: Change) -> None:
        self._changes = changes
        self.request_count = 0

    async def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        for change in self._changes:
            yield change

    async def confirm_removed(self, native_id: str) -> str | None:
        return None

    async def close(self) -> None:
        pass


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    settings = KnowledgeSettings(
        tenant="acme",
        data_dir=tmp_path,
        index=IndexTable(kind="memory"),
        embedder=EmbedderTable(kind="hashing", dimension=32),  # type: ignore[call-arg]  # the plugin's own key
    )
    async with open_knowledge_base(settings) as opened:
        yield opened


async def sync(base: KnowledgeBase, *changes: Change) -> SyncReport:
    run = SourceSync(base, Scripted(*changes), source_id="wiki", progress=Silent())
    return await run.run(is_full=False)


async def found_by(base: KnowledgeBase, email: str | None) -> list[str]:
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="")
    principal = await base.catalogue.access.principal("acme", email)
    passages = await retriever.retrieve("Where does the pump stop?", principal, scope=SearchScope(), count=5)
    return [passage.document_id for passage in passages]


def crew(*members: str, **others: list[str]) -> Memberships:
    return Memberships(groups={"wiki/crew": members} | {f"wiki/{name}": words for name, words in others.items()})


async def test_an_audience_alone_closes_a_page_and_embeds_nothing(base: KnowledgeBase) -> None:
    await sync(base, crew(JANE), LISTED, PAGE)
    assert await found_by(base, JANE) == ["wiki:1"]
    closed = AccessChanged(native_id="1", audience=Audience.of(["bob@example.com"]), version="1b")
    report = await sync(base, LISTED, closed)
    assert await found_by(base, JANE) == []
    assert await found_by(base, "bob@example.com") == ["wiki:1"]
    assert (report.fetched, report.embedded_chunks) == (0, 0)


async def test_an_audience_alone_leaves_the_revision_and_takes_the_new_version(base: KnowledgeBase) -> None:
    await sync(base, LISTED, PAGE)
    before = await base.catalogue.documents.live_revisions("acme")
    await sync(base, LISTED, AccessChanged(native_id="1", audience=Audience.of(["everyone"]), version="1b"))
    assert await base.catalogue.documents.live_revisions("acme") == before
    assert await base.catalogue.documents.versions("acme", "wiki") == {"1": "1b"}


async def test_an_audience_for_a_page_that_is_not_stored_changes_nothing(base: KnowledgeBase) -> None:
    await sync(base, LISTED, AccessChanged(native_id="1", audience=Audience.of(["everyone"]), version="1"))
    assert await base.catalogue.documents.versions("acme", "wiki") == {}


async def test_a_membership_opens_and_closes_pages_and_touches_none(base: KnowledgeBase) -> None:
    await sync(base, crew(), LISTED, PAGE)
    assert await found_by(base, JANE) == []
    report = await sync(base, crew(JANE), LISTED)
    assert await found_by(base, JANE) == ["wiki:1"]
    assert (report.fetched, report.embedded_chunks) == (0, 0)
    await sync(base, crew(), LISTED)
    assert await found_by(base, JANE) == []


async def test_a_group_within_a_group_counts(base: KnowledgeBase) -> None:
    await sync(base, crew("group:wiki/night", night=[JANE]), LISTED, PAGE)
    assert await found_by(base, JANE) == ["wiki:1"]


async def test_a_source_cannot_fill_the_groups_of_another(base: KnowledgeBase) -> None:
    await sync(base, crew(), LISTED, PAGE)
    other = SourceSync(
        base, Scripted(crew(JANE), Listing(titles={}, is_complete=True)), source_id="other", progress=Silent()
    )
    await other.run(is_full=False)
    assert await found_by(base, JANE) == []
