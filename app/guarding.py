"""What every request meets first: an id, a check of where it comes from, a size limit, and headers for every answer."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth import is_loopback
from app.draining import Draining
from app.metrics import Metrics
from app.problems import Problem, respond
from kb.errors import KnowledgeBaseError
from kb.logs import request_id

logger = logging.getLogger(__name__)
MOST_BODY_BYTES = 1_000_000
# What a reverse proxy adds. Behind one, "from this machine" says nothing about who asks.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
# A channel may set its own; these are for all others.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Asked every few seconds by whoever watches us.
_QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics"})
_ENDING = Problem(503, "ending", "The server is ending")
# Whatever else somebody calls a method is one label, not a new one each.
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})


class Guard:
    """ASGI middleware. `is_open`: requests without a key are answered, so only this machine's own may come through."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        is_open: bool,
        metrics: Metrics | None = None,
        draining: Draining | None = None,
        is_closed_now: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """`is_closed_now`: was a key made since? Then callers from elsewhere are let through, who need one."""
        self._app = app
        self._is_open = is_open
        self._is_closed_now = is_closed_now
        self._draining = draining or Draining()
        self._metrics = metrics or Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an unexpected error is a 500 with the request's id, and is logged with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        own = request_id.set(secrets.token_hex(8))
        reply = _Reply(send)
        self._metrics.in_flight += 1
        try:
            await self._answer(scope, receive, reply)
        except Exception:
            logger.exception("request failed")
            if reply.status is not None:
                raise  # half an answer is out: cutting the connection is the only way left to say so
            unexpected = Problem(500, "internal", "Something went wrong here")
            await respond(unexpected, detail="see the server's log")(scope, receive, reply.send)
        finally:
            self._metrics.in_flight -= 1
            self._note(scope, reply)
            request_id.reset(own)

    def _note(self, scope: Scope, reply: "_Reply") -> None:
        # The route's pattern, not the path: what stands in the address may be anybody's words.
        route = getattr(scope.get("route"), "path", None)
        level = logging.DEBUG if route in _QUIET_ROUTES else logging.INFO
        seconds = time.perf_counter() - reply.started
        facts = {"method": scope["method"], "route": route, "status": reply.status}
        logger.log(level, "request", extra=facts | {"milliseconds": round(seconds * 1000, 1)})
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.add(route=route or "none", method=method, status=str(reply.status))
        self._metrics.request_seconds.observe(seconds, route=route or "none")

    async def _answer(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        headers = Headers(scope=scope)
        refusal = _refusal(headers, is_open=self._is_open)
        if refusal is not None and await self._was_closed():
            refusal = _refusal(headers, is_open=False)
        if refusal is not None:
            problem, detail = refusal
            await respond(problem, detail=detail)(scope, receive, reply.send)
            return
        if self._draining.refuses and scope["path"] not in _QUIET_ROUTES:
            # The connection too: the next request should reach another server.
            away = {"Retry-After": "2", "Connection": "close"}
            detail = "this server is ending: ask again in a moment"
            await respond(_ENDING, detail=detail, headers=away)(scope, receive, reply.send)
            return
        await self._app(scope, _Body(receive).receive, reply.send)

    async def _was_closed(self) -> bool:
        """Has an open server got its first key meanwhile? It stays closed then."""
        if not self._is_open or self._is_closed_now is None:
            return False
        try:
            self._is_open = not await self._is_closed_now()
        except KnowledgeBaseError:
            return False
        return not self._is_open


class _Reply:
    """The answer as it goes out, with the headers that every answer carries."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = request_id.get() or ""
        await self._send(message)


class _Body:
    """The request's body, counted while it comes: a length that is claimed (or not) proves nothing."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > MOST_BODY_BYTES:
            raise HTTPException(413)
        return message


def _refusal(headers: Headers, *, is_open: bool) -> tuple[Problem, str] | None:
    """Why a request is not even looked at; None if it is."""
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:12]) > MOST_BODY_BYTES:
        return Problem(413, "http-413", "Too large"), f"a request holds at most {MOST_BODY_BYTES:,} bytes"
    if not is_open:
        return None
    if any(name in headers for name in _FORWARDED):
        refused = Problem(403, "key-needed", "Requests from other machines need an API key")
        return refused, "this server has no API keys, so it answers this machine alone: footnote keys create NAME"
    if not _is_local(headers.get("host")):
        # A web page can make its own name point here; it cannot make its name a loopback address.
        return Problem(421, "not-loopback", "Wrong address"), "call this server by its loopback address"
    if _is_from_another_site(headers):
        return Problem(403, "other-site", "Refused"), "pages of other sites may not call a server without API keys"
    return None


def _is_local(host: str | None) -> bool:
    try:
        return host is None or is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _is_from_another_site(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and _netloc(origin) != headers.get("host"):
        return True
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site") in {"cross-site", "same-site"} and not is_link


def _netloc(origin: str) -> str:
    """The host and port of an origin; nothing for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
