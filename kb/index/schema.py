"""The shape of a point: its payload, the checks before it is written, and the filter every search carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from kb.embedders.base import Vectors
from kb.errors import IndexFailure
from kb.index.base import IndexedChunk, IndexFilter

DENSE = "dense"
SPARSE = "bm25"
SCHEMA_VERSION = 2
# What a hit needs; the text stays where it is, and is read from the catalogue.
HIT_FIELDS = ("document_id", "revision", "section_ordinal", "ordinal")
# Payload fields that filters use, and how the index should know them.
KEYWORD_FIELDS = ("reader", "source_id", "space", "document_id", "revision_key", "labels")
INTEGER_FIELDS = ("revision",)
_UNIT_TOLERANCE = 0.01
SCORE_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a filter, in no backend's words. `any_of`: one of these; `since`: at or after."""

    field: str
    any_of: tuple[str | int, ...] = ()
    since: datetime | None = None


def payload_of(chunk: IndexedChunk) -> dict[str, object]:
    """What is stored beside a chunk's vectors."""
    return {
        "tenant": chunk.tenant,
        "source_id": chunk.source_id,
        "space": chunk.space,
        "document_id": chunk.document_id,
        "revision": chunk.revision,
        "revision_key": revision_key(chunk.document_id, chunk.revision),
        "section_id": chunk.section_id,
        "section_ordinal": chunk.section_ordinal,
        "ordinal": chunk.ordinal,
        **audience_fields(chunk.tenant, chunk.audience_id),
        "labels": list(chunk.labels),
        "updated_at": chunk.updated_at.astimezone(UTC).isoformat(),
    }


def audience_fields(tenant: str, audience_id: int) -> dict[str, object]:
    """The payload fields that say who may read a point."""
    return {"audience_id": audience_id, "reader": reader_key(tenant, audience_id)}


def told_score(score: float) -> float:
    """A score as it leaves an index. An engine adds up in single precision, in an order that depends on all points:
    the last digits would tell of those that the asker may not see."""
    return round(float(score), SCORE_DIGITS)


def reader_key(tenant: str, audience_id: int) -> str:
    """One word for a tenant's audience: what a reader must have to see a point."""
    return f"{audience_id}@{tenant}"


def revision_key(document_id: str, revision: int) -> str:
    """One word for a revision of a document, so that points can be counted by it."""
    return f"{revision}@{document_id}"


def split_revision_key(key: str) -> tuple[str, int]:
    """(document id, revision) of a revision key."""
    revision, _, document_id = key.partition("@")
    return document_id, int(revision)


def conditions_of(where: IndexFilter) -> list[Condition]:
    """The one place where a search's conditions are made: tenant and audience always, the rest if asked.

    Tenant and audience are one word of the payload: two conditions cost twice the time of one.
    """
    readers = tuple(reader_key(where.tenant, audience_id) for audience_id in where.audience_ids)
    conditions = [Condition("reader", readers)]
    if where.source_id is not None:
        conditions.append(Condition("source_id", (where.source_id,)))
    if where.space is not None:
        conditions.append(Condition("space", (where.space,)))
    conditions += [Condition("labels", (label,)) for label in where.labels]
    if where.updated_since is not None:
        conditions.append(Condition("updated_at", since=where.updated_since))
    return conditions


def must_be_whole(chunks: Sequence[IndexedChunk], *, dimension: int) -> None:
    """Raises IndexFailure, before anything is written, for what an index must not hold.

    Chunks of several revisions, text that is no Unicode, and vectors of another length, not finite, or not of unit
    length: Qdrant Edge would take NaN and zero vectors silently.
    """
    if len({(chunk.tenant, chunk.document_id, chunk.revision) for chunk in chunks}) > 1:
        raise IndexFailure("one upsert holds the chunks of one revision of one document")
    for chunk in chunks:
        if not (_is_unicode(chunk.text) and _is_unicode(chunk.embedded_text)):
            raise IndexFailure(f"{chunk.document_id}: its text is not Unicode")
        vector = chunk.vector
        if vector.shape != (dimension,):
            raise IndexFailure(f"{chunk.document_id}: a vector of shape {vector.shape} in an index of {dimension}")
        if abs(_length_of(vector) - 1) > _UNIT_TOLERANCE:
            raise IndexFailure(f"{chunk.document_id}: the embedder made a vector that is not finite or not unit length")


def must_be_searchable(vector: Vectors | None, text: str, *, dimension: int) -> None:
    """Raises IndexFailure for a query that no index can answer: its vector has no direction, or its text is none."""
    if vector is not None and vector.shape != (dimension,):
        raise IndexFailure(f"a query's vector of shape {vector.shape} in an index of {dimension}")
    if vector is not None and abs(_length_of(vector) - 1) > _UNIT_TOLERANCE:
        raise IndexFailure("the query's vector is not finite or not unit length")
    if not _is_unicode(text):
        raise IndexFailure("the query's text is not Unicode")


def _length_of(vector: Vectors) -> float:
    """Zero for what is not finite."""
    return float(np.linalg.norm(vector)) if np.isfinite(vector).all() else 0.0


def _is_unicode(text: str) -> bool:
    """No half of a surrogate pair, which Python's strings may hold and no file or message can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
