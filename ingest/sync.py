"""One sync of one source: what changed is stored, what is gone is removed, and all of it is reported."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from uuid import uuid4

from ingest.changes import Checkpoint, Connector, Failed, Listing, Removed, Skipped
from ingest.removing import Removals
from ingest.repairing import collect_garbage, repair_index
from ingest.report import Progress, SyncReport, Tally, missing_from
from ingest.storing import Storer
from kb.catalogue.records import Problem
from kb.documents import Document
from kb.errors import ConfigError, KnowledgeBaseError, SourceError
from kb.logs import run_id as run_id_of_logs
from kb.wiring import KnowledgeBase

logger = logging.getLogger(__name__)
LEASE_SECONDS = 60.0


class SourceSync:
    """Syncs one source once."""

    def __init__(
        self,
        knowledge_base: KnowledgeBase,
        connector: Connector,
        *,
        source_id: str,
        progress: Progress,
        may_remove_many: bool = False,
    ) -> None:
        self._base = knowledge_base
        self._connector = connector
        self._source_id = source_id
        self._tenant = knowledge_base.settings.tenant
        self._progress = progress
        self._tally = Tally()
        self._storer = Storer(knowledge_base, self._tally)
        self._removals = Removals(knowledge_base, connector, source_id=source_id, may_remove_many=may_remove_many)
        self._problems: dict[str, Problem] = {}
        self._listing: Listing | None = None

    async def run(self, *, is_full: bool) -> SyncReport:
        """Sync, and say how it went. A source that fails is a report with a reason; our own failures are raised."""
        run_id = uuid4().hex
        run_id_of_logs.set(run_id)
        self._progress.started(self._source_id)
        started = time.monotonic()
        async with self._lease(run_id):
            await self._base.catalogue.sources.start_run(self._tenant, self._source_id, run_id=run_id)
            self._tally.repaired = await repair_index(self._base, source_id=self._source_id)
            reason = await self._follow_changes(is_full=is_full)
            report = await self._report(seconds=time.monotonic() - started, reason=reason)
            await self._base.catalogue.sources.finish_run(self._tenant, run_id=run_id, report=report.run_facts())
            await collect_garbage(self._base, source_id=self._source_id)
        self._progress.finished(report)
        return report

    async def _follow_changes(self, *, is_full: bool) -> str | None:
        """Store and remove. Returns why the run was cut short, if it was."""
        catalogue = self._base.catalogue
        versions = await catalogue.documents.versions(self._tenant, self._source_id)
        saved = await catalogue.sources.checkpoint(self._tenant, self._source_id)
        since = Checkpoint(value=saved) if saved is not None and not is_full else None
        try:
            async with aclosing(self._connector.changes(since, known={} if is_full else versions)) as changes:  # type: ignore[type-var]  # connectors are async generators
                async for change in changes:
                    await self._take(change, versions)
            await self._flush()
        except SourceError as exc:
            await self._flush()
            logger.warning("source failed", extra={"source_id": self._source_id, "error": type(exc).__name__})
            return str(exc)
        return await self._removals.carry_out(self._listing, self._tally, self._problems)

    async def _take(self, change: object, versions: Mapping[str, str]) -> None:
        match change:
            case Document():
                self._problems.pop(change.native_id, None)
                self._advance(await self._storer.add(change))
            case Removed():
                self._removals.note(change)
            case Skipped() | Failed():
                self._note(change)
            case Listing():
                self._listing = change
                self._progress.listed(self._source_id, len(change.titles) - len(versions.keys() & change.titles.keys()))
            case Checkpoint():
                await self._flush()
                await self._base.catalogue.sources.save_checkpoint(self._tenant, self._source_id, change.value)

    async def _flush(self) -> None:
        self._advance(await self._storer.flush())
        for refused in self._storer.refused:
            self._note(refused)
        self._storer.refused.clear()

    def _note(self, change: Skipped | Failed) -> None:
        kind = "skipped" if isinstance(change, Skipped) else "failed"
        self._problems[change.native_id] = Problem(
            kind=kind, native_id=change.native_id, title=change.title, reason=change.reason
        )
        self._advance(1)

    def _advance(self, count: int) -> None:
        if count:
            self._progress.advanced(self._source_id, count)

    async def _report(self, *, seconds: float, reason: str | None) -> SyncReport:
        """Save what was listed and what is missing, and put the report together."""
        sources = self._base.catalogue.sources
        problems = list(self._problems.values())
        titles = dict(self._listing.titles) if self._listing else {}
        is_complete = reason is None and self._listing is not None and self._listing.is_complete
        if not is_complete:
            # A run that was cut short knows only part: what was known before stands beside it.
            problems = [*await sources.problems(self._tenant, self._source_id), *problems]
        known = await sources.counts(self._tenant, self._source_id)
        listed = len(titles) if self._listing else known.listed
        await sources.save_listing(self._tenant, self._source_id, listed=listed, problems_found=problems)
        counts = await sources.counts(self._tenant, self._source_id)
        stored = await self._base.catalogue.documents.versions(self._tenant, self._source_id)
        absent = {native_id: (title, "not read yet") for native_id, title in titles.items() if native_id not in stored}
        absent |= {each.native_id: (each.title, each.reason) for each in problems if each.native_id not in stored}
        return SyncReport(
            source_id=self._source_id,
            started_at=self._tally.started_at,
            seconds=seconds,
            listed=counts.listed,
            indexed=counts.indexed,
            skipped=counts.skipped,
            quarantined=counts.quarantined,
            missing=missing_from(absent, source_id=self._source_id),
            requests=self._connector.request_count,
            fetched=self._tally.fetched,
            embedded_chunks=self._tally.embedded_chunks,
            reused_chunks=self._tally.reused_chunks,
            removed=self._tally.removed,
            repaired=self._tally.repaired,
            complete=is_complete,
            reason=reason or (self._listing.reason if self._listing else None),
        )

    @asynccontextmanager
    async def _lease(self, holder: str) -> AsyncIterator[None]:
        """One sync of a source at a time, whoever starts it; a dead holder's lease runs out."""
        sources = self._base.catalogue.sources
        if not await sources.acquire(self._tenant, self._source_id, holder=holder, seconds=LEASE_SECONDS):
            raise ConfigError(
                f"{self._source_id} is being synced by another process; wait for it, or for its lease "
                f"to run out ({LEASE_SECONDS:.0f} s after it died)"
            )
        beat = asyncio.create_task(self._keep_lease(holder))
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            await sources.release(self._tenant, self._source_id, holder=holder)

    async def _keep_lease(self, holder: str) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                kept = await self._base.catalogue.sources.renew(
                    self._tenant, self._source_id, holder=holder, seconds=LEASE_SECONDS
                )
            except KnowledgeBaseError:
                continue  # tried again before the lease runs out
            if not kept:
                logger.error("lease lost", extra={"source_id": self._source_id})
