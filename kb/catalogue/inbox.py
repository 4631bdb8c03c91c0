"""The inbox: what came through a channel and was promised an answer, kept until it has one; and what came before."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update

from kb.catalogue.database import Database, insert_new
from kb.catalogue.records import InboxMessage
from kb.catalogue.tables import inbox


class InboxStore:
    """Messages of each tenant's channels, each taken in once and answered once.

    A message has one key or several; it is the same message if any of them was seen before. Its body is forgotten
    when it is finished; its keys are kept until `forget`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # Foreign JSON that the channel gave, and reads again.
    async def accept(
        self,
        tenant: str,
        channel: str,
        *,
        keys: Sequence[str],
        place: str,
        body: Mapping[str, Any],
        most_waiting: int = sys.maxsize,
    ) -> int | None:
        """Keep a message: how many unfinished ones were before it; None if it is known. `place`: its conversation.

        With `most_waiting` or more before it, it is only remembered: nobody will claim it.
        """
        row = {"tenant": tenant, "channel": channel, "accepted_at": datetime.now(UTC), "attempts": 0}
        first = row | {"key": keys[0], "place": place, "body": dict(body)}
        finished = {"finished_at": row["accepted_at"]}
        others = [row | finished | {"key": key, "place": ""} for key in keys[1:]]
        mine = _mine(tenant, channel)
        async with self._database.write() as connection:
            if (await connection.execute(select(inbox.c.key).where(mine, inbox.c.key.in_(keys)).limit(1))).first():
                return None
            counted = await connection.execute(select(func.count()).select_from(inbox).where(mine, _unfinished()))
            before = int(counted.scalar_one())
            if before >= most_waiting:
                first |= finished | {"body": None}
            # Not by the count of rows, which PostgreSQL's driver does not tell of such a statement.
            added = await connection.execute(insert_new(connection, inbox, first).returning(inbox.c.key))
            if added.first() is None:
                return None
            for other in others:
                await connection.execute(insert_new(connection, inbox, other))
            return before

    async def has_place(self, tenant: str, channel: str, place: str) -> bool:
        """Did a message of this conversation come before?"""
        query = select(inbox.c.key).where(_mine(tenant, channel), inbox.c.place == place).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def claim(self, tenant: str, channel: str, *, holder: str, seconds: float) -> InboxMessage | None:
        """The oldest message that nobody works on, ours for so many seconds; None if there is none."""
        now = datetime.now(UTC)
        free = and_(_mine(tenant, channel), _unfinished(), or_(inbox.c.holder.is_(None), inbox.c.held_until < now))
        oldest = select(inbox).where(free).order_by(inbox.c.accepted_at, inbox.c.key).limit(1)
        async with self._database.write() as connection:
            row = (await connection.execute(oldest.with_for_update(skip_locked=True))).first()
            if row is None:
                return None
            taken = update(inbox).where(_mine(tenant, channel), inbox.c.key == row.key)
            until = now + timedelta(seconds=seconds)
            await connection.execute(taken.values(holder=holder, held_until=until, attempts=row.attempts + 1))
        return _message(row)

    async def hold(self, tenant: str, channel: str, *, holder: str, seconds: float) -> None:
        """Everything this holder works on stays its own for so many seconds more."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        await self._update(tenant, channel, and_(inbox.c.holder == holder, _unfinished()), held_until=until)

    async def note_reply(self, tenant: str, channel: str, key: str, reply: str) -> None:
        """Remember where the answer is being written, for whoever has to finish it."""
        await self._update(tenant, channel, inbox.c.key == key, reply=reply)

    async def finish(self, tenant: str, channel: str, key: str) -> None:
        """It has its answer; its body is forgotten."""
        gone = {"body": None, "holder": None, "held_until": None, "finished_at": datetime.now(UTC)}
        await self._update(tenant, channel, inbox.c.key == key, **gone)

    async def release(self, tenant: str, channel: str, *, holder: str) -> None:
        """Whatever this holder left unfinished is anybody's."""
        await self._update(tenant, channel, and_(inbox.c.holder == holder, _unfinished()), holder=None, held_until=None)

    async def unfinished_count(self, tenant: str, channel: str) -> int:
        """How many wait for an answer or are being answered."""
        query = select(func.count()).select_from(inbox).where(_mine(tenant, channel), _unfinished())
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def forget(self, tenant: str, channel: str, *, before: datetime) -> int:
        """Drop the keys of what was finished before then: how many."""
        old = and_(_mine(tenant, channel), inbox.c.finished_at < before)
        async with self._database.write() as connection:
            return (await connection.execute(delete(inbox).where(old))).rowcount

    # The columns' values, as the table declares them.
    async def _update(self, tenant: str, channel: str, where: ColumnElement[bool], **values: Any) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(inbox).where(_mine(tenant, channel), where).values(**values))


def _mine(tenant: str, channel: str) -> ColumnElement[bool]:
    return and_(inbox.c.tenant == tenant, inbox.c.channel == channel)


def _unfinished() -> ColumnElement[bool]:
    return inbox.c.finished_at.is_(None)


def _message(row: Row[Any]) -> InboxMessage:  # the columns of the table
    return InboxMessage(
        key=row.key, place=row.place, body=row.body, accepted_at=row.accepted_at, attempts=row.attempts, reply=row.reply
    )
