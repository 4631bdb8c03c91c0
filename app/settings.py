"""All settings: the knowledge base's and the answering side's, from one footnote.toml and the environment."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator

from app.address import web_address
from app.identity_settings import IssuerTable, LoginTable
from app.slack_settings import SlackTable
from kb.settings import KnowledgeSettings, PluginTable, SettingsTable

NO_RERANKER = "none"
NO_CHECKER = "none"


class ChatModelTable(PluginTable):
    """The LLM that writes answers."""

    kind: str = Field(
        default="llama_cpp",
        description="`llama_cpp` (a GGUF in its own process), `openai` (any compatible server), `scripted` (tests).",
    )


class RerankerTable(PluginTable):
    """What puts the best sections in a better order."""

    kind: str = Field(default=NO_RERANKER, description="`none` (default), or `cross_encoder` with the `model` to use.")


class CheckerTable(PluginTable):
    """What looks at a sentence of the chat model a second time, after the built-in check."""

    kind: str = Field(default=NO_CHECKER, description="`none` (default), or `cross_encoder` with the `model` to use.")


class AnsweringTable(SettingsTable):
    """How answers are made."""

    mode: Literal["grounded", "strict", "sources"] = Field(
        default="grounded",
        description="`grounded`: the model writes, every sentence is checked. `strict`: the best sentences, "
        "word for word. `sources`: the sections only.",
    )
    sections: int = Field(default=5, ge=1, le=20, description="Sections shown to the model.")
    tone: str = Field(default="", max_length=500, description="How to sound, such as `brief and friendly`.")
    language: str = Field(
        default="",
        max_length=60,
        description="Language that the model is told to write, such as `German`. Default: it is told none. Whatever it "
        "writes must pass the check against the pages, so it is for wikis in that language.",
    )
    answerable_above: float = Field(
        default=0.5, ge=0, le=1, description="Below this estimated probability of an answer: not found."
    )
    max_sentences: int = Field(default=4, ge=1, le=12, description="Longest answer.")
    prompt_tokens: int = Field(default=1200, ge=200, description="Most tokens of sections in the prompt.")
    answer_tokens: int = Field(default=160, ge=16, description="Most tokens the model may write.")
    stale_after_days: int = Field(
        default=365, ge=0, description="Pages not updated for longer carry a warning; 0: none does."
    )
    follow_ups: Literal["rules", "chat_model"] = Field(
        default="rules",
        description="How a question that leans on the ones before it is made standalone: `rules` take no time; "
        "`chat_model` asks the model first, and falls back on the rules.",
    )
    deadline_seconds: float = Field(default=60, gt=0, description="After this the model is stopped; `strict` answers.")


class ServerTable(SettingsTable):
    """Where the REST endpoint and the chat page are served."""

    host: str = Field(default="127.0.0.1", description="Address to bind; any but loopback needs an API key first.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    public_url: str = Field(default="", description="How people reach it, for links; default http://HOST:PORT.")
    max_question_bytes: int = Field(default=8192, ge=64, description="Longest question, in UTF-8 bytes.")
    notice_seconds: float = Field(
        default=0,
        ge=0,
        le=15,
        description="At SIGTERM, how long `/readyz` says `draining` before requests are refused.",
    )

    @field_validator("public_url")
    @classmethod
    def _links_lead_to_a_web_server(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("write it as https://HOST or http://HOST:PORT")
        return value

    @property
    def link_base(self) -> str:
        """What a link to this server starts with, without a closing slash."""
        return self.public_url.rstrip("/") or web_address(self.host, self.port)


class LimitsTable(SettingsTable):
    """How much callers may ask. This machine's own people, on a server without keys, are not counted."""

    questions_per_minute: int = Field(default=600, ge=1, description="Questions and searches a key.")
    visitor_questions_per_minute: int = Field(default=15, ge=1, description="Questions a visitor of a site.")
    site_questions_per_minute: int = Field(default=300, ge=1, description="Questions all visitors of a site together.")
    longest_wait_seconds: float = Field(
        default=30,
        ge=1,
        description="A question that would be answered later than that, with so many at work, is told to come back.",
    )


class ConversationsTable(SettingsTable):
    """What is kept of what was asked."""

    keep_days: int = Field(default=90, ge=0, description="Days that questions and answers are kept; 0: not at all.")
    keep_texts: bool = Field(
        default=True, description="Keep their words too; without them only numbers, ids, titles and links are kept."
    )


class TracingTable(SettingsTable):
    """Traces for an OpenTelemetry collector: where the time of a question goes, without what anybody wrote."""

    endpoint: str = Field(
        default="", description="OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`; empty: no traces."
    )
    authorization: SecretStr | None = Field(
        default=None, description="The collector's `Authorization` header; set by FOOTNOTE_TRACING__AUTHORIZATION."
    )
    service_name: str = Field(default="footnote", min_length=1, description="What the traces call this server.")
    share: float = Field(default=1.0, ge=0, le=1, description="Share of the requests that are traced.")

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("write it as http://HOST:4318/v1/traces")
        return value


class SiteTable(SettingsTable):
    """A web site whose pages may show the chat. Its visitors see only what everyone may read."""

    id: str = Field(
        min_length=1, max_length=60, description="The public name that the page gives: `widget.js?site=ID`."
    )
    origins: tuple[str, ...] = Field(
        description="The pages' origins, such as `https://docs.example.com`; compared as a whole."
    )

    @field_validator("origins")
    @classmethod
    def _origins_are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^/\s*?#@]+", origin):
                raise ValueError(f"write {origin!r} as https://HOST, without a path and without *")
        return tuple(origin.lower() for origin in origins)


class Settings(KnowledgeSettings):
    """Everything in footnote.toml."""

    chat_model: ChatModelTable = Field(default_factory=ChatModelTable, description="The LLM that writes answers.")
    reranker: RerankerTable = Field(default_factory=RerankerTable, description="What reorders the best sections.")
    checker: CheckerTable = Field(default_factory=CheckerTable, description="What checks sentences a second time.")
    answering: AnsweringTable = Field(default_factory=AnsweringTable, description="How answers are made.")
    server: ServerTable = Field(default_factory=ServerTable, description="The REST endpoint and the chat page.")
    slack: SlackTable = Field(default_factory=SlackTable, description="The bot in a Slack workspace.")
    limits: LimitsTable = Field(default_factory=LimitsTable, description="How much callers may ask.")
    conversations: ConversationsTable = Field(
        default_factory=ConversationsTable, description="What is kept of what was asked."
    )
    tracing: TracingTable = Field(default_factory=TracingTable, description="Traces for OpenTelemetry; off by default.")
    sites: tuple[SiteTable, ...] = Field(default=(), description="Web sites whose pages may show the chat.")
    issuers: tuple[IssuerTable, ...] = Field(default=(), description="Hosts whose signed tokens name people.")
    login: LoginTable = Field(
        default_factory=LoginTable, description="Signing in through an OpenID Connect provider; off by default."
    )

    @field_validator("issuers")
    @classmethod
    def _issuers_are_told_apart(cls, issuers: tuple[IssuerTable, ...]) -> tuple[IssuerTable, ...]:
        for names in ([each.id for each in issuers], [each.issuer for each in issuers]):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two issuers are called {twice[0]!r}")
        return issuers

    @property
    def knows_people(self) -> bool:
        """Can people say who they are by other means than a key?"""
        return bool(self.issuers) or self.login.is_on

    def starting_at(self, home: Path) -> Self:
        """The same, with relative paths made absolute. `home`: the folder of the configuration file."""
        issuers = (
            each.model_copy(update={"jwks_file": home / each.jwks_file.expanduser()}) if each.jwks_file else each
            for each in self.issuers
        )
        return super().starting_at(home).model_copy(update={"issuers": tuple(issuers)})
