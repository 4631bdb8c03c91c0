"""Slack on loopback: the Web API with tokens, scopes and rate limits, response URLs, and Socket Mode's connections."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.fakes.slack_methods import METHODS
from tests.fakes.slack_workspace import Json, Refused, Workspace

BOT_TOKEN = "xoxb-test-only"
APP_TOKEN = "xapp-test-only"
CONFIG_TOKEN = "xoxe-test-only"
SCOPES = frozenset(
    "app_mentions:read assistant:write channels:history channels:read chat:write commands groups:history groups:read "
    "im:history im:read im:write mpim:history mpim:read reactions:write users:read users:read.email".split()
)
WAIT_SECONDS = 20.0


@dataclass
class Fault:
    """What happens to the next `times` calls of a method: a Slack error code, a status, `cut` or `cut after`."""

    method: str
    how: str | int
    times: int = 1
    retry_after: int = 1


@dataclass
class SlackServer:
    """The server's state. `calls`: every call that came, in order, with its arguments."""

    workspace: Workspace
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    calls: list[tuple[str, Json]] = field(default_factory=list)
    # When each of them came.
    moments: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    responses: list[tuple[str, Json]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    opened: int = 0
    # What the app's page says, for those with a configuration token.
    manifest: Json = field(default_factory=dict)
    # A channel takes so many messages a second; more are told to wait.
    most_a_second: int = 1000
    clock: Callable[[], float] = time.monotonic
    base: str = ""
    _spent: dict[str, deque[float]] = field(default_factory=dict)
    _acks: dict[str, asyncio.Future[Json]] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def api_base_url(self) -> str:
        """What the bot is told to call."""
        return f"{self.base}/api/"

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(name == method for name, _ in self.calls)

    def tell(self) -> None:
        """Something changed."""
        self._news.set()

    async def until(self, holds: Callable[[], object], *, what: str = "", seconds: float = WAIT_SECONDS) -> None:
        """Wait until something holds. Raises AssertionError if it does not in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            calls = [name for name, _ in self.calls][-30:]
            assert time.monotonic() < deadline, f"never came true: {what}; calls: {calls}"
            await self.news()

    async def news(self) -> None:
        """Wait until something is called, or a moment."""
        self._news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), 0.05)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One call of the Web API."""
        name, asked = request.match_info["method"], await _arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or asked.pop("token", "")
        self.calls.append((name, asked))
        self.moments.append(time.monotonic())
        fault = self._fault(name)
        try:
            if fault is not None and (answer := _failed(fault)) is not None:
                self.refused[name] += 1
                return answer
            if fault is not None and fault.how == "cut":
                return _cut(request)
            if (wait := self._wait(name, asked)) is not None:
                self.refused[name] += 1
                return web.json_response({"ok": False, "error": "ratelimited"}, status=429,
                                         headers={"Retry-After": str(wait)})  # fmt: skip
            answer = self._answer(name, asked, token=token)
            return _cut(request) if fault is not None and fault.how == "cut after" else answer
        except Refused as exc:
            self.refused[name] += 1
            return web.json_response({"ok": False, "error": exc.code, **exc.more})
        finally:
            self.tell()

    def _answer(self, name: str, asked: Json, *, token: str) -> web.Response:
        if name == "apps.connections.open":
            if token != APP_TOKEN:
                raise Refused("invalid_auth")
            self.opened += 1
            return web.json_response({"ok": True, "url": f"{self.base.replace('http', 'ws')}/link"})
        if name == "apps.manifest.export" and token == CONFIG_TOKEN and asked.get("app_id") == "A0FOOTNOTE":
            return web.json_response({"ok": True, "manifest": self.manifest})
        if token != BOT_TOKEN:
            raise Refused("invalid_auth")
        if name not in METHODS:
            raise Refused("unknown_method")
        method, scope, _ = METHODS[name]
        if scope and scope not in self.scopes:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.scopes))}
        return web.json_response({"ok": True, **method(self.workspace, asked)}, headers=headers)

    def _fault(self, name: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == name and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _wait(self, name: str, asked: Json) -> int | None:
        most = METHODS[name][2] if name in METHODS else 1000
        buckets = [(name, most, 60.0)]
        if name == "chat.postMessage":
            buckets.append((f"{name} {asked.get('channel')}", self.most_a_second, 1.0))
        for key, limit, seconds in buckets:
            spent, now = self._spent.setdefault(key, deque()), self.clock()
            while spent and spent[0] <= now - seconds:
                spent.popleft()
            if len(spent) >= limit:
                return 1
        for key, _, _ in buckets:
            self._spent[key].append(self.clock())
        return None

    async def respond(self, request: web.Request) -> web.Response:
        """A response URL."""
        self.responses.append((request.match_info["id"], await request.json()))
        self.tell()
        return web.Response(text="ok")

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        """A Socket Mode connection."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.sockets.append(socket)
        self.tell()
        async for frame in socket:
            if frame.type == WSMsgType.TEXT:
                answer = json.loads(frame.data)
                waiting = self._acks.pop(answer.get("envelope_id", ""), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer.get("payload") or {})
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket

    async def send(self, envelope: Json, *, seconds: float) -> Json | None:
        """Send an envelope through a connection; the acknowledgement's payload, or None if none came."""
        await self.until(lambda: self.sockets, what="a connection")
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._acks[envelope["envelope_id"]] = waiting
        await self.sockets[-1].send_json(envelope)
        try:
            return await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            return None

    async def disconnect(self) -> None:
        """Ask every connection to be opened anew, as Slack does every few hours, and close it."""
        old, self.sockets = self.sockets, []
        for socket in old:
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
        await self.until(lambda: self.sockets, what="a new connection")
        for socket in old:
            await socket.close()


@asynccontextmanager
async def running_server(workspace: Workspace) -> AsyncIterator[SlackServer]:
    """The server, on a free port of loopback, in this very loop."""
    server = SlackServer(workspace)
    app = web.Application()
    app.router.add_route("*", "/api/{method}", server.call)
    app.router.add_post("/respond/{id}", server.respond)
    app.router.add_get("/link", server.link)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.base = f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        for socket in list(server.sockets):
            await socket.close()
        await runner.cleanup()


async def _arguments(request: web.Request) -> Json:
    if request.content_type == "application/json":
        return dict(await request.json())
    return {**request.query, **(await request.post())}


def _failed(fault: Fault) -> web.Response | None:
    if isinstance(fault.how, int):
        headers = {"Retry-After": str(fault.retry_after)} if fault.how == 429 else {}
        return web.json_response({"ok": False, "error": "ratelimited"} if fault.how == 429 else {}, status=fault.how,
                                 headers=headers)  # fmt: skip
    return None if fault.how.startswith("cut") else web.json_response({"ok": False, "error": fault.how})


def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()
