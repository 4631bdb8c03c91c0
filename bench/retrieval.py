"""Question to sections: where the time goes, with memory and disk, under a permission filter.

Pages are made of words as frequent as a wiki's and stored in the real catalogue and the real index; their vectors are
made up, because a model would need hours for them. A question is embedded by the real model. CPU times are what a busy
machine blurs least: of the embedder, of the rest of this process, and of the index's owner process.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.answering.retrieval import HybridRetriever
from app.answering.types import SearchScope
from app.measures import percentile
from bench.growing import grown, settings_of
from bench.search import ADMITTED
from bench.words import Words
from kb.access import Principal
from kb.wiring import KnowledgeBase, open_knowledge_base

QUERIES = 200
LOADING_SECONDS = 600
READER = Principal(tenant="acme", email="reader@acme.test", groups=frozenset(f"team{number}" for number in ADMITTED))
# What a question waits for, one after the other; the rest is reading, scoring and collapsing in this process.
STEPS = ("rights", "embedding", "index", "catalogue", "the rest")
HEADINGS = (
    "chunks",
    "p50 ms",
    "p95 ms",
    *STEPS,
    "CPU: embedding",
    "CPU: the rest",
    "CPU: owner",
    "owner MB",
    "disk MB",
)


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 50_000], help="chunks")
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--keep", type=Path, help="folder that keeps the knowledge bases for another run")
    arguments = parser.parse_args()
    found = {}
    for size in arguments.sizes:
        with _folder(arguments.keep) as folder:
            home = Path(folder) / str(size)
            await grown(home, size=size, told=lambda count: None)
            found[size] = await measure(home, queries=arguments.queries)
        Console(stderr=True).print(f"{size:,} chunks: {' '.join(found[size].cells())}")
    # As wide as it is, also in a pipe.
    Console(width=140).print(table_of(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Milliseconds of each question and of each of its steps, of CPU per question, and bytes of memory and disk."""

    total: Sequence[float]
    steps: Mapping[str, Sequence[float]]
    cpu: Mapping[str, float]
    memory_bytes: int
    disk_bytes: int

    def cells(self) -> list[str]:
        """As the table shows them."""
        times = [percentile(self.total, 0.5), percentile(self.total, 0.95)]
        times += [percentile(self.steps[step], 0.5) for step in STEPS]
        times += [self.cpu[who] for who in ("embedding", "rest", "owner")]
        return [*(f"{each:.1f}" for each in times), f"{self.memory_bytes / 1e6:,.0f}", f"{self.disk_bytes / 1e6:,.0f}"]


class Watch:
    """Adds up what is waited for, by step, since the last question began."""

    def __init__(self) -> None:
        self.milliseconds = dict.fromkeys(STEPS, 0.0)
        self.cpu_seconds = 0.0

    def over(self, target: object, **steps: str) -> Any:  # stands for whatever it watches
        """The target, with the named methods timed as the named steps."""
        return _Watched(target, self, steps)

    async def time(self, step: str, call: Callable[[], Any]) -> Any:
        """What the call gives."""
        started, cpu = time.perf_counter(), time.process_time()
        try:
            return await call()
        finally:
            self.milliseconds[step] += (time.perf_counter() - started) * 1000
            if step == "embedding":
                self.cpu_seconds += time.process_time() - cpu


class _Watched:
    def __init__(self, target: object, watch: Watch, steps: Mapping[str, str]) -> None:
        self._target, self._watch, self._steps = target, watch, steps

    def __getattr__(self, name: str) -> Any:  # whatever the target has
        found = getattr(self._target, name)
        if name not in self._steps:
            return found
        return lambda *given, **others: self._watch.time(self._steps[name], lambda: found(*given, **others))


async def measure(home: Path, *, queries: int) -> Figures:
    """Ask the knowledge base in `home`."""
    async with open_knowledge_base(settings_of(home)) as base:
        watch = Watch()
        retriever = watched_retriever(base, watch)
        owner = await ready_owner(base)
        # Loads the model, compiles its kernels for usual lengths, and fills the statement caches.
        await ask(retriever, watch, Words(seed=5), count=20)
        watch.cpu_seconds = 0.0
        before, owner_before = time.process_time(), cpu_seconds_of(owner)
        total, steps = await ask(retriever, watch, Words(seed=11), count=queries)
        cpu = {
            "embedding": watch.cpu_seconds,
            "rest": time.process_time() - before - watch.cpu_seconds,
            "owner": cpu_seconds_of(owner) - owner_before,
        }
        return Figures(
            total=total,
            steps=steps,
            cpu={who: seconds / queries * 1000 for who, seconds in cpu.items()},
            memory_bytes=resident_bytes(owner),
            disk_bytes=await asyncio.to_thread(bytes_below, home),
        )


async def ready_owner(base: KnowledgeBase) -> int:
    """The process id of the index's owner, as soon as it has loaded the index."""
    deadline = time.monotonic() + LOADING_SECONDS
    while not (health := await base.index.health()).is_ready:
        if time.monotonic() > deadline:
            raise AssertionError(health.detail)
    return int(health.detail.split()[-1])


def watched_retriever(base: KnowledgeBase, watch: Watch) -> HybridRetriever:
    """The retriever, with what it waits for timed."""
    catalogue = watch.over(base.catalogue)
    catalogue.access = watch.over(base.catalogue.access, readable="rights")
    catalogue.documents = watch.over(base.catalogue.documents, read_sections="catalogue")
    index = watch.over(base.index, search="index")
    embedder = watch.over(base.embedder, embed_query="embedding")
    return HybridRetriever(catalogue, index, embedder, link_base="")


async def ask(
    retriever: HybridRetriever, watch: Watch, words: Words, *, count: int
) -> tuple[list[float], dict[str, list[float]]]:
    """Milliseconds of each of so many questions, and of their steps."""
    total: list[float] = []
    steps: dict[str, list[float]] = {step: [] for step in STEPS}
    for _ in range(count):
        question = f"How do I {words.text(6)}?"
        watch.milliseconds = dict.fromkeys(STEPS, 0.0)
        started = time.perf_counter()
        found = await retriever.retrieve(question, READER, scope=SearchScope(), count=5)
        total.append((time.perf_counter() - started) * 1000)
        if not found:
            raise AssertionError("a question found nothing")
        watch.milliseconds["the rest"] = total[-1] - sum(watch.milliseconds.values())
        for step, milliseconds in watch.milliseconds.items():
            steps[step].append(milliseconds)
    return total, steps


def table_of(found: Mapping[int, Figures]) -> Table:
    """A row for each size."""
    title = "question to sections, ms (medians of each step; mean CPU); the reader may read 5 of 12 audiences"
    table = Table(title=title, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for size, figures in found.items():
        table.add_row(f"{size:,}", *figures.cells())
    return table


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in use now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def cpu_seconds_of(pid: int) -> float:
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bytes_below(home: Path) -> int:
    """Bytes that a folder's files take on the disk; files with holes take less than their length."""
    return sum(path.stat().st_blocks * 512 for path in home.rglob("*") if path.is_file())


def _folder(keep: Path | None) -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory() if keep is None else nullcontext(str(keep))


if __name__ == "__main__":
    asyncio.run(main())
