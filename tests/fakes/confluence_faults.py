"""What a Confluence may do wrong, on purpose: refuse, break off, dawdle, forget a cursor, list in circles."""

import asyncio
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.types import ASGIApp, Receive, Scope, Send


class TestClock:
    """A clock that sleeping moves on, so that no test waits."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_780_000_000 + self.seconds, UTC)

    async def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)
        await asyncio.sleep(0)


@dataclass
class Fault:
    """For the next `times` requests whose path (with query) matches: a status, or what is done to the body."""

    path: str
    times: int = 1_000_000
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    # cut, slow, login
    body: str = ""
    skip: int = 0


@dataclass
class Faults:
    """All that is wrong now, and what was asked. `silent_cap`: listings end after so many rows without saying so."""

    clock: TestClock = field(default_factory=TestClock)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    early_count: int = 0
    silent_cap: int | None = None
    # So many rows an answer, whatever was asked for.
    most_rows: int = 1_000
    goes_in_circles: bool = False
    stale_cursors: int = 0
    refused_offset: int | None = None
    is_token_valid: bool = True
    # An expired token is answered as if nobody were signed in, instead of being refused.
    is_anonymous_instead: bool = False
    # When such a request comes for the first time, something happens to the wiki before it is answered.
    events: dict[str, Callable[[], None]] = field(default_factory=dict)
    _closed_until: float = 0.0

    def add(self, path: str, **about: object) -> Fault:
        fault = Fault(path, **about)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        self.faults.clear()
        self.silent_cap = self.refused_offset = None
        self.goes_in_circles = False
        self.stale_cursors = 0

    def next_for(self, request: str) -> Fault | None:
        self.requests.append(request)
        for path in [path for path in self.events if re.search(path, request)]:
            self.events.pop(path)()
        if self.clock.monotonic() < self._closed_until:
            self.early_count += 1
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, request):
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                wait = fault.headers.get("Retry-After")
                if wait is not None:
                    self._closed_until = self.clock.monotonic() + float(wait)
                return fault
        return None


class FaultyApp:
    """Any application, with faults."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        query = scope["query_string"].decode()
        fault = self._faults.next_for(f"{scope['path']}?{query}" if query else scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.body == "login":
            await _respond(send, 200, b"<html><body>Log in</body></html>", {"Content-Type": "text/html"})
        elif fault.body == "cut":
            await _respond(send, 200, b'{"results": [', {"Content-Type": "application/json", "Content-Length": "9000"})
        elif fault.body == "slow":
            await _drip(send)
        else:
            headers = {"Content-Type": "application/json"} | fault.headers
            await _respond(send, fault.status, b'{"message": "as the test asked"}', headers)


async def _respond(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _drip(send: Send) -> None:
    """A byte now and then: no single wait is long, the whole never ends."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    for _ in itertools.repeat(None, 40):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(0.02)
    await send({"type": "http.response.body", "body": b"{}"})
