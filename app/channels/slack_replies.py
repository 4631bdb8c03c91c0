"""Says one answer in Slack: streamed sentence by sentence where that works, posted whole where it does not, once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.answering.types import Answer, SentenceReady
from app.channels.slack_api import SaidBefore, SlackApi, is_passing
from app.channels.slack_asking import Asked
from app.channels.slack_blocks import (
    MOST_BLOCKS,
    MOST_MESSAGE_BYTES,
    Block,
    Frame,
    SlackMessage,
    answer_messages,
    ending_blocks,
    plain_feedback,
    said,
    sentence_block,
    sized,
    words_message,
)
from kb.errors import ChannelError

logger = logging.getLogger(__name__)
# Between two appends of one stream: Slack allows some 100 a minute for the whole workspace.
APPEND_SECONDS = 1.0
# A message in these states stays as it is; what it should say is said below it.
_GROWING = "streaming_state_conflict"
_UNMENDABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", _GROWING})
_INTERRUPTED = "I am being restarted. I will finish this answer when I am back."
_STOPPED = "Stopped."


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What attempts before this one left. `is_again`: they may have said all or part of it; `begun`: a stream."""

    is_again: bool = False
    begun: str | None = None


class Reply:
    """The reply to one question. Raises ChannelError where the answer could not be said at all."""

    def __init__(
        self,
        api: SlackApi,
        asked: Asked,
        *,
        frame: Frame,
        may_stream: bool,
        earlier: Earlier,
        note: Callable[[str], Awaitable[None]],
    ) -> None:
        self._api = api
        self._asked = asked
        self._frame = frame
        self._may_stream = may_stream and not earlier.is_again
        self._is_again = earlier.is_again
        self._begun = earlier.begun
        self._note = note
        self._stream: _Stream | None = None

    @property
    def begun(self) -> str | None:
        """The message that it streams, or that an earlier attempt did."""
        return self._stream.ts if self._stream is not None else self._begun

    async def sentence(self, ready: SentenceReady) -> None:
        """Show a sentence as soon as Slack lets us."""
        if not self._may_stream:
            return
        blocks = sentence_block(ready.sentence, ready.new_citations)
        if self._stream is None:
            await self._begin(blocks)
            self._may_stream = self._stream is not None
        else:
            await self._stream.add(blocks)

    async def finish(self, answer: Answer) -> None:
        """Everything that is not said yet."""
        ending = ending_blocks(answer, self._frame)
        if self._stream is not None:
            await self._stream.end(ending, text=said(answer), post=self._post, is_whole=True)
            return
        messages = answer_messages(answer, self._frame)
        if self._begun is not None and await self._mended(self._begun, messages[0]):
            await self._say(messages[1:], first=1)
        else:
            await self._say(messages, first=0)

    async def words(self, words: str) -> None:
        """Our own words instead of an answer."""
        message = words_message(words)
        if self._begun is None or not await self._mended(self._begun, message):
            await self._say([message], first=0)

    async def interrupt(self) -> None:
        """What is half said is marked; the next attempt finishes it."""
        await self._cut_off(_INTERRUPTED)

    async def stop(self) -> None:
        """The asker has read enough."""
        await self._cut_off(_STOPPED)

    async def _cut_off(self, words: str) -> None:
        if self._stream is not None:
            with suppress(ChannelError):
                blocks = list(words_message(words).blocks)
                await self._stream.end(blocks, text=words, post=self._post, is_whole=False)

    async def _begin(self, blocks: Sequence[Block]) -> None:
        asked = self._asked
        if not self._api.stream_starts.take():
            return
        start = self._api.start_stream(asked.channel, asked.thread, blocks, to=(asked.team, asked.user))
        starting = asyncio.ensure_future(start)
        try:
            await asyncio.wait([starting])
        finally:
            # Whoever cancels us in between must still find the stream that Slack has begun.
            try:
                self._stream = _Stream(self._api, asked, ts=await starting, blocks=blocks)
            except ChannelError as exc:
                # Streams need a paid plan, an agent's app and a recent Slack; an answer needs none of them.
                logger.info("no stream here", extra={"code": exc.code})
        if self._stream is not None:
            await self._note(self._stream.ts)

    async def _mended(self, ts: str, message: SlackMessage) -> bool:
        return await _mend(self._api, self._asked.channel, ts, message)

    async def _say(self, messages: Sequence[SlackMessage], *, first: int) -> None:
        asked = self._asked
        if asked.kind == "command" and asked.response_url:
            for message in messages:
                await self._api.respond(asked.response_url, message)
        elif self._frame.is_ephemeral:
            for message in messages:
                await self._api.whisper(asked.channel, asked.user, message, thread_ts=asked.thread or None)
        else:
            await self._say_in_thread(messages, first=first)

    async def _say_in_thread(self, messages: Sequence[SlackMessage], *, first: int) -> None:
        done = await self._said_before()
        # Only the first question of a thread is sure to have begun the first message that nobody finished.
        is_ours = first == 0 and 0 not in done.parts and self._asked.thread_ts is None
        if done.unfinished and is_ours and await self._mended(done.unfinished, messages[0]):
            messages, first = messages[1:], 1
        for part, message in enumerate(messages, start=first):
            if part not in done.parts:
                await self._post(message, part=part)

    async def _said_before(self) -> SaidBefore:
        asked = self._asked
        if not self._is_again or not asked.thread:
            return SaidBefore()
        return await self._api.said_before(asked.channel, asked.thread, asked.key, since=asked.ts or asked.thread)

    async def _post(self, message: SlackMessage, *, part: int = 1) -> None:
        asked = self._asked
        await self._api.post(asked.channel, message, thread_ts=asked.thread, key=asked.key, part=part)


class _Stream:
    """A message that grows. It may die at any time (Slack ends streams after some five minutes): then it is mended."""

    def __init__(self, api: SlackApi, asked: Asked, *, ts: str, blocks: Sequence[Block]) -> None:
        self._api = api
        self._asked = asked
        self.ts = ts
        self._shown = list(blocks)
        self._waiting: list[Block] = []
        self._clock = api.clock
        self._last = self._clock()
        self._is_dead = False
        self._is_full = False

    async def add(self, blocks: Sequence[Block]) -> None:
        """Show more, now or with what comes next. What has no room is said in messages of its own at the end."""
        self._waiting += blocks
        self._is_full = self._is_full or not _fits([*self._shown, *self._waiting])
        is_time = self._clock() - self._last >= APPEND_SECONDS
        if self._is_dead or self._is_full or not is_time or not self._api.stream_appends.take():
            return
        try:
            await self._api.append_stream(self._asked.channel, self.ts, self._waiting)
        except ChannelError as exc:
            logger.info("a stream was cut off", extra={"code": exc.code})
            self._is_dead = True
            return
        self._shown += self._waiting
        self._waiting = []
        self._last = self._clock()

    async def end(
        self, ending: Sequence[Block], *, text: str, post: Callable[..., Awaitable[None]], is_whole: bool
    ) -> None:
        """The rest, in this message as far as there is room, and the end of the stream."""
        rest = [*self._waiting, *ending]
        here: list[Block] = []
        while rest and _fits([*self._shown, *here, rest[0]]):
            here.append(rest.pop(0))
        if not self._is_dead:
            self._is_dead = not await self._stop(here, key=self._asked.key if is_whole else None)
        if self._is_dead:
            message = SlackMessage(text=text, blocks=(*self._shown, *here))
            if not await _mend(self._api, self._asked.channel, self.ts, message):
                await post(message, part=0)
        part = 1
        while rest:
            blocks = [rest.pop(0)]
            while rest and _fits([*blocks, rest[0]]):
                blocks.append(rest.pop(0))
            await post(SlackMessage(text="(continued)", blocks=tuple(blocks)), part=part)
            part += 1

    async def _stop(self, blocks: Sequence[Block], *, key: str | None) -> bool:
        for attempt in (list(blocks), plain_feedback(blocks)):
            try:
                await self._api.stop_stream(self._asked.channel, self.ts, attempt, key=key)
            except ChannelError as exc:
                logger.info("a stream did not end well", extra={"code": exc.code})
                if exc.code != "invalid_blocks":
                    return False
            else:
                return True
        return False


class Working:
    """Shows that a question is being worked on, within a second: a status, or a reaction where there is none."""

    def __init__(self, api: SlackApi, asked: Asked) -> None:
        self._api = api
        self._asked = asked
        self._has_status = False
        self._has_eyes = False

    async def show(self, words: str) -> None:
        """Say it. Never raises: an answer matters more."""
        asked = self._asked
        if asked.ts is None:
            return
        with suppress(ChannelError):
            try:
                await self._api.status(asked.channel, asked.thread, words)
                self._has_status = True
            except ChannelError:
                await self._api.react(asked.channel, asked.ts, "eyes", is_on=True)
                self._has_eyes = True

    async def clear(self) -> None:
        """It is done."""
        asked = self._asked
        calls: list[Awaitable[None]] = []
        if self._has_status:
            calls.append(self._api.status(asked.channel, asked.thread, ""))
        if self._has_eyes:
            calls.append(self._api.react(asked.channel, asked.ts or "", "eyes", is_on=False))
        await asyncio.gather(*calls, return_exceptions=True)


async def _mend(api: SlackApi, channel: str, ts: str, message: SlackMessage) -> bool:
    """Put the whole message where a stream began; False if that is gone. Raises ChannelError for what may pass."""
    try:
        try:
            await api.update(channel, ts, message)
        except ChannelError as exc:
            if exc.code != _GROWING:
                raise
            await _end(api, channel, ts)
            await api.update(channel, ts, message)
    except ChannelError as exc:
        if exc.code not in _UNMENDABLE:
            raise
        return False
    return True


async def _end(api: SlackApi, channel: str, ts: str) -> None:
    try:
        await api.stop_stream(channel, ts, [], key=None)
    except ChannelError as exc:
        # A stream that is left open because of a rate limit would stand there half said, beside the whole.
        if is_passing(exc):
            raise


def _fits(blocks: Sequence[Block]) -> bool:
    return len(blocks) <= MOST_BLOCKS and sized(blocks) <= MOST_MESSAGE_BYTES
