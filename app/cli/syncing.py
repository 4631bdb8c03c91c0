"""`footnote sync` and `footnote status`."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from app.cli.printing import make_console, plain, print_line, print_table, shorten
from app.cli.running import OUR_MISTAKE, global_options, run
from app.settings import Settings
from app.status import SourceStatus, Status, read_status
from app.suspects import suspects
from ingest.report import SyncReport
from ingest.wiring import build_scheduler, choose_sources, sync_sources
from kb.catalogue import Catalogue
from kb.errors import ConfigError
from kb.plugins import available, load
from kb.wiring import KnowledgeBase, open_knowledge_base

_COLUMNS = (
    "source", "listed", "indexed", "skipped", "quarantined", "unread", "out of date", "last sync", "lag", "next sync",
    "state",
)  # fmt: skip


def sync(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Default: all.")] = None,
    *,
    is_full: Annotated[bool, typer.Option("--full", help="Read every page again, changed or not.")] = False,
    allow_removals: Annotated[
        bool, typer.Option(help="Remove pages even if very many are gone from the source.")
    ] = False,
    is_watching: Annotated[
        bool, typer.Option("--watch", help="Go on: each source again at its interval, until Ctrl-C.")
    ] = False,
) -> None:
    """Read the sources and bring the knowledge base up to date."""
    settings = global_options(context).settings()
    if is_watching:
        if is_full or allow_removals:
            raise typer.BadParameter("is for one run; leave out --full and --allow-removals", param_hint="--watch")
        run(_watch(settings, sources or []))
        return
    reports = run(_sync(settings, sources or [], is_full=is_full, may_remove_many=allow_removals))
    if any(report.reason for report in reports):
        raise typer.Exit(OUR_MISTAKE)


def status(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    names_missing: Annotated[
        bool, typer.Option("--missing", help="Name every page that is missing or out of date, and why.")
    ] = False,
    names_suspects: Annotated[
        bool, typer.Option("--suspicious", help="Name the sentences of pages that give orders to a language model.")
    ] = False,
    show_config: Annotated[
        bool, typer.Option("--config", help="Print the effective settings, secrets masked.")
    ] = False,
) -> None:
    """Show per source what is listed, indexed and missing, and the state of index and models."""
    settings = global_options(context).settings()
    if show_config:
        typer.echo(json.dumps(settings.masked(), indent=2, default=str))
        return
    # A kind that nobody reads is refused, and not shown as a source without pages.
    if unknown := {source.kind for source in settings.sources} - set(available("ingest.connectors")):
        load("ingest.connectors", sorted(unknown)[0])
    if names_suspects:
        run(_print_suspects(make_console(), settings))
        return
    found = run(_status(settings))
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        _print_status(make_console(), found, names_missing=names_missing)


def retry(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The source's id.")],
    document: Annotated[str | None, typer.Argument(metavar="[ID]", help="One document; default: all.")] = None,
) -> None:
    """Read quarantined pages again at the next sync, however often they have failed."""
    settings = global_options(context).settings()
    (chosen,) = choose_sources(settings, [source])
    native_id = document.removeprefix(f"{source}:") if document is not None else None
    count = run(_retry(settings, chosen.id, native_id))
    if not count:
        raise ConfigError(f"nothing is quarantined in {source}" + (f" under {document!r}" if document else ""))
    typer.echo(f"{count} to be read again: footnote sync {source} does it now, a running server by itself")


async def sync_and_show(
    knowledge_base: KnowledgeBase, sources: list[str], *, is_full: bool = False, may_remove_many: bool = False
) -> list[SyncReport]:
    """Sync with a progress bar on a terminal (plain lines in a pipe), then print each source's report."""
    with ProgressBar(Console(stderr=True)) as progress:
        reports = await sync_sources(
            knowledge_base,
            source_ids=sources,
            is_full=is_full,
            may_remove_many=may_remove_many,
            progress=progress,
        )
    for report in reports:
        for line in report.lines():
            typer.echo(plain(line))
    return reports


class ProgressBar:
    """A bar for each source on a terminal; a line when one begins elsewhere."""

    def __init__(self, console: Console) -> None:
        self._is_terminal = console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bars = Progress(*columns, console=console, disable=not self._is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ProgressBar":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def started(self, source_id: str) -> None:
        """A bar of unknown length."""
        self._tasks[source_id] = self._bars.add_task(f"syncing {source_id}", total=None)
        if not self._is_terminal:
            typer.echo(f"syncing {source_id}", err=True)

    def listed(self, source_id: str, count: int) -> None:
        """The bar's length."""
        self._bars.update(self._tasks[source_id], total=count)

    def advanced(self, source_id: str, count: int) -> None:
        """The bar moves."""
        self._bars.advance(self._tasks[source_id], count)

    def finished(self, report: SyncReport) -> None:
        """The bar is full."""
        task = self._tasks[report.source_id]
        done = self._bars.tasks[self._bars.task_ids.index(task)].completed
        self._bars.update(task, total=max(done, 1), completed=max(done, 1))


class Lines:
    """Progress as the lines of each report, with the time: for runs that nobody sits in front of."""

    def started(self, source_id: str) -> None:
        """Nothing: the report says it all."""

    def listed(self, source_id: str, count: int) -> None:
        """Nothing."""

    def advanced(self, source_id: str, count: int) -> None:
        """Nothing."""

    def finished(self, report: SyncReport) -> None:
        """The report, if there is anything new in it."""
        if report.reason or report.fetched or report.removed or report.repaired or report.missing:
            for line in report.lines():
                typer.echo(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {plain(line)}")


async def _sync(settings: Settings, sources: list[str], *, is_full: bool, may_remove_many: bool) -> list[SyncReport]:
    async with open_knowledge_base(settings) as knowledge_base:
        return await sync_and_show(knowledge_base, sources, is_full=is_full, may_remove_many=may_remove_many)


async def _watch(settings: Settings, sources: list[str]) -> None:
    chosen = choose_sources(settings, sources)
    async with open_knowledge_base(settings) as knowledge_base:
        await build_scheduler(lambda: knowledge_base, chosen, progress=Lines()).run_forever()


async def _print_suspects(console: Console, settings: Settings) -> None:
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        found = [each async for each in suspects(catalogue, tenant=settings.tenant)]
    rows = [(each.document_id, " › ".join(each.heading_path), shorten(each.quote), each.why) for each in found]
    print_table(console, ("page", "section", "sentence", "why"), rows)
    console.print(f"orders to a language model: {len(found)}; none is used as evidence")


async def _status(settings: Settings) -> Status:
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        return await read_status(settings, catalogue)


async def _retry(settings: Settings, source_id: str, native_id: str | None) -> int:
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        count = await catalogue.sources.retry(settings.tenant, source_id, native_id=native_id)
        if count:
            await catalogue.jobs.enqueue(settings.tenant, source_id, is_hint=True)
    return count


def _print_status(console: Console, found: Status, *, names_missing: bool) -> None:
    print_table(console, _COLUMNS, [_row(source) for source in found.sources])
    for source in found.sources:
        if names_missing:
            for each in source.missing:
                print_line(console, f"  missing: {each.title} ({each.document_id}): {each.reason}")
            for each in source.stale:
                print_line(console, f"  out of date: {each.title} ({each.document_id}): {each.reason}")
    if not names_missing and any(source.missing or source.stale for source in found.sources):
        print_line(console, "footnote status --missing names the pages that are missing or out of date, and why")
    index = found.index
    print_line(console, f"index: documents {index['documents']}, chunks {index['chunks']} ({index['kind']})")
    for role, name in found.models.items():
        print_line(console, f"{role.replace('_', ' ')}: {name}")


def _row(source: SourceStatus) -> tuple[object, ...]:
    counts = source.counts
    sizes = (counts.listed, counts.indexed, counts.skipped, counts.quarantined, counts.unread, counts.stale)
    lag = "" if source.lag_seconds is None else _duration(source.lag_seconds)
    next_run = f"{source.next_run:%H:%M:%S}" if source.next_run else ""
    return (source.id, *sizes, source.last_sync, lag, next_run, source.state)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
