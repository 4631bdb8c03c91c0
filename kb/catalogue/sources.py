"""Sources: leases, checkpoints, what was listed, what could not be indexed and why, and the runs' reports."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Row, delete, func, insert, or_, select, update

from kb.catalogue.database import Database, insert_new, upsert
from kb.catalogue.jobs import CLOCKS_DIFFER, Clock, utc_now
from kb.catalogue.records import Problem, SourceCounts, SyncRun
from kb.catalogue.tables import documents, problems, runs, sources

RUNS_KEPT_DAYS = 30
_RUNS_LOOKED_AT = 300


class SourceStore:
    """The state of each source of each tenant."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def acquire(self, tenant: str, source_id: str, *, holder: str, seconds: float) -> bool:
        """Take the lease of a source: one sync at a time. False if another holder has it and it has not run out."""
        now = self._clock()
        until = now + timedelta(seconds=seconds)
        # A lease can end at `until` at the latest; one that says more was made by a clock since put back.
        has_ended = or_(sources.c.lease_until < now, sources.c.lease_until > until + CLOCKS_DIFFER)
        free = or_(sources.c.lease_holder.is_(None), sources.c.lease_holder == holder, has_ended)
        taken = {"lease_holder": holder, "lease_until": until}
        mine = (sources.c.tenant == tenant, sources.c.source_id == source_id)
        async with self._database.write() as connection:
            await connection.execute(insert_new(connection, sources, {"tenant": tenant, "source_id": source_id}))
            result = await connection.execute(update(sources).where(*mine, free).values(**taken))
            return result.rowcount == 1

    async def holder(self, tenant: str, source_id: str) -> str | None:
        """Who has the lease of a source, run out or not."""
        query = select(sources.c.lease_holder).where(sources.c.tenant == tenant, sources.c.source_id == source_id)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).scalar()
        return None if found is None else str(found)

    async def renew(self, tenant: str, source_id: str, *, holder: str, seconds: float) -> bool:
        """Extend one's own lease. False if it was lost to another holder."""
        mine = (sources.c.tenant == tenant, sources.c.source_id == source_id, sources.c.lease_holder == holder)
        until = self._clock() + timedelta(seconds=seconds)
        async with self._database.write() as connection:
            result = await connection.execute(update(sources).where(*mine).values(lease_until=until))
            return result.rowcount == 1

    async def release(self, tenant: str, source_id: str, *, holder: str) -> None:
        """Give one's own lease back."""
        mine = (sources.c.tenant == tenant, sources.c.source_id == source_id, sources.c.lease_holder == holder)
        async with self._database.write() as connection:
            await connection.execute(update(sources).where(*mine).values(lease_holder=None, lease_until=None))

    async def checkpoint(self, tenant: str, source_id: str) -> str | None:
        """The durable progress of a source."""
        query = select(sources.c.checkpoint).where(sources.c.tenant == tenant, sources.c.source_id == source_id)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).scalar()
        return None if found is None else str(found)

    async def save_checkpoint(self, tenant: str, source_id: str, value: str | None) -> None:
        """Everything up to here is stored. None: the next sync starts from the beginning."""
        row = {"tenant": tenant, "source_id": source_id, "checkpoint": value}
        async with self._database.write() as connection:
            await connection.execute(upsert(connection, sources, [row]))

    async def save_listing(
        self, tenant: str, source_id: str, *, listed: int, problems_found: Sequence[Problem]
    ) -> None:
        """How many documents the source says exist, and those that are not indexed; replaces what was known."""
        table = problems
        rows = [
            {
                "tenant": tenant,
                "source_id": source_id,
                "native_id": problem.native_id,
                "kind": problem.kind,
                "title": problem.title,
                "reason": problem.reason,
                "version": problem.version,
                "attempts": problem.attempts,
            }
            for problem in {problem.native_id: problem for problem in problems_found}.values()
        ]
        async with self._database.write() as connection:
            await connection.execute(delete(table).where(table.c.tenant == tenant, table.c.source_id == source_id))
            if rows:
                await connection.execute(insert(table), rows)
            row = {"tenant": tenant, "source_id": source_id, "listed": listed}
            await connection.execute(upsert(connection, sources, [row]))

    async def problems(self, tenant: str, source_id: str) -> list[Problem]:
        """The documents that are listed but not indexed, by native id."""
        query = select(problems).where(problems.c.tenant == tenant, problems.c.source_id == source_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(problems.c.native_id))).all()
        names = Problem.__dataclass_fields__
        return [Problem(**{name: row._mapping[name] for name in names}) for row in rows]

    async def save_listed(self, tenant: str, source_id: str, *, listed: int) -> None:
        """How many documents the source says exist, as soon as it has said so."""
        row = {"tenant": tenant, "source_id": source_id, "listed": listed}
        async with self._database.write() as connection:
            await connection.execute(upsert(connection, sources, [row]))

    async def retry(self, tenant: str, source_id: str, *, native_id: str | None = None) -> int:
        """Forget how often documents (default: all) failed, so that they are read again; returns how many."""
        mine = [problems.c.tenant == tenant, problems.c.source_id == source_id, problems.c.kind == "failed"]
        if native_id is not None:
            mine.append(problems.c.native_id == native_id)
        async with self._database.write() as connection:
            return (await connection.execute(update(problems).where(*mine).values(attempts=0))).rowcount

    async def counts(self, tenant: str, source_id: str) -> SourceCounts:
        """How many documents of a source are where."""
        live = select(func.count()).where(
            documents.c.tenant == tenant, documents.c.source_id == source_id, documents.c.live_revision.is_not(None)
        )
        listed = select(sources.c.listed).where(sources.c.tenant == tenant, sources.c.source_id == source_id)
        by_kind = (
            select(problems.c.kind, func.count())
            .where(problems.c.tenant == tenant, problems.c.source_id == source_id)
            .group_by(problems.c.kind)
        )
        stale = (
            select(func.count())
            .select_from(problems)
            .join(
                documents,
                (documents.c.tenant == problems.c.tenant)
                & (documents.c.source_id == problems.c.source_id)
                & (documents.c.native_id == problems.c.native_id),
            )
            .where(problems.c.tenant == tenant, problems.c.source_id == source_id, problems.c.kind == "failed")
            .where(documents.c.live_revision.is_not(None))
        )
        async with self._database.read() as connection:
            kinds = {str(kind): int(count) for kind, count in await connection.execute(by_kind)}
            return SourceCounts(
                listed=(await connection.execute(listed)).scalar() or 0,
                indexed=(await connection.execute(live)).scalar_one(),
                skipped=kinds.get("skipped", 0),
                quarantined=kinds.get("failed", 0),
                unread=kinds.get("unread", 0),
                stale=(await connection.execute(stale)).scalar_one(),
            )

    async def start_run(self, tenant: str, source_id: str, *, run_id: str) -> None:
        """Note that a sync begins."""
        row = {"run_id": run_id, "tenant": tenant, "source_id": source_id, "started_at": datetime.now(UTC)}
        old = datetime.now(UTC) - timedelta(days=RUNS_KEPT_DAYS)
        async with self._database.write() as connection:
            await connection.execute(
                delete(runs).where(runs.c.tenant == tenant, runs.c.source_id == source_id, runs.c.started_at < old)
            )
            await connection.execute(insert(runs).values(**row))

    async def finish_run(self, tenant: str, *, run_id: str, report: Mapping[str, object]) -> None:
        """Note how a sync ended."""
        mine = (runs.c.tenant == tenant, runs.c.run_id == run_id)
        async with self._database.write() as connection:
            await connection.execute(
                update(runs).where(*mine).values(finished_at=datetime.now(UTC), report=dict(report))
            )

    async def last_run(self, tenant: str, source_id: str) -> SyncRun | None:
        """The latest sync of a source, finished or not."""
        query = (
            select(runs)
            .where(runs.c.tenant == tenant, runs.c.source_id == source_id)
            .order_by(runs.c.started_at.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _run(row)

    async def last_complete(self, tenant: str, source_id: str) -> SyncRun | None:
        """The latest sync that saw everything its source has; None if none of the last few hundred did."""
        query = (
            select(runs)
            .where(runs.c.tenant == tenant, runs.c.source_id == source_id, runs.c.finished_at.is_not(None))
            .order_by(runs.c.started_at.desc())
            .limit(_RUNS_LOOKED_AT)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return next((_run(row) for row in rows if row.report and row.report.get("complete")), None)


def _run(row: Row[tuple[object, ...]]) -> SyncRun:
    return SyncRun(**{name: row._mapping[name] for name in SyncRun.__dataclass_fields__})
