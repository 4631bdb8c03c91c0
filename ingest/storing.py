"""The commit protocol: revision reserved, points upserted, index flushed, and only then the catalogue's commit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.changes import AccessChanged, Failed
from ingest.chunking import chunk_document
from ingest.repairing import upsert_again
from ingest.reporting import Tally
from ingest.vectors import embed_chunks
from kb.access import Audience
from kb.catalogue.records import Revision, StoredDocument
from kb.documents import Chunk, Document, chunk_id, document_id
from kb.errors import IndexFailure, IndexMismatch, KnowledgeBaseError, ModelError
from kb.index.base import IndexedChunk
from kb.wiring import KnowledgeBase

# Chunks embedded in one call: enough to sort by length and fill batches, few enough to commit every second or so.
BATCH_CHUNKS = 192
BATCH_DOCUMENTS = 64
_HARMLESS = "one two three"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    document: Document
    audience_id: int
    chunks: list[Chunk]


class Storer:
    """Stores documents in batches. What `add` was given is visible once `flush` has returned."""

    def __init__(self, knowledge_base: KnowledgeBase, tally: Tally) -> None:
        self._base = knowledge_base
        self._tally = tally
        self._pending: list[_Pending] = []
        # Documents whose vectors or points were refused; a good copy of them stays as it is.
        self.refused: list[Failed] = []

    async def add(self, document: Document) -> int:
        """Take a document. Returns how many documents are now stored for good (0 while the batch fills up)."""
        self._tally.fetched += 1
        catalogue = self._base.catalogue
        # A source may give a document twice: the later one counts.
        self._pending = [each for each in self._pending if each.document.id != document.id]
        audience_id = await catalogue.access.intern(document.tenant, document.audience)
        stored = await catalogue.documents.get(document.tenant, document.id)
        if stored is not None and stored.fingerprint == document.fingerprint:
            await self._touch(document, stored, audience_id=audience_id)
            return 1
        if stored is not None and stored.audience_id != audience_id:
            # Text and audience changed together: until the new text is stored, the old one is for those in both alone.
            await self._keep_to(document.audience, stored, tenant=document.tenant)
        chunks = await asyncio.to_thread(chunk_document, document, self._base.embedder)
        self._pending.append(_Pending(document=document, audience_id=audience_id, chunks=chunks))
        waiting = sum(len(each.chunks) for each in self._pending)
        if waiting >= BATCH_CHUNKS or len(self._pending) >= BATCH_DOCUMENTS:
            return await self.flush()
        return 0

    async def _keep_to(self, audience: Audience, stored: StoredDocument, *, tenant: str) -> None:
        """Show a stored document to nobody who is not in this audience too."""
        access = self._base.catalogue.access
        before = await access.audience(tenant, stored.audience_id)
        both = await access.intern(tenant, before.shared_with(audience))
        if both == stored.audience_id:
            return
        await self._set_audience(tenant, stored, audience_id=both)
        await self._base.catalogue.documents.set_access(
            tenant,
            stored.document_id,
            audience_id=both,
            version=stored.version,
            generation=self._base.generation.id,
        )

    async def narrow(self, native_id: str, audience: Audience, *, tenant: str, source_id: str) -> None:
        """The source has a text for this audience that could not be read: the stored one is for those in both alone."""
        stored = await self._base.catalogue.documents.get(tenant, document_id(source_id, native_id))
        if stored is not None:
            await self._keep_to(audience, stored, tenant=tenant)

    async def change_access(self, change: AccessChanged, *, tenant: str, source_id: str) -> None:
        """Give a stored document another audience, visible at once. Does nothing if it is not stored."""
        documents = self._base.catalogue.documents
        changed = document_id(source_id, change.native_id)
        if any(each.document.id == changed for each in self._pending):
            await self.flush()
        stored = await documents.get(tenant, changed)
        if stored is None:
            return
        audience_id = await self._base.catalogue.access.intern(tenant, change.audience)
        await self._set_audience(tenant, stored, audience_id=audience_id)
        await documents.set_access(
            tenant,
            stored.document_id,
            audience_id=audience_id,
            version=change.version,
            generation=self._base.generation.id,
        )

    async def flush(self) -> int:
        """Store everything taken. Returns how many documents are done: visible, or refused and noted in `refused`."""
        batch, self._pending = self._pending, []
        if not batch:
            return 0
        try:
            await self._store(batch)
        except (ModelError, IndexFailure) as exc:
            if not _is_about_one_document(exc):
                raise
            await self._store_one_by_one(batch)
        return len(batch)

    async def _store_one_by_one(self, batch: Sequence[_Pending]) -> None:
        """One document of the batch was refused for what it is: store the others."""
        # Wrong credentials or missing weights refuse everything: then this raises, and no page is to blame.
        await self._base.embedder.embed_passages([_HARMLESS])
        for each in batch:
            try:
                await self._store([each])
            except (ModelError, IndexFailure) as exc:
                if not _is_about_one_document(exc):
                    raise
                self.refused.append(
                    Failed(
                        native_id=each.document.native_id,
                        title=each.document.title,
                        reason=str(exc),
                        version=each.document.version,
                    )
                )

    async def _store(self, batch: Sequence[_Pending]) -> None:
        embedded = await embed_chunks(self._base, [(each.document.id, each.chunks) for each in batch])
        self._tally.embedded_chunks += embedded.embedded_count
        self._tally.reused_chunks += sum(map(len, embedded.documents)) - embedded.embedded_count
        tenant, generation = self._base.settings.tenant, self._base.generation.id
        numbers = await self._base.catalogue.documents.reserve_revisions(tenant, [each.document.id for each in batch])
        revisions = [
            Revision(
                document=each.document,
                number=numbers[each.document.id],
                audience_id=each.audience_id,
                chunks=chunks,
            )
            for each, chunks in zip(batch, embedded.documents, strict=True)
        ]
        for revision in revisions:
            if points := points_of(revision, generation=generation):
                await self._base.index.upsert_revision(points)
        await self._base.index.flush()
        await self._base.catalogue.documents.commit_revisions(tenant, revisions, generation=generation)

    async def _touch(self, document: Document, stored: StoredDocument, *, audience_id: int) -> None:
        """Same text: nothing is embedded; at most the time and the audience of the points change."""
        if stored.updated_at != document.updated_at:
            # A filter by time reads the points: they are written again, with the vectors they have.
            await upsert_again(self._base, stored.document_id, audience_id=audience_id, updated_at=document.updated_at)
            await self._base.index.flush()
        else:
            await self._set_audience(document.tenant, stored, audience_id=audience_id)
        is_new = (stored.audience_id, stored.version, stored.updated_at) != (
            audience_id,
            document.version,
            document.updated_at,
        )
        if is_new:
            await self._base.catalogue.documents.touch(
                document, audience_id=audience_id, generation=self._base.generation.id
            )

    async def _set_audience(self, tenant: str, stored: StoredDocument, *, audience_id: int) -> None:
        """The index first: a reader needs both to agree, so a page closes at once and opens with the commit,
        and a run killed in between does this again."""
        if stored.audience_id != audience_id:
            await self._base.index.set_audience(tenant=tenant, document_id=stored.document_id, audience_id=audience_id)
            await self._base.index.flush()


def _is_about_one_document(error: KnowledgeBaseError) -> bool:
    """A refusal of what a document is, not of the time: it would be refused again, and others need not be."""
    return not error.retryable and not isinstance(error, IndexMismatch)


def points_of(revision: Revision, *, generation: int) -> list[IndexedChunk]:
    """A revision's chunks as the index takes them."""
    document = revision.document
    return [
        IndexedChunk(
            id=chunk_id(generation, document.id, revision.number, chunk.ordinal),
            tenant=document.tenant,
            source_id=document.source_id,
            space=document.space,
            document_id=document.id,
            revision=revision.number,
            section_id=document.sections[chunk.section_ordinal].id,
            section_ordinal=chunk.section_ordinal,
            ordinal=chunk.ordinal,
            audience_id=revision.audience_id,
            labels=document.labels,
            updated_at=document.updated_at,
            text=chunk.text,
            embedded_text=chunk.embedded_text,
            vector=chunk.vector,
        )
        for chunk in revision.chunks
    ]
