"""`footnote eval --suite`: retrieval measured on whole collections, each in a knowledge base of its own."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from app.cli.printing import print_table
from app.cli.syncing import ProgressBar
from app.measures import require_library
from app.rating import QueryRating, SuiteRun, rankers, rate
from app.report_suites import COLUMNS, suite_rows
from app.settings import Settings
from app.suites import Suite, find_suites, read_suite
from ingest.wiring import sync_sources
from kb.errors import ConfigError, IndexUnavailable
from kb.settings import SourceTable
from kb.wiring import KnowledgeBase, open_knowledge_base

SOURCE_ID = "suite"
TITLES = {"footnote": "Footnote", "words": "BM25 alone", "embedder": "embedder alone"}


async def run_suites(
    settings: Settings, names: Sequence[str], *, root: Path, keep: Path | None, is_quiet: bool
) -> list[SuiteRun]:
    """Each suite synced into a throw-away knowledge base and searched. `keep`: where they stay for the next time.

    Raises ConfigError.
    """
    require_library()
    chosen = find_suites(root) if list(names) == ["all"] else list(names)
    if not chosen:
        raise ConfigError(f"{root} holds no suite: name the folder with --suites")
    suites = [read_suite(root, name) for name in chosen]
    with kept_or_not(keep) as home:
        return [await _run_suite(settings, suite, home=_home_of(suite, home), is_quiet=is_quiet) for suite in suites]


async def settings_of_suite(settings: Settings, name: str, *, root: Path, home: Path, is_quiet: bool) -> Settings:
    """The caller's configuration over the suite's pages, which are synced. Raises ConfigError, IndexUnavailable."""
    suite = read_suite(root, name)
    suite.write_pages(_home_of(suite, home) / "pages")
    own = _settings_of(settings, _home_of(suite, home))
    async with open_knowledge_base(own) as knowledge_base:
        await _sync(knowledge_base, Console(stderr=True), is_quiet=is_quiet)
    return own


@contextmanager
def kept_or_not(keep: Path | None) -> Iterator[Path]:
    """Where the suites' knowledge bases are: the folder to keep them in, or one that is gone afterwards."""
    with ExitStack() as stack:
        yield keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footnote-suites-")))


def print_suites(console: Console, runs: Sequence[SuiteRun]) -> None:
    """A line a suite."""
    title = "retrieval, one configuration for all; times in milliseconds"
    print_table(console, COLUMNS, suite_rows(runs), title=title)


async def _run_suite(settings: Settings, suite: Suite, *, home: Path, is_quiet: bool) -> SuiteRun:
    from app.wiring import build_retriever

    suite.write_pages(home / "pages")
    own = _settings_of(settings, home)
    ratings: dict[str, list[QueryRating]] = {}
    console = Console(stderr=True)
    async with open_knowledge_base(own) as knowledge_base:
        await _sync(knowledge_base, console, is_quiet=is_quiet)
        principal = await knowledge_base.catalogue.access.principal(own.tenant, None)
        compared = rankers(build_retriever(knowledge_base, own), knowledge_base, principal)
        with Progress(console=console, disable=is_quiet or not console.is_terminal) as progress:
            for name, ranker in compared.items():
                await ranker("the first question loads the model")
                task = progress.add_task(f"{suite.name}: {TITLES[name]}", total=len(suite.queries))
                ratings[name] = []
                async for rating in rate(suite, ranker, source_id=SOURCE_ID):
                    ratings[name].append(rating)
                    progress.advance(task)
    return SuiteRun(suite=suite, ratings=ratings)


def _home_of(suite: Suite, home: Path) -> Path:
    return home / suite.name.replace("/", "-")


def _settings_of(settings: Settings, home: Path) -> Settings:
    """The caller's configuration with the suite's pages as its only source."""
    source = SourceTable(id=SOURCE_ID, kind="folder", path=str(home / "pages"), audience=("everyone",))
    return settings.model_copy(update={"data_dir": home / "data", "sources": (source,), "groups": {}})


async def _sync(knowledge_base: KnowledgeBase, console: Console, *, is_quiet: bool) -> None:
    if is_quiet:
        reports = await sync_sources(knowledge_base)
    else:
        with ProgressBar(console) as progress:
            reports = await sync_sources(knowledge_base, progress=progress)
    for report in reports:
        if report.reason:
            raise IndexUnavailable(f"the suite could not be read: {report.reason}")
