"""How long until what the source did is what readers see: deletions and permission changes, with a webhook and without.

The scheduler runs as in `footnote serve` over a folder-like source that changes at random moments. From each change on,
a reader searches until the page is gone, or gone for this reader; printed is how long that took, in polls (the
source's interval), as a distribution.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.answering.retrieval import HybridRetriever
from app.answering.types import SearchScope
from app.hinting import QueuedHints
from app.measures import percentile
from bench.interference import Given
from bench.simulated_source import PEOPLE, SOURCE, TENANT, Page
from ingest.report import Silent, SyncReport
from ingest.scheduling import Scheduler
from ingest.sync import SourceSync
from kb.access import Audience
from kb.documents import Document
from kb.settings import EmbedderTable, IndexTable, KnowledgeSettings, SourceTable
from kb.wiring import KnowledgeBase, open_knowledge_base

INTERVAL_SECONDS = 5
LOOK_SECONDS = 0.02
EVERYBODY, ONE = Audience.of(["everyone"]), Audience.of([PEOPLE[0]])


async def main() -> None:
    """Print the table; exit code 1 if anything took longer than a poll and the sync after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="of each kind of change, with a webhook and without")
    parser.add_argument("--interval", type=int, default=INTERVAL_SECONDS, help="seconds of a poll")
    parser.add_argument("--index", choices=["memory", "edge"], default="edge")
    given = parser.parse_args()
    title = f"polls of {given.interval} s until seen, index {given.index}"
    table = Table("change", "hint", "times", "p50", "p95", "slowest", title=title)
    slowest = 0.0
    with tempfile.TemporaryDirectory() as directory:
        for is_hinted in (False, True):
            for kind in ("deleted", "closed"):
                home = Path(directory) / f"{kind}-{is_hinted}"
                polls = await measure(
                    home, kind=kind, is_hinted=is_hinted, times=given.times, interval=given.interval, index=given.index
                )
                figures = (percentile(polls, 0.5), percentile(polls, 0.95), max(polls))
                hint = "webhook" if is_hinted else "none"
                table.add_row(kind, hint, str(len(polls)), *(f"{figure:.2f}" for figure in figures))
                slowest = max(slowest, *polls)
    Console().print(table)
    sys.exit(slowest > 1.5)


async def measure(
    home: Path,
    *,
    kind: str,
    is_hinted: bool,
    times: int,
    interval: int = INTERVAL_SECONDS,
    index: str = "memory",
) -> list[float]:
    """Polls from each change until it is seen."""
    pages = {f"p{number}": _page(f"p{number}") for number in range(times)}
    settings = KnowledgeSettings(
        tenant=TENANT,
        data_dir=home,
        index=IndexTable(kind=index),
        embedder=EmbedderTable(kind="hashing", dimension=64),  # type: ignore[call-arg]  # the plugin's own key
    )
    chance, polls = random.Random(1), list[float]()
    async with open_knowledge_base(settings) as base:
        table = SourceTable(id=SOURCE, kind="simulated", interval_seconds=interval)
        scheduler = Scheduler(base.catalogue.jobs, _runs(base, pages), tenant=TENANT, sources=[table])
        # A gap such as a server has between two hints, in proportion to this interval.
        hints = QueuedHints([SOURCE], least_gap_seconds=0.05 * interval)
        tasks = [
            asyncio.create_task(scheduler.run_forever()),
            asyncio.create_task(hints.forward(base.catalogue, tenant=TENANT)),
        ]
        try:
            for name in list(pages):
                await _until(base, name, is_found=True)
                await asyncio.sleep(chance.random() * interval)
                began = time.monotonic()
                if kind == "deleted":
                    del pages[name]
                else:
                    pages[name] = replace(pages[name], audience=ONE, version="2")
                if is_hinted:
                    hints.give(SOURCE)
                await _until(base, name, is_found=False)
                polls.append((time.monotonic() - began) / interval)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return polls


def _runs(base: KnowledgeBase, pages: dict[str, Document]) -> Callable[[SourceTable], Awaitable[SyncReport]]:
    async def run(table: SourceTable) -> SyncReport:
        sync = SourceSync(base, Given(dict(pages)), source_id=table.id, progress=Silent(), may_remove_many=True)
        return await sync.run(is_full=False)

    return run


async def _until(base: KnowledgeBase, name: str, *, is_found: bool) -> None:
    """Look as somebody who is not in the narrower audience, until the page is found, or not found any more."""
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="")
    while True:
        principal = await base.catalogue.access.principal(TENANT, PEOPLE[1])
        passages = await retriever.retrieve(f"zebra{name}", principal, scope=SearchScope(), count=20)
        if any(each.document_id == f"{SOURCE}:{name}" for each in passages) == is_found:
            return
        await asyncio.sleep(LOOK_SECONDS)


def _page(name: str) -> Document:
    page = Page(name=name, edition=1, section_count=2, audience=EVERYBODY, seq=1, title=f"Page {name}")
    return page.document()


if __name__ == "__main__":
    asyncio.run(main())
