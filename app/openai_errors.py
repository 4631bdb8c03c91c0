"""Errors in the shape that OpenAI's clients read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from app.openai_shapes import Json
from app.problems import UNREADABLE, problem_for, retry_headers
from kb.errors import KnowledgeBaseError

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["message", "type", "param", "code"]}},
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": "As OpenAI's API says it", "content": {"application/json": {"schema": _ERROR_SCHEMA}}}
    for status in ("4XX", "5XX")
}


class OpenAIRoute(APIRoute):
    """Errors of these routes have the shape that OpenAI's clients read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own, with its errors translated."""
        answer = super().get_route_handler()

        async def answer_or_error(request: Request) -> Response:
            try:
                return await answer(request)
            except KnowledgeBaseError as exc:
                problem = problem_for(exc)
                detail = problem.title if problem.hides else str(exc)
                error = error_body(detail, problem.type, problem.status)
                return JSONResponse({"error": error}, status_code=problem.status, headers=retry_headers(exc))
            except HTTPException as exc:
                detail = UNREADABLE if exc.status_code == 400 else str(exc.detail)
                error = error_body(detail, "malformed", exc.status_code)
                return JSONResponse({"error": error}, status_code=exc.status_code)
            except RequestValidationError as exc:
                first = exc.errors()[0]
                where = ".".join(str(part) for part in first["loc"] if part != "body")
                error = error_body(f"{where}: {first['msg']}" if where else str(first["msg"]), "malformed", 400)
                return JSONResponse({"error": error | {"param": where or None}}, status_code=400)

        return answer_or_error


def error_body(message: str, code: str, status: int) -> Json:
    """The object within `error`. `code`: a problem's type."""
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"message": message, "type": kind, "param": None, "code": code.removeprefix("urn:footnote:problem:")}
