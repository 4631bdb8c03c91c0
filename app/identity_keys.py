"""Public keys that tokens are signed with: fetched or read, kept for a bounded time, looked for again when rotated."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.identity_settings import Algorithm
from kb.errors import ConfigError, IdentityUnavailable
from kb.http import HttpClients, HttpFailure

logger = logging.getLogger(__name__)
# While the host does not answer, keys are used for so many times as long as they are kept.
MOST_STALE = 6
# A token with an unknown key id makes us look again, but no more often than this: anybody can make such tokens.
LEAST_GAP_SECONDS = 10.0
FETCH_SECONDS = 5.0
_MOST_BYTES = 256 * 1024
_KEY_TYPES = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}
# RFC 7518 §3.3
_LEAST_BITS = {"RS256": 2048, "ES256": 256}

ReadKeys = Callable[[], Awaitable[bytes]]
# A key of the `cryptography` package; only PyJWT looks into it.
Key = Any


def keys_at(url: str, http: HttpClients) -> ReadKeys:
    """Reads a JWKS document from an address: bounded in size and time, without following it elsewhere."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    async def read() -> bytes:
        client = http.open(f"{parts.scheme}://{parts.netloc}", headers={}, timeout_seconds=FETCH_SECONDS)
        body = bytearray()
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                async for piece in client.stream_bytes(path):
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise IdentityUnavailable("the public keys are far too many")
        except (HttpFailure, TimeoutError) as exc:
            raise IdentityUnavailable(f"the public keys cannot be fetched: {exc or 'no answer in time'}") from exc
        finally:
            await client.close()
        return bytes(body)

    return read


def keys_in(file: Path) -> ReadKeys:
    """Reads a JWKS document from a file."""

    async def read() -> bytes:
        try:
            return await asyncio.to_thread(file.read_bytes)
        except OSError as exc:
            raise IdentityUnavailable(f"cannot read {file}: {exc.strerror}") from exc

    return read


class KeySet:
    """The keys of one issuer, for one algorithm."""

    def __init__(
        self, read: ReadKeys, *, algorithm: Algorithm, keep_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises ConfigError if PyJWT is not installed."""
        self._read = read
        self._algorithm = algorithm
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._parse = _parser(algorithm)
        self._keys: Mapping[str | None, Key] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._turn = asyncio.Lock()

    async def find(self, key_id: str | None) -> Key | None:
        """The key of that id; without an id, the only one there is. None if there is none.

        Raises IdentityUnavailable if no keys can be had, or if those we have are too old to go by.
        """
        if self._is_older_than(self._keep_seconds):
            await self._refresh()
        found = self._of(key_id)
        if found is None:
            await self._refresh()
            found = self._of(key_id)
        if self._is_older_than(self._keep_seconds * MOST_STALE):
            raise IdentityUnavailable("the public keys of the issuer cannot be had")
        return found

    def _of(self, key_id: str | None) -> Key | None:
        if key_id is not None:
            return self._keys.get(key_id)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    def _is_older_than(self, seconds: float) -> bool:
        return self._read_at is None or self._clock() - self._read_at > seconds

    async def _refresh(self) -> None:
        """Read the keys again, unless that was tried a moment ago. A failure leaves those we have."""
        before = self._tried_at
        async with self._turn:
            is_just_done = self._tried_at is not None and self._clock() - self._tried_at < LEAST_GAP_SECONDS
            if is_just_done or self._tried_at != before:
                return
            self._tried_at = self._clock()
            try:
                self._keys = self._parse(await self._read())
                self._read_at = self._clock()
            except IdentityUnavailable as exc:
                logger.warning("public keys not read", extra={"reason": str(exc)})


def _parser(algorithm: Algorithm) -> Callable[[bytes], Mapping[str | None, Key]]:
    try:
        from jwt import PyJWK, PyJWTError
    except ImportError as exc:
        raise ConfigError("[[issuers]] and [login] need an extra: pip install 'footnote-kb[identity]'") from exc

    def parse(document: bytes) -> Mapping[str | None, Key]:
        keys: dict[str | None, Key] = {}
        for entry in _entries(document):
            if not _is_for(entry, algorithm):
                continue
            try:
                key = PyJWK.from_dict(entry, algorithm=algorithm).key
            except (PyJWTError, ValueError, TypeError):
                continue  # one that we cannot read is one that we cannot use
            if getattr(key, "key_size", 0) >= _LEAST_BITS[algorithm]:
                keys[entry.get("kid")] = key
        return keys

    return parse


def _entries(document: bytes) -> list[dict[str, Any]]:  # foreign JSON
    try:
        found = json.loads(document)
        entries = found["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IdentityUnavailable("the public keys are not a JWKS document") from None
    if not isinstance(entries, list):
        raise IdentityUnavailable("the public keys are not a JWKS document")
    return [entry for entry in entries if isinstance(entry, dict)]


def _is_for(entry: Mapping[str, Any], algorithm: Algorithm) -> bool:
    """May a key sign such tokens? A key for another use or algorithm may not, and neither may a shared secret."""
    is_named = entry.get("kid") is None or isinstance(entry["kid"], str)
    has_use = entry.get("use") in (None, "sig") and entry.get("alg") in (None, algorithm)
    return is_named and has_use and (entry.get("kty"), entry.get("crv")) == _KEY_TYPES[algorithm]
