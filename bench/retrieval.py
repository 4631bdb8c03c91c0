"""Question to sections: latency, memory and disk as the knowledge base grows, under a permission filter.

Pages are made of words with natural frequencies and stored by the real protocol (chunking, index, catalogue). Only
their vectors are random, because a model would need hours for them; a question is embedded by the real model. The CPU
time of a search (ours and the index owner's, without the embedding) is what a busy machine does not blur.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from app.answering.retrieval import HybridRetriever
from app.answering.types import SearchScope
from app.measures import percentile
from bench.search import ADMITTED, AUDIENCES
from bench.words import Words
from ingest.reporting import Tally
from ingest.storing import Storer
from kb.access import Audience, Principal
from kb.documents import Block, Document, Section
from kb.embedders.base import Embedder, Vectors
from kb.settings import KnowledgeSettings
from kb.wiring import KnowledgeBase, open_knowledge_base

SECTIONS_A_PAGE = 10
WORDS_A_SECTION = 100
QUERIES = 200
READER = Principal(tenant="acme", email="reader@acme.test", groups=frozenset(f"team{number}" for number in ADMITTED))


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 50_000], help="chunks")
    parser.add_argument("--queries", type=int, default=QUERIES)
    arguments = parser.parse_args()
    table = Table(title="question to sections; the reader may read 5 of 12 audiences", title_justify="left")
    for heading in (
        "chunks",
        "p50 ms",
        "p95 ms",
        "embedding p50",
        "search p50",
        "search CPU ms",
        "owner MB",
        "disk MB",
    ):
        table.add_column(heading, justify="right")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as directory:
            figures = await measure(Path(directory), size=size, queries=arguments.queries)
        table.add_row(f"{size:,}", *figures.cells())
        Console(stderr=True).print(f"{size:,} chunks: {' '.join(figures.cells())}")
    Console().print(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Milliseconds of each query as a whole, of its embedding, and of its search alone; milliseconds of CPU of a mean
    search; bytes of memory and disk."""

    total: Sequence[float]
    embedding: Sequence[float]
    search: Sequence[float]
    search_cpu: float
    memory_bytes: int
    disk_bytes: int

    def cells(self) -> list[str]:
        """As the table shows them."""
        times = [percentile(self.total, 0.5), percentile(self.total, 0.95)]
        times += [percentile(self.embedding, 0.5), percentile(self.search, 0.5), self.search_cpu]
        return [*(f"{each:.1f}" for each in times), f"{self.memory_bytes / 1e6:.0f}", f"{self.disk_bytes / 1e6:.0f}"]


class RandomPassages:
    """The embedder the settings name, but for passages: those get random vectors at once."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._random = np.random.default_rng(7)
        self.milliseconds: list[float] = []
        self.cpu_seconds = 0.0

    def __getattr__(self, name: str) -> Any:  # whatever an embedder has
        return getattr(self._inner, name)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension)."""
        vectors = self._random.standard_normal((len(texts), self._inner.dimension)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def embed_query(self, text: str) -> Vectors:
        """The model's own, timed."""
        started, cpu = time.perf_counter(), time.process_time()
        vector = await self._inner.embed_query(text)
        self.milliseconds.append((time.perf_counter() - started) * 1000)
        self.cpu_seconds += time.process_time() - cpu
        return vector


async def measure(home: Path, *, size: int, queries: int) -> Figures:
    """Build a knowledge base of `size` chunks in `home` and ask."""
    async with open_knowledge_base(KnowledgeSettings(tenant="acme", data_dir=home)) as opened:
        embedder = RandomPassages(opened.embedder)
        base = replace(opened, embedder=embedder)
        await fill(base, size=size)
        retriever = HybridRetriever(base.catalogue, base.index, embedder, link_base="")
        await retriever.retrieve("the first question loads the model", READER, scope=SearchScope(), count=5)
        owner = int((await base.index.health()).detail.split()[-1])
        embedder.milliseconds.clear()
        embedder.cpu_seconds = 0.0
        before = time.process_time() + cpu_seconds_of(owner)
        total = await ask(retriever, queries)
        cpu = time.process_time() + cpu_seconds_of(owner) - before - embedder.cpu_seconds
        return Figures(
            total=total,
            embedding=list(embedder.milliseconds),
            search=[whole - part for whole, part in zip(total, embedder.milliseconds, strict=True)],
            search_cpu=cpu / queries * 1000,
            memory_bytes=resident_bytes(owner),
            disk_bytes=await asyncio.to_thread(bytes_below, home),
        )


async def ask(retriever: HybridRetriever, count: int) -> list[float]:
    """Milliseconds of each of so many questions."""
    words = Words(seed=11)
    total = []
    for _ in range(count):
        question = f"How do I {words.text(6)}?"
        started = time.perf_counter()
        found = await retriever.retrieve(question, READER, scope=SearchScope(), count=5)
        total.append((time.perf_counter() - started) * 1000)
        if not found:
            raise AssertionError("a question found nothing")
    return total


async def fill(base: KnowledgeBase, *, size: int) -> None:
    """Store pages until there are `size` chunks."""
    storer = Storer(base, Tally())
    words = Words(seed=7)
    for document in pages(size // SECTIONS_A_PAGE, words):
        await storer.add(document)
    await storer.flush()
    count = (await base.index.health()).point_count
    if not 0.9 * size <= count <= 1.1 * size:
        raise AssertionError(f"{count} chunks were stored, and {size} are to be measured")


def pages(count: int, words: Words) -> Iterator[Document]:
    """Pages of ten sections, each small enough to be one chunk."""
    for number in range(count):
        yield Document(
            tenant="acme",
            source_id="wiki",
            native_id=f"page-{number}",
            space=f"space-{number % 8}",
            title=words.text(3),
            url=f"https://wiki.test/page-{number}",
            version="1",
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
            audience=Audience.of([f"group:team{1 + number % AUDIENCES}"]),
            sections=tuple(_section(number, ordinal, words) for ordinal in range(SECTIONS_A_PAGE)),
        )


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in use now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def cpu_seconds_of(pid: int) -> float:
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bytes_below(home: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


def _section(page: int, ordinal: int, words: Words) -> Section:
    url = f"https://wiki.test/page-{page}#s{ordinal}"
    text = words.text(WORDS_A_SECTION // 2)
    block = Block(kind="paragraph", text=text)
    return Section(id=f"#s{ordinal}", heading_path=(words.text(2),), anchor=f"s{ordinal}", url=url, blocks=(block,))


if __name__ == "__main__":
    asyncio.run(main())
