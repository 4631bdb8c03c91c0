"""The catalogue's tables about people who ask: their keys, what they asked, and what they were answered."""

from sqlalchemy import JSON, Column, Index, PrimaryKeyConstraint, String, Table, Text

from kb.catalogue.tables import UtcDateTime, metadata, tenant_column

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(40), primary_key=True),
    tenant_column(),
    Column("name", Text, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("email", Text),
    # The pages' origins it may be used from; empty: it is used from no page.
    Column("origins", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

# Who is signed in. The cookie's digest, not the cookie: whoever reads this table can be nobody by it.
sessions = Table(
    "sessions",
    metadata,
    tenant_column(),
    Column("cookie_sha256", String(64), nullable=False),
    Column("email", String(400), nullable=False),
    Column("groups", JSON, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant", "cookie_sha256"),
)

# What was asked and answered, so that people can come back to it and somebody can look why.
answers = Table(
    "answers",
    metadata,
    tenant_column(),
    Column("answer_id", String(60), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("asker", String(400), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("question", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("body", JSON, nullable=False),
    # How it was made, without texts: see app.replaying.
    Column("record", JSON, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant", "answer_id"),
    Index("answers_by_conversation", "tenant", "asker", "conversation_id", "asked_at"),
    Index("answers_by_age", "tenant", "asked_at"),
)

# Requests that carry an Idempotency-Key, and what they were answered; no body: still being answered.
requests = Table(
    "requests",
    metadata,
    tenant_column(),
    Column("asker", String(400), nullable=False),
    Column("key", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("body", JSON(none_as_null=True)),
    Column("received_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant", "asker", "key"),
)
