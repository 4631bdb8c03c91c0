"""Python's full collections stop everything, for a tenth of a second and more: here they wait for a quiet moment."""

import asyncio
import gc
import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
# Without a quiet moment one is taken all the same.
LONGEST_SECONDS = 600.0
# How often what has long been there is looked at once more.
THOROUGH_SECONDS = 3600.0
# A middle collection looks at some 10,000 new objects, for four milliseconds. The third is how many of them make a full
# one: by themselves, practically none.
_THRESHOLDS = (1000, 10, 1_000_000)


class QuietCollector:
    """Collects when nobody asks. What is left then is set aside, so that the next time is short.

    `is_quiet`: nobody waits for anything at the moment.
    """

    def __init__(self, is_quiet: Callable[[], bool], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_quiet = is_quiet
        self._clock = clock
        self._collected_at = self._thorough_at = clock()
        self._has_collected = False

    async def run_forever(self) -> None:
        """Collect when everything is loaded, as soon as nobody asks, then now and again, until cancelled: then all is
        as before."""
        before = gc.get_threshold()
        gc.set_threshold(*_THRESHOLDS)
        try:
            while True:
                if self.is_due():
                    self.collect()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            gc.set_threshold(*before)
            gc.unfreeze()

    def is_due(self) -> bool:
        """Is this a moment for it?"""
        since = self._clock() - self._collected_at
        is_time = since >= LOOK_SECONDS * 6 or not self._has_collected
        return since >= LONGEST_SECONDS or (is_time and self._is_quiet())

    def collect(self) -> None:
        """A full collection; a thorough one looks at what was set aside too, and is for quiet moments alone."""
        self._collected_at, self._has_collected = self._clock(), True
        if self._collected_at - self._thorough_at >= THOROUGH_SECONDS and self._is_quiet():
            self._thorough_at = self._collected_at
            gc.unfreeze()
        started = time.perf_counter()
        found = gc.collect()
        gc.freeze()
        seconds = time.perf_counter() - started
        logger.debug("collected", extra={"found": found, "milliseconds": round(seconds * 1000, 1)})
