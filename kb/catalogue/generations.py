"""Generations: which index is live, and which embedder built it."""

from datetime import UTC, datetime

from sqlalchemy import RowMapping, insert, select

from kb.catalogue.database import Database, insert_new
from kb.catalogue.records import Generation
from kb.catalogue.tables import generations


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

    async def create(self, tenant: str, *, embedder_identity: str, embedder_name: str, dimension: int) -> Generation:
        """A new generation, live at once if none was. If another process was faster, its live one is returned."""
        live = select(generations).where(generations.c.tenant == tenant, generations.c.is_live)
        values = {
            "tenant": tenant,
            "embedder_identity": embedder_identity,
            "embedder_name": embedder_name,
            "dimension": dimension,
            "created_at": datetime.now(UTC),
        }
        async with self._database.write() as connection:
            row = (await connection.execute(live)).first()
            if row is None:
                # The unique index lets one live generation through, whoever comes first.
                await connection.execute(insert_new(connection, generations, {"is_live": True, **values}))
                row = (await connection.execute(live)).one()
            if row.embedder_identity == embedder_identity:
                return _generation(row._mapping)
            made = insert(generations).values(is_live=False, **values).returning(generations.c.id)
            return Generation(
                id=(await connection.execute(made)).scalar_one(),
                embedder_identity=embedder_identity,
                embedder_name=embedder_name,
                dimension=dimension,
            )


def _generation(row: RowMapping) -> Generation:
    return Generation(**{name: row[name] for name in ("id", "embedder_identity", "embedder_name", "dimension")})
