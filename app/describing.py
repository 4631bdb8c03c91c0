"""The description of the interface (OpenAPI): what FastAPI knows of it, with credentials, examples and each refusal."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.described import ABOUT, EVENTS, PARAMETERS, REFUSED, REQUESTS, RESPONSES, STATUSES, STREAMED

Json = dict[str, Any]  # an OpenAPI document's own shapes


def describe(app: FastAPI) -> None:
    """Have the application describe itself in full."""

    def openapi() -> Json:
        if app.openapi_schema is None:
            plain = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
            app.openapi_schema = completed(plain)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending it


def completed(document: Json) -> Json:
    """The document with what FastAPI cannot know."""
    document.setdefault("components", {})["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key (`fn_…`), a visitor's token (`fv_…`), or a token (JWT) of a configured issuer. On "
            "loopback without keys none is needed.",
        },
        "for_somebody": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Footnote-User",
            "description": "Beside a key: a token (JWT) that names the person for whom its owner asks.",
        },
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(operation, path, method.upper())
    return document


def _complete(operation: Json, path: str, method: str) -> None:
    route = f"{method} {path}"
    is_open = path == "/widget/visits"
    operation["security"] = [{}] if is_open else [{"key": []}, {"key": [], "for_somebody": []}, {}]
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in PARAMETERS:
            parameter["example"] = PARAMETERS[parameter["name"]]
    if "requestBody" in operation:
        operation["requestBody"]["content"]["application/json"]["examples"] = {
            name: {"value": value} for name, value in REQUESTS[route].items()
        }
    responses = operation["responses"]
    if route in RESPONSES:
        responses["200"]["content"]["application/json"]["example"] = RESPONSES[route]
    if route in STREAMED:
        responses["200"]["content"]["text/event-stream"] = {"example": EVENTS[route]}
    for status in STATUSES[route]:
        responses[str(status)] = _refusal(responses["4XX"], status)


def _refusal(any_other: Mapping[str, Any], status: int) -> Json:
    """What is said of one status, in the shape of all refusals of the route."""
    words, problem, error = REFUSED[status]
    (media_type,) = any_other["content"]
    example = problem if media_type == "application/problem+json" else {"error": error}
    content = {media_type: {**any_other["content"][media_type], "example": example}}
    return {"description": words, "content": content}
