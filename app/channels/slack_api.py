"""Slack's Web API, as far as the bot speaks it; its errors in our words, its rate limits waited for."""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from app.channels.slack_blocks import Block, SlackMessage, plain_feedback
from kb.errors import ChannelError

CALL_SECONDS = 20
_RATE_LIMIT_RETRIES = 4
# Worth another attempt later; any other refusal would only come again.
_PASSING = frozenset({"unreachable", "ratelimited", "internal_error", "fatal_error", "service_unavailable",
                      "request_timeout", "team_added_to_org"})  # fmt: skip
METADATA = "footnote_answer"
Json = Mapping[str, Any]  # what Slack answers


class SlackApi:
    """Calls that raise ChannelError and nothing else: `code` is Slack's word, or `unreachable`."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.clock = clock
        self._session = session
        self._me: str | None = None
        # Slack allows 20 streams begun and 100 appended to a minute; the rest is for whoever shares the workspace.
        self.stream_starts = Budget(18, clock=clock)
        self.stream_appends = Budget(90, clock=clock)

    async def who_am_i(self) -> Json:
        """auth.test: `user_id`, `team_id`, `bot_id`; and `scopes`, which the answer's header names."""
        async with translated():
            answer = await self.client.auth_test()
            granted = {name.lower(): value for name, value in answer.headers.items()}.get("x-oauth-scopes", "")
            return _body(answer.data) | {"scopes": [scope.strip() for scope in str(granted).split(",") if scope]}

    async def person(self, user: str) -> Json:
        """users.info."""
        async with translated():
            return _body((await self.client.users_info(user=user)).data)["user"]  # type: ignore[no-any-return]

    async def people(self) -> list[Json]:
        """users.list, all of it."""
        found: list[Json] = []
        cursor = None
        async with translated():
            while cursor is None or cursor:
                page = _body((await self.client.users_list(limit=500, cursor=cursor or None)).data)
                found += page["members"]
                cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        return found

    async def channel(self, channel: str) -> Json:
        """conversations.info, with the number of its members."""
        async with translated():
            answer = await self.client.conversations_info(channel=channel, include_num_members=True)
            return _body(answer.data)["channel"]  # type: ignore[no-any-return]

    async def members(self, channel: str, *, most: int) -> list[str]:
        """conversations.members, up to so many."""
        found: list[str] = []
        cursor = None
        async with translated():
            while (cursor is None or cursor) and len(found) < most:
                asked = min(200, most - len(found))
                page = await self.client.conversations_members(channel=channel, limit=asked, cursor=cursor or None)
                body = _body(page.data)
                found += body["members"]
                cursor = (body.get("response_metadata") or {}).get("next_cursor") or ""
        return found

    async def said_before(self, channel: str, thread_ts: str, key: str, *, since: str) -> "SaidBefore":
        """What this thread holds of the answer to `key`, which was asked at `since`."""
        async with translated():
            me = self._me or str((await self.who_am_i())["user_id"])
            self._me = me
            answer = await self.client.conversations_replies(
                channel=channel, ts=thread_ts, limit=200, include_all_metadata=True
            )
        parts: set[int] = set()
        unfinished: list[str] = []
        for each in _body(answer.data)["messages"]:
            payload = (each.get("metadata") or {}).get("event_payload")
            if payload is None and each.get("user") == me and float(each["ts"]) > float(since):
                unfinished.append(str(each["ts"]))
            elif payload is not None and payload.get("key") == key:
                parts.add(int(payload.get("part", 0)))
        return SaidBefore(parts=frozenset(parts), unfinished=min(unfinished, key=float, default=None))

    async def post(self, channel: str, message: SlackMessage, *, thread_ts: str | None, key: str, part: int = 0) -> str:
        """chat.postMessage; gives its `ts`. `key` and `part` are kept with it, for `said_before`."""
        payload: dict[str, Any] = {"channel": channel, "thread_ts": thread_ts, "unfurl_links": False,
                                   "unfurl_media": False, "mrkdwn": False, "parse": "none",
                                   "link_names": False}  # fmt: skip
        payload["metadata"] = _metadata(key, part)
        async with translated():
            return str((await self._with_blocks(self.client.chat_postMessage, message, **payload))["ts"])

    async def whisper(self, channel: str, user: str, message: SlackMessage, *, thread_ts: str | None) -> None:
        """chat.postEphemeral: one person sees it, until the next reload. In a direct message it is a plain one."""
        if channel.startswith("D"):
            await self.post(channel, message, thread_ts=thread_ts, key="whisper")
            return
        async with translated():
            payload = {"channel": channel, "user": user, "thread_ts": thread_ts}
            await self._with_blocks(self.client.chat_postEphemeral, message, parse="none", **payload)

    async def update(self, channel: str, ts: str, message: SlackMessage) -> None:
        """chat.update."""
        async with translated():
            await self._with_blocks(self.client.chat_update, message, channel=channel, ts=ts, parse="none")

    async def respond(self, response_url: str, message: SlackMessage) -> None:
        """Answer a command where Slack said to."""
        body = {"response_type": "ephemeral", "text": message.text, "blocks": plain_feedback(message.blocks)}
        async with translated(), self._session.post(response_url, json=body, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ChannelError(f"Slack refused a response ({answer.status})", code="response_refused")

    async def status(self, channel: str, thread_ts: str, words: str) -> None:
        """assistant.threads.setStatus; empty words clear it."""
        async with translated():
            await self.client.assistant_threads_setStatus(channel_id=channel, thread_ts=thread_ts, status=words)

    async def session(self, channel: str, thread_ts: str, status: str) -> None:
        """agents.sessions.setStatus: while it is `processing`, Slack shows its stop button."""
        async with translated():
            await self.client.agents_sessions_setStatus(channel_id=channel, thread_ts=thread_ts, status=status)

    async def react(self, channel: str, ts: str, name: str, *, is_on: bool) -> None:
        """reactions.add or reactions.remove."""
        async with translated():
            call = self.client.reactions_add if is_on else self.client.reactions_remove
            await call(channel=channel, timestamp=ts, name=name)

    async def suggest(self, channel: str, prompts: Sequence[str]) -> None:
        """assistant.threads.setSuggestedPrompts, for a conversation that is only begun."""
        titled = [{"title": prompt[:75], "message": prompt} for prompt in prompts]
        async with translated():
            await self.client.assistant_threads_setSuggestedPrompts(channel_id=channel, prompts=titled)

    async def permalink(self, channel: str, ts: str) -> str:
        """chat.getPermalink."""
        async with translated():
            answer = await self.client.chat_getPermalink(channel=channel, message_ts=ts)
            return str(_body(answer.data)["permalink"])

    async def open_dialogue(self, trigger_id: str, view: Json) -> None:
        """views.open."""
        async with translated():
            await self.client.views_open(trigger_id=trigger_id, view=dict(view))

    async def start_stream(self, channel: str, thread_ts: str, blocks: Sequence[Block], *, to: tuple[str, str]) -> str:
        """chat.startStream, to a (team, user); gives its `ts`."""
        team, user = to
        async with translated():
            answer = await self.client.chat_startStream(
                channel=channel,
                thread_ts=thread_ts,
                chunks=_chunks(blocks),
                recipient_team_id=team,
                recipient_user_id=user,
            )
            return str(_body(answer.data)["ts"])

    async def append_stream(self, channel: str, ts: str, blocks: Sequence[Block]) -> None:
        """chat.appendStream."""
        async with translated():
            await self.client.chat_appendStream(channel=channel, ts=ts, chunks=_chunks(blocks))

    async def stop_stream(self, channel: str, ts: str, blocks: Sequence[Block], *, key: str | None) -> None:
        """chat.stopStream, with the blocks at its end; `key`: of the question that is now answered, if it is."""
        metadata = _metadata(key, 0) if key is not None else None
        async with translated():
            await self.client.chat_stopStream(channel=channel, ts=ts, blocks=list(blocks) or None, metadata=metadata)

    # The SDK's own methods, called alike.
    async def _with_blocks(self, call: Callable[..., Any], message: SlackMessage, **payload: Any) -> Json:
        try:
            return _body((await call(text=message.text, blocks=list(message.blocks), **payload)).data)
        except SlackApiError as exc:
            if exc.response.get("error") != "invalid_blocks":
                raise
        # Not every workspace knows the newest blocks.
        return _body((await call(text=message.text, blocks=plain_feedback(message.blocks), **payload)).data)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidBefore:
    """What earlier attempts said: numbers of whole messages, and the oldest message of ours that nobody finished."""

    parts: frozenset[int] = frozenset()
    unfinished: str | None = None


class Budget:
    """So many calls a minute."""

    def __init__(self, most: int, *, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._spent: deque[float] = deque()

    def take(self) -> bool:
        """May one be made now? Then it counts."""
        now = self._clock()
        while self._spent and self._spent[0] <= now - 60:
            self._spent.popleft()
        if len(self._spent) >= self._most:
            return False
        self._spent.append(now)
        return True


@asynccontextmanager
async def opened_api(token: str, base_url: str) -> AsyncIterator[SlackApi]:
    """A client over one connection pool."""
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        # No retry after a broken connection: the message may have arrived, and would be said twice.
        retries = [AsyncRateLimitErrorRetryHandler(max_retry_count=_RATE_LIMIT_RETRIES)]
        client = AsyncWebClient(
            token=token, base_url=base_url, session=session, timeout=CALL_SECONDS, retry_handlers=list(retries)
        )
        yield SlackApi(client, session)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Slack's and the network's errors as ChannelError. Their text may hold what was sent: the code alone is kept."""
    try:
        yield
    except SlackApiError as exc:
        code = str(exc.response.get("error") or exc.response.status_code)
        needed = f" (needs the scope {exc.response['needed']})" if exc.response.get("needed") else ""
        raise ChannelError(f"Slack says {code}{needed}", code=code) from None
    except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as exc:
        raise ChannelError(f"Slack does not answer ({type(exc).__name__})", code="unreachable") from None


def is_passing(error: ChannelError) -> bool:
    """May the same call succeed later?"""
    return error.code in _PASSING or error.code.startswith("5")


def _metadata(key: str, part: int) -> dict[str, Any]:  # JSON of Slack's making
    return {"event_type": METADATA, "event_payload": {"key": key, "part": part}}


def _chunks(blocks: Sequence[Block]) -> list[dict[str, Any]]:  # JSON of Slack's making
    return [{"type": "blocks", "blocks": list(blocks)}]


def _body(answered: object) -> dict[str, Any]:  # what Slack answers
    if not isinstance(answered, dict):
        raise ChannelError("Slack did not answer with JSON", code="unreachable")
    return answered
