"""A Slack workspace: people, channels, messages, and what happened to them. It knows no wire."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

TEAM = "T0ACME"
BOT_USER = "U0FOOTNOTE"
BOT_ID = "B0FOOTNOTE"
STREAM_SECONDS = 300.0
# Ids are never given twice, not even by two workspaces: a catalogue may outlive one.
NUMBERS = itertools.count(1)

Json = dict[str, Any]  # what goes over the wire


class Refused(Exception):
    """An error as the API words it."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


@dataclass
class FakeUser:
    """An account."""

    id: str
    email: str | None = None
    team: str = TEAM
    is_guest: bool = False
    is_stranger: bool = False
    is_bot: bool = False
    is_deleted: bool = False

    def to_json(self) -> Json:
        """As users.info gives it; addresses of strangers are hidden."""
        profile = {"email": self.email} if self.email and not self.is_stranger else {}
        return {
            "id": self.id,
            "team_id": self.team,
            "deleted": self.is_deleted,
            "is_bot": self.is_bot,
            "is_restricted": self.is_guest,
            "is_ultra_restricted": False,
            "is_stranger": self.is_stranger,
            "profile": profile,
        }


@dataclass
class FakeChannel:
    """A conversation. `kind`: public, private, im."""

    id: str
    kind: str = "public"
    members: list[str] = field(default_factory=list)
    is_ext_shared: bool = False
    is_archived: bool = False

    def to_json(self) -> Json:
        """As conversations.info gives it."""
        return {
            "id": self.id,
            "is_channel": self.kind == "public",
            "is_private": self.kind != "public",
            "is_im": self.kind == "im",
            "is_ext_shared": self.is_ext_shared,
            "is_shared": self.is_ext_shared,
            "is_archived": self.is_archived,
            "num_members": len(self.members),
        }


@dataclass
class FakeMessage:
    """A message. `seen_by`: one person alone, for ephemeral ones; `stream`: open, closed, or None for plain ones."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    seen_by: str | None = None
    metadata: Json | None = None
    stream: str | None = None
    begun: float = 0.0
    edits: int = 0

    @property
    def words(self) -> str:
        """What a reader sees, a line a section."""
        return "\n".join(words_of(self.blocks)) or self.text


@dataclass
class Workspace:
    """All of it. `clock`: seconds, for the life of streams."""

    clock: Callable[[], float]
    users: dict[str, FakeUser] = field(default_factory=dict)
    channels: dict[str, FakeChannel] = field(default_factory=dict)
    messages: list[FakeMessage] = field(default_factory=list)
    statuses: list[tuple[str, str, str]] = field(default_factory=list)
    sessions: list[tuple[str, str, str]] = field(default_factory=list)
    reactions: list[tuple[str, str, str]] = field(default_factory=list)
    prompts: list[tuple[str, list[Json]]] = field(default_factory=list)
    views: list[Json] = field(default_factory=list)
    can_stream: bool = True
    has_statuses: bool = True
    has_feedback_buttons: bool = True

    def __post_init__(self) -> None:
        self.users[BOT_USER] = FakeUser(BOT_USER, is_bot=True)

    def user(self, name: str, email: str | None = None, **others: Any) -> FakeUser:
        """A new account."""
        made = FakeUser(f"U0{name.upper()}", email, **others)
        self.users[made.id] = made
        return made

    def channel(self, name: str, *members: FakeUser, kind: str = "public", **others: Any) -> FakeChannel:
        """A new channel, with the bot in it."""
        made = FakeChannel(f"C0{name.upper()}", kind, [BOT_USER, *(user.id for user in members)], **others)
        self.channels[made.id] = made
        return made

    def direct(self, user: FakeUser) -> FakeChannel:
        """The direct messages of a person and the bot."""
        made = self.channels.setdefault(f"D{user.id[1:]}", FakeChannel(f"D{user.id[1:]}", "im", [BOT_USER, user.id]))
        return made

    def next_ts(self) -> str:
        """Message ids that grow."""
        return f"1700000000.{next(NUMBERS):06d}"

    def find(self, channel: str, ts: str) -> FakeMessage:
        """A message. Raises Refused."""
        for message in self.messages:
            if (message.channel, message.ts) == (channel, ts) and message.seen_by is None:
                return message
        raise Refused("message_not_found")

    def writable(self, channel: str, *, thread_ts: str | None = None) -> FakeChannel:
        """The channel, if the bot may write there. Raises Refused."""
        if channel in self.users:
            return self.direct(self.users[channel])
        found = self.channels.get(channel)
        if found is None:
            raise Refused("channel_not_found")
        if BOT_USER not in found.members:
            raise Refused("not_in_channel")
        if found.is_archived:
            raise Refused("is_archived")
        if thread_ts is not None:
            self.find(channel, thread_ts)
        return found

    def said_by_bot(self, channel: FakeChannel | None = None) -> list[FakeMessage]:
        """Everything the bot wrote, oldest first."""
        return [each for each in self.messages
                if each.user == BOT_USER and (channel is None or each.channel == channel.id)]  # fmt: skip

    def growing(self, channel: str, ts: str) -> FakeMessage:
        """An open stream. Raises Refused."""
        message = self.find(channel, ts)
        if not self.is_growing(message):
            raise Refused("message_not_in_streaming_state")
        return message

    def is_growing(self, message: FakeMessage) -> bool:
        """Is it an open stream? Those that grow too old die."""
        if message.stream == "open" and self.clock() - message.begun > STREAM_SECONDS:
            message.stream = "dead"
        return message.stream == "open"


def words_of(blocks: Iterable[Json]) -> list[str]:
    """The visible text of blocks, a line a section; links as `text<url>`, people as `@id`, buttons as `(label)`."""
    lines: list[str] = []
    for block in blocks:
        match block["type"]:
            case "rich_text":
                lines += ["".join(_word(each) for each in section["elements"]) for section in block["elements"]]
            case "actions":
                lines.append(" ".join(f"({each['text']['text']})" for each in block["elements"]))
    return lines


def _word(element: Json) -> str:
    match element["type"]:
        case "text":
            return str(element["text"])
        case "link":
            return f"{element['text']}<{element['url']}>"
        case "user":
            return f"@{element['user_id']}"
        case "usergroup":
            return f"@{element['usergroup_id']}"
        case kind:
            raise AssertionError(f"a reader does not know {kind}")
