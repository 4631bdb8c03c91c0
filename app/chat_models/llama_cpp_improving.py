"""How a model runs fastest, found while people ask: one measurement at a time, in moments when nobody does."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from app.chat_models.llama_cpp_process import LOAD_SECONDS, WorkerProcess
from app.chat_models.turns import Turns
from kb.errors import ModelError

# Nobody has asked for so long: it is a quiet moment.
QUIET_SECONDS = 3.0
_LOOK_SECONDS = 0.1


class Improver:
    """`tuning`: the job that measures one way more. A question breaks a measurement off, which is made again later."""

    def __init__(self, turns: Turns, tuning: Mapping[str, object], *, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._turns = turns
        self._tuning = tuning
        self._quiet_seconds = quiet_seconds

    async def measure(self) -> None:
        """Until everything is measured and the fastest way is chosen, in a process beside the model's own.

        Raises ModelError.
        """
        while not await self._measure_once():
            pass

    async def quiet(self) -> None:
        """Wait until nobody has asked for a while."""
        while (left := self._quiet_seconds - self._turns.quiet_seconds) > 0:  # noqa: ASYNC110 - below
            # Quiet begins with the last answer's end, but how long it lasts is the clock's.
            await asyncio.sleep(max(left, _LOOK_SECONDS))

    async def _measure_once(self) -> bool:
        """Is it over? False too if a question came in between."""
        await self.quiet()
        beside = WorkerProcess(self._tuning, silence_seconds=LOAD_SECONDS, wait_seconds=LOAD_SECONDS)
        measuring = asyncio.create_task(beside.finish(self._tuning, is_loaded=False))
        try:
            while not measuring.done() and self._turns.quiet_seconds:
                await asyncio.wait({measuring}, timeout=_LOOK_SECONDS)
            return measuring.done() and bool(measuring.result()["is_over"])
        finally:
            measuring.cancel()
            beside.kill()
            with suppress(asyncio.CancelledError, ModelError):
                await measuring
            await beside.stop()
