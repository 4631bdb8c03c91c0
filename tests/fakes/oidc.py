"""An OpenID Connect provider behind a real port, as strict as the specifications: what they refuse, it refuses.

OpenID Connect Core 1.0 §3.1, RFC 6749 §4.1, RFC 7636 (PKCE, S256 required), RFC 9207 (`iss` in the answer).
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT = "footnote-client"
# A space and a colon: a client has to encode them before they become HTTP Basic (RFC 6749 §2.3.1).
SECRET = "a secret: of the client"


@cache
def rsa_key(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key, the same one each time it is asked for by its number."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    """The same on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: Any, **more: str) -> dict[str, Any]:
    """The public half of a private key, as a JWKS holds it."""
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), **more}


@dataclass
class Granted:
    """A code that was given out."""

    redirect_uri: str
    nonce: str
    challenge: str
    is_spent: bool = False


@dataclass
class Provider:
    """What the server does next, and what it saw. Signs with key number `key`, which it calls `key-N`."""

    url: str = ""
    redirect_uris: tuple[str, ...] = ()
    claims: dict[str, Any] = field(default_factory=lambda: {"email": "ann@acme.test", "email_verified": True})
    key: int = 0
    shown_keys: list[dict[str, Any]] | None = None
    jwks_status: int = 200
    jwks_body: bytes | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)
    granted: dict[str, Granted] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    @property
    def kid(self) -> str:
        """The id of the key it signs with."""
        return f"key-{self.key}"

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token of these claims."""
        return jwt.encode(dict(claims), rsa_key(self.key), algorithm="RS256", headers={"kid": self.kid})

    def jwks(self) -> bytes:
        """The public keys."""
        keys = [public_jwk(rsa_key(self.key), kid=self.kid, use="sig", alg="RS256")]
        return json.dumps({"keys": keys if self.shown_keys is None else self.shown_keys}).encode()

    def discovery(self) -> dict[str, Any]:
        """Its metadata."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        } | self.metadata

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where the browser is sent: back with a code. Raises ValueError with what is wrong."""
        _must(query.get("client_id") == CLIENT, "client_id")
        _must(query.get("redirect_uri", "") in self.redirect_uris, "redirect_uri")
        _must(query.get("response_type") == "code", "response_type")
        _must("openid" in query.get("scope", "").split(), "scope")
        _must(query.get("code_challenge_method") == "S256", "code_challenge_method")
        _must(len(query.get("code_challenge", "")) == 43, "code_challenge")
        _must(len(query.get("state", "")) >= 20 and len(query.get("nonce", "")) >= 20, "state and nonce")
        code = secrets.token_urlsafe(16)
        self.granted[code] = Granted(query["redirect_uri"], query["nonce"], query["code_challenge"])
        answer = {"code": code, "state": query["state"], "iss": self.url}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: Mapping[str, str], authorization: str) -> dict[str, Any]:
        """The tokens for a code, once. Raises ValueError with what is wrong."""
        kind, _, credentials = authorization.partition(" ")
        _must(kind == "Basic", "client authentication")
        client, _, secret = base64.b64decode(credentials).decode().partition(":")
        _must((unquote_plus(client), unquote_plus(secret)) == (CLIENT, SECRET), "client authentication")
        _must(form.get("grant_type") == "authorization_code", "grant_type")
        granted = self.granted.get(form.get("code", ""))
        if granted is None or granted.is_spent:
            raise ValueError("the code is unknown or was used before")
        granted.is_spent = True
        _must(form.get("redirect_uri") == granted.redirect_uri, "redirect_uri")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        _must(base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == granted.challenge, "code_verifier")
        now = int(time.time())
        plain = {"iss": self.url, "aud": CLIENT, "sub": "ann-1", "iat": now, "exp": now + 300, "nonce": granted.nonce}
        body = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 300}
        return body | {"id_token": self.sign(plain | self.claims | self.wrong)}


def _must(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(what)


@contextmanager
def running_provider(provider: Provider | None = None) -> Iterator[Provider]:
    """The provider on a free port of this machine."""
    running = provider or Provider()
    server = _Server(running)
    running.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: Provider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    """One call, answered as the provider says."""

    protocol_version = "HTTP/1.1"

    @property
    def provider(self) -> Provider:
        """Whose server this is."""
        assert isinstance(self.server, _Server)
        return self.server.provider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        self.provider.seen.append(address.path)
        match address.path:
            case "/.well-known/openid-configuration":
                self.answer(200, json.dumps(self.provider.discovery()).encode())
            case "/jwks":
                self.answer(self.provider.jwks_status, self.provider.jwks_body or self.provider.jwks())
            case "/authorize":
                self.tried(lambda: self.redirect(self.provider.authorize(_plain(address.query))))
            case _:
                self.answer(404, b"{}")

    def do_POST(self) -> None:
        self.provider.seen.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.tried(lambda: self.give(self.provider.token(_plain(body), self.headers.get("Authorization", ""))))

    def tried(self, work: Any) -> None:
        try:
            work()
        except ValueError as exc:
            self.provider.refusals.append(str(exc))
            self.answer(400, json.dumps({"error": "invalid_grant"}).encode())

    def give(self, body: dict[str, Any]) -> None:
        self.answer(200, json.dumps(body).encode())

    def redirect(self, address: str) -> None:
        self.answer(302, b"", Location=address)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _plain(query: str) -> dict[str, str]:
    """Each parameter once: one that is sent twice is an error (RFC 6749 §3.1)."""
    parsed = parse_qs(query, keep_blank_values=True)
    _must(all(len(values) == 1 for values in parsed.values()), "a parameter that is sent twice")
    return {name: values[0] for name, values in parsed.items()}
