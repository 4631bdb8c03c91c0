"""What we ask of Notion's API: reads only. Ids are given and taken without dashes."""

from collections.abc import Callable

from ingest.connectors.notion_calls import NotionCalls, NotionList
from ingest.parsing.notion_json import Json, objects_at

_OLDEST_EDIT_FIRST = {"timestamp": "last_edited_time", "direction": "ascending"}
_OLDEST_FIRST = [{"timestamp": "created_time", "direction": "ascending"}]


class NotionApi(NotionCalls):
    """One verb for each question. All raise NotionRefusal for one id, and SourceErrors for everything else."""

    async def me(self) -> Json:
        """The connection's own user: whether the token is good, and whose workspace it belongs to."""
        return await self.get(lambda client: client.users.me())

    async def user(self, user_id: str) -> Json:
        """A person."""
        return await self.get(lambda client: client.users.retrieve(user_id))

    async def page(self, page_id: str) -> Json:
        """A page's properties and place, not its text."""
        return await self.get(lambda client: client.pages.retrieve(page_id))

    async def block(self, block_id: str) -> Json:
        """A block and its place."""
        return await self.get(lambda client: client.blocks.retrieve(block_id))

    async def database(self, database_id: str) -> Json:
        """A database: title, description, and which data sources it has."""
        return await self.get(lambda client: client.databases.retrieve(database_id))

    async def source(self, source_id: str) -> Json:
        """A data source with its columns."""
        return await self.get(lambda client: client.data_sources.retrieve(source_id))

    async def search(self, kind: str, *, shrink: Callable[[Json], Json] | None = None) -> NotionList:
        """What search lists, `page` or `data_source`; never to be taken for everything that is shared.

        Oldest edit first: what is edited meanwhile moves to the end, and is met twice rather than never.
        """
        wanted = {"property": "object", "value": kind}
        return await self.list_all(
            lambda client, paging: client.search(filter=wanted, sort=_OLDEST_EDIT_FIRST, **paging), shrink=shrink
        )

    async def is_anything_listed(self) -> bool:
        """Does search list any page?"""
        wanted = {"property": "object", "value": "page"}
        return bool(objects_at(await self.get(lambda client: client.search(filter=wanted, page_size=1)), "results"))

    async def rows(
        self, source_id: str, *, created_since: str = "", shrink: Callable[[Json], Json] | None = None
    ) -> NotionList:
        """Rows of a data source, oldest first. `created_since`: a time of the API, to go on behind a cut list."""
        window = {"timestamp": "created_time", "created_time": {"on_or_after": created_since}}
        only = {"filter": window} if created_since else {}
        return await self.list_all(
            lambda client, paging: client.data_sources.query(source_id, sorts=_OLDEST_FIRST, **only, **paging),
            shrink=shrink,
        )

    async def templates(self, source_id: str) -> NotionList:
        """Template pages of a data source."""
        return await self.list_all(lambda client, paging: client.data_sources.list_templates(source_id, **paging))

    async def children(self, block_id: str) -> list[Json]:
        """The blocks directly inside a block or page."""
        return (await self.list_all(lambda client, paging: client.blocks.children.list(block_id, **paging))).results

    async def property_values(self, page_id: str, property_id: str) -> list[Json]:
        """All members of a property that holds many."""
        found = await self.list_all(
            lambda client, paging: client.pages.properties.retrieve(page_id, property_id, **paging)
        )
        return found.results
