"""The schema of a new database, made at once. One that holds data is brought there by the migrations instead."""

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, text

from kb.catalogue.asking_tables import api_keys

HEAD = "0001"
# As Alembic has it: a database made here is migrated later like any other.
_alembic_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def make_schema(connection: Connection) -> None:
    """Every table, in the caller's transaction; nothing if another process has been faster."""
    _alembic_version.create(connection, checkfirst=True)
    if connection.execute(text("SELECT version_num FROM alembic_version")).first() is None:
        # Any table of the module that is imported last knows all of them.
        api_keys.metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(_alembic_version).values(version_num=HEAD))
