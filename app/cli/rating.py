"""`footnote eval --suite`: retrieval measured on whole collections, each in a knowledge base of its own."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from app.cli.printing import print_table
from app.cli.syncing import ProgressBar
from app.measures import require_library
from app.rating import QueryRating, RankerScores, rankers, rate, summarise
from app.settings import Settings
from app.suites import Suite, find_suites, read_suite
from ingest.wiring import sync_sources
from kb.errors import ConfigError, IndexUnavailable
from kb.settings import SourceTable
from kb.wiring import KnowledgeBase, open_knowledge_base

SOURCE_ID = "suite"
TITLES = {"footnote": "Footnote", "words": "BM25 alone", "embedder": "embedder alone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """A suite as each ranker did it."""

    suite: Suite
    ratings: Mapping[str, Sequence[QueryRating]]

    @property
    def scores(self) -> Mapping[str, RankerScores]:
        """The summary of each ranker."""
        return {name: summarise(ratings) for name, ratings in self.ratings.items()}


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
    runs = []
    with ExitStack() as stack:
        home = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footnote-suites-")))
        for suite in suites:
            runs.append(await _run_suite(settings, suite, home=home / suite.name.replace("/", "-"), is_quiet=is_quiet))
    return runs


def print_suites(console: Console, runs: Sequence[SuiteRun]) -> None:
    """A line a suite."""
    columns = (
        "suite",
        "pages",
        "queries",
        "nDCG@10",
        "BM25 alone",
        "embedder alone",
        "R@5",
        "R@20",
        "MRR@10",
        "p50",
        "p95",
    )
    rows = []
    for run in runs:
        mine, words, vectors = (run.scores[name] for name in ("footnote", "words", "embedder"))
        shares = (mine.ndcg_10, words.ndcg_10, vectors.ndcg_10, mine.recall_5, mine.recall_20, mine.mrr_10)
        times = (f"{mine.p50_ms:.1f}", f"{mine.p95_ms:.1f}")
        counts = (len(run.suite.pages), len(run.suite.queries))
        rows.append((run.suite.name, *counts, *(f"{share:.3f}" for share in shares), *times))
    print_table(console, columns, rows, title="retrieval, one configuration for all; times in milliseconds")


def suites_json(runs: Sequence[SuiteRun]) -> str:
    """Scores and every rating, for machines and for `--compare`."""
    return json.dumps(
        {
            "suites": {
                run.suite.name: {
                    "scores": {name: asdict(scores) for name, scores in run.scores.items()},
                    "queries": [asdict(rating) for rating in run.ratings["footnote"]],
                }
                for run in runs
            }
        },
        ensure_ascii=False,
        indent=1,
    )


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
