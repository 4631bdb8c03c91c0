"""The connection to the catalogue's database: pragmas, transactions, migrations, and its errors in our words."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Row, Select, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kb.catalogue.schema import HEAD, make_schema
from kb.errors import CatalogueTooNew, CatalogueUnavailable, ConfigError

KNOWN_REVISIONS = frozenset({HEAD})
_BUSY_SECONDS = 30
# Any number will do, as long as every Footnote uses the same: migrations take turns on it.
_MIGRATION_LOCK = 7_340_129
_DDL_SECONDS = 120
# Transactions of this process at once. SQLite's writers take turns in any case.
_READERS = 10
_WRITERS = 5


class Database:
    """Read and write transactions. Raises CatalogueUnavailable, CatalogueTooNew, ConfigError (unusable URL)."""

    def __init__(self, engine: AsyncEngine, *, place: str, direct: Engine | None = None) -> None:
        self._engine = engine
        self._direct = direct
        # PostgreSQL's default shows each statement another moment; SQLite's transactions are snapshots anyway.
        is_sqlite = engine.dialect.name == "sqlite"
        self._reader = engine if is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = engine.execution_options(footnote_writes=True)
        # First come, first served: the pool's own queue lets newcomers pass those who wait, and gives up on them.
        self._read_turns = asyncio.Semaphore(_READERS)
        self._write_turns = asyncio.Semaphore(1 if is_sqlite else _WRITERS)
        self._place = place

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Connect, create or migrate the schema, and refuse one from a newer Footnote."""
        try:
            parsed = make_url(url)
            place = parsed.database if parsed.get_backend_name() == "sqlite" else f"{parsed.host}/{parsed.database}"
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                _make_private_directory(Path(parsed.database).parent)
            pool = {"pool_size": _READERS + _WRITERS, "pool_pre_ping": parsed.get_backend_name() != "sqlite"}
            engine = create_async_engine(parsed, **pool)
        except (ArgumentError, ImportError, SQLAlchemyError) as exc:
            raise ConfigError("[catalogue] url is no database address that works here: see docs/operations.md") from exc
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine.sync_engine)
        database = cls(engine, place=str(place), direct=_direct_engine(parsed))
        try:
            if engine.dialect.name == "sqlite" and parsed.database:
                with database._translated():
                    await asyncio.to_thread(_must_open, parsed.database)
            await database._migrate()
        except BaseException:
            await engine.dispose()
            raise
        return database

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads: one snapshot."""
        with self._translated():
            async with self._read_turns, self._reader.connect() as connection, connection.begin():
                yield connection

    async def fetch(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """All rows of one SELECT. On SQLite in one step on one thread, where a transaction takes nine."""
        if self._direct is not None:
            with self._translated():
                return await asyncio.to_thread(_rows, self._direct, query)
        async with self.read() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return rows

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes: all of it or nothing. On SQLite it takes the write lock at once."""
        with self._translated():
            async with self._write_turns, self._writer.connect() as connection, connection.begin():
                yield connection

    async def close(self) -> None:
        """Let go of all connections."""
        await self._engine.dispose()
        if self._direct is not None:
            self._direct.dispose()

    def _translated(self) -> "_Translated":
        return _Translated(self._place)

    async def _migrate(self) -> None:
        async with self.read() as connection:
            stamp = await connection.run_sync(_stamp)
        if stamp == HEAD:
            return
        if stamp is not None and stamp not in KNOWN_REVISIONS:
            raise CatalogueTooNew(
                f"{self._place} was written by a newer Footnote (schema {stamp}); upgrade Footnote, "
                "or restore a backup made by this version"
            )
        async with self.write() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            # Another process may have been faster: alembic looks at the stamp again, under the lock.
            async with asyncio.timeout(_DDL_SECONDS):
                await connection.run_sync(_upgrade if stamp else make_schema)


class _Translated:
    """Database errors as CatalogueUnavailable, in a line that names the place and what to do."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DBAPIError | sqlite3.Error | OSError):
            raise CatalogueUnavailable(_explain(error, self._place)) from error
        if isinstance(error, SQLAlchemyError) and "timed out" in str(error):
            raise CatalogueUnavailable(f"the catalogue {self._place} is too busy; try again in a moment") from error


def upsert(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]], *, keys: Sequence[str] = ()
) -> sqlite.Insert | postgresql.Insert:
    """Insert the rows, or replace their other columns where the keys (default: the primary key) exist."""
    keys = keys or [column.name for column in table.primary_key.columns]
    changed = [name for name in rows[0] if name not in keys]
    # The two dialects spell this the same, but share no class that mypy could see.
    if connection.dialect.name == "sqlite":
        lite = sqlite.insert(table).values(list(rows))
        return lite.on_conflict_do_update(index_elements=keys, set_={name: lite.excluded[name] for name in changed})
    big = postgresql.insert(table).values(list(rows))
    return big.on_conflict_do_update(index_elements=keys, set_={name: big.excluded[name] for name in changed})


def insert_new(
    connection: AsyncConnection, table: Table, row: Mapping[str, object]
) -> sqlite.Insert | postgresql.Insert:
    """Insert the row, or leave the one that has one of its unique keys, even if another process is just writing it."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).values(dict(row)).on_conflict_do_nothing()
    return postgresql.insert(table).values(dict(row)).on_conflict_do_nothing()


def _prepare_sqlite(engine: Engine, *, further: Sequence[str] = ()) -> None:
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_SECONDS}000", *further)

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, record: object) -> None:  # the driver's own connection
        # Transactions are begun by us, below: the driver's own would not cover DDL and would lock late.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Taking the write lock at the start: two processes then wait for each other and never deadlock on an upgrade.
        writes = connection.get_execution_options().get("footnote_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _direct_engine(url: URL) -> Engine | None:
    """Connections to a SQLite file that only read, without the asynchronous driver between."""
    if url.get_backend_name() != "sqlite" or not url.database or ":memory:" in url.database:
        return None
    engine = create_engine(url.set(drivername="sqlite"))
    _prepare_sqlite(engine, further=("query_only=ON",))
    return engine


def _rows(engine: Engine, query: Select[Any]) -> Sequence[Row[Any]]:
    with engine.connect() as connection:
        return connection.execute(query).all()


def _make_private_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise CatalogueUnavailable(f"cannot make the data directory {directory}: {exc.strerror}") from exc


def _must_open(path: str) -> None:
    """Raises sqlite3.Error for what cannot be opened; the asynchronous driver would leave a thread behind."""
    sqlite3.connect(path).close()


def _stamp(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    stamp = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(stamp) if stamp is not None else None


def _upgrade(connection: Connection) -> None:
    # Imported here: an up-to-date catalogue opens without it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "kb.catalogue:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _explain(error: BaseException, place: str) -> str:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    if "full" in reason or "No space" in reason:
        return f"the disk is full: free some space for {place}; nothing that was committed is lost"
    if "disk I/O" in reason:
        # Also what SQLite makes of a file that may not grow.
        return f"cannot write {place}: the disk is failing, or a quota or limit is reached; nothing committed is lost"
    if "not a database" in reason or "malformed" in reason:
        return f"{place} is damaged: restore a backup, or move it away and run `footnote sync` to read everything again"
    if "readonly" in reason or "Permission" in reason or "unable to open" in reason:
        return f"cannot write {place}: check the directory and its permissions"
    if "locked" in reason:
        return f"{place} is locked by another process; try again in a moment"
    return f"the catalogue {place} does not answer: {reason[:200]}"
