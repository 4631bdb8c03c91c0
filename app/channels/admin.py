"""`/admin`: a page to look at, for keys with the scope `admin`. Nothing can be changed there."""

import asyncio
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.admin_page import admin_page, login_page
from app.admin_report import read_report
from app.auth import Caller
from app.callers import Door, foreign_origin
from app.wiring import AnswerSide
from kb.errors import AccessDenied

_COOKIE = "footnote_admin"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Without a referrer the form would be sent with `Origin: null`, like one of another site.
    "Referrer-Policy": "same-origin",
}


def build_router(side: AnswerSide, door: Door) -> APIRouter:
    """The page, and the form that takes a key for it. On a server without keys its own people see it, without the
    titles of pages that are missing: not everyone might read those."""
    router = APIRouter(include_in_schema=False)

    async def admitted(authorization: str | None, origin: str | None) -> Caller | None:
        try:
            who = await door.admit(authorization, origin=origin)
        except AccessDenied:
            return None
        return who if who.is_anyone or "admin" in who.scopes else None

    async def visitor(request: Request) -> Caller | None:
        cookie = request.cookies.get(_COOKIE)
        header = request.headers.get("authorization") or (f"Bearer {cookie}" if cookie else None)
        return await admitted(header, foreign_origin(request.headers))

    @router.get("/admin")
    async def page(who: Annotated[Caller | None, Depends(visitor)]) -> Response:
        if who is None:
            return HTMLResponse(login_page(was_refused=False), status_code=401, headers=_HEADERS)
        report = await read_report(side)
        html = await asyncio.to_thread(admin_page, report, names_pages=not who.is_anyone)
        return HTMLResponse(html, headers=_HEADERS)

    @router.post("/admin/session")
    async def session(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=5)
        key = form.get("key", [""])[0].strip()
        if await admitted(f"Bearer {key}", foreign_origin(request.headers)) is None:
            return HTMLResponse(login_page(was_refused=True), status_code=401, headers=_HEADERS)
        response = RedirectResponse("/admin", status_code=303)
        is_https = side.settings.server.public_url.startswith("https://")
        response.set_cookie(_COOKIE, key, path="/admin", httponly=True, samesite="strict", secure=is_https)
        return response

    return router
