"""Listings read to their end: by cursor (Cloud) or by offset (Data Center), never taking a cut one for a whole one."""

import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

from ingest.connectors.confluence_json import Json, at, rows_at, text_at
from ingest.connectors.confluence_records import ListingBroken, Refused
from ingest.connectors.confluence_transport import Params, Transport

# Pages of rows that bring nothing new: permissions filter rows after paging, so some are short or empty.
MOST_BARREN = 20
MOST_EMPTY = 3
MOST_RESTARTS = 3
MOST_GAPS = 20


async def by_cursor(transport: Transport, path: str, params: Params) -> AsyncIterator[Json]:
    """The rows of a listing of Cloud, each id once. Raises ListingBroken, Refused (first request) and SourceErrors."""
    seen: set[str] = set()
    for _ in range(MOST_RESTARTS):
        try:
            async for row in _one_pass(transport, path, params):
                if (name := _name_of(row)) not in seen:
                    seen.add(name)
                    yield row
            return
        except _StaleCursor:
            continue
    raise ListingBroken("the listing's cursor kept going stale")


async def by_offset(transport: Transport, path: str, params: Params, *, limit: int) -> AsyncIterator[Json]:
    """The same for Data Center, whose `next` may jump over rows: the next start is what was got so far."""
    window = _Window(limit=limit)
    seen: set[str] = set()
    while not window.is_done:
        try:
            answer = await transport.get(path, {**params, "start": window.start, "limit": window.size})
        except Refused as exc:
            window.shrink(exc)
            continue
        rows = _rows_of(answer.body)
        fresh = [row for row in rows if _name_of(row) not in seen]
        seen.update(map(_name_of, fresh))
        for row in fresh:
            yield row
        window.advance(len(rows), fresh_count=len(fresh), has_next=bool(_next_of(answer.body, "")))
    if window.gap_count:
        raise ListingBroken(f"{window.gap_count} rows of the listing cannot be read")


class _Window:
    """Which rows to ask for next."""

    def __init__(self, *, limit: int) -> None:
        self.start = 0
        self.size = limit
        self.is_done = False
        self.gap_count = 0
        self._limit = limit
        self._barren = 0

    def shrink(self, exc: Refused) -> None:
        """The server does not give these rows: ask for fewer, down to the one that it cannot show, and pass that by."""
        if exc.status not in {400, 500}:
            raise exc
        if self.size > 1:
            self.size = max(1, self.size // 10)
            return
        if self.start == 0 and exc.status == 400:
            # Not even one row from the top: it is the question that is refused.
            raise exc
        self.start, self.size = self.start + 1, self._limit
        self.gap_count += 1
        if self.gap_count > MOST_GAPS:
            raise ListingBroken("many rows of the listing cannot be read") from exc

    def advance(self, row_count: int, *, fresh_count: int, has_next: bool) -> None:
        """So many rows came."""
        self._barren = 0 if fresh_count else self._barren + 1
        if not has_next or (not row_count and self._barren >= MOST_EMPTY):
            # Past the end, some versions go on naming a next page.
            self.is_done = True
        elif self._barren > MOST_BARREN:
            raise ListingBroken("the listing goes round in circles")
        self.start += row_count or self.size
        self.size = self._limit


class _StaleCursor(Exception):
    """The server does not know its cursor any more: begin again."""


async def _one_pass(transport: Transport, path: str, params: Params) -> AsyncIterator[Json]:
    links: set[str] = set()
    seen: set[str] = set()
    barren = 0
    query: Params = params
    while True:
        try:
            answer = await transport.get(path, query)
        except Refused as exc:
            if links and exc.status in {400, 404, 410}:
                raise _StaleCursor from exc
            if links:
                raise ListingBroken(f"the listing broke off: {exc}") from exc
            raise
        rows = _rows_of(answer.body)
        barren = 0 if any(_name_of(row) not in seen for row in rows) else barren + 1
        seen.update(map(_name_of, rows))
        for row in rows:
            yield row
        link = _next_of(answer.body, answer.next_link)
        if not link:
            return
        if link in links or barren > MOST_BARREN:
            raise ListingBroken("the listing goes round in circles")
        links.add(link)
        # Only the query is taken from the answer: which host and path we ask is ours to say.
        query = dict(parse_qsl(urlsplit(link).query))


def _rows_of(body: Json) -> list[Json]:
    if not isinstance(at(body, "results"), list):
        raise ListingBroken("an answer holds no results")
    return rows_at(body, "results")


def _next_of(body: Json, header: str) -> str:
    return text_at(body, "_links", "next") or header


def _name_of(row: Json) -> str:
    """What makes a row that one; assignments of roles have no id."""
    names = (text_at(row, name) for name in ("id", "accountId", "userKey", "name"))
    return next(filter(None, names), None) or json.dumps(row, sort_keys=True)
