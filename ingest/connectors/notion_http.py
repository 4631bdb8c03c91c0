"""The HTTP client underneath Notion's library: answers are bounded, redirects not followed, the server's time noted."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import httpx

MOST_BYTES = 64 * 1024 * 1024


class BodyTooLarge(httpx.TransportError):
    """An answer larger than any that Notion gives."""


class NotionHttp:
    """Makes the client and watches what goes through it."""

    def __init__(self) -> None:
        self.request_count = 0
        self._server_time: datetime | None = None

    @property
    def server_time(self) -> datetime:
        """The time at the server when it last answered, to the second; our own before that."""
        return self._server_time or datetime.now(UTC)

    def open_client(self) -> httpx.AsyncClient:
        """A client that counts requests, bounds answers, and notes the server's clock: ours need not agree with it."""
        return httpx.AsyncClient(
            # A redirect could lead to an address that nobody configured, with our credentials.
            follow_redirects=False,
            # Proxies come from the environment as everywhere.
            trust_env=True,
            verify=_trusted(),
            event_hooks={"request": [self._count], "response": [self._watch]},
        )

    async def _count(self, request: httpx.Request) -> None:
        self.request_count += 1

    async def _watch(self, response: httpx.Response) -> None:
        self._server_time = _date_of(response) or self._server_time
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _BoundedStream(response.stream)


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BYTES
        async for piece in self._inner:
            left -= len(piece)
            if left < 0:
                raise BodyTooLarge(f"the answer is larger than {MOST_BYTES // 1024**2} MiB")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates to trust. Reading them takes longer than many a request, and every sync makes a client."""
    return httpx.create_ssl_context()


def _date_of(response: httpx.Response) -> datetime | None:
    try:
        moment = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
