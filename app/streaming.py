"""Answers on their way out: server-sent events, work that ends when the caller leaves, requests that are sent twice."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel

from app.draining import Draining
from app.problems import Problem, problem_body, problem_for
from kb.catalogue.answers import AnswerStore
from kb.errors import InvalidQuestion, KnowledgeBaseError, RequestConflict, RequestMismatch

logger = logging.getLogger(__name__)
# No proxy may keep events back.
STREAM_HEADERS = {"X-Accel-Buffering": "no"}
# Nobody reads this status: it is what nginx writes in its log for a caller who hung up.
_HUNG_UP = 499
_LONGEST_KEY = 200
Result = TypeVar("Result")
Event = TypeVar("Event")


# Any: what a coroutine yields and is sent is never used here.
async def unless_hung_up(request: Request, work: Coroutine[Any, Any, Result], draining: Draining) -> Result:
    """The work's result; it is cancelled when the caller hangs up, so that the model is free for others.

    Raises ServerEnding when the server ends first.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_hang_up(request))
    try:
        async with draining.bounded():
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(_HUNG_UP)
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def frame(body: str, *, name: str | None = None) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {body}\n\n" if name else f"data: {body}\n\n"


async def server_sent_events(
    events: AsyncIterator[Event],
    draining: Draining,
    *,
    written: Callable[[Event], str],
    failed: Callable[[Mapping[str, object]], str],
) -> AsyncGenerator[str, None]:
    """The events as text/event-stream. After the first byte an error is an event too, not a status; so is the end of
    the server, if it comes first.

    `written`: the frames of an event; `failed`: the frames of a problem.
    """
    try:
        async with aclosing(events), draining.bounded():  # type: ignore[type-var]  # they are all async generators
            async for event in events:
                yield written(event)
    except KnowledgeBaseError as exc:
        problem = problem_for(exc)
        logger.warning("answer stream failed", extra={"error": type(exc).__name__, "reason": str(exc)})
        yield failed(problem_body(problem, detail=problem.title if problem.hides else str(exc)))
    except Exception:
        logger.exception("answer stream failed")
        problem = Problem(500, "internal", "Something went wrong here")
        yield failed(problem_body(problem, detail="see the server's log"))


class Once:
    """A request that may be sent twice and is answered once: the second gets the first one's answer.

    `is_readable`: may the asker still read all of these documents? If not, the second is answered anew.
    """

    def __init__(
        self,
        store: AnswerStore,
        *,
        tenant: str,
        asker: str,
        key: str,
        body: BaseModel,
        is_readable: Callable[[Iterable[str]], Awaitable[bool]],
    ) -> None:
        """Raises InvalidQuestion for a key that cannot be kept."""
        if not 1 <= len(key) <= _LONGEST_KEY or not key.isprintable():
            raise InvalidQuestion(f"an Idempotency-Key has 1 to {_LONGEST_KEY} printable characters")
        self._store = store
        self._is_readable = is_readable
        self._place = (tenant, asker, key)
        self._digest = hashlib.sha256(json.dumps(body.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    # The answer's own JSON.
    async def begin(self) -> Mapping[str, Any] | None:
        """The earlier answer; None if this is the first. Raises RequestConflict, RequestMismatch."""
        if await self._store.begin_request(*self._place, digest=self._digest):
            return None
        digest, kept = await self._store.request(*self._place) or (self._digest, None)
        if digest != self._digest:
            raise RequestMismatch("this Idempotency-Key was sent with another request: use a new one")
        if kept is not None and await self._is_readable(kept["documents"]):
            earlier: Mapping[str, Any] = kept["answer"]
            return earlier
        if kept is not None:
            await self._store.finish_request(*self._place, body=None)
            if await self._store.begin_request(*self._place, digest=self._digest):
                return None
        raise RequestConflict("the first request with this Idempotency-Key is still being answered: wait")

    async def end(self, body: BaseModel | None, *, documents: Iterable[str] = ()) -> None:
        """Keep the answer and what it was made from; None: there was none, and the request may be sent again."""
        kept = {"answer": body.model_dump(mode="json"), "documents": sorted(set(documents))} if body else None
        await self._store.finish_request(*self._place, body=kept)
