"""Cross-origin answers: pages of the sites that the settings name may read them, all others may not."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.callers import foreign_origin

_SHARED = ("/api/", "/v1/", "/widget/")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"


class Sharing:
    """ASGI middleware. `shares_with`: may pages of an origin read our answers? Never with cookies."""

    def __init__(self, app: ASGIApp, *, shares_with: Callable[[str], Awaitable[bool]]) -> None:
        self._app = app
        self._shares_with = shares_with

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or add the headers that let the page read the answer."""
        origin = foreign_origin(Headers(scope=scope)) if _is_shared(scope) else None
        if origin is None or not await self._shares_with(origin):
            await self._app(scope, receive, send)
            return
        own = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Cross-Origin-Resource-Policy": "cross-origin"}
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=own | _PREFLIGHT)(scope, receive, send)
            return

        async def send_shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(own | {"Access-Control-Expose-Headers": _EXPOSED})
            await send(message)

        await self._app(scope, receive, send_shared)


def _is_shared(scope: Scope) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(_SHARED)
