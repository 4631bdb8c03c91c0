"""One sync of a source at a time, and no lease outlives its holder for long."""

import asyncio
import os
import socket
import sys

import pytest

from ingest import leasing
from ingest.leasing import SourceLease
from kb.errors import CatalogueUnavailable, SourceUnavailable
from kb.wiring import KnowledgeBase
from tests.factories import SOURCE, TENANT


def lease_of(base: KnowledgeBase, run_id: str = "r1") -> SourceLease:
    return SourceLease(base.catalogue, tenant=TENANT, source_id=SOURCE, run_id=run_id)


async def taken_by(base: KnowledgeBase, holder: str, *, seconds: float = 60) -> None:
    assert await base.catalogue.sources.acquire(TENANT, SOURCE, holder=holder, seconds=seconds)


async def test_a_held_lease_lets_nobody_else_in_and_names_its_holder(base: KnowledgeBase) -> None:
    async with lease_of(base):
        with pytest.raises(SourceUnavailable, match=rf"by another process \(process {os.getpid()} on .+\): wait for"):
            await lease_of(base, "r2").__aenter__()


async def test_a_lease_ends_with_its_work_even_if_that_fails(base: KnowledgeBase) -> None:
    with pytest.raises(ZeroDivisionError):
        async with lease_of(base):
            raise ZeroDivisionError
    assert await base.catalogue.sources.holder(TENANT, SOURCE) is None


async def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(base: KnowledgeBase) -> None:
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    await taken_by(base, f"{socket.gethostname()} {ended.pid} 1 r0")
    async with lease_of(base):
        assert (await base.catalogue.sources.holder(TENANT, SOURCE) or "").endswith(" r1")


async def test_a_process_id_that_was_given_again_is_not_taken_for_the_holder(base: KnowledgeBase) -> None:
    await taken_by(base, f"{socket.gethostname()} {os.getpid()} 1 r0")
    async with lease_of(base):
        assert (await base.catalogue.sources.holder(TENANT, SOURCE) or "").endswith(" r1")


async def test_the_lease_of_another_machine_is_respected_until_it_runs_out(base: KnowledgeBase) -> None:
    await taken_by(base, "another-machine 1 1 r0")
    with pytest.raises(SourceUnavailable, match="process 1 on another-machine"):
        await lease_of(base).__aenter__()
    await taken_by(base, "another-machine 1 1 r0", seconds=-1)
    async with lease_of(base):
        assert (await base.catalogue.sources.holder(TENANT, SOURCE) or "").endswith(" r1")


async def test_a_lease_is_renewed_while_the_work_goes_on(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = asyncio.Event()
    renew = base.catalogue.sources.renew

    async def watch(*place: str, holder: str, seconds: float) -> bool:
        is_kept = await renew(*place, holder=holder, seconds=seconds)
        renewed.set()
        return is_kept

    monkeypatch.setattr(leasing, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(base.catalogue.sources, "renew", watch)
    async with lease_of(base), asyncio.timeout(10):
        await renewed.wait()


async def test_work_whose_lease_was_taken_over_is_stopped(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work_on() -> None:
        async with lease_of(base):
            await base.catalogue.sources.release(TENANT, SOURCE, holder=await _holder(base))
            await taken_by(base, "another-machine 1 1 r0")
            await asyncio.Event().wait()

    monkeypatch.setattr(leasing, "BEAT_SECONDS", 0.5)
    with pytest.raises(CatalogueUnavailable, match="another took over its lease; nothing stored is lost"):
        await work_on()
    assert await base.catalogue.sources.holder(TENANT, SOURCE) == "another-machine 1 1 r0"


async def test_being_cancelled_from_outside_stays_a_cancellation(base: KnowledgeBase) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with lease_of(base):
            inside.set()
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await inside.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await base.catalogue.sources.holder(TENANT, SOURCE) is None


async def _holder(base: KnowledgeBase) -> str:
    holder = await base.catalogue.sources.holder(TENANT, SOURCE)
    assert holder is not None
    return holder
