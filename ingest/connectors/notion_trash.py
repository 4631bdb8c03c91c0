"""Is a page or database gone? Only Notion's own word for that very id counts, given twice to a token that works."""

from collections.abc import Container

from ingest.connectors.notion_api import NotionApi
from ingest.connectors.notion_calls import NotionRefusal
from ingest.connectors.notion_records import Kind, is_trashed
from ingest.parsing.notion_json import Json, object_at, plain_id, text_at

GONE = "Notion does not know it any more, or it is no longer shared with the connection"
IN_TRASH = "it is in the trash"
BELOW_TRASH = "what it stands in is in the trash"
# No page stands in this many others; a circle of parents would.
MOST_ANCESTORS = 200


class TrashCheck:
    """Looks ids up. `alive`: ids that a list of this sync has named, which need no looking up."""

    def __init__(self, api: NotionApi, alive: Container[str]) -> None:
        self._api = api
        self._alive = alive
        self._ancestors: dict[str, Json | None] = {}

    async def evidence(self, native_id: str, kind: Kind) -> str | None:
        """Why it is gone; None if it is there, or if that is not certain. Raises SourceError."""
        first = await self.read(native_id, kind)
        if first is not None:
            return IN_TRASH if is_trashed(first) else await self.below_trash(first)
        return await self.second_opinion(native_id, kind)

    async def second_opinion(self, native_id: str, kind: Kind) -> str | None:
        """GONE if Notion, asked again, still does not know what it did not know just now. Raises SourceError."""
        # A token that does not work, or lost its rights, is refused here.
        await self._api.me()
        return GONE if await self.read(native_id, kind) is None else None

    async def read(self, native_id: str, kind: Kind) -> Json | None:
        """The object itself; None if Notion says that there is none. Raises NotionRefusal for any other refusal."""
        try:
            return await (self._api.page(native_id) if kind == "page" else self._api.database(native_id))
        except NotionRefusal as exc:
            if exc.is_not_found:
                return None
            raise

    async def below_trash(self, thing: Json) -> str | None:
        """BELOW_TRASH if anything it stands in is in the trash: the API need not say so of the page itself."""
        for _ in range(MOST_ANCESTORS):
            parent = object_at(thing, "parent")
            kind = text_at(parent, "type")
            # A row's data source stands for its database, which is what is in the trash or not.
            parent_id = plain_id(parent.get("database_id")) or plain_id(parent.get(kind))
            if not parent_id or parent_id in self._alive:
                return None
            above = await self._ancestor(parent_id, kind)
            if above is None:
                return None
            if is_trashed(above):
                return BELOW_TRASH
            thing = above
        return None

    async def _ancestor(self, native_id: str, kind: str) -> Json | None:
        """What something stands in; None if it cannot be read, which says nothing."""
        if native_id not in self._ancestors:
            read = {"page_id": self._api.page, "block_id": self._api.block}.get(kind, self._api.database)
            try:
                self._ancestors[native_id] = await read(native_id)
            except NotionRefusal:
                self._ancestors[native_id] = None
        return self._ancestors[native_id]
