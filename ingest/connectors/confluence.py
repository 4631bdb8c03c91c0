"""The Confluence connector: Cloud, Data Center and Server."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from ingest.connectors.confluence_access import AccessRules
from ingest.connectors.confluence_cloud import CloudApi
from ingest.connectors.confluence_connector import ConfluenceConnector
from ingest.connectors.confluence_datacenter import DataCenterApi
from ingest.connectors.confluence_documents import DocumentMaker
from ingest.connectors.confluence_snapshot import Scope
from ingest.connectors.confluence_transport import Timing, Transport
from kb.errors import ConfigError


class Config(BaseModel):
    """Keys of a `[[sources]]` table of kind `confluence`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        description="The address people use, such as https://acme.atlassian.net or https://wiki.acme.test."
    )
    deployment: Literal["cloud", "datacenter"] = Field(
        default="cloud", description="`cloud`, or `datacenter` (Data Center and Server)."
    )
    email: str | None = Field(default=None, description="Cloud: the e-mail address of the token's account.")
    username: str | None = Field(
        default=None, description="Data Center: sign in with this name and a password instead of a personal token."
    )
    token: SecretStr | None = Field(
        default=None, description="API token (Cloud), personal access token or password (Data Center)."
    )
    base_url: str | None = Field(
        default=None,
        description="API address if it is another than `url`: https://api.atlassian.com/ex/confluence/CLOUD-ID "
        "for scoped tokens, or a proxy.",
    )
    spaces: tuple[str, ...] = Field(default=(), description="Keys of the spaces to read; default: all the token sees.")
    pages: tuple[str, ...] = Field(default=(), description="Ids of pages: only they and what is below them is read.")
    labels: tuple[str, ...] = Field(default=(), description="Only pages with one of these labels are read.")
    exclude_labels: tuple[str, ...] = Field(default=(), description="Pages with one of these labels are left out.")
    cql: str = Field(default="", description="Only pages that this CQL query finds are read.")
    blog_posts: bool = Field(default=True, description="Read blog posts too.")
    comments: bool = Field(default=True, description="Read comments too, as sections of their page.")
    attachments: bool = Field(default=True, description="Read text, Markdown, HTML and PDF attachments too.")
    audience: tuple[str, ...] | None = Field(
        default=None,
        description='Who may read it, in words ("everyone", e-mails, "group:NAME"), instead of the permissions of its '
        "spaces. Page restrictions narrow it where the token can read them.",
    )
    users: dict[str, str] = Field(
        default_factory=dict,
        description="Account id (Cloud) or user name (Data Center) to e-mail, for accounts whose address is hidden.",
    )
    email_domain: str = Field(
        default="",
        description="Data Center: user names are what stands before the @ of addresses at this domain, so that no "
        "profile has to be asked for.",
    )
    licensed_users: tuple[str, ...] = Field(
        default=(), description='Cloud: who "all licensed users" are, in audience words, such as ["group:staff"].'
    )
    max_bytes: int = Field(default=20_000_000, ge=1, description="Larger attachments are skipped.")
    requests_per_second: float | None = Field(default=None, gt=0, description="Upper bound for requests.")

    @field_validator("url", "base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("write it as https://HOST/PATH")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("write the address alone, without user name, query or fragment")
        return value.rstrip("/")

    @field_validator("audience")
    @classmethod
    def _audience_is_said(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not value:
            raise ValueError('an empty audience admits nobody: name somebody, such as ["everyone"], or leave it out')
        return value


def build(config: Config, *, tenant: str, source_id: str, timing: Timing | None = None) -> ConfluenceConnector:
    """The connector of one site. Nothing is read yet. Raises ConfigError."""
    timing = timing or Timing()
    is_cloud = config.deployment == "cloud"
    transport = Transport(
        _with_context(config.base_url or config.url, is_cloud=is_cloud),
        is_cloud=is_cloud,
        username=_account(config, source_id),
        token=_token(config, source_id),
        timing=timing,
        requests_per_second=config.requests_per_second,
    )
    site = _with_context(config.url, is_cloud=is_cloud)
    api = CloudApi(transport, site=site) if is_cloud else DataCenterApi(transport, site=site)
    return ConfluenceConnector(
        api,
        transport,
        scope=Scope(
            spaces=config.spaces,
            pages=config.pages,
            labels=config.labels,
            exclude_labels=config.exclude_labels,
            cql=config.cql,
            has_blog_posts=config.blog_posts,
            has_files=config.attachments,
            has_comments=config.comments,
        ),
        rules=AccessRules(
            source_id=source_id,
            audience=config.audience,
            licensed_users=config.licensed_users,
            emails=config.users,
            email_domain=config.email_domain.removeprefix("@"),
        ),
        maker=DocumentMaker(
            api,
            tenant=tenant,
            source_id=source_id,
            deployment=config.deployment,
            max_bytes=config.max_bytes,
        ),
        timing=timing,
    )


def _token(config: Config, source_id: str) -> str:
    if config.token is None or not config.token.get_secret_value().strip():
        name = source_id.upper().replace("-", "_")
        raise ConfigError(f"[[sources]] {source_id}: no token; set FOOTNOTE_{name}_TOKEN or FOOTNOTE_{name}_TOKEN_FILE")
    return config.token.get_secret_value().strip()


def _account(config: Config, source_id: str) -> str | None:
    if config.deployment == "datacenter":
        return config.username
    if not config.email:
        raise ConfigError(f"[[sources]] {source_id}: set `email`, the address of the account that made the token")
    return config.email


def _with_context(address: str, *, is_cloud: bool) -> str:
    """Everything of a Cloud site is below /wiki, whether or not its address was written with it."""
    return f"{address.removesuffix('/wiki')}/wiki" if is_cloud else address
