"""One sync of a Notion source: find what exists, read what changed, and say what is gone."""

from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass

from ingest.changes import AccessChanged, Change, Checkpoint, Failed, LeftOut, Listing, Removed, Skipped
from ingest.connectors.notion_api import NotionApi
from ingest.connectors.notion_calls import NotionRefusal
from ingest.connectors.notion_discovery import Discovery
from ingest.connectors.notion_memory import Waiting, load_memory
from ingest.connectors.notion_places import Places
from ingest.connectors.notion_reading import NotionReader, Origin, Reading
from ingest.connectors.notion_records import Found, Kind, Version, tried_at
from ingest.connectors.notion_tree import OversizedPage
from ingest.parsing.notion_json import text_at
from kb.errors import SourceError, SourceUnavailable, UnreadableDocument

# Pages that Notion fails on one after the other before the whole source counts as unavailable.
MOST_FAILURES_IN_A_ROW = 10
# Documents read before they are handed on: what was found in them is remembered first.
BATCH_DOCUMENTS = 32
EMPTY = "there is no text in it"
TEMPLATE = "a template of its database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What of the workspace is read, and how often again. `roots`: ids or links of pages and databases."""

    roots: tuple[str, ...]
    with_transcripts: bool
    reread_seconds: float


class NotionRun:
    """The changes since a checkpoint. `known`: native id → version of what is stored."""

    def __init__(
        self, api: NotionApi, *, origin: Origin, scope: Scope, since: Checkpoint | None, known: Mapping[str, str]
    ) -> None:
        self._left_out: Counter[str] = Counter()
        self._api = api
        self._origin = origin
        self._scope = scope
        self._memory = load_memory(since.value if since else None)
        self._known = known
        parsed = {native_id: Version.parse(version) for native_id, version in known.items()}
        self._versions = {native_id: version for native_id, version in parsed.items() if version is not None}
        self._discovery = Discovery(api, self._memory, self._versions)
        self._places = Places(api, self._discovery, self._versions)
        self._titles: dict[str, str] = {}
        self._reader = NotionReader(
            api,
            self._discovery,
            self._places,
            origin=origin,
            with_transcripts=scope.with_transcripts,
            titles=self._titles,
        )
        self._queue: deque[Found] = deque()
        self._unplaced: deque[Found] = deque()
        self._done: list[Change] = []
        self._is_memory_older = False
        self._failures_in_a_row = 0

    async def changes(self) -> AsyncGenerator[Change, None]:
        """The stream. What only another audience separates from its version comes first: it must close at once."""
        for change in self._changed_access():
            yield change
        await self._greet()
        await self._discovery.run(roots=self._scope.roots, remembered=self._remembered())
        self._take_up()
        yield Listing(titles=dict(self._titles), is_complete=False, reason="reading has only begun")
        for failed in self._discovery.failed:
            yield failed
        # What was found is remembered before anything is stored: a run may be cut short at any moment, and neither
        # search nor an unchanged parent would name it again for certain.
        yield Checkpoint(value=self._memory.dump())
        async for change in self._read_all():
            yield change
        for change in self._endings():
            yield change

    def _changed_access(self) -> Iterator[Change]:
        digest = self._origin.audience.digest[:12]
        for native_id, version in self._versions.items():
            if version.audience != digest:
                self._versions[native_id] = version = version.with_audience(digest)
                yield AccessChanged(native_id=native_id, audience=self._origin.audience, version=str(version))

    async def _greet(self) -> None:
        """Is the token good, and does it still belong to the same workspace?"""
        workspace = text_at(await self._api.me(), "bot", "workspace_id")
        if self._memory.workspace and workspace and workspace != self._memory.workspace:
            raise SourceError(
                "the token now belongs to another Notion workspace: give that one a source id of its own, "
                "or take this source over with `footnote sync --full`"
            )
        self._memory.workspace = workspace or self._memory.workspace

    def _remembered(self) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {native_id: "page" for native_id in self._known}
        kinds |= {native_id: version.kind for native_id, version in self._versions.items()}
        return kinds | {native_id: waiting.kind for native_id, waiting in self._memory.waiting.items()}

    def _take_up(self) -> None:
        """Everything found lately: what has to be read is queued, and remembered until it is stored."""
        fresh, self._discovery.fresh = self._discovery.fresh, []
        found = [self._discovery.pages.get(each) or self._discovery.databases.get(each) for each in fresh]
        everything = [each for each in found if each is not None]
        self._titles.update({each.id: each.title for each in everything})
        self._titles.update({each.id: each.title for each in self._discovery.templates.values()})
        for each in everything:
            if self._is_stored(each) or self._is_skipped_again(each):
                continue
            if each.kind == "database":
                # What it says of itself stands in its rows.
                self._queue.appendleft(each)
            else:
                (self._queue if self._places.is_placed(each) else self._unplaced).append(each)
            if each.id not in self._known:
                self._memory.waiting[each.id] = Waiting(kind=each.kind, title=each.title)
                self._is_memory_older = True

    def _is_stored(self, found: Found) -> bool:
        version = self._versions.get(found.id)
        return version is not None and self._is_current(version, found)

    def _is_skipped_again(self, found: Found) -> bool:
        """What was found empty needs no second look while it does not change, but belongs in every report."""
        waiting = self._memory.waiting.get(found.id)
        version = Version.parse(waiting.version) if waiting else None
        if waiting is None or version is None or not self._is_current(version, found):
            return False
        self._done.append(Skipped(native_id=found.id, title=found.title, reason=waiting.reason))
        return True

    def _is_current(self, version: Version, found: Found) -> bool:
        return version.is_current(
            found,
            digest=self._reader.digest(found),
            now=self._api.server_time,
            reread_seconds=self._scope.reread_seconds,
        )

    async def _read_all(self) -> AsyncGenerator[Change, None]:
        """Everything in the queue, and what is found on the way. Pages whose place is only known later come last."""
        try:
            while self._queue or self._unplaced:
                found = self._queue.popleft() if self._queue else self._unplaced.popleft()
                await self._read(found)
                if len(self._done) >= BATCH_DOCUMENTS:
                    for change in self._hand_on():
                        yield change
        except SourceError:
            for change in self._hand_on():
                yield change
            raise
        for change in self._hand_on():
            yield change

    def _hand_on(self) -> Iterator[Change]:
        if self._is_memory_older:
            yield Checkpoint(value=self._memory.dump())
            self._is_memory_older = False
        yield from self._done
        self._done = []

    async def _read(self, found: Found) -> None:
        """Read one. Raises SourceError if it is not that page alone that cannot be read."""
        try:
            await self._places.place(found)
            reading = await self._reader.read(found)
            self._failures_in_a_row = 0
            await self._look_inside(reading)
            self._keep(found, reading)
        except NotionRefusal as exc:
            await self._refused(found, exc)
        except UnreadableDocument as exc:
            self._fail(found, str(exc), is_lasting=isinstance(exc.__cause__, OversizedPage))
        except SourceUnavailable as exc:
            # If it is Notion as a whole, this fails as well and ends the run.
            await self._api.me()
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= MOST_FAILURES_IN_A_ROW:
                raise
            self._fail(found, f"{exc}; an earlier copy stays")
        except SourceError:
            raise
        except Exception as exc:  # noqa: BLE001  # whatever one page does to a parser, the others go on
            self._fail(found, f"the parser failed ({type(exc).__name__}); please report it", is_lasting=True)

    async def _look_inside(self, reading: Reading) -> None:
        """Pages and databases among its blocks, which no list may have named."""
        for page_id in reading.pages:
            await self._follow(page_id, "page")
        for database_id in reading.databases:
            await self._follow(database_id, "database")
        self._take_up()

    async def _follow(self, native_id: str, kind: Kind) -> None:
        """Remembered before it is asked for: once its parent is stored, nothing else need name it."""
        is_new = native_id not in self._known and native_id not in self._memory.waiting
        if is_new:
            self._memory.waiting[native_id] = Waiting(kind=kind, title=native_id)
            self._is_memory_older = True
        is_answered = await self._discovery.attempt(self._add(native_id, kind), what=f"{kind} {native_id}")
        is_there = native_id in self._discovery.pages or native_id in self._discovery.databases
        if is_new and is_answered and not is_there:
            self._memory.waiting.pop(native_id, None)

    async def _add(self, native_id: str, kind: Kind) -> None:
        try:
            await (self._discovery.add_page if kind == "page" else self._discovery.add_database)(native_id)
        except NotionRefusal as exc:
            # The id of a database's block is not always one of a database.
            if exc.status != 400:
                raise

    def _keep(self, found: Found, reading: Reading) -> None:
        self._left_out.update(reading.left_out)
        if reading.document is not None:
            self._memory.waiting.pop(found.id, None)
            self._done.append(reading.document)
            return
        self._memory.waiting[found.id] = Waiting(
            kind=found.kind, title=found.title, version=str(reading.version), reason=EMPTY
        )
        self._done.append(Skipped(native_id=found.id, title=found.title, reason=EMPTY))

    async def _refused(self, found: Found, refusal: NotionRefusal) -> None:
        """Gone since it was listed, or not ours to read."""
        evidence = None
        if refusal.is_not_found:
            evidence = await self._discovery.trash.evidence(found.id, found.kind)
        if evidence is None:
            self._fail(found, f"{refusal}; an earlier copy stays")
            return
        self._discovery.gone[found.id] = evidence
        self._titles.pop(found.id, None)

    def _fail(self, found: Found, reason: str, *, is_lasting: bool = False) -> None:
        """`is_lasting`: what the page holds is the cause, so that this very version would fail again."""
        tried = tried_at(found, now=self._api.server_time, reread_seconds=self._scope.reread_seconds)
        version = str(self._reader.version(found, read_at=tried)) if is_lasting and tried is not None else ""
        self._done.append(Failed(native_id=found.id, title=found.title, reason=reason, version=version))

    def _endings(self) -> Iterator[Change]:
        """What is gone, what there is, and what the next sync has to know."""
        for template in self._discovery.templates.values():
            yield Skipped(native_id=template.id, title=template.title, reason=TEMPLATE)
        for native_id, evidence in self._discovery.gone.items():
            self._memory.waiting.pop(native_id, None)
            if native_id in self._known:
                yield Removed(native_id=native_id, reason=evidence)
        if self._left_out:
            yield LeftOut(counts=dict(self._left_out))
        unseen = {native_id: native_id for native_id in self._discovery.unseen}
        gaps = self._discovery.gaps
        reason = "; ".join(gaps[:3]) + (f"; and {len(gaps) - 3} more" if len(gaps) > 3 else "")
        yield Listing(titles=unseen | self._titles, is_complete=not gaps, reason=reason or None)
        yield Checkpoint(value=self._memory.dump())
