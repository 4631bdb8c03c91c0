"""Errors as RFC 9457 problem+json: one table from the error tree to status and a stable type."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kb import errors
from kb.logs import request_id

logger = logging.getLogger(__name__)
LONGEST_PAUSE_SECONDS = 3600
UNREADABLE = "the body could not be read: send JSON in UTF-8"
_TYPE_BASE = "urn:footnote:problem:"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a caller is told. `hides`: the message may name internals, so a fixed one is sent instead."""

    status: int
    type: str
    title: str
    hides: bool = True


PROBLEMS: dict[type[errors.KnowledgeBaseError], Problem] = {
    errors.KnowledgeBaseError: Problem(500, "internal", "Something went wrong here"),
    errors.ConfigError: Problem(500, "misconfigured", "The server is misconfigured"),
    errors.InvalidQuestion: Problem(422, "invalid-question", "The question cannot be answered as it stands", False),
    errors.NotFound: Problem(404, "not-found", "Not found", False),
    errors.RequestConflict: Problem(409, "conflict", "The request is in conflict with another", False),
    errors.RequestMismatch: Problem(422, "other-request", "The key belongs to another request", False),
    errors.TooManyRequests: Problem(429, "too-many-requests", "Too many requests", False),
    errors.ServerEnding: Problem(503, "ending", "The server is ending", False),
    errors.ServerBusy: Problem(503, "busy", "Too many questions are being answered", False),
    errors.SourceError: Problem(502, "source", "A source could not be read"),
    errors.SourceAuthError: Problem(502, "source-auth", "A source refused the server's credentials"),
    errors.SourceRateLimited: Problem(503, "source-rate-limited", "A source asked for a pause"),
    errors.SourceUnavailable: Problem(503, "source-unavailable", "A source does not answer"),
    errors.UnreadableDocument: Problem(502, "unreadable-document", "A document cannot be read"),
    errors.CatalogueError: Problem(503, "catalogue", "The catalogue cannot be used"),
    errors.CatalogueUnavailable: Problem(503, "catalogue-unavailable", "The catalogue does not answer"),
    errors.CatalogueTooNew: Problem(503, "catalogue-too-new", "The data were written by a newer version"),
    errors.IndexFailure: Problem(503, "index", "The index cannot be used"),
    errors.IndexUnavailable: Problem(503, "index-unavailable", "The index does not answer"),
    errors.IndexDamaged: Problem(503, "index-damaged", "The index is made again"),
    errors.IndexMismatch: Problem(503, "index-mismatch", "The index was built with another embedder"),
    errors.ModelError: Problem(503, "model", "A model cannot be used"),
    errors.ModelUnavailable: Problem(503, "model-unavailable", "A model does not answer"),
    errors.ModelRateLimited: Problem(503, "model-busy", "A model is busy"),
    errors.PromptTooLong: Problem(422, "prompt-too-long", "The question is too long for the model"),
    errors.ChannelError: Problem(502, "channel", "The service behind a channel did not answer"),
    errors.AccessDenied: Problem(401, "access-denied", "Access denied", False),
    errors.IdentityUnavailable: Problem(503, "identity-unavailable", "Who you are cannot be checked now"),
    errors.ScopeMissing: Problem(403, "scope-missing", "The key does not allow this", False),
}


_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Stable, such as `urn:footnote:problem:too-many-requests`."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong with this request, and what to do about it."},
        "request_id": {"type": "string", "description": "As the server's log names it."},
    },
}
_PROBLEM = {"application/problem+json": {"schema": _PROBLEM_SCHEMA}}
# What a description of the interface says of every route that answers with problems.
REFUSALS: dict[int | str, dict[str, object]] = {
    "4XX": {"description": "Refused: a problem (RFC 9457) says why", "content": _PROBLEM},
    "5XX": {"description": "Not answered: 503 with `Retry-After` if it may be later", "content": _PROBLEM},
}


def problem_for(error: errors.KnowledgeBaseError) -> Problem:
    """The row of the error's nearest class."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


def install_problem_handlers(app: FastAPI) -> None:
    """Every error leaves the server as problem+json, without stack, text of pages, or the offending input."""
    app.add_exception_handler(errors.KnowledgeBaseError, _known)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)


def problem_body(problem: Problem, *, detail: str) -> dict[str, object]:
    """The JSON object of a problem."""
    body: dict[str, object] = {
        "type": _TYPE_BASE + problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
    }
    return body | ({"request_id": request_id.get()} if request_id.get() else {})


def respond(problem: Problem, *, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response that tells of a problem."""
    return JSONResponse(
        problem_body(problem, detail=detail),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers,
    )


async def _known(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.KnowledgeBaseError):
        raise error
    problem = problem_for(error)
    if problem.hides:
        logger.warning("request failed", extra={"error": type(error).__name__, "reason": str(error)})
    return respond(problem, detail=problem.title if problem.hides else str(error), headers=retry_headers(error))


def retry_headers(error: errors.KnowledgeBaseError) -> dict[str, str] | None:
    """What a caller may do next: bring a key, or wait; None if neither helps."""
    problem = problem_for(error)
    if problem.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if problem.status not in {429, 503}:
        return None
    pause = getattr(error, "retry_after", None)
    return {"Retry-After": str(min(LONGEST_PAUSE_SECONDS, max(1, round(pause or 5))))}


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    malformed = Problem(422, "malformed", "The request is not valid")
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": "", "type": ""}
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    match first["type"]:
        case "json_invalid":
            detail = "the body is not valid JSON"
        case "model_attributes_type" | "dict_type" | "missing" if not where:
            detail = "the body must be a JSON object, sent with Content-Type: application/json"
        case "extra_forbidden":
            # The name is the caller's own word; it is cut to what a name can be.
            detail = f"unknown key {where[:60]!r}"
        case _:
            detail = f"{where}: {first['msg']}" if where else str(first["msg"])
    return respond(malformed, detail=detail)


async def _http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    titles = {404: "Not found", 405: "Method not allowed", 413: "Too large"}
    title = titles.get(status, "The request was refused")
    headers = error.headers if isinstance(error, HTTPException) else None
    detail = UNREADABLE if status == 400 else title
    return respond(Problem(status, f"http-{status}", title), detail=detail, headers=headers)
