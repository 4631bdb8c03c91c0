"""The REST channel: `POST /api/v1/ask` (JSON and server-sent events) and `POST /api/v1/search`."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from app.answering.answerer import readable_question
from app.answering.types import Answer, AnswerEvent, SourcesFound
from app.auth import Caller, resolve_caller
from app.contract import AnswerBody, AskBody, CitationBody, PassageBody, SearchBody, SearchResultBody, SentenceBody
from app.problems import Problem, problem_body, problem_for
from app.wiring import AnswerSide
from kb.errors import KnowledgeBaseError

logger = logging.getLogger(__name__)
# Nobody reads this status: it is what nginx writes in its log for a caller who hung up.
_HUNG_UP = 499
Result = TypeVar("Result")


class SentenceEvent(BaseModel):
    """The `sentence` event: one checked sentence, and the citations it is the first to use."""

    sentence: SentenceBody
    citations: tuple[CitationBody, ...]


def build_router(side: AnswerSide, *, is_open: bool) -> APIRouter:
    """The two routes. `is_open`: requests without a key are anyone's (loopback, no keys)."""
    router = APIRouter(prefix="/api/v1", tags=["answers"])
    limit = side.settings.server.max_question_bytes

    async def caller(request: Request) -> Caller:
        return await resolve_caller(
            request.headers.get("authorization"),
            side.knowledge_base.catalogue,
            tenant=side.settings.tenant,
            is_open=is_open,
        )

    @router.post("/ask", response_model=AnswerBody)
    async def ask(
        body: AskBody, request: Request, who: Annotated[Caller, Depends(caller)]
    ) -> AnswerBody | StreamingResponse:
        """Answer a question. `stream: true` gives the events `sources`, `sentence`…, `done` (or `error`)."""
        who.must_have("ask")
        if not body.stream:
            answering = side.answerer.answer(body.to_question(), who.principal)
            return AnswerBody.of(await unless_hung_up(request, answering))
        readable_question(body.question, max_bytes=limit)  # refused before the first streamed byte
        events = side.answerer.stream(body.to_question(), who.principal)
        return StreamingResponse(
            server_sent_events(events),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    @router.post("/search")
    async def search(body: SearchBody, who: Annotated[Caller, Depends(caller)]) -> SearchResultBody:
        """The sections nearest to a query, best first. No model is asked."""
        who.must_have("search")
        passages = await side.answerer.search(body.query, who.principal, scope=body.filters.to_scope(), count=body.k)
        return SearchResultBody(passages=tuple(PassageBody.of(passage) for passage in passages))

    return router


# Any: what a coroutine yields and is sent is never used here.
async def unless_hung_up(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The work's result; it is cancelled when the caller hangs up, so that the model is free for others."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_hang_up(request))
    try:
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


async def server_sent_events(events: AsyncIterator[AnswerEvent]) -> AsyncIterator[str]:
    """The events of an answer as text/event-stream. After the first byte an error is an event, not a status."""
    try:
        async with aclosing(events):  # type: ignore[type-var]  # every stream here is an async generator
            async for event in events:
                yield _event(event)
    except KnowledgeBaseError as exc:
        problem = problem_for(exc)
        logger.warning("answer stream failed", extra={"error": type(exc).__name__, "reason": str(exc)})
        yield _frame("error", json.dumps(problem_body(problem, detail=problem.title)))
    except Exception:
        logger.exception("answer stream failed")
        problem = Problem(500, "internal", "Something went wrong here")
        yield _frame("error", json.dumps(problem_body(problem, detail="see the server's log")))


def _event(event: AnswerEvent) -> str:
    if isinstance(event, Answer):
        return _frame("done", AnswerBody.of(event).model_dump_json())
    if isinstance(event, SourcesFound):
        found = SearchResultBody(passages=tuple(PassageBody.of(passage) for passage in event.passages))
        return _frame("sources", found.model_dump_json())
    body = SentenceEvent(
        sentence=SentenceBody.of(event.sentence),
        citations=tuple(CitationBody.of(citation) for citation in event.new_citations),
    )
    return _frame("sentence", body.model_dump_json())


def _frame(name: str, body: str) -> str:
    return f"event: {name}\ndata: {body}\n\n"
