"""One life in the simulation: turns of change, sync and death, and the looks of readers in between."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.answering.retrieval import HybridRetriever
from app.answering.types import SearchScope
from bench.simulated_process import LastingIndex, MortalDatabase, MortalIndex, Process
from bench.simulated_source import COMMON, GROUP, PEOPLE, SOURCE, START, TENANT, Page, SimulatedSource, World
from ingest.report import Silent, SyncReport
from ingest.scheduling import LONGEST_ASKED_SECONDS, RunSource, Scheduler
from ingest.sync import SourceSync
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.catalogue.records import SectionKey
from kb.embedders.hashing import Config, HashingEmbedder
from kb.index.base import Hit, IndexFilter
from kb.settings import KnowledgeSettings, SourceTable
from kb.wiring import KnowledgeBase, create_generation

DIMENSION = 16
MOST = 10_000
# Awaits of a sync whose length is not known yet.
USUAL_STEPS = 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A section that somebody found, read from its own words."""

    edition: int
    part: int
    part_count: int

    @classmethod
    def of(cls, text: str) -> "Found":
        """From `heron zebraX edition E part N of M.`"""
        words = text.rstrip(".").split()
        return cls(edition=int(words[3]), part=int(words[5]), part_count=int(words[7]))


class Life:
    """A source, a catalogue on disk, an index and a clock; `run` lives it."""

    def __init__(self, chance: random.Random, directory: Path) -> None:
        self.facts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._chance = chance
        self._url = f"sqlite+aiosqlite:///{directory / 'catalogue.db'}"
        self._settings = KnowledgeSettings(tenant=TENANT, data_dir=directory)
        self._index = LastingIndex(dimension=DIMENSION)
        self._embedder = HashingEmbedder(Config(dimension=DIMENSION))
        self._world = World(chance)
        self._feeds = chance.random() < 0.5
        self._now = START
        # Page → the moment of the source that readers must be no older than.
        self._settled: dict[str, int] = {}
        self._settled_members = 0
        self._steps = USUAL_STEPS
        self._is_damaged = False
        self._databases: list[MortalDatabase] = []

    async def run(self) -> None:
        """Some turns, and a last one without trouble."""
        # The loop's time stands still: on a busy machine, what polls or times out would do so at other moments.
        loop = asyncio.get_running_loop()
        began = loop.time()
        loop.time = lambda: began  # type: ignore[method-assign]  # this life's own loop
        self._world.grow(self._chance.randint(1, 12))
        self._readers = await Catalogue.open(self._url, clock=self._clock)
        try:
            for _ in range(self._chance.randint(2, 5)):
                for _ in range(self._chance.randint(0, 6)):
                    self._world.change()
                await self._turn(trouble=self._chance.choice([0, 0, 0.1, 0.4]), may_die=self._chance.random() < 0.75)
                if self.faults:
                    return
            await self._turn(trouble=0, may_die=False)
            if not self.faults:
                await self._must_equal()
        finally:
            await self._readers.close()

    async def _turn(self, *, trouble: float, may_die: bool) -> None:
        """Time passes, and a process syncs."""
        self._now += timedelta(seconds=self._chance.choice([3600, 7200, 86_400]))
        if self._chance.random() < 0.1:
            self.facts["clocks put back"] += 1
            self._now -= timedelta(days=1, hours=12)
        await self._wait_out_rest()
        source = SimulatedSource(
            world=self._world, feeds=self._feeds, trouble=trouble, is_restless=may_die and self._chance.random() < 0.5
        )
        dies_at = self._chance.randint(1, self._steps) if may_die else None
        looks = frozenset(self._chance.sample(range(1, self._steps + 1), 8))
        mortal = Process(dies_at=dies_at, looks_at=looks, look=self._look)
        reports: list[SyncReport] = []
        await mortal.live(self._sync(mortal, source, reports))
        self.facts["syncs"] += 1
        self.facts["awaits"] += mortal.steps
        if mortal.is_dead:
            self.facts["deaths"] += 1
            while self._databases:
                await self._databases.pop().bury()
            mortal.forget()
            await self._after_death()
        else:
            self._databases.clear()
            self._steps = max(50, mortal.steps)
            self._settle(source, reports)
        await self._look()

    async def _wait_out_rest(self) -> None:
        """A source that rests is not tried; a clock put back makes no rest longer than the longest there is."""

        async def refuse(table: SourceTable) -> SyncReport:
            raise AssertionError("a source that rests was synced")

        job = (await self._readers.jobs.all(TENANT)).get(SOURCE)
        if job is None or job.rests_until is None or job.rests_until <= self._now:
            return
        await self._scheduler(self._readers, refuse).start_due()
        self._now += timedelta(seconds=LONGEST_ASKED_SECONDS)

    def _scheduler(self, catalogue: Catalogue, run: RunSource) -> Scheduler:
        table = SourceTable(id=SOURCE, kind="simulated")
        return Scheduler(
            catalogue.jobs, run, tenant=TENANT, sources=[table], clock=self._clock, chance=self._chance.random
        )

    async def _after_death(self) -> None:
        if self._chance.random() < 0.3:
            self.facts["power failures"] += 1
            await self._index.fail_power(self._chance)
        if self._chance.random() < 0.05:
            self.facts["indexes lost"] += 1
            self._is_damaged = True
            await self._index.write("drop")
            await self._index.flush()

    async def _sync(self, mortal: Process, source: SimulatedSource, reports: list[SyncReport]) -> None:
        """What `footnote serve` does for one source until a run has ended, and then it is stopped."""
        database = await MortalDatabase.open(self._url)
        if not isinstance(database, MortalDatabase):
            raise TypeError("a database opens as what it was asked for as")
        self._databases.append(database)
        database.mortal = mortal
        catalogue = Catalogue(database, clock=self._clock)
        ended = asyncio.Event()
        try:
            live = await catalogue.generations.live(TENANT)
            base = KnowledgeBase(
                catalogue=catalogue,
                index=MortalIndex(self._index, mortal),
                embedder=self._embedder,
                generation=live or await create_generation(catalogue, self._embedder, self._settings),
                settings=self._settings,
            )

            async def run(table: SourceTable) -> SyncReport:
                sync = SourceSync(base, source, source_id=table.id, progress=Silent(), may_remove_many=True)
                try:
                    reports.append(await sync.run(is_full=False))
                finally:
                    ended.set()
                return reports[-1]

            scheduler = self._scheduler(catalogue, run)
            forever = asyncio.create_task(scheduler.run_forever())
            waiting = asyncio.create_task(ended.wait())
            await asyncio.wait([forever, waiting], return_when=asyncio.FIRST_COMPLETED)
            await scheduler.finish_running()
            forever.cancel()
            waiting.cancel()
            await asyncio.gather(forever, waiting, return_exceptions=True)
        finally:
            await catalogue.close()

    def _settle(self, source: SimulatedSource, reports: Sequence[SyncReport]) -> None:
        """After a whole sync nobody may be shown what was so before it began."""
        if not reports:
            self.faults.append("a source that was due was not synced")
        elif reports[-1].was_refused:
            self.faults.append("a dead holder's lease still keeps the source")
        if not reports or reports[-1].reason is not None or not reports[-1].complete:
            self.facts["syncs cut short"] += 1
            return
        self._settled_members = source.began_at
        self._is_damaged = False
        for name in self._world.past:
            if name not in source.unread:
                self._settled[name] = source.began_at

    async def _look(self) -> None:
        """Everybody searches, and what they find is compared with what the source was."""
        self.facts["looks"] += 1
        for email in (None, *PEOPLE):
            principal = await self._readers.access.principal(TENANT, email)
            found = await self._everything(principal)
            for name in self._world.past:
                self._judge(name, email, found.get(name, []))
        await self._look_for_one()

    async def _look_for_one(self) -> None:
        """The same through the retriever, for one page."""
        if not self._world.past:
            return
        name, email = self._chance.choice(sorted(self._world.past)), self._chance.choice(PEOPLE)
        retriever = HybridRetriever(self._readers, self._index, self._embedder, link_base="")  # type: ignore[arg-type]  # it only searches
        principal = await self._readers.access.principal(TENANT, email)
        passages = await retriever.retrieve(f"zebra{name} {COMMON}", principal, scope=SearchScope(), count=200)
        own = [Found.of(each.text) for each in passages if each.document_id == f"{SOURCE}:{name}"]
        self._judge(name, email, own, is_all=False)

    async def _everything(self, principal: Principal) -> dict[str, list[Found]]:
        """Page → all of its sections that a search can show."""
        audience_ids = await self._readers.access.readable(principal)
        where = IndexFilter(tenant=TENANT, audience_ids=audience_ids)
        hits: list[Hit] = (
            await self._index.search(where=where, vector=None, text=COMMON, k=MOST) if audience_ids else []
        )
        keys = [
            SectionKey(document_id=hit.document_id, revision=hit.revision, section_ordinal=hit.section_ordinal)
            for hit in hits
        ]
        found: dict[str, list[Found]] = {}
        for section in await self._readers.documents.read_sections(TENANT, audience_ids=audience_ids, keys=keys):
            found.setdefault(section.document_id.partition(":")[2], []).append(Found.of(section.text))
        return found

    def _judge(self, name: str, email: str | None, found: Sequence[Found], *, is_all: bool = True) -> None:
        """Is this what somebody may find of a page now?"""
        self.facts["pages looked for"] += 1
        since = self._settled.get(name, 0)
        states = self._world.states(name, since=since)
        may_read = {
            page.edition
            for page in states
            if page is not None
            for members in self._world.memberships(since=self._settled_members)
            if page.audience.admits(_principal(email, members))
        }
        editions = {each.edition for each in found}
        if len(editions) > 1:
            self.faults.append(f"{name} for {email}: editions {sorted(editions)} mixed")
        if is_all and found and {each.part for each in found} != set(range(found[0].part_count)):
            self.faults.append(f"{name} for {email}: half a page")
        if editions - may_read:
            self.faults.append(f"{name} for {email}: edition {editions}, allowed {may_read} since {since}")
        unchanged = name in self._settled and len(states) == 1 and states[0] is not None
        if is_all and unchanged and not found and not self._is_damaged and self._always_admits(states[0], email):
            self.faults.append(f"{name} for {email}: lost")

    def _always_admits(self, page: Page | None, email: str | None) -> bool:
        every = self._world.memberships(since=self._settled_members)
        return page is not None and all(page.audience.admits(_principal(email, members)) for members in every)

    async def _must_equal(self) -> None:
        """After a sync without trouble: what is stored and indexed is what the source holds."""
        versions = await self._readers.documents.versions(TENANT, SOURCE)
        if dict(versions) != {name: str(page.seq) for name, page in self._world.pages.items()}:
            self.faults.append("the catalogue differs from the source")
        live = await self._readers.documents.live_revisions(TENANT)
        held = await self._index.counts(tenant=TENANT)
        if dict(held) != {(name, revision): count for name, (revision, count) in live.items()}:
            self.faults.append("the index differs from the catalogue")
        for email in (None, *PEOPLE):
            principal = await self._readers.access.principal(TENANT, email)
            found = {name: each[0].edition for name, each in (await self._everything(principal)).items()}
            wanted = {
                name: page.edition for name, page in self._world.pages.items() if self._always_admits(page, email)
            }
            if found != wanted:
                self.faults.append(f"{email} finds {found}, should find {wanted}")
        if await self._readers.documents.garbage(TENANT):
            self.faults.append("garbage is left")

    def _clock(self) -> datetime:
        return self._now


def _principal(email: str | None, members: Sequence[str]) -> Principal:
    """Who asks, by the source's own rules."""
    return Principal(tenant=TENANT, email=email, groups=frozenset({GROUP} if email in members else ()))
