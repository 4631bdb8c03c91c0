"""OpenAI's two kinds of answer, whole and streamed, as frames and objects on their way out."""

import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse, StreamingResponse

from app.answering.types import Answer, AnswerEvent, SentenceReady
from app.draining import Draining
from app.openai_errors import error_body
from app.openai_shapes import (
    CompletionsBody,
    Json,
    ResponsesBody,
    Writer,
    chunk,
    completion,
    output_message,
    output_text,
    response,
    response_usage,
    usage_chunk,
)
from app.streaming import STREAM_HEADERS, frame, server_sent_events


async def completion_chunks(
    events: AsyncGenerator[AnswerEvent, None], body: CompletionsBody, question: str
) -> AsyncGenerator[str, None]:
    """A chat completion, piece by piece."""
    writer = Writer(style=body.citation_style)
    # All pieces of a completion have one id. That of the answer is known at its end, and told then.
    stream_id, told = f"s_{secrets.token_hex(12)}", dict[str, str]()
    yield frame(chunk(stream_id, body.model, {"role": "assistant", "content": ""}))
    async with aclosing(events):
        async for event in events:
            piece = ""
            if isinstance(event, SentenceReady):
                piece = writer.sentence(event.sentence, event.new_citations)
            elif isinstance(event, Answer):
                piece = writer.end(event)
                told = {"answer_id": event.answer_id}
            if piece:
                yield frame(chunk(stream_id, body.model, {"content": piece}))
    cited = [{"type": "url_citation", "url_citation": each} for each in writer.annotations]
    if cited:
        yield frame(chunk(stream_id, body.model, {"annotations": cited}))
    yield frame(chunk(stream_id, body.model, {}, finish="stop", metadata=told))
    if body.stream_options and body.stream_options.include_usage:
        yield frame(usage_chunk(stream_id, body.model, question=question, text=writer.text))
    yield frame("[DONE]")


async def response_events(
    events: AsyncGenerator[AnswerEvent, None], body: ResponsesBody, question: str
) -> AsyncGenerator[str, None]:
    """A response, event by event."""
    writer = Writer(style=body.citation_style)
    stream_id, told = f"s_{secrets.token_hex(12)}", dict[str, str]()
    number = 0

    def event(kind: str, **fields: Any) -> str:  # the vendor's own shapes
        nonlocal number
        number += 1
        return frame(json.dumps({"type": kind, "sequence_number": number - 1, **fields}), name=kind)

    place = {"item_id": f"msg_{stream_id}", "output_index": 0, "content_index": 0}
    begun = response(stream_id, body.model, status="in_progress", output=(), usage=None)
    empty = output_message(stream_id, status="in_progress", content=())
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
                told = {"answer_id": each.answer_id}
            if piece:
                yield event("response.output_text.delta", **place, delta=piece, logprobs=[])
    part = output_text(writer.text, writer.annotations)
    for index, annotation in enumerate(part["annotations"]):
        yield event("response.output_text.annotation.added", **place, annotation_index=index, annotation=annotation)
    yield event("response.output_text.done", **place, text=writer.text, logprobs=[])
    yield event("response.content_part.done", **place, part=part)
    message = output_message(stream_id, status="completed", content=(part,))
    yield event("response.output_item.done", output_index=0, item=message)
    yield event("response.completed", response=finished_response(stream_id, body, writer, question, told))


def finished_response(
    response_id: str, body: ResponsesBody, writer: Writer, question: str, metadata: Mapping[str, str]
) -> Json:
    """A response that is done. `metadata`: names the answer, as REST knows it."""
    part = output_text(writer.text, writer.annotations)
    message = output_message(response_id, status="completed", content=(part,))
    usage = response_usage(question, writer.text)
    return response(response_id, body.model, status="completed", output=(message,), usage=usage, metadata=metadata)


def told(text: str, body: CompletionsBody) -> Response:
    """Words of ours, as a chat completion."""
    if not body.stream:
        return JSONResponse(completion("task", body.model, text=text, annotations=(), question=""))

    async def frames() -> AsyncIterator[str]:
        yield frame(chunk("task", body.model, {"role": "assistant", "content": text}))
        yield frame(chunk("task", body.model, {}, finish="stop"))
        yield frame("[DONE]")

    return StreamingResponse(frames(), media_type="text/event-stream", headers=STREAM_HEADERS)


def frames(frames: AsyncGenerator[str, None], draining: Draining) -> AsyncGenerator[str, None]:
    """The frames, with errors as OpenAI's API says them."""

    def failed(problem: Any) -> str:  # a problem's JSON
        return frame(
            json.dumps({"error": error_body(str(problem["title"]), str(problem["type"]), int(problem["status"]))})
        )

    return server_sent_events(frames, draining, written=str, failed=failed)
