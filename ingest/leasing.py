"""One sync of a source at a time, on whatever machine: a lease, kept while it works, taken over if its holder died."""

import asyncio
import logging
import os
import socket
from pathlib import Path
from types import TracebackType

from kb.catalogue import Catalogue
from kb.errors import CatalogueError, CatalogueUnavailable, SourceUnavailable

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
BEAT_SECONDS = 15.0


class SourceLease:
    """The right to sync one source, as an async context manager.

    Entering raises SourceUnavailable if another sync has it. If it is lost, the work inside is cancelled and
    CatalogueUnavailable is raised: two syncs would delete each other's points.
    """

    def __init__(self, catalogue: Catalogue, *, tenant: str, source_id: str, run_id: str) -> None:
        self._sources = catalogue.sources
        self._tenant = tenant
        self._source_id = source_id
        self._holder = holder_name(run_id)
        self._is_lost = False
        self._beat: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        if not await self._acquire():
            await self._take_from_the_dead()
        owner = asyncio.current_task()
        if owner is None:
            raise AssertionError("a lease is held by a task")
        self._beat = asyncio.create_task(self._keep(owner))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.gather(self._beat, return_exceptions=True)
        if self._is_lost and isinstance(error, asyncio.CancelledError):
            if owner := asyncio.current_task():
                owner.uncancel()
            raise CatalogueUnavailable(
                f"{self._source_id}: the sync stopped because another took over its lease; nothing stored is lost"
            ) from error
        try:
            await self._sources.release(self._tenant, self._source_id, holder=self._holder)
        except CatalogueError:
            # What went wrong before says more; the lease runs out by itself.
            logger.warning("lease not released", extra={"source_id": self._source_id})

    async def _acquire(self) -> bool:
        return await self._sources.acquire(self._tenant, self._source_id, holder=self._holder, seconds=LEASE_SECONDS)

    async def _take_from_the_dead(self) -> None:
        """A holder on this machine whose process is gone needs no waiting for."""
        other = await self._sources.holder(self._tenant, self._source_id)
        if other is not None and is_dead(other):
            await self._sources.release(self._tenant, self._source_id, holder=other)
        if not await self._acquire():
            raise SourceUnavailable(
                f"{self._source_id} is being synced by another process ({_describe(other)}): wait for it to finish"
            )

    async def _keep(self, owner: "asyncio.Task[object]") -> None:
        """Renew until cancelled. The lease outlasts some failures of the catalogue, but not their sum."""
        deadline = asyncio.get_running_loop().time() + LEASE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    is_kept = await self._sources.renew(
                        self._tenant, self._source_id, holder=self._holder, seconds=LEASE_SECONDS
                    )
            except (CatalogueError, TimeoutError):
                continue
            if not is_kept:
                break
            deadline = asyncio.get_running_loop().time() + LEASE_SECONDS
        logger.error("lease lost", extra={"source_id": self._source_id})
        self._is_lost = True
        owner.cancel()


def holder_name(run_id: str) -> str:
    """Who holds a lease: this machine, this process, and when it started."""
    return f"{_machine()} {os.getpid()} {_started(os.getpid())} {run_id}"


def _machine() -> str:
    return socket.gethostname().replace(" ", "-")[:100]


def _started(process_id: int) -> str:
    """When a process started, in the kernel's ticks, as process ids are used again; `-` where there is no /proc."""
    try:
        line = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "-"
    # The name, in parentheses, may hold anything; the start time is the 20th field after it.
    return line.rpartition(")")[2].split()[19]


def is_dead(holder: str) -> bool:
    """Is the holder a process of this machine that has ended?"""
    machine, process_id, started = [*holder.split(" "), "", "", ""][:3]
    if machine != _machine() or not process_id.isdigit():
        return False
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return started != _started(int(process_id))


def _describe(holder: str | None) -> str:
    machine, process_id = [*(holder or "").split(" "), "", ""][:2]
    return f"process {process_id} on {machine}" if process_id.isdigit() else "it just ended"
