"""The OpenAPI document: every route with a request, an answer and each refusal, and all of them as they really are."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.channels.history import FeedbackBody, TurnBody
from app.channels.rest import SentenceEvent
from app.contract import AnswerBody, AskBody, PassageBody, SearchBody
from app.described import ANSWER, EVENTS, PASSAGE, REFUSED, REQUESTS, STATUSES, TURN
from app.main import build_app
from app.openai_shapes import CompletionsBody, ResponsesBody
from app.problems import PROBLEMS
from app.wiring import AnswerSide
from tests.fakes.answer_sides import QUESTION, closed, make_key, make_settings, opened_side

MODELS = {
    "POST /api/v1/ask": AskBody,
    "POST /api/v1/search": SearchBody,
    "POST /api/v1/answers/{answer_id}/feedback": FeedbackBody,
    "POST /v1/chat/completions": CompletionsBody,
    "POST /v1/responses": ResponsesBody,
}


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


def operations(side: AnswerSide) -> dict[str, Any]:
    paths = build_app(side, is_open=True).openapi()["paths"]
    return {f"{method.upper()} {path}": each for path, methods in paths.items() for method, each in methods.items()}


def test_every_route_has_examples_credentials_and_refusals(side: AnswerSide) -> None:
    described = operations(side)
    assert set(described) == set(STATUSES)
    for route, operation in described.items():
        assert operation["security"], route
        assert operation["description"], route
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], route
        for parameter in operation.get("parameters", ()):
            assert "example" in parameter, (route, parameter["name"])
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values() if len(status) == 3 and "X" not in status else ():
                assert "example" in content, (route, status)
        assert {"401", "4XX", "5XX"} <= set(operation["responses"]), route


def test_the_examples_are_what_the_routes_take_and_give() -> None:
    for route, model in MODELS.items():
        for example in REQUESTS[route].values():
            model.model_validate(example)
    # How old a page is, is counted anew each time.
    kept = AnswerBody.model_validate(ANSWER).model_dump(mode="json")
    kept["citations"][0]["age"] = ANSWER["citations"][0]["age"]
    assert kept == ANSWER
    assert PassageBody.model_validate(PASSAGE).model_dump(mode="json") == PASSAGE
    assert TurnBody.model_validate(TURN).question
    frames = [frame.split("data: ", 1)[1] for frame in EVENTS["POST /api/v1/ask"].strip().split("\n\n")]
    assert len(frames) == 3
    SentenceEvent.model_validate_json(frames[1])
    AnswerBody.model_validate_json(frames[2])


def test_the_problems_shown_are_problems_of_ours() -> None:
    ours = {(f"urn:footnote:problem:{each.type}", each.title, each.status) for each in PROBLEMS.values()}
    for status, (_, problem, _) in REFUSED.items():
        shown = (problem["type"], problem["title"], problem["status"])
        assert problem["status"] == status
        assert shown in ours or status in {400, 413}, status


async def test_what_is_refused_is_refused_with_a_status_that_is_described(side: AnswerSide) -> None:
    asker = await make_key(side, "ask")
    async with closed(side) as client:
        tried = [
            ("POST /api/v1/ask", await client.post("/api/v1/ask", json={"question": QUESTION})),
            ("POST /api/v1/ask", await client.post("/api/v1/ask", json={"question": " "}, headers=asker)),
            ("POST /api/v1/search", await client.post("/api/v1/search", json={"query": "x"}, headers=asker)),
            ("GET /api/v1/answers/{answer_id}", await client.get("/api/v1/answers/a_0", headers=asker)),
            ("GET /v1/models/{name}", await client.get("/v1/models/gpt", headers=asker)),
            ("POST /v1/responses", await client.post("/v1/responses", json={}, headers=asker)),
            ("POST /widget/visits", await client.post("/widget/visits", json={"site": "x"})),
        ]
    described = operations(side)
    for route, response in tried:
        said = described[route]["responses"][str(response.status_code)]
        (media_type,) = said["content"]
        assert response.headers["content-type"] == media_type, route
        shown = said["content"][media_type]["example"]
        told = response.json()
        assert set(shown) == set(told) - {"request_id"}, route
        if "error" in shown:
            assert set(shown["error"]) == set(told["error"]), route
