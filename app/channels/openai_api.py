"""The channel for programs that speak OpenAI's API: chat completions, responses, and the list of models."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from app.answering.answerer import readable_question
from app.answering.types import Answer, AnswerEvent, Question, SentenceReady
from app.auth import Caller
from app.callers import Door
from app.conversations import AnswerBook
from app.openai_shapes import (
    MODEL,
    CompletionsBody,
    Json,
    ResponsesBody,
    Writer,
    chunk,
    completion,
    earlier_of,
    output_message,
    output_text,
    question_of,
    response,
    response_usage,
    usage_chunk,
)
from app.problems import UNREADABLE, problem_for, retry_headers
from app.streaming import STREAM_HEADERS, frame, server_sent_events, unless_hung_up
from app.wiring import AnswerSide
from kb.errors import KnowledgeBaseError

# Chat front ends send these through the same model, to name or to tag a conversation. They are no questions.
_TASK = re.compile(r"\s*#+\s*Task:\s*(.{0,400})", re.DOTALL)
_FIRST_SAID = re.compile(r"(?:^|\n)\s*USER:\s*(\S.{0,60})")

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["message", "type", "param", "code"]}},
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": "As OpenAI's API says it", "content": {"application/json": {"schema": _ERROR_SCHEMA}}}
    for status in ("4XX", "5XX")
}


def build_router(side: AnswerSide, door: Door, book: AnswerBook) -> APIRouter:
    """Routes below `/v1`. The last thing the user said is the question; nothing else of the request is obeyed."""
    router = APIRouter(prefix="/v1", tags=["openai"], route_class=_Route, responses=_REFUSALS)
    asking = _Asking(side, book)

    async def asker(who: Annotated[Caller, Depends(door.admit_placeholder)]) -> Caller:
        who.must_have("ask")
        return who

    Asker = Annotated[Caller, Depends(asker)]

    @router.get("/models")
    async def models(who: Asker) -> Json:
        """One model: this knowledge base."""
        return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "footnote"}]}

    @router.post("/chat/completions", response_model=None)
    async def completions(body: CompletionsBody, request: Request, who: Asker) -> Response:
        """An answer as a chat completion, whole or streamed."""
        question = question_of(body.messages)
        if (said := answer_to_task(question)) is not None:
            return _told(said, body)
        asking.must_be_readable(question)
        headers = door.take(who)
        if body.stream:
            frames = _frames(_completion_chunks(asking.events(question, who, body), body, question))
            return StreamingResponse(frames, media_type="text/event-stream", headers={**STREAM_HEADERS, **headers})
        writer, answer = await unless_hung_up(request, asking.whole(question, who, body))
        return JSONResponse(
            completion(
                answer.answer_id, body.model, text=writer.text, annotations=writer.annotations, question=question
            ),
            headers=dict(headers),
        )

    @router.post("/responses", response_model=None)
    async def responses(body: ResponsesBody, request: Request, who: Asker) -> Response:
        """An answer as a response, whole or streamed."""
        question = question_of(body.messages)
        asking.must_be_readable(question)
        headers = door.take(who)
        if body.stream:
            frames = _frames(_response_events(asking.events(question, who, body), body, question))
            return StreamingResponse(frames, media_type="text/event-stream", headers={**STREAM_HEADERS, **headers})
        writer, answer = await unless_hung_up(request, asking.whole(question, who, body))
        return JSONResponse(_finished(answer.answer_id, body, writer, question), headers=dict(headers))

    return router


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


async def _completion_chunks(
    events: AsyncGenerator[AnswerEvent, None], body: CompletionsBody, question: str
) -> AsyncGenerator[str, None]:
    writer = Writer(style=body.citation_style)
    stream_id = "stream"
    yield frame(chunk(stream_id, body.model, {"role": "assistant", "content": ""}))
    async with aclosing(events):
        async for event in events:
            piece = ""
            if isinstance(event, SentenceReady):
                piece = writer.sentence(event.sentence, event.new_citations)
            elif isinstance(event, Answer):
                piece = writer.end(event)
                stream_id = event.answer_id
            if piece:
                yield frame(chunk(stream_id, body.model, {"content": piece}))
    cited = [{"type": "url_citation", "url_citation": each} for each in writer.annotations]
    if cited:
        yield frame(chunk(stream_id, body.model, {"annotations": cited}))
    yield frame(chunk(stream_id, body.model, {}, finish="stop"))
    if body.stream_options and body.stream_options.include_usage:
        yield frame(usage_chunk(stream_id, body.model, question=question, text=writer.text))
    yield frame("[DONE]")


async def _response_events(
    events: AsyncGenerator[AnswerEvent, None], body: ResponsesBody, question: str
) -> AsyncGenerator[str, None]:
    writer = Writer(style=body.citation_style)
    answer_id = "stream"
    number = 0

    def event(kind: str, **fields: Any) -> str:  # the vendor's own shapes
        nonlocal number
        number += 1
        return frame(json.dumps({"type": kind, "sequence_number": number - 1, **fields}), name=kind)

    place = {"item_id": f"msg_{answer_id}", "output_index": 0, "content_index": 0}
    begun = response(answer_id, body.model, status="in_progress", output=(), usage=None)
    empty = output_message(answer_id, status="in_progress", content=())
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    yield event("response.output_item.added", output_index=0, item=empty)
    yield event("response.content_part.added", **place, part=output_text("", ()))
    async with aclosing(events):
        async for each in events:
            piece = ""
            if isinstance(each, SentenceReady):
                piece = writer.sentence(each.sentence, each.new_citations)
            elif isinstance(each, Answer):
                piece = writer.end(each)
            if piece:
                yield event("response.output_text.delta", **place, delta=piece, logprobs=[])
    part = output_text(writer.text, writer.annotations)
    for index, annotation in enumerate(part["annotations"]):
        yield event("response.output_text.annotation.added", **place, annotation_index=index, annotation=annotation)
    yield event("response.output_text.done", **place, text=writer.text, logprobs=[])
    yield event("response.content_part.done", **place, part=part)
    message = output_message(answer_id, status="completed", content=(part,))
    yield event("response.output_item.done", output_index=0, item=message)
    yield event("response.completed", response=_finished(answer_id, body, writer, question))


def _finished(answer_id: str, body: ResponsesBody, writer: Writer, question: str) -> Json:
    part = output_text(writer.text, writer.annotations)
    message = output_message(answer_id, status="completed", content=(part,))
    usage = response_usage(question, writer.text)
    return response(answer_id, body.model, status="completed", output=(message,), usage=usage)


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


def _told(text: str, body: CompletionsBody) -> Response:
    if not body.stream:
        return JSONResponse(completion("task", body.model, text=text, annotations=(), question=""))

    async def frames() -> AsyncIterator[str]:
        yield frame(chunk("task", body.model, {"role": "assistant", "content": text}))
        yield frame(chunk("task", body.model, {}, finish="stop"))
        yield frame("[DONE]")

    return StreamingResponse(frames(), media_type="text/event-stream", headers=STREAM_HEADERS)


def _frames(frames: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    def failed(problem: Any) -> str:  # a problem's JSON
        return frame(json.dumps({"error": _error(str(problem["title"]), str(problem["type"]), int(problem["status"]))}))

    return server_sent_events(frames, written=str, failed=failed)


class _Route(APIRoute):
    """Errors of these routes have the shape that OpenAI's clients read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own, with its errors translated."""
        answer = super().get_route_handler()

        async def answer_or_error(request: Request) -> Response:
            try:
                return await answer(request)
            except KnowledgeBaseError as exc:
                problem = problem_for(exc)
                detail = problem.title if problem.hides else str(exc)
                error = _error(detail, problem.type, problem.status)
                return JSONResponse({"error": error}, status_code=problem.status, headers=retry_headers(exc))
            except HTTPException as exc:
                detail = UNREADABLE if exc.status_code == 400 else str(exc.detail)
                error = _error(detail, "malformed", exc.status_code)
                return JSONResponse({"error": error}, status_code=exc.status_code)
            except RequestValidationError as exc:
                first = exc.errors()[0]
                where = ".".join(str(part) for part in first["loc"] if part != "body")
                error = _error(f"{where}: {first['msg']}" if where else str(first["msg"]), "malformed", 400)
                return JSONResponse({"error": error | {"param": where or None}}, status_code=400)

        return answer_or_error


def _error(message: str, code: str, status: int) -> Json:
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"message": message, "type": kind, "param": None, "code": code.removeprefix("urn:footnote:problem:")}
