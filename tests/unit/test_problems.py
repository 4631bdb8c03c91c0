"""Errors as problem+json: every class of the tree has its row, and a row gives nothing away."""

import inspect
import json

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.problems import PROBLEMS, install_problem_handlers, problem_for
from kb import errors

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.KnowledgeBaseError)]
WORDS = "/srv/data/catalogue.db says s3cret"


def make(kind: type[errors.KnowledgeBaseError]) -> errors.KnowledgeBaseError:
    return kind(WORDS, document_id="docs:a") if kind is errors.UnreadableDocument else kind(WORDS)


def answer_to(error: Exception) -> tuple[int, dict[str, str], dict[str, object]]:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    with TestClient(app) as client:
        response = client.get("/")
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, dict(response.headers), json.loads(response.content)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_a_row_of_its_own(kind: type[errors.KnowledgeBaseError]) -> None:
    assert kind in PROBLEMS


def test_types_are_unique_and_statuses_are_errors() -> None:
    types = [problem.type for problem in PROBLEMS.values()]
    assert len(set(types)) == len(types)
    assert {problem.status // 100 for problem in PROBLEMS.values()} == {4, 5}


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_leaves_as_its_row_says(kind: type[errors.KnowledgeBaseError]) -> None:
    status, headers, body = answer_to(make(kind))
    problem = PROBLEMS[kind]
    assert (status, body["type"], body["title"]) == (
        problem.status,
        f"urn:footnote:problem:{problem.type}",
        problem.title,
    )
    assert (WORDS in str(body)) is not problem.hides
    assert ("retry-after" in headers) == (status in {429, 503})
    assert ("www-authenticate" in headers) == (status == 401)


def test_a_class_added_below_another_is_told_like_its_parent() -> None:
    class FreshlyAdded(errors.IndexUnavailable):
        """A new leaf."""

    assert problem_for(FreshlyAdded("x")) == PROBLEMS[errors.IndexUnavailable]


@pytest.mark.parametrize(("seconds", "header"), [(None, "5"), (0.2, "1"), (90.0, "90"), (1e9, "3600")])
def test_a_busy_model_says_when_to_come_back(seconds: float | None, header: str) -> None:
    _, headers, _ = answer_to(errors.ModelRateLimited("busy", retry_after=seconds))
    assert headers["retry-after"] == header
