"""One generation's shard: Qdrant Edge in this process. Only the owner process imports this."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    Filter,
    KeywordIndexParams,
    Memory,
    Modifier,
    PayloadSchemaType,
    Point,
    QueryBatchRequest,
    SparseVector,
    TurboQuantBitSize,
    TurboQuantQuantizationConfig,
    UpdateOperation,
    VectorStorageDatatype,
)

from kb.errors import IndexDamaged, IndexFailure, IndexMismatch, IndexUnavailable
from kb.index.bm25 import document_terms, query_terms
from kb.index.edge_query import condition_of, dense_request, filter_of, merged, sparse_request
from kb.index.schema import (
    DENSE,
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
# What is scanned for candidates (see kb/index/edge_query.py): one bit a dimension. A vector's bits depend on it alone,
# not on the shard's other vectors, so that what an asker may not see changes no candidate.
_SCANNED_AS = TurboQuantQuantizationConfig(bits=TurboQuantBitSize.Bits1)
_MOST_REVISIONS = 10_000_000
# The engine writes through mapped files: without room on the disk the kernel ends the process in the middle of a
# write. So new points are refused well before that, and what hides or deletes points a little later.
_ROOM_FOR_POINTS_BYTES = 64 * 1024 * 1024
_ROOM_FOR_CHANGES_BYTES = 16 * 1024 * 1024


def free_bytes(directory: Path) -> int:
    """What is left on the directory's disk for us."""
    return shutil.disk_usage(directory).free


class Shard:
    """Search and updates of one shard directory. Raises IndexUnavailable, IndexMismatch, IndexFailure."""

    def __init__(
        self, directory: Path, *, dimension: int, language: str, room: Callable[[Path], int] = free_bytes
    ) -> None:
        self._language = language
        self._directory = directory
        self._room = room
        config = EdgeConfig(
            vectors={
                DENSE: EdgeVectorParams(
                    size=dimension, distance=Distance.Cosine, datatype=_STORED_AS, quantization_config=_SCANNED_AS
                )
            },
            sparse_vectors={SPARSE: EdgeSparseVectorParams(modifier=Modifier.Idf)},
            payload_memory=Memory.Cached,
        )
        with _translated(directory):
            self._marker = _mark(directory, _marker_of(dimension, language))
            self.must_match(dimension=dimension, language=language)
            whole = directory / "shard"
            if not whole.exists():
                self._must_have_room(_ROOM_FOR_POINTS_BYTES)
                _create(whole, config)
            self._shard = EdgeShard.load(str(whole), config)

    def must_match(self, *, dimension: int, language: str) -> None:
        """Raises IndexMismatch if the directory was built with other settings."""
        wanted = _marker_of(dimension, language)
        if self._marker != wanted:
            raise IndexMismatch(
                f"{self._directory} was built with {self._marker}, and {wanted} is asked for: {_REBUILD}"
            )

    def upsert(self, points: Sequence[tuple[str, Mapping[str, object], str, bytes]]) -> None:
        """Points as (id, payload, text for BM25, float32 vector), in one atomic operation."""
        size = sum(len(vector) + 2 * len(embedded_text) for _, _, embedded_text, vector in points)
        self._must_have_room(_ROOM_FOR_POINTS_BYTES + 4 * size)
        made = []
        for point_id, payload, embedded_text, vector in points:
            terms, weights = document_terms(embedded_text, language=self._language)
            dense = np.frombuffer(vector, dtype="<f4").tolist()
            made.append(Point(point_id, {DENSE: dense, SPARSE: SparseVector(terms, weights)}, dict(payload)))
        self._update(UpdateOperation.upsert_points(made))

    def delete(self, *, tenant: str, document_id: str, keep: int | None) -> None:
        """Delete the document's points of every revision but `keep`."""
        must = [condition_of(each) for each in _points_of(tenant, document_id)]
        spared = [condition_of(Condition("revision", (keep,)))] if keep is not None else None
        self._update(UpdateOperation.delete_points_by_filter(Filter(must=must, must_not=spared)))

    def set_audience(self, *, tenant: str, document_id: str, audience_id: int) -> None:
        """Point the document's chunks to another audience."""
        where = filter_of(_points_of(tenant, document_id))
        self._update(UpdateOperation.set_payload_by_filter(where, audience_fields(tenant, audience_id)))

    def search(self, *, conditions: Sequence[Condition], vector: bytes | None, text: str, k: int) -> list[list[Any]]:
        """Hits as [document id, revision, section ordinal, ordinal, dense or None, sparse or None]."""
        where = filter_of(conditions)
        asked = {}
        if vector is not None:
            asked[DENSE] = dense_request(np.frombuffer(vector, dtype="<f4").tolist(), where, k)
        terms, weights = query_terms(text, language=self._language)
        if terms:
            asked[SPARSE] = sparse_request(terms, weights, where, k)
        if not asked:
            return []
        with _translated(self._directory):
            answers = self._shard.query_batch(QueryBatchRequest(list(asked.values())))
        return merged(list(asked), answers)

    def counts(self, *, tenant: str) -> list[tuple[str, int, int]]:
        """(document id, revision, points) of every revision that has points."""
        where = filter_of([Condition("tenant", (tenant,))])
        with _translated(self._directory):
            facet = self._shard.facet(FacetRequest("revision_key", limit=_MOST_REVISIONS, exact=True, filter=where))
        return [(*split_revision_key(str(hit.value)), hit.count) for hit in facet.hits]

    def point_count(self) -> int:
        """All points."""
        with _translated(self._directory):
            return int(self._shard.count(CountRequest(exact=True)))

    def flush(self) -> None:
        """Everything acknowledged is on disk when this returns."""
        with _translated(self._directory):
            self._shard.flush()

    def close(self) -> None:
        """Flush and let go of the directory."""
        self.flush()
        self._shard.close()

    def _update(self, operation: UpdateOperation) -> None:
        self._must_have_room(_ROOM_FOR_CHANGES_BYTES)
        with _translated(self._directory):
            self._shard.update(operation)

    def _must_have_room(self, wanted_bytes: int) -> None:
        if self._room(self._directory) < wanted_bytes:
            raise IndexUnavailable(_disk_is_full(self._directory))


def drop_directory(directory: Path) -> None:
    """Delete a generation: out of the way in one step, so that a process killed meanwhile leaves no half of it."""
    if directory.exists():
        gone = directory.with_suffix(".dropped")
        shutil.rmtree(gone, ignore_errors=True)
        directory.replace(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _create(whole: Path, config: EdgeConfig) -> None:
    """A new shard with its payload indexes, made aside: a process killed meanwhile leaves none that is half made."""
    draft = whole.with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    shard = EdgeShard.create(str(draft), config)
    shard.update(UpdateOperation.create_field_index("tenant", KeywordIndexParams(is_tenant=True)))
    for field in KEYWORD_FIELDS:
        shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
    for field in INTEGER_FIELDS:
        shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Integer))
    shard.update(UpdateOperation.create_field_index("updated_at", PayloadSchemaType.Datetime))
    shard.flush()
    shard.close()
    draft.replace(whole)
    _sync(whole.parent)


def _points_of(tenant: str, document_id: str) -> tuple[Condition, Condition]:
    return Condition("tenant", (tenant,)), Condition("document_id", (document_id,))


def _marker_of(dimension: int, language: str) -> dict[str, object]:
    return {"schema": SCHEMA_VERSION, "dimension": dimension, "language": language}


def _mark(directory: Path, wanted: Mapping[str, object]) -> object:
    """What the directory is marked with; a new one is marked with what is wanted now."""
    marker = directory / "schema.json"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not marker.exists():
        draft = marker.with_suffix(".part")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(wanted, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(marker)
        _sync(directory)
    try:
        return json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        return "a file that is damaged"


def _sync(directory: Path) -> None:
    """A file's new name is on disk, too."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _translated(directory: Path) -> Iterator[None]:
    try:
        yield
    except IndexFailure:
        raise
    except Exception as exc:  # the vendor raises plain Exception
        raise _translate(exc, directory) from exc


_REBUILD = "delete that directory and run `footnote sync`, which builds it again from what is stored"


def _disk_is_full(directory: Path) -> str:
    return f"the disk is full: free some space for {directory}; nothing committed is lost"


def _translate(error: Exception, directory: Path) -> IndexFailure:
    text = str(error)
    if any(sign in text for sign in ("No space left", "os error 28", "File too large", "quota exceeded")):
        return IndexUnavailable(_disk_is_full(directory))
    if "WouldBlock" in text or "Resource temporarily unavailable" in text:
        return IndexUnavailable(f"{directory} is used by another process")
    if "Permission denied" in text or "Read-only" in text:
        return IndexUnavailable(f"cannot write {directory}: check its permissions")
    if "incompatible" in text.lower() or "dimension" in text.lower():
        return IndexMismatch(f"{directory} was built by another version or with other settings: {_REBUILD}")
    return IndexDamaged(
        f"the index in {directory} is damaged ({type(error).__name__}; its log is owner.log beside it): the next "
        "`footnote sync` builds it again from what is stored"
    )
