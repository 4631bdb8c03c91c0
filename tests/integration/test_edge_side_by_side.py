"""`footnote serve` and `footnote sync` at the same time on one data directory: each sees what the other wrote."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.integration

SECONDS = 90.0
CONFIG = """
[index]
kind = "edge"
idle_seconds = 1
[embedder]
kind = "hashing"
[chat_model]
kind = "scripted"
[server]
port = 0
[[sources]]
id = "wiki"
kind = "folder"
path = "wiki"
audience = ["everyone"]
interval_seconds = 86400
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "wiki").mkdir()
    (tmp_path / "wiki" / "first.md").write_text("# First\n\nThe boiler is in the cellar.\n")
    (tmp_path / "footnote.toml").write_text(CONFIG)
    return tmp_path / "footnote.toml"


async def start(config: Path, command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "--config", str(config), command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def sync(config: Path) -> None:
    syncing = await start(config, "sync")
    said, _ = await asyncio.wait_for(syncing.communicate(), SECONDS)
    assert syncing.returncode == 0, said.decode()


@pytest.fixture
async def server(config: Path) -> AsyncIterator[httpx.AsyncClient]:
    await sync(config)
    serving = await start(config, "serve")
    assert serving.stdout is not None
    address, said = None, ""
    async with asyncio.timeout(SECONDS):
        while address is None:
            line = (await serving.stdout.readline()).decode()
            assert line, f"the server ended: {said}"
            said += line
            address = re.search(r"http://127\.0\.0\.1:\d+", line)
    # Its pipe must not fill up.
    draining = asyncio.create_task(serving.stdout.read())
    async with httpx.AsyncClient(base_url=address[0], timeout=SECONDS) as client:
        yield client
    os.kill(serving.pid, signal.SIGTERM)
    await asyncio.wait_for(serving.wait(), SECONDS)
    await draining


async def found(client: httpx.AsyncClient, query: str) -> list[str]:
    response = await client.post("/api/v1/search", json={"query": query, "k": 5})
    assert response.status_code == 200, response.text
    return [passage["document_id"] for passage in response.json()["passages"]]


async def test_a_server_finds_what_a_sync_beside_it_stores(server: httpx.AsyncClient, config: Path) -> None:
    assert "wiki:first.md" in await found(server, "boiler cellar")
    (config.parent / "wiki" / "second.md").write_text("# Second\n\nThe chimney was swept in May.\n")
    (config.parent / "wiki" / "first.md").unlink()
    syncing = asyncio.create_task(sync(config))
    searches = 0
    while not syncing.done():
        assert await found(server, "boiler cellar chimney") != []
        searches += 1
    await syncing
    assert searches > 0
    assert "wiki:second.md" in await found(server, "chimney swept")
    assert "wiki:first.md" not in await found(server, "boiler cellar")
