"""How a model runs fastest, found while people ask: one measurement at a time, in moments when nobody does."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress

from app.chat_models.llama_cpp_process import LOAD_SECONDS, Event, WorkerProcess
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
        try:
            measured = await while_quiet(self._turns, beside.finish(self._tuning, is_loaded=False), give_up=beside.kill)
            return measured is not None and bool(measured["is_over"])
        finally:
            beside.kill()
            await beside.stop()


async def while_quiet(
    turns: Turns, work: Coroutine[object, object, Event], *, give_up: Callable[[], None] | None = None
) -> Event | None:
    """What the work comes to; None if somebody asked before: then it is cancelled. `give_up`: called before that."""
    working = asyncio.create_task(work)
    try:
        while not working.done() and turns.quiet_seconds:
            await asyncio.wait({working}, timeout=_LOOK_SECONDS)
        return working.result() if working.done() else None
    finally:
        if not working.done() and give_up is not None:
            give_up()
        working.cancel()
        with suppress(asyncio.CancelledError, ModelError):
            await working
