"""The first schema."""

import sqlalchemy as sa
from alembic import op

from kb.catalogue.migrations.asking import make_answers

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _make_access()
    _make_documents()
    _make_generations()
    _make_contents()
    _make_builds()
    _make_sources()
    _make_inbox()
    make_answers()


def _make_access() -> None:
    op.create_table(
        "access_epochs",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "audiences",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("layers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "digest"),
    )
    op.create_table(
        "memberships",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("group_name", sa.String(length=400), nullable=False),
        sa.Column("member", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "origin", "group_name", "member"),
    )
    op.create_index("memberships_by_member", "memberships", ["tenant", "member"], unique=False)


def _make_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.String(length=1000), nullable=False),
        sa.Column("source_id", sa.String(length=100), nullable=False),
        sa.Column("native_id", sa.String(length=900), nullable=False),
        sa.Column("last_revision", sa.Integer(), nullable=False),
        sa.Column("live_revision", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_reason", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("space", sa.Text(), server_default="", nullable=False),
        sa.Column("labels", sa.JSON(), nullable=True),
        sa.Column("links", sa.JSON(), nullable=True),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("fingerprint", sa.String(length=64), server_default="", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="current", nullable=False),
        sa.Column("superseded_by", sa.Text(), nullable=True),
        sa.Column("audience_id", sa.Integer(), nullable=True),
        sa.Column("chunk_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "document_id"),
    )
    op.create_index("documents_by_source", "documents", ["tenant", "source_id"], unique=False)
    op.create_table(
        "garbage",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.String(length=1000), nullable=False),
        sa.Column("keep", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "document_id"),
    )


def _make_generations() -> None:
    op.create_table(
        "generations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("embedder_identity", sa.Text(), nullable=False),
        sa.Column("embedder_name", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("embedder_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("embedder_values", sa.JSON(), nullable=True),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "generations_one_live",
        "generations",
        ["tenant"],
        unique=True,
        sqlite_where=sa.text("is_live"),
        postgresql_where=sa.text("is_live"),
    )


def _make_contents() -> None:
    op.create_table(
        "chunks",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.String(length=1000), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("section_ordinal", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("made_from", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("embedded_text", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "document_id"],
            ["documents.tenant", "documents.document_id"],
        ),
        sa.PrimaryKeyConstraint("tenant", "document_id", "generation", "revision", "ordinal"),
    )
    op.create_index("chunks_by_origin", "chunks", ["tenant", "generation", "made_from"], unique=False)
    op.create_table(
        "sections",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("document_id", sa.String(length=1000), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.String(length=1200), nullable=False),
        sa.Column("heading_path", sa.JSON(), nullable=False),
        sa.Column("anchor", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("anchors", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("blocks", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "document_id"],
            ["documents.tenant", "documents.document_id"],
        ),
        sa.PrimaryKeyConstraint("tenant", "document_id", "revision", "ordinal"),
    )


def _make_builds() -> None:
    op.create_table(
        "builds",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(length=1000), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("audience_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "document_id"],
            ["documents.tenant", "documents.document_id"],
        ),
        sa.PrimaryKeyConstraint("tenant", "document_id", "generation"),
    )


def _make_sources() -> None:
    op.create_table(
        "problems",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("source_id", sa.String(length=100), nullable=False),
        sa.Column("native_id", sa.String(length=900), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source_id", "native_id"),
    )
    op.create_table(
        "jobs",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("source_id", sa.String(length=100), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rests_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_hinted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "source_id"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("source_id", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("runs_by_source", "runs", ["tenant", "source_id", "started_at"], unique=False)
    op.create_table(
        "sources",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("source_id", sa.String(length=100), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("listed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_holder", sa.String(length=200), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "source_id"),
    )


def _make_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("place", sa.String(length=300), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "channel", "key"),
    )
    op.create_index("inbox_by_place", "inbox", ["tenant", "channel", "place"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("answer_id", sa.String(length=100), nullable=False),
        sa.Column("rater", sa.String(length=300), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "answer_id", "rater"),
    )
    op.create_index("inbox_by_age", "inbox", ["tenant", "channel", "finished_at", "accepted_at"], unique=False)
