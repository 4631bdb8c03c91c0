"""A source for the simulation: pages that appear, change, move, close and vanish, listings that lie, timeouts.

All of it is random, and the same for the same seed. What was true when is kept, for whoever judges what is found.
"""

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ingest.changes import AccessChanged, Change, Checkpoint, Failed, Listing, Memberships, Removed
from kb.access import Audience
from kb.documents import Block, Document, Section
from kb.errors import SourceUnavailable

TENANT, SOURCE = "acme", "wiki"
GROUP = f"{SOURCE}/staff"
PEOPLE = ("ann@acme.test", "bob@acme.test", "cy@acme.test")
AUDIENCES = (
    Audience.of(["everyone"]),
    Audience.of([PEOPLE[0]]),
    Audience.of([f"group:{GROUP}"]),
    Audience.of([f"group:{GROUP}"], [PEOPLE[0], PEOPLE[1]]),
)
COMMON = "heron"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page at one moment. `edition`: of its text; `seq`: the latest change of anything about it."""

    name: str
    edition: int
    section_count: int
    audience: Audience
    seq: int
    title: str
    space: str = "OPS"

    def document(self) -> Document:
        """As a connector gives it."""
        return Document(
            tenant=TENANT,
            source_id=SOURCE,
            native_id=self.name,
            space=self.space,
            title=self.title,
            url=f"https://wiki.test/{self.space}/{self.name}",
            version=str(self.seq),
            updated_at=START + timedelta(minutes=self.edition),
            audience=self.audience,
            sections=tuple(self._section(number) for number in range(self.section_count)),
        )

    def _section(self, number: int) -> Section:
        words = f"{COMMON} zebra{self.name} edition {self.edition} part {number} of {self.section_count}."
        return Section(
            id=f"#{number}",
            heading_path=(f"Part {number}",),
            anchor=str(number),
            url=f"https://wiki.test/{self.space}/{self.name}#{number}",
            blocks=(Block(kind="paragraph", text=words),),
        )


@dataclass(slots=True)
class World:
    """What the source holds, and held: page → (since when, the page or None) in order, and who was in its group."""

    chance: random.Random
    seq: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    past: dict[str, list[tuple[int, Page | None]]] = field(default_factory=dict)
    members: list[tuple[int, tuple[str, ...]]] = field(default_factory=lambda: [(0, PEOPLE[:2])])

    def grow(self, count: int) -> None:
        """So many new pages."""
        for _ in range(count):
            self._write(f"p{len(self.past)}")

    def change(self) -> None:
        """One random change."""
        if not self.pages:
            self.grow(1)
            return
        name = self.chance.choice(sorted(self.pages))
        page = self.pages[name]
        match self.chance.randrange(10):
            case 0 | 1:
                self.grow(1)
            case 2 | 3 | 4:
                self._write(name)
            case 5:
                self._set(name, replace(page, audience=self.chance.choice(AUDIENCES), seq=self.seq + 1))
            case 6:
                # Moved and renamed: the same text at another address.
                self._set(name, replace(page, space="HR", title=f"{page.title} moved", seq=self.seq + 1))
            case 7 | 8:
                # Deleted, or closed to the one who reads for us: the source shows the same.
                self._set(name, None)
            case _:
                self.seq += 1
                self.members.append((self.seq, tuple(self.chance.sample(PEOPLE, self.chance.randint(0, 3)))))

    def states(self, name: str, *, since: int) -> list[Page | None]:
        """What the page has been from that moment until now; None: it was not there."""
        past = [(0, None), *self.past.get(name, [])]
        later = [page for when, page in past if when > since]
        return [[page for when, page in past if when <= since][-1], *later]

    def memberships(self, *, since: int) -> list[tuple[str, ...]]:
        """Who has been in the group from that moment until now."""
        before = [members for when, members in self.members if when <= since][-1:]
        return [*before, *(members for when, members in self.members if when > since)]

    def _write(self, name: str) -> None:
        known = self.pages.get(name)
        page = Page(
            name=name,
            edition=self.seq + 1,
            section_count=self.chance.randint(1, 4),
            audience=known.audience if known and self.chance.random() < 0.6 else self.chance.choice(AUDIENCES),
            seq=self.seq + 1,
            title=known.title if known else f"Page {name}",
        )
        self._set(name, page)

    def _set(self, name: str, page: Page | None) -> None:
        self.seq += 1
        self.past.setdefault(name, []).append((self.seq, page))
        if page is None:
            del self.pages[name]
        else:
            self.pages[name] = page


@dataclass(slots=True)
class SimulatedSource:
    """A connector over the world. `feeds`: it tells changes since a checkpoint, else it compares a whole listing.

    `trouble`: how likely each listing, page and read goes wrong. What went wrong with a page is noted in `unread`.
    """

    world: World
    feeds: bool
    trouble: float
    is_restless: bool = False
    request_count: int = 0
    unread: set[str] = field(default_factory=set)
    began_at: int = 0

    async def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        """What is new, with trouble."""
        self.began_at = self.world.seq
        yield Memberships(groups={GROUP: self.world.members[-1][1]})
        stream = self._feed(int(since.value), known) if self.feeds and since is not None else self._compare(known)
        async for change in stream:
            self._fuss()
            yield change

    async def confirm_removed(self, native_id: str) -> str | None:
        """The truth, or none."""
        self._fuss()
        return None if native_id in self.world.pages else "deleted"

    async def verify(self) -> str:
        """There is nothing to look at."""
        return "simulated"

    async def close(self) -> None:
        """There is nothing to close."""

    async def _compare(self, known: Mapping[str, str]) -> AsyncIterator[Change]:
        listed = dict(sorted(self.world.pages.items()))
        end = self.world.seq
        is_complete = not self._goes_wrong()
        if not is_complete or self._goes_wrong():
            # Cut short, and says so; or a page is left out, and nothing said.
            lost = [name for name in listed if self.world.chance.random() < 0.4]
            self.unread |= set(lost)
            listed = {name: page for name, page in listed.items() if name not in lost}
        yield Listing(titles={name: page.title for name, page in listed.items()}, is_complete=is_complete)
        for name in listed:
            if (page := self.world.pages.get(name)) is not None and known.get(name) != str(page.seq):
                yield self._read(page)
        if not self.unread:
            yield Checkpoint(value=str(end))

    async def _feed(self, since: int, known: Mapping[str, str]) -> AsyncIterator[Change]:
        end, is_held_back = self.world.seq, False
        news = sorted((past[-1][0], name) for name, past in self.world.past.items() if past[-1][0] > since)
        for seq, name in news:
            change = self._told(name, stored=known.get(name))
            is_held_back = is_held_back or isinstance(change, Failed)
            yield change
            if not is_held_back and self.world.chance.random() < 0.3:
                yield Checkpoint(value=str(min(seq, end)))
        yield Listing(titles={name: page.title for name, page in self.world.pages.items()}, is_complete=True)
        if not is_held_back:
            yield Checkpoint(value=str(end))

    def _told(self, name: str, *, stored: str | None) -> Change:
        page = self.world.pages.get(name)
        if page is None:
            return Removed(native_id=name, reason="deleted")
        if stored is None:
            return self._read(page)
        # What is stored decides, not the checkpoint: a text from before it may never have been read, because a later
        # change moved the page behind the checkpoint.
        before = self.world.states(name, since=int(stored))
        texts = {(each.edition, each.title, each.space) for each in before if each is not None}
        if None not in before and texts == {(page.edition, page.title, page.space)}:
            return AccessChanged(native_id=name, audience=page.audience, version=str(page.seq))
        return self._read(page)

    def _read(self, page: Page) -> Change:
        self.request_count += 1
        if self._goes_wrong():
            self.unread.add(page.name)
            return Failed(native_id=page.name, title=page.title, reason="unreadable", version=str(page.seq))
        return page.document()

    def _fuss(self) -> None:
        """The world goes on meanwhile, and sometimes the source does not answer."""
        if self.is_restless and self.world.chance.random() < 0.1:
            self.world.change()
        if self.world.chance.random() < self.trouble / 4:
            raise SourceUnavailable("the source timed out")

    def _goes_wrong(self) -> bool:
        return self.world.chance.random() < self.trouble
