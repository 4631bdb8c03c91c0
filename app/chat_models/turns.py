"""Whose question the chat model takes next: one of each asker in turn, and none that would wait too long."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kb.errors import ModelRateLimited

# Before anything was measured: what a question takes on a small machine.
FIRST_GUESS_SECONDS = 2.0


class Turns:
    """Up to `parallel` at once; the others wait, an asker's own questions behind each other."""

    def __init__(self, *, parallel: int, queue_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = parallel
        self._parallel = parallel
        self._queue_seconds = queue_seconds
        self._clock = clock
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._mean_seconds = FIRST_GUESS_SECONDS
        self._last_end = -float("inf")

    @property
    def quiet_seconds(self) -> float:
        """For how long nobody has been asking: 0 while somebody does."""
        is_quiet = self._free == self._parallel and not self._waiting
        return self._clock() - self._last_end if is_quiet else 0.0

    @property
    def waiting_count(self) -> int:
        """Questions in the queue."""
        return sum(len(queue) for queue in self._waiting.values())

    def predicted_seconds(self, asker: str) -> float:
        """How long a question of this asker would wait if it came now."""
        if self._free and not self._waiting:
            return 0.0
        own = len(self._waiting.get(asker, ()))
        # In turns: by the time it is this one's, each other asker has had as many as this asker.
        ahead = own + sum(min(len(queue), own + 1) for each, queue in self._waiting.items() if each != asker)
        return (ahead + 1) * self._mean_seconds / self._parallel

    @asynccontextmanager
    async def turn(self, asker: str) -> AsyncIterator[None]:
        """Wait for a turn and keep it. Raises ModelRateLimited: at once if the wait would be too long, or after it."""
        predicted = self.predicted_seconds(asker)
        if predicted > self._queue_seconds:
            raise _busy(predicted)
        await self._take(asker)
        started = self._clock()
        try:
            yield
            self._mean_seconds += (self._clock() - started - self._mean_seconds) / 8
        finally:
            self._pass_on()

    async def _take(self, asker: str) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(asker, deque()).append(place)
        try:
            await asyncio.wait_for(asyncio.shield(place), self._queue_seconds)
        except (TimeoutError, asyncio.CancelledError) as exc:
            if place.done() and not place.cancelled():
                self._pass_on()  # it was given in the same moment
            else:
                self._leave(asker, place)
            if isinstance(exc, TimeoutError):
                raise _busy(self._mean_seconds) from None
            raise

    def _leave(self, asker: str, place: asyncio.Future[None]) -> None:
        place.cancel()
        queue = self._waiting[asker]
        queue.remove(place)
        if not queue:
            del self._waiting[asker]

    def _pass_on(self) -> None:
        """To the next asker, who then goes behind the others."""
        self._last_end = self._clock()
        if not self._waiting:
            self._free += 1
            return
        asker, queue = self._waiting.popitem(last=False)
        queue.popleft().set_result(None)
        if queue:
            self._waiting[asker] = queue


def _busy(seconds: float) -> ModelRateLimited:
    return ModelRateLimited("the chat model is busy with other questions", retry_after=max(1.0, seconds))
