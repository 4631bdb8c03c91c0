"""The end of a server in order: say that it ends, let what was begun finish, take nothing new, and only then stop."""

import asyncio
import time
from collections.abc import Callable

# So often it is looked whether everything is answered.
_LOOK_SECONDS = 0.05


class Draining:
    """Whether this server is ending, and whether it still takes requests."""

    def __init__(self) -> None:
        self.has_begun = False
        self.refuses = False

    async def run(self, *, notice_seconds: float, most_seconds: float, is_idle: Callable[[], bool]) -> None:
        """Returns when everything that was begun is answered, or after `most_seconds`.

        For `notice_seconds` new requests are still taken, while `/readyz` says that the server ends: whoever spreads
        requests over servers needs so long to notice. Then they are refused, so that there is an end.
        """
        self.has_begun = True
        ends_at = time.monotonic() + most_seconds
        await asyncio.sleep(min(notice_seconds, most_seconds))
        self.refuses = True
        while not is_idle() and time.monotonic() < ends_at:  # noqa: ASYNC110  # requests are counted, and tell nobody
            await asyncio.sleep(_LOOK_SECONDS)
