"""The REST channel: `POST /api/v1/ask` (JSON and server-sent events) and `POST /api/v1/search`."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from app.answering.answerer import readable_question
from app.answering.types import Answer, AnswerEvent, SourcesFound
from app.auth import Caller
from app.blocks import Block, sentence_blocks
from app.callers import Door
from app.contract import AnswerBody, AskBody, CitationBody, PassageBody, SearchBody, SearchResultBody, SentenceBody
from app.conversations import AnswerBook, stood_on
from app.draining import Draining
from app.problems import REFUSALS
from app.streaming import STREAM_HEADERS, Once, frame, server_sent_events, unless_hung_up
from app.wiring import AnswerSide

_IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="Sent twice, the request is answered once.")
]


class SentenceEvent(BaseModel):
    """The `sentence` event: one checked sentence, the citations it is the first to use, and how to show its text."""

    sentence: SentenceBody
    citations: tuple[CitationBody, ...]
    blocks: tuple[Block, ...]


def build_router(side: AnswerSide, door: Door, book: AnswerBook, draining: Draining) -> APIRouter:
    """The two routes. `book`: where answers are kept for those who asked; `draining`: ends what takes too long."""
    router = APIRouter(prefix="/api/v1", tags=["answers"], responses=REFUSALS)
    asking = _Asking(side, book)

    @router.post("/ask", response_model=AnswerBody)
    async def ask(
        body: AskBody,
        request: Request,
        response: Response,
        who: Annotated[Caller, Depends(door)],
        idempotency_key: _IdempotencyKey = None,
    ) -> AnswerBody | StreamingResponse:
        """Answer a question. `stream: true` gives the events `sources`, `sentence`…, `done` (or `error`)."""
        who.must_have("ask")
        asking.must_be_readable(body)  # refused before the first streamed byte
        allowance = door.take(who)
        sent = asking.once(idempotency_key, body, who)
        earlier = await sent.begin() if sent else None
        if not body.stream:
            response.headers.update(allowance)
            if earlier:
                return AnswerBody.model_validate(earlier)
            return await unless_hung_up(request, asking.answer(body, who, sent), draining)
        if earlier:
            frames = _replay(AnswerBody.model_validate(earlier))
        else:
            frames = _stream(asking.events(body, who, sent), draining)
        return StreamingResponse(frames, media_type="text/event-stream", headers={**STREAM_HEADERS, **allowance})

    @router.post("/search")
    async def search(body: SearchBody, response: Response, who: Annotated[Caller, Depends(door)]) -> SearchResultBody:
        """The sections nearest to a query, best first. No model is asked."""
        who.must_have("search")
        response.headers.update(door.take(who))
        passages = await side.answerer.search(body.query, who.principal, scope=body.filters.to_scope(), count=body.k)
        return SearchResultBody(passages=tuple(PassageBody.of(passage) for passage in passages))

    return router


class _Asking:
    """Answers questions, and keeps the answers."""

    def __init__(self, side: AnswerSide, book: AnswerBook) -> None:
        self._side = side
        self._book = book

    def must_be_readable(self, body: AskBody) -> None:
        """Raises InvalidQuestion."""
        readable_question(body.question, max_bytes=self._side.settings.server.max_question_bytes)

    def once(self, key: str | None, body: AskBody, who: Caller) -> Once | None:
        """The request as one that may be sent twice, if it has a key."""
        if key is None:
            return None
        return Once(
            self._side.knowledge_base.catalogue.answers,
            tenant=self._side.settings.tenant,
            asker=who.name,
            key=key,
            body=body,
            is_readable=partial(self._book.is_readable, who.principal),
        )

    async def events(self, body: AskBody, who: Caller, sent: Once | None) -> AsyncGenerator[AnswerEvent, None]:
        """The answer's events; it is kept before it is said to be done, so that it can be looked up at once."""
        done: Answer | None = None
        try:
            earlier = await self._book.earlier(body.question, body.conversation_id, who)
            question = replace(body.to_question(), earlier=earlier)
            async with aclosing(self._side.answerer.stream(question, who.principal)) as found:
                async for event in found:
                    if isinstance(event, Answer):
                        await self._book.keep(body.question, event, who, channel=who.channel)
                        done = event
                    yield event
        finally:
            if sent:
                await (sent.end(AnswerBody.of(done), documents=stood_on(done)) if done else sent.end(None))

    async def answer(self, body: AskBody, who: Caller, sent: Once | None) -> AnswerBody:
        """The last of the events."""
        async with aclosing(self.events(body, who, sent)) as found:
            (answer,) = [event async for event in found if isinstance(event, Answer)]
        return AnswerBody.of(answer)


def _stream(events: AsyncGenerator[AnswerEvent, None], draining: Draining) -> AsyncGenerator[str, None]:
    return server_sent_events(
        events, draining, written=_event, failed=lambda problem: frame(json.dumps(problem), name="error")
    )


async def _replay(answer: AnswerBody) -> AsyncGenerator[str, None]:
    yield frame(answer.model_dump_json(), name="done")


def _event(event: AnswerEvent) -> str:
    if isinstance(event, Answer):
        return frame(AnswerBody.of(event).model_dump_json(), name="done")
    if isinstance(event, SourcesFound):
        found = SearchResultBody(passages=tuple(PassageBody.of(passage) for passage in event.passages))
        return frame(found.model_dump_json(), name="sources")
    body = SentenceEvent(
        sentence=SentenceBody.of(event.sentence),
        citations=tuple(CitationBody.of(citation) for citation in event.new_citations),
        blocks=sentence_blocks(event.sentence),
    )
    return frame(body.model_dump_json(), name="sentence")
