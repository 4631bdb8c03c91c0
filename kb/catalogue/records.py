"""The frozen records that the catalogue takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from kb.embedders.base import Vectors

ProblemKind = Literal["skipped", "failed"]
Verdict = Literal["up", "down"]
DocumentStatus = Literal["current", "outdated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One index, built with one embedder."""

    id: int
    embedder_identity: str
    embedder_name: str
    dimension: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A live document's row."""

    document_id: str
    source_id: str
    native_id: str
    title: str
    url: str
    version: str
    fingerprint: str
    audience_id: int
    live_revision: int
    chunk_count: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredChunk:
    """A chunk with its vector (float32, shape (dimension,)), as it is kept for rebuilding the index."""

    ordinal: int
    section_ordinal: int
    text: str
    embedded_text: str
    fingerprint: str
    vector: Vectors


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SectionKey:
    """Names one section of one revision."""

    document_id: str
    revision: int
    section_ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSection:
    """A section of a live revision, with what its document says about itself.

    `anchors`: (offset in `text`, native id) of its blocks, each reaching to the next; empty if they have no ids.
    """

    document_id: str
    revision: int
    ordinal: int
    section_id: str
    title: str
    heading_path: tuple[str, ...]
    anchor: str
    url: str
    text: str
    source_id: str
    space: str
    labels: tuple[str, ...]
    updated_at: datetime
    status: DocumentStatus
    superseded_by: str | None
    audience_id: int
    anchors: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """A document whose points of every revision but `keep` (None: all) may be deleted from the index."""

    document_id: str
    keep: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A document that is listed but not indexed, and why."""

    kind: ProblemKind
    native_id: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """One sync of one source; `report` is the JSON object of its report, None while it runs or if it died."""

    run_id: str
    started_at: datetime
    finished_at: datetime | None
    report: Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCounts:
    """How many documents of a source are where."""

    listed: int
    indexed: int
    skipped: int
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An API key without its secret."""

    key_id: str
    tenant: str
    name: str
    secret_sha256: str
    scopes: Sequence[str]
    email: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """A message that was promised an answer. `reply`: where an earlier attempt began to write it."""

    key: str
    place: str
    body: Mapping[str, Any]  # JSON of the channel's own making
    accepted_at: datetime
    attempts: int
    reply: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFeedback:
    """What one person thinks of one answer."""

    answer_id: str
    rater: str
    channel: str
    verdict: Verdict
    reasons: tuple[str, ...]
    comment: str
    rated_at: datetime
