"""Documents: revisions reserved, committed, read, and taken away. The commit is the moment a page becomes visible."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import ColumnElement, Update, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.catalogue.database import insert_new, upsert
from kb.catalogue.reading import SectionReader
from kb.catalogue.records import Garbage, StoredChunk, StoredDocument
from kb.catalogue.tables import chunks, documents, garbage, sections
from kb.documents import Document
from kb.embedders.base import Vectors

_VECTOR = np.dtype("<f4")
# SQLite takes at most 32,766 parameters in a statement.
_MOST_PARAMETERS = 500


class DocumentStore(SectionReader):
    """Every document of every tenant. What the answering side reads is inherited."""

    async def versions(self, tenant: str, source_id: str) -> Mapping[str, str]:
        """Native id → version of every live document of a source."""
        query = select(documents.c.native_id, documents.c.version).where(*_live(tenant, source_id))
        async with self._database.read() as connection:
            return {row.native_id: row.version for row in await connection.execute(query)}

    async def get(self, tenant: str, document_id: str) -> StoredDocument | None:
        """A live document's row."""
        query = select(documents).where(*_live(tenant), documents.c.document_id == document_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        names = StoredDocument.__dataclass_fields__
        return None if row is None else StoredDocument(**{name: row[name] for name in names})

    async def reserve_revision(self, tenant: str, document_id: str) -> int:
        """The next revision number of a document: durable at once, never given twice, even if the caller dies."""
        mine = (documents.c.tenant == tenant, documents.c.document_id == document_id)
        source_id, _, native_id = document_id.partition(":")
        new = {
            "tenant": tenant,
            "document_id": document_id,
            "source_id": source_id,
            "native_id": native_id,
            "last_revision": 0,
        }
        async with self._database.write() as connection:
            await connection.execute(insert_new(connection, documents, new))
            await connection.execute(update(documents).where(*mine).values(last_revision=documents.c.last_revision + 1))
            revision = await connection.execute(select(documents.c.last_revision).where(*mine))
            return int(revision.scalar_one())

    async def vectors(self, tenant: str, generation: int, fingerprints: Sequence[str]) -> Mapping[str, Vectors]:
        """The stored vectors of chunks with these fingerprints, shape (dimension,) each; missing ones are left out."""
        found: dict[str, Vectors] = {}
        wanted = sorted(set(fingerprints))
        async with self._database.read() as connection:
            for start in range(0, len(wanted), _MOST_PARAMETERS):
                query = select(chunks.c.fingerprint, chunks.c.vector).where(
                    chunks.c.tenant == tenant,
                    chunks.c.generation == generation,
                    chunks.c.fingerprint.in_(wanted[start : start + _MOST_PARAMETERS]),
                )
                found.update({row.fingerprint: _vector(row.vector) for row in await connection.execute(query)})
        return found

    async def commit_revision(
        self,
        document: Document,
        *,
        revision: int,
        audience_id: int,
        generation: int,
        chunks: Sequence[StoredChunk],
    ) -> None:
        """Make a revision live: one transaction. The index must hold (and have flushed) its points before."""
        async with self._database.write() as connection:
            await _drop_contents(connection, document.tenant, document.id)
            await _write_contents(connection, document, revision=revision, generation=generation, stored=chunks)
            row = _about(document) | {
                "audience_id": audience_id,
                "live_revision": revision,
                "chunk_count": len(chunks),
                "generation": generation,
                "deleted_at": None,
                "deleted_reason": None,
            }
            await connection.execute(_one(document.tenant, document.id).values(**row))
            if revision > 1:  # a first revision has nothing before it
                await _mark_garbage(connection, document.tenant, document.id, keep=revision)

    async def touch(self, document: Document, *, audience_id: int) -> None:
        """Version, time and audience of a document whose text stayed the same."""
        row = {"version": document.version, "updated_at": document.updated_at, "audience_id": audience_id}
        async with self._database.write() as connection:
            await connection.execute(_one(document.tenant, document.id).values(**row))

    async def set_access(self, tenant: str, document_id: str, *, audience_id: int, version: str) -> None:
        """Another audience for a document that otherwise stays as it is, and the version it has with it."""
        row = {"audience_id": audience_id, "version": version}
        async with self._database.write() as connection:
            await connection.execute(_one(tenant, document_id).values(**row))

    async def tombstone(self, tenant: str, document_id: str, *, reason: str) -> None:
        """Take a document away: from now on no reader sees it. Its index points become garbage."""
        row = {"live_revision": None, "deleted_at": datetime.now(UTC), "deleted_reason": reason, "chunk_count": 0}
        async with self._database.write() as connection:
            await _drop_contents(connection, tenant, document_id)
            await connection.execute(_one(tenant, document_id).values(**row))
            await _mark_garbage(connection, tenant, document_id, keep=None)

    async def garbage(self, tenant: str) -> Sequence[Garbage]:
        """Documents with index points to delete."""
        query = select(garbage.c.document_id, garbage.c.keep).where(garbage.c.tenant == tenant)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [Garbage(document_id=row.document_id, keep=row.keep) for row in rows]

    async def collected(self, tenant: str, document_id: str, keep: int | None) -> None:
        """The index points are deleted. A newer note about the same document stays."""
        done = delete(garbage).where(
            garbage.c.tenant == tenant, garbage.c.document_id == document_id, garbage.c.keep.is_not_distinct_from(keep)
        )
        async with self._database.write() as connection:
            await connection.execute(done)

    async def live_revisions(self, tenant: str) -> Mapping[str, tuple[int, int]]:
        """Document id → (live revision, how many chunks it has): what the index should hold, for the sweep."""
        query = select(documents.c.document_id, documents.c.live_revision, documents.c.chunk_count).where(
            *_live(tenant)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {row.document_id: (row.live_revision, row.chunk_count) for row in rows}

    async def chunks_of(self, tenant: str, document_id: str) -> list[StoredChunk]:
        """The live revision's chunks with their vectors, for rebuilding the index without the model."""
        query = select(chunks).where(chunks.c.tenant == tenant, chunks.c.document_id == document_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(chunks.c.ordinal))).mappings().all()
        plain = [name for name in StoredChunk.__dataclass_fields__ if name != "vector"]
        return [StoredChunk(vector=_vector(row["vector"]), **{name: row[name] for name in plain}) for row in rows]


def _live(tenant: str, source_id: str | None = None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [documents.c.tenant == tenant, documents.c.live_revision.is_not(None)]
    return conditions + ([documents.c.source_id == source_id] if source_id is not None else [])


def _one(tenant: str, document_id: str) -> Update:
    return update(documents).where(documents.c.tenant == tenant, documents.c.document_id == document_id)


def _about(document: Document) -> dict[str, object]:
    return {
        "title": document.title,
        "url": document.url,
        "space": document.space,
        "labels": list(document.labels),
        "version": document.version,
        "fingerprint": document.fingerprint,
        "status": document.status,
        "superseded_by": document.superseded_by,
        "updated_at": document.updated_at,
    }


async def _drop_contents(connection: AsyncConnection, tenant: str, document_id: str) -> None:
    for table in (sections, chunks):
        mine = (table.c.tenant == tenant, table.c.document_id == document_id)
        await connection.execute(delete(table).where(*mine))


async def _write_contents(
    connection: AsyncConnection, document: Document, *, revision: int, generation: int, stored: Sequence[StoredChunk]
) -> None:
    key = {"tenant": document.tenant, "document_id": document.id, "revision": revision}
    section_rows = [
        {
            **key,
            "ordinal": ordinal,
            "section_id": section.id,
            "heading_path": list(section.heading_path),
            "anchor": section.anchor,
            "url": section.url,
            "text": section.text,
            "anchors": [list(anchor) for anchor in section.anchors] or None,
        }
        for ordinal, section in enumerate(document.sections)
    ]
    chunk_rows = [
        {
            **key,
            "ordinal": chunk.ordinal,
            "section_ordinal": chunk.section_ordinal,
            "generation": generation,
            "fingerprint": chunk.fingerprint,
            "text": chunk.text,
            "embedded_text": chunk.embedded_text,
            "vector": np.ascontiguousarray(chunk.vector, dtype=_VECTOR).tobytes(),
        }
        for chunk in stored
    ]
    if section_rows:
        await connection.execute(insert(sections), section_rows)
    if chunk_rows:
        await connection.execute(insert(chunks), chunk_rows)


async def _mark_garbage(connection: AsyncConnection, tenant: str, document_id: str, *, keep: int | None) -> None:
    row = {"tenant": tenant, "document_id": document_id, "keep": keep}
    await connection.execute(upsert(connection, garbage, [row]))


def _vector(stored: bytes) -> Vectors:
    return np.frombuffer(stored, dtype=_VECTOR).astype(np.float32)
