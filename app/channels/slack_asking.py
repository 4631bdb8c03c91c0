"""What arrives from Slack, read as a question: who asks, where, and in which words."""

import html
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

# direct: in a direct message. mention: in a channel, by name. follow_up: in a thread that was answered before.
# message: at the top of a channel where every message is a question. command: /ask. private, shared: what was answered
# for many is asked again for one alone, or the other way round.
Kind: TypeAlias = Literal["direct", "mention", "follow_up", "message", "command", "private", "shared"]
_TO_ONE = frozenset({"direct", "command", "private"})
_UNASKED = frozenset({"follow_up", "message"})
# A message with a file, and a thread's answer shown in the channel too, are still what somebody said.
_SUBTYPES = frozenset({None, "file_share", "thread_broadcast"})
_SPECIAL = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that came through Slack. `ts`: its message; `response_url`: where Slack wants the answer to /ask."""

    key: str
    kind: Kind
    team: str
    channel: str
    user: str
    text: str
    ts: str | None = None
    thread_ts: str | None = None
    response_url: str | None = None

    @property
    def place(self) -> str:
        """Its conversation: a thread of a channel."""
        return f"{self.team}:{self.channel}:{self.thread}"

    @property
    def thread(self) -> str:
        """The thread that the answer belongs to."""
        return self.thread_ts or self.ts or ""

    @property
    def is_private(self) -> bool:
        """Does the asker alone see the answer?"""
        return self.kind in _TO_ONE

    @property
    def is_quiet(self) -> bool:
        """Did nobody ask us by name, so that "not found" is better not said?"""
        return self.kind in _UNASKED

    def to_body(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Asked":
        """From what `to_body` gave."""
        return cls(**body)


def read_event(body: Mapping[str, Any], *, bot_user: str | None) -> Asked | None:
    """The question in an event, or None: edits, deletions, other bots, and what is said to somebody else."""
    event = body.get("event") or {}
    bot = bot_user or _bot_of(body)
    kind = _kind(event, bot=bot)
    raw = str(event.get("text") or "")
    text = plain_text(raw, bot_user=bot)
    if kind is None or not text or event.get("user") == bot:
        return None
    if kind == "follow_up" and raw.lstrip().startswith("<@"):
        return None  # said to somebody else
    team, channel, ts = str(body.get("team_id") or event.get("team") or ""), str(event["channel"]), str(event["ts"])
    return Asked(
        key=f"message:{team}:{channel}:{ts}",
        kind=kind,
        team=team,
        channel=channel,
        user=str(event["user"]),
        text=text,
        ts=ts,
        thread_ts=event.get("thread_ts"),
    )


def read_command(body: Mapping[str, Any]) -> Asked | None:
    """The question of `/ask …`; None without one."""
    text = plain_text(str(body.get("text") or ""), bot_user=None)
    if not text:
        return None
    return Asked(
        key=f"command:{body['team_id']}:{body['trigger_id']}",
        kind="command",
        team=str(body["team_id"]),
        channel=str(body["channel_id"]),
        user=str(body["user_id"]),
        text=text,
        response_url=str(body["response_url"]),
    )


def read_button(body: Mapping[str, Any], kind: Kind) -> Asked:
    """The question that a button passes on; its value is what we gave it."""
    action, place = body["actions"][0], body.get("container") or {}
    team, channel, user = str(body["team"]["id"]), str(body["channel"]["id"]), str(body["user"]["id"])
    return Asked(
        key=f"{kind}:{team}:{channel}:{user}:{action['action_ts']}",
        kind=kind,
        team=team,
        channel=channel,
        user=user,
        text=str(action["value"]),
        thread_ts=place.get("thread_ts") or (None if place.get("is_ephemeral") else place.get("message_ts")),
    )


def plain_text(text: str, *, bot_user: str | None) -> str:
    """A message as its writer saw it: Slack's marks for people, channels and links undone, our own name left out."""

    def undo(found: re.Match[str]) -> str:
        sign, target, label = found.groups()
        if sign == "@":
            return "" if target == bot_user else f"@{label}" if label else ""
        if sign == "#":
            return f"#{label}" if label else ""
        if sign == "!":
            return label or ""
        return label or target

    return " ".join(html.unescape(_SPECIAL.sub(undo, text)).split())


def _kind(event: Mapping[str, Any], *, bot: str | None) -> Kind | None:
    if event.get("bot_id") or event.get("subtype") not in _SUBTYPES or event.get("hidden"):
        return None
    if not all(isinstance(event.get(name), str) for name in ("user", "channel", "ts")):
        return None
    is_direct = event.get("channel_type") == "im" or event["channel"].startswith("D")
    match event.get("type"):
        case "app_mention":
            return "direct" if is_direct else "mention"
        case "message" if is_direct:
            return "direct"
        case "message" if bot and f"<@{bot}" in str(event.get("text")):
            return None  # comes as a mention too, under another event id
        case "message":
            return "follow_up" if event.get("thread_ts", event["ts"]) != event["ts"] else "message"
        case _:
            return None


def _bot_of(body: Mapping[str, Any]) -> str | None:
    for each in body.get("authorizations") or ():
        if each.get("is_bot") and each.get("user_id"):
            return str(each["user_id"])
    return None
