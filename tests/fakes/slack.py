"""A whole Slack for tests: people write, press and ask; the bot is told, over HTTP or Socket Mode, until it listens."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack_server import SlackServer, running_server
from tests.fakes.slack_workspace import BOT_USER, NUMBERS, TEAM, FakeChannel, FakeMessage, FakeUser, Json, Workspace

SIGNING_SECRET = "signing-test-only"
ACK_SECONDS = 3.0
MENTION = f"<@{BOT_USER}>"
_KINDS = {"event": "events_api", "interactive": "interactive", "command": "slash_commands"}
_CHANNEL_TYPES = {"public": "channel", "private": "group", "im": "im"}


@dataclass
class FakeSlack:
    """The workspace as its people use it. `acks`: seconds until each delivery was acknowledged."""

    server: SlackServer
    mode: Literal["http", "socket"]
    request_url: str = ""
    acks: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    most_retries: int = 3

    @property
    def space(self) -> Workspace:
        """What is in it."""
        return self.server.workspace

    async def say(
        self, user: FakeUser, channel: FakeChannel, text: str, *, thread: str | None = None, **others: object
    ) -> FakeMessage:
        """A person writes; the bot is told as often as Slack would: mentions of it come twice."""
        message = FakeMessage(self.space.next_ts(), channel.id, user.id, text, thread_ts=thread)
        self.space.messages.append(message)
        for event in self.events_of(message, channel, **others):
            await self.deliver("event", event)
        return message

    def events_of(self, message: FakeMessage, channel: FakeChannel, **others: object) -> list[Json]:
        """The events of a message, each with an id of its own."""
        event = {"user": message.user, "text": message.text, "ts": message.ts, "channel": message.channel,
                 "event_ts": message.ts, "team": self.space.users[message.user].team, **others}  # fmt: skip
        if message.thread_ts:
            event["thread_ts"] = message.thread_ts
        found = [{"type": "message", "channel_type": _CHANNEL_TYPES[channel.kind], **event}]
        if MENTION in message.text and channel.kind != "im":
            found.insert(0, {"type": "app_mention", **event})
        return [self.envelope(each) for each in found]

    def envelope(self, event: Json) -> Json:
        """What goes around an event."""
        number = next(NUMBERS)
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A0FOOTNOTE",
            "event_id": f"Ev{number:06d}",
            "event": event,
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }

    async def command(self, user: FakeUser, channel: FakeChannel, text: str) -> str:
        """`/ask`; gives the id of its response URL."""
        number = next(NUMBERS)
        body = {
            "command": "/ask",
            "text": text,
            "team_id": TEAM,
            "channel_id": channel.id,
            "user_id": user.id,
            "trigger_id": f"trigger.{number}",
            "response_url": f"{self.server.base}/respond/{number}",
        }
        await self.deliver("command", body)
        return body["response_url"].rpartition("/")[2]

    async def press(self, user: FakeUser, message: FakeMessage, label: str) -> None:
        """Press the button that says so."""
        action = _button(message, label)
        number = next(NUMBERS)
        container = {"type": "message", "channel_id": message.channel, "message_ts": message.ts,
                     "is_ephemeral": message.seen_by is not None}  # fmt: skip
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        body = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": user.id},
            "channel": {"id": message.channel},
            "container": container,
            "trigger_id": f"trigger.{number}",
            "response_url": f"{self.server.base}/respond/{number}",
            "actions": [{**action, "action_ts": f"1700000000.{number:06d}"}],
        }
        await self.deliver("interactive", body)

    async def submit(self, user: FakeUser, *, reasons: list[str], comment: str) -> None:
        """Fill in the dialogue that was opened last, and send it."""
        view = self.space.views[-1]
        options = [{"value": value} for value in reasons]
        state = {"reasons": {"reasons": {"selected_options": options}}, "comment": {"comment": {"value": comment}}}
        body = {"type": "view_submission", "team": {"id": TEAM}, "user": {"id": user.id},
                "view": {**view, "id": "V1", "state": {"values": state}}}  # fmt: skip
        await self.deliver("interactive", body)

    async def open_messages(self, user: FakeUser) -> None:
        """A person opens the bot's messages."""
        channel = self.space.direct(user)
        await self.deliver(
            "event",
            self.envelope({"type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": "messages"}),
        )

    async def press_stop(self, message: FakeMessage) -> None:
        """Slack's own stop button."""
        event = {"type": "agent_session_stopped", "channel": message.channel, "user": message.user,
                 "thread_ts": message.thread_ts or message.ts, "streaming_message_ts": []}  # fmt: skip
        await self.deliver("event", self.envelope(event))

    async def deliver(self, kind: str, body: Json) -> None:
        """Until it is acknowledged, as often as Slack tries: at once, and three times more."""
        for attempt in range(1 + self.most_retries):
            started = time.monotonic()
            sending = self._post(kind, body, attempt) if self.mode == "http" else self._send(kind, body, attempt)
            if await sending:
                self.acks.append(time.monotonic() - started)
                return

    async def _send(self, kind: str, body: Json, attempt: int) -> bool:
        number = next(NUMBERS)
        envelope = {"type": _KINDS[kind], "envelope_id": f"envelope-{number}", "payload": body,
                    "accepts_response_payload": kind != "event", "retry_attempt": attempt,
                    "retry_reason": "timeout" if attempt else ""}  # fmt: skip
        return await self.server.send(envelope, seconds=ACK_SECONDS) is not None

    async def _post(self, kind: str, body: Json, attempt: int) -> bool:
        content = json.dumps(body) if kind == "event" else urlencode(
            {"payload": json.dumps(body)} if kind == "interactive" else body)  # fmt: skip
        headers = signed(content)
        headers["Content-Type"] = "application/json" if kind == "event" else "application/x-www-form-urlencoded"
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        timeout = aiohttp.ClientTimeout(total=ACK_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self.request_url, data=content, headers=headers) as answer,
            ):
                self.statuses.append(answer.status)
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def answers(self, channel: FakeChannel, *, count: int = 1) -> list[FakeMessage]:
        """Wait until the bot has said so many whole messages in a channel; gives them."""

        def whole() -> list[FakeMessage]:
            return [each for each in self.space.said_by_bot(channel) if each.stream != "open"]

        await self.server.until(lambda: len(whole()) >= count, what=f"{count} answers in {channel.id}")
        return whole()

    async def settled(self) -> None:
        """Wait until everything that was delivered is worked off: nothing more is called for a while."""
        quiet, seen = 0, -1
        while quiet < 4:
            await self.server.news()
            quiet = quiet + 1 if len(self.server.calls) == seen else 0
            seen = len(self.server.calls)


def signed(content: str, *, secret: str = SIGNING_SECRET, stamp: str | None = None) -> dict[str, str]:
    """The headers that prove a call to be Slack's."""
    stamp = stamp if stamp is not None else str(int(time.time()))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{content}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


@asynccontextmanager
async def running_slack(mode: Literal["http", "socket"]) -> AsyncIterator[FakeSlack]:
    """A workspace that nobody is in yet."""
    async with running_server(Workspace(clock=time.monotonic)) as server:
        yield FakeSlack(server, mode)


def _button(message: FakeMessage, label: str) -> Json:
    for block in message.blocks:
        for element in block["elements"]:
            if element["type"] == "feedback_buttons":
                for side in ("positive_button", "negative_button"):
                    if element[side]["text"]["text"] == label:
                        return {"type": "feedback_buttons", "action_id": element["action_id"],
                                "block_id": "b", "value": element[side]["value"]}  # fmt: skip
            elif element["type"] == "button" and element["text"]["text"] == label:
                return {**element, "block_id": "b"}
    raise AssertionError(f"no button {label!r} below: {message.words}")
