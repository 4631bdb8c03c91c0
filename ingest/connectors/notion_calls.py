"""Requests to Notion: at the pace it asks for, retried where that may help, lists read whole, errors translated."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import httpx
from notion_client import AsyncClient
from notion_client.errors import HTTPResponseError, InvalidPathParameterError, RequestTimeoutError

from ingest.connectors.notion_http import NotionHttp
from ingest.connectors.notion_rate import Timing, bucket_of
from ingest.parsing.notion_json import Json, objects_at, text_at
from kb.errors import SourceAuthError, SourceError, SourceRateLimited, SourceUnavailable
from kb.http import pause_seconds, seconds_of

logger = logging.getLogger(__name__)

NOTION_VERSION = "2026-03-11"
PAGE_SIZE = 100
LEAST_PAGE_SIZE = 10
# Tries of a request that fails for a passing reason. Being told to wait, and for how long, is not counted as a failure:
# only a server that says it without end is given up on.
TRIES = 6
MOST_WAITS = 100
# Asked to slow down without being told for how long: Notion counts requests by the minute.
SLOW_DOWN_SECONDS = 15.0
# A list whose cursor went stale is read again from its beginning.
LIST_TRIES = 3
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_SLOW_DOWN = frozenset({429, 529})

# What the library gives is foreign JSON until a reader of ours has looked at it.
Send = Callable[[AsyncClient], Awaitable[Any]]
SendPage = Callable[[AsyncClient, dict[str, Any]], Awaitable[Any]]


class NotionRefusal(Exception):
    """Notion refused one request for what it asks: 400, 403 or 404. The caller knows what that means for a page."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"Notion answered {status} {code}")
        self.status = status

    @property
    def is_not_found(self) -> bool:
        """Gone for good, or not shared with this connection: the API does not tell which."""
        return self.status == 404


class BrokenList(NotionRefusal):
    """A list that cannot be read to its end: it says that there is more, and does not give it."""

    def __init__(self) -> None:
        super().__init__(200, "with a list that does not end")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotionList:
    """All results of a list. `is_cut`: the API stopped at its own limit, so there is more that it does not list."""

    results: list[Json]
    is_cut: bool


class NotionCalls:
    """Requests with one token. Methods raise NotionRefusal for one id, and SourceErrors for everything else."""

    def __init__(
        self,
        *,
        token: str,
        token_name: str,
        base_url: str,
        requests_per_second: float,
        timeout_seconds: float,
        timing: Timing,
    ) -> None:
        self._token = token
        self._token_name = token_name
        self._requests_per_second = requests_per_second
        self._timing = timing
        self._http = NotionHttp()
        self._client = AsyncClient(
            client=self._http.open_client(),
            auth=token,
            base_url=base_url.rstrip("/"),
            timeout_ms=int(timeout_seconds * 1000),
            notion_version=NOTION_VERSION,
            retry=False,
            # Its own logger would print a line for every failed request; we log what matters.
            logger=logging.getLogger(f"{__name__}.library"),
            log_level=logging.CRITICAL,
        )

    @property
    def request_count(self) -> int:
        """Requests made so far."""
        return self._http.request_count

    @property
    def server_time(self) -> datetime:
        """Notion's clock when it last answered."""
        return self._http.server_time

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def get(self, send: Send) -> Json:
        """One object. `send` makes the request with the library's client; it is called again for every try."""
        found = await self._until_answered(lambda attempt: send(self._client))
        return found if isinstance(found, dict) else {}

    async def list_all(self, send: SendPage, *, shrink: Callable[[Json], Json] | None = None) -> NotionList:
        """All results of a list, in order. `send` gets the arguments that page through it.

        `shrink`: what to keep of each result; a list of everything there is may be long.
        """
        for _ in range(LIST_TRIES):
            try:
                return await self._read_list(send, shrink)
            except _StaleCursor:
                logger.info("list is read again: its cursor went stale")
        raise BrokenList

    async def _read_list(self, send: SendPage, shrink: Callable[[Json], Json] | None) -> NotionList:
        results: list[Json] = []
        seen: set[str] = set()
        is_cut = False
        cursor = ""
        while True:
            page = await self._page(send, cursor=cursor)
            found = objects_at(page, "results")
            results += map(shrink, found) if shrink else found
            is_cut |= text_at(page, "request_status", "type") == "incomplete"
            if page.get("has_more") is not True:
                return NotionList(results=results, is_cut=is_cut)
            cursor = text_at(page, "next_cursor")
            if not found or not cursor or cursor in seen:
                raise BrokenList
            seen.add(cursor)

    async def _page(self, send: SendPage, *, cursor: str) -> Json:
        def ask(attempt: int) -> Awaitable[Any]:
            # A query that was too heavy is told to ask for less at a time.
            size = max(LEAST_PAGE_SIZE, PAGE_SIZE >> attempt)
            return send(self._client, {"page_size": size} | ({"start_cursor": cursor} if cursor else {}))

        try:
            page = await self._until_answered(ask)
        except NotionRefusal as exc:
            if cursor and exc.status == 400:
                raise _StaleCursor from exc
            raise
        return page if isinstance(page, dict) else {}

    async def _until_answered(self, ask: Callable[[int], Awaitable[Any]]) -> object:
        """The answer, after as many tries as it may take. `ask` gets how often it failed before."""
        bucket = bucket_of(self._token, requests_per_second=self._requests_per_second, timing=self._timing)
        failures = 0
        for waits in count():
            async with bucket.turn():
                outcome = await self._try(ask, failures)
                if not isinstance(outcome, _Failure):
                    return outcome
                if outcome.status in _SLOW_DOWN:
                    # For everyone with this token, before anyone else gets a turn.
                    bucket.pause(self._pause_of(outcome, failures + 1))
            if outcome.retry_after is None or outcome.status not in _SLOW_DOWN:
                failures += 1
            if failures >= TRIES or waits >= MOST_WAITS:
                raise outcome.as_error()
            logger.info("request failed", extra={"status": outcome.status, "failures": failures})
            if outcome.status not in _SLOW_DOWN:
                await self._timing.sleep(self._pause_of(outcome, failures))
        raise AssertionError("unreachable")

    async def _try(self, ask: Callable[[int], Awaitable[Any]], failures: int) -> object:
        """The answer, or why another try may succeed."""
        try:
            return await ask(failures)
        except HTTPResponseError as exc:
            if exc.status == 401:
                raise SourceAuthError(
                    f"Notion refused the token: check {self._token_name}; what is indexed stays as it is"
                ) from exc
            return _failure_of(exc)
        except RequestTimeoutError:
            return _Failure(what="did not answer in time")
        except (httpx.HTTPError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as exc:
            return _Failure(what=f"did not answer properly: {type(exc).__name__}")
        except InvalidPathParameterError as exc:
            raise NotionRefusal(400, "invalid id") from exc

    def _pause_of(self, failure: "_Failure", failures: int) -> float:
        if failure.status in _SLOW_DOWN and failure.retry_after is None:
            return SLOW_DOWN_SECONDS * failures
        return pause_seconds(failures, retry_after=failure.retry_after)


class _StaleCursor(Exception):
    """The list changed so much that its cursor means nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A failure that may pass. `status`: 0 if no answer came; `retry_after` in seconds, where Notion named a time."""

    what: str
    status: int = 0
    retry_after: float | None = None

    def as_error(self) -> SourceError:
        if self.status == 429:
            return SourceRateLimited("Notion keeps asking us to slow down", retry_after=self.retry_after)
        return SourceUnavailable(f"Notion {self.what}")


def _failure_of(error: HTTPResponseError) -> _Failure:
    """By status, never by code or message: those change. Raises what no other try can mend."""
    # A block page of the network in front of Notion is no answer of its API.
    is_blocked = error.status == 403 and error.body.lstrip().startswith("<")
    if error.status not in _PASSING and not is_blocked and error.status < 500:
        raise NotionRefusal(error.status, getattr(error.code, "value", str(error.code))) from error
    retry_after = seconds_of(error.headers.get("Retry-After"))
    return _Failure(what=f"answered {error.status}", status=error.status, retry_after=retry_after)
