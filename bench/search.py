"""Filtered hybrid search: latency through the owner process, and against qdrant-client's local mode."""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.words import Words
from kb.documents import chunk_id
from kb.index import edge, server
from kb.index.base import Index, IndexedChunk, IndexFilter

DIMENSION = 384
WORDS_A_CHUNK = 100
CHUNKS_A_PAGE = 10
QUERIES = 200
# On a machine that others use, the quietest of these spells says what the index itself takes.
SPELL = 20
# 12 audiences, of which the asker is admitted to 5: about 40 % of all chunks.
AUDIENCES = 12
ADMITTED = (1, 2, 3, 4, 5)


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 50_000, 200_000])
    arguments = parser.parse_args()
    table = Table(
        *("chunks", "index", "p50 ms", "p95 ms", f"p50 of the quietest {SPELL}", "upsert + flush a page, ms"),
        title="filtered hybrid search, k=48",
    )
    small = min(arguments.sizes)
    with tempfile.TemporaryDirectory() as directory:
        for size in arguments.sizes:
            index = edge.build(edge.Config(), data_dir=Path(directory), generation=size, dimension=DIMENSION)
            times, page = await measure(index, size)
            table.add_row(f"{size:,}", "edge, owner process", *_milliseconds(times), f"{page:.1f}")
            await index.close()
            if size == small:
                config = server.Config(path=str(Path(directory) / "local"))
                local = server.build(config, data_dir=Path(directory), generation=1, dimension=DIMENSION)
                slow, page = await measure(local, size, queries=20)
                table.add_row(f"{size:,}", "qdrant-client local mode", *_milliseconds(slow), f"{page:.1f}")
                ratio = statistics.median(slow) / statistics.median(times)
                table.caption = f"local mode takes {ratio:.0f} × as long at {size:,} chunks"
                await local.close()
    Console().print(table)


async def measure(index: Index, size: int, *, queries: int = QUERIES) -> tuple[list[float], float]:
    """(milliseconds of each search, milliseconds of the median page upserted and flushed)."""
    generator = np.random.default_rng(7)
    words = Words(seed=7)
    pages = []
    for page in range(size // CHUNKS_A_PAGE):
        chunks = [_chunk(page, ordinal, generator, words) for ordinal in range(CHUNKS_A_PAGE)]
        started = time.perf_counter()
        await index.upsert_revision(chunks)
        if page % 50 == 0:
            await index.flush()
            pages.append((time.perf_counter() - started) * 1000)
    await index.flush()
    where = IndexFilter(tenant="acme", audience_ids=ADMITTED)
    times = []
    for _ in range(queries + 5):
        vector, text = _unit(generator), words.text(8)
        started = time.perf_counter()
        hits = await index.search(where=where, vector=vector, text=text, k=48)
        times.append((time.perf_counter() - started) * 1000)
        if not hits:
            raise AssertionError("a search found nothing")
    return times[5:], statistics.median(pages)


def _chunk(page: int, ordinal: int, generator: np.random.Generator, words: Words) -> IndexedChunk:
    document_id = f"wiki:{page}"
    text = words.text(WORDS_A_CHUNK)
    return IndexedChunk(
        id=chunk_id(1, document_id, 1, ordinal),
        tenant="acme",
        source_id="wiki",
        space=f"space-{page % 8}",
        document_id=document_id,
        revision=1,
        section_id=f"{document_id}#{ordinal // 2}",
        section_ordinal=ordinal // 2,
        ordinal=ordinal,
        audience_id=1 + page % AUDIENCES,
        labels=("policy",) if page % 3 == 0 else (),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        text=text,
        embedded_text=text,
        vector=_unit(generator),
    )


def _unit(generator: np.random.Generator) -> np.ndarray:
    vector = generator.standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


def _milliseconds(times: Sequence[float]) -> tuple[str, str, str]:
    ordered = sorted(times)
    quietest = min(statistics.median(times[start : start + SPELL]) for start in range(0, len(times), SPELL))
    return f"{statistics.median(ordered):.2f}", f"{ordered[int(len(ordered) * 0.95)]:.2f}", f"{quietest:.2f}"


if __name__ == "__main__":
    asyncio.run(main())
