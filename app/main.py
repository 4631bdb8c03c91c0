"""The server: REST, chat page and health over one answer side, with the sources synced in the background."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI, Request, Response

from app import health
from app.auth import is_loopback, must_be_safe_to_bind
from app.channels import rest, web
from app.problems import install_problem_handlers
from app.settings import Settings
from app.wiring import AnswerSide, open_answer_side
from ingest.wiring import sync_sources
from kb.errors import KnowledgeBaseError
from kb.logs import request_id
from kb.settings import SourceTable
from kb.wiring import KnowledgeBase

logger = logging.getLogger(__name__)
MOST_BODY_BYTES = 1_000_000
SHUTDOWN_SECONDS = 20


def build_app(side: AnswerSide, *, is_open: bool) -> FastAPI:
    """The web application. `is_open`: requests without a key are anyone's (loopback, no keys)."""
    app = FastAPI(title="Footnote", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    install_problem_handlers(app)
    app.include_router(health.build_router(side))
    app.include_router(rest.build_router(side, is_open=is_open))
    app.include_router(web.build_router(side, is_open=is_open))
    app.middleware("http")(_with_request_id)
    app.middleware("http")(_within_size)
    if is_open:
        app.middleware("http")(_from_this_machine)
    return app


async def serve(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until a signal. Raises ConfigError if another host than loopback is to be bound without keys."""
    async with open_answer_side(settings) as side:
        is_open = await must_be_safe_to_bind(
            settings.server.host, side.knowledge_base.catalogue, tenant=settings.tenant
        )
        config = uvicorn.Config(
            build_app(side, is_open=is_open),
            host=settings.server.host,
            port=settings.server.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            server_header=False,
        )
        syncing = [asyncio.create_task(_keep_current(side.knowledge_base, source)) for source in settings.sources]
        try:
            await _Server(config, on_ready=on_ready).serve()
        finally:
            for task in syncing:
                task.cancel()
            await asyncio.gather(*syncing, return_exceptions=True)


async def _keep_current(knowledge_base: KnowledgeBase, source: SourceTable) -> None:
    """Sync one source, wait its interval, and again. A failed sync is logged and tried again like any other."""
    while True:
        try:
            (report,) = await sync_sources(knowledge_base, source_ids=[source.id])
            if report.reason:
                logger.warning("sync incomplete", extra={"source_id": source.id, "reason": report.reason})
        except KnowledgeBaseError as exc:
            logger.warning("sync failed", extra={"source_id": source.id, "error": type(exc).__name__})
        await asyncio.sleep(source.interval_seconds)


class _Server(uvicorn.Server):
    """Says where it listens once it does."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # sockets unused
        await super().startup()
        if self.started and self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_ready(f"http://{host}:{port}")


async def _with_request_id(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every request has an id, in the logs and in the response."""
    own = request_id.set(secrets.token_hex(8))
    try:
        response = await call_next(request)
        response.headers["X-Request-Id"] = request_id.get() or ""
        return response
    finally:
        request_id.reset(own)


async def _from_this_machine(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Without keys, only who calls us by a loopback name is served: a web page that rebinds its own name is not."""
    if not is_loopback(request.url.hostname or ""):
        return Response("call this server by its loopback address\n", status_code=421, media_type="text/plain")
    return await call_next(request)


async def _within_size(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Bodies that say they are too large are refused before they are read."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST_BODY_BYTES:
        return Response(status_code=413)
    return await call_next(request)
