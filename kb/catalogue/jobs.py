"""Jobs: the standing orders to keep each source up to date, leased by whoever carries them out."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, and_, case, or_, select, update

from kb.catalogue.database import Database, insert_new
from kb.catalogue.records import SourceJob
from kb.catalogue.tables import jobs

Clock = Callable[[], datetime]
# Two machines' clocks differ by less.
CLOCKS_DIFFER = timedelta(minutes=10)


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


class JobStore:
    """One job a source. A clock put back makes nothing wait longer than its interval, or than the longest rest."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def enqueue(self, tenant: str, source_id: str, *, in_seconds: float = 0, is_hint: bool = False) -> None:
        """Ask for a run within so many seconds: earlier than what was asked for before, never later.

        A hint goes before what is only due. Asked for during a run, the source runs again after it: what was asked
        about may have been read already. A thousand hints are one run.
        """
        due = self._clock() + timedelta(seconds=in_seconds)
        earlier = case((or_(jobs.c.due_at.is_(None), jobs.c.due_at > due), due), else_=jobs.c.due_at)
        asked: dict[str, object] = {"due_at": earlier}
        if is_hint:
            asked["is_hinted"] = True
        async with self._database.write() as connection:
            await connection.execute(insert_new(connection, jobs, {"tenant": tenant, "source_id": source_id}))
            await connection.execute(update(jobs).where(*_one(tenant, source_id)).values(**asked))

    async def lease(self, tenant: str, source_ids: Sequence[str], *, holder: str, seconds: float) -> SourceJob | None:
        """Take the job that should run now: hints first, then the longest due. None if there is none.

        A job whose holder has stopped renewing is there to be taken, whether it is due or not.
        """
        now = self._clock()
        until = now + timedelta(seconds=seconds)
        # A lease can end at `until` at the latest; one that says more was made by a clock since put back.
        is_free = or_(jobs.c.holder.is_(None), jobs.c.lease_until < now, jobs.c.lease_until > until + CLOCKS_DIFFER)
        was_left = and_(jobs.c.holder.is_not(None), is_free)
        rests = and_(jobs.c.rests_until.is_not(None), jobs.c.rests_until > now)
        query = (
            select(jobs)
            .where(jobs.c.tenant == tenant, jobs.c.source_id.in_(source_ids))
            .where(is_free, ~rests, or_(jobs.c.due_at <= now, was_left))
            .order_by(jobs.c.is_hinted.desc(), jobs.c.due_at.is_(None).desc(), jobs.c.due_at, jobs.c.source_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as connection:
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            taken = {"holder": holder, "lease_until": until, "due_at": None, "is_hinted": False}
            await connection.execute(update(jobs).where(*_one(tenant, row["source_id"])).values(**taken))
            return _job(row)

    async def heartbeat(self, tenant: str, source_id: str, *, holder: str, seconds: float) -> bool:
        """Extend one's own lease. False if another has it."""
        until = self._clock() + timedelta(seconds=seconds)
        async with self._database.write() as connection:
            renewed = update(jobs).where(*_one(tenant, source_id), jobs.c.holder == holder).values(lease_until=until)
            return (await connection.execute(renewed)).rowcount == 1

    async def done(self, tenant: str, source_id: str, *, holder: str, next_in_seconds: float) -> None:
        """The run ended well; the next is due in so many seconds, or when it was asked for meanwhile."""
        ended: dict[str, object] = {"failures": 0, "reason": None, "rests_from": None, "rests_until": None}
        await self._end(tenant, source_id, holder=holder, next_in_seconds=next_in_seconds, ended=ended)

    async def fail(self, tenant: str, source_id: str, *, holder: str, rest_seconds: float, reason: str) -> None:
        """The run failed: the source rests for so many seconds, whatever is asked for meanwhile."""
        now = self._clock()
        ended: dict[str, object] = {
            "failures": jobs.c.failures + 1,
            "reason": reason,
            "rests_from": now,
            "rests_until": now + timedelta(seconds=rest_seconds),
        }
        await self._end(tenant, source_id, holder=holder, next_in_seconds=rest_seconds, ended=ended)

    async def give_back(self, tenant: str, source_id: str, *, holder: str) -> None:
        """The holder is gone, or was stopped: the job is due at once."""
        await self._end(tenant, source_id, holder=holder, next_in_seconds=0, ended={})

    async def wake(self, tenant: str, source_id: str, *, most_seconds: float) -> None:
        """Let no source rest for longer than so many seconds: a clock put back would make it sleep for a day."""
        now = self._clock()
        latest = now + timedelta(seconds=most_seconds)
        async with self._database.write() as connection:
            late = (*_one(tenant, source_id), jobs.c.rests_until > latest)
            await connection.execute(update(jobs).where(*late).values(rests_from=now, rests_until=latest))

    async def all(self, tenant: str) -> dict[str, SourceJob]:
        """Source id → its job."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(jobs).where(jobs.c.tenant == tenant))).mappings().all()
        return {row["source_id"]: _job(row) for row in rows}

    async def _end(
        self, tenant: str, source_id: str, *, holder: str, next_in_seconds: float, ended: dict[str, object]
    ) -> None:
        due = self._clock() + timedelta(seconds=next_in_seconds)
        earlier = case((or_(jobs.c.due_at.is_(None), jobs.c.due_at > due), due), else_=jobs.c.due_at)
        given_back = {"holder": None, "lease_until": None, "due_at": earlier}
        async with self._database.write() as connection:
            mine = (*_one(tenant, source_id), jobs.c.holder == holder)
            await connection.execute(update(jobs).where(*mine).values(**given_back, **ended))


def _one(tenant: str, source_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return jobs.c.tenant == tenant, jobs.c.source_id == source_id


def _job(row: RowMapping) -> SourceJob:
    return SourceJob(**{name: row[name] for name in SourceJob.__dataclass_fields__})
