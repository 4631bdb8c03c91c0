"""The door: who a request comes from, whichever credentials it carries, and how much that caller may ask."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from app.auth import KEY_PREFIX, Caller, resolve_caller
from app.limits import Limiter
from app.settings import Settings
from app.visits import PREFIX, VisitBook
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.errors import AccessDenied


class Door:
    """Turns a request into a caller: a FastAPI dependency. `is_open`: requests without credentials are anyone's."""

    def __init__(self, catalogue: Catalogue, settings: Settings, *, is_open: bool) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._is_open = is_open
        self._limiter = Limiter()
        self.visits = VisitBook(settings.sites)

    async def __call__(self, request: Request) -> Caller:
        """Raises AccessDenied, in the same words for every cause."""
        return await self.admit(request.headers.get("authorization"), origin=foreign_origin(request.headers))

    async def admit_placeholder(self, request: Request) -> Caller:
        """The same for programs that cannot do without a key: where no key is needed, any word will do for one."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if self._is_open and not token.startswith((KEY_PREFIX, PREFIX)):
            return await self.admit(None, origin=foreign_origin(request.headers))
        return await self(request)

    async def admit(self, authorization: str | None, *, origin: str | None) -> Caller:
        """The caller. `origin`: of the other site's page that calls; None if none does. Raises AccessDenied."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() == "bearer" and token.strip().startswith(PREFIX):
            return self._visitor(token.strip(), origin)
        return await resolve_caller(
            authorization, self._catalogue, tenant=self._settings.tenant, is_open=self._is_open, origin=origin
        )

    def take(self, caller: Caller) -> Mapping[str, str]:
        """Count one question of the caller's: the headers that tell what is left. Raises TooManyRequests."""
        limits = self._settings.limits
        if caller.is_anyone:
            return {}  # this machine's own people
        if caller.site is None:
            return self._limiter.take(caller.name, per_minute=limits.questions_per_minute).headers
        # A visitor can always come in anew: the site as a whole has its limit too.
        self._limiter.take(f"site:{caller.site}", per_minute=limits.site_questions_per_minute)
        return self._limiter.take(caller.name, per_minute=limits.visitor_questions_per_minute).headers

    async def shares_with(self, origin: str) -> bool:
        """May pages of this origin read our answers at all? Whether one does is then a matter of credentials."""
        if any(origin in site.origins for site in self._settings.sites):
            return True
        return any(origin in key.origins for key in await self._catalogue.keys.list(self._settings.tenant))

    def _visitor(self, token: str, origin: str | None) -> Caller:
        visit = self.visits.read(token, origin)
        if visit is None:
            raise AccessDenied("this visit is over: begin another one")
        principal = Principal(tenant=self._settings.tenant, email=None)
        return Caller(principal=principal, scopes=frozenset({"ask"}), name=f"visitor:{visit.visitor}", site=visit.site)


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
