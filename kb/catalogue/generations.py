"""Generations: which index is live, which embedder built it, and the one moment when another takes its place."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.catalogue.builds import is_current
from kb.catalogue.database import Database, insert_new
from kb.catalogue.records import Generation
from kb.catalogue.tables import builds, chunks, documents, generations


class GenerationStore:
    """The generations of each tenant; one of them is live."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def live(self, tenant: str) -> Generation | None:
        """The generation that questions are answered from; None before the first sync."""
        query = select(generations).where(generations.c.tenant == tenant, generations.c.is_live)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _generation(row._mapping)

    async def others(self, tenant: str) -> list[Generation]:
        """Those that are not live, the youngest first: being built, or kept for a way back."""
        query = select(generations).where(generations.c.tenant == tenant, generations.c.is_live.is_(False))
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(generations.c.id.desc()))).all()
        return [_generation(row._mapping) for row in rows]

    async def create(
        self,
        tenant: str,
        *,
        embedder_identity: str,
        embedder_name: str,
        dimension: int,
        embedder_kind: str = "",
        embedder_values: Mapping[str, object] | None = None,
    ) -> Generation:
        """The generation of this embedder: the one there is, or a new one, live at once if none was.

        If another process was faster, its own is returned.
        """
        mine = select(generations).where(
            generations.c.tenant == tenant, generations.c.embedder_identity == embedder_identity
        )
        live = select(generations).where(generations.c.tenant == tenant, generations.c.is_live)
        values = {
            "tenant": tenant,
            "embedder_identity": embedder_identity,
            "embedder_name": embedder_name,
            "dimension": dimension,
            "embedder_kind": embedder_kind,
            "embedder_values": dict(embedder_values or {}),
            "created_at": datetime.now(UTC),
        }
        async with self._database.write() as connection:
            if (await connection.execute(live)).first() is None:
                # The unique index lets one live generation through, whoever comes first.
                await connection.execute(insert_new(connection, generations, {"is_live": True, **values}))
            row = (await connection.execute(mine.order_by(generations.c.is_live.desc()).limit(1))).first()
            if row is None:
                made = insert(generations).values(is_live=False, **values).returning(generations)
                row = (await connection.execute(made)).one()
            return _generation(row._mapping)

    async def switch(self, tenant: str, *, to: int) -> bool:
        """Make a generation live, if it holds every document as it is now; False if it does not.

        Checked and done in one transaction: no sync can commit in between.
        """
        now = datetime.now(UTC)
        mine = generations.c.tenant == tenant
        async with self._database.write() as connection:
            if await _lacks_any(connection, tenant, to):
                return False
            await connection.execute(
                update(generations).where(mine, generations.c.is_live).values(is_live=False, retired_at=now)
            )
            await connection.execute(
                update(generations).where(mine, generations.c.id == to).values(is_live=True, retired_at=None)
            )
            count = (
                select(builds.c.chunk_count)
                .where(
                    builds.c.tenant == documents.c.tenant,
                    builds.c.document_id == documents.c.document_id,
                    builds.c.generation == to,
                )
                .scalar_subquery()
            )
            live = (documents.c.tenant == tenant, documents.c.live_revision.is_not(None))
            await connection.execute(update(documents).where(*live).values(chunk_count=count, generation=to))
            return True

    async def forget(self, tenant: str, generation: int) -> None:
        """Drop what is stored of a generation that is not live."""
        async with self._database.write() as connection:
            gone = (generations.c.tenant == tenant, generations.c.id == generation, generations.c.is_live.is_(False))
            if (await connection.execute(delete(generations).where(*gone))).rowcount:
                for table in (chunks, builds):
                    await connection.execute(
                        delete(table).where(table.c.tenant == tenant, table.c.generation == generation)
                    )


async def _lacks_any(connection: AsyncConnection, tenant: str, generation: int) -> bool:
    held = (
        select(func.count())
        .select_from(builds)
        .join(
            documents,
            (builds.c.tenant == documents.c.tenant) & (builds.c.document_id == documents.c.document_id),
        )
        .where(builds.c.tenant == tenant, builds.c.generation == generation, is_current())
        .where(documents.c.live_revision.is_not(None))
    )
    live = select(func.count()).where(documents.c.tenant == tenant, documents.c.live_revision.is_not(None))
    return bool((await connection.execute(held)).scalar_one() != (await connection.execute(live)).scalar_one())


def _generation(row: RowMapping) -> Generation:
    names = Generation.__dataclass_fields__
    made = Generation(**{name: row[name] for name in names})
    return made if made.embedder_values else replace(made, embedder_values={})
