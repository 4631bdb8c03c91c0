"""What makes an index agree with the catalogue again: points re-made from stored vectors, and old ones deleted."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from ingest.chunking import chunk_document
from ingest.vectors import embed_chunks
from kb.access import NOBODY
from kb.catalogue.records import Build, StoredChunk, StoredDocument, StoredSection
from kb.documents import Block, Document, Section, chunk_id
from kb.errors import IndexDamaged
from kb.index.base import IndexedChunk
from kb.wiring import KnowledgeBase

logger = logging.getLogger(__name__)
BATCH = 64


async def repair_index(knowledge_base: KnowledgeBase, *, source_id: str) -> int:
    """Compare every live revision of a source with what the index holds; returns how many documents were repaired.

    Call it only while holding the source's lease: another run's points, not committed yet, would look like garbage.
    """
    try:
        repaired = await build_missing(knowledge_base, source_id=source_id)
        repaired += await sweep_index(knowledge_base, source_id=source_id)
        if await agrees(knowledge_base, source_id=source_id):
            return repaired
    except IndexDamaged:
        pass
    # An engine whose log was cut numbers its writes from there again, and takes no notice of those that its files
    # seem to hold already: it acknowledges them, and they are nowhere.
    return await make_again(knowledge_base)


async def agrees(knowledge_base: KnowledgeBase, *, source_id: str) -> bool:
    """Does the index hold the live revisions of the source, and nothing else of it?"""
    tenant, generation = knowledge_base.settings.tenant, knowledge_base.generation.id
    current = await knowledge_base.catalogue.builds.current(tenant, generation, source_id=source_id)
    held = await knowledge_base.index.counts(tenant=tenant)
    wanted = {(name, build.revision): build.chunk_count for name, build in current.items() if build.chunk_count}
    return wanted == {key: count for key, count in held.items() if key[0].startswith(f"{source_id}:")}


async def make_again(knowledge_base: KnowledgeBase) -> int:
    """Throw a damaged index away and write it again, all sources, from what is stored; returns how many documents."""
    tenant, generation = knowledge_base.settings.tenant, knowledge_base.generation.id
    logger.error("the index is damaged, and made again", extra={"generation": generation})
    await knowledge_base.index.drop()
    current = await knowledge_base.catalogue.builds.current(tenant, generation)
    for document_id in current:
        await upsert_again(knowledge_base, document_id)
    await knowledge_base.index.flush()
    return len(current)


async def sweep_index(knowledge_base: KnowledgeBase, *, source_id: str | None = None) -> int:
    """Write what the index has lost again, and delete what the catalogue does not know; returns how many documents
    had lost something. Nothing is embedded. See `repair_index` for when not to call it."""
    tenant, generation = knowledge_base.settings.tenant, knowledge_base.generation.id
    index = knowledge_base.index
    current = await knowledge_base.catalogue.builds.current(tenant, generation, source_id=source_id)
    held = await index.counts(tenant=tenant)
    repaired = 0
    for document_id, build in current.items():
        count = held.get((document_id, build.revision), 0)
        if count != build.chunk_count:
            if count > build.chunk_count:
                # Points that the catalogue knows nothing of, under a revision that it knows.
                await index.delete_revisions(tenant=tenant, document_id=document_id, keep=None)
            await upsert_again(knowledge_base, document_id)
            repaired += 1
    for document_id in _with_foreign_points(held, current, source_id=source_id):
        keep = current[document_id].revision if document_id in current else None
        await index.delete_revisions(tenant=tenant, document_id=document_id, keep=keep)
    if repaired:
        await index.flush()
    return repaired


async def build_missing(
    knowledge_base: KnowledgeBase, *, source_id: str | None = None, told: Callable[[int], None] = lambda done: None
) -> int:
    """Put every document into the index that it lacks, or holds as it was; returns how many. Raises ModelError.

    Nothing is read from a source. What has changed its text is embedded, the rest keeps its vectors.
    `told`: how many are done.
    """
    tenant, generation = knowledge_base.settings.tenant, knowledge_base.generation.id
    built = 0
    while outdated := await knowledge_base.catalogue.builds.outdated(
        tenant, generation, source_id=source_id, most=BATCH
    ):
        count = await build_documents(knowledge_base, outdated)
        built += count
        told(built)
        if not count:
            break  # each of them changed again meanwhile, or is gone: whoever changed it is at work
    return built


async def build_documents(knowledge_base: KnowledgeBase, document_ids: list[str]) -> int:
    """Build these documents as they are now; returns how many did not change meanwhile."""
    tenant, generation = knowledge_base.settings.tenant, knowledge_base.generation.id
    catalogue, index = knowledge_base.catalogue, knowledge_base.index
    rows: list[tuple[StoredDocument, list[StoredSection], Document]] = []
    for document_id in document_ids:
        stored = await catalogue.documents.get(tenant, document_id)
        sections = await catalogue.documents.all_sections(tenant, document_id)
        if stored is not None:
            rows.append((stored, sections, _document(tenant, stored, sections)))
    chunks = [(stored.document_id, chunk_document(document, knowledge_base.embedder)) for stored, _, document in rows]
    embedded = await embed_chunks(knowledge_base, chunks)
    for (stored, sections, _), of_document in zip(rows, embedded.documents, strict=True):
        points = _points(of_document, sections, tenant=tenant, generation=generation)
        await index.delete_revisions(tenant=tenant, document_id=stored.document_id, keep=stored.live_revision)
        if points:
            await index.upsert_revision(points)
    await index.flush()
    done = 0
    for (stored, _, _), of_document in zip(rows, embedded.documents, strict=True):
        build = Build(
            revision=stored.live_revision,
            chunk_count=len(of_document),
            audience_id=stored.audience_id,
            updated_at=stored.updated_at,
        )
        done += await catalogue.builds.commit(
            tenant, stored.document_id, generation=generation, build=build, stored=of_document
        )
    return done


async def collect_garbage(knowledge_base: KnowledgeBase, *, source_id: str) -> None:
    """Delete the points of revisions that are no longer live."""
    tenant = knowledge_base.settings.tenant
    garbage = await knowledge_base.catalogue.documents.garbage(tenant)
    mine = [each for each in garbage if each.document_id.startswith(f"{source_id}:")]
    for each in mine:
        await knowledge_base.index.delete_revisions(tenant=tenant, document_id=each.document_id, keep=each.keep)
    if mine:
        # What is forgotten here must not come back with the power.
        await knowledge_base.index.flush()
    for each in mine:
        await knowledge_base.catalogue.documents.collected(tenant, each.document_id, each.keep)


async def upsert_again(
    knowledge_base: KnowledgeBase,
    document_id: str,
    *,
    audience_id: int | None = None,
    updated_at: datetime | None = None,
) -> None:
    """Write the live revision's points from what is stored; with another audience and time, if they are given."""
    tenant, generation = knowledge_base.settings.tenant, knowledge_base.generation.id
    sections = await knowledge_base.catalogue.documents.all_sections(tenant, document_id)
    chunks = await knowledge_base.catalogue.builds.chunks_of(tenant, document_id, generation=generation)
    points = _points(
        chunks, sections, tenant=tenant, generation=generation, audience_id=audience_id, updated_at=updated_at
    )
    if points:
        await knowledge_base.index.upsert_revision(points)


def _with_foreign_points(
    held: Mapping[tuple[str, int], int], current: Mapping[str, Build], *, source_id: str | None
) -> set[str]:
    """Documents with points of a revision that is not live: left by a run that died before its commit."""
    prefix = "" if source_id is None else f"{source_id}:"
    mine = {(document_id, revision) for document_id, revision in held if document_id.startswith(prefix)}
    return {
        document_id
        for document_id, revision in mine
        if document_id not in current or current[document_id].revision != revision
    }


def _document(tenant: str, stored: StoredDocument, sections: list[StoredSection]) -> Document:
    """The document as far as chunking looks at it."""
    return Document(
        tenant=tenant,
        source_id=stored.source_id,
        native_id=stored.native_id,
        space="",
        title=stored.title,
        url=stored.url,
        version=stored.version,
        updated_at=stored.updated_at,
        audience=NOBODY,
        sections=tuple(_section(section) for section in sections),
    )


def _section(stored: StoredSection) -> Section:
    blocks, start = [], 0
    for kind, length in stored.blocks:
        blocks.append(Block(kind=kind, text=stored.text[start : start + length]))
        start += length + len("\n\n")
    return Section(
        id=stored.section_id,
        heading_path=stored.heading_path,
        anchor=stored.anchor,
        url=stored.url,
        blocks=tuple(blocks),
    )


def _points(
    chunks: list[StoredChunk],
    sections: list[StoredSection],
    *,
    tenant: str,
    generation: int,
    audience_id: int | None = None,
    updated_at: datetime | None = None,
) -> list[IndexedChunk]:
    by_ordinal = {section.ordinal: section for section in sections}
    return [
        _point(
            chunk,
            by_ordinal[chunk.section_ordinal],
            tenant=tenant,
            generation=generation,
            audience_id=audience_id,
            updated_at=updated_at,
        )
        for chunk in chunks
    ]


def _point(
    chunk: StoredChunk,
    section: StoredSection,
    *,
    tenant: str,
    generation: int,
    audience_id: int | None,
    updated_at: datetime | None,
) -> IndexedChunk:
    return IndexedChunk(
        id=chunk_id(generation, section.document_id, section.revision, chunk.ordinal),
        tenant=tenant,
        source_id=section.source_id,
        space=section.space,
        document_id=section.document_id,
        revision=section.revision,
        section_id=section.section_id,
        section_ordinal=chunk.section_ordinal,
        ordinal=chunk.ordinal,
        audience_id=section.audience_id if audience_id is None else audience_id,
        labels=section.labels,
        updated_at=updated_at or section.updated_at,
        text=chunk.text,
        embedded_text=chunk.embedded_text,
        vector=chunk.vector,
    )
