"""kill -9 at random moments of a sync: is anything lost, is a half page or a mixed revision ever found?

Each round edits pages, starts a sync in a process of its own and kills it at a random moment of its work (every fourth
time the index's owner process too), while searches go on all the time. Then a whole sync must bring everything up to
date.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.answering.retrieval import HybridRetriever
from app.answering.types import SearchScope
from bench.crashing import configured, spread, sync_once, wanted_points
from ingest.wiring import sync_sources
from kb.access import Principal
from kb.errors import IndexFailure, KnowledgeBaseError
from kb.wiring import KnowledgeBase, open_knowledge_base

PAGES = 24
SECTIONS = 6
WORDS_A_SECTION = 40
AT_WORK = "sync was at work"
LONGEST_START_SECONDS = 60
# Processes of their own without a second of imports each: they are forked off one that has imported what a sync needs.
_FORKS = multiprocessing.get_context("forkserver")
# A round in which the sync had ended before its moment came counts for nothing.
MOST_ROUNDS = 5
TENANT = "default"
ANYONE = Principal(tenant=TENANT, email=None)


@dataclass(slots=True)
class Findings:
    """What went wrong (nothing should), and how long recovery took in seconds."""

    searches: int = 0
    half_pages: int = 0
    mixed_revisions: int = 0
    lost: int = 0
    unavailable: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    first_answer: list[float] = field(default_factory=list)
    whole_sync: list[float] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Every broken promise."""
        return self.half_pages + self.mixed_revisions + self.lost


class Wiki:
    """Pages whose every section says which page and which edition it belongs to."""

    def __init__(self, directory: Path, *, seed: int) -> None:
        self._directory = directory
        self._random = random.Random(seed)
        # Page → its edition now; the pages that were removed have none.
        self.editions: dict[int, int] = {}
        self.synced: dict[int, int] = {}
        self._latest = dict.fromkeys(range(PAGES), 0)

    def remove(self, page: int) -> None:
        """Delete a page's file."""
        self.editions.pop(page, None)
        (self._directory / f"page-{page}.md").unlink(missing_ok=True)

    def edit(self, pages: Sequence[int]) -> None:
        """Write the next edition of these pages, each file in one step."""
        for page in pages:
            self._latest[page] += 1
            self.editions[page] = self._latest[page]
            draft = self._directory / f".{page}.draft"
            draft.write_text(self._text(page), encoding="utf-8")
            os.replace(draft, self._directory / f"page-{page}.md")

    def edit_some(self) -> None:
        """Between one page and all of them."""
        self.edit(self._random.sample(range(PAGES), self._random.choice([1, 5, PAGES])))

    def _text(self, page: int) -> str:
        sections = [f"# Page {page}\n"]
        for number in range(SECTIONS):
            words = " ".join(f"w{self._random.randrange(5000)}" for _ in range(WORDS_A_SECTION))
            sections.append(f"## Part {number}\n\nzebra{page} edition{self.editions[page]} {words}.\n")
        return "\n".join(sections)


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        findings = await run_rounds(Path(directory), rounds=arguments.rounds, seed=arguments.seed)
    table = Table(f"after {arguments.rounds} × kill -9", "", title="crashes of a sync")
    rows = {
        "searches meanwhile": f"{findings.searches:,}",
        "half pages found": str(findings.half_pages),
        "mixed revisions found": str(findings.mixed_revisions),
        "committed pages lost": str(findings.lost),
        "searches refused while the index came back": str(findings.unavailable),
        "moments": ", ".join(f"{name} {count}" for name, count in sorted(findings.kills.items())),
        "first search answered after the kill, p50 / p95": spread(findings.first_answer),
        "next sync complete after the kill, p50 / p95": spread(findings.whole_sync),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)
    sys.exit(1 if findings.faults else 0)


async def run_rounds(directory: Path, *, rounds: int, seed: int) -> Findings:
    """The whole experiment in a directory: as many rounds as it takes to kill `rounds` syncs at work."""
    _FORKS.set_forkserver_preload(["bench.crashing", "app.answering.retrieval"])
    config, settings = configured(directory, idle_seconds=3)
    wiki = Wiki(directory / "wiki", seed=seed)
    wiki.edit(range(PAGES))
    findings, chance = Findings(), random.Random(seed)
    async with open_knowledge_base(settings) as base:
        started = time.perf_counter()
        await sync_sources(base)
        usual_seconds = time.perf_counter() - started
        reader = asyncio.create_task(_read_all_the_time(base, findings))
        try:
            for number in range(MOST_ROUNDS * rounds):
                if findings.kills[AT_WORK] == rounds:
                    break
                wiki.edit_some()
                before = await base.catalogue.documents.live_revisions(TENANT)
                # Early moments more often: most rounds have less to do than the first sync had.
                after = usual_seconds * chance.random() ** 2
                await _sync_and_kill(config, base, findings, after=after, number=number)
                await _recover(base, findings, wiki, before=before)
                if number % 50 == 49:
                    print(f"{findings.kills[AT_WORK]} of {rounds} killed, {findings.faults} faults", flush=True)
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
    return findings


async def _sync_and_kill(config: Path, base: KnowledgeBase, findings: Findings, *, after: float, number: int) -> None:
    heard, told = _FORKS.Pipe(duplex=False)
    child = _FORKS.Process(target=sync_once, args=(config, told))
    await asyncio.to_thread(child.start)
    if not await asyncio.to_thread(heard.poll, LONGEST_START_SECONDS):
        raise AssertionError("the sync did not begin")
    await asyncio.to_thread(child.join, after)
    findings.kills[AT_WORK if child.is_alive() else "sync had ended"] += 1
    child.kill()
    await asyncio.to_thread(child.join)
    if number % 4 == 3 and (owner := re.search(r"\d+", (await base.index.health()).detail)):
        with suppress(ProcessLookupError):
            os.kill(int(owner[0]), signal.SIGKILL)
            findings.kills["index owner killed too"] += 1


async def _recover(
    base: KnowledgeBase, findings: Findings, wiki: Wiki, *, before: Mapping[str, tuple[int, int]]
) -> None:
    killed = time.perf_counter()
    await _answered(base)
    findings.first_answer.append(time.perf_counter() - killed)
    after = await base.catalogue.documents.live_revisions(TENANT)
    findings.lost += sum(after.get(document, (0, 0))[0] < revision for document, (revision, _) in before.items())
    if after != before:
        findings.kills["some pages committed"] += 1
    if any(
        (document, revision) not in wanted_points(after)
        for document, revision in await base.index.counts(tenant=TENANT)
    ):
        findings.kills["points of no live revision left"] += 1
    (report,) = await sync_sources(base)
    findings.whole_sync.append(time.perf_counter() - killed)
    if report.reason:
        raise AssertionError(report.reason)
    for page, edition in wiki.editions.items():
        found = await editions_found(base, page)
        if found != Counter({edition: SECTIONS}):
            findings.lost += 1
            print(f"after a whole sync, {await _more_about(base, page, found)}", flush=True)
    held = await base.index.counts(tenant=TENANT)
    live = await base.catalogue.documents.live_revisions(TENANT)
    findings.lost += dict(held) != wanted_points(live)


async def _answered(base: KnowledgeBase) -> None:
    for _ in range(100):
        with suppress(IndexFailure):
            await editions_found(base, 0)
            return
    raise AssertionError("the index did not come back")


async def _read_all_the_time(base: KnowledgeBase, findings: Findings) -> None:
    chance = random.Random(5)
    while True:
        page = chance.randrange(PAGES)
        try:
            found = await editions_found(base, page)
        except KnowledgeBaseError:
            findings.unavailable += 1
            await asyncio.sleep(0.02)
            continue
        findings.searches += 1
        findings.mixed_revisions += len(found) > 1
        findings.half_pages += len(found) <= 1 and found.total() != SECTIONS
        if len(found) > 1 or found.total() != SECTIONS:
            print(await _more_about(base, page, found), flush=True)
        await asyncio.sleep(0.02)


async def _more_about(base: KnowledgeBase, page: int, found: Counter[int]) -> str:
    """What somebody needs who looks for the reason."""
    name = f"wiki:page-{page}.md"
    live = (await base.catalogue.documents.live_revisions(TENANT)).get(name)
    held = {key: count for key, count in (await base.index.counts(tenant=TENANT)).items() if key[0] == name}
    return (
        f"page {page}: a search found {dict(found)} (edition: sections), a wider one then "
        f"{dict(await editions_found(base, page, count=PAGES * SECTIONS))}; live revision and chunks {live}; "
        f"in the index {held}"
    )


async def editions_found(base: KnowledgeBase, page: int, *, count: int = 20) -> Counter[int]:
    """Edition → sections of the page that a search finds."""
    retriever = HybridRetriever(base.catalogue, base.index, base.embedder, link_base="")
    passages = await retriever.retrieve(f"zebra{page}", ANYONE, scope=SearchScope(), count=count)
    own = [passage for passage in passages if passage.document_id == f"wiki:page-{page}.md"]
    return Counter(int(passage.text.split()[1].removeprefix("edition")) for passage in own)


if __name__ == "__main__":
    asyncio.run(main())
