"""What is done for one page or one question looks rows up: it must not take longer the more pages there are."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from kb.access import Audience
from kb.catalogue import Catalogue
from tests.contract.catalogues import TENANT, edited, key_of, make_chunk, make_document, store

# All rows, or all of a tenant, which is all in most installations.
_GOES_THROUGH_ALL = re.compile(r"SCAN (?!\d|CONSTANT|SUBQUERY)|\(tenant=\?\)$")
_LARGE = ("sections", "chunks", "documents", "builds")


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is executed inside, with its parameters."""
    found: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, statement: str, parameters: Any, context: object, many: bool) -> None:
        found.append((statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_pages_are_looked_up_and_never_gone_through(tmp_path: Path) -> None:
    place = tmp_path / "catalogue.db"
    async with await Catalogue.open(f"sqlite+aiosqlite:///{place}") as catalogue:
        document = make_document("1", "One.", "Two.")
        audience = await catalogue.access.intern(TENANT, Audience.of(["everyone"]))
        with statements() as executed:
            revision = await store(catalogue, document, make_chunk(0), make_chunk(1))
            keys = [key_of(document, revision=revision, ordinal=ordinal) for ordinal in (0, 1)]
            read = await catalogue.documents.read_sections(TENANT, audience_ids=[audience], keys=keys)
            await catalogue.documents.live_sections(TENANT, document.id, audience_ids=[audience])
            await catalogue.builds.chunks_of(TENANT, document.id, generation=1)
            await catalogue.builds.vectors_of_document(TENANT, document.id, generation=1)
            await catalogue.builds.vectors(TENANT, generation=1, made_from=["f"])
            await store(catalogue, edited(document, "Three."))
            await catalogue.documents.tombstone(TENANT, document.id, reason="gone")
    assert len(read) == 2
    with closing(sqlite3.connect(place)) as database:
        for statement, parameters in executed:
            if statement.startswith(("SELECT", "UPDATE", "DELETE")) and any(name in statement for name in _LARGE):
                plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                assert not [step for step in plan if _GOES_THROUGH_ALL.search(step)], (statement, plan)
