"""Rows of what a revision holds: its sections, and per generation its chunks with their vectors, and its build."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.catalogue.database import upsert
from kb.catalogue.records import Build, StoredChunk
from kb.catalogue.tables import builds, chunks, sections
from kb.documents import Document
from kb.embedders.base import Vectors

_VECTOR = np.dtype("<f4")


async def replace_sections(connection: AsyncConnection, document: Document, *, revision: int) -> None:
    """The document's sections, in place of those of any other revision."""
    mine = (sections.c.tenant == document.tenant, sections.c.document_id == document.id)
    await connection.execute(delete(sections).where(*mine))
    rows = [
        {
            "tenant": document.tenant,
            "document_id": document.id,
            "revision": revision,
            "ordinal": ordinal,
            "section_id": section.id,
            "heading_path": list(section.heading_path),
            "anchor": section.anchor,
            "url": section.url,
            "text": section.text,
            "anchors": [list(anchor) for anchor in section.anchors] or None,
            "blocks": [[block.kind, len(block.text)] for block in section.blocks],
        }
        for ordinal, section in enumerate(document.sections)
    ]
    if rows:
        await connection.execute(insert(sections), rows)


async def replace_chunks(
    connection: AsyncConnection, tenant: str, document_id: str, *, revision: int, generation: int,
    stored: Sequence[StoredChunk],
) -> None:  # fmt: skip
    """The document's chunks of one generation. Those of other generations stay: their vectors are used again."""
    mine = (chunks.c.tenant == tenant, chunks.c.document_id == document_id, chunks.c.generation == generation)
    await connection.execute(delete(chunks).where(*mine))
    rows = [
        {
            "tenant": tenant,
            "document_id": document_id,
            "revision": revision,
            "ordinal": chunk.ordinal,
            "section_ordinal": chunk.section_ordinal,
            "generation": generation,
            "fingerprint": chunk.fingerprint,
            "made_from": chunk.made_from,
            "text": chunk.text,
            "embedded_text": chunk.embedded_text,
            "vector": np.ascontiguousarray(chunk.vector, dtype=_VECTOR).tobytes(),
        }
        for chunk in stored
    ]
    if rows:
        await connection.execute(insert(chunks), rows)


async def write_build(
    connection: AsyncConnection, tenant: str, document_id: str, *, generation: int, build: Build
) -> None:
    """Note what the generation's index holds of the document."""
    row = {
        "tenant": tenant,
        "generation": generation,
        "document_id": document_id,
        "revision": build.revision,
        "chunk_count": build.chunk_count,
        "audience_id": build.audience_id,
        "updated_at": build.updated_at,
    }
    await connection.execute(upsert(connection, builds, [row]))


async def drop_contents(connection: AsyncConnection, tenant: str, document_id: str) -> None:
    """Sections, chunks and builds of every generation."""
    for table in (sections, chunks, builds):
        await connection.execute(delete(table).where(table.c.tenant == tenant, table.c.document_id == document_id))


def to_vector(stored: bytes) -> Vectors:
    """Float32, shape (dimension,)."""
    return np.frombuffer(stored, dtype=_VECTOR).astype(np.float32)
