"""The state of everything, as `footnote status` shows it: per source what is listed, indexed and missing, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.settings import Settings
from kb.catalogue import Catalogue
from kb.catalogue.records import Problem, SourceCounts, SourceJob, SyncRun


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPage:
    """A page the source lists that is not indexed."""

    document_id: str
    title: str
    reason: str
    # Read again if somebody asks for it; what is skipped is not.
    can_retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One source."""

    id: str
    counts: SourceCounts
    missing: tuple[MissingPage, ...]
    # Indexed, but not as the source has them now.
    stale: tuple[MissingPage, ...]
    run: SyncRun | None
    last_complete: SyncRun | None
    job: SourceJob | None

    @property
    def lag_seconds(self) -> float | None:
        """Age of what is known for sure: seconds since the last complete sync began. None before the first."""
        if self.last_complete is None:
            return None
        return max(0.0, (datetime.now(UTC) - self.last_complete.started_at).total_seconds())

    @property
    def next_run(self) -> datetime | None:
        """When a running scheduler (`footnote serve`, `footnote sync --watch`) begins the next one."""
        if self.job is None or self.job.holder is not None:
            return None
        times = [time for time in (self.job.due_at, self.job.rests_until) if time is not None]
        return max(times) if times else None

    @property
    def last_sync(self) -> str:
        """When the last run began, for people."""
        return f"{self.run.started_at:%Y-%m-%d %H:%M} UTC" if self.run else "never"

    @property
    def state(self) -> str:
        """How the last run ended, for people."""
        if self.run is None:
            return "run `footnote sync`"
        if self.run.report is None:
            return "running, or stopped midway"
        if self.job is not None and self.job.failures:
            return f"failed {self.job.failures} times in a row: {self.job.reason}"
        return "complete" if self.run.report.get("complete") else str(self.run.report.get("reason") or "incomplete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All sources, the index and the models."""

    sources: tuple[SourceStatus, ...]
    index: Mapping[str, object]
    models: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """The shape that `footnote status --json` promises."""
        return {
            "sources": [_source_json(source) for source in self.sources],
            "index": dict(self.index),
            "models": dict(self.models),
        }


async def read_status(settings: Settings, catalogue: Catalogue) -> Status:
    """The state as the catalogue knows it; nothing is started or loaded."""
    live = await catalogue.generations.live(settings.tenant)
    revisions = await catalogue.documents.live_revisions(settings.tenant)
    sources = [await _source(catalogue, settings.tenant, source.id) for source in settings.sources]
    return Status(
        sources=tuple(sources),
        index={
            "kind": settings.index.kind,
            "generation": live.id if live else None,
            "kept_generations": [each.id for each in await catalogue.generations.others(settings.tenant)],
            "documents": len(revisions),
            "chunks": sum(count for _, count in revisions.values()),
        },
        models={
            "embedder": live.embedder_name if live else str(settings.embedder.plugin_values.get("model", "starter")),
            "chat_model": _chat_model(settings),
        },
    )


def _chat_model(settings: Settings) -> str:
    table = settings.chat_model
    named = table.plugin_values.get("model", "starter" if table.kind == "llama_cpp" else "")
    return f"{table.kind} {named}".strip()


async def _source(catalogue: Catalogue, tenant: str, source_id: str) -> SourceStatus:
    stored = await catalogue.documents.versions(tenant, source_id)
    problems = await catalogue.sources.problems(tenant, source_id)
    stale = [each for each in problems if each.native_id in stored and each.kind == "failed"]
    jobs = await catalogue.jobs.all(tenant)
    return SourceStatus(
        id=source_id,
        counts=await catalogue.sources.counts(tenant, source_id),
        missing=tuple(_missing(source_id, each) for each in problems if each.native_id not in stored),
        stale=tuple(_missing(source_id, each) for each in stale),
        run=await catalogue.sources.last_run(tenant, source_id),
        last_complete=await catalogue.sources.last_complete(tenant, source_id),
        job=jobs.get(source_id),
    )


def _missing(source_id: str, problem: Problem) -> MissingPage:
    reason = f"skipped: {problem.reason}" if problem.kind == "skipped" else problem.reason
    if problem.attempts > 1:
        reason += f" (tried {problem.attempts} times)"
    return MissingPage(
        document_id=f"{source_id}:{problem.native_id}",
        title=problem.title,
        reason=reason,
        can_retry=problem.kind == "failed",
    )


def _source_json(source: SourceStatus) -> dict[str, object]:
    counts = source.counts
    return {
        "id": source.id,
        "listed": counts.listed,
        "indexed": counts.indexed,
        "skipped": counts.skipped,
        "quarantined": counts.quarantined,
        "unread": counts.unread,
        "stale": [_page_json(each) for each in source.stale],
        "missing": [_page_json(each) for each in source.missing],
        "last_run": dict(source.run.report) if source.run and source.run.report else None,
        "lag_seconds": None if source.lag_seconds is None else round(source.lag_seconds),
        "next_run": source.next_run.isoformat() if source.next_run else None,
        "failures": source.job.failures if source.job else 0,
    }


def _page_json(page: MissingPage) -> dict[str, object]:
    return {"document_id": page.document_id, "title": page.title, "reason": page.reason}
