"""`/admin`: a page to look at and to act from, for keys with the scope `admin` and people whom `[login]` admits."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from app.admin_answer import read_record, record_page
from app.admin_forms import DONE, is_proof, made_key, proof_of
from app.admin_page import Looking, admin_page, login_page
from app.admin_report import read_report
from app.admin_suspects import read_suspects, suspects_page
from app.auth import SCOPES, Caller, new_key
from app.callers import USER_HEADER, Door, foreign_origin
from app.settings import SiteTable
from app.wiring import AnswerSide
from kb.catalogue.records import StoredKey
from kb.errors import AccessDenied

_COOKIE = "footnote_admin"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Without a referrer the form would be sent with `Origin: null`, like one of another site.
    "Referrer-Policy": "same-origin",
}
_MOST_FIELDS = 20
_MOST_DAYS = 3650
Form = Mapping[str, Sequence[str]]


def build_router(side: AnswerSide, door: Door) -> APIRouter:
    """The page, the record of each answer, the form that takes a key, and what the page's buttons do.

    On a server without keys its own people see it, without the titles of pages that not everyone might read, and
    change nothing.
    """
    router = APIRouter(include_in_schema=False)
    desk = _Desk(side, door)
    router.add_api_route("/admin", desk.page, methods=["GET"])
    router.add_api_route("/admin/answers/{answer_id}", desk.answer, methods=["GET"])
    router.add_api_route("/admin/suspects", desk.suspects, methods=["GET"])
    router.add_api_route("/admin/session", desk.session, methods=["POST"])
    router.add_api_route("/admin/sync", desk.sync, methods=["POST"])
    router.add_api_route("/admin/retry", desk.retry, methods=["POST"])
    router.add_api_route("/admin/keys", desk.make_key, methods=["POST"])
    router.add_api_route("/admin/keys/revoke", desk.revoke, methods=["POST"])
    return router


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visitor:
    """Who looks. `credential`: the secret that the browser brought; empty on a server without keys."""

    caller: Caller
    credential: str
    is_signed_in: bool = False

    def looking(self, *, said: str = "") -> Looking:
        """The same, as the page wants to know it."""
        has_rights = bool(self.credential)
        return Looking(
            names_pages=has_rights,
            proof=proof_of(self.credential) if has_rights else "",
            own_email=self.caller.principal.email,
            is_signed_in=self.is_signed_in,
            said=said,
        )


class _Desk:
    """What each route does."""

    def __init__(self, side: AnswerSide, door: Door) -> None:
        self._side = side
        self._door = door
        self._catalogue = side.knowledge_base.catalogue
        self._tenant = side.settings.tenant

    async def page(self, request: Request, done: str = "") -> Response:
        """Everything, for whoever may look; the form that asks for a key, for others."""
        visitor = await self._visitor(request)
        if visitor is None:
            return self._login(was_refused=False)
        said = f'<p class="said" role="status">{escape(DONE[done])}</p>' if done in DONE else ""
        return await self._shown(visitor, said=said)

    async def answer(self, request: Request, answer_id: str) -> Response:
        """The record of an answer."""
        visitor = await self._visitor(request)
        if visitor is None:
            return self._login(was_refused=False)
        record = await read_record(self._side, visitor.caller.principal, answer_id)
        if record is None:
            return await self._shown(visitor, said=_warning("There is no such answer, or it is forgotten."), status=404)
        return HTMLResponse(record_page(record, visitor.looking()), headers=_HEADERS)

    async def suspects(self, request: Request) -> Response:
        """Sentences of pages that give orders to a language model."""
        visitor = await self._visitor(request)
        if visitor is None:
            return self._login(was_refused=False)
        found, readable = await read_suspects(self._side, visitor.caller.principal)
        return HTMLResponse(suspects_page(found, readable, visitor.looking()), headers=_HEADERS)

    async def session(self, request: Request) -> Response:
        """Takes a key, and keeps it in a cookie for these pages alone."""
        key = _one(await _read(request), "key")
        if await self._admitted(f"Bearer {key}", foreign_origin(request.headers)) is None:
            return self._login(was_refused=True)
        response = RedirectResponse("/admin", status_code=303)
        is_https = self._side.settings.server.public_url.startswith("https://")
        response.set_cookie(_COOKIE, key, path="/admin", httponly=True, samesite="strict", secure=is_https)
        return response

    async def sync(self, request: Request) -> Response:
        """Asks for a sync of a source."""
        visitor, form = await self._acting(request)
        source_id = _one(form, "source")
        if not self._has_source(source_id):
            return await self._refused(visitor, "There is no such source.")
        await self._catalogue.jobs.enqueue(self._tenant, source_id, is_hint=True)
        return _done("sync")

    async def retry(self, request: Request) -> Response:
        """Has a quarantined page of a source, or all of them, read again."""
        visitor, form = await self._acting(request)
        source_id, document_id = _one(form, "source"), _one(form, "document")
        if not self._has_source(source_id):
            return await self._refused(visitor, "There is no such source.")
        native_id = document_id.removeprefix(f"{source_id}:") if document_id else None
        if not await self._catalogue.sources.retry(self._tenant, source_id, native_id=native_id):
            return _done("nothing")
        await self._catalogue.jobs.enqueue(self._tenant, source_id, is_hint=True)
        return _done("retry")

    async def make_key(self, request: Request) -> Response:
        """Makes a key that reads what everyone may, or what its maker may: never as somebody else."""
        visitor, form = await self._acting(request)
        try:
            stored, text = self._new_key(form, visitor.caller)
        except ValueError as exc:
            return await self._refused(visitor, str(exc))
        await self._catalogue.keys.add(stored)
        return await self._shown(visitor, said=made_key(text))

    async def revoke(self, request: Request) -> Response:
        """Makes a key useless at once."""
        visitor, form = await self._acting(request)
        if not await self._catalogue.keys.revoke(self._tenant, _one(form, "key")):
            return await self._refused(visitor, "There is no such active key.")
        return _done("revoked")

    def _new_key(self, form: Form, maker: Caller) -> tuple[StoredKey, str]:
        """Raises ValueError saying what is missing."""
        name, days, origin = (_one(form, field) for field in ("name", "days", "origin"))
        scopes = tuple(scope for scope in SCOPES if scope in form.get("scope", ()))
        if not name or len(name) > 100 or not scopes:
            raise ValueError("A key needs a name, and something that it may do.")
        if days and not (days.isascii() and days.isdigit() and len(days) < 5 and 1 <= int(days) <= _MOST_DAYS):
            raise ValueError(f"Days are a number from 1 to {_MOST_DAYS}.")
        key, now = new_key(), datetime.now(UTC)
        stored = StoredKey(
            key_id=key.key_id,
            tenant=self._tenant,
            name=name,
            secret_sha256=key.secret_sha256,
            scopes=scopes,
            email=maker.principal.email if "own" in form else None,
            created_at=now,
            expires_at=now + timedelta(days=int(days)) if days else None,
            revoked_at=None,
            origins=_origins(origin),
        )
        return stored, key.text

    async def _visitor(self, request: Request) -> _Visitor | None:
        """Who looks; None if they may not."""
        who = await self._door.signed_in(request)
        if who is not None and "admin" in who.scopes:
            credential = self._door.sessions.cookie_of(request) or ""
            return _Visitor(caller=who, credential=credential, is_signed_in=True)
        cookie = request.cookies.get(_COOKIE)
        header = request.headers.get("authorization") or (f"Bearer {cookie}" if cookie else None)
        caller = await self._admitted(header, foreign_origin(request.headers), request.headers.get(USER_HEADER))
        if caller is None:
            return None
        return _Visitor(caller=caller, credential="" if caller.is_anyone else header or "")

    async def _admitted(
        self, authorization: str | None, origin: str | None, user_token: str | None = None
    ) -> Caller | None:
        try:
            who = await self._door.admit(authorization, origin=origin, user_token=user_token)
        except AccessDenied:
            return None
        return who if who.is_anyone or "admin" in who.scopes else None

    async def _acting(self, request: Request) -> tuple[_Visitor, Form]:
        """Who pressed a button of ours, and its form. Raises AccessDenied: a cookie alone, which any page's form would
        bring, changes nothing."""
        visitor, form = await self._visitor(request), await _read(request)
        is_ours = foreign_origin(request.headers) is None
        if visitor is None or not visitor.credential or not is_ours:
            raise AccessDenied("only an administrator may do this, from this server's own page")
        if not is_proof(_one(form, "proof"), visitor.credential):
            raise AccessDenied("this page is too old: load it again")
        return visitor, form

    def _has_source(self, source_id: str) -> bool:
        return any(source.id == source_id for source in self._side.settings.sources)

    async def _shown(self, visitor: _Visitor, *, said: str = "", status: int = 200) -> Response:
        report = await read_report(self._side, visitor.caller.principal)
        html = await asyncio.to_thread(admin_page, report, visitor.looking(said=said))
        return HTMLResponse(html, status_code=status, headers=_HEADERS)

    async def _refused(self, visitor: _Visitor, words: str) -> Response:
        return await self._shown(visitor, said=_warning(words), status=422)

    def _login(self, *, was_refused: bool) -> Response:
        html = login_page(was_refused=was_refused, sign_in=self._door.sessions.words)
        return HTMLResponse(html, status_code=401, headers=_HEADERS)


def _done(what: str) -> Response:
    return RedirectResponse(f"/admin?done={what}", status_code=303)


def _warning(words: str) -> str:
    return f'<p class="warning" role="alert">{escape(words)}</p>'


async def _read(request: Request) -> Form:
    """The fields of a form; of one with too many, none."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return parse_qs(text, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}


def _one(form: Form, name: str) -> str:
    # NUL is no character for PostgreSQL.
    return form.get(name, [""])[0].strip().replace("\0", "")


def _origins(origin: str) -> tuple[str, ...]:
    """Raises ValueError."""
    if not origin:
        return ()
    try:
        return SiteTable(id="key", origins=(origin.rstrip("/"),)).origins
    except ValidationError:
        raise ValueError("Write the pages' origin as https://HOST, without a path.") from None
