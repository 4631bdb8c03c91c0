"""The answer side of a running server: questions go before syncs, and a new generation of the index takes over."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

from app.answering.ports import QuestionAnswerer
from app.answering.types import Answer, AnswerEvent, Passage, Question, SearchScope
from app.crowd import Crowd, CrowdedAnswerer
from app.wiring import AnswerSide, assemble
from ingest.reindexing import drop_retired
from kb.access import Principal
from kb.embedders.polite import Courtesy, PoliteEmbedder
from kb.errors import KnowledgeBaseError
from kb.wiring import KnowledgeBase, open_generation

logger = logging.getLogger(__name__)
# How soon a server notices that another generation is live. Until then it answers from the one before, whole.
WATCH_SECONDS = 2.0
# Questions that began before are through by then.
GRACE_SECONDS = 180.0
_HOURLY_SECONDS = 3600.0


class CurrentSide:
    """Keeps an answer side current: each question is answered by one generation from beginning to end."""

    def __init__(self, side: AnswerSide) -> None:
        self._side = side
        self._courtesy = Courtesy()
        self._crowd = Crowd(most_seconds=side.settings.limits.longest_wait_seconds)
        side.answerer = self._sharing(side.answerer)

    @property
    def for_syncs(self) -> KnowledgeBase:
        """The knowledge base at the moment, with an embedder that lets questions go first."""
        base = self._side.knowledge_base
        return replace(base, embedder=PoliteEmbedder(base.embedder, self._courtesy))

    async def follow(self) -> None:
        """Take over each generation that goes live, until cancelled; drop those that are retired for a day."""
        opened: list[AsyncExitStack] = []
        looks = 0
        try:
            while True:
                try:
                    if looks % int(_HOURLY_SECONDS / WATCH_SECONDS) == 0:
                        await drop_retired(self._side.settings, self._side.knowledge_base.catalogue)
                    await self._take_over(opened)
                except KnowledgeBaseError as exc:
                    logger.warning("the live generation cannot be opened", extra={"reason": str(exc)})
                looks += 1
                await asyncio.sleep(WATCH_SECONDS)
        finally:
            for stack in opened:
                await stack.aclose()

    def _sharing(self, answerer: QuestionAnswerer) -> QuestionAnswerer:
        """It shares the machine: with syncs, and among those who ask."""
        return CrowdedAnswerer(AttentiveAnswerer(answerer, self._courtesy), self._crowd)

    async def _take_over(self, opened: list[AsyncExitStack]) -> None:
        side = self._side
        live = await side.knowledge_base.catalogue.generations.live(side.settings.tenant)
        if live is None or live.id == side.knowledge_base.generation.id:
            return
        stack = AsyncExitStack()
        base = await stack.enter_async_context(open_generation(side.settings, side.knowledge_base.catalogue, live))
        # The first question should not be the one that loads the weights.
        await base.embedder.embed_query("ready")
        fresh = assemble(base, side.chat_model, side.settings, tracer=side.tracer)
        # No await in between: a question sees both or neither.
        side.knowledge_base = base
        side.answerer = self._sharing(fresh.answerer)
        logger.info("generation taken over", extra={"generation": live.id})
        for before in opened:
            asyncio.get_running_loop().call_later(GRACE_SECONDS, _close_soon, before)
        opened[:] = [stack]


class AttentiveAnswerer:
    """An answerer that says while a question is under way."""

    def __init__(self, inner: QuestionAnswerer, courtesy: Courtesy) -> None:
        self._inner = inner
        self._courtesy = courtesy

    async def answer(self, question: Question, principal: Principal) -> Answer:
        """See QuestionAnswerer."""
        with self._courtesy.question():
            return await self._inner.answer(question, principal)

    async def stream(self, question: Question, principal: Principal) -> AsyncGenerator[AnswerEvent, None]:
        """See QuestionAnswerer."""
        with self._courtesy.question():
            async with aclosing(self._inner.stream(question, principal)) as events:
                async for event in events:
                    yield event

    async def search(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> Sequence[Passage]:
        """See QuestionAnswerer."""
        with self._courtesy.question():
            return await self._inner.search(query, principal, scope=scope, count=count)


_closing: set[asyncio.Task[None]] = set()


def _close_soon(stack: AsyncExitStack) -> None:
    task = asyncio.get_running_loop().create_task(stack.aclose())
    _closing.add(task)
    task.add_done_callback(_closing.discard)
