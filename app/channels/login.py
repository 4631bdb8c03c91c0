"""Signing in and out in a browser: `/login`, `/login/callback`, `/logout`. Off without `[login]`."""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from html import escape
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.callers import Door, foreign_origin
from app.oidc import Attempt, Provider
from app.pages import page_html
from app.settings import Settings
from kb.errors import AccessDenied, IdentityUnavailable
from kb.http import HttpClients

logger = logging.getLogger(__name__)
# How long somebody may take at the provider.
ATTEMPT_SECONDS = 900
_LONGEST_PATH = 500
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def build_router(settings: Settings, door: Door) -> APIRouter:
    """The three routes, and the page that is left when somebody has signed out."""
    router = APIRouter(include_in_schema=False)
    login = _Login(settings, door)
    router.add_api_route("/login", login.begin, methods=["GET"])
    router.add_api_route("/login/callback", login.finish, methods=["GET"])
    router.add_api_route("/logout", login.end, methods=["POST"])
    router.add_api_route("/logout", login.ended, methods=["GET"])
    return router


class _Login:
    """What a browser is told at each step."""

    def __init__(self, settings: Settings, door: Door) -> None:
        redirect_uri = f"{settings.server.link_base}/login/callback"
        self._provider = Provider(settings.login, redirect_uri=redirect_uri, http=HttpClients())
        self._attempts = _Attempts(settings)
        self._sessions = door.sessions

    async def begin(self, to: str = "/") -> Response:
        """To the provider, with a cookie by which the browser is known when it comes back."""
        try:
            address, attempt = await self._provider.begin(to=own_path(to))
        except IdentityUnavailable as exc:
            return self._unavailable(exc)
        response = RedirectResponse(address, status_code=303)
        self._sessions.set_cookie(
            response, self._attempts.cookie, self._attempts.write(attempt), seconds=ATTEMPT_SECONDS
        )
        return response

    async def finish(self, request: Request) -> Response:
        """Back from the provider: signed in under a new cookie, or told why not."""
        try:
            attempt = self._attempts.take(request.cookies.get(self._attempts.cookie, ""))
            who = await self._provider.finish(attempt, dict(request.query_params))
        except IdentityUnavailable as exc:
            return self._unavailable(exc)
        except AccessDenied:
            return self._told("You are not signed in", "That did not work, or took too long.", status=401)
        if not self._sessions.may_sign_in(who.email):
            logger.warning("somebody of another domain tried to sign in")
            return self._told("You are not signed in", f"{who.email} may not sign in here.", status=403)
        response = RedirectResponse(attempt.to, status_code=303)
        self._sessions.drop_cookie(response, self._attempts.cookie)
        await self._sessions.end(request, response)
        await self._sessions.begin(who, response)
        return response

    async def end(self, request: Request) -> Response:
        """Signed out, if this server's own page asks for it."""
        if foreign_origin(request.headers) is not None:
            raise AccessDenied("only this server's own pages sign people out")
        response = RedirectResponse("/logout", status_code=303)
        await self._sessions.end(request, response)
        return response

    async def ended(self) -> Response:
        """What is left then."""
        return self._told(
            "You are signed out", "Here, that is; with your provider you may still be signed in.", status=200
        )

    def _unavailable(self, error: IdentityUnavailable) -> Response:
        logger.warning("the provider of sign-ins cannot be used", extra={"reason": str(error)})
        words = "Your organisation's sign-in does not answer at the moment. Try again in a minute."
        return self._told("You cannot sign in now", words, status=503)

    def _told(self, title: str, words: str, *, status: int) -> Response:
        way = f'<a class="button" href="/login">{escape(self._sessions.words)}</a>'
        body = f"<main><h1>{escape(title)}</h1><p>{escape(words)}</p>{way}</main>"
        headers = _HEADERS | ({"Retry-After": "60"} if status == 503 else {})
        return HTMLResponse(page_html(title, body, kind="admin login"), status_code=status, headers=headers)


def own_path(to: str) -> str:
    """A path of this server to go back to; `/` for whatever could lead elsewhere."""
    is_plain = to.startswith("/") and to.isascii() and to.isprintable() and len(to) <= _LONGEST_PATH
    if not is_plain or to.startswith("//") or "\\" in to:
        return "/"
    parts = urlsplit(to)
    return to if not parts.netloc and not parts.scheme and not parts.path.startswith("/log") else "/"


class _Attempts:
    """Sign-ins that were begun, each kept by its own browser: signed, for a while, and good for one answer."""

    def __init__(self, settings: Settings) -> None:
        is_https = settings.server.public_url.startswith("https://")
        self.cookie = "__Host-footnote-login" if is_https else "footnote_login"
        secret = settings.login.client_secret
        # From the client's secret, so that several servers, and one that was started again, know their own.
        own = secret.get_secret_value().encode() if secret else secrets.token_bytes(32)
        self._secret = hashlib.sha256(b"footnote login attempts\0" + own).digest()
        self._spent: dict[str, float] = {}

    def write(self, attempt: Attempt) -> str:
        """The cookie's value."""
        words = attempt.as_words() | {"ends_at": int(time.time()) + ATTEMPT_SECONDS}
        body = base64.urlsafe_b64encode(json.dumps(words).encode()).decode()
        return f"{body}.{self._sign(body)}"

    def take(self, cookie: str) -> Attempt:
        """The attempt of a cookie, once. Raises AccessDenied."""
        body, _, signature = cookie.partition(".")
        refused = AccessDenied("no sign-in was begun by this browser")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            raise refused
        words = json.loads(base64.urlsafe_b64decode(body))
        ends_at, now = words.pop("ends_at"), time.time()
        self._spent = {state: end for state, end in self._spent.items() if end > now}
        if ends_at <= now or words["state"] in self._spent:
            raise refused
        self._spent[words["state"]] = ends_at
        return Attempt(**words)

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()
