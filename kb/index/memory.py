"""An index in this process's memory, for tests: the same promises, the plainest code."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kb.embedders.base import Vectors
from kb.index.base import Hit, Index, IndexedChunk, IndexFilter, IndexHealth
from kb.index.bm25 import document_terms, query_terms
from kb.index.schema import must_be_searchable, must_be_whole, told_score


class Config(BaseModel):
    """Settings of the memory index."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = Field(default="english", description="Language of the words in BM25.")


def build(config: Config, *, data_dir: Path, generation: int, dimension: int) -> Index:
    """An empty index; nothing is kept when it closes."""
    return MemoryIndex(dimension=dimension, language=config.language)


class MemoryIndex:
    """Points in a dictionary, searched one by one."""

    def __init__(self, *, dimension: int, language: str = "english") -> None:
        self._dimension = dimension
        self._language = language
        self._points: dict[UUID, IndexedChunk] = {}

    async def upsert_revision(self, chunks: Sequence[IndexedChunk]) -> None:
        """All or nothing."""
        must_be_whole(chunks, dimension=self._dimension)
        self._points.update({chunk.id: chunk for chunk in chunks})

    async def delete_revisions(self, *, tenant: str, document_id: str, keep: int | None) -> None:
        """Every revision but `keep`."""
        mine = [point for point in self._points.values() if (point.tenant, point.document_id) == (tenant, document_id)]
        for point in mine:
            if point.revision != keep:
                del self._points[point.id]

    async def set_audience(self, *, tenant: str, document_id: str, audience_id: int) -> None:
        """On every point of the document."""
        for key, point in self._points.items():
            if (point.tenant, point.document_id) == (tenant, document_id):
                self._points[key] = replace(point, audience_id=audience_id)

    async def search(self, *, where: IndexFilter, vector: Vectors | None, text: str, k: int) -> list[Hit]:
        """The best k by vector and the best k by words, merged."""
        must_be_searchable(vector, text, dimension=self._dimension)
        if k < 1:
            return []
        visible = [point for point in self._points.values() if _is_visible(point, where)]
        cosines = {point.id: float(point.vector @ vector) for point in visible} if vector is not None else {}
        dense, sparse = _best(cosines, k), _best(self._bm25(visible, text), k)
        hits = [
            Hit(
                document_id=point.document_id,
                revision=point.revision,
                section_ordinal=point.section_ordinal,
                ordinal=point.ordinal,
                dense=dense.get(point.id),
                sparse=sparse.get(point.id),
            )
            for point in visible
            if point.id in dense or point.id in sparse
        ]
        return sorted(hits, key=lambda hit: (hit.document_id, hit.revision, hit.ordinal))

    async def counts(self, *, tenant: str) -> Mapping[tuple[str, int], int]:
        """Points per revision."""
        return Counter((point.document_id, point.revision) for point in self._points.values() if point.tenant == tenant)

    async def flush(self) -> None:
        """Memory has no disk."""

    async def health(self) -> IndexHealth:
        """Always ready."""
        return IndexHealth(is_ready=True, point_count=len(self._points), detail="in memory")

    async def drop(self) -> None:
        """Forget everything."""
        self._points.clear()

    async def close(self) -> None:
        """Forget everything."""
        self._points.clear()

    def _bm25(self, visible: Sequence[IndexedChunk], text: str) -> dict[UUID, float]:
        """Scores above zero. Frequencies are counted over the visible points alone."""
        asked, _ = query_terms(text, language=self._language)
        terms = {
            point.id: dict(zip(*document_terms(point.embedded_text, language=self._language), strict=True))
            for point in visible
        }
        holders = Counter(term for weights in terms.values() for term in weights)
        idf = {term: math.log(1 + (len(visible) - holders[term] + 0.5) / (holders[term] + 0.5)) for term in asked}
        scores = {key: sum(idf[term] * weights.get(term, 0) for term in asked) for key, weights in terms.items()}
        return {key: score for key, score in scores.items() if score > 0}


def _is_visible(point: IndexedChunk, where: IndexFilter) -> bool:
    if point.tenant != where.tenant or point.audience_id not in where.audience_ids:
        return False
    if where.source_id not in {None, point.source_id} or where.space not in {None, point.space}:
        return False
    if where.updated_since is not None and point.updated_at < where.updated_since:
        return False
    return set(where.labels) <= set(point.labels)


def _best(scores: Mapping[UUID, float], k: int) -> dict[UUID, float]:
    best = sorted(scores.items(), key=lambda pair: (-pair[1], str(pair[0])))[:k]
    return {key: told_score(score) for key, score in best}
