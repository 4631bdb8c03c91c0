"""What a run finds out is collected, saved, and made into its report."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ingest.changes import Failed, Listing, Skipped
from ingest.report import MissingDocument, SyncReport
from kb.catalogue import Catalogue
from kb.catalogue.records import Problem, SourceCounts
from kb.documents import document_id
from kb.errors import SourceError

# After so many failures of one version it is left alone until it changes, or until somebody says `footnote retry`.
MOST_ATTEMPTS = 5


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a run has counted so far."""

    fetched: int = 0
    embedded_chunks: int = 0
    reused_chunks: int = 0
    removed: int = 0
    repaired: int = 0
    # What was read and has no text here: kind → how often.
    left_out: Counter[str] = field(default_factory=Counter)
    # What kept the source from being read to the end.
    failure: SourceError | None = None


class RunReporter:
    """The tally and the problems of one run over one source."""

    def __init__(self, catalogue: Catalogue, *, tenant: str, source_id: str) -> None:
        self.tally = Tally()
        self._catalogue = catalogue
        self._tenant = tenant
        self._source_id = source_id
        self._started_at = datetime.now(UTC)
        self._began = time.monotonic()
        self._problems: dict[str, Problem] = {}
        self._read: set[str] = set()
        # What was wrong before this run.
        self._before: dict[str, Problem] = {}

    async def begin(self) -> Mapping[str, str]:
        """Read what was wrong before. Returns native id → version of what has failed so often that it is left alone."""
        before = await self._catalogue.sources.problems(self._tenant, self._source_id)
        self._before = {problem.native_id: problem for problem in before}
        return {problem.native_id: problem.version for problem in before if _is_left_alone(problem)}

    def left_alone_at(self, native_id: str, version: str) -> None:
        """The version that is left alone has another name now: other people may read it, and its text is the same."""
        self._before[native_id] = replace(self._before[native_id], version=version)

    def was_read(self, native_id: str) -> None:
        """A document came: whatever was wrong with it is no more."""
        self._read.add(native_id)
        self._problems.pop(native_id, None)

    def note_change(self, change: Skipped | Failed) -> None:
        """A document that is not indexed, or not as its source has it now, and why."""
        if isinstance(change, Skipped):
            skipped = Problem(kind="skipped", native_id=change.native_id, title=change.title, reason=change.reason)
            self.note(skipped)
            return
        before = self._before.get(change.native_id)
        is_again = before is not None and before.kind == "failed" and before.version == change.version
        self.note(
            Problem(
                kind="failed",
                native_id=change.native_id,
                title=change.title,
                reason=change.reason,
                version=change.version,
                attempts=(before.attempts if before is not None and is_again else 0) + 1,
            )
        )

    def note(self, problem: Problem) -> None:
        """The same, in the catalogue's words."""
        self._problems[problem.native_id] = problem

    async def finish(self, listing: Listing | None, *, reason: str | None, requests: int) -> SyncReport:
        """Save what was listed and what is missing, and report. `reason`: why the run was cut short."""
        sources = self._catalogue.sources
        is_complete = reason is None and listing is not None and listing.is_complete
        problems = await self._all_problems(listing, is_complete=is_complete)
        listed = len(listing.titles) if listing else (await sources.counts(self._tenant, self._source_id)).listed
        await sources.save_listing(self._tenant, self._source_id, listed=listed, problems_found=problems)
        return self._report(
            await sources.counts(self._tenant, self._source_id),
            _missing(self._source_id, problems),
            requests=requests,
            is_complete=is_complete,
            reason=reason or (listing.reason if listing else None),
        )

    async def refuse(self, reason: str) -> SyncReport:
        """The report of a run that was not let in: what is stored, and nothing found out."""
        counts = await self._catalogue.sources.counts(self._tenant, self._source_id)
        report = self._report(counts, (), requests=0, is_complete=False, reason=reason)
        return replace(report, was_refused=True)

    def fail(self, reason: str, *, requests: int) -> SyncReport:
        """What can be said of a run that our own failure ended: nothing of what is listed or missing."""
        unknown = SourceCounts(listed=0, indexed=0, skipped=0, quarantined=0)
        return self._report(unknown, (), requests=requests, is_complete=False, reason=reason)

    def _report(
        self,
        counts: SourceCounts,
        missing: tuple[MissingDocument, ...],
        *,
        requests: int,
        is_complete: bool,
        reason: str | None,
    ) -> SyncReport:
        return SyncReport(
            source_id=self._source_id,
            started_at=self._started_at,
            seconds=time.monotonic() - self._began,
            listed=counts.listed,
            indexed=counts.indexed,
            skipped=counts.skipped,
            quarantined=counts.quarantined,
            missing=missing,
            requests=requests,
            fetched=self.tally.fetched,
            embedded_chunks=self.tally.embedded_chunks,
            reused_chunks=self.tally.reused_chunks,
            removed=self.tally.removed,
            repaired=self.tally.repaired,
            left_out=dict(self.tally.left_out),
            complete=is_complete,
            reason=reason,
            has_failed=self.tally.failure is not None,
            retry_after=getattr(self.tally.failure, "retry_after", None),
        )

    async def _all_problems(self, listing: Listing | None, *, is_complete: bool) -> list[Problem]:
        """This run's problems, and those standing of what it did not look at: all of them if it was cut short."""
        stored = await self._catalogue.documents.versions(self._tenant, self._source_id)
        titles = listing.titles if listing is not None else {}
        standing = {
            native_id: problem
            for native_id, problem in self._before.items()
            if native_id not in self._read
            and not (problem.kind == "unread" and native_id in stored)
            and (not is_complete or (_is_left_alone(problem) and native_id in titles))
        }
        unread = {
            native_id: Problem(kind="unread", native_id=native_id, title=title, reason="not read yet")
            for native_id, title in titles.items()
            if native_id not in stored
        }
        return list((unread | standing | self._problems).values())


def _missing(source_id: str, problems: Sequence[Problem]) -> tuple[MissingDocument, ...]:
    """Every listed document that is not indexed, or not as its source has it now, by id."""
    return tuple(
        MissingDocument(
            document_id=document_id(source_id, problem.native_id), title=problem.title, reason=problem.reason
        )
        for problem in sorted(problems, key=lambda problem: problem.native_id)
    )


def _is_left_alone(problem: Problem) -> bool:
    """Has this very version failed so often that reading it once more is a waste?"""
    return problem.kind == "failed" and problem.version != "" and problem.attempts >= MOST_ATTEMPTS
