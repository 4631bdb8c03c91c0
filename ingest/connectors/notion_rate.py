"""How fast Notion may be asked: one request at a time and so many a second for each token in the whole process."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

# Allows a short burst after a pause, as Notion does, without leaving the average.
BURST_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The clock (seconds) and the way to wait; tests bring their own."""

    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)


class TokenBucket:
    """The pace of one token. Being told to wait holds for everyone who uses it."""

    def __init__(self, *, requests_per_second: float, timing: Timing) -> None:
        self.requests_per_second = requests_per_second
        self._timing = timing
        self._turn = asyncio.Lock()
        self._next_slot = timing.clock() - BURST_SECONDS
        self._closed_until = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The right to make one request. Only one is on its way at a time, so that none overtakes a "slow down"."""
        async with self._turn:
            while (seconds := self._seconds_to_wait()) > 0:
                await self._timing.sleep(seconds)
            earliest = self._timing.clock() - BURST_SECONDS
            self._next_slot = max(self._next_slot, earliest) + 1 / self.requests_per_second
            yield

    def pause(self, seconds: float) -> None:
        """Nobody asks before so many seconds have passed."""
        self._closed_until = max(self._closed_until, self._timing.clock() + seconds)

    def _seconds_to_wait(self) -> float:
        return max(self._next_slot, self._closed_until) - self._timing.clock()


# Buckets outlive connectors, which are built anew for every sync, and are the one thing that several of them share.
# A lock belongs to its event loop, so each loop has its own.
_BUCKETS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, TokenBucket]] = WeakKeyDictionary()


def bucket_of(token: str, *, requests_per_second: float, timing: Timing) -> TokenBucket:
    """The bucket of a token in the running event loop. Where sources disagree about its pace, the slowest counts."""
    buckets = _BUCKETS.setdefault(asyncio.get_running_loop(), {})
    # The token itself is not kept.
    key = hashlib.sha256(token.encode()).hexdigest()
    bucket = buckets.get(key)
    if bucket is None:
        bucket = buckets[key] = TokenBucket(requests_per_second=requests_per_second, timing=timing)
    bucket.requests_per_second = min(bucket.requests_per_second, requests_per_second)
    return bucket
