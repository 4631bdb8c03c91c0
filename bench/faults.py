"""What disks, people and sources do to a knowledge base, one fault after the other, and whether its promise holds.

Each row: the fault, what was found at once, and what was found after the next sync. Exit code 1 if a promise broke.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.crash import PAGES, SECTIONS, TENANT, Wiki, editions_found
from bench.crashing import configured, wanted_points
from ingest.report import SyncReport
from ingest.wiring import sync_sources
from kb.errors import KnowledgeBaseError
from kb.wiring import KnowledgeBase, open_knowledge_base


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`wrong`: texts found meanwhile that no page has; `unrepaired`: pages not as they should be after the sync."""

    fault: str
    wrong: int
    unrepaired: int
    told: str
    seconds: float


class Place:
    """A folder of pages and the knowledge base made of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        _, self.settings = configured(home, idle_seconds=5)
        self.wiki = Wiki(home / "wiki", seed=3)
        self.wiki.edit(range(PAGES))

    @property
    def shard(self) -> Path:
        return self.settings.data_dir / "index" / "gen-0001" / "shard"

    async def sync(self) -> SyncReport:
        async with open_knowledge_base(self.settings) as base:
            (report,) = await sync_sources(base)
        return report

    async def stop_owner(self) -> None:
        """The index's owner, killed: what it had not written is in its log alone."""
        async with open_knowledge_base(self.settings) as base:
            found = re.search(r"\d+", (await base.index.health()).detail)
        if found:
            with suppress(ProcessLookupError):
                os.kill(int(found[0]), signal.SIGKILL)
        await asyncio.sleep(0.2)

    async def wrong_now(self) -> int:
        """Pages found in another edition than theirs, or in two. What is not found, or refused, is no lie."""
        async with open_knowledge_base(self.settings) as base:
            found = [await _found(base, page) for page in range(PAGES)]
        return sum(bool(set(each) - {self.wiki.editions.get(page)}) for page, each in enumerate(found))

    async def unrepaired(self) -> int:
        """Pages that are not whole, and points that no page has."""
        async with open_knowledge_base(self.settings) as base:
            wanted = {page: Counter({edition: SECTIONS}) for page, edition in self.wiki.editions.items()}
            bad = sum([await editions_found(base, page) != wanted[page] for page in wanted])
            live = await base.catalogue.documents.live_revisions(TENANT)
            held = await base.index.counts(tenant=TENANT)
        return bad + (dict(held) != wanted_points(live))


async def _found(base: KnowledgeBase, page: int) -> Counter[int]:
    try:
        return await editions_found(base, page)
    except KnowledgeBaseError:
        return Counter()


def shorten_log(place: Place) -> None:
    """The tail of the engine's log is cut off."""
    for file in _logs(place):
        os.truncate(file, file.stat().st_size // 2)


def scramble_log(place: Place) -> None:
    """The engine's log is overwritten in the middle."""
    for file in _logs(place):
        with file.open("r+b") as opened:
            opened.seek(3000)
            opened.write(os.urandom(4000))


def delete_segment(place: Place) -> None:
    """A segment is deleted."""
    shutil.rmtree(sorted((place.shard / "segments").iterdir())[0])


def delete_index(place: Place) -> None:
    """The index is deleted."""
    shutil.rmtree(place.settings.data_dir / "index")


def _logs(place: Place) -> list[Path]:
    return [file for file in (place.shard / "wal").iterdir() if file.stat().st_size > 8000]


async def damage(place: Place, fault: Callable[[Place], None]) -> Outcome:
    """The fault after a kill, a look, a sync, another look."""
    place.wiki.edit(range(0, PAGES, 3))
    await place.sync()
    await place.stop_owner()
    fault(place)
    wrong = await place.wrong_now()
    began = time.perf_counter()
    report = await place.sync()
    seconds = time.perf_counter() - began
    told = f"{report.repaired} repaired, {report.embedded_chunks} embedded"
    name = (fault.__doc__ or "").rstrip(".")
    return Outcome(fault=name, wrong=wrong, unrepaired=await place.unrepaired(), told=told, seconds=seconds)


async def restore_older(place: Place) -> Outcome:
    """The catalogue of yesterday is put in place by hand, beside the index of today."""
    file = place.settings.data_dir / "catalogue.db"
    shutil.copy(file, place.home / "old.db")
    place.wiki.edit(range(PAGES))
    await place.sync()
    for name in ("-wal", "-shm"):
        file.with_name(file.name + name).unlink(missing_ok=True)
    shutil.copy(place.home / "old.db", file)
    began = time.perf_counter()
    report = await place.sync()
    seconds = time.perf_counter() - began
    told = f"{report.repaired} repaired, {report.fetched} read again"
    fault = "an older catalogue beside a newer index"
    return Outcome(fault=fault, wrong=0, unrepaired=await place.unrepaired(), told=told, seconds=seconds)


async def vanish(place: Place) -> Outcome:
    """More pages are gone than may be removed unasked."""
    async with open_knowledge_base(place.settings) as base:
        before = await base.catalogue.documents.live_revisions(TENANT)
    hidden = place.home / "hidden"
    hidden.mkdir()
    gone = sorted((place.home / "wiki").glob("*.md"))[: PAGES - 2]
    for file in gone:
        file.rename(hidden / file.name)
    began = time.perf_counter()
    report = await place.sync()
    seconds = time.perf_counter() - began
    async with open_knowledge_base(place.settings) as base:
        lost = len(before) - len(await base.catalogue.documents.live_revisions(TENANT))
    for file in hidden.iterdir():
        file.rename(place.home / "wiki" / file.name)
    await place.sync()
    told = f"{lost} removed; {(report.reason or 'not noticed')[:40]}…"
    fault = f"{len(gone)} of {PAGES} pages vanish at the source"
    return Outcome(fault=fault, wrong=lost, unrepaired=await place.unrepaired(), told=told, seconds=seconds)


async def poison(place: Place) -> Outcome:
    """Files that are not what they say, among good ones."""
    wiki = place.home / "wiki"
    (wiki / "binary.md").write_bytes(os.urandom(20_000))
    (wiki / "deep.html").write_text("<div>" * 30_000 + "deep", encoding="utf-8")
    (wiki / "table.md").write_text("| a | b |\n| - | - |\n" + "| word | word |\n" * 60_000, encoding="utf-8")
    (wiki / "front.md").write_text("---\na: [\n---\ntext", encoding="utf-8")
    place.wiki.edit(range(4))
    began = time.perf_counter()
    report = await place.sync()
    seconds = time.perf_counter() - began
    bad = await place.unrepaired()
    for name in ("binary.md", "deep.html", "table.md", "front.md"):
        (wiki / name).unlink()
    await place.sync()
    told = f"{report.quarantined} quarantined of 4, the others read"
    return Outcome(fault="poison among the pages", wrong=0, unrepaired=bad, told=told, seconds=seconds)


async def run(home: Path) -> list[Outcome]:
    """All faults on one knowledge base, one after the other."""
    place = Place(home)
    await place.sync()
    outcomes = [await damage(place, fault) for fault in (shorten_log, scramble_log, delete_segment, delete_index)]
    others: tuple[Callable[[Place], Awaitable[Outcome]], ...] = (restore_older, vanish, poison)
    return outcomes + [await other(place) for other in others]


async def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as directory:
        outcomes = await run(Path(directory))
    table = Table("fault", "wrong meanwhile", "wrong after a sync", "the sync said", "seconds", title="faults")
    for each in outcomes:
        table.add_row(each.fault, str(each.wrong), str(each.unrepaired), each.told, f"{each.seconds:.1f}")
    Console(width=140).print(table)
    sys.exit(any(each.wrong or each.unrepaired for each in outcomes))


if __name__ == "__main__":
    asyncio.run(main())
