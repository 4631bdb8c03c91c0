"""The end of a server in order: say that it ends, let what was begun finish, take nothing new, and only then stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kb.errors import ServerEnding

# So often it is looked whether everything is answered.
_LOOK_SECONDS = 0.05
# What is cut short tells its caller so; that takes no longer.
LAST_WORD_SECONDS = 1.0


class Draining:
    """Whether this server is ending, whether it still takes requests, and who is told when their time is up."""

    def __init__(self) -> None:
        self.has_begun = False
        self.refuses = False
        self._has_cut = False
        self._bounds: set[asyncio.Timeout] = set()

    async def run(self, *, notice_seconds: float, most_seconds: float, is_idle: Callable[[], bool]) -> None:
        """Returns when everything that was begun is answered, or cut short after `most_seconds`.

        For `notice_seconds` new requests are still taken, while `/readyz` says that the server ends: whoever spreads
        requests over servers needs so long to notice. Then they are refused, so that there is an end.
        """
        self.has_begun = True
        ends_at = time.monotonic() + most_seconds
        await asyncio.sleep(min(notice_seconds, most_seconds))
        self.refuses = True
        await _until(is_idle, ends_at)
        self._cut()
        await _until(is_idle, time.monotonic() + LAST_WORD_SECONDS)

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Work that the server's end cuts short: then it is cancelled, and ServerEnding raised."""
        bound = asyncio.timeout(None)
        try:
            async with bound:
                self._bounds.add(bound)
                if self._has_cut:
                    bound.reschedule(0)
                yield
        except TimeoutError as exc:
            if not bound.expired():
                raise
            raise ServerEnding("this server is ending: ask again in a moment") from exc
        finally:
            self._bounds.discard(bound)

    def _cut(self) -> None:
        self._has_cut = True
        for bound in self._bounds:
            bound.reschedule(0)


async def _until(is_idle: Callable[[], bool], ends_at: float) -> None:
    while not is_idle() and time.monotonic() < ends_at:  # noqa: ASYNC110  # requests are counted, and tell nobody
        await asyncio.sleep(_LOOK_SECONDS)
