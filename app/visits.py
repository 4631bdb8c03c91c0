"""Visitors of other sites' pages: a site's name and its page's origin get a short-lived token, and nothing else.

A site that says who its visitor is, by a token it signed, gets one that stands for that person."""

import base64
import binascii
import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.settings import SiteTable
from kb.errors import AccessDenied

TOKEN_SECONDS = 3600
PREFIX = "fv_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody on a page of a site. `visitor` is random: it tells visits apart and names nobody.

    `email`, `groups`: who it is, where the site has said so.
    """

    site: str
    origin: str
    visitor: str
    ends_at: int
    email: str | None = None
    groups: tuple[str, ...] = ()


class VisitBook:
    """Issues visitors' tokens and reads them. They are signed with a secret that ends with this process: whoever
    holds an older one is given another."""

    def __init__(self, sites: Iterable[SiteTable], *, clock: Callable[[], float] = time.time) -> None:
        self._origins = {site.id: frozenset(site.origins) for site in sites}
        self._secret = secrets.token_bytes(32)
        self._clock = clock

    def issue(
        self,
        site: str,
        origin: str | None,
        *,
        email: str | None = None,
        groups: Iterable[str] = (),
        ends_at: float = math.inf,
    ) -> tuple[str, int]:
        """A token for a visitor, and for how many seconds. Raises AccessDenied: no such site, or the page's origin is
        not on its list.

        An origin proves nothing (whoever is no browser writes what it likes): it keeps other people's pages from using
        this server. So visitors see only what everyone may read, unless an issuer's token has named them: `email` and
        `groups`, until `ends_at` at the latest.
        """
        if origin is None or origin not in self._origins.get(site, frozenset()):
            raise AccessDenied(f"no site {site[:60]!r} may be used from {origin or 'a request without Origin'}")
        now = int(self._clock())
        end = int(min(now + TOKEN_SECONDS, ends_at))
        visit = [site, origin, secrets.token_hex(8), end, email, sorted(groups)]
        body = base64.urlsafe_b64encode(json.dumps(visit).encode())
        return f"{PREFIX}{body.decode()}.{self._sign(body)}", max(0, end - now)

    def read(self, token: str, origin: str | None) -> Visit | None:
        """The visit a token is for; None if it is forged, over, or used from another origin."""
        body, _, signature = token.removeprefix(PREFIX).partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body.encode()).encode()):
            return None
        try:
            site, own_origin, visitor, ends_at, email, groups = json.loads(base64.urlsafe_b64decode(body))
        except (ValueError, binascii.Error):
            return None
        if own_origin != origin or ends_at <= self._clock():
            return None
        return Visit(site=site, origin=own_origin, visitor=visitor, ends_at=ends_at, email=email, groups=tuple(groups))

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()
