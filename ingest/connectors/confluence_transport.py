"""Requests to Confluence through atlassian-python-api: paced, retried, bounded, and judged before anyone trusts them.

The library carries the requests only. Its own retries, paging and error classes lose rows, wait unasked and
hide messages, so an answer comes back raw (`advanced_mode`) and is judged here.
"""

import asyncio
import logging
import random
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from atlassian import ConfluenceServer, ConfluenceV2

from ingest.connectors.confluence_bounds import BoundedAdapter, TooLarge
from ingest.connectors.confluence_json import Json, object_of, rows_at, text_at
from ingest.connectors.confluence_records import Refused
from ingest.parsing.hygiene import one_line
from kb.errors import SourceAuthError, SourceError, SourceRateLimited, SourceUnavailable
from kb.http import seconds_of

TRIES = 5
LONGEST_WAIT_SECONDS = 600.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
# Attachments of Cloud are handed out by these, after a redirect that carries its own permission.
_MEDIA_HOSTS = (".atlassian.com", ".atlassian.net")
_RETRYABLE = frozenset({429, 500, 502, 503, 504})
_LONGEST_MESSAGE = 200

Params = Mapping[str, str | int]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Clocks and sleep, replaceable to try what a server may do."""

    monotonic: Callable[[], float] = monotonic
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    request_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A JSON object, and the `next` link of its header."""

    body: Json
    next_link: str


class Transport:
    """Requests to one site, one at a time. Raises Refused, SourceAuthError, SourceRateLimited, SourceUnavailable."""

    def __init__(
        self,
        root: str,
        *,
        is_cloud: bool,
        username: str | None,
        token: str,
        timing: Timing,
        requests_per_second: float | None = None,
    ) -> None:
        self.request_count = 0
        self._root = root
        self._host = urlsplit(root).netloc
        self._timing = timing
        self._least_gap = 1 / requests_per_second if requests_per_second else 0.0
        self._not_before = timing.monotonic()
        self._adapter = BoundedAdapter(total_seconds=timing.request_seconds)
        session = self._session()
        library = logging.getLogger("atlassian")
        if library.getEffectiveLevel() < logging.INFO:
            # At DEBUG it writes whole pages to the log.
            library.setLevel(logging.INFO)
        account = {"username": username, "password": token} if username else {"token": token}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self._client = (ConfluenceV2 if is_cloud else ConfluenceServer)(
                url=root,
                session=session,
                timeout=60,
                backoff_and_retry=False,
                retry_with_header=False,
                **account,
            )
        self._plain = self._session()
        # Without a handler of its own, requests would look for a password in ~/.netrc.
        self._plain.auth = _unchanged

    async def get(self, path: str, params: Params | None = None) -> Answer:
        """The JSON object at a path below the site's root."""
        return await self._try(lambda: self._get_json("GET", path, params, None))

    async def call(self, path: str, arguments: Sequence[str]) -> Answer:
        """What a remote procedure answers. It must only read: it may be called again."""
        return await self._try(lambda: self._get_json("POST", path, None, arguments))

    async def download(self, path: str, *, max_bytes: int) -> bytes:
        """The bytes at a path below the site's root; a redirect is followed to Atlassian's own media hosts only."""
        return await self._try(lambda: self._get_bytes(path, max_bytes))

    async def is_open_to_all(self, path: str) -> bool:
        """Does the site answer this to somebody who is not signed in?"""
        await self._wait_for_our_turn()
        self.request_count += 1
        return await asyncio.to_thread(self._get_as_nobody, path)

    def close(self) -> None:
        """Hang up."""
        self._client.close()
        self._plain.close()

    async def _try(self, work: Callable[[], Result]) -> Result:
        failure: SourceError = SourceUnavailable(f"{self._host} did not answer")
        for attempt in range(1, TRIES + 1):
            await self._wait_for_our_turn()
            self.request_count += 1
            try:
                return await asyncio.to_thread(work)
            except _Again as exc:
                failure = exc.failure
                self._postpone(exc, attempt=attempt)
                # An internal error rarely heals: once more, then it is this request's own.
                if exc.status == 500 and attempt >= 2:
                    raise Refused(str(failure), status=500) from exc
        raise failure

    async def _wait_for_our_turn(self) -> None:
        while (wait := self._not_before - self._timing.monotonic()) > 0:
            await self._timing.sleep(wait)
        self._not_before = self._timing.monotonic() + self._least_gap

    def _postpone(self, exc: "_Again", *, attempt: int) -> None:
        """No request at all before the time that the server named, whoever makes it."""
        if exc.wait_seconds is None:
            ceiling = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
            pause = random.uniform(FIRST_PAUSE_SECONDS, ceiling)  # noqa: S311  # spreads load, guards no secret
        else:
            # `Retry-After: 0` is sent by servers that refuse the next request as well.
            pause = max(FIRST_PAUSE_SECONDS, exc.wait_seconds)
        self._not_before = self._timing.monotonic() + pause
        if pause > LONGEST_WAIT_SECONDS:
            raise SourceRateLimited(
                f"{self._host} asked us to wait {pause:.0f} s; the next sync goes on after that", retry_after=pause
            ) from exc

    def _get_json(self, method: str, path: str, params: Params | None, arguments: Sequence[str] | None) -> Answer:
        with _translated(self._host):
            response = self._client.request(
                method,
                path,
                params=dict(params or {}),
                data=arguments,  # type: ignore[arg-type]  # it makes JSON of whatever it gets
                advanced_mode=True,
                allow_redirects=False,
            )
        self._judge(response)
        body = object_of(response.text)
        if body is None:
            if "json" in response.headers.get("Content-Type", ""):
                raise _Again(SourceUnavailable(f"{self._host} answered with broken JSON"))
            raise SourceUnavailable(
                f"{self._host} answered with a web page instead of JSON: "
                "is the address right, and does the token pass its log-in page?"
            )
        return Answer(body=body, next_link=response.links.get("next", {}).get("url", ""))

    def _get_bytes(self, path: str, max_bytes: int) -> bytes:
        self._adapter.set_limit(max_bytes)
        try:
            with _translated(self._host):
                response = self._client.session.get(
                    f"{self._root}/{path.lstrip('/')}", timeout=60, allow_redirects=False
                )
                if response.is_redirect:
                    response = self._follow(response)
        except TooLarge:
            raise Refused(f"it is larger than {max_bytes / 1e6:.0f} MB", status=413) from None
        finally:
            self._adapter.set_limit(None)
        self._judge(response)
        return bytes(response.content)

    def _get_as_nobody(self, path: str) -> bool:
        try:
            response = self._plain.get(f"{self._root}/{path}", timeout=60, allow_redirects=False)
        except requests.RequestException:
            return False
        return response.status_code == 200 and object_of(response.text) is not None

    def _follow(self, response: requests.Response) -> requests.Response:
        target = urljoin(response.url, response.headers["Location"])
        host = urlsplit(target).netloc
        if host != self._host and not (target.startswith("https://") and host.endswith(_MEDIA_HOSTS)):
            raise Refused("its download leads to another host", status=302)
        return self._plain.get(target, timeout=60, allow_redirects=False)

    def _judge(self, response: requests.Response) -> None:
        """Raise unless the response is a success of the account that we are."""
        if response.headers.get("X-AUSERNAME") == "anonymous":
            raise SourceAuthError(f"{self._host} takes us for nobody: the token is wrong or has expired")
        status = response.status_code
        if status in _RETRYABLE:
            raise _Again(_failure(self._host, response), wait_seconds=_wait_of(response, self._timing), status=status)
        if 300 <= status < 400:
            raise SourceUnavailable(f"{self._host} sends us elsewhere: set `url` to the address people use")
        if status == 401 and "scope" not in _message(response):
            raise SourceAuthError(f"{self._host} refused the token (401): it is wrong, has expired or was revoked")
        if status >= 400:
            raise Refused(_message(response) or f"it answered {status}", status=status)

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)
        return session


class _Again(Exception):
    """The request may be made again. `wait_seconds`: as the server said."""

    def __init__(self, failure: SourceError, *, wait_seconds: float | None = None, status: int = 0) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.wait_seconds = wait_seconds
        self.status = status


class _translated:
    """Errors of requests as something to try again."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, requests.RequestException) and not isinstance(error, TooLarge):
            raise _Again(SourceUnavailable(f"{self._host} did not answer: {type(error).__name__}")) from error


def _failure(host: str, response: requests.Response) -> SourceError:
    if response.status_code == 429:
        return SourceRateLimited(f"{host} asked us to slow down", retry_after=seconds_of(_header(response)))
    return SourceUnavailable(f"{host} answered {response.status_code}")


def _wait_of(response: requests.Response, timing: Timing) -> float | None:
    """Seconds until we may ask again, by Retry-After or by the time at which a rate limit is reset."""
    if (wait := seconds_of(_header(response))) is not None:
        return wait
    if response.status_code != 429:
        return None
    try:
        reset = datetime.fromisoformat(response.headers.get("X-RateLimit-Reset", ""))
    except ValueError:
        return None
    return max(0.0, (reset - timing.now()).total_seconds()) if reset.tzinfo else None


def _header(response: requests.Response) -> str | None:
    value = response.headers.get("Retry-After")
    return str(value) if value is not None else None


def _message(response: requests.Response) -> str:
    """What the server said about an error, in whichever of its forms; short, and never a whole page."""
    said = object_of(response.text)
    for error in rows_at(said, "errors"):
        said = error
        break
    words = text_at(said, "message") or text_at(said, "title") or text_at(said, "detail")
    return one_line(words)[:_LONGEST_MESSAGE]


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
