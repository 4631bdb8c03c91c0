"""Tokens (JWT) that a configured issuer signed: whom they name, if they are as the configuration says they must be."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.identity_keys import Key, KeySet, keys_at, keys_in
from app.identity_settings import Algorithm, IssuerTable
from kb.errors import AccessDenied, ConfigError, IdentityUnavailable
from kb.http import HttpClients

logger = logging.getLogger(__name__)
LONGEST_TOKEN = 8192
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# ASCII alone: other scripts have letters that become ASCII ones when they are made small, and so another's address.
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}")
_MOST_GROUPS = 500
_LONGEST_GROUP = 200
# Claims, as JSON has them: nothing is known of them before they are checked.
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is, by the word of an issuer, and until when (seconds since 1970)."""

    email: str
    groups: frozenset[str]
    ends_at: float


class FindsKeys(Protocol):
    """Where keys come from: see KeySet."""

    async def find(self, key_id: str | None) -> Key | None:
        """The key of that id, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a token must be. `required`: the claims it must have."""

    issuer: str
    audience: str
    algorithm: Algorithm
    required: tuple[str, ...]
    leeway_seconds: float


class TokenBook:
    """Reads the tokens of all configured issuers. Building it raises ConfigError if PyJWT is needed and missing."""

    def __init__(
        self, issuers: Iterable[IssuerTable], *, http: HttpClients, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._issuers = {table.issuer: (table, _keys_of(table, http)) for table in issuers}

    async def read(self, token: str) -> Identity:
        """Whom the token names. Raises AccessDenied, in the same words for every cause; IdentityUnavailable if the
        issuer's keys cannot be had."""
        if not self._issuers or not looks_signed(token):
            raise denied("it has not the form of a token, or there are no issuers")
        found = self._issuers.get(_issuer_of(token))
        if found is None:
            raise denied("no configured issuer has this iss")
        table, keys = found
        claims = await read_token(token, keys, _rules(table))
        identity = identity_in(claims, email_claim=table.email_claim, groups_claim=table.groups_claim)
        if identity.ends_at - self._clock() > table.longest_seconds + table.leeway_seconds:
            raise denied("it is good for longer than longest_seconds")
        return identity


async def check_issuer(table: IssuerTable, *, http: HttpClients) -> None:
    """Raises IdentityUnavailable, which names the issuer, if its keys cannot be had; ConfigError without the extra."""
    try:
        await _keys_of(table, http).find(None)
    except IdentityUnavailable as exc:
        raise IdentityUnavailable(f"{table.id}: {exc}; look at jwks_url, or jwks_file") from exc


def looks_signed(token: str) -> bool:
    """Has a text the form of a signed token of bearable length?"""
    return len(token) <= LONGEST_TOKEN and _TOKEN.fullmatch(token) is not None


def denied(cause: str) -> AccessDenied:
    """What is said of every token that is not taken, whatever the cause. That is for the log: fixed words, none of the
    token's own."""
    logger.info("a token is not taken", extra={"cause": cause})
    return AccessDenied("this token is not taken: sign in again for another one")


async def read_token(token: str, keys: FindsKeys, rules: Rules) -> Claims:
    """The claims of a token whose signature, issuer, audience and times are as they must be. Raises AccessDenied;
    IdentityUnavailable if the keys cannot be had.

    The algorithm is the configuration's. What the token says is compared with it and never believed, so that no public
    key is taken for a shared secret (RFC 8725 §3.1).
    """
    import jwt

    header = _header_of(token)
    key_id = header.get("kid")
    if header.get("alg") != rules.algorithm or not (key_id is None or isinstance(key_id, str)):
        raise denied("its algorithm is not the configured one")
    key = await keys.find(key_id)
    if key is None:
        raise denied("no public key has its kid")
    try:
        claims: Claims = jwt.decode(
            token,
            key,
            algorithms=[rules.algorithm],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=rules.leeway_seconds,
            options={"require": list(rules.required)},
        )
    except jwt.MissingRequiredClaimError as exc:
        raise denied(f"it has no {exc.claim}") from None
    except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as exc:
        raise denied(type(exc).__name__) from None
    return claims


def identity_in(claims: Claims, *, email_claim: str, groups_claim: str, needs_verified: bool = False) -> Identity:
    """Whom the claims name. An address that the issuer calls unverified names nobody. Raises AccessDenied."""
    email = claims.get(email_claim)
    is_verified = claims.get("email_verified")
    if not isinstance(email, str) or not _EMAIL.fullmatch(email):
        raise denied("its e-mail claim holds no plain address")
    # Some providers write the word as a string.
    if is_verified in (False, "false") or (needs_verified and is_verified not in (True, "true")):
        raise denied("its address is not called verified")
    named = claims.get(groups_claim, []) if groups_claim else []
    return Identity(email=email.lower(), groups=_groups(named), ends_at=float(claims["exp"]))


def _groups(named: object) -> frozenset[str]:
    """The names of groups; anything else that a claim may hold is none.

    A name with a slash is none either: such are a source's own (`wiki/g/…`), and not an issuer's to give.
    """
    if not isinstance(named, list):
        return frozenset()
    plain = (name for name in named[:_MOST_GROUPS] if isinstance(name, str) and 0 < len(name) <= _LONGEST_GROUP)
    return frozenset(name.lower() for name in plain if "/" not in name)


class _Secret:
    """The shared secret of HS256, which has no id."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    async def find(self, key_id: str | None) -> Key:
        """The secret."""
        return self._secret


def _keys_of(table: IssuerTable, http: HttpClients) -> FindsKeys:
    if table.secret is not None:
        _must_be_installed()
        return _Secret(table.secret.get_secret_value())
    read = keys_in(table.jwks_file) if table.jwks_file is not None else keys_at(table.jwks_url, http)
    return KeySet(read, algorithm=table.algorithm, keep_seconds=table.keys_seconds)


def _rules(table: IssuerTable) -> Rules:
    return Rules(
        issuer=table.issuer,
        audience=table.audience,
        algorithm=table.algorithm,
        required=("iss", "aud", "exp", *(("nbf",) if table.needs_not_before else ())),
        leeway_seconds=table.leeway_seconds,
    )


def _must_be_installed() -> None:
    try:
        import jwt  # noqa: F401  # looked for at the start, and not at the first token
    except ImportError as exc:
        raise ConfigError("[[issuers]] needs an extra: pip install 'footnote-kb[identity]'") from exc


def _header_of(token: str) -> Claims:
    import jwt

    try:
        header: Claims = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise denied("it cannot be read") from None
    return header


def _issuer_of(token: str) -> str:
    """Which configuration to hold the token against: said by itself, and checked with the rest."""
    import jwt

    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise denied("it cannot be read") from None
    return issuer if isinstance(issuer, str) else ""
