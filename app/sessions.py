"""Browsers of people who are signed in: a random cookie each, known by its digest, that other sites cannot use."""

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from app.auth import Caller
from app.identity import Identity
from app.settings import Settings
from kb.catalogue import Catalogue
from kb.catalogue.records import StoredSession

_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")


class SessionBook:
    """The sessions of one tenant's people. Without `[login]` there are none."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._is_https = settings.server.public_url.startswith("https://")
        # Over https a browser takes such a cookie from this very host alone, and sends it nowhere else.
        self._name = "__Host-footnote" if self._is_https else "footnote_session"

    @property
    def is_on(self) -> bool:
        """Can people sign in here?"""
        return self._settings.login.is_on

    @property
    def words(self) -> str:
        """What the way in is called; empty if there is none."""
        name = self._settings.login.name
        return "" if not self.is_on else f"Sign in with {name}" if name else "Sign in"

    def may_sign_in(self, email: str) -> bool:
        """Is the address of an allowed domain?"""
        domains = self._settings.login.email_domains
        return "*" in domains or email.rpartition("@")[2] in domains

    async def begin(self, identity: Identity, response: Response) -> None:
        """Sign somebody in: a new cookie, whatever the browser had before."""
        cookie, now = secrets.token_urlsafe(32), datetime.now(UTC)
        seconds = self._settings.login.session_seconds
        session = StoredSession(
            cookie_sha256=_digest(cookie),
            email=identity.email,
            groups=tuple(sorted(identity.groups)),
            began_at=now,
            ends_at=now + timedelta(seconds=seconds),
        )
        await self._catalogue.sessions.add(self._settings.tenant, session)
        self.set_cookie(response, self._name, cookie, seconds=seconds)

    async def end(self, request: Request, response: Response) -> None:
        """Sign the browser out, here and for whoever may have its cookie too."""
        if (cookie := self.cookie_of(request)) is not None:
            await self._catalogue.sessions.end(self._settings.tenant, _digest(cookie))
        self.drop_cookie(response, self._name)

    async def caller(self, request: Request) -> Caller | None:
        """Who is signed in; None if nobody is, or is allowed to be any more."""
        cookie = self.cookie_of(request) if self.is_on else None
        if cookie is None:
            return None
        session = await self._catalogue.sessions.get(self._settings.tenant, _digest(cookie))
        if session is None or not self.may_sign_in(session.email):
            return None
        principal = await self._catalogue.access.principal(self._settings.tenant, session.email, groups=session.groups)
        scopes = {"ask", "search"} | ({"admin"} if self._is_admin(session) else set())
        return Caller(principal=principal, scopes=frozenset(scopes), name=f"user:{session.email}")

    def set_cookie(self, response: Response, name: str, value: str, *, seconds: int) -> None:
        """A cookie that no script reads and no other site's request carries, but for a link that is followed to us."""
        response.set_cookie(
            name, value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=self._is_https
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        """Have the browser forget it."""
        response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=self._is_https)

    def cookie_of(self, request: Request) -> str | None:
        """The cookie that a browser brings, whether it opens anything or not."""
        cookie = request.cookies.get(self._name, "")
        return cookie if _COOKIE.fullmatch(cookie) else None

    def _is_admin(self, session: StoredSession) -> bool:
        """By the settings of now and the groups of then."""
        login = self._settings.login
        groups = {group.lower() for group in login.admin_groups}
        return session.email in {email.lower() for email in login.admin_emails} or bool(groups & set(session.groups))


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
