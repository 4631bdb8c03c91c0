"""Confluence Data Center and Server: one API, v1, whose listing gives pages, restrictions and labels together."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from ingest.connectors.confluence_facts import (
    RESTRICTIONS,
    FactsReader,
    direct_readers,
    file_of,
    labels_of,
    quoted_keys,
)
from ingest.connectors.confluence_json import (
    Json,
    at,
    count_at,
    group_of,
    person_of,
    rows_at,
    text_at,
    time_at,
)
from ingest.connectors.confluence_paging import by_offset
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

# What the server gives at most: with anything expanded, with a body, with nothing.
EXPANDED_AT_ONCE = 200
BODIES_AT_ONCE = 50
BARE_AT_ONCE = 1000
_BODY = "body.storage,version,ancestors,space,metadata.labels"


class DataCenterApi:
    """The API of one Data Center or Server site."""

    def __init__(self, transport: Transport, *, site: str) -> None:
        self._transport = transport
        self._site = site
        self._facts = FactsReader([], by_id=False)

    async def whoami(self) -> Person:
        """See ConfluenceApi. Where anonymous access is on, an expired token is answered as if nobody had sent it."""
        try:
            said = (await self._transport.get("rest/api/user/current")).body
        except Refused as exc:
            raise SourceAuthError(f"Confluence does not say whose token it is: {exc}") from exc
        person = person_of(said)
        if text_at(said, "type") != "known" or not person.key:
            raise SourceAuthError("Confluence takes us for nobody: the token is wrong or has expired")
        return person

    async def spaces(self, keys: Sequence[str]) -> list[Space]:
        """See ConfluenceApi."""
        wanted = "&".join(f"spaceKey={quote(key)}" for key in keys)
        path = f"rest/api/space?{wanted}" if wanted else "rest/api/space"
        rows = by_offset(self._transport, path, {"status": "current"}, limit=EXPANDED_AT_ONCE)
        return [Space(id=text_at(row, "id"), key=text_at(row, "key"), name=text_at(row, "name")) async for row in rows]

    async def entries(self, spaces: Sequence[Space], *, is_all: bool) -> AsyncIterator[Entry]:
        """See ConfluenceApi. What each row says beside is kept for `facts`."""
        self._facts = FactsReader(spaces, by_id=False)
        expand = f"version,ancestors,space,metadata.labels,{RESTRICTIONS}"
        keys: list[str] = [""] if is_all else [space.key for space in spaces]
        for key in keys:
            for kind in ("page", "blogpost"):
                query: dict[str, str | int] = {"type": kind, "status": "current", "expand": expand}
                if key:
                    query["spaceKey"] = key
                async for row in by_offset(self._transport, "rest/api/content", query, limit=EXPANDED_AT_ONCE):
                    self._facts.take(row)
                    yield _entry(row)

    async def facts(self, spaces: Sequence[Space], *, is_all: bool, listed: Mapping[str, Entry]) -> Facts:
        """See ConfluenceApi. All content is counted in the search index too: a listing that was cut is noticed."""
        where = "" if is_all else f" and space in ({quoted_keys(spaces)})"
        query: Params = {"cql": f"type in (comment, attachment){where}", "expand": "version,container"}
        async for row in by_offset(self._transport, "rest/api/content/search", query, limit=EXPANDED_AT_ONCE):
            self._facts.take(row)
        entries = {}
        everything: Params = {"cql": f"type in (page, blogpost){where}"}
        async for row in by_offset(self._transport, "rest/api/content/search", everything, limit=BARE_AT_ONCE):
            entries[text_at(row, "id")] = _entry(row)
        return replace(self._facts.facts(), entries=entries)

    async def matching(self, cql: str) -> frozenset[str]:
        """See ConfluenceApi."""
        rows = by_offset(self._transport, "rest/api/content/search", {"cql": cql}, limit=BARE_AT_ONCE)
        return frozenset([text_at(row, "id") async for row in rows])

    async def readers(self, content_id: str) -> Readers | None:
        """See ConfluenceApi."""
        return await direct_readers(self._transport, content_id, by_id=False)

    async def parent(self, content_id: str, kind: str) -> tuple[str, str]:
        """See ConfluenceApi."""
        answer = await self._transport.get(f"rest/api/content/{quote(content_id)}", {"expand": "ancestors"})
        above = rows_at(answer.body, "ancestors")
        return (text_at(above[-1], "id"), text_at(above[-1], "type")) if above else ("", "")

    async def space_readers(self, space: Space) -> Readers:
        """See ConfluenceApi. Before 9.1 only the remote API tells."""
        try:
            answer = await self._transport.get(f"rest/api/space/{quote(space.key, safe='~')}/permissions")
        except Refused as exc:
            if exc.status != 404:
                raise
            return await self._readers_by_procedure(space)
        if at(answer.body, "results") is None:
            raise Refused("the permissions of the space are not told", status=404)
        granted = [
            at(row, "subject")
            for row in rows_at(answer.body, "results")
            if (text_at(row, "operation", "operationKey"), text_at(row, "operation", "targetType")) == ("read", "space")
        ]
        return Readers(
            people=tuple(Person(key=text_at(who, "userKey")) for who in granted if text_at(who, "userKey")),
            groups=tuple(Group(key=text_at(who, "name")) for who in granted if text_at(who, "type") == "group"),
            is_public=await self._is_public(space, any(text_at(who, "type") == "anonymous" for who in granted)),
        )

    async def members(self, group: Group) -> list[Person | Group]:
        """See ConfluenceApi. Members of groups within are in the list already, on versions that know such groups."""
        if "/" in group.key:
            raise Refused("a group whose name holds a slash cannot be asked for", status=400)
        path = f"rest/api/group/{quote(group.key)}/member"
        rows = [row async for row in by_offset(self._transport, path, {}, limit=EXPANDED_AT_ONCE)]
        return [group_of(row, by_id=False) if text_at(row, "type") == "group" else person_of(row) for row in rows]

    async def people(self, keys: Sequence[str]) -> list[Person]:
        """See ConfluenceApi. Old pages name users by user name instead of user key."""
        found = []
        for key in keys:
            for name in ("key", "username"):
                try:
                    said = await self._transport.get("rest/api/user", {name: key})
                except Refused:
                    continue
                # Under the word that was asked for, which is the one that the page uses.
                found.append(replace(person_of(said.body), key=key))
                break
        return found

    async def email(self, person: Person) -> str:
        """See ConfluenceApi. Only the profile of the mobile pages holds it."""
        if not person.username:
            found = await self.people([person.key])
            person = found[0] if found else person
        if not person.username:
            return ""
        try:
            answer = await self._transport.get(f"rest/mobile/1.0/profile/{quote(person.username, safe='')}")
        except Refused:
            return ""
        return text_at(answer.body, "email")

    async def bodies(self, ids: Sequence[str], kind: Kind) -> list[Body]:
        """See ConfluenceApi."""
        query: Params = {"cql": f"id in ({', '.join(ids)})", "expand": _BODY, "limit": len(ids), "start": 0}
        answer = await self._transport.get("rest/api/content/search", query)
        rows = rows_at(answer.body, "results")
        return [_body(row) for row in rows if at(row, "body", "storage", "value") is not None]

    async def body(self, content_id: str, kind: Kind) -> Body:
        """See ConfluenceApi."""
        return _body((await self._transport.get(f"rest/api/content/{quote(content_id)}", {"expand": _BODY})).body)

    async def comments(self, entry: Entry) -> list[Comment]:
        """See ConfluenceApi."""
        expand = "body.storage,version,ancestors,extensions.inlineProperties,extensions.resolution"
        path = f"rest/api/content/{quote(entry.id)}/child/comment"
        rows = by_offset(self._transport, path, {"expand": expand, "depth": "all"}, limit=BODIES_AT_ONCE)
        return [_comment(row) async for row in rows]

    async def files(self, entry: Entry) -> list[File]:
        """See ConfluenceApi."""
        path = f"rest/api/content/{quote(entry.id)}/child/attachment"
        rows = by_offset(self._transport, path, {"expand": "version,container"}, limit=EXPANDED_AT_ONCE)
        return [file async for row in rows if (file := file_of(row))]

    async def where_is(self, native_id: str) -> tuple[str, str]:
        """See ConfluenceApi."""
        answer = await self._transport.get(
            f"rest/api/content/{quote(native_id)}", {"status": "any", "expand": "space,container"}
        )
        place = ("container", "id") if native_id.startswith("att") else ("space", "id")
        return text_at(answer.body, "status"), text_at(answer.body, *place)

    async def download(self, file: File, *, max_bytes: int) -> bytes:
        """See ConfluenceApi. The path comes from an answer, so it must be where attachments are."""
        path = file.download_path.removeprefix("/")
        if not path.startswith("download/attachments/") or ".." in path:
            raise Refused("its address is none of an attachment", status=400)
        return await self._transport.download(path, max_bytes=max_bytes)

    def page_url(self, entry: Entry, space: Space) -> str:
        """See ConfluenceApi."""
        return f"{self._site}/pages/viewpage.action?pageId={quote(entry.id)}"

    def file_url(self, file: File, entry: Entry, space: Space) -> str:
        """See ConfluenceApi."""
        preview = quote(f"/{file.page_id}/{file.id.removeprefix('att')}/{file.title}", safe="")
        return f"{self.page_url(entry, space)}&preview={preview}"

    def comment_url(self, comment: Comment, page_url: str) -> str:
        """See ConfluenceApi."""
        return f"{page_url}&focusedCommentId={quote(comment.id)}#comment-{quote(comment.id)}"

    async def _readers_by_procedure(self, space: Space) -> Readers:
        answer = await self._transport.call("rpc/json-rpc/confluenceservice-v2/getSpacePermissionSets", [space.key])
        if at(answer.body, "results") is None:
            raise Refused("the permissions of the space are not told", status=404)
        granted = [
            row
            for kind in rows_at(answer.body, "results")
            if text_at(kind, "type") == "VIEWSPACE"
            for row in rows_at(kind, "spacePermissions")
        ]
        names = [text_at(row, "userName") for row in granted if text_at(row, "userName")]
        groups = [text_at(row, "groupName") for row in granted if text_at(row, "groupName")]
        return Readers(
            people=tuple([person for name in names if (person := await self._named(name))]),
            groups=tuple(Group(key=name) for name in groups),
            is_public=await self._is_public(space, any(not _subject(row) for row in granted)),
        )

    async def _is_public(self, space: Space, is_granted: bool) -> bool:
        """A space may be open to anonymous readers while the whole site is not."""
        path = f"rest/api/space/{quote(space.key, safe='~')}"
        return is_granted and await self._transport.is_open_to_all(path)

    async def _named(self, username: str) -> Person | None:
        try:
            return person_of((await self._transport.get("rest/api/user", {"username": username})).body)
        except Refused:
            return None


def _subject(row: Json) -> str:
    return text_at(row, "userName") or text_at(row, "groupName")


def _entry(row: Json) -> Entry:
    above = rows_at(row, "ancestors")
    return Entry(
        id=text_at(row, "id"),
        kind="blogpost" if text_at(row, "type") == "blogpost" else "page",
        title=text_at(row, "title"),
        space_id=text_at(row, "space", "id"),
        version=count_at(row, "version", "number"),
        parent_id=text_at(above[-1], "id") if above else "",
        ancestors=tuple(text_at(each, "id") for each in above),
    )


def _body(row: Json) -> Body:
    return Body(
        entry=_entry(row),
        storage=text_at(row, "body", "storage", "value"),
        labels=labels_of(row) if at(row, "metadata", "labels", "results") is not None else None,
        updated_at=time_at(row, "version", "when"),
        status=text_at(row, "status"),
    )


def _comment(row: Json) -> Comment:
    above = [each for each in rows_at(row, "ancestors") if text_at(each, "type") in {"comment", ""}]
    resolution = at(row, "extensions", "resolution")
    return Comment(
        id=text_at(row, "id"),
        thread_id=text_at(above[0], "id") if above else text_at(row, "id"),
        author_key=text_at(row, "version", "by", "userKey"),
        author_name=text_at(row, "version", "by", "displayName"),
        storage=text_at(row, "body", "storage", "value"),
        quoted=text_at(row, "extensions", "inlineProperties", "originalSelection"),
        is_resolved="resolved" in (text_at(resolution, "status"), text_at(row, "extensions", "location")),
    )
