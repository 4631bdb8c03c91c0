"""What tests of ingestion are made of: pages, a source that does as it is told, a knowledge base that opens at once."""

import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from app.answering.retrieval import HybridRetriever
from app.answering.types import Passage, SearchScope
from ingest.changes import Change, Checkpoint, Connector, Listing
from ingest.report import Silent, SyncReport
from ingest.sync import SourceSync
from kb.access import Audience
from kb.documents import Block, Document, Section
from kb.embedders.base import Embedder, Vectors
from kb.errors import ModelError
from kb.settings import EmbedderTable, IndexTable, KnowledgeSettings
from kb.wiring import KnowledgeBase, open_knowledge_base

TENANT = "acme"
SOURCE = "wiki"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Words that the embedder below does not take.
REFUSED = "unembeddable"
NOT_A_NUMBER = "notanumber"


def make_page(name: str, *texts: str, version: str = "1", title: str | None = None, **others: Any) -> Document:
    """A page of the wiki with one section a text. Others: any field of a Document."""
    page = Document(
        tenant=TENANT,
        source_id=SOURCE,
        native_id=name,
        space="OPS",
        title=title or f"Page {name}",
        url=f"https://wiki.test/{name}",
        version=version,
        updated_at=NOW,
        audience=Audience.of(["everyone"]),
        sections=tuple(make_section(number, text) for number, text in enumerate(texts or (f"Text of {name}.",))),
    )
    return replace(page, **others)


def make_section(number: int, text: str) -> Section:
    return Section(
        id=f"#part-{number}",
        heading_path=(f"Part {number}",),
        anchor=f"part-{number}",
        url=f"https://wiki.test/page#part-{number}",
        blocks=(Block(kind="paragraph", text=text),),
    )


def listing(*pages: Document | str, is_complete: bool = True, reason: str | None = None) -> Listing:
    """What the source says exists."""
    titles = {page: page.title() if isinstance(page, str) else page.title for page in pages}
    named = {page if isinstance(page, str) else page.native_id: title for page, title in titles.items()}
    return Listing(titles=named, is_complete=is_complete, reason=reason)


@dataclass
class Scripted:
    """A source that gives these changes, in this order. An exception is raised; a function is called, and awaited."""

    script: Sequence[Change | Exception | Callable[[], Any]]
    evidence: Mapping[str, str] = field(default_factory=dict)
    request_count: int = 0
    since: list[Checkpoint | None] = field(default_factory=list)
    known: list[Mapping[str, str]] = field(default_factory=list)
    asked_about: list[str] = field(default_factory=list)
    is_closed: bool = False

    async def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        self.since.append(since)
        self.known.append(known)
        for step in self.script:
            if isinstance(step, Exception):
                raise step
            if callable(step):
                await step()
            else:
                yield step

    async def confirm_removed(self, native_id: str) -> str | None:
        self.asked_about.append(native_id)
        return self.evidence.get(native_id)

    async def close(self) -> None:
        self.is_closed = True


class WatchedEmbedder:
    """The real thing but for its eyes: counts what is embedded, and refuses or spoils texts with certain words."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self.embedded: Counter[str] = Counter()
        # Raised instead of embedding once so many texts have been embedded.
        self.fails_after: int | None = None
        self.failure: BaseException = ModelError("the embedder refused the request")

    def __getattr__(self, name: str) -> Any:  # whatever an embedder has
        return getattr(self._inner, name)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if self.fails_after is not None and self.embedded.total() + len(texts) > self.fails_after:
            raise self.failure
        if any(REFUSED in text for text in texts):
            raise ModelError("the embedder refused the request")
        self.embedded.update(texts)
        vectors = await self._inner.embed_passages(texts)
        spoiled = [place for place, text in enumerate(texts) if NOT_A_NUMBER in text]
        vectors[spoiled] = np.nan
        return vectors


def make_settings(data_dir: Path, **others: Any) -> KnowledgeSettings:
    """Settings for tests: an index in memory, an embedder without a model."""
    values = {
        "tenant": TENANT,
        "data_dir": data_dir,
        "index": IndexTable(kind="memory"),
        "embedder": EmbedderTable(kind="hashing", dimension=64),  # type: ignore[call-arg]  # the plugin's own key
    }
    return KnowledgeSettings(**(values | others))


@contextmanager
def quick_directory() -> Iterator[Path]:
    """A directory in memory where there is one: what waits for the disk after every commit then waits for nothing."""
    memory = Path("/dev/shm")  # the name inside is random
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as directory:
        yield Path(directory)


@asynccontextmanager
async def opened_base(data_dir: Path, **others: Any) -> AsyncIterator[KnowledgeBase]:
    """A knowledge base with a watched embedder."""
    async with open_knowledge_base(make_settings(data_dir, **others)) as base:
        yield replace(base, embedder=WatchedEmbedder(base.embedder))


def watched(base: KnowledgeBase) -> WatchedEmbedder:
    """The base's embedder, as what it is."""
    assert isinstance(base.embedder, WatchedEmbedder)
    return base.embedder


async def sync(
    base: KnowledgeBase,
    *script: Change | Exception | Callable[[], Any],
    evidence: Mapping[str, str] | None = None,
    **options: Any,
) -> SyncReport:
    """One sync of a source that gives these changes."""
    return await sync_with(base, Scripted(script, evidence=evidence or {}), **options)


async def sync_with(
    base: KnowledgeBase, connector: Connector, *, is_full: bool = False, may_remove_many: bool = False
) -> SyncReport:
    """One sync with this connector."""
    run = SourceSync(base, connector, source_id=SOURCE, progress=Silent(), may_remove_many=may_remove_many)
    return await run.run(is_full=is_full)


async def search(base: KnowledgeBase, query: str, *, email: str | None = None, count: int = 10) -> list[Passage]:
    """What somebody finds."""
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="")
    principal = await base.catalogue.access.principal(TENANT, email)
    return await retriever.retrieve(query, principal, scope=SearchScope(), count=count)


async def texts_found(base: KnowledgeBase, query: str, *, email: str | None = None) -> set[str]:
    """The texts of the sections that somebody finds."""
    return {passage.text for passage in await search(base, query, email=email)}


async def versions(base: KnowledgeBase) -> dict[str, str]:
    """What is stored: native id → version."""
    return dict(await base.catalogue.documents.versions(TENANT, SOURCE))


async def checkpoint(base: KnowledgeBase) -> str | None:
    """The durable progress."""
    return await base.catalogue.sources.checkpoint(TENANT, SOURCE)


async def index_agrees(base: KnowledgeBase) -> bool:
    """Does the index hold the live revisions' points, and nothing else?"""
    live = await base.catalogue.documents.live_revisions(TENANT)
    held = await base.index.counts(tenant=TENANT)
    return dict(held) == {(document, revision): count for document, (revision, count) in live.items() if count}
