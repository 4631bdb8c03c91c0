"""`/livez` and `/readyz`: is the process alive, and can it answer?"""

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.wiring import AnswerSide
from kb.errors import KnowledgeBaseError

# Whoever watches us gives up sooner or later; a part that takes longer than this is not ready.
PART_SECONDS = 3.0


def build_router(side: AnswerSide) -> APIRouter:
    """Both routes. They need no key and tell no more than which part is not ready."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        parts = await _parts(side)
        # Without its chat model the server still answers with the pages' own sentences.
        is_ready = parts["catalogue"] and parts["index"]
        return JSONResponse(
            {"status": "ready" if is_ready else "not ready", "parts": parts}, status_code=200 if is_ready else 503
        )

    return router


async def _parts(side: AnswerSide) -> dict[str, bool]:
    catalogue, index, chat_model = await asyncio.gather(
        _is_ready(_catalogue_answers(side)), _is_ready(_index_is_ready(side)), _is_ready(_chat_model_is_ready(side))
    )
    return {"catalogue": catalogue, "index": index, "chat_model": chat_model}


async def _is_ready(looking: Awaitable[bool]) -> bool:
    try:
        return await asyncio.wait_for(looking, PART_SECONDS)
    except (KnowledgeBaseError, TimeoutError):
        return False


async def _catalogue_answers(side: AnswerSide) -> bool:
    return await side.knowledge_base.catalogue.generations.live(side.settings.tenant) is not None


async def _index_is_ready(side: AnswerSide) -> bool:
    return (await side.knowledge_base.index.health()).is_ready


async def _chat_model_is_ready(side: AnswerSide) -> bool:
    return (await side.chat_model.health()).is_ready
