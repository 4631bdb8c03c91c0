"""What every channel promises: who is let in, and that a caller who leaves is not worked for."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app.auth import SCOPES
from app.main import build_app
from app.wiring import AnswerSide
from tests.fakes.answer_sides import (
    FOR_ADMINISTRATORS,
    FOR_SITES,
    PUBLIC,
    QUESTION,
    ROUTES,
    call,
    closed,
    make_key,
    make_settings,
    open_to_anyone,
    opened_side,
)
from tests.fakes.slow_model import EndlessModel

OWN = ("conversations", "conversation", "forget", "answer", "feedback", "models", "model", "completions", "responses")
SCOPES_OF = {
    "session": set(SCOPES),
    "ask": {"ask"},
    "ask streamed": {"ask"},
    "search": {"search"},
    "metrics": {"metrics"},
    "document": {"ask", "search"},
    "mcp": {"ask", "search"},
    **{name: {"ask"} for name in OWN},
}
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


def routes_of(router: Any) -> list[Any]:  # FastAPI keeps included routers whole, under a name of its own
    """Every route with a path, however deep."""
    found: list[Any] = []
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        found += [route] if inner is None else routes_of(inner)
    return found


def test_every_route_is_in_this_files_lists(side: AnswerSide) -> None:
    known = {path for _, path, _ in ROUTES.values()} | set(PUBLIC) | {*FOR_SITES, *FOR_ADMINISTRATORS}
    seen: set[str] = set()
    for route in routes_of(build_app(side, is_open=True)):
        pattern = re.sub(r"\{[^}]+\}", ".+", route.path)
        seen.add(route.path)
        assert any(re.fullmatch(pattern, path) for path in known), f"{route.path} is tried by no test"
    assert {"/livez", "/", "/api/v1/ask"} <= {*seen, *(f"/api/v1{path}" for path in seen)}


@pytest.mark.parametrize("route", ROUTES)
async def test_a_closed_server_answers_nobody_without_a_key(side: AnswerSide, route: str) -> None:
    async with closed(side) as client:
        response = await call(client, route)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    problem = response.json()
    assert (problem.get("type") or problem["error"]["code"]).endswith("access-denied")


@pytest.mark.parametrize("route", ROUTES)
async def test_keys_that_are_not_valid_are_all_refused_alike(side: AnswerSide, route: str) -> None:
    useless = [
        {"Authorization": "Bearer fn_000000000000_" + "A" * 43},
        {"Authorization": "Basic Zm46Zm4="},
        {"Authorization": "Bearer"},
        await make_key(side, "ask", "search", revoked_at=YESTERDAY),
        await make_key(side, "ask", "search", expires_at=YESTERDAY),
        await make_key(side, "ask", "search", tenant="globex"),
    ]
    async with closed(side) as client:
        answers = [await call(client, route, headers) for headers in useless]
    assert {answer.status_code for answer in answers} == {401}
    bodies = [answer.json() for answer in answers]
    assert len({body.get("detail") or body["error"]["message"] for body in bodies}) == 1


@pytest.mark.parametrize("route", ROUTES)
async def test_a_key_opens_what_its_scope_says(side: AnswerSide, route: str) -> None:
    for scope in SCOPES:
        async with closed(side, await make_key(side, scope)) as client:
            status = (await call(client, route)).status_code
        assert status in ({200, 204} if scope in SCOPES_OF[route] else {403}), scope


@pytest.mark.parametrize("route", ROUTES)
async def test_a_key_from_a_page_of_another_site_opens_nothing_unless_it_was_made_for_it(
    side: AnswerSide, route: str
) -> None:
    shop = {"Origin": "https://shop.test"}
    plain, shared = await make_key(side, *SCOPES), await make_key(side, *SCOPES, origins=("https://shop.test",))
    async with closed(side) as client:
        assert (await call(client, route, plain | shop)).status_code == 401
        assert (await call(client, route, shared | shop)).is_success


@pytest.mark.parametrize("route", ROUTES)
async def test_an_open_server_answers_anyone_on_this_machine(side: AnswerSide, route: str) -> None:
    async with open_to_anyone(side) as client:
        assert (await call(client, route)).is_success


@pytest.mark.parametrize("route", ROUTES)
async def test_the_first_key_closes_an_open_server(side: AnswerSide, route: str) -> None:
    async with open_to_anyone(side) as client:
        key = await make_key(side, *SCOPES)
        assert (await call(client, route)).status_code == 401
        assert (await call(client, route, key)).is_success


async def test_page_health_and_description_need_no_key(side: AnswerSide) -> None:
    async with closed(side) as client:
        for path in PUBLIC:
            assert (await client.get(path)).status_code == 200, path


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_caller_who_hangs_up_frees_the_model(tmp_path: Path, is_streamed: bool) -> None:
    endless = EndlessModel()
    settings = make_settings(tmp_path)
    async with opened_side(settings, chat_model=endless) as side:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(build_app(side, is_open=True), log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listener]))
        body = json.dumps({"question": QUESTION, "stream": is_streamed}).encode()
        _, writer = await asyncio.open_connection(*listener.getsockname())
        head = ["POST /api/v1/ask HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
        head += [f"Content-Length: {len(body)}", "", ""]
        writer.write("\r\n".join(head).encode() + body)
        await writer.drain()
        assert await asyncio.to_thread(endless.started.wait, 10)
        assert not endless.stopped.is_set()
        writer.close()
        assert await asyncio.to_thread(endless.stopped.wait, 10)
        server.should_exit = True
        await serving
