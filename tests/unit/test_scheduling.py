"""Each source at its interval, one run at a time, hints first, failures with patience, whatever clocks do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.hinting import QueuedHints
from ingest.leasing import holder_name
from ingest.report import SyncReport
from ingest.scheduling import LONGEST_REST_SECONDS, Scheduler, is_down, rest_seconds
from kb.catalogue import Catalogue
from kb.errors import CatalogueUnavailable, SourceRateLimited
from kb.settings import SourceTable
from tests.factories import TENANT, quick_directory

INTERVAL = 300.0


@dataclass
class Clock:
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


REPORT = SyncReport(
    source_id="a", started_at=datetime(2026, 3, 1, tzinfo=UTC), seconds=0, listed=0, indexed=0, skipped=0,
    quarantined=0, missing=(), requests=0, fetched=0, embedded_chunks=0, reused_chunks=0, removed=0, repaired=0,
    complete=True, reason=None,
)  # fmt: skip


@dataclass
class Rig:
    """A scheduler of two sources on a real queue; runs end at once, with what `outcome` says."""

    catalogue: Catalogue
    clock: Clock
    ran: list[str] = field(default_factory=list)
    outcome: Callable[[], SyncReport] = lambda: REPORT
    gate: asyncio.Event | None = None
    # Set once so many runs have begun.
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: int = 1

    def scheduler(self, *source_ids: str) -> Scheduler:
        sources = [
            SourceTable(id=source_id, kind="folder", interval_seconds=INTERVAL)
            for source_id in source_ids or ("a", "b")
        ]
        return Scheduler(
            self.catalogue.jobs, self.run, tenant=TENANT, sources=sources, clock=self.clock, chance=lambda: 1.0
        )

    async def run(self, source: SourceTable) -> SyncReport:
        self.ran.append(source.id)
        if len(self.ran) >= self.wanted:
            self.has_begun.set()
        if self.gate is not None:
            await self.gate.wait()
        return replace(self.outcome(), source_id=source.id)

    async def look(self, scheduler: Scheduler) -> list[str]:
        """What a look at the queue makes run."""
        self.ran.clear()
        await scheduler.start_due()
        await scheduler.finish_running()
        return list(self.ran)

    async def hint(self, source_id: str) -> None:
        await self.catalogue.jobs.enqueue(TENANT, source_id, is_hint=True)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    clock = Clock()
    with quick_directory() as directory:
        async with await Catalogue.open(f"sqlite+aiosqlite:///{Path(directory) / 'c.db'}", clock=clock) as catalogue:
            for source_id in ("a", "b"):
                await catalogue.jobs.enqueue(TENANT, source_id)
            yield Rig(catalogue=catalogue, clock=clock)


async def test_every_source_runs_once_an_interval(rig: Rig) -> None:
    scheduler = rig.scheduler()
    assert await rig.look(scheduler) == ["a", "b"]
    assert await rig.look(scheduler) == []
    rig.clock.turn(seconds=INTERVAL)
    assert await rig.look(scheduler) == ["a", "b"]


async def test_two_schedulers_of_one_queue_run_a_source_once(rig: Rig) -> None:
    first, second = rig.scheduler(), rig.scheduler()
    rig.gate = asyncio.Event()
    await first.start_due()
    await second.start_due()
    rig.gate.set()
    await first.finish_running()
    await second.finish_running()
    assert sorted(rig.ran) == ["a", "b"]


async def test_a_hint_makes_its_source_run_at_once_and_before_those_that_are_due(rig: Rig) -> None:
    scheduler = rig.scheduler()
    await rig.look(scheduler)
    await rig.hint("b")
    assert await rig.look(scheduler) == ["b"]
    rig.clock.turn(seconds=INTERVAL)
    await rig.hint("b")
    assert await rig.look(scheduler) == ["b", "a"]


async def test_a_storm_of_hints_is_one_run_and_one_more_if_they_came_during_it(rig: Rig) -> None:
    scheduler = rig.scheduler("a")
    rig.gate = asyncio.Event()
    for _ in range(100):
        await rig.hint("a")
    await scheduler.start_due()
    await asyncio.sleep(0)
    for _ in range(100):
        await rig.hint("a")
    rig.gate.set()
    await scheduler.finish_running()
    assert rig.ran == ["a"]
    assert await rig.look(scheduler) == ["a"]
    assert await rig.look(scheduler) == []


async def test_a_source_that_fails_rests_longer_each_time_and_hints_do_not_wake_it(rig: Rig) -> None:
    scheduler = rig.scheduler("a")
    rig.outcome = lambda: replace(REPORT, has_failed=True, reason="the wiki did not answer")
    rests = []
    for _ in range(8):
        assert await rig.look(scheduler) == ["a"]
        await rig.hint("a")
        assert await rig.look(scheduler) == []
        job = (await rig.catalogue.jobs.all(TENANT))["a"]
        assert job.rests_until is not None
        rests.append((job.rests_until - rig.clock()).total_seconds())
        rig.clock.turn(seconds=rests[-1])
    assert rests == [15, 30, 60, 120, 240, 480, 900, 900]
    job = (await rig.catalogue.jobs.all(TENANT))["a"]
    assert (is_down(job), job.reason) == (True, "the wiki did not answer")


@pytest.mark.parametrize("hours", [-48, -1, -0.05, 48])
async def test_a_source_rests_no_longer_than_it_was_meant_to_whatever_its_clock_does(rig: Rig, hours: float) -> None:
    scheduler = rig.scheduler("a")
    rig.outcome = lambda: replace(REPORT, has_failed=True, reason="no")
    await rig.look(scheduler)
    rig.clock.turn(hours=hours)
    await rig.look(scheduler)
    rig.clock.turn(seconds=INTERVAL)
    assert await rig.look(scheduler) == ["a"]


async def test_a_source_that_gets_well_is_back_at_its_interval(rig: Rig) -> None:
    scheduler = rig.scheduler("a")
    rig.outcome = lambda: replace(REPORT, has_failed=True, reason="no")
    await rig.look(scheduler)
    rig.outcome = lambda: REPORT
    rig.clock.turn(seconds=15)
    assert await rig.look(scheduler) == ["a"]
    job = (await rig.catalogue.jobs.all(TENANT))["a"]
    assert (job.failures, job.reason, job.due_at) == (0, None, rig.clock() + timedelta(seconds=INTERVAL))


async def test_what_a_source_asks_for_is_waited_out(rig: Rig) -> None:
    scheduler = rig.scheduler("a")
    rig.outcome = lambda: replace(REPORT, has_failed=True, reason="slow down", retry_after=1800)
    await rig.look(scheduler)
    rig.clock.turn(seconds=1799)
    assert await rig.look(scheduler) == []
    rig.clock.turn(seconds=1)
    assert await rig.look(scheduler) == ["a"]


@pytest.mark.parametrize("error", [CatalogueUnavailable("full"), SourceRateLimited("slow"), ZeroDivisionError("bug")])
async def test_an_error_of_ours_ends_neither_the_scheduler_nor_the_source(rig: Rig, error: Exception) -> None:
    def fail() -> SyncReport:
        raise error

    scheduler = rig.scheduler("a")
    rig.outcome = fail
    assert await rig.look(scheduler) == ["a"]
    rig.clock.turn(seconds=15)
    assert await rig.look(scheduler) == ["a"]


async def test_a_run_whose_holder_vanished_is_taken_over_when_its_lease_is_out(rig: Rig) -> None:
    job = await rig.catalogue.jobs.lease(TENANT, ["a"], holder="elsewhere 1 1 x", seconds=60)
    assert job is not None
    scheduler = rig.scheduler("a")
    assert await rig.look(scheduler) == []
    rig.clock.turn(seconds=61)
    assert await rig.look(scheduler) == ["a"]


async def test_a_run_of_a_dead_process_of_this_machine_is_taken_over_at_the_start(rig: Rig) -> None:
    machine = holder_name("x").split()[0]
    await rig.catalogue.jobs.lease(TENANT, ["a", "b"], holder=f"{machine} 999999999 1 x", seconds=60)
    scheduler = rig.scheduler()
    rig.wanted = 2
    started = asyncio.create_task(scheduler.run_forever())
    await rig.has_begun.wait()
    started.cancel()
    await asyncio.gather(started, return_exceptions=True)
    assert sorted(rig.ran) == ["a", "b"]


async def test_a_scheduler_that_is_stopped_gives_back_what_it_runs(rig: Rig) -> None:
    rig.gate = asyncio.Event()
    stopped = asyncio.create_task(rig.scheduler("a").run_forever())
    await rig.has_begun.wait()
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)
    rig.gate.set()
    assert await rig.look(rig.scheduler("a")) == ["a"]


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_that_jumps_by_a_day_delays_no_source_beyond_its_interval(rig: Rig, days: int) -> None:
    scheduler = rig.scheduler()
    await rig.look(scheduler)
    rig.clock.turn(days=days)
    await rig.look(scheduler)
    rig.clock.turn(seconds=INTERVAL)
    await rig.look(scheduler)
    assert set(await rig.look(scheduler)) == set()
    rig.clock.turn(seconds=INTERVAL)
    assert await rig.look(scheduler) == ["a", "b"]


async def test_a_lease_taken_before_the_clock_was_put_back_is_no_lease_for_a_day(rig: Rig) -> None:
    await rig.catalogue.jobs.lease(TENANT, ["a"], holder="elsewhere 1 1 x", seconds=60)
    rig.clock.turn(days=-1)
    assert await rig.look(rig.scheduler("a")) == ["a"]


@pytest.mark.parametrize("failures", range(12))
def test_a_rest_is_never_shorter_than_half_of_what_it_may_be_nor_longer_than_the_longest(failures: int) -> None:
    shortest = rest_seconds(failures, at_least=None, chance=0.0)
    longest = rest_seconds(failures, at_least=None, chance=1.0)
    assert shortest == longest / 2
    assert longest <= LONGEST_REST_SECONDS


async def test_hints_of_webhooks_reach_the_queue_whichever_process_reads_it(rig: Rig) -> None:
    scheduler = rig.scheduler()
    await rig.look(scheduler)
    hints = QueuedHints(["a", "b"], least_gap_seconds=60)
    for _ in range(1000):
        hints.give("b")
    forwarding = asyncio.create_task(hints.forward(rig.catalogue, tenant=TENANT))
    while not (await rig.catalogue.jobs.all(TENANT))["b"].is_hinted:
        pass
    forwarding.cancel()
    assert await rig.look(scheduler) == ["b"]
    assert await rig.look(scheduler) == []
