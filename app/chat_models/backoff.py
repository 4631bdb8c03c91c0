"""How soon a process that died is started again: at once, then after longer and longer pauses."""

import time
from collections.abc import Callable

LONGEST_SECONDS = 60.0


class Backoff:
    """Counts deaths since the last success."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths = 0
        self._last = 0.0

    def died(self) -> None:
        """It ended unasked."""
        self._deaths += 1
        self._last = self._clock()

    def succeeded(self) -> None:
        """It did what it is for: what was before is forgotten."""
        self._deaths = 0

    @property
    def wait_seconds(self) -> float:
        """How long it must not be started yet. The first two starts after a death are free: 0, 0, then 1, 2, 4 …"""
        if self._deaths < 3:
            return 0.0
        pause = min(LONGEST_SECONDS, 2.0 ** (self._deaths - 3))
        return max(0.0, self._last + pause - self._clock())
