"""kill -9 at each named step of a sync: is anything lost, half or mixed, and is all well after the next sync?

Nothing in the product knows of this: the process that is to die has the methods of its catalogue, index and embedder
wrapped, and kills itself before or after a call of the chosen one.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.crash import PAGES, SECTIONS, TENANT, Wiki, editions_found
from bench.crashing import configured, spread, wanted_points
from ingest.wiring import sync_sources
from kb.settings import KnowledgeSettings
from kb.wiring import KnowledgeBase, open_knowledge_base

# Store of the knowledge base → the methods that change something, in the order of a sync.
STEPS: Mapping[str, Sequence[str]] = {
    "catalogue.sources": (
        "acquire",
        "start_run",
        "save_listed",
        "save_checkpoint",
        "save_listing",
        "finish_run",
        "release",
    ),
    "catalogue.access": ("intern",),
    "catalogue.documents": ("reserve_revisions", "commit_revisions", "tombstone", "collected"),
    "embedder": ("embed_passages",),
    "index": ("upsert_revision", "flush", "delete_revisions"),
}
MOMENTS = ("before", "after")
# Called for each page: the one that dies need not be the first.
REPEATED = frozenset({"intern", "upsert_revision"})


@dataclass(slots=True)
class Tally:
    """What became of the kills at one step."""

    kills: int = 0
    misses: int = 0
    lost: int = 0
    torn: int = 0
    mixed: int = 0
    recovery: list[float] = field(default_factory=list)


def failpoints() -> list[str]:
    """Their names: `index.flush`, …"""
    return [f"{store}.{method}" for store, methods in STEPS.items() for method in methods]


def run(directory: Path, *, times: int, seed: int, names: Sequence[str], index: str = "edge") -> dict[str, Tally]:
    """Kill `times` syncs at each failpoint."""
    _, settings = configured(directory, idle_seconds=20, index=index)
    wiki, chance = Wiki(directory / "wiki", seed=seed), random.Random(seed)
    wiki.edit(range(PAGES))
    asyncio.run(_sync(settings))
    wiki.synced = dict(wiki.editions)
    tallies = {name: Tally() for name in names}
    for name in names:
        for number in range(times):
            _round(settings, wiki, chance, tallies[name], name=name, moment=MOMENTS[number % 2])
        print(f"{name}: {tallies[name].kills} killed", flush=True)
    return tallies


def _round(
    settings: KnowledgeSettings, wiki: Wiki, chance: random.Random, tally: Tally, *, name: str, moment: str
) -> None:
    gone = chance.randrange(PAGES)
    wiki.edit([page for page in chance.sample(range(PAGES), 6) if page != gone])
    wiki.remove(gone)
    before = dict(wiki.synced)
    nth = chance.choice([1, 2, 4]) if name.rpartition(".")[2] in REPEATED else 1
    if _killed(settings, name=name, moment=moment, nth=nth):
        tally.kills += 1
    else:
        tally.misses += 1
    began = time.perf_counter()
    asyncio.run(_look(settings, wiki, before, tally))
    wiki.edit([gone])
    report = asyncio.run(_sync(settings))
    tally.recovery.append(time.perf_counter() - began)
    if report is not None:
        raise AssertionError(report)
    wiki.synced = dict(wiki.editions)
    asyncio.run(_must_be_whole(settings, wiki, tally))


def _killed(settings: KnowledgeSettings, *, name: str, moment: str, nth: int) -> bool:
    """Sync in a process of its own that dies at the nth call of a step. False if the sync ended before."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_sync(settings, name=name, moment=moment, nth=nth))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


async def _sync(settings: KnowledgeSettings, *, name: str | None = None, moment: str = "", nth: int = 0) -> str | None:
    """One sync; the reason why it was cut short. With a name, it dies at that step."""
    async with open_knowledge_base(settings) as base:
        if name is not None:
            _arm(base, name, moment=moment, nth=nth)
        (report,) = await sync_sources(base)
    return report.reason


def _arm(base: KnowledgeBase, name: str, *, moment: str, nth: int) -> None:
    path, _, method = name.rpartition(".")
    store: Any = base
    for part in path.split("."):
        store = getattr(store, part)
    setattr(store, method, _deadly(getattr(store, method), moment=moment, nth=nth))


def _deadly(method: Callable[..., Any], *, moment: str, nth: int) -> Callable[..., Any]:
    calls = 0

    async def call(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await method(*arguments, **named)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


async def _look(settings: KnowledgeSettings, wiki: Wiki, before: Mapping[int, int], tally: Tally) -> None:
    """What readers find right after the kill: of each page one edition, whole: the old one or the new one, or, if it
    was removed, none."""
    async with open_knowledge_base(settings) as base:
        for page in range(PAGES):
            found = await editions_found(base, page)
            may_be_gone = page not in wiki.editions or page not in before
            tally.mixed += len(found) > 1
            tally.torn += len(found) == 1 and found.total() != SECTIONS
            allowed = {before.get(page), wiki.editions.get(page)}
            tally.lost += (not found and not may_be_gone) or not set(found) <= allowed


async def _must_be_whole(settings: KnowledgeSettings, wiki: Wiki, tally: Tally) -> None:
    """After the next sync everything is there, and the index holds that and nothing else."""
    async with open_knowledge_base(settings) as base:
        for page, edition in wiki.editions.items():
            tally.lost += await editions_found(base, page) != Counter({edition: SECTIONS})
        live = await base.catalogue.documents.live_revisions(TENANT)
        held = await base.index.counts(tenant=TENANT)
        tally.lost += dict(held) != wanted_points(live)


def main() -> None:
    """Print the table; exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--step", action="append", choices=failpoints(), help="Only this one; may be repeated.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tallies = run(Path(directory), times=given.times, seed=given.seed, names=given.step or failpoints())
    table = Table(
        "step", "killed", "not reached", "lost", "torn", "mixed", "recovered p50 / p95", title="kill -9 at each step"
    )
    for name, tally in tallies.items():
        counts = (tally.kills, tally.misses, tally.lost, tally.torn, tally.mixed)
        table.add_row(name, *map(str, counts), spread(tally.recovery))
    Console(width=120).print(table)
    sys.exit(any(tally.lost or tally.torn or tally.mixed for tally in tallies.values()))


if __name__ == "__main__":
    main()
