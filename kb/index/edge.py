"""The default index: Qdrant Edge in an owner process of this machine, which any number of processes share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from kb.embedders.base import Vectors
from kb.errors import IndexDamaged, IndexFailure
from kb.index.base import Hit, Index, IndexedChunk, IndexFilter, IndexHealth
from kb.index.edge_link import OwnerLink
from kb.index.schema import conditions_of, must_be_searchable, must_be_whole, payload_of


class Config(BaseModel):
    """Settings of the edge index."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = Field(default="english", description="Language of the words in BM25: stemming and stop words.")
    idle_seconds: float = Field(default=30, gt=0, description="The owner process ends when unused for so long.")
    call_seconds: float = Field(default=120, gt=0, description="Longest wait for one write.")
    search_seconds: float = Field(default=10, gt=0, description="Longest wait for one search.")


def build(config: Config, *, data_dir: Path, generation: int, dimension: int) -> Index:
    """A client of the owner of `<data_dir>/index`; connects at the first call."""
    return EdgeIndex(data_dir / "index", generation=generation, dimension=dimension, config=config)


class EdgeIndex:
    """One generation, through the owner process."""

    def __init__(self, index_dir: Path, *, generation: int, dimension: int, config: Config) -> None:
        self._dimension = dimension
        self._config = config
        self._common = {"generation": generation, "dimension": dimension, "language": config.language}
        # Two links, so that a search never stands behind this process's own writes.
        self._reads, self._writes = (OwnerLink(index_dir, idle_seconds=config.idle_seconds) for _ in range(2))

    async def upsert_revision(self, chunks: Sequence[IndexedChunk]) -> None:
        """All chunks of one document revision, in one atomic operation."""
        if not chunks:
            return
        must_be_whole(chunks, dimension=self._dimension)
        points = [(str(chunk.id), payload_of(chunk), chunk.embedded_text, _to_bytes(chunk.vector)) for chunk in chunks]
        await self._write({"op": "upsert", "points": points})

    async def delete_revisions(self, *, tenant: str, document_id: str, keep: int | None) -> None:
        """Delete the document's points of every revision but `keep`."""
        await self._write({"op": "delete", "tenant": tenant, "document_id": document_id, "keep": keep})

    async def set_audience(self, *, tenant: str, document_id: str, audience_id: int) -> None:
        """Point the document's chunks to another audience."""
        change = {"tenant": tenant, "document_id": document_id, "audience_id": audience_id}
        await self._write({"op": "set_audience", **change})

    async def search(self, *, where: IndexFilter, vector: Vectors | None, text: str, k: int) -> list[Hit]:
        """The best k by vector and the best k by words, in one round trip."""
        must_be_searchable(vector, text, dimension=self._dimension)
        if not where.audience_ids or k < 1:
            return []
        conditions = [
            (condition.field, condition.any_of, condition.since.isoformat() if condition.since else None)
            for condition in conditions_of(where)
        ]
        wanted = {"vector": None if vector is None else _to_bytes(vector), "text": text, "k": k}
        rows = await self._read({"op": "search", "conditions": conditions, **wanted}, self._config.search_seconds)
        return [
            Hit(
                document_id=row[0], revision=row[1], section_ordinal=row[2], ordinal=row[3], dense=row[4], sparse=row[5]
            )
            for row in rows
        ]

    async def counts(self, *, tenant: str) -> Mapping[tuple[str, int], int]:
        """Points per (document id, revision)."""
        rows = await self._read({"op": "counts", "tenant": tenant}, self._config.call_seconds)
        return {(document_id, revision): count for document_id, revision, count in rows}

    async def flush(self) -> None:
        """Return once everything acknowledged is on disk."""
        await self._write({"op": "flush"})

    async def health(self) -> IndexHealth:
        """Asks the owner."""
        try:
            found = await self._read({"op": "health"}, self._config.search_seconds)
        except IndexFailure as exc:
            is_damaged = isinstance(exc, IndexDamaged)
            return IndexHealth(is_ready=False, point_count=0, detail=str(exc), is_damaged=is_damaged)
        return IndexHealth(is_ready=True, point_count=found["points"], detail=f"owner process {found['pid']}")

    async def drop(self) -> None:
        """Delete the shard's directory."""
        await self._write({"op": "drop"})

    async def close(self) -> None:
        """Hang up. The owner stays for a while, for others."""
        await self._reads.close()
        await self._writes.close()

    async def _read(self, request: Mapping[str, object], seconds: float) -> Any:  # checked by the caller
        return await self._reads.call({**self._common, **request}, seconds=seconds)

    async def _write(self, request: Mapping[str, object]) -> None:
        await self._writes.call({**self._common, **request}, seconds=self._config.call_seconds)


def _to_bytes(vector: Vectors) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()
