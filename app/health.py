"""`/livez` and `/readyz`: is the process alive, and can it answer?"""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.wiring import AnswerSide
from kb.errors import CatalogueError


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
    try:
        await side.knowledge_base.catalogue.generations.live(side.settings.tenant)
        has_catalogue = True
    except CatalogueError:
        has_catalogue = False
    index = await side.knowledge_base.index.health()
    chat_model = await side.chat_model.health()
    return {"catalogue": has_catalogue, "index": index.is_ready, "chat_model": chat_model.is_ready}
