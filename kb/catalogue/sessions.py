"""Who is signed in: the digests of their cookies, their addresses and groups, and until when."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select

from kb.catalogue.asking_tables import sessions
from kb.catalogue.database import Database
from kb.catalogue.records import StoredSession

_FIELDS = tuple(StoredSession.__dataclass_fields__)


class SessionStore:
    """The sessions of each tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant: str, session: StoredSession) -> None:
        """Somebody signed in. Sessions that are over are forgotten."""
        row = {name: getattr(session, name) for name in _FIELDS} | {"tenant": tenant, "groups": list(session.groups)}
        over = delete(sessions).where(sessions.c.tenant == tenant, sessions.c.ends_at <= datetime.now(UTC))
        async with self._database.write() as connection:
            await connection.execute(over)
            await connection.execute(insert(sessions).values(**row))

    async def get(self, tenant: str, cookie_sha256: str) -> StoredSession | None:
        """The session of a cookie; None if there is none, or it is over."""
        mine = (sessions.c.tenant == tenant, sessions.c.cookie_sha256 == cookie_sha256)
        query = select(sessions).where(*mine, sessions.c.ends_at > datetime.now(UTC))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _session(row)

    async def end(self, tenant: str, cookie_sha256: str) -> None:
        """Somebody signed out."""
        mine = (sessions.c.tenant == tenant, sessions.c.cookie_sha256 == cookie_sha256)
        async with self._database.write() as connection:
            await connection.execute(delete(sessions).where(*mine))


def _session(row: Any) -> StoredSession:  # a RowMapping, whose values are as the table says
    return StoredSession(**({name: row[name] for name in _FIELDS} | {"groups": tuple(row["groups"])}))
