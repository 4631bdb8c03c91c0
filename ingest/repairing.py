"""What makes the index agree with the catalogue again: points re-made from stored vectors, and old ones deleted."""

from collections.abc import Mapping

from kb.catalogue.records import StoredChunk, StoredSection
from kb.documents import chunk_id
from kb.index.base import IndexedChunk
from kb.wiring import KnowledgeBase


async def repair_index(knowledge_base: KnowledgeBase, *, source_id: str) -> int:
    """Compare every live revision of a source with what the index holds; returns how many documents were repaired.

    Call it only while holding the source's lease: another run's points, not committed yet, would look like garbage.
    """
    tenant = knowledge_base.settings.tenant
    live = {
        document_id: state
        for document_id, state in (await knowledge_base.catalogue.documents.live_revisions(tenant)).items()
        if document_id.startswith(f"{source_id}:")
    }
    held = await knowledge_base.index.counts(tenant=tenant)
    repaired = 0
    for document_id, (revision, chunk_count) in live.items():
        if held.get((document_id, revision), 0) != chunk_count:
            await _upsert_again(knowledge_base, document_id, revision=revision)
            repaired += 1
    for document_id in _with_foreign_points(held, live, source_id=source_id):
        keep = live[document_id][0] if document_id in live else None
        await knowledge_base.index.delete_revisions(tenant=tenant, document_id=document_id, keep=keep)
    if repaired:
        await knowledge_base.index.flush()
    return repaired


async def collect_garbage(knowledge_base: KnowledgeBase, *, source_id: str) -> None:
    """Delete the points of revisions that are no longer live."""
    tenant = knowledge_base.settings.tenant
    for each in await knowledge_base.catalogue.documents.garbage(tenant):
        if each.document_id.startswith(f"{source_id}:"):
            await knowledge_base.index.delete_revisions(tenant=tenant, document_id=each.document_id, keep=each.keep)
            await knowledge_base.catalogue.documents.collected(tenant, each.document_id, each.keep)


def _with_foreign_points(
    held: Mapping[tuple[str, int], int], live: Mapping[str, tuple[int, int]], *, source_id: str
) -> set[str]:
    """Documents with points of a revision that is not live: left by a run that died before its commit."""
    mine = {(document_id, revision) for document_id, revision in held if document_id.startswith(f"{source_id}:")}
    return {document_id for document_id, revision in mine if live.get(document_id, (None, 0))[0] != revision}


async def _upsert_again(knowledge_base: KnowledgeBase, document_id: str, *, revision: int) -> None:
    tenant = knowledge_base.settings.tenant
    sections = await knowledge_base.catalogue.documents.all_sections(tenant, document_id)
    chunks = await knowledge_base.catalogue.documents.chunks_of(tenant, document_id)
    by_ordinal = {section.ordinal: section for section in sections}
    generation = knowledge_base.generation.id
    points = [
        _point(chunk, by_ordinal[chunk.section_ordinal], tenant=tenant, revision=revision, generation=generation)
        for chunk in chunks
    ]
    if points:
        await knowledge_base.index.upsert_revision(points)


def _point(chunk: StoredChunk, section: StoredSection, *, tenant: str, revision: int, generation: int) -> IndexedChunk:
    return IndexedChunk(
        id=chunk_id(generation, section.document_id, revision, chunk.ordinal),
        tenant=tenant,
        source_id=section.source_id,
        space=section.space,
        document_id=section.document_id,
        revision=revision,
        section_id=section.section_id,
        section_ordinal=chunk.section_ordinal,
        ordinal=chunk.ordinal,
        audience_id=section.audience_id,
        labels=section.labels,
        updated_at=section.updated_at,
        text=chunk.text,
        embedded_text=chunk.embedded_text,
        vector=chunk.vector,
    )
