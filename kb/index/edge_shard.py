"""One generation's shard: Qdrant Edge in this process. Only the owner process imports this."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FacetRequest,
    FieldCondition,
    Filter,
    KeywordIndexParams,
    MatchAny,
    Memory,
    Modifier,
    PayloadSchemaType,
    Point,
    Query,
    QueryBatchRequest,
    QueryRequest,
    RangeDateTime,
    SparseVector,
    UpdateOperation,
    VectorStorageDatatype,
)

from kb.errors import IndexFailure, IndexMismatch, IndexUnavailable
from kb.index.edge_bm25 import document_terms, query_terms
from kb.index.schema import (
    DENSE,
    HIT_FIELDS,
    INTEGER_FIELDS,
    KEYWORD_FIELDS,
    SCHEMA_VERSION,
    SPARSE,
    Condition,
    audience_fields,
    split_revision_key,
)

# Half the memory to read through, and two thirds of the time; cosines differ by less than 0.001.
_STORED_AS = VectorStorageDatatype.Float16
_MOST_REVISIONS = 10_000_000


class Shard:
    """Search and updates of one shard directory. Raises IndexUnavailable, IndexMismatch, IndexFailure."""

    def __init__(self, directory: Path, *, dimension: int, language: str) -> None:
        self._language = language
        self._directory = directory
        _must_match(directory, dimension=dimension, language=language)
        config = EdgeConfig(
            vectors={DENSE: EdgeVectorParams(size=dimension, distance=Distance.Cosine, datatype=_STORED_AS)},
            sparse_vectors={SPARSE: EdgeSparseVectorParams(modifier=Modifier.Idf)},
            payload_memory=Memory.Cached,
        )
        path = str(directory / "shard")
        is_new = not (directory / "shard").exists()
        try:
            self._shard = EdgeShard.create(path, config) if is_new else EdgeShard.load(path, config)
            if is_new:
                self._create_indexes()
        except Exception as exc:  # the vendor raises plain Exception
            raise _translate(exc, directory) from exc

    def upsert(self, points: Sequence[tuple[str, Mapping[str, object], str, bytes]]) -> None:
        """Points as (id, payload, text for BM25, float32 vector), in one atomic operation."""
        made = []
        for point_id, payload, embedded_text, vector in points:
            terms, weights = document_terms(embedded_text, language=self._language)
            dense = np.frombuffer(vector, dtype="<f4").tolist()
            made.append(Point(point_id, {DENSE: dense, SPARSE: SparseVector(terms, weights)}, dict(payload)))
        self._update(UpdateOperation.upsert_points(made))

    def delete(self, *, tenant: str, document_id: str, keep: int | None) -> None:
        """Delete the document's points of every revision but `keep`."""
        must = _field_conditions([Condition("tenant", (tenant,)), Condition("document_id", (document_id,))])
        spared = _field_conditions([Condition("revision", (keep,))]) if keep is not None else None
        self._update(UpdateOperation.delete_points_by_filter(Filter(must=must, must_not=spared)))

    def set_audience(self, *, tenant: str, document_id: str, audience_id: int) -> None:
        """Point the document's chunks to another audience."""
        must = _field_conditions([Condition("tenant", (tenant,)), Condition("document_id", (document_id,))])
        self._update(UpdateOperation.set_payload_by_filter(Filter(must=must), audience_fields(tenant, audience_id)))

    def search(self, *, conditions: Sequence[Condition], vector: bytes | None, text: str, k: int) -> list[list[Any]]:
        """Hits as [document id, revision, section ordinal, ordinal, dense or None, sparse or None]."""
        where = Filter(must=_field_conditions(conditions))
        requests: list[tuple[int, QueryRequest]] = []
        if vector is not None:
            dense = np.frombuffer(vector, dtype="<f4").tolist()
            requests.append((4, _request(Query.Nearest(dense, using=DENSE), where, k)))
        terms, weights = query_terms(text, language=self._language)
        if terms:
            requests.append((5, _request(Query.Nearest(SparseVector(terms, weights), using=SPARSE), where, k)))
        if not requests:
            return []
        try:
            answers = self._shard.query_batch(QueryBatchRequest([request for _, request in requests]))
        except Exception as exc:  # the vendor raises plain Exception
            raise _translate(exc, self._directory) from exc
        return _merge([slot for slot, _ in requests], answers)

    def counts(self, *, tenant: str) -> list[tuple[str, int, int]]:
        """(document id, revision, points) of every revision that has points."""
        where = Filter(must=_field_conditions([Condition("tenant", (tenant,))]))
        facet = self._shard.facet(FacetRequest("revision_key", limit=_MOST_REVISIONS, exact=True, filter=where))
        return [(*split_revision_key(str(hit.value)), hit.count) for hit in facet.hits]

    def point_count(self) -> int:
        """All points."""
        return int(self._shard.count(CountRequest(exact=True)))

    def flush(self) -> None:
        """Everything acknowledged is on disk when this returns."""
        try:
            self._shard.flush()
        except Exception as exc:  # the vendor raises plain Exception
            raise _translate(exc, self._directory) from exc

    def close(self) -> None:
        """Flush and let go of the directory."""
        self.flush()
        self._shard.close()

    def _update(self, operation: UpdateOperation) -> None:
        try:
            self._shard.update(operation)
        except Exception as exc:  # the vendor raises plain Exception
            raise _translate(exc, self._directory) from exc

    def _create_indexes(self) -> None:
        self._shard.update(UpdateOperation.create_field_index("tenant", KeywordIndexParams(is_tenant=True)))
        for field in KEYWORD_FIELDS:
            self._shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
        for field in INTEGER_FIELDS:
            self._shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Integer))
        self._shard.update(UpdateOperation.create_field_index("updated_at", PayloadSchemaType.Datetime))
        self._shard.flush()


def _request(query: Query, where: Filter, k: int) -> QueryRequest:
    return QueryRequest(limit=k, query=query, filter=where, with_payload=list(HIT_FIELDS), with_vector=False)


def _merge(slots: Sequence[int], answers: Sequence[Sequence[Any]]) -> list[list[Any]]:
    hits: dict[Any, list[Any]] = {}
    for slot, points in zip(slots, answers, strict=True):
        for point in points:
            row = hits.setdefault(str(point.id), [*(point.payload[name] for name in HIT_FIELDS), None, None])
            row[slot] = float(point.score)
    return sorted(hits.values(), key=lambda row: (row[0], row[1], row[3]))


def _field_conditions(conditions: Sequence[Condition]) -> list[Any]:  # list is invariant, and Filter takes a union
    made = []
    for condition in conditions:
        if condition.since is not None:
            since = RangeDateTime(gte=condition.since.astimezone(UTC).isoformat())
            made.append(FieldCondition(condition.field, range=since))
        else:
            made.append(FieldCondition(condition.field, match=_match(condition.any_of)))
    return made


def _match(values: Sequence[str | int]) -> MatchAny:
    words = [value for value in values if isinstance(value, str)]
    return MatchAny(words) if words else MatchAny([value for value in values if isinstance(value, int)])


def _must_match(directory: Path, *, dimension: int, language: str) -> None:
    """The directory was made for these settings, or is new and is marked with them now."""
    marker = directory / "schema.json"
    wanted = {"schema": SCHEMA_VERSION, "dimension": dimension, "language": language}
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if marker.exists():
            found = json.loads(marker.read_text())
            if found != wanted:
                raise IndexMismatch(f"{directory} was built with {found}, and {wanted} is asked for: rebuild the index")
            return
        fresh = marker.with_suffix(".part")
        fresh.write_text(json.dumps(wanted))
        os.replace(fresh, marker)
    except (OSError, ValueError) as exc:
        raise _translate(exc, directory) from exc


def _translate(error: Exception, directory: Path) -> IndexFailure:
    text = str(error)
    if "No space left" in text or "os error 28" in text or "File too large" in text:
        return IndexUnavailable(f"the disk is full: free some space for {directory}; nothing committed is lost")
    if "WouldBlock" in text or "Resource temporarily unavailable" in text:
        return IndexUnavailable(f"{directory} is used by another process")
    if "Permission denied" in text or "Read-only" in text:
        return IndexUnavailable(f"cannot write {directory}: check its permissions")
    if "incompatible" in text.lower() or "dimension" in text.lower():
        return IndexMismatch(f"{directory} was built by another version or with other settings: rebuild the index")
    return IndexUnavailable(f"the index in {directory} failed ({type(error).__name__}); its log is owner.log beside it")
