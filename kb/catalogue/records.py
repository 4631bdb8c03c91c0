"""The frozen records that the catalogue takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from kb.documents import BlockKind, Document
from kb.embedders.base import Vectors

# unread: listed, and not looked at yet.
ProblemKind = Literal["skipped", "failed", "unread"]
Verdict = Literal["up", "down"]
DocumentStatus = Literal["current", "outdated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One index, built with one embedder. `embedder_values`: the settings that build it again, without secrets."""

    id: int
    embedder_identity: str
    embedder_name: str
    dimension: int
    embedder_kind: str = ""
    embedder_values: Mapping[str, object] = field(default_factory=dict)
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What a generation's index holds of a document: the revision, its points, and what their payload says."""

    revision: int
    chunk_count: int
    audience_id: int | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceJob:
    """The standing order to keep one source up to date. `failures`: failed runs in a row."""

    source_id: str
    due_at: datetime | None
    rests_from: datetime | None
    rests_until: datetime | None
    is_hinted: bool
    holder: str | None
    lease_until: datetime | None
    failures: int
    reason: str | None


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
    """A chunk with its vector (float32, shape (dimension,)), as it is kept for rebuilding the index.

    `made_from`: digest of the text that the vector was made from. Only `embedded_text`'s own digest makes it fit for
    another document: what else it holds is this document's past.
    """

    ordinal: int
    section_ordinal: int
    text: str
    embedded_text: str
    fingerprint: str
    made_from: str
    vector: Vectors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Revision:
    """A document with what its new revision consists of: all that a commit writes. `number`: as it was reserved."""

    document: Document
    number: int
    audience_id: int
    chunks: Sequence[StoredChunk]


class SectionKey(NamedTuple):
    """Names one section of one revision."""

    document_id: str
    revision: int
    section_ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSection:
    """A section of a live revision, with what its document says about itself.

    `anchors`: (offset in `text`, native id) of its blocks, each reaching to the next; empty if they have no ids.
    `blocks`: (kind, length) of each block of the text, in order.
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
    blocks: tuple[tuple[BlockKind, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """A document whose points of every revision but `keep` (None: all) may be deleted from the index."""

    document_id: str
    keep: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A document that is not indexed as its source has it, and why.

    `attempts`: failed reads in a row of this `version`, where the source says which one it was.
    """

    kind: ProblemKind
    native_id: str
    title: str
    reason: str
    version: str = ""
    attempts: int = 0


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
    # Listed and not looked at yet; indexed, but not as the source has them now.
    unread: int = 0
    stale: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An API key without its secret. `origins`: whose pages may use it; none: no page may."""

    key_id: str
    tenant: str
    name: str
    secret_sha256: str
    scopes: Sequence[str]
    email: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    origins: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """Somebody who is signed in. `groups`: those that the provider named then."""

    cookie_sha256: str
    email: str
    groups: tuple[str, ...]
    began_at: datetime
    ends_at: datetime


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """A question and its answer. `asker`: who, in the channel's own words. `body`: the answer as callers get it.

    `record`: how it was made, for replaying it; nothing of it is shown to callers.
    """

    answer_id: str
    conversation_id: str
    asker: str
    channel: str
    question: str
    status: str
    body: Mapping[str, Any]  # JSON of the shape that app.contract gives
    asked_at: datetime
    record: Mapping[str, Any] = field(default_factory=dict)  # JSON of the shape that app.conversations gives


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation:
    """One line of a list of conversations."""

    conversation_id: str
    first_question: str
    answer_count: int
    last_asked_at: datetime
