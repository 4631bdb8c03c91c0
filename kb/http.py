"""The outbound HTTP client: one origin each, bounded in time, size and tries; it never follows a link elsewhere."""

import asyncio
import codecs
import json
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from kb.errors import ConfigError, ModelError, ModelRateLimited, ModelUnavailable

TRIES = 4
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
MOST_BYTES = 64 * 1024 * 1024
MOST_LINE_CHARACTERS = 1024 * 1024
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

Sleep = Callable[[float], Awaitable[None]]


class HttpFailure(Exception):
    """A request failed for good. The caller translates it into its own part of the error tree.

    `status` is None if no response came. `retry_after` is in seconds, where the server named a time.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpClients:
    """Makes clients. `transport` and `sleep` can be replaced to try what a server may do."""

    transport: httpx.AsyncBaseTransport | None = None
    sleep: Sleep = field(default=asyncio.sleep)

    def open(self, base_url: str, *, headers: Mapping[str, str], timeout_seconds: float = 60) -> "HttpClient":
        """A client for one origin: the one an operator configured. Raises ConfigError if it is no HTTP address."""
        return HttpClient(
            _origin(base_url),
            httpx.AsyncClient(
                headers=dict(headers),
                timeout=httpx.Timeout(timeout_seconds, connect=min(10, timeout_seconds)),
                transport=self.transport,
                # A redirect could lead to an address that nobody configured, with our credentials.
                follow_redirects=False,
                # Proxies come from the environment as everywhere; passwords from ~/.netrc do not.
                trust_env=True,
            ),
            sleep=self.sleep,
        )


class HttpClient:
    """Requests to one origin. Paths are relative to it; a whole URL of another host is refused by construction."""

    def __init__(self, base_url: str, client: httpx.AsyncClient, *, sleep: Sleep) -> None:
        self._base_url = base_url
        self._client = client
        self._sleep = sleep

    async def post_json(self, path: str, body: object) -> object:
        """The JSON that the server answers. Raises HttpFailure."""
        async with self._responding("POST", path, body=body) as response:
            return _json(await _read(response))

    async def get_json(self, path: str) -> object:
        """The JSON that the server answers. Raises HttpFailure."""
        async with self._responding("GET", path, body=None) as response:
            return _json(await _read(response))

    async def stream_lines(self, path: str, body: object) -> AsyncGenerator[str, None]:
        """The lines of a streamed answer as they come. Raises HttpFailure. Closing the iterator hangs up."""
        async with self._responding("POST", path, body=body) as response:
            try:
                async with aclosing(_lines(response)) as lines:
                    async for line in lines:
                        yield line
            except httpx.HTTPError as exc:
                raise HttpFailure(f"{self._base_url} broke off: {type(exc).__name__}") from exc

    async def stream_bytes(self, path: str) -> AsyncGenerator[bytes, None]:
        """A file as it comes, of any size. Raises HttpFailure. Closing the iterator hangs up."""
        async with self._responding("GET", path, body=None) as response:
            try:
                async for chunk in response.aiter_bytes(1 << 20):
                    yield chunk
            except httpx.HTTPError as exc:
                raise HttpFailure(f"{self._base_url} broke off: {type(exc).__name__}") from exc

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    @asynccontextmanager
    async def _responding(self, method: str, path: str, *, body: object) -> AsyncIterator[httpx.Response]:
        """A response that says success, after as many tries as it may take."""
        response = await self._try_until_answered(method, path, body=body)
        try:
            yield response
        finally:
            await response.aclose()

    async def _try_until_answered(self, method: str, path: str, *, body: object) -> httpx.Response:
        failure = HttpFailure(f"{self._base_url} did not answer")
        for attempt in range(TRIES):
            if attempt:
                await self._sleep(pause_seconds(attempt, retry_after=failure.retry_after))
            try:
                return await self._try(method, path, body=body)
            except HttpFailure as exc:
                failure = exc
                if not _is_worth_another_try(exc):
                    break
        raise failure

    async def _try(self, method: str, path: str, *, body: object) -> httpx.Response:
        if not path.startswith("/"):
            # `@elsewhere` or `.elsewhere` would make another host of it.
            raise ValueError("a path starts with a slash")
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if content is not None else {}
        request = self._client.build_request(method, self._base_url + path, content=content, headers=headers)
        try:
            response = await self._client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise HttpFailure(f"{self._base_url} did not answer: {type(exc).__name__}") from exc
        if response.is_success:
            return response
        await response.aclose()
        raise HttpFailure(
            f"{self._base_url} answered {response.status_code} to {method} {path}",
            status=response.status_code,
            retry_after=seconds_of(response.headers.get("Retry-After")),
        )


def pause_seconds(attempt: int, *, retry_after: float | None) -> float:
    """How long to wait before try number `attempt` (1 is the second): as told, else full-jitter exponential backoff.

    Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if retry_after is not None:
        return retry_after
    ceiling = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
    return random.uniform(0, ceiling)  # noqa: S311  # spreads load; nothing secret depends on it


def seconds_of(retry_after: str | None) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or a date (RFC 9110 §10.2.3); None if unreadable."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def as_model_error(failure: HttpFailure, *, what: str) -> ModelError:
    """The failure of a model server as one of our errors. `what`: how to call it."""
    if failure.status == 429:
        return ModelRateLimited(f"{what} asked us to slow down", retry_after=failure.retry_after)
    if failure.status in {401, 403}:
        return ModelError(f"{what} refused the key: set it in the environment")
    if failure.status is None or failure.status >= 500:
        return ModelUnavailable(f"{what} is unavailable: {failure}")
    return ModelError(f"{what} refused the request: {failure}")


def _is_worth_another_try(failure: HttpFailure) -> bool:
    if failure.retry_after is not None and failure.retry_after > LONGEST_PAUSE_SECONDS:
        return False  # the caller is told how long, and decides
    return failure.status is None or failure.status in _RETRYABLE


def _origin(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        raise ConfigError("base_url is not an address; write it as http://HOST:PORT/PATH") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError("base_url is not an HTTP address; write it as http://HOST:PORT/PATH")
    if url.userinfo:
        raise ConfigError("base_url must not hold a password; set the key in the environment")
    return base_url.rstrip("/")


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    try:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise HttpFailure(f"the answer is larger than {MOST_BYTES // 1024**2} MiB")
    except httpx.HTTPError as exc:
        raise HttpFailure(f"the answer broke off: {type(exc).__name__}") from exc
    return bytes(body)


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    """Lines as they come. A stream has no end to wait for, so each line is bounded, and all of them together."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest, size = "", 0
    async for piece in response.aiter_bytes():
        size += len(piece)
        rest += decoder.decode(piece)
        *whole, rest = rest.split("\n")
        for line in whole:
            yield line.removesuffix("\r")
        if size > MOST_BYTES or len(rest) > MOST_LINE_CHARACTERS:
            raise HttpFailure(f"the answer is larger than {MOST_BYTES // 1024**2} MiB, or a line of it is far too long")
    if rest:
        yield rest


def _json(body: bytes) -> object:
    try:
        answer: object = json.loads(body)
    except ValueError as exc:
        raise HttpFailure("the answer is not JSON") from exc
    return answer
