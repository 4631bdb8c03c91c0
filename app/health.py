"""`/livez` and `/readyz`: is the process alive, and can it answer?"""

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.draining import Draining
from app.wiring import AnswerSide
from kb.errors import KnowledgeBaseError

# Whoever watches us gives up sooner or later; a part that takes longer than this is not ready.
PART_SECONDS = 3.0
# Fixed words: what an engine has to say may name places and people.
_ENDING = "the server is ending: it finishes what was asked, and takes nothing new soon"
_CATALOGUE = "the catalogue does not answer"
_INDEX = "the index does not answer"
_DAMAGED = "the index is damaged: the next sync makes it again, from what is stored"
_PARTIAL = "the index is being made again: it does not hold every page yet"


def build_router(side: AnswerSide, draining: Draining | None = None) -> APIRouter:
    """Both routes. They need no key and tell no more than which part is not ready, and in fixed words why."""
    router = APIRouter(include_in_schema=False)
    ending = draining or Draining()

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        catalogue, index, chat_model = await asyncio.gather(
            _why_not(_look_at_catalogue(side), _CATALOGUE),
            _why_not(_look_at_index(side), _INDEX),
            _why_not(_look_at_chat_model(side), "the chat model does not answer"),
        )
        # Without its chat model the server still answers with the pages' own sentences.
        reason = _ENDING if ending.has_begun else catalogue or index
        status = "draining" if ending.has_begun else "not ready" if reason else "ready"
        parts = {"catalogue": not catalogue, "index": not index, "chat_model": not chat_model}
        told: dict[str, object] = {"status": status, "parts": parts}
        return JSONResponse(told | ({"reason": reason} if reason else {}), status_code=503 if reason else 200)

    return router


async def _why_not(looking: Awaitable[str], otherwise: str) -> str:
    """Why a part is not ready; empty if it is. `otherwise`: what is said of one that fails, or takes too long."""
    try:
        return await asyncio.wait_for(looking, PART_SECONDS)
    except (KnowledgeBaseError, TimeoutError):
        return otherwise


async def _look_at_catalogue(side: AnswerSide) -> str:
    is_there = await side.knowledge_base.catalogue.generations.live(side.settings.tenant) is not None
    return "" if is_there else _CATALOGUE


async def _look_at_index(side: AnswerSide) -> str:
    health = await side.knowledge_base.index.health()
    if not health.is_ready:
        return _DAMAGED if health.is_damaged else _INDEX
    # Points come before the commit that makes a page visible, and go after it: there are never fewer, unless some
    # were lost.
    needed = await side.knowledge_base.catalogue.documents.live_chunk_count(side.settings.tenant)
    return _PARTIAL if health.point_count < needed else ""


async def _look_at_chat_model(side: AnswerSide) -> str:
    return "" if (await side.chat_model.health()).is_ready else "the chat model does not answer"
