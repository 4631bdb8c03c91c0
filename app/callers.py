"""The door: who a request comes from, whichever credentials it carries, and how much that caller may ask."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.auth import KEY_PREFIX, Caller, resolve_caller
from app.identity import Identity, TokenBook, looks_signed
from app.limits import Limiter
from app.sessions import SessionBook
from app.settings import Settings
from app.visits import PREFIX, VisitBook
from kb.catalogue import Catalogue
from kb.errors import AccessDenied
from kb.http import HttpClients

# Beside a key: a token that says for whom its owner asks.
USER_HEADER = "X-Footnote-User"
# What somebody may do who is named by a token.
_PERSONS_SCOPES = frozenset({"ask", "search"})


class Door:
    """Turns a request into a caller: a FastAPI dependency. `is_open`: requests without credentials are anyone's."""

    def __init__(self, catalogue: Catalogue, settings: Settings, *, is_open: bool) -> None:
        """Raises ConfigError if the settings name issuers of tokens, and what reads tokens is not installed."""
        self._catalogue = catalogue
        self._settings = settings
        self._is_open = is_open
        self._limiter = Limiter()
        self._tokens = TokenBook(settings.issuers, http=HttpClients())
        self.sessions = SessionBook(catalogue, settings)
        self.visits = VisitBook(settings.sites)

    async def is_closed_now(self) -> bool:
        """Does every request need credentials? Once a key was made, also on a server that began without."""
        return not self._is_open or bool(await self._catalogue.keys.list(self._settings.tenant))

    async def __call__(self, request: Request) -> Caller:
        """Raises AccessDenied, in the same words for every cause; IdentityUnavailable if tokens cannot be checked."""
        if (who := await self.signed_in(request)) is not None:
            return who
        authorization, origin = request.headers.get("authorization"), foreign_origin(request.headers)
        return await self.admit(authorization, origin=origin, user_token=request.headers.get(USER_HEADER))

    async def signed_in(self, request: Request) -> Caller | None:
        """Who is signed in in this browser, if the request brings nothing else; None if nobody is.

        A cookie comes along by itself: it counts only where no page of another site can have sent it.
        """
        if "authorization" in request.headers or foreign_origin(request.headers) is not None:
            return None
        return await self.sessions.caller(request)

    async def admit_placeholder(self, request: Request) -> Caller:
        """The same for programs that cannot do without a key: where no key is needed, any word will do for one."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if self._is_open and not token.startswith((KEY_PREFIX, PREFIX)):
            return await self.admit(None, origin=foreign_origin(request.headers))
        return await self(request)

    async def admit(self, authorization: str | None, *, origin: str | None, user_token: str | None = None) -> Caller:
        """The caller. `origin`: of the other site's page that calls; None if none does. `user_token`: names the person
        for whom the key's owner asks. Raises AccessDenied, IdentityUnavailable."""
        kind, _, token = (authorization or "").partition(" ")
        token = token.strip() if kind.lower() == "bearer" else ""
        if token.startswith(PREFIX):
            return await self._visitor(token, origin)
        if looks_signed(token):
            return await self._person(token, origin)
        caller = await resolve_caller(
            authorization, self._catalogue, tenant=self._settings.tenant, is_open=self._is_open, origin=origin
        )
        return caller if user_token is None else await self._on_behalf(caller, user_token)

    async def begin_visit(self, site: str, origin: str | None, *, user_token: str | None) -> tuple[str, int]:
        """A visitor's token, and for how many seconds. `user_token`: the site's word for who it is.

        Raises AccessDenied, IdentityUnavailable.
        """
        if user_token is None:
            return self.visits.issue(site, origin)
        self.visits.issue(site, origin)  # refused before a token is looked at
        who = await self._tokens.read(user_token)
        return self.visits.issue(site, origin, email=who.email, groups=who.groups, ends_at=who.ends_at)

    def take(self, caller: Caller) -> Mapping[str, str]:
        """Count one question of the caller's: the headers that tell what is left. Raises TooManyRequests."""
        limits = self._settings.limits
        if caller.is_anyone:
            return {}  # this machine's own people
        if caller.site is None:
            return self._limiter.take(caller.name, per_minute=limits.questions_per_minute).headers
        # A visitor can always come in anew: the site as a whole has its limit too.
        self._limiter.take(f"site:{caller.site}", per_minute=limits.site_questions_per_minute)
        visitor = f"site:{caller.site}:{caller.name}"
        return self._limiter.take(visitor, per_minute=limits.visitor_questions_per_minute).headers

    async def shares_with(self, origin: str) -> bool:
        """May pages of this origin read our answers at all? Whether one does is then a matter of credentials."""
        if any(origin in site.origins for site in self._settings.sites):
            return True
        return any(origin in key.origins for key in await self._catalogue.keys.list(self._settings.tenant))

    async def _visitor(self, token: str, origin: str | None) -> Caller:
        visit = self.visits.read(token, origin)
        if visit is None:
            raise AccessDenied("this visit is over: begin another one")
        tenant = self._settings.tenant
        principal = await self._catalogue.access.principal(tenant, visit.email, groups=visit.groups)
        name = f"user:{visit.email}" if visit.email else f"visitor:{visit.visitor}"
        return Caller(principal=principal, scopes=frozenset({"ask"}), name=name, site=visit.site)

    async def _person(self, token: str, origin: str | None) -> Caller:
        """Whom a token names. Other sites' pages may bring one only if they are a configured site's."""
        if origin is not None and not any(origin in site.origins for site in self._settings.sites):
            raise AccessDenied("tokens are not taken from pages of this origin")
        return await self._named(await self._tokens.read(token), scopes=_PERSONS_SCOPES)

    async def _on_behalf(self, caller: Caller, user_token: str) -> Caller:
        """The person a key's owner asks for: the person's rights to read, and no more than the key may do."""
        return await self._named(await self._tokens.read(user_token), scopes=caller.scopes & _PERSONS_SCOPES)

    async def _named(self, who: Identity, *, scopes: frozenset[str]) -> Caller:
        principal = await self._catalogue.access.principal(self._settings.tenant, who.email, groups=who.groups)
        return Caller(principal=principal, scopes=scopes, name=f"user:{who.email}")


def to_login(request: Request) -> Response:
    """Sends a browser to sign in, and back to where it was."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{urlencode({'to': here})}", status_code=303, headers={"Cache-Control": "no-store"})


def is_opened_by_a_person(request: Request) -> bool:
    """Is this a page that somebody looks at in a browser, without credentials of another kind?"""
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and wants_page and "authorization" not in request.headers


def foreign_origin(headers: Headers) -> str | None:
    """The origin of another site's page that sent this; None for our own page, and for what is no page."""
    origin = headers.get("origin")
    if origin is None:
        return None
    try:
        is_own = urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        is_own = False
    return None if is_own else origin
