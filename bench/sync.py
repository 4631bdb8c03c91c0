"""Sync of the demo wiki: from empty, and again with nothing changed."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.wiki import DEMO
from ingest.wiring import sync_sources
from kb.settings import KnowledgeSettings, load_settings
from kb.wiring import open_knowledge_base

ROUNDS = 3


async def main() -> None:
    """Print the table."""
    first, again, about = [], [], ""
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            settings = load_settings(KnowledgeSettings, DEMO / "footnote.toml", data_dir=Path(directory))
            async with open_knowledge_base(settings) as base:
                await base.embedder.embed_query("load the weights")
                times = []
                for _ in range(2):
                    started = time.perf_counter()
                    (report,) = await sync_sources(base)
                    times.append(time.perf_counter() - started)
                    about = about or f"{report.indexed} pages, {report.embedded_chunks} chunks"
                if report.embedded_chunks:
                    raise AssertionError("the second sync embedded something")
            first.append(times[0])
            again.append(times[1])
    table = Table("sync of the demo wiki", "seconds", "ratio", title=f"{about}; weights loaded before")
    from_empty, unchanged = statistics.median(first), statistics.median(again)
    table.add_row("from empty", f"{from_empty:.2f}", "1")
    table.add_row("again, unchanged", f"{unchanged:.2f}", f"{unchanged / from_empty:.3f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
