"""A new database is made at once, and an older one step by step: both end with the same tables."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from kb.catalogue import Catalogue
from kb.catalogue.database import _upgrade
from kb.catalogue.schema import HEAD
from kb.catalogue.tables import metadata


async def test_a_new_database_is_what_the_migrations_make(catalogue_url: str) -> None:
    await (await Catalogue.open(catalogue_url)).close()
    made = await run(catalogue_url, schema_of)
    await run(catalogue_url, drop_everything)
    await run(catalogue_url, _upgrade)
    assert await run(catalogue_url, schema_of) == made


async def test_a_new_database_is_stamped_as_up_to_date(catalogue_url: str) -> None:
    await (await Catalogue.open(catalogue_url)).close()
    assert await run(catalogue_url, lambda connection: connection.scalar(text(_STAMP))) == HEAD


_STAMP = "SELECT version_num FROM alembic_version"


async def run(url: str, work: Callable[[Connection], Any]) -> Any:  # whatever the work gives
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def schema_of(connection: Connection) -> dict[str, list[object]]:
    """Columns, keys, uniques and indexes of every table."""
    found = inspect(connection)
    return {
        name: [
            [(each["name"], str(each["type"]), each["nullable"]) for each in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted(sorted(each["column_names"]) for each in found.get_unique_constraints(name)),
            sorted((str(each["name"]), each["column_names"], each["unique"]) for each in found.get_indexes(name)),
            sorted((each["referred_table"], each["constrained_columns"]) for each in found.get_foreign_keys(name)),
        ]
        for name in sorted(found.get_table_names())
    }


def drop_everything(connection: Connection) -> None:
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE alembic_version"))
