"""The first version's tables about people who ask."""

import sqlalchemy as sa
from alembic import op


def make_answers() -> None:
    """Answers, requests that may be sent twice, and people who are signed in."""
    op.create_table(
        "answers",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("answer_id", sa.String(length=60), nullable=False),
        sa.Column("conversation_id", sa.String(length=100), nullable=False),
        sa.Column("asker", sa.String(length=400), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "answer_id"),
    )
    columns = ["tenant", "asker", "conversation_id", "asked_at"]
    op.create_index("answers_by_conversation", "answers", columns, unique=False)
    op.create_index("answers_by_age", "answers", ["tenant", "asked_at"], unique=False)
    op.create_table(
        "requests",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("asker", sa.String(length=400), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "asker", "key"),
    )
    op.create_table(
        "sessions",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("cookie_sha256", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=400), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "cookie_sha256"),
    )
