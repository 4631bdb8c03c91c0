"""Whole copies of the catalogue: made while others write, checked before they are trusted."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from kb.catalogue.database import KNOWN_REVISIONS
from kb.errors import CatalogueTooNew, CatalogueUnavailable, ConfigError

_BUSY_SECONDS = 30.0


def file_of(url: str) -> Path:
    """The SQLite file of a catalogue's URL. Raises ConfigError for a database that has means of its own."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise ConfigError("this catalogue is on a database server: back it up with pg_dump, restore it with pg_restore")
    return Path(parsed.database)


def copy_catalogue(source: Path, target: Path) -> int:
    """A consistent copy of one moment, whoever writes meanwhile; returns how many documents it holds.

    The target is there whole or not at all, readable by its owner alone. Raises CatalogueUnavailable, ConfigError.
    """
    if not source.exists():
        raise ConfigError(f"there is no catalogue at {source}: nothing to back up")
    draft = target.with_name(f".{target.name}.part")
    with _translated(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(source, timeout=_BUSY_SECONDS)) as opened, closing(sqlite3.connect(draft)) as copy:
            # All pages in one step: a copy in steps starts anew whenever somebody writes.
            opened.backup(copy, pages=-1)
            # A single file, without a log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
        count = check_copy(draft)
        _settle(draft, target)
    return count


def check_copy(file: Path) -> int:
    """How many documents a copy holds. Raises ConfigError if it is none or damaged, CatalogueTooNew."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            (verdict,) = opened.execute("PRAGMA quick_check(1)").fetchone()
            stamp = opened.execute("SELECT version_num FROM alembic_version").fetchone()
            (count,) = opened.execute("SELECT count(*) FROM documents WHERE live_revision IS NOT NULL").fetchone()
    except sqlite3.Error as exc:
        raise ConfigError(f"{file} is no backup of Footnote's, or cannot be read") from exc
    if verdict != "ok":
        raise ConfigError(f"{file} is damaged: take another backup")
    if stamp is None or stamp[0] not in KNOWN_REVISIONS:
        raise CatalogueTooNew(f"{file} was made by another version of Footnote; restore it with that one, or upgrade")
    return int(count)


def put_in_place(file: Path, target: Path) -> None:
    """Put a checked copy where the catalogue is, with nobody holding a lease in it. Raises CatalogueUnavailable."""
    draft = target.with_name(f".{target.name}.part")
    copy_catalogue(file, draft)
    with _translated(target):
        with closing(sqlite3.connect(draft)) as opened, opened:
            opened.execute("UPDATE sources SET lease_holder = NULL, lease_until = NULL")
            opened.execute("UPDATE jobs SET holder = NULL, lease_until = NULL, rests_from = NULL, rests_until = NULL")
        # A log left beside the file would be read into it.
        for name in ("-wal", "-shm"):
            target.with_name(target.name + name).unlink(missing_ok=True)
        _settle(draft, target)


def set_aside(target: Path, *, suffix: str) -> None:
    """Move a catalogue out of the way, with the log that belongs to it."""
    with _translated(target):
        for name in ("", "-wal", "-shm"):
            file = target.with_name(target.name + name)
            if file.exists():
                file.replace(target.with_name(f"{target.name}{suffix}{name}"))


def _settle(draft: Path, target: Path) -> None:
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _translated(place: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else type(exc).__name__
        raise CatalogueUnavailable(f"cannot write {place}: {reason}") from exc
