"""Knowledge bases of any size, made to be measured: the real catalogue and the real index, and made-up pages.

What a sync does for a few pages at a time is done for a hundred. Vectors are made up, too: a model would need hours.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from bench.search import AUDIENCES
from bench.words import Words
from ingest.storing import points_of
from kb.access import Audience
from kb.catalogue.records import Revision, StoredChunk
from kb.documents import Block, Document, Section, fingerprint_of
from kb.embedders.base import Vectors
from kb.settings import KnowledgeSettings
from kb.wiring import KnowledgeBase, open_knowledge_base

SECTIONS_A_PAGE = 10
WORDS_A_SECTION = 50
BATCH_PAGES = 100
# Texts lie in groups, as topics do: near the group's middle, and otherwise anywhere.
TOPICS = 500
_SPREAD = 1.5
_MARK = "complete"


def settings_of(home: Path) -> KnowledgeSettings:
    """The knowledge base in a folder."""
    return KnowledgeSettings(tenant="acme", data_dir=home)


async def grown(home: Path, *, size: int, told: Callable[[int], None]) -> None:
    """Fill `home` with `size` chunks, unless that has been done; what was cut off is gone on with.

    `told`: how many chunks there are.
    """
    mark = home / _MARK
    if mark.exists():
        return
    async with open_knowledge_base(settings_of(home)) as base:
        maker = _Maker(base)
        begun = await base.catalogue.documents.live_chunk_count("acme") // SECTIONS_A_PAGE
        rest = pages(size // SECTIONS_A_PAGE, Words(seed=7))
        # Batches are committed as a whole, and the words of the pages that are there have to be drawn all the same.
        number = sum(1 for _ in islice(rest, begun)) // BATCH_PAGES
        ready = await maker.prepared(list(islice(rest, BATCH_PAGES)), number=number)
        while ready:
            number += 1
            batch = list(islice(rest, BATCH_PAGES))
            _, ready = await asyncio.gather(maker.store(ready), maker.prepared(batch, number=number))
            told(min(size, number * BATCH_PAGES * SECTIONS_A_PAGE))
        held = sum((await base.index.counts(tenant="acme")).values())
        wanted = await base.catalogue.documents.live_chunk_count("acme")
    if not held == wanted == size:
        raise AssertionError(f"{held} chunks are in the index, {wanted} in the catalogue, and {size} are wanted")
    mark.touch()


def pages(count: int, words: Words) -> Iterator[Document]:
    """Pages of ten sections, each small enough to be one chunk."""
    for number in range(count):
        yield Document(
            tenant="acme",
            source_id="wiki",
            native_id=f"page-{number}",
            space=f"space-{number % 8}",
            title=words.text(3),
            url=f"https://wiki.test/page-{number}",
            version="1",
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
            audience=Audience.of([f"group:team{1 + number % AUDIENCES}"]),
            sections=tuple(_section(number, ordinal, words) for ordinal in range(SECTIONS_A_PAGE)),
        )


class _Maker:
    """Stores pages by the commit protocol: numbers reserved, points upserted, index flushed, catalogue committed."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base
        self._topics = _unit(np.random.default_rng(7).standard_normal((TOPICS, base.embedder.dimension)))
        self._audiences: dict[Audience, int] = {}

    async def prepared(self, batch: list[Document], *, number: int) -> list[Revision]:
        """The next revision of each page, its number reserved."""
        if not batch:
            return []
        tenant = self._base.settings.tenant
        numbers = await self._base.catalogue.documents.reserve_revisions(tenant, [page.id for page in batch])
        generator = np.random.default_rng([7, number])
        return [
            Revision(
                document=page,
                number=numbers[page.id],
                audience_id=await self._audience(page),
                chunks=tuple(self._chunks(page, generator)),
            )
            for page in batch
        ]

    async def store(self, revisions: list[Revision]) -> None:
        """They are visible when this returns."""
        tenant, generation = self._base.settings.tenant, self._base.generation.id
        for each in revisions:
            if each.number > 1:  # of a run that was cut off before its commit
                await self._base.index.delete_revisions(tenant=tenant, document_id=each.document.id, keep=None)
            await self._base.index.upsert_revision(points_of(each, generation=generation))
        await self._base.index.flush()
        await self._base.catalogue.documents.commit_revisions(tenant, revisions, generation=generation)

    def _chunks(self, document: Document, generator: np.random.Generator) -> Iterator[StoredChunk]:
        count, dimension = len(document.sections), self._topics.shape[1]
        topics = self._topics[generator.integers(TOPICS, size=count)]
        vectors = _unit(topics + _SPREAD * _unit(generator.standard_normal((count, dimension))))
        for ordinal, (section, vector) in enumerate(zip(document.sections, vectors, strict=True)):
            embedded = "\n".join((document.title, *section.heading_path, "", section.text))
            digest = fingerprint_of(embedded)
            yield StoredChunk(
                ordinal=ordinal,
                section_ordinal=ordinal,
                text=section.text,
                embedded_text=embedded,
                fingerprint=digest,
                made_from=digest,
                vector=vector,
            )

    async def _audience(self, document: Document) -> int:
        if document.audience not in self._audiences:
            interned = await self._base.catalogue.access.intern(document.tenant, document.audience)
            self._audiences[document.audience] = interned
        return self._audiences[document.audience]


def _unit(rows: np.ndarray) -> Vectors:
    vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def _section(page: int, ordinal: int, words: Words) -> Section:
    url = f"https://wiki.test/page-{page}#s{ordinal}"
    text = words.text(WORDS_A_SECTION)
    block = Block(kind="paragraph", text=text)
    return Section(id=f"#s{ordinal}", heading_path=(words.text(2),), anchor=f"s{ordinal}", url=url, blocks=(block,))
