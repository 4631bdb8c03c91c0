"""Rows of what a revision holds: its sections, and per generation its chunks with their vectors, and its build."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import Table, bindparam, delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.catalogue.database import upsert
from kb.catalogue.records import Build, Revision, StoredChunk
from kb.catalogue.tables import builds, chunks, sections
from kb.embedders.base import Vectors

_VECTOR = np.dtype("<f4")


async def replace_sections(connection: AsyncConnection, tenant: str, revisions: Sequence[Revision]) -> None:
    """The documents' sections, in place of those of any other revision."""
    await _delete_of(connection, sections, tenant, [each.document.id for each in revisions])
    rows = [row for each in revisions for row in _section_rows(each)]
    if rows:
        await connection.execute(insert(sections), rows)


async def replace_chunks(
    connection: AsyncConnection, tenant: str, contents: Mapping[tuple[str, int], Sequence[StoredChunk]],
    *, generation: int,
) -> None:  # fmt: skip
    """The chunks of (document id, revision) in one generation. Those of other generations stay: their vectors are used
    again."""
    ids = [document_id for document_id, _ in contents]
    await _delete_of(connection, chunks, tenant, ids, generation=generation)
    rows = [
        {"tenant": tenant, "document_id": document_id, "revision": revision, "generation": generation}
        | _chunk_row(each)
        for (document_id, revision), stored in contents.items()
        for each in stored
    ]
    if rows:
        await connection.execute(insert(chunks), rows)


async def write_builds(connection: AsyncConnection, tenant: str, made: Mapping[str, Build], *, generation: int) -> None:
    """Note what the generation's index holds of each document."""
    rows = [
        {
            "tenant": tenant,
            "generation": generation,
            "document_id": document_id,
            "revision": build.revision,
            "chunk_count": build.chunk_count,
            "audience_id": build.audience_id,
            "updated_at": build.updated_at,
        }
        for document_id, build in made.items()
    ]
    if rows:
        await connection.execute(upsert(connection, builds, rows))


async def drop_contents(connection: AsyncConnection, tenant: str, document_id: str) -> None:
    """Sections, chunks and builds of every generation."""
    for table in (sections, chunks, builds):
        await _delete_of(connection, table, tenant, [document_id])


def to_vector(stored: bytes) -> Vectors:
    """Float32, shape (dimension,)."""
    return np.frombuffer(stored, dtype=_VECTOR).astype(np.float32)


async def _delete_of(connection: AsyncConnection, table: Table, tenant: str, ids: Iterable[str], **others: int) -> None:
    """The rows of these documents; `others`: columns that must have these values as well."""
    gone = delete(table).where(table.c.tenant == tenant, table.c.document_id == bindparam("mine"))
    for name, value in others.items():
        gone = gone.where(table.c[name] == value)
    await connection.execute(gone, [{"mine": document_id} for document_id in ids])


def _section_rows(revision: Revision) -> Iterator[dict[str, object]]:
    document = revision.document
    for ordinal, section in enumerate(document.sections):
        yield {
            "tenant": document.tenant,
            "document_id": document.id,
            "revision": revision.number,
            "ordinal": ordinal,
            "section_id": section.id,
            "heading_path": list(section.heading_path),
            "anchor": section.anchor,
            "url": section.url,
            "text": section.text,
            "anchors": [list(anchor) for anchor in section.anchors] or None,
            "blocks": [[block.kind, len(block.text)] for block in section.blocks],
        }


def _chunk_row(chunk: StoredChunk) -> dict[str, object]:
    return {
        "ordinal": chunk.ordinal,
        "section_ordinal": chunk.section_ordinal,
        "fingerprint": chunk.fingerprint,
        "made_from": chunk.made_from,
        "text": chunk.text,
        "embedded_text": chunk.embedded_text,
        "vector": np.ascontiguousarray(chunk.vector, dtype=_VECTOR).tobytes(),
    }
