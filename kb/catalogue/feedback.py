"""What people think of answers: one verdict a person and answer, the last one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from kb.catalogue.database import Database, upsert
from kb.catalogue.records import StoredFeedback, Verdict
from kb.catalogue.tables import feedback


class FeedbackStore:
    """The verdicts of each tenant. Buttons toggle and tell no state: nothing is counted, the last word holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rate(self, tenant: str, *, answer_id: str, rater: str, channel: str, verdict: Verdict) -> None:
        """A person's verdict, in place of the earlier one. `rater`: who, in the channel's own words."""
        row = {
            "tenant": tenant,
            "answer_id": answer_id,
            "rater": rater,
            "channel": channel,
            "verdict": verdict,
            "reasons": [],
            "comment": "",
            "rated_at": datetime.now(UTC),
        }
        async with self._database.write() as connection:
            await connection.execute(upsert(connection, feedback, [row], keys=("tenant", "answer_id", "rater")))

    async def explain(self, tenant: str, *, answer_id: str, rater: str, reasons: Sequence[str], comment: str) -> bool:
        """Why; False if this person gave no verdict."""
        mine = (feedback.c.tenant == tenant, feedback.c.answer_id == answer_id, feedback.c.rater == rater)
        async with self._database.write() as connection:
            changed = update(feedback).where(*mine).values(reasons=list(reasons), comment=comment)
            return (await connection.execute(changed)).rowcount == 1

    async def latest(self, tenant: str, *, count: int) -> list[StoredFeedback]:
        """The latest verdicts, the newest first."""
        query = select(feedback).where(feedback.c.tenant == tenant).order_by(feedback.c.rated_at.desc()).limit(count)
        async with self._database.read() as connection:
            return [_verdict(row) for row in (await connection.execute(query)).mappings()]

    async def of_answer(self, tenant: str, answer_id: str) -> list[StoredFeedback]:
        """Every person's verdict on an answer, oldest first."""
        query = select(feedback).where(feedback.c.tenant == tenant, feedback.c.answer_id == answer_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(feedback.c.rated_at, feedback.c.rater))).mappings()
            return [_verdict(row) for row in rows]


_FIELDS = tuple(StoredFeedback.__dataclass_fields__)


def _verdict(row: Any) -> StoredFeedback:  # a RowMapping, whose values are as the table says
    return StoredFeedback(**({name: row[name] for name in _FIELDS} | {"reasons": tuple(row["reasons"])}))
