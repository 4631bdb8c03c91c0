"""Pages of rows as Confluence Cloud gives them: by cursors that mean nothing to anybody else, and may go stale."""

import base64
import re
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.fakes.confluence_faults import Faults

MOST_LISTED = 250


def page_of(
    request: Request,
    rows: list[Any],
    faults: Faults,
    *,
    most: int = MOST_LISTED,
    of: Callable[[Any], Any] = lambda row: row,
) -> Any:
    """The rows after the request's cursor, each shown by `of`."""
    query = request.query_params
    limit = int(query.get("limit", 25))
    if not 1 <= limit <= MOST_LISTED:
        raise HTTPException(400, "limit out of range")
    limit = min(limit, most, faults.most_rows)
    start = _start_of(query.get("cursor"))
    if start and faults.stale_cursors > 0:
        faults.stale_cursors -= 1
        raise HTTPException(400, "Invalid cursor")
    shown = rows[start : start + limit]
    answer: dict[str, Any] = {
        "results": [of(row) for row in shown],
        "_links": {"base": "http://elsewhere.test/wiki"},
    }
    if start + limit < len(rows) or faults.goes_in_circles:
        following = 0 if faults.goes_in_circles else start + limit
        cursor = base64.urlsafe_b64encode(f"after:{following}".encode()).decode()
        others = {name: value for name, value in query.items() if name != "cursor"}
        words = "&".join(f"{name}={value}" for name, value in {**others, "cursor": cursor}.items())
        answer["_links"]["next"] = f"{request.url.path}?{words}"
    return answer


def gone(request: Request) -> Response:
    return JSONResponse({"statusCode": 410, "message": "This deprecated endpoint has been removed."}, 410)


def _start_of(cursor: str | None) -> int:
    if not cursor:
        return 0
    found = re.fullmatch(r"after:(\d+)", base64.urlsafe_b64decode(cursor).decode())
    if found is None:
        raise HTTPException(400, "Invalid cursor")
    return int(found[1])
