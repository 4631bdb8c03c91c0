"""Whatever is sent to any described route: never an error of ours, and every refusal is one that can be read."""

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.wiring import AnswerSide
from tests.fakes.answer_sides import make_settings, open_to_anyone, opened_side

pytestmark = pytest.mark.integration

SCALARS: list[Any] = [None, True, 0, -1, 1.5, 10**30, "", "x", "\x00", "\u202e", "a" * 9000, "ask", "up", "../x", "{}"]
NAMES = [
    "question",
    "query",
    "k",
    "filters",
    "messages",
    "input",
    "rating",
    "reasons",
    "stream",
    "model",
    "role",
    "content",
]
PER_ROUTE = 60


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


def anything(chance: random.Random, depth: int = 0) -> Any:  # any JSON
    kind = chance.random()
    if depth > 3 or kind < 0.5:
        return chance.choice(SCALARS)
    if kind < 0.75:
        return [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(NAMES): anything(chance, depth + 1) for _ in range(chance.randrange(5))}


def spoiled(body: Any, chance: random.Random) -> Any:
    """A good body with one thing in it that is not as described."""
    if not isinstance(body, dict) or not body:
        return anything(chance)
    name = chance.choice(list(body))
    return chance.choice(
        [
            body | {name: anything(chance)},
            {key: value for key, value in body.items() if key != name},
            body | {chance.choice(NAMES): anything(chance)},
        ]
    )


GOOD = {
    "/api/v1/ask": {"question": "How much leave?", "mode": "strict", "stream": False, "filters": {"labels": []}},
    "/api/v1/search": {"query": "leave", "k": 3, "filters": {}},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "How much leave?"}], "stream": False},
    "/v1/responses": {"input": "How much leave?", "stream": True},
    "/api/v1/answers/{answer_id}/feedback": {"rating": "up", "reasons": ["wrong"], "comment": ""},
    "/widget/visits": {"site": "x"},
}


def must_be_ours(response: httpx.Response, sent: object) -> None:
    assert response.status_code < 500, (sent, response.text)
    if response.status_code >= 400:
        body = response.json()
        assert body.get("title") or body["error"]["message"], sent


async def test_no_body_brings_out_an_error_of_ours(side: AnswerSide) -> None:
    chance = random.Random(9)
    async with open_to_anyone(side) as client:
        described = (await client.get("/api/v1/openapi.json")).json()["paths"]
        with_body = {path for path, methods in described.items() if "requestBody" in methods.get("post", {})}
        assert with_body == set(GOOD), "every route that takes a body is tried"
        for path in sorted(with_body):
            for number in range(PER_ROUTE):
                sent = anything(chance) if number % 2 else spoiled(GOOD[path], chance)
                body = json.dumps(sent).encode()[: None if number % 7 else 20]
                headers = {"Content-Type": "application/json"}
                must_be_ours(await client.post(path.format(answer_id="a_0"), content=body, headers=headers), sent)


HALF = "leave \ud800?"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/ask", {"question": HALF}),
        ("/api/v1/ask", {"question": "How much leave?", "conversation_id": HALF}),
        ("/api/v1/ask", {"question": "How much leave?", "filters": {"labels": [HALF]}}),
        ("/api/v1/search", {"query": HALF}),
        ("/api/v1/search", {"query": "leave", "filters": {"source": HALF}}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": HALF}]}),
        ("/v1/responses", {"input": HALF}),
        ("/api/v1/answers/a_0/feedback", {"rating": "up", "comment": HALF}),
    ],
)
async def test_half_of_a_surrogate_pair_is_refused_in_words(side: AnswerSide, path: str, body: object) -> None:
    async with open_to_anyone(side) as client:
        headers = {"Content-Type": "application/json"}
        response = await client.post(path, content=json.dumps(body).encode(), headers=headers)
    assert response.status_code in {400, 422}
    must_be_ours(response, body)


@pytest.mark.parametrize(
    ("since", "is_read"),
    [
        ("2026-03-01", True),
        ("2026-03-01T10:00:00+02:00", True),
        ("0001-01-01T00:00:00+14:00", True),
        ("9999-12-31T23:59:59-14:00", True),
        (1772323200, False),
        ("yesterday", False),
        ("2026-13-01", False),
        (1e300, False),
        ([], False),
    ],
)
async def test_a_moment_to_narrow_by_is_read_or_refused_in_words(
    side: AnswerSide, since: object, *, is_read: bool
) -> None:
    body = {"query": "leave", "filters": {"updated_since": since}}
    async with open_to_anyone(side) as client:
        response = await client.post("/api/v1/search", json=body)
    assert response.status_code == (200 if is_read else 422), response.text


async def test_no_address_brings_out_an_error_of_ours(side: AnswerSide) -> None:
    words = ["%00", "a" * 5000, "%2e%2e", "%F0%9F%92%A9", "a%0d%0ab", "'", "%27%20OR%201=1", "*", "%ff%fe", "-1"]
    async with open_to_anyone(side) as client:
        described = (await client.get("/api/v1/openapi.json")).json()["paths"]
        for path in [each for each in described if "{" in each]:
            for word in words:
                address = path[: path.index("{")] + word + path[path.index("}") + 1 :]
                for method in ("GET", "POST", "DELETE", "PUT"):
                    must_be_ours(await client.request(method, address), (method, address))


async def test_every_refusal_on_a_post_says_what_is_described(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        for path in GOOD:
            response = await client.post(path.format(answer_id="a_0"), content=b"{", headers={"Content-Type": "text/x"})
            assert response.status_code in {400, 422}, path
