"""A llama.cpp server as a contender of `bench.chat_model`: an address, or a `llama-server` that we start and end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from app.chat_models import openai
from app.chat_models.base import ChatModel
from kb.http import HttpClients

START_SECONDS = 120


@asynccontextmanager
async def server(
    where: str, file: Path, *, parallel: int, context_tokens: int, threads: int
) -> AsyncIterator[ChatModel]:
    """The chat model behind it. `where`: its address up to `/v1`, or the path of `llama-server`, which runs `file`."""
    if where.startswith(("http://", "https://")):
        yield _client(where)
        return
    port = _free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--model", str(file), "--parallel", str(parallel)]
    options += ["--ctx-size", str(context_tokens * parallel), "--threads", str(threads), "--log-disable"]
    started = await asyncio.create_subprocess_exec(
        where, *options, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _wait_for(f"http://127.0.0.1:{port}/health")
        yield _client(f"http://127.0.0.1:{port}/v1")
    finally:
        started.terminate()
        await started.wait()


def contenders(where: str, shipped: Path, tuned: Path) -> Sequence[tuple[str, Path]]:
    """A server that runs already has its own file; one that we start gets the shipped one, then our copy of it."""
    if where.startswith("http"):
        return [("server", shipped)]
    return [("llama-server, as shipped", shipped), ("llama-server, our copy", tuned)][: 1 if tuned == shipped else 2]


def _client(address: str) -> ChatModel:
    config = openai.Config(base_url=address, model="bench", timeout_seconds=600)
    return openai.build(config, data_dir=Path(), http=HttpClients())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _wait_for(url: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(START_SECONDS):
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
