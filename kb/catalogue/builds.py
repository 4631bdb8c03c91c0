"""Builds: what each generation's index holds of each document, and the vectors that it was made from."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from kb.catalogue.contents import replace_chunks, to_vector, write_builds
from kb.catalogue.database import Database
from kb.catalogue.records import Build, StoredChunk
from kb.catalogue.tables import builds, chunks, documents
from kb.embedders.base import Vectors

# SQLite takes at most 32,766 parameters in a statement.
_MOST_PARAMETERS = 500
_JOINED = and_(
    builds.c.tenant == documents.c.tenant,
    builds.c.document_id == documents.c.document_id,
)


class BuildStore:
    """The generations' contents. A build is current while its document is as it was when it was built."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def current(self, tenant: str, generation: int, *, source_id: str | None = None) -> Mapping[str, Build]:
        """Document id → build of every live document that the generation holds as it is now."""
        names = Build.__dataclass_fields__
        query = (
            select(builds.c.document_id, *(builds.c[name] for name in names))
            .join(documents, _JOINED)
            .where(*_live(tenant, source_id), builds.c.generation == generation, is_current())
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {row["document_id"]: Build(**{name: row[name] for name in names}) for row in rows}

    async def outdated(self, tenant: str, generation: int, *, source_id: str | None = None, most: int) -> list[str]:
        """Ids of live documents that the generation lacks, or holds as they were; at most so many, in order."""
        query = _outdated(tenant, generation, source_id).order_by(documents.c.document_id).limit(most)
        async with self._database.read() as connection:
            return [str(document_id) for document_id in (await connection.execute(query)).scalars()]

    async def outdated_count(self, tenant: str, generation: int) -> int:
        """How many live documents the generation lacks, or holds as they were."""
        query = select(func.count()).select_from(_outdated(tenant, generation, None).subquery())
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def commit(
        self, tenant: str, document_id: str, *, generation: int, build: Build, stored: Sequence[StoredChunk]
    ) -> bool:
        """Note that the generation's index holds the document now. False if it has changed again meanwhile."""
        unchanged = select(documents.c.live_revision).where(
            documents.c.tenant == tenant,
            documents.c.document_id == document_id,
            documents.c.live_revision == build.revision,
            documents.c.audience_id == build.audience_id,
        )
        async with self._database.write() as connection:
            if (await connection.execute(unchanged)).first() is None:
                return False
            contents = {(document_id, build.revision): stored}
            await replace_chunks(connection, tenant, contents, generation=generation)
            await write_builds(connection, tenant, {document_id: build}, generation=generation)
            return True

    async def chunks_of(self, tenant: str, document_id: str, *, generation: int) -> list[StoredChunk]:
        """The live revision's chunks with their vectors, for rebuilding the index without the model; none if the
        generation lacks it."""
        query = (
            select(chunks)
            .join(
                documents,
                and_(
                    documents.c.tenant == chunks.c.tenant,
                    documents.c.document_id == chunks.c.document_id,
                    documents.c.live_revision == chunks.c.revision,
                ),
            )
            .where(chunks.c.tenant == tenant, chunks.c.document_id == document_id, chunks.c.generation == generation)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(chunks.c.ordinal))).mappings().all()
        plain = [name for name in StoredChunk.__dataclass_fields__ if name != "vector"]
        return [StoredChunk(vector=to_vector(row["vector"]), **{name: row[name] for name in plain}) for row in rows]

    async def vectors_of_document(
        self, tenant: str, document_id: str, *, generation: int
    ) -> Mapping[str, tuple[str, Vectors]]:
        """Fingerprint → (what it was made from, vector) of a document's stored chunks, of whatever revision."""
        query = select(chunks.c.fingerprint, chunks.c.made_from, chunks.c.vector).where(
            chunks.c.tenant == tenant, chunks.c.document_id == document_id, chunks.c.generation == generation
        )
        rows = await self._database.fetch(query)
        return {row.fingerprint: (row.made_from, to_vector(row.vector)) for row in rows}

    async def vectors(self, tenant: str, *, generation: int, made_from: Sequence[str]) -> Mapping[str, Vectors]:
        """The stored vectors made from texts with these digests, shape (dimension,) each; missing ones are left out.

        Whose texts they are does not matter: equal texts have equal vectors.
        """
        found: dict[str, Vectors] = {}
        wanted = sorted(set(made_from))
        for start in range(0, len(wanted), _MOST_PARAMETERS):
            query = select(chunks.c.made_from, chunks.c.vector).where(
                chunks.c.tenant == tenant,
                chunks.c.generation == generation,
                chunks.c.made_from.in_(wanted[start : start + _MOST_PARAMETERS]),
            )
            found.update({row.made_from: to_vector(row.vector) for row in await self._database.fetch(query)})
        return found

    async def mark_outdated(self, tenant: str, document_id: str, *, generation: int) -> None:
        """The generation's index has lost the document: it is to be built again."""
        mine = (builds.c.tenant == tenant, builds.c.generation == generation, builds.c.document_id == document_id)
        async with self._database.write() as connection:
            await connection.execute(update(builds).where(*mine).values(revision=0))


def is_current() -> ColumnElement[bool]:
    """Of documents joined with builds: is the document as it was when it was built?"""
    return and_(
        builds.c.revision == documents.c.live_revision,
        builds.c.audience_id.is_not_distinct_from(documents.c.audience_id),
        builds.c.updated_at.is_not_distinct_from(documents.c.updated_at),
    )


def _live(tenant: str, source_id: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [documents.c.tenant == tenant, documents.c.live_revision.is_not(None)]
    return conditions + ([documents.c.source_id == source_id] if source_id is not None else [])


# Any: SQLAlchemy's type for the one column of a select is long and says nothing here.
def _outdated(tenant: str, generation: int, source_id: str | None):  # type: ignore[no-untyped-def]
    joined = and_(_JOINED, builds.c.generation == generation)
    return (
        select(documents.c.document_id)
        .join(builds, joined, isouter=True)
        .where(*_live(tenant, source_id), or_(builds.c.document_id.is_(None), ~is_current()))
    )
