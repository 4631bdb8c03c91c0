"""Where a page stands: the page or database around it, and the space, which is the topmost one that can be read."""

from collections.abc import Mapping

from ingest.connectors.notion_api import NotionApi
from ingest.connectors.notion_calls import NotionRefusal
from ingest.connectors.notion_discovery import Discovery
from ingest.connectors.notion_records import Found, Version
from ingest.parsing.notion_json import object_at, plain_id, text_at

# No page stands in this many others; a circle of parents would.
MOST_ANCESTORS = 200


class Places:
    """Looks through the blocks (columns, toggles) between a page and what it stands in."""

    def __init__(self, api: NotionApi, discovery: Discovery, versions: Mapping[str, Version]) -> None:
        self._api = api
        self._discovery = discovery
        self._versions = versions
        # What a page was seen in while that was read: it costs no request.
        self._seen_in: dict[str, str] = {}

    def learn(self, native_id: str, container: str) -> None:
        """A page or database was seen among the blocks of another."""
        self._seen_in[native_id] = container

    def container(self, found: Found) -> str | None:
        """The page or database around it; empty at the top, None if only a block around it is known."""
        if found.parent_kind == "data_source_id":
            return found.database_id
        if found.parent_kind in {"page_id", "database_id"}:
            return found.parent_id
        if found.parent_kind != "block_id":
            return ""
        version = self._versions.get(found.id)
        known = version.container if version and version.parent_id == found.parent_id else None
        return self._seen_in.get(found.id, known)

    def is_placed(self, found: Found) -> bool:
        """Is everything that it stands in known?"""
        return all(self.container(each) is not None for each in self._chain(found))

    async def place(self, found: Found) -> None:
        """Find out what is not known of that by asking for the blocks between. Raises SourceError."""
        for _ in range(MOST_ANCESTORS):
            open_end = next((each for each in self._chain(found) if self.container(each) is None), None)
            if open_end is None:
                return
            self._seen_in[open_end.id] = await self._page_of_block(open_end.parent_id)

    def space(self, found: Found) -> str:
        """The title of the topmost page or database that it stands in; its own if it is at the top."""
        return self._chain(found)[-1].title

    def database_title(self, found: Found) -> str:
        """The title of the database that a row is in; empty for pages."""
        around = self._discovery.databases.get(found.database_id)
        return around.title if around and found.kind == "page" else ""

    def _chain(self, found: Found) -> list[Found]:
        """The thing itself and what it stands in, outwards, as far as known."""
        chain = [found]
        while len(chain) < MOST_ANCESTORS:
            container = self.container(chain[-1]) or ""
            above = self._discovery.pages.get(container) or self._discovery.databases.get(container)
            if above is None or above in chain:
                break
            chain.append(above)
        return chain

    async def _page_of_block(self, block_id: str) -> str:
        for _ in range(MOST_ANCESTORS):
            try:
                parent = object_at(await self._api.block(block_id), "parent")
            except NotionRefusal:
                return ""
            kind = text_at(parent, "type")
            parent_id = plain_id(parent.get(kind))
            if kind != "block_id":
                return parent_id
            block_id = parent_id
        return ""
