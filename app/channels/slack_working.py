"""Takes questions in, once each and stored before Slack is thanked, and works them off with a bounded crew."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from app.channels.slack_answering import SlackAnswering
from app.channels.slack_api import SlackApi, is_passing
from app.channels.slack_asking import Asked
from app.channels.slack_blocks import words_message
from app.channels.slack_replies import Earlier, Reply, Working
from app.slack_settings import SlackTable
from kb.catalogue import Catalogue
from kb.catalogue.records import InboxMessage
from kb.errors import CatalogueError, ChannelError, KnowledgeBaseError

logger = logging.getLogger(__name__)
CHANNEL = "slack"
# A worker that died gives its question up after this.
HOLD_SECONDS = 40.0
_RENEW_SECONDS = 10.0
_LOOK_SECONDS = 5.0
_MOST_ATTEMPTS = 5
_KEPT_DAYS = 30
_WORKING = "is reading the pages…"
_FULL = "Too many questions are waiting at the moment. Please ask again in a few minutes."
_TOO_MANY = "There were many questions in this channel just now. Please ask again in a minute."
_FAILED = "Something went wrong here, and this question has no answer. Please ask it again."


class SlackCrew:
    """The inbox of Slack and its workers."""

    def __init__(
        self,
        api: SlackApi,
        answering: SlackAnswering,
        catalogue: Catalogue,
        *,
        tenant: str,
        settings: SlackTable,
        pause_seconds: Callable[[int], float] = lambda attempt: min(30.0, 2.0**attempt),
    ) -> None:
        self._api = api
        self._answering = answering
        self._inbox = catalogue.inbox
        self._tenant = tenant
        self._settings = settings
        self._pause_seconds = pause_seconds
        self._holder = secrets.token_hex(8)
        self._bell = asyncio.Event()
        self._is_leaving = False
        self._workers: list[asyncio.Task[None]] = []
        # What is done beside the answers: first statuses, refusals, buttons.
        self._errands: set[asyncio.Task[None]] = set()
        self._answers: dict[str, asyncio.Task[None]] = {}
        self._stopped: set[str] = set()
        self._signs: dict[str, Working] = {}
        self._recent: dict[str, deque[float]] = {}

    def start(self) -> None:
        """Begin to work, with what an earlier process left unfinished."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._settings.workers)]
        self._workers.append(asyncio.create_task(self._keep_hold()))

    async def take_in(self, asked: Asked, *, event_id: str | None = None) -> bool:
        """Keep a question: True if it is new. Once this returns it will be answered. Raises CatalogueError."""
        keys = [asked.key, *([f"event:{event_id}"] if event_id else [])]
        refusal = self._too_many(asked)
        most = 0 if refusal else self._settings.most_waiting
        waiting = await self._inbox.accept(
            self._tenant, CHANNEL, keys=keys, place=asked.place, body=asked.to_body(), most_waiting=most
        )
        if waiting is None:
            return False
        self._recent.setdefault(asked.channel, deque()).append(time.monotonic())
        if waiting >= most:
            self.run_errand(self._put_off(asked, refusal or _FULL))
            return True
        self._signs[asked.key] = Working(self._api, asked)
        if not asked.is_quiet:
            before = max(0, waiting - self._settings.workers + 1)
            words = _WORKING if before == 0 else f"will answer after {before} other question{'s' * (before > 1)}…"
            self.run_errand(self._signs[asked.key].show(words))
        self._bell.set()
        return True

    async def take_note(self, asked: Asked) -> bool:
        """Is it new? For what is done at once, and only once. Raises CatalogueError."""
        known = await self._inbox.accept(self._tenant, CHANNEL, keys=[asked.key], place="", body={}, most_waiting=0)
        return known is not None

    async def is_engaged(self, asked: Asked) -> bool:
        """Was a question of this thread taken in before?"""
        return await self._inbox.has_place(self._tenant, CHANNEL, asked.place)

    # Any: what a coroutine yields and is sent is never used here.
    def run_errand(self, errand: Coroutine[Any, Any, None]) -> None:
        """Do something beside the answers; it is waited for at the end."""
        task = asyncio.create_task(_quietly(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def stop(self, channel: str, thread: str) -> bool:
        """The asker pressed stop: False if nothing is being said there."""
        task = next((task for place, task in self._answers.items() if place.endswith(f":{channel}:{thread}")), None)
        if task is None:
            return False
        self._stopped.add(task.get_name())
        return task.cancel()

    async def close(self) -> None:
        """Take nothing new, let answers finish for a while, mark what is half said, and leave the rest for later."""
        self._is_leaving = True
        self._bell.set()
        running = [*self._answers.values(), *self._errands]
        if running:
            await asyncio.wait(running, timeout=self._settings.drain_seconds)
        for task in [*self._workers, *self._answers.values(), *self._errands]:
            task.cancel()
        await asyncio.gather(*self._workers, *self._answers.values(), *self._errands, return_exceptions=True)
        with suppress(CatalogueError):
            await self._inbox.release(self._tenant, CHANNEL, holder=self._holder)

    def _too_many(self, asked: Asked) -> str | None:
        now, recent = time.monotonic(), self._recent.setdefault(asked.channel, deque())
        while recent and recent[0] <= now - 60:
            recent.popleft()
        return _TOO_MANY if len(recent) >= self._settings.rules_of(asked.channel).questions_per_minute else None

    async def _put_off(self, asked: Asked, words: str) -> None:
        if asked.response_url is not None:
            await self._api.respond(asked.response_url, words_message(words))
        elif not asked.is_quiet:
            await self._api.whisper(asked.channel, asked.user, words_message(words), thread_ts=asked.thread_ts)

    async def _work(self) -> None:
        while not self._is_leaving:
            try:
                self._bell.clear()
                message = await self._inbox.claim(self._tenant, CHANNEL, holder=self._holder, seconds=HOLD_SECONDS)
                if message is None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._bell.wait(), _LOOK_SECONDS)
                    continue
                self._bell.set()  # there may be more
                await self._see_to(message)
            except CatalogueError as exc:
                logger.warning("the inbox cannot be read", extra={"error": type(exc).__name__})
                await asyncio.sleep(_LOOK_SECONDS)

    async def _see_to(self, message: InboxMessage) -> None:
        asked = Asked.of(message.body)
        # A name for itself: cancelling an answer must not cancel its worker.
        task = asyncio.create_task(self._attempt(message, asked), name=message.key)
        self._answers[asked.place] = task
        try:
            await asyncio.wait([task])
        finally:
            if self._answers.get(asked.place) is task:
                del self._answers[asked.place]
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("question failed", exc_info=error)

    async def _attempt(self, message: InboxMessage, asked: Asked) -> None:
        reply = self._answering.reply_to(
            asked,
            earlier=Earlier(is_again=message.attempts > 0, begun=message.reply),
            note=lambda ts: self._inbox.note_reply(self._tenant, CHANNEL, message.key, ts),
        )
        sign = self._signs.setdefault(message.key, Working(self._api, asked))
        try:
            if asked.ts is not None and not asked.is_quiet:
                self.run_errand(self._api.session(asked.channel, asked.thread, "processing"))
            await self._answer(message, asked, reply)
        except asyncio.CancelledError:
            if message.key not in self._stopped:
                await asyncio.shield(reply.interrupt())
                raise
            self._stopped.discard(message.key)
            await reply.stop()
        self._signs.pop(message.key, None)
        await self._inbox.finish(self._tenant, CHANNEL, message.key)
        await sign.clear()
        if asked.ts is not None and not asked.is_quiet:
            self.run_errand(self._api.session(asked.channel, asked.thread, "active"))

    async def _answer(self, message: InboxMessage, asked: Asked, reply: Reply) -> None:
        """Answer, and again after a pause while Slack or the catalogue is away; give up on what cannot be said."""
        for attempt in range(message.attempts, _MOST_ATTEMPTS):
            try:
                await self._answering.answer(asked, reply)
                return
            except KnowledgeBaseError as exc:
                facts = {"error": type(exc).__name__, "code": getattr(exc, "code", None), "attempt": attempt}
                logger.warning("question could not be answered", extra=facts)
                if isinstance(exc, ChannelError) and not is_passing(exc):
                    return
                await asyncio.sleep(self._pause_seconds(attempt))
                reply = self._answering.reply_to(
                    asked,
                    earlier=Earlier(is_again=True, begun=reply.begun or message.reply),
                    note=lambda ts: self._inbox.note_reply(self._tenant, CHANNEL, message.key, ts),
                )
            except Exception:
                # A bug that one question brings out must not take the others with it.
                logger.exception("question failed", extra={"kind": asked.kind})
                break
        if not asked.is_quiet:
            with suppress(ChannelError):
                await reply.words(_FAILED)

    async def _keep_hold(self) -> None:
        cleaned = 0.0
        while True:
            with suppress(CatalogueError):
                await self._inbox.hold(self._tenant, CHANNEL, holder=self._holder, seconds=HOLD_SECONDS)
                if time.monotonic() - cleaned > 3600:
                    cleaned = time.monotonic()
                    before = datetime.now(UTC) - timedelta(days=_KEPT_DAYS)
                    await self._inbox.forget(self._tenant, CHANNEL, before=before)
            await asyncio.sleep(_RENEW_SECONDS)


# Any: what a coroutine yields and is sent is never used here.
async def _quietly(errand: Coroutine[Any, Any, None]) -> None:
    try:
        await errand
    except KnowledgeBaseError as exc:
        logger.info("an errand in Slack failed", extra={"code": getattr(exc, "code", type(exc).__name__)})
    except Exception:
        logger.exception("an errand in Slack failed")
