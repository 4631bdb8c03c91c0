"""Notion's API over the fake workspace, as strict as the real one: it refuses what that refuses, and counts."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from tests.fakes.notion_json import Json
from tests.fakes.notion_objects import BOT, answer_of, block_of, original_of, property_items
from tests.fakes.notion_workspace import Thing, Workspace

TOKEN = "ntn_test_only"
VERSION = "2026-03-11"
UNSERVED = frozenset({"ai_block", "unsupported", "external_object_instance_page"})
_SEARCH_KEYS = frozenset({"query", "sort", "filter", "start_cursor", "page_size"})
_QUERY_KEYS = frozenset({"filter", "sorts", "start_cursor", "page_size", "in_trash", "result_type", "archived"})


class Refused(Exception):
    """An error as the API words it."""

    def __init__(self, status: int, code: str, message: str = "no") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Fault:
    """What happens to the next `times` requests whose `METHOD /path` matches. `how`: a status or one of the words."""

    where: str
    how: int | str
    times: int = 1
    retry_after: str | None = None
    code: str = "internal_server_error"


@dataclass
class NotionServer:
    """The server's state. `clock`: seconds, as the client under test counts them."""

    workspace: Workspace
    token: str = TOKEN
    clock: Callable[[], float] = field(default=lambda: 0.0)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    # Requests that came although the client had been told to wait longer.
    early: list[str] = field(default_factory=list)
    most_per_page: int = 100
    most_per_query: int = 10_000
    most_per_search: int = 10_000
    stale_cursors: int = 0
    # Every request after so many is answered 503.
    breaks_after: int | None = None
    # The page sizes asked for, by the end of the path.
    sizes: dict[str, list[int]] = field(default_factory=dict)
    hides_people: bool = False
    only_original_is_served: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    _closed_until: float = 0.0
    _cursors: dict[str, int] = field(default_factory=dict)

    def note(self, where: str) -> None:
        """A request came."""
        self.requests.append(where)
        if self.clock() < self._closed_until:
            self.early.append(where)

    def tell_to_wait(self, retry_after: str | None) -> None:
        """The client is told to wait."""
        if retry_after and retry_after.replace(".", "", 1).isdigit():
            self._closed_until = max(self._closed_until, self.clock() + float(retry_after))

    def fault_for(self, where: str) -> Fault | None:
        """The fault that this request meets."""
        if self.breaks_after is not None and len(self.requests) > self.breaks_after:
            return Fault(where, 503)
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.where, where):
                fault.times -= 1
                return fault
        return None

    def find(self, thing_id: str, *kinds: str) -> Thing:
        """The thing, if the connection may have it and asks for the right kind."""
        try:
            key = str(UUID(thing_id))
        except ValueError:
            raise Refused(400, "validation_error", "path failed validation") from None
        if not self.workspace.is_visible(key):
            raise Refused(404, "object_not_found", f"Could not find object with ID: {key}.")
        thing = self.workspace.things[key]
        if kinds and thing.kind not in kinds:
            raise Refused(400, "validation_error", f"Provided ID {key} is a {thing.kind}, not a {kinds[0]}.")
        return thing

    def page_of(self, everything: list[Json], asked: Json, *, most: int = 10**9) -> Json:
        """One page of a list. Cursors are opaque, belong to one list, and are refused when they are none of ours."""
        size = int(asked.get("page_size", 100))
        if not 1 <= size <= 100:
            raise Refused(400, "validation_error", "page_size should be at most 100")
        start = self._start(asked.get("start_cursor"))
        listed = everything[:most]
        end = start + min(size, self.most_per_page)
        answer = {"object": "list", "results": listed[start:end], "next_cursor": None, "has_more": end < len(listed)}
        if end < len(listed):
            answer["next_cursor"] = f"s:{len(self._cursors)}:{end}"
            self._cursors[answer["next_cursor"]] = end
        if len(everything) > most:
            answer["request_status"] = {
                "type": "incomplete",
                "incomplete_reason": "query_result_limit_reached",
            }
        return answer

    def _start(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        if self.stale_cursors:
            self.stale_cursors -= 1
            raise Refused(400, "validation_error", "The start_cursor provided is invalid")
        if cursor not in self._cursors:
            raise Refused(400, "validation_error", "The start_cursor provided is invalid")
        return self._cursors[cursor]

    def search(self, body: Json) -> Json:
        """Pages or data sources, without what it leaves out."""
        kind = body.get("filter", {}).get("value")
        if set(body) - _SEARCH_KEYS or kind not in {"page", "data_source"}:
            raise Refused(400, "validation_error", "body failed validation")
        space = self.workspace
        shown = [each for each in space.things.values() if each.kind == kind and each.is_shared]
        shown = [each for each in shown if each.id not in space.unsearchable and not space.is_below_trash(each.id)]
        shown.sort(key=lambda each: each.edited)
        return self.page_of([answer_of(space, each) for each in shown], body, most=self.most_per_search)

    def query(self, source_id: str, body: Json) -> Json:
        """Rows of a data source, oldest first."""
        source = self.find(source_id, "data_source")
        if set(body) - _QUERY_KEYS:
            raise Refused(400, "validation_error", "body failed validation")
        rows = [self.workspace.things[each] for each in self.workspace.rows[source.id]]
        listed = [answer_of(self.workspace, each) for each in rows if each.is_shared and not each.is_trashed]
        since = body.get("filter", {}).get("created_time", {}).get("on_or_after", "")
        listed = [each for each in listed if each["created_time"] >= since]
        return self.page_of(listed, body, most=self.most_per_query)

    def children(self, block_id: str, asked: Json) -> Json:
        """The blocks inside a block or page."""
        thing = self.find(block_id)
        if thing.is_trashed or thing.body.get("type") in UNSERVED:
            raise Refused(400, "validation_error", f"Block type {thing.body.get('type')} is not supported via the API.")
        if original := original_of(thing):
            if self.only_original_is_served:
                raise Refused(404, "object_not_found")
            thing = self.find(original)
        inside = [self.workspace.things[each] for each in thing.children]
        listed = [block_of(self.workspace, each) for each in inside if each.is_shared and not each.is_trashed]
        return self.page_of(listed, asked)


def make_notion(current: Callable[[], NotionServer]) -> FastAPI:
    """The HTTP side of whichever server is the current one."""
    app = FastAPI()

    @app.api_route("/v1/{path:path}", methods=["GET", "POST"])
    async def serve(path: str, request: Request) -> Response:
        server = current()
        where = f"{request.method} /{path}"
        server.note(where)
        date = {"Date": format_datetime(server.workspace.now, usegmt=True)}
        try:
            body = await checked(server, request)
            server.sizes.setdefault(f"/{path.rpartition('/')[2]}", []).append(int(body.get("page_size", 0)))
            if fault := server.fault_for(where):
                return await broken(server, fault, date)
            return JSONResponse(route(server, request.method, path.split("/"), body), headers=date)
        except Refused as refusal:
            return failure(refusal.status, refusal.code, refusal.message, date)

    return app


async def checked(server: NotionServer, request: Request) -> Json:
    """What is asked: query of a GET, body of a POST. The other place is refused, as are wrong keys and versions."""
    if request.headers.get("authorization") != f"Bearer {server.token}":
        raise Refused(401, "unauthorized", "API token is invalid.")
    if request.headers.get("notion-version") != VERSION:
        raise Refused(400, "missing_version")
    raw = await request.body()
    if (request.method == "GET" and raw) or (request.method == "POST" and request.query_params):
        raise Refused(400, "invalid_request", "not here")
    return dict(request.query_params) if request.method == "GET" else await request.json()


def route(server: NotionServer, method: str, path: list[str], body: Json) -> Json:
    """The answer of an endpoint."""
    if [method, *path] == ["POST", "search"]:
        return server.search(body)
    match path:
        case ["users", user_id] if method == "GET":
            return user(server, user_id)
        case ["data_sources", source_id, *rest]:
            return data_source(server, method, source_id, rest, body)
        case [kind, thing_id, *rest] if method == "GET":
            return thing(server, kind, thing_id, rest, body)
    raise Refused(400, "invalid_request_url")


def user(server: NotionServer, user_id: str) -> Json:
    """The connection's own user, or a person."""
    if user_id == "me":
        about = {
            "workspace_id": server.workspace.workspace_id,
            "workspace_name": "Acme",
            "owner": {"type": "workspace", "workspace": True},
        }
        return {"object": "user", "id": BOT["id"], "type": "bot", "name": "Footnote", "bot": about}
    if server.hides_people:
        raise Refused(403, "restricted_resource")
    if str(UUID(user_id)) not in server.workspace.users:
        raise Refused(404, "object_not_found")
    return server.workspace.users[str(UUID(user_id))]


def data_source(server: NotionServer, method: str, source_id: str, rest: list[str], body: Json) -> Json:
    """A data source, its rows or its templates."""
    match [method, *rest]:
        case ["POST", "query"]:
            return server.query(source_id, body)
        case ["GET"]:
            return answer_of(server.workspace, server.find(source_id, "data_source"))
        case ["GET", "templates"]:
            listed = server.workspace.templates.get(server.find(source_id, "data_source").id, [])
            return server.page_of([{"id": each, "name": "t", "is_default": False} for each in listed], body)
    raise Refused(400, "invalid_request_url")


def thing(server: NotionServer, kind: str, thing_id: str, rest: list[str], body: Json) -> Json:
    """A page, block or database, or what is inside."""
    match [kind, *rest]:
        case ["pages"]:
            return answer_of(server.workspace, server.find(thing_id, "page"))
        case ["pages", "properties", property_id]:
            return server.page_of(property_items(server.find(thing_id, "page"), property_id), body)
        case ["blocks"]:
            return block_of(server.workspace, server.find(thing_id, "block", "page", "database"))
        case ["blocks", "children"]:
            return server.children(thing_id, body)
        case ["databases"]:
            return answer_of(server.workspace, server.find(thing_id, "database"))
    raise Refused(400, "invalid_request_url")


async def broken(server: NotionServer, fault: Fault, headers: dict[str, str]) -> Response:
    """An answer as it should not be."""
    if fault.retry_after is not None:
        headers = headers | {"Retry-After": fault.retry_after}
    if isinstance(fault.how, int):
        if fault.how in {429, 529}:
            server.tell_to_wait(fault.retry_after)
        return failure(fault.how, fault.code, "no", headers)
    if fault.how == "cut":
        return StreamingResponse(cut_short(), headers={"Content-Length": "1000"} | headers)
    if fault.how == "late":
        # The client gives up first.
        while not server.released.is_set():  # noqa: ASYNC110  # it is set in another thread
            await asyncio.sleep(0.01)
    status, body = BROKEN.get(fault.how, (504, "late"))
    return PlainTextResponse(body, status, headers)


# How a fault is called → status and body of what is answered.
BROKEN = {
    "html": (502, "<html>Bad gateway</html>"),
    "blocked": (403, "<!doctype html><title>Attention</title>"),
    "html with 200": (200, "<html>Welcome</html>"),
    "endless": (200, json.dumps({"object": "list", "results": [], "next_cursor": "again", "has_more": True})),
}


async def cut_short() -> AsyncIterator[bytes]:
    """The beginning of an answer, and then the connection breaks."""
    yield b'{"object": "list", "results": ['
    raise ConnectionResetError


def failure(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    """An error body."""
    body = {"object": "error", "status": status, "code": code, "message": message, "request_id": "r"}
    return JSONResponse(body, status, headers)
