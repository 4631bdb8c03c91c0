"""What was asked and answered, by whom and when; and the requests that were sent with an Idempotency-Key."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update

from kb.catalogue.asking_tables import answers, requests
from kb.catalogue.database import Database, insert_new
from kb.catalogue.records import StoredAnswer, StoredConversation

_LONGEST_ANSWER = timedelta(minutes=10)
_REQUEST_LIFE = timedelta(hours=24)
_FIELDS = tuple(StoredAnswer.__dataclass_fields__)


class AnswerStore:
    """The answers of each tenant. An answer belongs to who asked: every read by a person names the asker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant: str, answer: StoredAnswer) -> None:
        """Keep an answer."""
        row = {name: getattr(answer, name) for name in _FIELDS} | {"tenant": tenant}
        row |= {"body": dict(answer.body), "record": dict(answer.record)}
        async with self._database.write() as connection:
            await connection.execute(insert(answers).values(**row))

    async def get(self, tenant: str, answer_id: str) -> StoredAnswer | None:
        """Anybody's answer: whether it may be shown is for the caller to decide."""
        query = select(answers).where(answers.c.tenant == tenant, answers.c.answer_id == answer_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _answer(row)

    async def conversation(
        self, tenant: str, asker: str, conversation_id: str, *, most: int | None = None
    ) -> list[StoredAnswer]:
        """The answers of one conversation, oldest first. `most`: only that many of the latest."""
        mine = and_(_asked_by(tenant, asker), answers.c.conversation_id == conversation_id)
        query = select(answers).where(mine).order_by(answers.c.asked_at.desc(), answers.c.answer_id.desc()).limit(most)
        async with self._database.read() as connection:
            return [_answer(row) for row in (await connection.execute(query)).mappings()][::-1]

    async def conversations(self, tenant: str, asker: str, *, count: int) -> list[StoredConversation]:
        """Somebody's latest conversations, the newest first."""
        first, last, size = func.min(answers.c.asked_at), func.max(answers.c.asked_at), func.count()
        grouped = select(answers.c.conversation_id, first.label("first"), last.label("last"), size.label("size"))
        latest = grouped.where(_asked_by(tenant, asker)).group_by(answers.c.conversation_id)
        found = latest.order_by(last.desc()).limit(count).subquery()
        query = (
            select(answers.c.question, found)
            .join(
                found, and_(answers.c.conversation_id == found.c.conversation_id, answers.c.asked_at == found.c.first)
            )
            .where(_asked_by(tenant, asker))
            .order_by(found.c.last.desc())
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        lines = {
            row["conversation_id"]: StoredConversation(
                conversation_id=row["conversation_id"],
                first_question=row["question"],
                answer_count=row["size"],
                last_asked_at=row["last"],
            )
            for row in rows
        }
        return list(lines.values())

    async def delete_conversation(self, tenant: str, asker: str, conversation_id: str) -> int:
        """Forget a conversation: how many answers it had."""
        mine = and_(_asked_by(tenant, asker), answers.c.conversation_id == conversation_id)
        async with self._database.write() as connection:
            return (await connection.execute(delete(answers).where(mine))).rowcount

    async def latest(self, tenant: str, *, status: str | None, count: int) -> list[StoredAnswer]:
        """Everybody's latest answers, the newest first. `status`: only those."""
        mine = answers.c.tenant == tenant if status is None else _with_status(tenant, status)
        query = select(answers).where(mine).order_by(answers.c.asked_at.desc()).limit(count)
        async with self._database.read() as connection:
            return [_answer(row) for row in (await connection.execute(query)).mappings()]

    async def counts(self, tenant: str, *, since: datetime) -> Mapping[str, int]:
        """How many answers there were since then, by status."""
        mine = (answers.c.tenant == tenant, answers.c.asked_at >= since)
        query = select(answers.c.status, func.count()).where(*mine).group_by(answers.c.status)
        async with self._database.read() as connection:
            return {str(status): int(count) for status, count in await connection.execute(query)}

    async def forget(self, tenant: str, *, before: datetime) -> int:
        """Drop what was asked, and what was requested, before then: how many answers."""
        old = delete(requests).where(requests.c.tenant == tenant, requests.c.received_at < before)
        async with self._database.write() as connection:
            await connection.execute(old)
            gone = delete(answers).where(answers.c.tenant == tenant, answers.c.asked_at < before)
            return (await connection.execute(gone)).rowcount

    async def begin_request(self, tenant: str, asker: str, key: str, *, digest: str) -> bool:
        """Note that a request is being answered. False if there is one of that key."""
        now = datetime.now(UTC)
        row = {"tenant": tenant, "asker": asker, "key": key, "digest": digest, "received_at": now}
        # Whoever was answering it is gone by then.
        is_stuck = and_(requests.c.body.is_(None), requests.c.received_at < now - _LONGEST_ANSWER)
        is_old = or_(is_stuck, requests.c.received_at < now - _REQUEST_LIFE)
        async with self._database.write() as connection:
            await connection.execute(delete(requests).where(requests.c.tenant == tenant, is_old))
            added = await connection.execute(insert_new(connection, requests, row).returning(requests.c.key))
            return added.first() is not None

    # The answer is JSON that the channel made, and gives back as it is.
    async def request(self, tenant: str, asker: str, key: str) -> tuple[str, Mapping[str, Any] | None] | None:
        """The digest and the answer (None: not yet) of an earlier request; None if there is none."""
        query = select(requests.c.digest, requests.c.body).where(_request(tenant, asker, key))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else (str(row.digest), row.body)

    async def finish_request(self, tenant: str, asker: str, key: str, *, body: Mapping[str, Any] | None) -> None:
        """Keep the answer of a request. None: it failed, and may be sent again."""
        mine = _request(tenant, asker, key)
        change = delete(requests).where(mine) if body is None else update(requests).where(mine).values(body=dict(body))
        async with self._database.write() as connection:
            await connection.execute(change)


def _asked_by(tenant: str, asker: str) -> ColumnElement[bool]:
    return and_(answers.c.tenant == tenant, answers.c.asker == asker)


def _with_status(tenant: str, status: str) -> ColumnElement[bool]:
    return and_(answers.c.tenant == tenant, answers.c.status == status)


def _request(tenant: str, asker: str, key: str) -> ColumnElement[bool]:
    return and_(requests.c.tenant == tenant, requests.c.asker == asker, requests.c.key == key)


def _answer(row: Any) -> StoredAnswer:  # a RowMapping, whose values are as the table says
    return StoredAnswer(**{name: row[name] for name in _FIELDS})
