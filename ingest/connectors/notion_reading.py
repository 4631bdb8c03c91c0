"""A page or database that was found becomes a document: blocks read whole, properties completed, names looked up."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingest.connectors.notion_api import NotionApi
from ingest.connectors.notion_calls import NotionRefusal
from ingest.connectors.notion_discovery import Discovery
from ingest.connectors.notion_places import Places
from ingest.connectors.notion_records import Found, Version, digest_of, found_page, time_of
from ingest.connectors.notion_tree import Tree, TreeReader, UnreadablePage
from ingest.parsing.notion_blocks import parse_blocks
from ingest.parsing.notion_databases import parse_database
from ingest.parsing.notion_json import Json, at, object_at, plain_id, text_at
from ingest.parsing.notion_properties import (
    incomplete_properties,
    nameless_people,
    property_labels,
    property_lines,
)
from ingest.parsing.notion_rich_text import NotionNames
from ingest.parsing.sections import ParsedPage
from kb.access import Audience
from kb.documents import Document, document_id
from kb.errors import UnreadableDocument

LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose document it becomes."""

    tenant: str
    source_id: str
    audience: Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read. `document`: None if there is no text in it; `left_out`: blocks without text here, by kind."""

    document: Document | None
    version: Version
    pages: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)


class NotionReader:
    """Reads one page or database at a time. `titles` by id, as far as found."""

    def __init__(
        self,
        api: NotionApi,
        discovery: Discovery,
        places: Places,
        *,
        origin: Origin,
        with_transcripts: bool,
        titles: Mapping[str, str],
    ) -> None:
        self._api = api
        self._discovery = discovery
        self._places = places
        self._origin = origin
        self._with_transcripts = with_transcripts
        self._trees = TreeReader(api, with_transcripts=with_transcripts)
        self._titles = titles
        self._people: dict[str, str] = {}
        self._may_see_people = True

    def digest(self, found: Found) -> str:
        """Of what shapes the document besides its page."""
        return digest_of(self._with_transcripts, self._places.space(found), self._places.database_title(found))

    async def read(self, found: Found) -> Reading:
        """The document.

        Raises UnreadableDocument if part of it cannot be read, NotionRefusal if Notion refuses it whole, SourceError.
        """
        read_at = int(self._api.server_time.timestamp())
        try:
            if found.kind == "database":
                return await self._database(found, read_at=read_at)
            return await self._page(found, read_at=read_at)
        except UnreadablePage as exc:
            raise UnreadableDocument(str(exc), document_id=document_id(self._origin.source_id, found.id)) from exc

    async def _page(self, found: Found, *, read_at: int) -> Reading:
        if found.properties is None:
            found = found_page(await self._api.page(found.id)) or found
        properties = await self._completed(found.id, found.properties or {})
        tree = await self._tree(found.id)
        for child in (*tree.pages, *tree.databases):
            self._places.learn(child, found.id)
        await self._look_up_people(nameless_people(properties))
        names = NotionNames(titles=self._titles, people=self._people)
        facts = property_lines(properties, names, formats=self._discovery.formats(found.database_id))
        if database := self._places.database_title(found):
            facts.insert(0, f"Database: {database}")
        parsed = await asyncio.to_thread(
            parse_blocks, tree.blocks, url=found.url, title=found.title, names=names, facts=facts
        )
        reading = self._with_document(found, parsed.page, read_at=read_at, labels=property_labels(properties, names))
        return replace(reading, pages=tree.pages, databases=tree.databases, left_out=dict(parsed.left_out))

    async def _database(self, found: Found, *, read_at: int) -> Reading:
        database = await self._api.database(found.id)
        found = await self._discovery.take_database(database) or found
        names = NotionNames(titles=self._titles, people=self._people)
        parsed = parse_database(database, found.sources, url=found.url, title=found.title, names=names)
        return self._with_document(found, parsed, read_at=read_at)

    async def _tree(self, page_id: str) -> Tree:
        """Once more if part of it was refused: it may have been edited while it was read."""
        try:
            return await self._trees.read(page_id)
        except UnreadablePage:
            return await self._trees.read(page_id)

    async def _completed(self, page_id: str, properties: Json) -> Json:
        """The properties, with all members of those of which a page object holds the first 25 only."""
        completed = dict(properties)
        for name, property_id in incomplete_properties(properties).items():
            kind = text_at(properties, name, "type")
            try:
                values = await self._api.property_values(page_id, property_id)
            except NotionRefusal as exc:
                raise UnreadablePage(f"its property {name!r} could not be read whole ({exc})") from exc
            members = [member for value in values if (member := at(value, kind)) is not None]
            completed[name] = {**object_at(properties, name), kind: members, "has_more": False}
        return completed

    async def _look_up_people(self, user_ids: set[str]) -> None:
        """Names that a page gives by id only. Without the right to see people, they stay nameless."""
        for user_id in sorted(user_ids - self._people.keys()):
            if not self._may_see_people:
                return
            try:
                self._people[user_id] = text_at(await self._api.user(user_id), "name")
            except NotionRefusal as exc:
                self._people[user_id] = ""
                self._may_see_people = exc.status != 403

    def version(self, found: Found, *, read_at: int) -> Version:
        """What the document depends on besides its text."""
        return Version(
            kind=found.kind,
            edited=found.edited,
            parent_id=found.parent_id,
            container=self._places.container(found) or "",
            digest=self.digest(found),
            audience=self._origin.audience.digest[:12],
            read_at=read_at,
        )

    def _with_document(self, found: Found, page: ParsedPage, *, read_at: int, labels: tuple[str, ...] = ()) -> Reading:
        version = self.version(found, read_at=read_at)
        if not page.sections:
            return Reading(document=None, version=version)
        linked = [each for link in page.links if (each := plain_id(link)) and each != found.id]
        document = Document(
            tenant=self._origin.tenant,
            source_id=self._origin.source_id,
            native_id=found.id,
            space=self._places.space(found)[:LONGEST_TITLE],
            title=found.title[:LONGEST_TITLE],
            url=found.url,
            version=str(version),
            updated_at=time_of(found.edited),
            audience=self._origin.audience,
            sections=page.sections,
            labels=labels,
            links=tuple(document_id(self._origin.source_id, each) for each in linked),
        )
        return Reading(document=document, version=version)
