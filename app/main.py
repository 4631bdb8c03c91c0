"""The server: REST, chat page and health over one answer side, with the sources synced in the background."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from app import health
from app.address import listening, web_address
from app.auth import must_be_safe_to_bind
from app.callers import Door
from app.channels import admin, history, monitoring, openai_api, rest, web, webhooks, widget
from app.channels.login_start import include_login
from app.channels.mcp_start import include_mcp
from app.channels.slack_start import slack_bot
from app.chat_models.base import Improving
from app.collecting import QuietCollector
from app.conversations import AnswerBook
from app.current import CurrentSide
from app.describing import describe
from app.draining import Draining
from app.guarding import Guard
from app.hinting import QueuedHints
from app.metrics import Metrics
from app.problems import install_problem_handlers
from app.remembering import RevisionSweep
from app.settings import Settings
from app.sharing import Sharing
from app.spans import TracedRequests
from app.wiring import AnswerSide, open_answer_side
from ingest.wiring import build_scheduler
from kb.catalogue import Catalogue
from kb.errors import ModelError

logger = logging.getLogger(__name__)
# How long a thread that computes keeps the interpreter from the event loop, at most: by itself it is five times that,
# for each thread that waits. Costs such threads two parts in a hundred.
TURN_SECONDS = 0.001
# What was begun has so long to finish; then connections are cut. Container runtimes kill after half a minute.
DRAIN_SECONDS = 18
CUT_SECONDS = 2


def build_app(
    side: AnswerSide,
    *,
    is_open: bool,
    hints: webhooks.SyncHints | None = None,
    metrics: Metrics | None = None,
    draining: Draining | None = None,
) -> FastAPI:
    """The web application. `is_open`: requests without a key are anyone's (loopback, no keys)."""
    metrics, draining = metrics or Metrics(), draining or Draining()
    app = FastAPI(title="Footnote", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    install_problem_handlers(app)
    app.include_router(health.build_router(side, draining))
    catalogue = side.knowledge_base.catalogue
    door = Door(catalogue, side.settings, is_open=is_open)
    book = AnswerBook.of(catalogue, side.settings, metrics=metrics)
    app.include_router(rest.build_router(side, door, book, draining))
    app.include_router(history.build_router(side, door, book))
    app.include_router(openai_api.build_router(side, door, book, draining))
    include_mcp(app, side, door, book, draining)
    app.include_router(web.build_router(side, door))
    app.include_router(widget.build_router(door))
    app.include_router(monitoring.build_router(side, door, metrics))
    app.include_router(admin.build_router(side, door))
    include_login(app, side.settings, door)
    if hints is not None and webhooks.has_webhooks(side.settings.sources):
        app.include_router(webhooks.build_router(side.settings.sources, hints, data_dir=side.settings.data_dir))
    describe(app)
    # The last one added is met first.
    app.add_middleware(Sharing, shares_with=door.shares_with)
    if side.tracer is not None:
        app.add_middleware(TracedRequests, tracer=side.tracer)
    app.add_middleware(Guard, is_open=is_open, draining=draining, metrics=metrics, is_closed_now=door.is_closed_now)
    return app


async def serve(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then end in order. Threads of this process take shorter turns from then on.

    Raises ConfigError if the address cannot be bound, or may not be: another host than loopback without keys.
    """
    sys.setswitchinterval(TURN_SECONDS)
    server = settings.server
    async with await Catalogue.open(settings.catalogue_url) as catalogue:
        is_open = await must_be_safe_to_bind(
            server.host, catalogue, tenant=settings.tenant, knows_people=settings.knows_people
        )
    with listening(server.host, server.port) as sockets:
        port = sockets[0].getsockname()[1]
        # Links name the port that was really taken.
        settings = settings.model_copy(update={"server": server.model_copy(update={"port": port})})
        async with open_answer_side(settings) as side:
            await _serve(side, sockets, is_open=is_open, on_ready=lambda: on_ready(web_address(server.host, port)))


async def _serve(
    side: AnswerSide, sockets: list[socket.socket], *, is_open: bool, on_ready: Callable[[], None]
) -> None:
    hints = QueuedHints(source.id for source in side.settings.sources)
    metrics, draining = Metrics(), Draining()
    app = build_app(side, is_open=is_open, hints=hints, metrics=metrics, draining=draining)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=CUT_SECONDS,
        # The caller's address is never used, so nobody's word about it is taken either.
        proxy_headers=False,
        server_header=False,
    )
    current = CurrentSide(side)
    scheduler = build_scheduler(lambda: current.for_syncs, side.settings.sources)
    catalogue = side.knowledge_base.catalogue
    beside = [
        asyncio.create_task(scheduler.run_forever()),
        asyncio.create_task(current.follow()),
        asyncio.create_task(hints.forward(catalogue, tenant=side.settings.tenant)),
        asyncio.create_task(_prepare(side, then=QuietCollector(lambda: metrics.in_flight == 0))),
        asyncio.create_task(metrics.watch_loop()),
        asyncio.create_task(_sweep(side).run_forever()),
    ]

    async def end(number: int) -> None:
        notice = side.settings.server.notice_seconds if number == signal.SIGTERM else 0
        await draining.run(notice_seconds=notice, most_seconds=DRAIN_SECONDS, is_idle=lambda: metrics.in_flight == 0)

    try:
        async with slack_bot(side, app):
            await _Server(config, on_ready=on_ready, end=end).serve(sockets=sockets)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _prepare(side: AnswerSide, *, then: QuietCollector) -> None:
    """Load the models; questions that come before are answered with the pages' own sentences."""
    try:
        await side.knowledge_base.embedder.embed_query("ready")
        if side.settings.answering.mode == "grounded":
            async with aclosing(side.chat_model.prepare()) as lines:
                async for line in lines:
                    logger.info("preparing the chat model", extra={"step": line})
        logger.info("models are ready")
    except ModelError as exc:
        logger.warning("a model cannot be used", extra={"reason": str(exc)})
    await asyncio.gather(_improve(side), then.run_forever())


def _sweep(side: AnswerSide) -> RevisionSweep:
    settings = side.settings
    told = settings.answering
    return RevisionSweep(
        side.knowledge_base.catalogue,
        side.chat_model,
        tenant=settings.tenant,
        tone=told.tone,
        language=told.language,
    )


async def _improve(side: AnswerSide) -> None:
    """Find out how the chat model runs fastest on this machine, in moments when nobody asks."""
    if side.settings.answering.mode != "grounded" or not isinstance(side.chat_model, Improving):
        return
    try:
        await side.chat_model.improve()
    except ModelError as exc:
        logger.warning("the chat model could not be tuned", extra={"reason": str(exc)})


class _Server(uvicorn.Server):
    """Says when it answers, and takes a signal as a wish to end in order: uvicorn's own way ends in the signal.

    `end`: waits, after a signal, until the server may stop. A second signal stops it at once.
    """

    def __init__(
        self, config: uvicorn.Config, *, on_ready: Callable[[], None], end: Callable[[int], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._end = end
        self._ending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._ending is None and self.started:
            self._ending = asyncio.get_running_loop().create_task(self._end_in_order(sig, frame))
        else:
            super().handle_exit(sig, frame)

    async def _end_in_order(self, sig: int, frame: FrameType | None) -> None:
        await self._end(sig)
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
