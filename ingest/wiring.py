"""The one place of ingestion that picks concrete classes: connectors by their kind."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from ingest.changes import Connector
from ingest.report import Progress, Silent, SyncReport
from ingest.scheduling import Scheduler
from ingest.settings import connector_config
from ingest.sync import SourceSync
from kb.errors import ConfigError
from kb.plugins import load
from kb.settings import KnowledgeSettings, SourceTable
from kb.wiring import KnowledgeBase


async def sync_sources(
    knowledge_base: KnowledgeBase,
    *,
    source_ids: Sequence[str] = (),
    is_full: bool = False,
    may_remove_many: bool = False,
    progress: Progress | None = None,
) -> list[SyncReport]:
    """Sync the named sources (default: all), one after the other. Raises ConfigError before anything is read.

    A source that another process is syncing is reported as such, and the others go on.
    """
    settings = knowledge_base.settings
    reports = []
    async with AsyncExitStack() as opened:
        chosen = []
        for source in choose_sources(settings, source_ids):
            connector = build_connector(source, settings)
            opened.push_async_callback(connector.close)
            chosen.append((source, connector))
        for source, connector in chosen:
            sync = SourceSync(
                knowledge_base,
                connector,
                source_id=source.id,
                progress=progress or Silent(),
                may_remove_many=may_remove_many,
            )
            reports.append(await sync.run(is_full=is_full))
    return reports


def build_scheduler(
    current: Callable[[], KnowledgeBase], sources: Sequence[SourceTable], *, progress: Progress | None = None
) -> Scheduler:
    """What keeps these sources up to date. `current`: the knowledge base at the moment, asked at each run."""

    async def run(source: SourceTable) -> SyncReport:
        (report,) = await sync_sources(current(), source_ids=[source.id], progress=progress)
        return report

    base = current()
    return Scheduler(base.catalogue.jobs, run, tenant=base.settings.tenant, sources=sources)


def choose_sources(settings: KnowledgeSettings, source_ids: Sequence[str]) -> list[SourceTable]:
    """The sources by id; all of them if none is named. Raises ConfigError."""
    if not settings.sources:
        raise ConfigError("the configuration names no source: add a [[sources]] table (see footnote.example.toml)")
    known = {source.id: source for source in settings.sources}
    if unknown := [source_id for source_id in source_ids if source_id not in known]:
        raise ConfigError(f"no source {unknown[0]!r}; the configuration has {', '.join(known)}")
    return [known[source_id] for source_id in source_ids] if source_ids else list(known.values())


def build_connector(source: SourceTable, settings: KnowledgeSettings) -> Connector:
    """The connector of a source. Building reads nothing yet. Raises ConfigError."""
    plugin = load("ingest.connectors", source.kind)
    config = connector_config(source, plugin)
    connector: Connector = plugin.build(config, tenant=settings.tenant, source_id=source.id)
    return connector
