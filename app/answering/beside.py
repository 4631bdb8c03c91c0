"""Reading and weighing of pages beside the event loop: a long one takes a tenth of a second, and others wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class SideThread:
    """One thread, on which one thing is done after the other: what is remembered there needs no locks.

    It begins with the first thing to do and ends with this object.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="weighing")

    async def run(self, work: Callable[Given, Result], *args: Given.args, **others: Given.kwargs) -> Result:
        """What the work returns or raises. Work that nobody waits for any more is still finished."""
        call = partial(copy_context().run, work, *args, **others)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)
