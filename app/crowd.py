"""Questions at work on this server: those that would wait too long are told at once when to come back."""

import statistics
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager

from app.answering.ports import QuestionAnswerer
from app.answering.types import Answer, AnswerEvent, Passage, Question, SearchScope
from kb.access import Principal
from kb.errors import ServerBusy

# So many are let in whatever was measured: a few slow answers are no crowd.
FEWEST = 8
# The mean of so many answers counts, without the longest: one, such as the first after a start, is no sign of slowness.
LATEST = 16
# Before anything was measured: what an answer costs a small machine.
FIRST_GUESS_SECONDS = 0.1


class Crowd:
    """How many questions are at work, and how fast they have been answered lately. `most_seconds`: longest wait."""

    def __init__(self, *, most_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_seconds = most_seconds
        self._clock = clock
        self._at_work = 0
        self._gaps = deque([FIRST_GUESS_SECONDS] * LATEST, maxlen=LATEST)
        self._last_end = clock()

    @property
    def predicted_seconds(self) -> float:
        """When a question that came now would be answered."""
        return (self._at_work + 1) * statistics.fmean(sorted(self._gaps)[:-1])

    @contextmanager
    def question(self) -> Iterator[None]:
        """One at work. Raises ServerBusy instead if it would wait too long."""
        if self._at_work >= FEWEST and self.predicted_seconds > self._most_seconds:
            raise ServerBusy(
                "too many questions are being answered: ask again in a moment",
                # By then half of those before it are through.
                retry_after=self.predicted_seconds / 2,
            )
        if not self._at_work:
            self._last_end = self._clock()
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            now = self._clock()
            self._gaps.append(now - self._last_end)
            self._last_end = now


class CrowdedAnswerer:
    """An answerer that takes no more questions than it can answer in time."""

    def __init__(self, inner: QuestionAnswerer, crowd: Crowd) -> None:
        self._inner = inner
        self._crowd = crowd

    async def answer(self, question: Question, principal: Principal) -> Answer:
        """See QuestionAnswerer. Raises ServerBusy."""
        with self._crowd.question():
            return await self._inner.answer(question, principal)

    async def stream(self, question: Question, principal: Principal) -> AsyncGenerator[AnswerEvent, None]:
        """See QuestionAnswerer. Raises ServerBusy before the first event."""
        with self._crowd.question():
            async with aclosing(self._inner.stream(question, principal)) as events:
                async for event in events:
                    yield event

    async def search(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> Sequence[Passage]:
        """See QuestionAnswerer. Raises ServerBusy."""
        with self._crowd.question():
            return await self._inner.search(query, principal, scope=scope, count=count)
