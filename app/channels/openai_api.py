"""The channel for programs that speak OpenAI's API: chat completions, responses, and the list of models."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from app.answering.answerer import readable_question
from app.answering.types import Answer, AnswerEvent, Question, SentenceReady
from app.auth import Caller
from app.callers import Door
from app.conversations import AnswerBook
from app.draining import Draining
from app.openai_errors import REFUSALS, OpenAIRoute
from app.openai_shapes import (
    MODEL,
    CompletionsBody,
    Json,
    ResponsesBody,
    Writer,
    completion,
    earlier_of,
    question_of,
)
from app.openai_streams import completion_chunks, finished_response, frames, response_events, told
from app.streaming import STREAM_HEADERS, unless_hung_up
from app.wiring import AnswerSide
from kb.errors import NotFound

# Chat front ends send these through the same model, to name or to tag a conversation. They are no questions.
_TASK = re.compile(r"\s*#+\s*Task:\s*(.{0,400})", re.DOTALL)
_FIRST_SAID = re.compile(r"(?:^|\n)\s*USER:\s*(\S.{0,60})")

_MODEL: Json = {"id": MODEL, "object": "model", "created": 0, "owned_by": "footnote"}


def build_router(side: AnswerSide, door: Door, book: AnswerBook, draining: Draining) -> APIRouter:
    """Routes below `/v1`. The last thing the user said is the question; nothing else of the request is obeyed."""
    router = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAIRoute, responses=REFUSALS)
    asking = _Asking(side, book)

    async def asker(who: Annotated[Caller, Depends(door.admit_placeholder)]) -> Caller:
        who.must_have("ask")
        return who

    Asker = Annotated[Caller, Depends(asker)]
    _add_models(router, Asker)

    @router.post("/chat/completions", response_model=None)
    async def completions(body: CompletionsBody, request: Request, who: Asker) -> Response:
        """An answer as a chat completion, whole or streamed."""
        question = question_of(body.messages)
        if (said := answer_to_task(question)) is not None:
            return told(said, body)
        asking.must_be_readable(question)
        headers = dict(door.take(who))
        if body.stream:
            chunks = completion_chunks(asking.events(question, who, body), body, question)
            return _streamed(frames(chunks, draining), headers)
        writer, answer = await unless_hung_up(request, asking.whole(question, who, body), draining)
        whole = completion(
            answer.answer_id, body.model, text=writer.text, annotations=writer.annotations, question=question
        )
        return JSONResponse(whole, headers=headers)

    @router.post("/responses", response_model=None)
    async def responses(body: ResponsesBody, request: Request, who: Asker) -> Response:
        """An answer as a response, whole or streamed."""
        question = question_of(body.messages)
        asking.must_be_readable(question)
        headers = dict(door.take(who))
        if body.stream:
            events = response_events(asking.events(question, who, body), body, question)
            return _streamed(frames(events, draining), headers)
        writer, answer = await unless_hung_up(request, asking.whole(question, who, body), draining)
        metadata = {"answer_id": answer.answer_id}
        return JSONResponse(finished_response(answer.answer_id, body, writer, question, metadata), headers=headers)

    return router


def _add_models(router: APIRouter, asker: Any) -> None:  # an annotated caller: a type, to no type checker
    @router.get("/models")
    async def models(who: asker) -> Json:
        """One model: this knowledge base."""
        return {"object": "list", "data": [_MODEL]}

    @router.get("/models/{name}")
    async def model(name: Annotated[str, Path(max_length=100)], who: asker) -> Json:
        """That model; there is no other."""
        if name != MODEL:
            raise NotFound(f"there is no such model: the only one is {MODEL!r}")
        return _MODEL


def _streamed(frames: AsyncGenerator[str, None], headers: dict[str, str]) -> Response:
    return StreamingResponse(frames, media_type="text/event-stream", headers={**STREAM_HEADERS, **headers})


class _Asking:
    """Answers questions, and keeps the answers."""

    def __init__(self, side: AnswerSide, book: AnswerBook) -> None:
        self._side = side
        self._book = book

    def must_be_readable(self, question: str) -> None:
        """Raises InvalidQuestion."""
        readable_question(question, max_bytes=self._side.settings.server.max_question_bytes)

    async def events(
        self, question: str, who: Caller, body: CompletionsBody | ResponsesBody
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The events of an answer that is kept."""
        asked = Question(text=question, earlier=earlier_of(body.messages))
        async with aclosing(self._side.answerer.stream(asked, who.principal)) as found:
            async for event in found:
                if isinstance(event, Answer):
                    await self._book.keep(question, event, who, channel="openai")
                yield event

    async def whole(self, question: str, who: Caller, body: CompletionsBody | ResponsesBody) -> tuple[Writer, Answer]:
        """The answer, and its text."""
        writer = Writer(style=body.citation_style)
        async with aclosing(self.events(question, who, body)) as events:
            async for event in events:
                if isinstance(event, SentenceReady):
                    writer.sentence(event.sentence, event.new_citations)
                if isinstance(event, Answer):
                    writer.end(event)
                    answer = event
        return writer, answer


def answer_to_task(prompt: str) -> str | None:
    """What a chat front end wants to hear about a conversation; None if this is a question of a person's."""
    found = _TASK.match(prompt)
    if found is None:
        return None
    task = found[1].lower()
    said = _FIRST_SAID.search(prompt)
    title = said[1].strip().rstrip("?.!") if said else "Conversation"
    if "follow" in task:
        return json.dumps({"follow_ups": []})
    if "tag" in task or "categor" in task:
        return json.dumps({"tags": ["General"]})
    return json.dumps({"title": title}) if "title" in task else "{}"
