"""Signing in through an OpenID Connect provider: the authorization code flow with PKCE, state and nonce, by Authlib.

OpenID Connect Core 1.0 §3.1, RFC 7636 (PKCE), RFC 9207 (the issuer in the answer), RFC 9700 (best current practice).
"""

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from app.identity import Claims, Identity, Rules, denied, identity_in, looks_signed, read_token
from app.identity_keys import KeySet, keys_at
from app.identity_settings import LoginTable, is_safe_address
from kb.errors import IdentityUnavailable
from kb.http import HttpClients, HttpFailure

logger = logging.getLogger(__name__)
# Providers change their addresses and keys now and then, and say so here.
METADATA_SECONDS = 3600.0
# After a failure it is left alone for so long, however many people want to sign in.
REST_SECONDS = 5.0
CALL_SECONDS = 10.0
_LEEWAY_SECONDS = 60.0
_KEEP_KEYS_SECONDS = 600.0
_ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A sign-in that was begun: what only the browser that began it can bring back. `to`: where it leads."""

    state: str
    nonce: str
    verifier: str
    to: str

    def as_words(self) -> dict[str, str]:
        """For a cookie."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    """Where the provider is asked what, and how we say who we are."""

    authorization: str
    token: str
    authentication: str
    keys: KeySet


class Provider:
    """One provider, for one registered client."""

    def __init__(
        self,
        table: LoginTable,
        *,
        redirect_uri: str,
        http: HttpClients,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._redirect_uri = redirect_uri
        self._http = http
        self._clock = clock
        self._found: tuple[float, _Endpoints] | None = None
        self._failed_at: float | None = None
        self._turn = asyncio.Lock()

    async def begin(self, *, to: str) -> tuple[str, Attempt]:
        """The provider's address to send the browser to, and the attempt. Raises IdentityUnavailable."""
        endpoints = await self._endpoints()
        attempt = Attempt(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48), to=to
        )
        async with self._client(endpoints) as client:
            address, _ = client.create_authorization_url(
                endpoints.authorization, state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier
            )
        return str(address), attempt

    async def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Identity:
        """Who signed in. `answer`: what the browser brought back from the provider.

        Raises AccessDenied, in the same words for every cause; IdentityUnavailable if the provider does not answer.
        """
        is_ours = hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode())
        if not is_ours or answer.get("iss", self._table.issuer) != self._table.issuer or not answer.get("code"):
            raise denied("the answer is not to this attempt, or holds no code")
        endpoints = await self._endpoints()
        token = await self._exchange(endpoints, answer["code"], attempt.verifier)
        claims = await read_token(token, endpoints.keys, self._rules())
        self._must_be_for(claims, attempt)
        return identity_in(
            claims,
            email_claim=self._table.email_claim,
            groups_claim=self._table.groups_claim,
            needs_verified=self._table.needs_verified_email,
        )

    def _rules(self) -> Rules:
        return Rules(
            issuer=self._table.issuer,
            audience=self._table.client_id,
            algorithm=self._table.algorithm,
            required=("iss", "sub", "aud", "exp", "iat"),
            leeway_seconds=_LEEWAY_SECONDS,
        )

    def _must_be_for(self, claims: Claims, attempt: Attempt) -> None:
        """The token must answer this attempt, and be for us alone if it names several."""
        nonce, audience = claims.get("nonce"), claims["aud"]
        party = claims.get("azp", self._table.client_id if isinstance(audience, str) or len(audience) == 1 else None)
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise denied("its nonce is not this attempt's")
        if party != self._table.client_id:
            raise denied("it is for another client")

    async def _exchange(self, endpoints: _Endpoints, code: str, verifier: str) -> str:
        """The ID token for a code."""
        try:
            async with self._client(endpoints) as client, asyncio.timeout(CALL_SECONDS):
                given: Any = await client.fetch_token(
                    endpoints.token, grant_type="authorization_code", code=code, code_verifier=verifier
                )
        except (OAuthError, ValueError) as exc:
            logger.warning("the provider refused a sign-in", extra={"error": getattr(exc, "error", type(exc).__name__)})
            raise denied("the provider refused the code") from None
        except (httpx2.HTTPError, TimeoutError) as exc:
            raise IdentityUnavailable(f"the provider did not answer: {type(exc).__name__}") from exc
        token = given.get("id_token")
        if not isinstance(token, str) or not looks_signed(token):
            raise denied("the provider gave no ID token")
        return token

    def _client(self, endpoints: _Endpoints) -> AsyncOAuth2Client:
        secret = self._table.client_secret
        return AsyncOAuth2Client(
            client_id=self._table.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method=endpoints.authentication,
            scope=" ".join(self._table.scopes),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=CALL_SECONDS,
            follow_redirects=False,
        )

    async def _endpoints(self) -> _Endpoints:
        """The provider's addresses, looked up now and then; the last ones while it does not answer."""
        async with self._turn:
            if self._found is not None and self._clock() - self._found[0] < METADATA_SECONDS:
                return self._found[1]
            if self._found is None and self._failed_at is not None and self._clock() - self._failed_at < REST_SECONDS:
                raise IdentityUnavailable("the provider did not answer a moment ago")
            try:
                fresh = self._read(await self._metadata())
            except IdentityUnavailable:
                self._failed_at = self._clock()
                if self._found is None:
                    raise
                fresh = self._found[1]
            self._found = (self._clock(), fresh)
            return fresh

    async def _metadata(self) -> Mapping[str, Any]:  # foreign JSON
        """OpenID Connect Discovery 1.0 §4."""
        parts = urlsplit(self._table.issuer)
        path = f"{parts.path.rstrip('/')}/.well-known/openid-configuration"
        client = self._http.open(f"{parts.scheme}://{parts.netloc}", headers={}, timeout_seconds=CALL_SECONDS)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                found = await client.get_json(path)
        except (HttpFailure, TimeoutError) as exc:
            raise IdentityUnavailable(f"the provider does not say where it is: {exc or 'no answer'}") from exc
        finally:
            await client.close()
        if not isinstance(found, dict):
            raise IdentityUnavailable("the provider's configuration is not an object")
        return found

    def _read(self, metadata: Mapping[str, Any]) -> _Endpoints:
        # A document that is somebody else's could send people, and our secret, to them.
        if metadata.get("issuer") != self._table.issuer:
            raise IdentityUnavailable("the provider calls itself otherwise than [login] issuer: copy it to the letter")
        for name in _ADDRESSES:
            if not isinstance(metadata.get(name), str) or not is_safe_address(metadata[name]):
                raise IdentityUnavailable(f"the provider's {name} is no https address")
        keys = KeySet(
            keys_at(metadata["jwks_uri"], self._http),
            algorithm=self._table.algorithm,
            keep_seconds=_KEEP_KEYS_SECONDS,
        )
        return _Endpoints(
            authorization=metadata["authorization_endpoint"],
            token=metadata["token_endpoint"],
            authentication=self._authentication(metadata.get("token_endpoint_auth_methods_supported")),
            keys=keys,
        )

    def _authentication(self, supported: object) -> str:
        """How we show the secret; the first is what a provider takes that does not say (Discovery §3)."""
        if self._table.client_secret is None:
            return "none"
        is_posted = isinstance(supported, list) and "client_secret_basic" not in supported
        return "client_secret_post" if is_posted else "client_secret_basic"
