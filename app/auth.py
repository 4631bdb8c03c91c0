"""Who a request comes from: the one function that turns credentials into a principal with scopes."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address

from kb.access import Principal
from kb.catalogue import Catalogue
from kb.errors import AccessDenied, ConfigError, ScopeMissing

SCOPES = ("ask", "search", "ingest", "admin", "metrics")
KEY_PREFIX = "fn_"
_KEY = re.compile(r"fn_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made. `text` is shown once; only its secret's SHA-256 is stored (256 random bits need no more)."""

    key_id: str
    secret_sha256: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls and what they may do."""

    principal: Principal
    scopes: frozenset[str]
    # Whose conversations these are: a person, a key that is nobody's, a visitor, or anyone on this machine.
    name: str = "anyone"
    # The site whose visitor this is.
    site: str | None = None

    @property
    def channel(self) -> str:
        """Where the caller came in, for the record."""
        return "rest" if self.site is None else "widget"

    @property
    def is_anyone(self) -> bool:
        """Came in without credentials, from this machine."""
        return self.name == "anyone"

    def must_have(self, *scopes: str) -> None:
        """Raises ScopeMissing without any of these."""
        if not self.scopes & set(scopes):
            raise ScopeMissing(f"this needs the scope {scopes[0]!r}: use a key that was made with it")


def new_key() -> NewKey:
    """A random key."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return NewKey(key_id=key_id, secret_sha256=_digest(secret), text=f"fn_{key_id}_{secret}")


async def resolve_caller(
    authorization: str | None, catalogue: Catalogue, *, tenant: str, is_open: bool, origin: str | None = None
) -> Caller:
    """The caller named by an `Authorization: Bearer` header. Raises AccessDenied, in the same words for every cause.

    `origin`: of another site's page that calls; only keys that were made for it may come from there.

    `is_open`: the server answers on loopback and had no keys when it began, so that a request without credentials
    is anyone's. The first key that is made ends that at once.
    """
    if authorization is None and is_open and not await catalogue.keys.list(tenant):
        anyone = Principal(tenant=tenant, email=None)
        return Caller(principal=anyone, scopes=frozenset({"ask", "search"}))
    refused = AccessDenied("a valid API key is needed: send it as Authorization: Bearer fn_…")
    kind, _, text = (authorization or "").partition(" ")
    found = _KEY.fullmatch(text.strip()) if kind.lower() == "bearer" else None
    if found is None:
        raise refused
    key = await catalogue.keys.get(tenant, found[1])
    # Compared even when there is no such key, so that the time taken does not tell.
    is_same = hmac.compare_digest(key.secret_sha256 if key else _digest(""), _digest(found[2]))
    if key is None or not is_same or key.revoked_at is not None:
        raise refused
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        raise refused
    if origin is not None and origin not in key.origins:
        raise refused
    principal = await catalogue.access.principal(tenant, key.email)
    return Caller(
        principal=principal,
        scopes=frozenset(key.scopes),
        name=f"user:{key.email.lower()}" if key.email else f"key:{key.key_id}",
    )


async def must_be_safe_to_bind(host: str, catalogue: Catalogue, *, tenant: str, knows_people: bool = False) -> bool:
    """Is the server open to callers without a key? Raises ConfigError for another host than loopback without keys.

    `knows_people`: there are other ways to say who one is, and nobody comes in without. Once a key was made the server
    stays closed, even if all are revoked: replacing the last key must open no door.
    """
    keys = await catalogue.keys.list(tenant)
    now = datetime.now(UTC)
    has_usable = any(key.revoked_at is None and (key.expires_at is None or key.expires_at > now) for key in keys)
    if not is_loopback(host) and not has_usable and not knows_people:
        raise ConfigError(
            f"[server] host {host!r} can be reached from other machines, and no valid API key exists: "
            "create one with `footnote keys create NAME`, or bind 127.0.0.1"
        )
    return not keys and not knows_people


def is_loopback(host: str) -> bool:
    """Is this a name or address that only this machine can reach?"""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
