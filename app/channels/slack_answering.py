"""From a question in the inbox to its reply in Slack: who may read what, the answer, and how it is said."""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from app.answering.types import Answer, Question, SearchScope, SentenceReady
from app.auth import Caller
from app.channels.slack_api import SlackApi
from app.channels.slack_asking import Asked
from app.channels.slack_blocks import MOST_VALUE, Frame
from app.channels.slack_people import Refusal, SlackPeople
from app.channels.slack_replies import Earlier, Reply
from app.channels.slack_threads import Threads
from app.conversations import AnswerBook
from app.slack_settings import SlackRules, SlackTable
from app.wiring import AnswerSide
from kb.access import Principal
from kb.errors import InvalidQuestion

logger = logging.getLogger(__name__)


class SlackAnswering:
    """Answers one question at a time; any number of them beside each other."""

    def __init__(self, api: SlackApi, people: SlackPeople, side: AnswerSide, *, settings: SlackTable) -> None:
        self._api = api
        self._people = people
        self._side = side
        self._settings = settings
        self._threads = Threads()
        self._book = AnswerBook.of(side.knowledge_base.catalogue, side.settings)

    def reply_to(self, asked: Asked, *, earlier: Earlier, note: Callable[[str], Awaitable[None]]) -> Reply:
        """A reply that nothing was said in yet."""
        rules = self._settings.rules_of(asked.channel)
        is_seen_by_one = _is_seen_by_one(asked, rules)
        is_direct = asked.kind == "direct"
        return Reply(
            self._api,
            asked,
            frame=Frame(
                wish=asked.text if len(asked.text) <= MOST_VALUE else None,
                asked_by=asked.user if asked.kind == "shared" else None,
                may_ask_privately=not is_seen_by_one,
                may_share=is_seen_by_one and not is_direct,
                may_escalate=bool(rules.escalate_to),
                is_ephemeral=is_seen_by_one and not is_direct,
            ),
            may_stream=self._settings.streaming and asked.ts is not None and (is_direct or not is_seen_by_one),
            earlier=earlier,
            note=note,
        )

    async def answer(self, asked: Asked, reply: Reply) -> None:
        """Answer it. Raises ChannelError, CatalogueError."""
        rules = self._settings.rules_of(asked.channel)
        reader = await self._people.reader(asked, is_private=_is_seen_by_one(asked, rules))
        if isinstance(reader, Refusal):
            logger.info("question refused", extra={"kind": asked.kind})
            if not asked.is_quiet:
                await reply.words(reader.words)
            return
        try:
            answer = await self._say(asked, reader, reply, rules=rules)
        except InvalidQuestion as exc:
            if not asked.is_quiet:
                await reply.words(f"{exc}.")
            return
        facts = {"kind": asked.kind, "status": answer.status, "answer_id": answer.answer_id}
        logger.info("question answered", extra=facts | {"milliseconds": answer.timings_ms.total})

    async def _say(self, asked: Asked, reader: Principal, reply: Reply, *, rules: SlackRules) -> Answer:
        conversation_id = conversation_of(asked, is_private=_is_seen_by_one(asked, rules))
        question = Question(
            text=asked.text,
            conversation_id=conversation_id,
            scope=SearchScope(source=rules.source),
            earlier=self._threads.earlier(conversation_id),
        )
        self._threads.add(conversation_id, asked.text)
        caller = Caller(principal=reader, scopes=frozenset(), name=f"slack:{asked.team}:{asked.user}")
        # Looked up anew each time: another generation of the index may have taken over.
        async with aclosing(self._side.answerer.stream(question, reader)) as events:
            async for event in events:
                if isinstance(event, SentenceReady):
                    await reply.sentence(event)
                elif isinstance(event, Answer):
                    if event.status == "answered" or not asked.is_quiet:
                        # What people say to each other, and nobody answers, is kept nowhere.
                        await self._book.keep(asked.text, event, caller, channel="slack")
                        await reply.finish(event)
                    return event
        raise AssertionError("a stream ends with an answer")


def conversation_of(asked: Asked, *, is_private: bool) -> str:
    """The conversation a question belongs to. What one person was told alone is never part of a channel's."""
    alone = f":{asked.user}:{asked.key if asked.kind == 'command' else ''}" if is_private else ""
    return f"c_{hashlib.sha256(f'slack:{asked.place}{alone}'.encode()).hexdigest()[:24]}"


def _is_seen_by_one(asked: Asked, rules: SlackRules) -> bool:
    return asked.is_private or rules.ephemeral
