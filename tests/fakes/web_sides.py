"""An answer side behind a real port, for a browser or a vendor's client: in a thread of its own, with its own loop."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

import uvicorn

from app.chat_models.base import ChatModel
from app.main import build_app
from app.settings import Settings
from app.wiring import AnswerSide
from tests.fakes.answer_sides import opened_side

START_SECONDS = 30.0
Result = TypeVar("Result")


class Served:
    """A running server. `url`: where; `side`: what it answers from."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.side: AnswerSide
        self.loop = asyncio.new_event_loop()
        self.server: uvicorn.Server

    def run(self, work: Callable[[AnswerSide], Awaitable[Result]]) -> Result:
        """Do something with the side, in its own loop."""

        async def working() -> Result:
            return await work(self.side)

        return asyncio.run_coroutine_threadsafe(working(), self.loop).result(START_SECONDS)


@contextmanager
def served(settings: Settings, *, is_open: bool = True, chat_model: ChatModel | None = None) -> Iterator[Served]:
    """The whole server on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = settings.server.model_copy(update={"port": listener.getsockname()[1]})
    running = Served(url)
    is_up = threading.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            opening = opened_side(settings.model_copy(update={"server": server}), chat_model=chat_model)
            running.side = await stack.enter_async_context(opening)
            config = uvicorn.Config(build_app(running.side, is_open=is_open), log_config=None, lifespan="off")
            running.server = uvicorn.Server(config)
            is_up.set()
            await running.server._serve([listener])

    thread = threading.Thread(target=_run, args=(running.loop, serve()), daemon=True)
    thread.start()
    assert is_up.wait(START_SECONDS), "the server did not start"
    try:
        yield running
    finally:
        running.server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()


def _run(loop: asyncio.AbstractEventLoop, work: Any) -> None:  # a coroutine
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()
