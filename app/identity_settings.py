"""The `[[issuers]]` tables and the `[login]` table: whose word is taken for who somebody is."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from kb.settings import SettingsTable, read_secret

# RFC 7518 §3.2: a key for HS256 has at least as many bits as its hash.
_LEAST_SECRET_BYTES = 32
_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Algorithm = Literal["RS256", "ES256", "HS256"]


class IssuerTable(SettingsTable):
    """A host that says, by signed tokens (JWT), who its people are."""

    id: str = Field(description="Short name, unique: lower-case letters, digits and dashes.")
    issuer: str = Field(min_length=1, max_length=500, description="What the tokens' `iss` must be, to the letter.")
    audience: str = Field(min_length=1, max_length=500, description="What the tokens' `aud` must be, or hold.")
    algorithm: Algorithm = Field(
        description="`RS256`, `ES256` or `HS256`: the only one taken, whatever a token says of itself."
    )
    jwks_url: str = Field(default="", description="Where the public keys are (RS256, ES256); https, or loopback.")
    jwks_file: Path | None = Field(default=None, description="A file with the public keys, in place of `jwks_url`.")
    secret: SecretStr | None = Field(
        default=None,
        description="For HS256, at least 32 bytes; set by FOOTNOTE_ISSUER_<ID>_SECRET or …_SECRET_FILE.",
    )
    email_claim: str = Field(default="email", min_length=1, description="The claim that names the person.")
    groups_claim: str = Field(
        default="", description="The claim with the person's groups, a list of names; default: tokens name no groups."
    )
    needs_not_before: bool = Field(default=True, description="Refuse tokens without `nbf`; some providers write none.")
    longest_seconds: int = Field(default=86_400, ge=60, description="Refuse tokens that are good for longer than this.")
    leeway_seconds: int = Field(default=30, ge=0, le=300, description="How far the two clocks may be apart.")
    keys_seconds: int = Field(
        default=600, ge=10, le=86_400, description="Public keys are fetched again after so long; used for six times it."
    )

    is_authorization_server: bool = Field(
        default=False,
        description="Does `issuer` give assistants (MCP) their tokens, by OAuth 2.1? Then they are told so (RFC 9728).",
    )

    @field_validator("id")
    @classmethod
    def _id_is_short_and_plain(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError("use up to 40 lower-case letters, digits and dashes, starting with a letter")
        return value

    @field_validator("jwks_url")
    @classmethod
    def _keys_come_over_https(cls, value: str) -> str:
        return _safe_address(value) if value else value

    @model_validator(mode="before")
    @classmethod
    def _secret_comes_from_the_environment(cls, values: object) -> object:
        if not isinstance(values, dict) or not isinstance(values.get("id"), str):
            return values
        found = read_secret(_secret_name(values["id"]))
        return values | {"secret": found} if found else values

    @model_validator(mode="after")
    def _authorization_server_has_an_address(self) -> "IssuerTable":
        if self.is_authorization_server and (self.algorithm == "HS256" or not is_safe_address(self.issuer)):
            raise ValueError("is_authorization_server needs an issuer of the form https://HOST, and public keys")
        return self

    @model_validator(mode="after")
    def _keys_fit_the_algorithm(self) -> "IssuerTable":
        has_keys = [bool(self.jwks_url), self.jwks_file is not None]
        if self.algorithm != "HS256":
            if self.secret is not None or sum(has_keys) != 1:
                raise ValueError(f"{self.algorithm} needs jwks_url or jwks_file, and no secret")
        elif any(has_keys) or self.secret is None:
            raise ValueError(f"HS256 needs a secret ({_secret_name(self.id)}), and neither jwks_url nor jwks_file")
        elif len(self.secret.get_secret_value().encode()) < _LEAST_SECRET_BYTES:
            raise ValueError(f"the secret is too short: HS256 needs at least {_LEAST_SECRET_BYTES} bytes")
        return self


class LoginTable(SettingsTable):
    """Signing in through an OpenID Connect provider, for the chat page and the administration."""

    issuer: str = Field(
        default="", description="The provider's address, such as `https://accounts.google.com`; empty: no signing in."
    )
    client_id: str = Field(default="", max_length=500, description="As the provider calls Footnote.")
    client_secret: SecretStr | None = Field(default=None, description="Set by FOOTNOTE_LOGIN__CLIENT_SECRET or …_FILE.")
    name: str = Field(default="", max_length=60, description="What people call the provider: Sign in with NAME.")
    algorithm: Literal["RS256", "ES256"] = Field(default="RS256", description="What the provider signs with.")
    scopes: tuple[str, ...] = Field(default=("openid", "email", "profile"), description="What is asked for.")
    email_domains: tuple[str, ...] = Field(
        default=(), description='Whose people may sign in: domains of addresses, or `["*"]` for all the provider knows.'
    )
    needs_verified_email: bool = Field(
        default=True, description="Only addresses that the provider calls verified (`email_verified`)."
    )
    email_claim: str = Field(default="email", min_length=1, description="The claim that names the person.")
    groups_claim: str = Field(default="", description="The claim with the person's groups, a list of names.")
    admin_groups: tuple[str, ...] = Field(default=(), description="Groups whose members may open `/admin`.")
    admin_emails: tuple[str, ...] = Field(default=(), description="Addresses of those who may open `/admin`.")
    session_seconds: int = Field(default=43_200, ge=300, le=2_592_000, description="After this, sign in again.")

    @property
    def is_on(self) -> bool:
        """Can people sign in?"""
        return bool(self.issuer)

    @field_validator("issuer")
    @classmethod
    def _provider_is_met_over_https(cls, value: str) -> str:
        return _safe_address(value) if value else value

    @field_validator("email_domains")
    @classmethod
    def _domains_are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(domain.strip().lower().removeprefix("@") for domain in domains)
        for domain in plain:
            if domain != "*" and not _DOMAIN.fullmatch(domain):
                raise ValueError(f"{domain[:60]!r} is no domain: write it as example.com")
        return plain

    @model_validator(mode="after")
    def _is_whole(self) -> "LoginTable":
        if not self.is_on:
            return self
        if not self.client_id:
            raise ValueError("client_id is needed, as the provider calls Footnote")
        if not self.email_domains:
            raise ValueError('email_domains is needed: name your own, such as ["example.com"]')
        if "openid" not in self.scopes:
            raise ValueError('scopes must hold "openid"')
        if self.admin_groups and not self.groups_claim:
            raise ValueError("admin_groups needs groups_claim")
        return self


def is_safe_address(address: str) -> bool:
    """Is this an https address, or one of this machine's own?"""
    try:
        parts = urlsplit(address)
        is_web = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        return is_web and bool(parts.hostname) and not parts.username and not parts.fragment
    except ValueError:
        return False


def _safe_address(value: str) -> str:
    if not is_safe_address(value):
        raise ValueError("write it as https://HOST/PATH (http on loopback alone), without a password")
    return value


def _secret_name(issuer_id: str) -> str:
    """The environment variable of an issuer's secret."""
    return f"FOOTNOTE_ISSUER_{issuer_id.upper().replace('-', '_')}_SECRET"
