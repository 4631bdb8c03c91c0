"""The web channel: the chat page, and stored documents for sources that have no address of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from html import escape
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from markdown_it import MarkdownIt

from app.auth import Caller
from app.callers import USER_HEADER, Door, foreign_origin, is_opened_by_a_person, to_login
from app.pages import page_html
from app.wiring import AnswerSide
from kb.catalogue.records import StoredSection
from kb.errors import AccessDenied

_MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_ASSETS = ("chat.html", "page.css", "icon.svg")
# A link cannot carry a header: this cookie stands for the key, and goes to stored documents alone.
_COOKIE = "footnote_reader"
# Nothing from elsewhere, nothing inline: page text that slipped through as markup could still load or run nothing.
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_NEEDS_KEY = ("This page needs a key", "Enter yours in the chat, when it asks for one. Then this link opens too.")
_NOTHING = ("There is no such page", "It is gone, or it is not yours to read.")


def build_router(side: AnswerSide, door: Door) -> APIRouter:
    """The page and its assets; `/documents/{id}`, which shows a document only to those who may read it; and `/session`,
    which gives a browser with a key the cookie that opens them."""
    router = APIRouter(include_in_schema=False)
    assets = {name: _read_asset(name) for name in _ASSETS}

    async def caller(request: Request) -> Caller:
        if (who := await door.signed_in(request)) is not None:
            return who
        cookie = request.cookies.get(_COOKIE)
        header = request.headers.get("authorization") or (f"Bearer {cookie}" if cookie else None)
        user_token = request.headers.get(USER_HEADER)
        return await door.admit(header, origin=foreign_origin(request.headers), user_token=user_token)

    @router.get("/")
    async def chat_page(request: Request) -> Response:
        if not door.sessions.is_on:
            return _asset("chat.html", assets["chat.html"])
        who = await door.signed_in(request)
        return to_login(request) if who is None else _own_chat(assets["chat.html"], who.name)

    @router.get("/assets/{name}")
    async def asset(name: str) -> Response:
        if name not in assets:
            raise HTTPException(404)
        return _asset(name, assets[name])

    @router.post("/session")
    async def session(request: Request, who: Annotated[Caller, Depends(caller)]) -> Response:
        is_https = side.settings.server.public_url.startswith("https://")
        return _with_cookie(Response(status_code=204), request.headers.get("authorization"), is_https=is_https)

    _add_documents(router, side, door, caller)
    return router


def _add_documents(router: APIRouter, side: AnswerSide, door: Door, caller: Callable[..., Awaitable[Caller]]) -> None:
    @router.get("/documents/{document_id:path}")
    async def document(document_id: str, request: Request) -> Response:
        try:
            who = await caller(request)
        except AccessDenied:
            if not is_opened_by_a_person(request):
                raise
            return to_login(request) if door.sessions.is_on else _told(*_NEEDS_KEY, status=401)
        who.must_have("ask", "search")
        catalogue = side.knowledge_base.catalogue
        audience_ids = await catalogue.access.readable(who.principal)
        sections = await catalogue.documents.live_sections(who.principal.tenant, document_id, audience_ids=audience_ids)
        # Missing and forbidden look the same.
        if not sections:
            if is_opened_by_a_person(request):
                return _told(*_NOTHING, status=404)
            raise HTTPException(404)
        # Long pages take a while to render.
        return HTMLResponse(await asyncio.to_thread(document_page, sections), headers=_SECURITY_HEADERS)


def _told(title: str, words: str, *, status: int) -> Response:
    """What somebody reads who followed a link that does not open for them."""
    way = '<a class="button" href="/">Go to the chat</a>'
    html = page_html(title, f"<main><h1>{escape(title)}</h1><p>{escape(words)}</p>{way}</main>", kind="admin login")
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return HTMLResponse(html, status_code=status, headers=_SECURITY_HEADERS | headers)


def _own_chat(page: bytes, name: str) -> Response:
    """The chat page of somebody who is signed in, with the way out."""
    out = f'<form method="post" action="/logout" class="account"><span>{escape(name.removeprefix("user:"))}</span>'
    html = page.replace(b'<body class="chat">', f'<body class="chat">{out}<button>Sign out</button></form>'.encode())
    policy = _SECURITY_HEADERS["Content-Security-Policy"].replace("form-action 'none'", "form-action 'self'")
    # The form would be sent with `Origin: null` without a referrer, like one of another site.
    headers = _SECURITY_HEADERS | {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
    return HTMLResponse(html, headers=headers)


def _with_cookie(response: Response, authorization: str | None, *, is_https: bool) -> Response:
    if key := (authorization or "").partition(" ")[2].strip():
        response.set_cookie(_COOKIE, key, path="/documents", httponly=True, samesite="strict", secure=is_https)
    return response


def document_page(sections: list[StoredSection]) -> str:
    """A stored document as a page: each section under its heading, with the anchor that citations link to."""
    first = sections[0]
    markdown = _safe_markdown()
    body = "\n".join(_section_html(section, markdown) for section in sections)
    places = dict.fromkeys(place for place in (first.source_id, first.space) if place)
    source = " · ".join([*map(escape, places), f"updated {first.updated_at:%Y-%m-%d}"])
    header = f'<header><h1>{escape(first.title)}</h1><p class="about">{source}</p></header>'
    return page_html(first.title, f"<main>{header}{body}</main>", kind="document")


def _section_html(section: StoredSection, markdown: MarkdownIt) -> str:
    level = min(6, 1 + len(section.heading_path))
    heading = f"<h{level}>{escape(section.heading_path[-1])}</h{level}>" if section.heading_path else ""
    anchor = f' id="{escape(section.anchor)}"' if section.anchor else ""
    return f"<section{anchor}>{heading}{markdown.render(section.text)}</section>"


def _safe_markdown() -> MarkdownIt:
    """Renders blocks and tables; markup, links and images in page text stay text."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return markdown.disable(
        ["link", "image", "autolink", "html_inline", "html_block", "reference", "heading", "lheading"]
    )


def _read_asset(name: str) -> bytes:
    return (files("app.channels") / "static" / name).read_bytes()


def _asset(name: str, content: bytes) -> Response:
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    # Asked for again each time, and then the same version as the server's.
    headers = {**_SECURITY_HEADERS, "Cache-Control": "no-cache"}
    return Response(content, media_type=f"{media_type}; charset=utf-8", headers=headers)
