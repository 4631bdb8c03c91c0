"""A process that dies at any await: tasks are counted step by step, and after the last one nothing reaches anything.

What a dead process had begun is rolled back, as it is when a real one is killed; what it had flushed stays. When the
power fails too, writes of the index that were not flushed may be gone, the latest first.
"""

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Row, Select, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kb.catalogue.database import Database
from kb.embedders.base import Vectors
from kb.index.base import Hit, IndexedChunk, IndexFilter, IndexHealth
from kb.index.memory import MemoryIndex


class Killed(BaseException):
    """The process is dead. No exception of the product: nothing may catch it."""


class Process:
    """What runs in `live` until it ends, or dies at its `dies_at`th await. `look` is called before the awaits in
    `looks_at`, while nothing else runs."""

    def __init__(self, *, dies_at: int | None, looks_at: frozenset[int], look: Callable[[], Awaitable[None]]) -> None:
        self.steps = 0
        self.is_dead = False
        self._dies_at = dies_at
        self._looks_at = looks_at
        self._look = look
        self._tasks: list[asyncio.Task[Any]] = []
        # Those that know that they are dead.
        self.told: set[asyncio.Task[Any] | None] = set()

    async def live(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the work and whatever tasks it starts, to the end or to its death."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._begin)
        try:
            main = loop.create_task(work)
            while not main.done() and not self.is_dead:
                await asyncio.wait([task for task in self._tasks if not task.done()], return_when="FIRST_COMPLETED")
            # The one that died ends first: cancelled on its way out, it would leave a connection open, and its lock.
            while dying := [task for task in self._tasks if task in self.told and not task.done()]:
                await asyncio.wait(dying)
            for task in self._tasks:
                task.cancel()
            outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            loop.set_task_factory(None)
        if not self.is_dead:
            # A bug of the product, or of this program.
            for outcome in outcomes:
                if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                    raise outcome

    def forget(self) -> None:
        """Let go of all frames: a cursor in one of them would keep its closed connection's lock."""
        self._tasks.clear()
        self.told.clear()
        gc.collect()

    def must_live(self) -> None:
        """Raises Killed in a dead process: the door to all that lasts."""
        if self.is_dead:
            raise Killed

    def _begin(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **named: Any
    ) -> "asyncio.Task[Any]":
        if self.is_dead:
            # Connections are put away. That is not the process's doing: the system does it for a dead one.
            return asyncio.Task(_plain(work), loop=loop, **named)
        task = asyncio.Task(self._stepped(_Steps(self, work)), loop=loop, **named)
        self._tasks.append(task)
        return task

    async def _stepped(self, steps: "_Steps") -> Any:
        return await steps

    async def step(self) -> None:
        """Count one await of any task."""
        self.steps += 1
        if self.steps == self._dies_at:
            self.is_dead = True
        elif self.steps in self._looks_at and not self.is_dead:
            await self._look()


class _Steps:
    """Awaits a coroutine, with a word to the process between any two of its steps."""

    def __init__(self, mortal: Process, work: Any) -> None:
        self._process = mortal
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        failure: BaseException | None = None
        task = asyncio.current_task()
        while True:
            try:
                waiting = self._work.send(None) if failure is None else self._work.throw(failure)
            except StopIteration as ended:
                return ended.value
            failure = None
            try:
                # What was begun, a commit say, ends before the process can die: both orders are met, one step apart.
                yield waiting
                if not self._process.is_dead:
                    yield from self._process.step().__await__()
            except BaseException as exc:  # noqa: BLE001  # it is thrown into the coroutine, whatever it is
                failure = exc
            if self._process.is_dead and task not in self._process.told:
                self._process.told.add(task)
                failure = Killed()


async def _plain(work: Any) -> Any:
    return await work


class MortalDatabase(Database):
    """A catalogue's database that is closed to the dead."""

    mortal: Process | None = None

    def __init__(self, engine: AsyncEngine, **named: Any) -> None:
        super().__init__(engine, **named)
        self._opened: list[tuple[Any, Any, Callable[[], Any]]] = []
        event.listen(engine.sync_engine, "connect", self._note)

    async def bury(self) -> None:
        """Roll back and close what a dead process left open, as the system does."""
        for connection, raw, stop in self._opened:
            # The rollback first: closing with a statement half read would keep the transaction, and its lock.
            connection._tx.put_nowait((None, raw.rollback))
            stop()
            await asyncio.to_thread(connection._thread.join)
        self._opened.clear()

    def _note(self, adapted: Any, record: object) -> None:
        connection = adapted.driver_connection
        stop, close = connection.stop, connection.close
        self._opened.append((connection, connection._connection, stop))
        # The dead close nothing: their connections are buried as they are.
        connection.stop = lambda: None if self._is_dead else stop()
        connection.close = lambda: asyncio.sleep(0) if self._is_dead else close()

    @property
    def _is_dead(self) -> bool:
        return self.mortal is not None and self.mortal.is_dead

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """As it is."""
        self._must_live()
        async with super().read() as connection:
            yield connection

    async def fetch(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """As it is."""
        self._must_live()
        return await super().fetch(query)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """As it is."""
        self._must_live()
        async with super().write() as connection:
            yield connection

    def _must_live(self) -> None:
        if self.mortal is not None:
            self.mortal.must_live()


class LastingIndex:
    """An index that outlives the processes that use it. Each write is one step, durable once it was flushed."""

    def __init__(self, *, dimension: int) -> None:
        self._dimension = dimension
        self._durable = MemoryIndex(dimension=dimension)
        self._now = MemoryIndex(dimension=dimension)
        self._unflushed: list[tuple[str, dict[str, Any]]] = []

    async def fail_power(self, chance: random.Random) -> None:
        """What was not flushed is gone, or its latest part."""
        kept = self._unflushed[: chance.randint(0, len(self._unflushed))]
        self._unflushed = []
        self._now = MemoryIndex(dimension=self._dimension)
        self._now._points = dict(self._durable._points)
        for name, arguments in kept:
            await self.write(name, **arguments)
        await self.flush()

    async def write(self, name: str, **arguments: Any) -> None:
        """One write."""
        await getattr(self._now, name)(**arguments)
        self._unflushed.append((name, arguments))

    async def flush(self) -> None:
        """What was written is there for good."""
        self._unflushed = []
        self._durable._points = dict(self._now._points)

    async def search(self, *, where: IndexFilter, vector: Vectors | None, text: str, k: int) -> list[Hit]:
        """As the memory index does."""
        return await self._now.search(where=where, vector=vector, text=text, k=k)

    async def counts(self, *, tenant: str) -> Mapping[tuple[str, int], int]:
        """As the memory index does."""
        return await self._now.counts(tenant=tenant)

    async def health(self) -> IndexHealth:
        """As the memory index does."""
        return await self._now.health()


class MortalIndex:
    """One process's way to the index: an await before and after each call."""

    def __init__(self, lasting: LastingIndex, mortal: Process) -> None:
        self._lasting = lasting
        self._process = mortal

    async def upsert_revision(self, chunks: Sequence[IndexedChunk]) -> None:
        """All or nothing."""
        await self._write("upsert_revision", chunks=list(chunks))

    async def delete_revisions(self, *, tenant: str, document_id: str, keep: int | None) -> None:
        """Every revision but `keep`."""
        await self._write("delete_revisions", tenant=tenant, document_id=document_id, keep=keep)

    async def set_audience(self, *, tenant: str, document_id: str, audience_id: int) -> None:
        """On every point of the document."""
        await self._write("set_audience", tenant=tenant, document_id=document_id, audience_id=audience_id)

    async def drop(self) -> None:
        """Forget everything."""
        await self._write("drop")

    async def flush(self) -> None:
        """Durable from here on."""
        await self._between(self._lasting.flush)

    async def search(self, *, where: IndexFilter, vector: Vectors | None, text: str, k: int) -> list[Hit]:
        """As it is."""
        return await self._lasting.search(where=where, vector=vector, text=text, k=k)

    async def counts(self, *, tenant: str) -> Mapping[tuple[str, int], int]:
        """As it is."""
        return await self._lasting.counts(tenant=tenant)

    async def health(self) -> IndexHealth:
        """As it is."""
        return await self._lasting.health()

    async def close(self) -> None:
        """The index outlives its users."""

    async def _write(self, name: str, **arguments: Any) -> None:
        await self._between(lambda: self._lasting.write(name, **arguments))

    async def _between(self, call: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(0)
        self._process.must_live()
        await call()
        await asyncio.sleep(0)
