"""What answering needs from outside, as small protocols, so that it knows no database and no framework."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from app.answering.types import Answer, AnswerEvent, Passage, Question, SearchScope
from kb.access import Principal


class Retriever(Protocol):
    """Query → the best passages the principal may read."""

    async def retrieve(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> list[Passage]:
        """At most `count` passages, best first. Raises IndexFailure, CatalogueError."""


class SectionReranker(Protocol):
    """Reads query and section together; see app/rerankers/base.py."""

    @property
    def candidate_count(self) -> int:
        """How many of the best sections it is shown."""

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers to the query, 0…1. Raises ModelError."""


class QuestionAnswerer(Protocol):
    """What every channel calls."""

    async def answer(self, question: Question, principal: Principal) -> Answer:
        """The answer, or `not_found`, or `unavailable`: never an exception for a question that can be read.

        Raises InvalidQuestion.
        """

    def stream(self, question: Question, principal: Principal) -> AsyncGenerator[AnswerEvent, None]:
        """SourcesFound, then SentenceReady for each checked sentence, then the Answer. Raises InvalidQuestion."""

    async def search(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> Sequence[Passage]:
        """The passages alone. Raises InvalidQuestion, IndexFailure, CatalogueError."""


async def answer_of(stream: AsyncGenerator[AnswerEvent, None]) -> Answer:
    """The answer that a stream ends with."""
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, Answer):
                return event
    raise AssertionError("a stream ends with an answer")
