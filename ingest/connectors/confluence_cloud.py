"""Confluence Cloud: v2 for content, v1 for what v2 lacks (search, restrictions, groups, users)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from ingest.connectors.confluence_cloud_rows import (
    attachment_of,
    body_of,
    comment_of,
    entry_of,
    permissions_of,
    readers_of,
)
from ingest.connectors.confluence_facts import FactsReader, direct_readers, quoted_keys
from ingest.connectors.confluence_json import (
    Json,
    at,
    group_of,
    object_of,
    person_of,
    rows_at,
    text_at,
)
from ingest.connectors.confluence_paging import by_cursor
from ingest.connectors.confluence_records import (
    Body,
    Comment,
    Entry,
    Facts,
    File,
    Group,
    Kind,
    Person,
    Readers,
    Refused,
    Space,
)
from ingest.connectors.confluence_transport import Params, Transport
from kb.errors import SourceAuthError

LISTED_AT_ONCE = 250
FOUND_AT_ONCE = 200
PEOPLE_AT_ONCE = 100
_PLURALS: Mapping[Kind, str] = {"page": "pages", "blogpost": "blogposts", "attachment": "attachments"}
_CONTAINERS = {
    "page": "pages",
    "folder": "folders",
    "whiteboard": "whiteboards",
    "database": "databases",
    "embed": "embeds",
}
# Everything that can be found, so that one listing tells labels, restrictions, comments and files of all content.
_TYPES = "page, blogpost, comment, attachment"


class CloudApi:
    """The API of one Cloud site."""

    def __init__(self, transport: Transport, *, site: str) -> None:
        self._transport = transport
        self._site = site

    async def whoami(self) -> Person:
        """See ConfluenceApi. A token may lack the right to say whose it is; then what it sees must speak for it."""
        try:
            person = person_of((await self._transport.get("rest/api/user/current")).body)
        except Refused as exc:
            try:
                sees_something = bool(await self.spaces([]))
            except Refused:
                sees_something = False
            if not sees_something:
                raise SourceAuthError(f"Confluence does not say whose token it is: {exc}") from exc
            return Person(key="", name="an account that its token does not tell")
        if not person.key:
            raise SourceAuthError("Confluence takes us for nobody: the token is wrong or has expired")
        return person

    async def spaces(self, keys: Sequence[str]) -> list[Space]:
        """See ConfluenceApi. Personal spaces are not found by their keys, so what is missing is looked for in all."""
        found = [row async for row in self._spaces({"keys": ",".join(keys)} if keys else {})]
        if len(found) < len(keys):
            found = [row async for row in self._spaces({}) if row.key in keys]
        return found

    async def entries(self, spaces: Sequence[Space], *, is_all: bool) -> AsyncIterator[Entry]:
        """See ConfluenceApi. Without a status, archived pages would be listed as well."""
        query: dict[str, str | int] = {"status": "current", "limit": LISTED_AT_ONCE}
        places = [""] if is_all else [f"spaces/{quote(space.id)}/" for space in spaces]
        for place in places:
            for kind in ("page", "blogpost"):
                if place and kind == "page":
                    query["depth"] = "all"
                else:
                    query.pop("depth", None)
                path = f"api/v2/{place}{_PLURALS[kind]}"
                async for row in by_cursor(self._transport, path, query):
                    yield entry_of(row, kind)

    async def facts(self, spaces: Sequence[Space], *, is_all: bool, listed: Mapping[str, Entry]) -> Facts:
        """See ConfluenceApi."""
        reader = FactsReader(spaces, by_id=True)
        where = f"type in ({_TYPES})" + ("" if is_all else f" and space in ({quoted_keys(spaces)})")
        query: Params = {"cql": where, "expand": reader.expand, "limit": FOUND_AT_ONCE}
        async for row in by_cursor(self._transport, "rest/api/content/search", query):
            reader.take(row)
        return reader.facts()

    async def matching(self, cql: str) -> frozenset[str]:
        """See ConfluenceApi."""
        rows = by_cursor(self._transport, "rest/api/content/search", {"cql": cql, "limit": FOUND_AT_ONCE})
        return frozenset([text_at(row, "id") async for row in rows])

    async def readers(self, content_id: str) -> Readers | None:
        """See ConfluenceApi."""
        return await direct_readers(self._transport, content_id, by_id=True)

    async def parent(self, content_id: str, kind: str) -> tuple[str, str]:
        """See ConfluenceApi."""
        place = _CONTAINERS.get(kind)
        if place is None:
            raise Refused(f"a {kind or 'parent of unknown kind'} cannot be read", status=404)
        body = (await self._transport.get(f"api/v2/{place}/{quote(content_id)}")).body
        return text_at(body, "parentId"), text_at(body, "parentType")

    async def space_readers(self, space: Space) -> Readers:
        """See ConfluenceApi. Where roles replace permissions, the list of permissions is empty."""
        path = f"api/v2/spaces/{quote(space.id)}/permissions"
        rows = [row async for row in by_cursor(self._transport, path, {"limit": LISTED_AT_ONCE})]
        may_read = [
            row
            for row in rows
            if (text_at(row, "operation", "key"), text_at(row, "operation", "targetType")) == ("read", "space")
        ]
        named = readers_of(may_read or await self._by_role(space))
        # A space may be open to anonymous readers while the whole site is not.
        is_public = named.is_public and await self._transport.is_open_to_all(f"api/v2/spaces/{quote(space.id)}")
        return replace(named, is_public=is_public)

    async def members(self, group: Group) -> list[Person | Group]:
        """See ConfluenceApi."""
        path = f"rest/api/group/{quote(group.key)}/membersByGroupId"
        rows = [row async for row in by_cursor(self._transport, path, {"limit": FOUND_AT_ONCE})]
        return [group_of(row, by_id=True) if text_at(row, "type") == "group" else person_of(row) for row in rows]

    async def people(self, keys: Sequence[str]) -> list[Person]:
        """See ConfluenceApi."""
        found: list[Person] = []
        for start in range(0, len(keys), PEOPLE_AT_ONCE):
            some = "&".join(f"accountId={quote(key)}" for key in keys[start : start + PEOPLE_AT_ONCE])
            answer = await self._transport.get(f"rest/api/user/bulk?{some}")
            found += map(person_of, rows_at(answer.body, "results"))
        return found

    async def email(self, person: Person) -> str:
        """See ConfluenceApi. Where an address may be seen, it comes with the account."""
        return person.email

    async def bodies(self, ids: Sequence[str], kind: Kind) -> list[Body]:
        """See ConfluenceApi."""
        query: Params = {"id": ",".join(ids), "body-format": "storage", "limit": len(ids), "status": "current"}
        answer = await self._transport.get(f"api/v2/{_PLURALS[kind]}", query)
        return [body_of(row, kind) for row in rows_at(answer.body, "results") if at(row, "body", "storage") is not None]

    async def body(self, content_id: str, kind: Kind) -> Body:
        """See ConfluenceApi. A page that only the new editor can show has its text in another format."""
        path = f"api/v2/{_PLURALS[kind]}/{quote(content_id)}"
        body = body_of(
            (await self._transport.get(path, {"body-format": "storage", "include-labels": "true"})).body, kind
        )
        if body.storage.strip():
            return body
        other = await self._transport.get(path, {"body-format": "atlas_doc_format"})
        return replace(body, adf=object_of(text_at(other.body, "body", "atlas_doc_format", "value")))

    async def comments(self, entry: Entry) -> list[Comment]:
        """See ConfluenceApi."""
        found: list[Comment] = []
        for place in ("footer-comments", "inline-comments"):
            path = f"api/v2/{_PLURALS[entry.kind]}/{quote(entry.id)}/{place}"
            query: Params = {"body-format": "storage", "limit": LISTED_AT_ONCE}
            for row in [row async for row in by_cursor(self._transport, path, query)]:
                top = text_at(row, "id")
                found.append(comment_of(row, thread_id=top))
                answers = f"api/v2/{place}/{quote(top)}/children"
                found += [
                    comment_of(answer, thread_id=top) async for answer in by_cursor(self._transport, answers, query)
                ]
        return found

    async def files(self, entry: Entry) -> list[File]:
        """See ConfluenceApi."""
        path = f"api/v2/{_PLURALS[entry.kind]}/{quote(entry.id)}/attachments"
        query: Params = {"status": "current", "limit": LISTED_AT_ONCE}
        return [attachment_of(row, entry.id) async for row in by_cursor(self._transport, path, query)]

    async def where_is(self, native_id: str) -> tuple[str, str]:
        """See ConfluenceApi. Nothing in an id says whether it is a page's or a blog post's."""
        if native_id.startswith("att"):
            body = (await self._transport.get(f"api/v2/attachments/{quote(native_id)}")).body
            return text_at(body, "status"), text_at(body, "pageId") or text_at(body, "blogPostId")
        try:
            body = (await self._transport.get(f"api/v2/pages/{quote(native_id)}")).body
        except Refused as exc:
            if exc.status != 404:
                raise
            body = (await self._transport.get(f"api/v2/blogposts/{quote(native_id)}")).body
        return text_at(body, "status"), text_at(body, "spaceId")

    async def download(self, file: File, *, max_bytes: int) -> bytes:
        """See ConfluenceApi. The address is built here, so that no answer can name another."""
        path = f"rest/api/content/{quote(file.page_id)}/child/attachment/{quote(file.id)}/download"
        return await self._transport.download(path, max_bytes=max_bytes)

    def page_url(self, entry: Entry, space: Space) -> str:
        """See ConfluenceApi."""
        place = "blog" if entry.kind == "blogpost" else "pages"
        return f"{self._site}/spaces/{quote(space.key, safe='~')}/{place}/{quote(entry.id)}"

    def file_url(self, file: File, entry: Entry, space: Space) -> str:
        """See ConfluenceApi."""
        preview = quote(f"/{file.page_id}/{file.id.removeprefix('att')}/{file.title}", safe="")
        return f"{self.page_url(entry, space)}?preview={preview}"

    def comment_url(self, comment: Comment, page_url: str) -> str:
        """See ConfluenceApi."""
        return f"{page_url}?focusedCommentId={quote(comment.id)}"

    async def _spaces(self, query: Mapping[str, str]) -> AsyncIterator[Space]:
        path = "api/v2/spaces"
        async for row in by_cursor(self._transport, path, {**query, "status": "current", "limit": LISTED_AT_ONCE}):
            yield Space(id=text_at(row, "id"), key=text_at(row, "key"), name=text_at(row, "name"))

    async def _by_role(self, space: Space) -> list[Json]:
        roles = [row async for row in by_cursor(self._transport, "api/v2/space-roles", {"limit": LISTED_AT_ONCE})]
        reading = {text_at(row, "id") for row in roles if "read/space" in permissions_of(row)}
        path = f"api/v2/spaces/{quote(space.id)}/role-assignments"
        rows = [row async for row in by_cursor(self._transport, path, {"limit": LISTED_AT_ONCE})]
        return [row for row in rows if text_at(row, "roleId") in reading]
