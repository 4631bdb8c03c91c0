"""The catalogue's tables. Every row carries its tenant; migrations/ holds how they came to be."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, on databases that know time zones and on SQLite, which does not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive times: they mean nothing."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite gives naive UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def tenant_column() -> Column[str]:
    """Whose row it is."""
    return Column("tenant", String(200), nullable=False)


audiences = Table(
    "audiences",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    tenant_column(),
    Column("digest", String(64), nullable=False),
    Column("layers", JSON, nullable=False),
    UniqueConstraint("tenant", "digest"),
)

memberships = Table(
    "memberships",
    metadata,
    tenant_column(),
    Column("origin", String(200), nullable=False),
    Column("group_name", String(400), nullable=False),
    Column("member", String(400), nullable=False),
    PrimaryKeyConstraint("tenant", "origin", "group_name", "member"),
    Index("memberships_by_member", "tenant", "member"),
)

# One row a tenant, counted up whenever audiences or memberships change: what was computed from them is stale.
access_epochs = Table(
    "access_epochs", metadata, Column("tenant", String(200), primary_key=True), Column("epoch", Integer, nullable=False)
)

generations = Table(
    "generations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    tenant_column(),
    Column("embedder_identity", Text, nullable=False),
    Column("embedder_name", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    # What builds its embedder again, without secrets: questions to it need the same one, whatever the settings name.
    Column("embedder_kind", Text, nullable=False, server_default=""),
    Column("embedder_values", JSON),
    Column("is_live", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Since when another one is live in its place.
    Column("retired_at", UtcDateTime),
)
# One live generation a tenant, whatever two processes do at once.
Index(
    "generations_one_live",
    generations.c.tenant,
    unique=True,
    sqlite_where=generations.c.is_live,
    postgresql_where=generations.c.is_live,
)

documents = Table(
    "documents",
    metadata,
    tenant_column(),
    Column("document_id", String(1000), nullable=False),
    Column("source_id", String(100), nullable=False),
    Column("native_id", String(900), nullable=False),
    # Counts every revision ever begun, so that a number never names two texts.
    Column("last_revision", Integer, nullable=False),
    # None: nothing committed yet, or deleted. Everything below describes the live revision.
    Column("live_revision", Integer),
    Column("deleted_at", UtcDateTime),
    Column("deleted_reason", Text),
    Column("title", Text, nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("space", Text, nullable=False, server_default=""),
    Column("labels", JSON),
    Column("links", JSON),
    Column("version", Text, nullable=False, server_default=""),
    Column("fingerprint", String(64), nullable=False, server_default=""),
    Column("status", String(20), nullable=False, server_default="current"),
    Column("superseded_by", Text),
    Column("audience_id", Integer),
    Column("chunk_count", Integer, nullable=False, server_default="0"),
    Column("generation", Integer),
    Column("updated_at", UtcDateTime),
    PrimaryKeyConstraint("tenant", "document_id"),
    Index("documents_by_source", "tenant", "source_id"),
)

sections = Table(
    "sections",
    metadata,
    tenant_column(),
    Column("document_id", String(1000), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("section_id", String(1200), nullable=False),
    Column("heading_path", JSON, nullable=False),
    Column("anchor", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("text", Text, nullable=False),
    # [[offset in the text, native id of the block that begins there], …]; null where blocks have no ids
    Column("anchors", JSON(none_as_null=True)),
    # [[kind, length], …]: the blocks that the text is made of, so that it can be cut anew for another embedder
    Column("blocks", JSON),
    PrimaryKeyConstraint("tenant", "document_id", "revision", "ordinal"),
    ForeignKeyConstraint(["tenant", "document_id"], ["documents.tenant", "documents.document_id"]),
)

chunks = Table(
    "chunks",
    metadata,
    tenant_column(),
    Column("document_id", String(1000), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("section_ordinal", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    # Digest of the very text that the vector was made from; after a rename that is not `embedded_text`
    Column("made_from", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("embedded_text", Text, nullable=False),
    # float32, little-endian
    Column("vector", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "document_id", "generation", "revision", "ordinal"),
    ForeignKeyConstraint(["tenant", "document_id"], ["documents.tenant", "documents.document_id"]),
    Index("chunks_by_origin", "tenant", "generation", "made_from"),
)

# What a generation's index holds of each document. It is current if revision, audience and time are the document's.
builds = Table(
    "builds",
    metadata,
    tenant_column(),
    Column("generation", Integer, nullable=False),
    Column("document_id", String(1000), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Column("audience_id", Integer),
    Column("updated_at", UtcDateTime),
    PrimaryKeyConstraint("tenant", "document_id", "generation"),
    ForeignKeyConstraint(["tenant", "document_id"], ["documents.tenant", "documents.document_id"]),
)

# Documents with index points of other revisions than the live one.
garbage = Table(
    "garbage",
    metadata,
    tenant_column(),
    Column("document_id", String(1000), nullable=False),
    Column("keep", Integer),
    PrimaryKeyConstraint("tenant", "document_id"),
)

sources = Table(
    "sources",
    metadata,
    tenant_column(),
    Column("source_id", String(100), nullable=False),
    Column("checkpoint", Text),
    Column("listed", Integer, nullable=False, server_default="0"),
    Column("lease_holder", String(200)),
    Column("lease_until", UtcDateTime),
    PrimaryKeyConstraint("tenant", "source_id"),
)

problems = Table(
    "problems",
    metadata,
    tenant_column(),
    Column("source_id", String(100), nullable=False),
    Column("native_id", String(900), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # Failed reads in a row at this version; empty where the source does not say which version it was.
    Column("version", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant", "source_id", "native_id"),
)

# One job a source: bring it up to date. It is never gone, only due, running or resting.
jobs = Table(
    "jobs",
    metadata,
    tenant_column(),
    Column("source_id", String(100), nullable=False),
    # None: nothing is asked for beyond the run that has the lease.
    Column("due_at", UtcDateTime),
    # A source that failed, or asked for patience, rests until then, whatever is due.
    # A clock put back cannot make a rest longer than it was meant to be.
    Column("rests_from", UtcDateTime),
    Column("rests_until", UtcDateTime),
    Column("is_hinted", Boolean, nullable=False, server_default=false()),
    Column("holder", String(200)),
    Column("lease_until", UtcDateTime),
    # Failed runs in a row, and how the last one ended.
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    PrimaryKeyConstraint("tenant", "source_id"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(100), primary_key=True),
    tenant_column(),
    Column("source_id", String(100), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("report", JSON),
    Index("runs_by_source", "tenant", "source_id", "started_at"),
)

# What came through a channel, once: unfinished until it has its answer. A second key of a message is a row of its own.
inbox = Table(
    "inbox",
    metadata,
    tenant_column(),
    Column("channel", String(40), nullable=False),
    Column("key", String(300), nullable=False),
    Column("place", String(300), nullable=False),
    Column("body", JSON(none_as_null=True)),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("holder", String(100)),
    Column("held_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("reply", Text),
    Column("finished_at", UtcDateTime),
    PrimaryKeyConstraint("tenant", "channel", "key"),
    Index("inbox_by_place", "tenant", "channel", "place"),
    Index("inbox_by_age", "tenant", "channel", "finished_at", "accepted_at"),
)

# One row a person and answer: the last verdict. `rater` is the channel's own id of the person.
feedback = Table(
    "feedback",
    metadata,
    tenant_column(),
    Column("answer_id", String(100), nullable=False),
    Column("rater", String(300), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("comment", Text, nullable=False),
    Column("rated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant", "answer_id", "rater"),
)
