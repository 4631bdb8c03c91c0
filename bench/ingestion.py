"""Ingestion of real wikis, from files to a committed index: pages a second, and how much of it is embedding.

Nothing else is done while a batch is embedded, so its share of the time is what the sync waits for it, and its share of
the CPU is what this process uses meanwhile. The CPU is also that of the index's owner process.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.retrieval import cpu_seconds_of, ready_owner
from bench.wiki import DEMO
from ingest.wiring import sync_sources
from kb.embedders.base import Embedder, Vectors
from kb.settings import KnowledgeSettings, SourceTable, load_settings
from kb.wiring import open_knowledge_base

WIKIS = DEMO.parents[1] / "shared/data/wiki"
NAMES = ("18f-handbook", "govuk-developer-docs")
HEADINGS = ("wiki", "pages", "chunks", "pages/s", "chunks/s", "embedding, time", "embedding, CPU", "other CPU, ms/page")


class TimedEmbedder:
    """An embedder that adds up the seconds it is waited for, and the CPU's meanwhile."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    def __getattr__(self, name: str) -> Any:  # whatever the embedder has
        return getattr(self._inner, name)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """The embedder's own, timed."""
        started, cpu = time.perf_counter(), time.process_time()
        try:
            return await self._inner.embed_passages(texts)
        finally:
            self.seconds += time.perf_counter() - started
            self.cpu_seconds += time.process_time() - cpu


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wikis", type=Path, default=WIKIS, help="folder of the wikis")
    parser.add_argument("--pages", type=int, default=0, help="of each wiki, evenly spread; 0: all")
    arguments = parser.parse_args()
    found = [arguments.wikis / name for name in NAMES if (arguments.wikis / name).is_dir()]
    if not found:
        Console().print(f"no wiki in {arguments.wikis}: name their folder with --wikis")
        return
    table = Table(*HEADINGS, title="ingestion from an empty index; weights loaded before")
    for wiki in found:
        table.add_row(wiki.name, *await ingested(wiki, most=arguments.pages))
    # As wide as it is, also in a pipe.
    Console(width=120).print(table)


async def ingested(wiki: Path, *, most: int) -> tuple[str, ...]:
    """The figures of one wiki, synced into a directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        pages = home / "pages"
        copy_pages(wiki, pages, most=most)
        settings = load_settings(KnowledgeSettings, DEMO / "footnote.toml", data_dir=home / "data")
        source = SourceTable(id="wiki", kind="folder", path=str(pages), audience=("everyone",))
        settings = settings.model_copy(update={"sources": (source,), "groups": {}})
        async with open_knowledge_base(settings) as base:
            await base.embedder.embed_query("load the weights")
            timed = TimedEmbedder(base.embedder)
            owner = await ready_owner(base)
            started, cpu, owner_cpu = time.perf_counter(), time.process_time(), cpu_seconds_of(owner)
            (report,) = await sync_sources(replace(base, embedder=timed))
            seconds = time.perf_counter() - started
            all_cpu = time.process_time() - cpu + cpu_seconds_of(owner) - owner_cpu
    return (
        str(report.indexed),
        str(report.embedded_chunks),
        f"{report.indexed / seconds:.1f}",
        f"{report.embedded_chunks / seconds:.1f}",
        f"{timed.seconds / seconds:.1%}",
        f"{timed.cpu_seconds / all_cpu:.1%}",
        f"{(all_cpu - timed.cpu_seconds) / report.indexed * 1000:.0f}",
    )


def copy_pages(wiki: Path, pages: Path, *, most: int) -> None:
    """The wiki's Markdown files, in their folders: all, or about `most` of them."""
    files = sorted(path for path in wiki.rglob("*") if path.is_file() and path.suffix in {".md", ".markdown"})
    step = max(1, len(files) // most) if most else 1
    for path in files[::step]:
        target = pages / path.relative_to(wiki)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


if __name__ == "__main__":
    asyncio.run(main())
