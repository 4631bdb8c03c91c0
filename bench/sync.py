"""Sync of the demo wiki: from empty, again unchanged, and after one sentence changed; and what reading alone takes."""

import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.wiki import DEMO, demo_documents
from ingest.chunking import chunk_document
from ingest.report import SyncReport
from ingest.wiring import sync_sources
from kb.settings import KnowledgeSettings, load_settings
from kb.wiring import KnowledgeBase, open_knowledge_base

ROUNDS = 3
EDITED = "wiki/people/annual-leave.md"


async def main() -> None:
    """Print the table."""
    outcomes = [await run_round() for _ in range(ROUNDS)]
    rounds = [each for _, each in outcomes]
    first = rounds[0]["from empty"][1]
    table = Table("sync of the demo wiki", "seconds", "ratio", "pages read", "chunks embedded")
    table.title = f"{first.indexed} pages, {first.embedded_chunks} chunks; weights loaded before"
    median = {name: statistics.median(each[name][0] for each in rounds) for name in rounds[0]}
    for name, (_, report) in rounds[0].items():
        ratio = f"{median[name] / median['from empty']:.3f}"
        table.add_row(name, f"{median[name]:.2f}", ratio, str(report.fetched), str(report.embedded_chunks))
    Console().print(table)
    pages_a_second = statistics.median(pages for pages, _ in outcomes)
    Console().print(f"reading, parsing and cutting alone: {pages_a_second:.0f} pages/s")


async def run_round() -> tuple[float, dict[str, tuple[float, SyncReport]]]:
    """Pages read a second; and name → seconds and report of each sync, in an empty directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        shutil.copytree(DEMO / "wiki", home / "wiki")
        shutil.copy(DEMO / "footnote.toml", home)
        settings = load_settings(KnowledgeSettings, home / "footnote.toml", data_dir=home / "data")
        async with open_knowledge_base(settings) as base:
            await base.embedder.embed_query("load the weights")
            reading = await read_alone(base)
            measured = {"from empty": await timed_sync(base)}
            measured["again, unchanged"] = await timed_sync(base)
            page = home / EDITED
            page.write_text(page.read_text(encoding="utf-8") + "\nOne sentence was added today.\n", encoding="utf-8")
            measured["after one sentence was added"] = await timed_sync(base)
    if measured["again, unchanged"][1].embedded_chunks or measured["after one sentence was added"][1].fetched != 1:
        raise AssertionError("a sync did more than it must")
    return reading, measured


async def read_alone(base: KnowledgeBase) -> float:
    """Pages a second that are read, parsed and cut into chunks, with nothing embedded or stored."""
    started, count = time.perf_counter(), 0
    async for page in demo_documents():
        chunk_document(page, base.embedder)
        count += 1
    return count / (time.perf_counter() - started)


async def timed_sync(base: KnowledgeBase) -> tuple[float, SyncReport]:
    """Seconds and report of one sync."""
    started = time.perf_counter()
    (report,) = await sync_sources(base)
    return time.perf_counter() - started, report


if __name__ == "__main__":
    asyncio.run(main())
