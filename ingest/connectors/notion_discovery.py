"""What exists in a Notion workspace: search, every data source's rows, configured roots, and all that was ever found.

Search alone is never believed: Notion says itself that it may leave things out. And nothing is gone because no list
names it: see notion_trash.
"""

from collections import ChainMap
from collections.abc import Awaitable, Iterable, Mapping

from ingest.changes import Failed
from ingest.connectors.notion_api import NotionApi
from ingest.connectors.notion_calls import NotionList, NotionRefusal
from ingest.connectors.notion_memory import Memory
from ingest.connectors.notion_records import (
    Found,
    Kind,
    Version,
    found_database,
    found_page,
    is_trashed,
    without_properties,
)
from ingest.connectors.notion_trash import IN_TRASH, TrashCheck
from ingest.parsing.notion_databases import number_formats
from ingest.parsing.notion_json import Json, id_in_link, objects_at, plain_id, text_at
from kb.errors import SourceUnavailable

MOST_GONE = 20
MOST_GONE_SHARE = 0.05
# Pages whose properties are kept from a list until they are read; those of more are asked for again.
MOST_KEPT = 10_000


class Discovery:
    """Collects what exists, by id: `pages`, `databases`, `templates`; what is `gone`, with the evidence.

    `unseen`: what an unreadable list would have named, left as it is; `gaps`: why there may be more than was found.
    """

    def __init__(self, api: NotionApi, memory: Memory, versions: Mapping[str, Version]) -> None:
        self.pages: dict[str, Found] = {}
        self.databases: dict[str, Found] = {}
        self.templates: dict[str, Found] = {}
        # Found since somebody last looked here.
        self.fresh: list[str] = []
        self.gone: dict[str, str] = {}
        self.unseen: set[str] = set()
        self.failed: list[Failed] = []
        self.gaps: list[str] = []
        self._api = api
        self._memory = memory
        self._versions = versions
        self._kept: set[str] = set()
        self._sources: dict[str, dict[str, Json]] = {}
        # Data source id → the rows that it listed, None if its list could not be read to the end.
        self._rows: dict[str, frozenset[str] | None] = {}
        self.trash = TrashCheck(api, ChainMap(self.pages, self.databases))

    async def run(self, *, roots: Iterable[str], remembered: Mapping[str, Kind]) -> None:
        """Find everything. `remembered`: id → kind of all that earlier syncs found. Raises SourceError."""
        for page in await self._searched("page"):
            await self._take_page(page)
        for source in await self._searched("data_source"):
            await self.add_source(source)
        for database_id, source_ids in list(self._memory.databases.items()):
            await self.attempt(self._complete(database_id, source_ids), what=f"database {database_id}")
        for database_id in {found.database_id for found in self.pages.values()} - self.databases.keys() - {""}:
            await self.attempt(self.add_database(database_id), what=f"database {database_id}")
        for root in roots:
            await self._add_root(root)
        await self._set_templates_aside()
        await self._look_up_unlisted(remembered)

    async def attempt(self, step: Awaitable[object], *, what: str) -> bool:
        """Did it succeed? If not, that is a gap, unless it is Notion as a whole that does not answer: SourceError."""
        try:
            await step
        except (SourceUnavailable, NotionRefusal) as exc:
            await self._api.me()
            self.gaps.append(f"{what} could not be read: {exc}")
            return False
        return True

    async def add_page(self, page_id: str) -> Found | None:
        """A page found by its id, in another page or by a setting; None if it is not there to be read."""
        if page_id not in self.pages:
            page = await self.trash.read(page_id, "page")
            if page is None or is_trashed(page):
                return None
            await self._take_page(page)
        return self.pages.get(page_id)

    async def add_database(self, database_id: str) -> Found | None:
        """A database found by its id, with its rows. None if it is not there, or only a view of one elsewhere."""
        if database_id in self.databases or database_id in self._memory.views:
            return self.databases.get(database_id)
        database = await self.trash.read(database_id, "database")
        if database is None or is_trashed(database):
            self._memory.databases.pop(database_id, None)
            return None
        return await self.take_database(database)

    async def take_database(self, database: Json) -> Found | None:
        """A database as it says itself what it is: search may have left out data sources of it. None if it has none."""
        database_id = plain_id(database.get("id"))
        for each in objects_at(database, "data_sources"):
            await self._add_source_by_id(plain_id(each.get("id")))
        sources = self._sources.get(database_id, {})
        if not sources:
            self._memory.views.add(database_id)
            return None
        found = found_database(database_id, sources, database)
        self._note_fresh(found)
        self.databases[database_id] = found
        return found

    async def add_source(self, source: Json) -> None:
        """A data source: its database becomes a document, its rows pages."""
        source_id = plain_id(source.get("id"))
        database_id = plain_id(text_at(source, "parent", "database_id"))
        if not source_id or not database_id or source_id in self._rows or is_trashed(source):
            return
        sources = self._sources.setdefault(database_id, {})
        sources[source_id] = source
        self._memory.databases[database_id] = tuple(sorted({*self._memory.databases.get(database_id, ()), source_id}))
        found = found_database(database_id, sources)
        self._note_fresh(found)
        self.databases[database_id] = found
        self._rows[source_id] = None
        await self.attempt(self._take_rows(source_id), what=f"the list of rows of database {found.title!r}")

    def has_all_rows(self, database_id: str) -> bool:
        """Were the rows of all its data sources listed to the end?"""
        sources = self._sources.get(database_id, {})
        return bool(sources) and all(self._rows.get(source_id) is not None for source_id in sources)

    def formats(self, database_id: str) -> dict[str, str]:
        """The number formats of a database's columns, by name."""
        sources = self._sources.get(database_id, {}).values()
        return {name: each for source in sources for name, each in number_formats(source).items()}

    def _note_fresh(self, found: Found) -> None:
        if found.id not in self.pages and found.id not in self.databases:
            self.fresh.append(found.id)

    async def _searched(self, kind: str) -> list[Json]:
        found = await self._api.search(kind, shrink=self._shrunk)
        if found.is_cut:
            self.gaps.append("search stopped at a limit of its own before the end")
        return found.results

    async def _take_page(self, page: Json) -> None:
        found = found_page(page)
        if found is None:
            # Lists may hold bare ids, and a wiki's rows may be data sources.
            if text_at(page, "object") == "data_source":
                await self.add_source(page)
            elif (page_id := plain_id(page.get("id"))) and page_id not in self.pages and "properties" not in page:
                found = found_page(await self.trash.read(page_id, "page") or {})
        if found is not None and found.is_trashed:
            self.pages.pop(found.id, None)
            self.gone[found.id] = IN_TRASH
        elif found is not None:
            self._note_fresh(found)
            self.pages[found.id] = found
            self.gone.pop(found.id, None)

    def _shrunk(self, page: Json) -> Json:
        """Without the properties of a page that looks unchanged, or that is one too many to keep until it is read."""
        version = self._versions.get(plain_id(page.get("id")))
        is_unchanged = version is not None and version.edited == text_at(page, "last_edited_time")
        if text_at(page, "object") != "page" or "properties" not in page:
            return page
        page_id = plain_id(page.get("id"))
        if is_unchanged or (len(self._kept) >= MOST_KEPT and page_id not in self._kept):
            return without_properties(page)
        self._kept.add(page_id)
        return page

    async def _take_rows(self, source_id: str) -> None:
        """All rows, in as many windows as the API's limit of 10,000 a query asks for. Raises NotionRefusal."""
        ids: set[str] = set()
        since = ""
        while True:
            listed = await self._api.rows(source_id, created_since=since, shrink=self._shrunk)
            new = [row for row in listed.results if plain_id(row.get("id")) not in ids]
            for row in new:
                await self._take_page(row)
                ids.add(plain_id(row.get("id")))
            if not listed.is_cut:
                self._rows[source_id] = frozenset(ids)
                return
            latest = _latest_creation(listed)
            if not new or not latest or latest == since:
                raise NotionRefusal(200, "with more rows of one minute than a query may list")
            since = latest

    async def _complete(self, database_id: str, source_ids: Iterable[str]) -> None:
        """What search may have left out of a database known before: all of it, or some of its data sources."""
        for source_id in source_ids:
            await self._add_source_by_id(source_id)
        if database_id not in self.databases:
            await self.add_database(database_id)
        elif len(self._sources[database_id]) > 1 and (database := await self.trash.read(database_id, "database")):
            # Several data sources have names of their own; only the database says what they are called together.
            await self.take_database(database)

    async def _add_source_by_id(self, source_id: str) -> None:
        if not source_id or source_id in self._rows:
            return
        try:
            source = await self._api.source(source_id)
        except NotionRefusal as exc:
            if not exc.is_not_found:
                self.gaps.append(f"data source {source_id} could not be read: {exc}")
            source = {}
        await self.add_source(source)
        if source_id not in self._rows:
            self._memory.forget_source(source_id)

    async def _add_root(self, root: str) -> None:
        root_id = plain_id(root) or id_in_link(root)
        try:
            if not root_id or not (await self._add_either(root_id)):
                reason = "share it with the connection, or take it out of the source's roots: Notion does not give it"
                self.failed.append(Failed(native_id=root_id or root, title=root, reason=reason))
        except NotionRefusal as exc:
            self.failed.append(Failed(native_id=root_id, title=root, reason=str(exc)))

    async def _add_either(self, native_id: str) -> bool:
        try:
            if await self.add_page(native_id):
                return True
        except NotionRefusal as exc:
            if exc.status != 400:
                raise
        return bool(await self.add_database(native_id))

    async def _set_templates_aside(self) -> None:
        """Pages that search lists in a data source which does not have them as rows may be its templates."""
        in_source: dict[str, list[Found]] = {}
        for found in self.pages.values():
            rows = self._rows.get(found.parent_id) if found.parent_kind == "data_source_id" else None
            if rows is not None and found.id not in rows:
                in_source.setdefault(found.parent_id, []).append(found)
        for source_id, candidates in in_source.items():
            listed = (await self._api.templates(source_id)).results
            templates = {plain_id(each.get("id")) for each in listed}
            for found in candidates:
                if found.id in templates:
                    self.templates[found.id] = self.pages.pop(found.id)

    async def _look_up_unlisted(self, remembered: Mapping[str, Kind]) -> None:
        # More than this are not taken away in one sync unless someone says so; then each is asked about again.
        most = max(MOST_GONE, int(len(remembered) * MOST_GONE_SHARE))
        for native_id, kind in remembered.items():
            if len(self.gone) > most:
                break
            if not any(native_id in found for found in (self.pages, self.databases, self.templates, self.gone)):
                await self._look_up(native_id, kind, self._versions.get(native_id))

    async def _look_up(self, native_id: str, kind: Kind, version: Version | None) -> None:
        """Something that exists, as far as we know, and that no list named."""
        container = version.container if version else ""
        if kind == "page" and container in self.databases and not self.has_all_rows(container):
            self.unseen.add(native_id)
            return
        try:
            thing = await self.trash.read(native_id, kind)
            evidence = await self._evidence(native_id, kind, thing)
        except (SourceUnavailable, NotionRefusal) as exc:
            await self._api.me()
            self.unseen.add(native_id)
            self.gaps.append(f"{kind} {native_id} could not be looked up: {exc}")
            return
        if evidence is not None:
            self.gone[native_id] = evidence
        elif thing is None:
            # Not found, and then found after all: the next sync asks again.
            self.unseen.add(native_id)
        elif kind == "page":
            await self._take_page(thing)
        else:
            await self.take_database(thing)

    async def _evidence(self, native_id: str, kind: Kind, thing: Json | None) -> str | None:
        if thing is None:
            return await self.trash.second_opinion(native_id, kind)
        return IN_TRASH if is_trashed(thing) else await self.trash.below_trash(thing)


def _latest_creation(listed: NotionList) -> str:
    return max((text_at(row, "created_time") for row in listed.results), default="")
