"""The Notion connector: every page, row and database that is shared with one internal connection."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from ingest.changes import Change, Checkpoint
from ingest.connectors.notion_api import NotionApi
from ingest.connectors.notion_calls import NotionRefusal
from ingest.connectors.notion_rate import Timing
from ingest.connectors.notion_reading import Origin
from ingest.connectors.notion_records import Kind, Version
from ingest.connectors.notion_run import NotionRun, Scope
from ingest.connectors.notion_trash import TrashCheck
from ingest.parsing.notion_json import text_at
from kb.access import Audience
from kb.errors import SourceAuthError, SourceUnavailable

API_ADDRESS = "https://api.notion.com"


class Config(BaseModel):
    """Keys of a `[[sources]]` table of kind `notion`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="The internal connection's secret: set FOOTNOTE_<ID>_TOKEN or FOOTNOTE_<ID>_TOKEN_FILE.",
    )
    audience: tuple[str, ...] | None = Field(
        default=None,
        validate_default=True,
        description='Who may read what is shared with the connection: "everyone", e-mails, or "group:NAME".',
    )
    roots: tuple[str, ...] = Field(
        default=(),
        description="Links or ids of pages and databases to read even if Notion's search does not list them.",
    )
    transcripts: bool = Field(default=False, description="Also read the transcripts of meeting notes.")
    reread_days: float = Field(
        default=7, gt=0, description="Every page is read again this often: some edits do not change its time."
    )
    requests_per_second: float = Field(default=2.5, gt=0, le=1000, description="Pace of all sources with this token.")
    timeout_seconds: float = Field(default=60, gt=0, description="How long to wait for one answer.")
    base_url: str = Field(default=API_ADDRESS, pattern=r"^https?://", description="The API's address.")

    @field_validator("token")
    @classmethod
    def _token_is_given(cls, value: SecretStr | None) -> SecretStr:
        secret = value.get_secret_value().strip() if value is not None else ""
        if not secret:
            raise ValueError("set FOOTNOTE_<ID>_TOKEN to the secret of the internal connection (docs/notion.md)")
        return SecretStr(secret)

    @field_validator("audience")
    @classmethod
    def _audience_is_said(cls, value: tuple[str, ...] | None) -> tuple[str, ...]:
        if not value:
            raise ValueError(
                "Notion's API does not say who may read a page, so the source has to: "
                'set audience = ["everyone"], e-mails or "group:NAME"'
            )
        return value


def build(config: Config, *, tenant: str, source_id: str) -> "NotionConnector":
    """The connector of one workspace, as far as it is shared with the connection. Nothing is read yet."""
    return NotionConnector(config, tenant=tenant, source_id=source_id)


class NotionConnector:
    """Reads a workspace. A page's version is its time and place and when it was read, so most stay unread."""

    def __init__(self, config: Config, *, tenant: str, source_id: str, timing: Timing | None = None) -> None:
        self._origin = Origin(tenant=tenant, source_id=source_id, audience=Audience.of(config.audience or ()))
        self._scope = Scope(
            roots=config.roots, with_transcripts=config.transcripts, reread_seconds=config.reread_days * 86_400
        )
        self._api = NotionApi(
            token=config.token.get_secret_value() if config.token else "",
            token_name=f"FOOTNOTE_{source_id.upper().replace('-', '_')}_TOKEN",
            base_url=config.base_url,
            requests_per_second=config.requests_per_second,
            timeout_seconds=config.timeout_seconds,
            timing=timing or Timing(),
        )
        self._kinds: dict[str, Kind] = {}

    async def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        """All that is new, changed or gone. Raises SourceError."""
        for native_id, text in known.items():
            if version := Version.parse(text):
                self._kinds[native_id] = version.kind
        run = NotionRun(self._api, origin=self._origin, scope=self._scope, since=since, known=known)
        try:
            async with aclosing(run.changes()) as stream:
                async for change in stream:
                    yield change
        except NotionRefusal as exc:
            # About one page it is dealt with where that page is read; about a list of all there is, nothing goes on.
            raise SourceUnavailable(f"what is shared with the connection cannot be listed: {exc}") from exc

    async def confirm_removed(self, native_id: str) -> str | None:
        """Notion, asked twice for it by id, does not know it, or says that it is in the trash. Raises SourceError."""
        check = TrashCheck(self._api, alive=())
        kinds: tuple[Kind, ...] = (self._kinds[native_id],) if native_id in self._kinds else ("page", "database")
        evidence = None
        for kind in kinds:
            try:
                evidence = await check.evidence(native_id, kind)
            except NotionRefusal:
                # Asked for a database as a page, or the other way round.
                continue
            if evidence is None:
                return None
        return evidence

    async def verify(self) -> str:
        """Whose connection it is, and whether anything is shared with it. Raises SourceErrors."""
        try:
            me = await self._api.me()
            has_pages = await self._api.is_anything_listed()
        except NotionRefusal as exc:
            raise SourceAuthError(f"the connection may not read content: {exc}") from exc
        workspace = text_at(me, "bot", "workspace_name") or "a workspace without a name"
        shared = "pages are shared with it" if has_pages else "search lists no page: share some with the connection"
        return f"signed in to {workspace} as {text_at(me, 'name') or 'a connection without a name'}; {shared}"

    @property
    def request_count(self) -> int:
        """Requests made so far."""
        return self._api.request_count

    async def close(self) -> None:
        """Hang up."""
        await self._api.close()
