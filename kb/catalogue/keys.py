"""API keys: their ids, digests, scopes and ends. Never their secrets."""

import builtins
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from kb.catalogue.asking_tables import api_keys
from kb.catalogue.database import Database
from kb.catalogue.records import StoredKey


class KeyStore:
    """The API keys of each tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: StoredKey) -> None:
        """Store a new key."""
        row = {name: getattr(key, name) for name in StoredKey.__dataclass_fields__} | {
            "scopes": list(key.scopes),
            "origins": list(key.origins),
        }
        async with self._database.write() as connection:
            await connection.execute(insert(api_keys).values(**row))

    async def get(self, tenant: str, key_id: str) -> StoredKey | None:
        """A key by its id, revoked and expired ones too."""
        query = select(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.key_id == key_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _key(row)

    async def list(self, tenant: str) -> "builtins.list[StoredKey]":
        """All keys, oldest first."""
        query = select(api_keys).where(api_keys.c.tenant == tenant).order_by(api_keys.c.created_at, api_keys.c.key_id)
        async with self._database.read() as connection:
            return [_key(row) for row in (await connection.execute(query)).mappings()]

    async def revoke(self, tenant: str, key_id: str) -> bool:
        """Make a key useless at once. False if there is no such active key."""
        mine = (api_keys.c.tenant == tenant, api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        async with self._database.write() as connection:
            result = await connection.execute(update(api_keys).where(*mine).values(revoked_at=datetime.now(UTC)))
        return result.rowcount == 1


def _key(row: Any) -> StoredKey:  # a RowMapping, whose values are as the table says
    values = {name: row[name] for name in StoredKey.__dataclass_fields__}
    return StoredKey(**(values | {"scopes": tuple(values["scopes"]), "origins": tuple(values["origins"])}))
