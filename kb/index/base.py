"""What an index is: chunks of document revisions, searched by vector and by words under a mandatory filter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kb.embedders.base import Vectors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexedChunk:
    """One point of the index. `vector`: float32, unit length, shape (dimension,). BM25 reads `embedded_text`."""

    id: UUID
    tenant: str
    source_id: str
    space: str
    document_id: str
    revision: int
    section_id: str
    section_ordinal: int
    ordinal: int
    audience_id: int
    labels: tuple[str, ...]
    updated_at: datetime
    text: str
    embedded_text: str
    vector: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFilter:
    """What a search may see. No audience ids: nothing. The optional parts narrow it further."""

    tenant: str
    audience_ids: tuple[int, ...]
    source_id: str | None = None
    space: str | None = None
    labels: tuple[str, ...] = ()
    updated_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk found, by ids alone: its text is read from the catalogue, which re-checks revision and audience.

    `dense`: cosine similarity; `sparse`: BM25 score. None where that search did not return the chunk.
    """

    document_id: str
    revision: int
    section_ordinal: int
    ordinal: int
    dense: float | None
    sparse: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexHealth:
    """Is it usable, how many points, and a line for people. `is_damaged`: its files have to be made again."""

    is_ready: bool
    point_count: int
    detail: str
    is_damaged: bool = False


class Index(Protocol):
    """One generation of the index. All methods raise IndexFailure. A refused call changes nothing."""

    async def upsert_revision(self, chunks: Sequence[IndexedChunk]) -> None:
        """All chunks of one document revision, in one atomic operation. Refuses vectors that are not unit length."""

    async def delete_revisions(self, *, tenant: str, document_id: str, keep: int | None) -> None:
        """Delete the document's points of every revision but `keep` (None: all)."""

    async def set_audience(self, *, tenant: str, document_id: str, audience_id: int) -> None:
        """Point the document's chunks to another audience."""

    async def search(self, *, where: IndexFilter, vector: Vectors | None, text: str, k: int) -> list[Hit]:
        """The best `k` by vector (if given) and the best `k` by the words of `text` (if any), merged by chunk.

        Sorted by document id, revision and ordinal, so the order carries no ranking; at most 2k hits. How rare a
        word is, is counted over what the filter admits: scores tell nothing about anything else. `vector`: float32,
        unit length, shape (dimension,).
        """

    async def counts(self, *, tenant: str) -> Mapping[tuple[str, int], int]:
        """Points per (document id, revision)."""

    async def flush(self) -> None:
        """Return once everything acknowledged is on disk."""

    async def health(self) -> IndexHealth:
        """Never raises: an unreachable index is reported as not ready."""

    async def drop(self) -> None:
        """Delete this generation, points and all. Nothing may use it any more."""

    async def close(self) -> None:
        """Let go of connections. The data stays."""
