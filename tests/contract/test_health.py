"""Alive and ready: what each looks at, and that neither waits for long."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.chat_models.base import ModelHealth
from app.wiring import AnswerSide
from kb.errors import CatalogueUnavailable
from kb.index.base import IndexHealth
from tests.fakes.answer_sides import make_settings, open_to_anyone, opened_side


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
