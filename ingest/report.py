"""The completeness report: what a source says exists, what of it is indexed, and why the rest is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingDocument:
    """A listed document that is not indexed."""

    document_id: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """How one sync of one source ended. `requests`: calls or file reads; `complete`: all that is listed was seen.

    `left_out`: what the documents that were read hold and what has no text here, by kind.
    """

    source_id: str
    started_at: datetime
    seconds: float
    listed: int
    indexed: int
    skipped: int
    quarantined: int
    missing: tuple[MissingDocument, ...]
    requests: int
    fetched: int
    embedded_chunks: int
    reused_chunks: int
    removed: int
    repaired: int
    complete: bool
    reason: str | None
    left_out: Mapping[str, int] = field(default_factory=dict)
    # The source could not be read to the end; `retry_after`: seconds that it asked us to wait.
    has_failed: bool = False
    retry_after: float | None = None
    # Another process is syncing the source.
    was_refused: bool = False

    def run_facts(self) -> dict[str, object]:
        """What `footnote status --json` shows as `last_run`."""
        return {
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "requests": self.requests,
            "fetched": self.fetched,
            "embedded_chunks": self.embedded_chunks,
            "reused_chunks": self.reused_chunks,
            "removed": self.removed,
            "repaired": self.repaired,
            "left_out": dict(self.left_out),
            "complete": self.complete,
            "reason": self.reason,
        }

    def lines(self) -> list[str]:
        """The same for people: one line of counts, one a missing document, one if the run was cut short."""
        counts = (
            f"{self.source_id}: {self.listed} listed, {self.indexed} indexed, {self.skipped} skipped, "
            f"{self.quarantined} quarantined; {self.fetched} read, {self.embedded_chunks} chunks embedded, "
            f"{self.reused_chunks} reused, {self.removed} removed in {self.seconds:.1f} s"
        )
        missing = [f"  missing: {each.title} ({each.document_id}): {each.reason}" for each in self.missing]
        kinds = sorted(self.left_out.items(), key=lambda each: (-each[1], each[0]))
        left_out = [f"  without text here: {', '.join(f'{kind} ({count})' for kind, count in kinds)}"] if kinds else []
        return [counts, *missing, *left_out, *([f"  stopped: {self.reason}"] if self.reason else [])]


class Progress(Protocol):
    """What a run tells while it works."""

    def started(self, source_id: str) -> None:
        """A sync of a source begins."""

    def listed(self, source_id: str, count: int) -> None:
        """So many documents have to be looked at; told again if it turns out to be more."""

    def advanced(self, source_id: str, count: int) -> None:
        """So many more documents are done."""

    def finished(self, report: SyncReport) -> None:
        """The sync of a source ended."""


class Silent:
    """Progress that nobody watches."""

    def started(self, source_id: str) -> None:
        """Nothing."""

    def listed(self, source_id: str, count: int) -> None:
        """Nothing."""

    def advanced(self, source_id: str, count: int) -> None:
        """Nothing."""

    def finished(self, report: SyncReport) -> None:
        """Nothing."""
