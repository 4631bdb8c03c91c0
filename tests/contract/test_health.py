"""Alive and ready: what each looks at, and that neither waits for long."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.chat_models.base import ModelHealth
from app.draining import Draining
from app.main import build_app
from app.wiring import AnswerSide
from ingest.wiring import sync_sources
from kb.errors import CatalogueUnavailable
from kb.index.base import IndexHealth
from tests.fakes.answer_sides import QUESTION, calling, make_settings, open_to_anyone, opened_side
from tests.fakes.slow_model import SilentModel


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


async def test_the_live_check_asks_nothing_of_the_parts(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        await side.knowledge_base.catalogue.close()
        assert (await client.get("/livez")).json() == {"status": "alive"}


async def test_ready_means_catalogue_and_index(side: AnswerSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_to_anyone(side) as client:
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"status": "ready", "parts": {"catalogue": True, "index": True, "chat_model": True}}

        async def gone() -> IndexHealth:
            return IndexHealth(is_ready=False, point_count=0, detail="/srv/secret/place")

        monkeypatch.setattr(side.knowledge_base.index, "health", gone)
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["parts"]["index"]) == (503, False)
        assert "secret" not in response.text


async def test_a_damaged_index_is_called_that(side: AnswerSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def damaged() -> IndexHealth:
        return IndexHealth(is_ready=False, point_count=0, detail="/srv/secret/place", is_damaged=True)

    monkeypatch.setattr(side.knowledge_base.index, "health", damaged)
    async with open_to_anyone(side) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert response.json()["reason"] == "the index is damaged: the next sync makes it again, from what is stored"


async def test_an_index_that_lacks_points_is_not_ready_until_they_are_there_again(side: AnswerSide) -> None:
    base = side.knowledge_base
    async with open_to_anyone(side) as client:
        await base.index.delete_revisions(tenant="acme", document_id="docs:leave.md", keep=None)
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["parts"]["index"]) == (503, False)
        assert "being made again" in response.json()["reason"]
        await sync_sources(base)
        assert (await client.get("/readyz")).status_code == 200


async def test_a_server_that_ends_says_so_first_and_refuses_afterwards(side: AnswerSide) -> None:
    draining, busy = Draining(), [True]
    async with calling(build_app(side, is_open=True, draining=draining)) as client:
        ending = asyncio.create_task(draining.run(notice_seconds=0.2, most_seconds=30, is_idle=lambda: not busy[0]))
        await asyncio.sleep(0)
        told = await client.get("/readyz")
        assert (told.status_code, told.json()["status"]) == (503, "draining")
        assert (await client.post("/api/v1/search", json={"query": "leave"})).status_code == 200, "still taken"
        await asyncio.sleep(0.3)
        refused = await client.post("/api/v1/search", json={"query": "leave"})
        assert (refused.status_code, refused.headers["retry-after"], refused.headers["connection"]) == (
            503,
            "2",
            "close",
        )
        assert (await client.get("/readyz")).json()["status"] == "draining"
        assert (await client.get("/livez")).status_code == 200
        assert not ending.done(), "what was begun is waited for"
        busy[0] = False
        await asyncio.wait_for(ending, 5)


async def test_an_end_is_not_waited_for_for_ever() -> None:
    draining = Draining()
    await asyncio.wait_for(draining.run(notice_seconds=9, most_seconds=0.05, is_idle=lambda: False), 5)
    assert draining.has_begun


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/api/v1/ask", {"question": QUESTION, "stream": True}, "event: error"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}], "stream": True}, '{"error"'),
        ("/v1/responses", {"input": QUESTION, "stream": True}, '{"error"'),
    ],
)
async def test_a_stream_that_is_not_done_at_the_end_says_so(
    tmp_path: Path, path: str, body: dict[str, object], words: str
) -> None:
    status, text = await cut_short(tmp_path, path, body)
    assert (status, words in text.split("\n\n")[-2]) == (200, True), text
    assert "server is ending" in text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/ask", {"question": QUESTION}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]}),
    ],
)
async def test_an_answer_that_is_not_done_at_the_end_is_refused(
    tmp_path: Path, path: str, body: dict[str, object]
) -> None:
    status, text = await cut_short(tmp_path, path, body)
    assert (status, "this server is ending" in text) == (503, True)


async def cut_short(home: Path, path: str, body: dict[str, object]) -> tuple[int, str]:
    """What a caller is told whose answer would take for ever. Nothing is left running."""
    draining, model = Draining(), SilentModel()
    settings = await asyncio.to_thread(make_settings, home)
    async with (
        opened_side(settings, chat_model=model) as side,
        calling(build_app(side, is_open=True, draining=draining)) as client,
    ):
        asking = asyncio.create_task(client.post(path, json=body))
        assert await asyncio.to_thread(model.started.wait, 10)
        await draining.run(notice_seconds=0, most_seconds=0.05, is_idle=asking.done)
        response = await asyncio.wait_for(asking, 5)
    assert model.stopped.is_set()
    return response.status_code, response.text


async def test_a_catalogue_that_does_not_answer_is_not_ready(side: AnswerSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(tenant: str) -> None:
        raise CatalogueUnavailable("gone")

    monkeypatch.setattr(side.knowledge_base.catalogue.generations, "live", broken)
    async with open_to_anyone(side) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()["parts"]["catalogue"]) == (503, False)


async def test_a_part_that_hangs_is_not_waited_for(side: AnswerSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging() -> IndexHealth:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("app.health.PART_SECONDS", 0.01)
    monkeypatch.setattr(side.knowledge_base.index, "health", hanging)
    async with open_to_anyone(side) as client:
        assert (await client.get("/readyz")).status_code == 503


async def test_without_its_chat_model_a_server_is_ready_still(
    side: AnswerSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> ModelHealth:
        return ModelHealth(is_ready=False, detail="gone")

    monkeypatch.setattr(side.chat_model, "health", broken)
    async with open_to_anyone(side) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()["parts"]["chat_model"]) == (200, False)
