"""A model server with OpenAI's endpoints, as strict as the real one: it refuses what that refuses."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse

from kb.embedders.hashing import Config, HashingEmbedder

KEY = "sk-test-only"
EMBEDDING = "tiny-embedding"
CHAT = "tiny-chat"
DIMENSION = 64
CONTEXT_WORDS = 4000


@dataclass
class Script:
    """What the server is to do next, and what it saw."""

    statuses: list[int] = field(default_factory=list)
    retry_after: str | None = None
    says: str = "Pumps stop at two metres. [1]"
    breaks_off: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)


def make_server(script: Script) -> FastAPI:
    """The server, following a script."""
    app = FastAPI()

    @app.get("/v1/models")
    async def models(request: Request) -> JSONResponse:
        await authorised(script, request)
        return JSONResponse({"object": "list", "data": [{"id": EMBEDDING}, {"id": CHAT}]})

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> JSONResponse:
        return await embedded(await authorised(script, request))

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> StreamingResponse:
        body = await authorised(script, request)
        roles = [message["role"] for message in body["messages"]]
        words = sum(len(message["content"].split()) for message in body["messages"])
        is_known = body["model"] == CHAT and body["stream"] and not set(roles) - {"system", "user", "assistant"}
        if not is_known or words + body["max_tokens"] > CONTEXT_WORDS:
            raise HTTPException(400)
        return StreamingResponse(events(script, body["max_tokens"]), media_type="text/event-stream")

    return app


async def authorised(script: Script, request: Request) -> dict[str, Any]:
    """The request's body, if its key is right and the script lets it pass."""
    if request.headers.get("authorization") != f"Bearer {KEY}":
        raise HTTPException(401)
    if script.statuses and (status := script.statuses.pop(0)) != 200:
        raise HTTPException(status, headers={"Retry-After": script.retry_after} if script.retry_after else None)
    body: dict[str, Any] = await request.json() if request.method == "POST" else {}
    script.requests.append(body)
    return body


async def embedded(body: dict[str, Any]) -> JSONResponse:
    """One vector a text."""
    texts = body["input"]
    is_known = body["model"] == EMBEDDING and not set(body) - {"model", "input"}
    if not is_known or not 0 < len(texts) <= 2048 or not all(texts):
        raise HTTPException(400)
    # Lengths that are not one, and rows out of order: neither is promised by the API.
    vectors = 3 * await HashingEmbedder(Config(dimension=DIMENSION)).embed_passages(texts)
    rows = [{"object": "embedding", "index": place, "embedding": row.tolist()} for place, row in enumerate(vectors)]
    return JSONResponse({"object": "list", "data": rows[::-1], "model": EMBEDDING})


async def events(script: Script, max_tokens: int) -> AsyncIterator[str]:
    """The words of the answer as server-sent events, with the comments and closing events that real servers send."""
    yield ": keep-alive\n\n"
    try:
        async for each in words_of_the_answer(script, max_tokens):
            yield each
    except asyncio.CancelledError:
        script.hung_up.set()
        raise


async def words_of_the_answer(script: Script, max_tokens: int) -> AsyncIterator[str]:
    """Everything after the keep-alive."""
    yield event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]})
    for word in script.says.split(" ")[:max_tokens]:
        yield event({"choices": [{"index": 0, "delta": {"content": word + " "}}]})
        await asyncio.sleep(0.001)
    if script.breaks_off:
        yield event({"error": {"message": "out of memory", "code": 500}})
        return
    yield event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield event({"choices": [], "usage": {"total_tokens": 9}})
    yield "data: [DONE]\n\n"


def event(body: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(body)}\n\n"
