"""The `[slack]` table: how Footnote is reached in a Slack workspace, and what it may do in each channel."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from kb.settings import SettingsTable, read_secret

_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{2,30}")
_TARGET_ID = re.compile(r"[CGUWS][A-Z0-9]{2,30}")


class SlackRules(SettingsTable):
    """What Footnote does in a channel."""

    answers: Literal["mentions", "auto", "never"] = Field(
        default="mentions",
        description="`mentions`: when it is mentioned. `auto`: every message at the top, with silence when not found. "
        "`never`: not at all.",
    )
    threads: bool = Field(
        default=True, description="In a thread it has answered in, answer without a new mention; silent when not found."
    )
    ephemeral: bool = Field(
        default=False, description="Show answers to the asker alone, from everything the asker may read."
    )
    source: str | None = Field(default=None, description="Answer from this source alone; default: from all.")
    escalate_to: str = Field(
        default="", description="Id of a person, group or channel: adds the button “Ask a person”."
    )
    questions_per_minute: int = Field(default=30, ge=1, le=1000, description="More are politely put off.")

    @field_validator("escalate_to")
    @classmethod
    def _target_is_an_id(cls, value: str) -> str:
        if value and not _TARGET_ID.fullmatch(value):
            raise ValueError("write the id that Slack shows, such as U0123456789, S0123456789 or C0123456789")
        return value


class SlackTable(SettingsTable):
    """The bot in a Slack workspace."""

    mode: Literal["off", "socket", "http"] = Field(
        default="off",
        description="`socket`: Footnote calls Slack, no public address is needed. `http`: Slack calls `/slack/events`.",
    )
    bot_token: SecretStr | None = Field(
        default_factory=lambda: read_secret("SLACK_BOT_TOKEN"), description="Set by SLACK_BOT_TOKEN: xoxb-…"
    )
    app_token: SecretStr | None = Field(
        default_factory=lambda: read_secret("SLACK_APP_TOKEN"),
        description="Set by SLACK_APP_TOKEN: xapp-…, for `socket`.",
    )
    signing_secret: SecretStr | None = Field(
        default_factory=lambda: read_secret("SLACK_SIGNING_SECRET"),
        description="Set by SLACK_SIGNING_SECRET, for `http`.",
    )
    config_token: SecretStr | None = Field(
        default_factory=lambda: read_secret("SLACK_CONFIG_TOKEN"),
        description="Set by SLACK_CONFIG_TOKEN: xoxe.xoxp-…, for `footnote doctor` to look at the app's events.",
    )
    api_base_url: str = Field(default="https://slack.com/api/", description="Slack's Web API, or a proxy to it.")
    streaming: bool = Field(default=True, description="Show sentences as they pass their check, where Slack lets us.")
    workers: int = Field(default=4, ge=1, le=64, description="Questions answered at the same time.")
    most_waiting: int = Field(default=100, ge=1, le=10_000, description="More are politely refused.")
    drain_seconds: float = Field(default=10, ge=0, le=60, description="At the end, how long answers may finish.")
    guests: bool = Field(
        default=False, description="Answer guests, and in channels with guests, from what `everyone` may read."
    )
    members_checked: int = Field(
        default=200, ge=0, le=5000, description="Channels up to this size are looked through for guests and strangers."
    )
    suggested_prompts: tuple[str, ...] = Field(
        default=(), max_length=4, description="Questions offered to whoever opens the bot's messages."
    )
    rules: SlackRules = Field(default_factory=SlackRules, description="What holds in every channel.")
    channels: dict[str, SlackRules] = Field(
        default_factory=dict, description="What differs in a channel, by its id: `[slack.channels.C0123456789]`."
    )

    @field_validator("api_base_url")
    @classmethod
    def _is_a_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("write it as https://HOST/api/")
        return value.rstrip("/") + "/"

    @field_validator("channels")
    @classmethod
    def _channels_are_ids(cls, value: Mapping[str, SlackRules]) -> Mapping[str, SlackRules]:
        if unknown := next((name for name in value if not _CHANNEL_ID.fullmatch(name)), None):
            raise ValueError(f"{unknown[:40]!r} is no channel id: Slack shows it at the end of a channel's details")
        return value

    def rules_of(self, channel_id: str) -> SlackRules:
        """The rules of a channel: its own keys over those of every channel."""
        own = self.channels.get(channel_id)
        return self.rules.model_copy(update=_set_keys(own)) if own else self.rules


def _set_keys(rules: SlackRules) -> dict[str, object]:
    return {name: getattr(rules, name) for name in rules.model_fields_set}
