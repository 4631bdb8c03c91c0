"""Documents: revisions reserved, committed, read, and taken away. The commit is the moment a page becomes visible."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Update, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.catalogue.contents import drop_contents, replace_chunks, replace_sections, write_builds
from kb.catalogue.database import insert_new, upsert
from kb.catalogue.reading import SectionReader
from kb.catalogue.records import Build, Garbage, Revision, StoredDocument
from kb.catalogue.tables import builds, documents, garbage, generations
from kb.documents import Document
from kb.errors import IndexUnavailable


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
        names = StoredDocument.__dataclass_fields__
        found = [row._mapping for row in await self._database.fetch(query)]
        return StoredDocument(**{name: found[0][name] for name in names}) if found else None

    async def reserve_revisions(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, int]:
        """Document id → its next revision number: durable at once, never given twice, even if the caller dies."""
        # In one order everywhere: two processes then wait for each other and never for ever.
        ids = sorted(set(document_ids))
        mine = (documents.c.tenant == tenant, documents.c.document_id.in_(ids))
        async with self._database.write() as connection:
            for document_id in ids:
                await connection.execute(insert_new(connection, documents, _new_row(tenant, document_id)))
            await connection.execute(update(documents).where(*mine).values(last_revision=documents.c.last_revision + 1))
            reserved = await connection.execute(select(documents.c.document_id, documents.c.last_revision).where(*mine))
            return {row.document_id: row.last_revision for row in reserved}

    async def commit_revisions(self, tenant: str, revisions: Sequence[Revision], *, generation: int) -> None:
        """Make revisions of several documents live: one transaction. The index must hold (and have flushed) their
        points before.

        Raises IndexUnavailable if another generation has gone live meanwhile: its index lacks them.
        """
        contents = {(each.document.id, each.number): each.chunks for each in revisions}
        made = {each.document.id: _build_of(each) for each in revisions}
        async with self._database.write() as connection:
            await _must_be_live(connection, tenant, generation)
            await replace_sections(connection, tenant, revisions)
            await replace_chunks(connection, tenant, contents, generation=generation)
            await write_builds(connection, tenant, made, generation=generation)
            mine = (documents.c.tenant == tenant, documents.c.document_id == bindparam("mine"))
            rows = [_live_row(each, generation) | {"mine": each.document.id} for each in revisions]
            await connection.execute(update(documents).where(*mine), rows)
            for each in revisions:
                if each.number > 1:  # a first revision has nothing before it
                    await _mark_garbage(connection, tenant, each.document.id, keep=each.number)

    async def touch(self, document: Document, *, audience_id: int, generation: int) -> None:
        """Version, time and audience of a document whose text stayed the same; the generation's index has them."""
        about = {"updated_at": document.updated_at, "audience_id": audience_id}
        async with self._database.write() as connection:
            row = about | {"version": document.version, "links": list(document.links)}
            await connection.execute(_one(document.tenant, document.id).values(**row))
            await connection.execute(_build(document.tenant, document.id, generation).values(**about))

    async def set_access(
        self, tenant: str, document_id: str, *, audience_id: int, version: str, generation: int
    ) -> None:
        """Another audience for a document that otherwise stays as it is, and the version it has with it."""
        async with self._database.write() as connection:
            await connection.execute(_one(tenant, document_id).values(audience_id=audience_id, version=version))
            await connection.execute(_build(tenant, document_id, generation).values(audience_id=audience_id))

    async def tombstone(self, tenant: str, document_id: str, *, reason: str) -> None:
        """Take a document away: from now on no reader sees it. Its index points become garbage."""
        row = {"live_revision": None, "deleted_at": datetime.now(UTC), "deleted_reason": reason, "chunk_count": 0}
        async with self._database.write() as connection:
            await drop_contents(connection, tenant, document_id)
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

    async def live_chunk_count(self, tenant: str) -> int:
        """How many chunks the index should hold at least."""
        query = select(func.coalesce(func.sum(documents.c.chunk_count), 0)).where(*_live(tenant))
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())


def _live(tenant: str, source_id: str | None = None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [documents.c.tenant == tenant, documents.c.live_revision.is_not(None)]
    return conditions + ([documents.c.source_id == source_id] if source_id is not None else [])


def _one(tenant: str, document_id: str) -> Update:
    return update(documents).where(documents.c.tenant == tenant, documents.c.document_id == document_id)


def _build(tenant: str, document_id: str, generation: int) -> Update:
    mine = (builds.c.tenant == tenant, builds.c.document_id == document_id, builds.c.generation == generation)
    return update(builds).where(*mine)


def _new_row(tenant: str, document_id: str) -> dict[str, object]:
    source_id, _, native_id = document_id.partition(":")
    names = {"tenant": tenant, "document_id": document_id, "source_id": source_id, "native_id": native_id}
    return names | {"last_revision": 0}


def _build_of(revision: Revision) -> Build:
    return Build(
        revision=revision.number,
        chunk_count=len(revision.chunks),
        audience_id=revision.audience_id,
        updated_at=revision.document.updated_at,
    )


def _live_row(revision: Revision, generation: int) -> dict[str, object]:
    return _about(revision.document) | {
        "audience_id": revision.audience_id,
        "live_revision": revision.number,
        "chunk_count": len(revision.chunks),
        "generation": generation,
        "deleted_at": None,
        "deleted_reason": None,
    }


def _about(document: Document) -> dict[str, object]:
    return {
        "title": document.title,
        "url": document.url,
        "space": document.space,
        "labels": list(document.labels),
        "links": list(document.links),
        "version": document.version,
        "fingerprint": document.fingerprint,
        "status": document.status,
        "superseded_by": document.superseded_by,
        "updated_at": document.updated_at,
    }


async def _must_be_live(connection: AsyncConnection, tenant: str, generation: int) -> None:
    live = select(generations.c.id).where(generations.c.tenant == tenant, generations.c.is_live)
    found = (await connection.execute(live)).scalar()
    if found is not None and found != generation:
        raise IndexUnavailable("another generation of the index went live meanwhile: the next sync goes on with it")


async def _mark_garbage(connection: AsyncConnection, tenant: str, document_id: str, *, keep: int | None) -> None:
    row = {"tenant": tenant, "document_id": document_id, "keep": keep}
    await connection.execute(upsert(connection, garbage, [row]))
