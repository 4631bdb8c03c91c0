"""Keeping sources up to date: each at its interval, one run a source at a time, hints first, failures with patience."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from ingest.leasing import BEAT_SECONDS, LEASE_SECONDS, holder_name, is_dead
from ingest.report import SyncReport
from kb.catalogue.jobs import Clock, utc_now
from kb.catalogue.records import SourceJob
from kb.errors import KnowledgeBaseError
from kb.logs import place_of
from kb.settings import SourceTable

logger = logging.getLogger(__name__)

# How often the queue is looked at: what another process asks for begins this much later.
POLL_SECONDS = 1.0
# Sources that are synced at once: one that is slow to answer does not hold up the others.
MOST_AT_ONCE = 4
FIRST_REST_SECONDS = 15.0
LONGEST_REST_SECONDS = 900.0
# From so many failed runs in a row on, a source counts as down.
FAILURES_OF_A_SOURCE_DOWN = 5
# A run that found the source in use by another process comes back soon.
REFUSED_SECONDS = 20.0
# The longest Retry-After that is believed, and the longest time a lease may have left.
LONGEST_ASKED_SECONDS = 6 * 3600.0
_LONGEST_LEASE_SECONDS = LEASE_SECONDS + 600

RunSource = Callable[[SourceTable], Awaitable[SyncReport]]


class JobQueue(Protocol):
    """One job a source. All methods take the tenant first and raise CatalogueUnavailable."""

    async def enqueue(self, tenant: str, source_id: str, *, in_seconds: float = 0, is_hint: bool = False) -> None:
        """Ask for a run within so many seconds. Asked for during a run, the source runs again after it."""

    async def lease(self, tenant: str, source_ids: Sequence[str], *, holder: str, seconds: float) -> SourceJob | None:
        """The job that should run now, for this holder alone; None if there is none."""

    async def heartbeat(self, tenant: str, source_id: str, *, holder: str, seconds: float) -> bool:
        """Extend the lease. False if it was lost."""

    async def done(self, tenant: str, source_id: str, *, holder: str, next_in_seconds: float) -> None:
        """The run ended well."""

    async def fail(self, tenant: str, source_id: str, *, holder: str, rest_seconds: float, reason: str) -> None:
        """The run failed; none begins before so many seconds have passed."""

    async def give_back(self, tenant: str, source_id: str, *, holder: str) -> None:
        """The holder is gone, or was stopped: the job is due."""

    async def wake(self, tenant: str, source_id: str, *, most_seconds: float) -> None:
        """Let the source rest for no longer than so many seconds."""

    async def all(self, tenant: str) -> Mapping[str, SourceJob]:
        """Source id → its job."""


class Scheduler:
    """Runs sources when they are due, until it is cancelled. Any number of schedulers may share a queue."""

    def __init__(
        self,
        queue: JobQueue,
        run: RunSource,
        *,
        tenant: str,
        sources: Sequence[SourceTable],
        clock: Clock = utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._run = run
        self._tenant = tenant
        self._sources = {source.id: source for source in sources}
        self._clock = clock
        self._chance = chance
        self._holder = holder_name(uuid4().hex)
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run_forever(self) -> None:
        """Everything is due at the start. Ends when cancelled, giving back what was running."""
        is_first = True
        try:
            while True:
                try:
                    if is_first:
                        await self._begin()
                        is_first = False
                    await self.start_due()
                except KnowledgeBaseError as exc:
                    # A full disk, say: nothing can be noted now, and everything is still there in a moment.
                    logger.warning("the queue cannot be used", extra={"reason": str(exc)})
                await self._pause()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def start_due(self) -> None:
        """Start what is due and not running."""
        self._running = {source_id: task for source_id, task in self._running.items() if not task.done()}
        jobs = await self._queue.all(self._tenant)
        await self._tidy(jobs)
        now = self._clock()
        ready = [source_id for source_id in self._sources if _may_run(jobs.get(source_id), now)]
        while len(self._running) < MOST_AT_ONCE:
            free = [source_id for source_id in ready if source_id not in self._running]
            if not free:
                return
            job = await self._queue.lease(self._tenant, free, holder=self._holder, seconds=LEASE_SECONDS)
            if job is None:
                return
            self._running[job.source_id] = asyncio.create_task(self._work(self._sources[job.source_id], job))

    async def finish_running(self) -> None:
        """Wait until what was started has ended."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _begin(self) -> None:
        for source_id, job in (await self._queue.all(self._tenant)).items():
            if job.holder is not None and is_dead(job.holder):
                await self._queue.give_back(self._tenant, source_id, holder=job.holder)
        for source_id in self._sources:
            await self._queue.enqueue(self._tenant, source_id)

    async def _tidy(self, jobs: Mapping[str, SourceJob]) -> None:
        """Nothing waits longer than its interval, or rests longer than it was meant to: clocks are put back."""
        for source in self._sources.values():
            job = jobs.get(source.id)
            latest = self._clock() + timedelta(seconds=source.interval_seconds)
            if job is None or (job.holder is None and (job.due_at is None or job.due_at > latest)):
                await self._queue.enqueue(self._tenant, source.id, in_seconds=source.interval_seconds)
            if job is not None and job.rests_until is not None:
                meant = _rest_of(job, rests_until=job.rests_until)
                if job.rests_until > self._clock() + timedelta(seconds=meant):
                    await self._queue.wake(self._tenant, source.id, most_seconds=meant)

    async def _pause(self) -> None:
        waiting = [*self._running.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(POLL_SECONDS)

    async def _work(self, source: SourceTable, job: SourceJob) -> None:
        """One run, with its lease kept meanwhile, and its end noted."""
        work = asyncio.current_task()
        beat = asyncio.create_task(self._keep(source.id, work))
        try:
            report = await self._run(source)
        except asyncio.CancelledError:
            with suppress(KnowledgeBaseError):
                await self._queue.give_back(self._tenant, source.id, holder=self._holder)
            raise
        except KnowledgeBaseError as exc:
            logger.warning("sync failed", extra={"source_id": source.id, "reason": str(exc)})
            await self._rest(source, job, reason=str(exc), at_least=getattr(exc, "retry_after", None))
        except Exception as exc:
            # A bug that one page brings out must not end the syncing of its source until the next start.
            logger.exception("sync failed", extra={"source_id": source.id})
            await self._rest(source, job, reason=f"unexpected {type(exc).__name__} ({place_of(exc)})")
        else:
            await self._note(source, job, report)
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _note(self, source: SourceTable, job: SourceJob, report: SyncReport) -> None:
        if report.reason:
            logger.warning("sync incomplete", extra={"source_id": source.id, "reason": report.reason})
        if report.has_failed:
            await self._rest(source, job, reason=report.reason or "", at_least=report.retry_after)
            return
        pause = min(REFUSED_SECONDS, source.interval_seconds) if report.was_refused else source.interval_seconds
        await self._ended(self._queue.done(self._tenant, source.id, holder=self._holder, next_in_seconds=pause))

    async def _rest(self, source: SourceTable, job: SourceJob, *, reason: str, at_least: float | None = None) -> None:
        seconds = rest_seconds(job.failures, at_least=at_least, chance=self._chance())
        facts = {"source_id": source.id, "failures": job.failures + 1, "rest_seconds": round(seconds)}
        logger.warning("source rests", extra=facts)
        await self._ended(
            self._queue.fail(self._tenant, source.id, holder=self._holder, rest_seconds=seconds, reason=reason)
        )

    async def _ended(self, noting: Awaitable[None]) -> None:
        try:
            await noting
        except KnowledgeBaseError as exc:
            # The lease runs out, and the source is synced once more: that changes nothing.
            logger.warning("the end of a run was not noted", extra={"reason": str(exc)})

    async def _keep(self, source_id: str, work: "asyncio.Task[None] | None") -> None:
        """Renew the lease until cancelled; if another has it, stop: whoever has it syncs the source."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with suppress(KnowledgeBaseError):
                if not await self._queue.heartbeat(self._tenant, source_id, holder=self._holder, seconds=LEASE_SECONDS):
                    break
        logger.error("job lost to another scheduler", extra={"source_id": source_id})
        if work is not None:
            work.cancel()


def rest_seconds(failures: int, *, at_least: float | None, chance: float) -> float:
    """How long a source rests after its `failures` + 1st failed run in a row: full jitter, doubling, bounded.

    `at_least`: what the source asked for; that is always waited out. `chance`: 0…1.
    """
    most = min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(failures, 10))
    # Half of it is certain: a source that is down is not asked all the time by chance.
    asked = min(at_least or 0.0, LONGEST_ASKED_SECONDS)
    return max(asked, most * (0.5 + chance / 2))


def _rest_of(job: SourceJob, *, rests_until: datetime) -> float:
    """How many seconds the source was meant to rest."""
    if job.rests_from is None:
        return LONGEST_ASKED_SECONDS
    return min(LONGEST_ASKED_SECONDS, max(0.0, (rests_until - job.rests_from).total_seconds()))


def is_down(job: SourceJob) -> bool:
    """Has the source failed so often in a row that only one run now and then still tries it?"""
    return job.failures >= FAILURES_OF_A_SOURCE_DOWN


def _may_run(job: SourceJob | None, now: datetime) -> bool:
    """Is it worth to ask the queue? What it says counts; asking it is a write, and looking is none."""
    if job is None or (job.rests_until is not None and job.rests_until > now):
        return False
    if job.holder is not None:
        return job.lease_until is None or not now <= job.lease_until <= now + timedelta(seconds=_LONGEST_LEASE_SECONDS)
    return job.due_at is not None and job.due_at <= now
