"""What the catalogue's tests need: a PostgreSQL server of our own, and documents and chunks that matter little."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from kb.access import Audience
from kb.catalogue import Catalogue
from kb.catalogue.records import Revision, SectionKey, StoredChunk
from kb.documents import Block, Document, Section

TENANT = "acme"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_START_SECONDS = 30


def missing_for_postgresql() -> str | None:
    """Why there can be no PostgreSQL here; None if there can."""
    try:
        import psycopg  # noqa: F401  # only whether it is there
    except ImportError:
        return "psycopg is not installed"
    if not all(_binary(name) for name in ("initdb", "postgres")):
        return "no PostgreSQL server found (Debian: apt install postgresql)"
    if os.getuid() == 0 and _user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres or nobody"
    return None


@contextmanager
def running_postgresql() -> Iterator[str]:
    """A server of our own on a loopback port; gives its address without a database: postgresql+psycopg://…/"""
    directory = Path(tempfile.mkdtemp(prefix="footnote-postgres-"))
    user = _user() if os.getuid() == 0 else None
    if user is not None:
        shutil.chown(directory, user)
    initdb = [str(_binary("initdb")), "-D", str(directory / "pg"), "-U", "footnote", "-A", "trust", "-N", "-E", "UTF8"]
    subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, user=user, cwd=directory)
    port = _free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": directory, "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (directory / "log").open("wb") as log:
        command = [str(_binary("postgres")), "-D", str(directory / "pg"), "-p", str(port), *options]
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=directory)
    try:
        _wait_for(port, server=server, log=directory / "log")
        yield f"postgresql+psycopg://footnote@127.0.0.1:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(timeout=5)  # for clients that hung up; those that did not are cut off
        except subprocess.TimeoutExpired:
            server.send_signal(subprocess.signal.SIGQUIT)
            server.wait(timeout=10)
        shutil.rmtree(directory)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of an empty database, dropped at the end."""
    import psycopg

    name = f"t_{secrets.token_hex(6)}"
    plain = server.replace("+psycopg", "")
    with psycopg.connect(f"{plain}postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{server}{name}"
    with psycopg.connect(f"{plain}postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def make_document(name: str = "1", *texts: str, source: str = "wiki", tenant: str = TENANT) -> Document:
    """A document with one section a text."""
    return Document(
        tenant=tenant,
        source_id=source,
        native_id=name,
        space="OPS",
        title=f"Page {name}",
        url=f"https://wiki.test/{name}",
        version="1",
        updated_at=NOW,
        audience=Audience.of(["everyone"]),
        labels=("pumps",),
        sections=tuple(
            _section(number, text) for number, text in enumerate(texts or ("The pump stops at two metres.",))
        ),
    )


def make_chunk(ordinal: int = 0, *, text: str = "The pump stops at two metres.", fingerprint: str = "f") -> StoredChunk:
    vector = np.zeros(4, dtype=np.float32)
    vector[ordinal % 4] = 1
    return StoredChunk(
        ordinal=ordinal,
        section_ordinal=ordinal,
        text=text,
        embedded_text=f"Page\n{text}",
        fingerprint=fingerprint,
        made_from=fingerprint,
        vector=vector,
    )


async def store(
    catalogue: Catalogue, document: Document, *chunks: StoredChunk, words: tuple[str, ...] = ("everyone",)
) -> int:
    """Reserve and commit a revision, the way a sync does; gives its number."""
    audience_id = await catalogue.access.intern(document.tenant, Audience.of(words))
    reserved = await catalogue.documents.reserve_revisions(document.tenant, [document.id])
    revision = reserved[document.id]
    await commit(catalogue, document, *chunks, revision=revision, audience_id=audience_id)
    return revision


async def commit(
    catalogue: Catalogue, document: Document, *chunks: StoredChunk, revision: int, audience_id: int
) -> None:
    """Make a reserved revision live."""
    made = Revision(document=document, number=revision, audience_id=audience_id, chunks=chunks or (make_chunk(),))
    await catalogue.documents.commit_revisions(document.tenant, [made], generation=1)


def key_of(document: Document, *, revision: int, ordinal: int = 0) -> SectionKey:
    return SectionKey(document_id=document.id, revision=revision, section_ordinal=ordinal)


def edited(document: Document, text: str) -> Document:
    """The document at its next version, with this text alone."""
    return replace(document, version=str(int(document.version) + 1), sections=(_section(0, text),))


def _section(number: int, text: str) -> Section:
    return Section(
        id=f"s{number}",
        heading_path=("Limits", f"Part {number}"),
        anchor=f"part-{number}",
        url=f"https://wiki.test/page#part-{number}",
        blocks=(Block(kind="paragraph", text=text),),
    )


def _binary(name: str) -> Path | None:
    # The newest of Debian's, which are not on PATH.
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4].split(".")[0])
    )
    found = shutil.which(name)
    return installed[-1] if installed else Path(found) if found else None


def _user() -> str | None:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait_for(port: int, *, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=footnote dbname=postgres", connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.05)
