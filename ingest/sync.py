"""One sync of one source: what changed is stored, what is gone is removed, and all of it is reported."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing, suppress
from uuid import uuid4

from ingest.changes import (
    AccessChanged,
    Change,
    Checkpoint,
    Connector,
    Failed,
    LeftOut,
    Listing,
    Memberships,
    Removed,
    Skipped,
)
from ingest.leasing import SourceLease
from ingest.removing import Removals
from ingest.repairing import agrees, collect_garbage, repair_index
from ingest.report import Progress, SyncReport
from ingest.reporting import RunReporter
from ingest.storing import Storer
from kb.documents import Document
from kb.errors import CatalogueUnavailable, KnowledgeBaseError, SourceError, SourceUnavailable
from kb.logs import run_id as run_id_of_logs
from kb.wiring import KnowledgeBase

logger = logging.getLogger(__name__)
LAST_WORDS_SECONDS = 5.0


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
        self._catalogue = knowledge_base.catalogue
        self._connector = connector
        self._source_id = source_id
        self._tenant = knowledge_base.settings.tenant
        self._progress = progress
        self._run_id = uuid4().hex
        self._reporter = RunReporter(knowledge_base.catalogue, tenant=self._tenant, source_id=source_id)
        self._storer = Storer(knowledge_base, self._reporter.tally)
        self._removals = Removals(
            knowledge_base.catalogue,
            connector,
            tenant=self._tenant,
            source_id=source_id,
            may_remove_many=may_remove_many,
        )
        self._listing: Listing | None = None
        self._held_back: Checkpoint | None = None
        self._left_alone: Mapping[str, str] = {}

    async def run(self, *, is_full: bool) -> SyncReport:
        """Sync, and say how it went. `is_full`: read everything again.

        A source that fails, or that another process is syncing, is a report with a reason; our own failures are raised.
        """
        run_id_of_logs.set(self._run_id)
        self._progress.started(self._source_id)
        lease = SourceLease(self._catalogue, tenant=self._tenant, source_id=self._source_id, run_id=self._run_id)
        try:
            async with lease:
                report = await self._run(is_full=is_full)
        except SourceUnavailable as exc:
            report = await self._reporter.refuse(str(exc))
        self._progress.finished(report)
        return report

    async def _run(self, *, is_full: bool) -> SyncReport:
        await self._catalogue.sources.start_run(self._tenant, self._source_id, run_id=self._run_id)
        try:
            return await self._sync(is_full=is_full)
        except OSError as exc:
            reason = exc.strerror or type(exc).__name__
            await self._note_failure(reason)
            raise CatalogueUnavailable(f"the sync stopped: {reason}; nothing stored is lost") from exc
        except BaseException as exc:
            await self._note_failure(_reason_of(exc))
            raise

    async def _sync(self, *, is_full: bool) -> SyncReport:
        self._reporter.tally.repaired = await repair_index(self._base, source_id=self._source_id)
        self._left_alone = await self._reporter.begin()
        known = await self._catalogue.documents.versions(self._tenant, self._source_id)
        reason = await self._follow_changes(known, is_full=is_full)
        # A run that was cut short still takes away what its source said is gone; its listing proves nothing.
        listing = self._listing if reason is None else None
        reason_to_keep = await self._remove(listing, known=known, is_full=is_full)
        reason = reason or reason_to_keep
        await collect_garbage(self._base, source_id=self._source_id)
        await self._look_again()
        report = await self._reporter.finish(self._listing, reason=reason, requests=self._connector.request_count)
        await self._catalogue.sources.finish_run(self._tenant, run_id=self._run_id, report=report.run_facts())
        return report

    async def _look_again(self) -> None:
        """What this run wrote is in the index, or it is made again: an index may acknowledge what it does not keep."""
        tally = self._reporter.tally
        is_changed = tally.fetched or tally.removed
        if is_changed and not await agrees(self._base, source_id=self._source_id):
            tally.repaired += await repair_index(self._base, source_id=self._source_id)

    async def _follow_changes(self, known: Mapping[str, str], *, is_full: bool) -> str | None:
        """Store what the connector gives. Returns why it was cut short, if it was."""
        saved = await self._catalogue.sources.checkpoint(self._tenant, self._source_id)
        since = Checkpoint(value=saved) if saved is not None and not is_full else None
        stream = self._connector.changes(since, known={} if is_full else {**known, **self._left_alone})
        try:
            async with aclosing(stream) as changes:  # type: ignore[type-var]  # connectors are async generators
                async for change in changes:
                    await self._take(change, known)
        except SourceError as exc:
            logger.warning("source failed", extra={"source_id": self._source_id, "error": type(exc).__name__})
            self._reporter.tally.failure = exc
            await self._flush()
            return str(exc)
        await self._flush()
        return None

    async def _take(self, change: Change, known: Mapping[str, str]) -> None:
        match change:
            case Document() | AccessChanged() | Memberships():
                await self._keep(change)
            case Removed():
                self._removals.note(change)
            case Skipped() | Failed():
                if isinstance(change, Skipped) and change.native_id in known:
                    # It was a page once; what it said then is not what its source says now.
                    self._removals.note(Removed(native_id=change.native_id, reason=change.reason))
                await self._pass_over(change)
            case LeftOut():
                self._reporter.tally.left_out.update(change.counts)
            case Listing():
                self._listing = change
                await self._catalogue.sources.save_listed(self._tenant, self._source_id, listed=len(change.titles))
                self._progress.listed(self._source_id, len(change.titles.keys() - known.keys()))
            case Checkpoint():
                await self._flush()
                await self._save(change)

    async def _pass_over(self, change: Skipped | Failed) -> None:
        self._note(change)
        if isinstance(change, Failed) and change.audience is not None:
            await self._storer.narrow(change.native_id, change.audience, tenant=self._tenant, source_id=self._source_id)

    async def _keep(self, change: Document | AccessChanged | Memberships) -> None:
        match change:
            case Document():
                self._removals.forget(change.native_id)
                self._reporter.was_read(change.native_id)
                self._advance(await self._storer.add(change))
            case AccessChanged():
                # Not `was_read`: what was wrong with its text still is.
                self._removals.forget(change.native_id)
                await self._change_access(change)
            case Memberships():
                await self._set_memberships(change)

    async def _change_access(self, change: AccessChanged) -> None:
        place = {"tenant": self._tenant, "source_id": self._source_id}
        if change.native_id in self._left_alone:
            # What is stored is an older text than the one whose readers changed.
            self._reporter.left_alone_at(change.native_id, change.version)
            await self._storer.narrow(change.native_id, change.audience, **place)
        else:
            await self._storer.change_access(change, **place)

    async def _set_memberships(self, change: Memberships) -> None:
        """Groups of this source. A name that is not its own could let its members into another source's pages."""
        prefix = f"{self._source_id}/"
        own = {name: members for name, members in change.groups.items() if name.startswith(prefix)}
        if len(own) < len(change.groups):
            logger.error("foreign groups refused", extra={"source_id": self._source_id})
        await self._catalogue.access.set_groups(self._tenant, f"source:{self._source_id}", own)

    async def _remove(self, listing: Listing | None, *, known: Mapping[str, str], is_full: bool) -> str | None:
        """Remove what is gone. Returns why nothing was removed, if that is so."""
        try:
            removed_count, reason = await self._removals.carry_out(listing, known=known, is_full=is_full)
        except SourceError as exc:
            self._reporter.tally.failure = exc
            return str(exc)
        self._reporter.tally.removed = removed_count
        for problem in self._removals.unconfirmed:
            self._reporter.note(problem)
        if reason is None and self._held_back is not None:
            await self._catalogue.sources.save_checkpoint(self._tenant, self._source_id, self._held_back.value)
        return reason

    async def _save(self, checkpoint: Checkpoint) -> None:
        """Save a checkpoint: at once, or after the removals that came before it."""
        if self._removals.is_pending:
            self._held_back = checkpoint
        else:
            await self._catalogue.sources.save_checkpoint(self._tenant, self._source_id, checkpoint.value)

    async def _flush(self) -> None:
        self._advance(await self._storer.flush())
        for refused in self._storer.refused:
            self._note(refused)
        self._storer.refused.clear()

    def _note(self, change: Skipped | Failed) -> None:
        self._reporter.note_change(change)
        self._advance(1)

    def _advance(self, count: int) -> None:
        if count:
            self._progress.advanced(self._source_id, count)

    async def _note_failure(self, reason: str) -> None:
        """Say why the run ended, as far as the catalogue still listens."""
        report = self._reporter.fail(reason, requests=self._connector.request_count)
        with suppress(KnowledgeBaseError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._catalogue.sources.finish_run(self._tenant, run_id=self._run_id, report=report.run_facts())
        self._progress.finished(report)


def _reason_of(error: BaseException) -> str:
    """Our own errors speak for themselves; the text of others may repeat what a page says."""
    if isinstance(error, KnowledgeBaseError):
        return str(error)
    return "interrupted" if isinstance(error, asyncio.CancelledError | KeyboardInterrupt) else type(error).__name__
