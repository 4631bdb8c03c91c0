"""What the description of the interface shows: a request and an answer of each route, and what each status means."""

import json
from typing import Any

Json = dict[str, Any]  # examples, as callers see them

ABOUT = (
    "Answers from a team's own pages, every sentence footnoted. Each answer carries `X-Request-Id`, which the server's "
    "log repeats; answers to questions carry `RateLimit` and `RateLimit-Policy` where callers are counted."
)
_QUESTION = "How many days of annual leave do I get in Gdańsk?"
_CITATION: Json = {
    "number": 1,
    "document_id": "wiki:people/annual-leave.md",
    "title": "Annual leave",
    "heading_path": ["Entitlement"],
    "url": "https://kb.example.com/documents/wiki:people/annual-leave.md#entitlement",
    "quote": "| Gdańsk | 26 | 28 |",
    "source": "wiki",
    "updated_at": "2026-04-14T00:00:00Z",
    "is_outdated": False,
    "above": ["| Office | Days a year | After five years |"],
    "space": "people",
    "age": "7 months ago",
}
_SENTENCE: Json = {"text": "In Gdańsk you get 26 days a year.", "citations": [1], "kind": "prose", "language": ""}
ANSWER: Json = {
    "answer_id": "a_86799a51a7f943932de6d8ab",
    "conversation_id": "c_daa494dc05dd70feb902316d",
    "status": "answered",
    "mode": "grounded",
    "reason": None,
    "text": "In Gdańsk you get 26 days a year. [1]",
    "sentences": [_SENTENCE],
    "citations": [_CITATION],
    "notices": [],
    "closest": [],
    "model": {
        "name": "SmolLM2-135M-Instruct",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
    "timings_ms": {"retrieve": 9.1, "first_sentence": 640.2, "total": 911.5},
}
PASSAGE: Json = {
    name: _CITATION[name] for name in ("document_id", "title", "heading_path", "url", "source", "updated_at")
}
PASSAGE |= {"text": "| Office | Days a year |\n| --- | --- |\n| Gdańsk | 26 |", "score": 0.7393}
TURN: Json = {"question": _QUESTION, "asked_at": "2026-11-26T09:00:00Z", "channel": "rest", "answer": ANSWER}
_LISTED: Json = {
    "conversation_id": ANSWER["conversation_id"],
    "first_question": _QUESTION,
    "answer_count": 1,
    "last_asked_at": "2026-11-26T09:00:00Z",
}
_MODEL: Json = {"id": "footnote", "object": "model", "created": 0, "owned_by": "footnote"}
_CITED: Json = {"start_index": 34, "end_index": 122, "title": _CITATION["title"], "url": _CITATION["url"]}
_TEXT = f"{_SENTENCE['text']} [[1]]({_CITATION['url']})"
_MESSAGES = [{"role": "user", "content": _QUESTION}]

PARAMETERS = {
    "answer_id": ANSWER["answer_id"],
    "conversation_id": ANSWER["conversation_id"],
    "name": "footnote",
    "Idempotency-Key": "order-4711-question-1",
}
REQUESTS: dict[str, dict[str, Json]] = {
    "POST /api/v1/ask": {
        "a question": {"question": _QUESTION},
        "streamed, narrowed to a space, in the pages' own words": {
            "question": _QUESTION,
            "mode": "strict",
            "filters": {"space": "people"},
            "stream": True,
        },
        "a follow-up": {"question": "And in Porto?", "conversation_id": ANSWER["conversation_id"]},
    },
    "POST /api/v1/search": {"a search": {"query": "annual leave Gdańsk", "k": 5}},
    "POST /api/v1/answers/{answer_id}/feedback": {
        "a good answer": {"rating": "up"},
        "a bad one": {"rating": "down", "reasons": ["outdated"], "comment": "It is 28 days since March."},
    },
    "POST /v1/chat/completions": {"a question": {"model": "footnote", "messages": _MESSAGES}},
    "POST /v1/responses": {"a question": {"model": "footnote", "input": _QUESTION}},
    "POST /widget/visits": {"a page of a site": {"site": "shop"}},
}
RESPONSES: dict[str, Json] = {
    "POST /api/v1/ask": ANSWER,
    "POST /api/v1/search": {"passages": [PASSAGE]},
    "GET /api/v1/conversations": {"conversations": [_LISTED]},
    "GET /api/v1/conversations/{conversation_id}": {"conversation_id": ANSWER["conversation_id"], "turns": [TURN]},
    "GET /api/v1/answers/{answer_id}": TURN,
    "GET /v1/models": {"object": "list", "data": [_MODEL]},
    "GET /v1/models/{name}": _MODEL,
    "POST /v1/chat/completions": {
        "id": f"chatcmpl-{ANSWER['answer_id']}",
        "object": "chat.completion",
        "created": 1795683600,
        "model": "footnote",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": _TEXT,
                    "refusal": None,
                    "annotations": [{"type": "url_citation", "url_citation": _CITED}],
                },
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 13, "completion_tokens": 31, "total_tokens": 44},
        "metadata": {"answer_id": ANSWER["answer_id"]},
    },
    "POST /v1/responses": {
        "id": f"resp_{ANSWER['answer_id']}",
        "object": "response",
        "created_at": 1795683600,
        "status": "completed",
        "model": "footnote",
        "output": [
            {
                "id": f"msg_{ANSWER['answer_id']}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {
                        "type": "output_text",
                        "text": _TEXT,
                        "annotations": [{"type": "url_citation", **_CITED}],
                        "logprobs": [],
                    }
                ],
            }
        ],
        "metadata": {"answer_id": ANSWER["answer_id"]},
    },
    "POST /widget/visits": {"token": "fv_…", "expires_in": 3600},
}


def _event(name: str, body: Json) -> str:
    return f"event: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n"


_BLOCKS = [{"kind": "paragraph", "spans": [{"kind": "text", "text": _SENTENCE["text"]}]}]
_PIECE = {"index": 0, "delta": {"content": _TEXT}, "finish_reason": None, "logprobs": None}
EVENTS = {
    "POST /api/v1/ask": _event("sources", {"passages": [PASSAGE]})
    + _event("sentence", {"sentence": _SENTENCE, "citations": [_CITATION], "blocks": _BLOCKS})
    + _event("done", ANSWER),
    "POST /v1/chat/completions": "data: "
    + json.dumps({"id": "chatcmpl-s_0", "object": "chat.completion.chunk", "model": "footnote", "choices": [_PIECE]})
    + "\n\ndata: [DONE]\n\n",
    "POST /v1/responses": _event("response.output_text.delta", {"type": "response.output_text.delta", "delta": _TEXT}),
}
STREAMED = frozenset(EVENTS)

_EVERYWHERE = (401, 403)
_ASKING = (*_EVERYWHERE, 413, 422, 429)
STATUSES: dict[str, tuple[int, ...]] = {
    "POST /api/v1/ask": (*_ASKING, 409),
    "POST /api/v1/search": _ASKING,
    "GET /api/v1/conversations": _EVERYWHERE,
    "GET /api/v1/conversations/{conversation_id}": (*_EVERYWHERE, 404, 422),
    "DELETE /api/v1/conversations/{conversation_id}": (*_EVERYWHERE, 404, 422),
    "GET /api/v1/answers/{answer_id}": (*_EVERYWHERE, 404, 422),
    "POST /api/v1/answers/{answer_id}/feedback": (*_EVERYWHERE, 404, 413, 422),
    "GET /v1/models": _EVERYWHERE,
    "GET /v1/models/{name}": (*_EVERYWHERE, 400, 404),
    "POST /v1/chat/completions": (400, *_ASKING),
    "POST /v1/responses": (400, *_ASKING),
    "POST /widget/visits": (401, 413, 422),
}


def _refused(status: int, words: str, kind: str, title: str, detail: str, theirs: str) -> tuple[str, Json, Json]:
    problem = {"type": f"urn:footnote:problem:{kind}", "title": title, "status": status, "detail": detail}
    return words, problem, {"message": detail, "type": theirs, "param": None, "code": kind}


# Status → what it means, a problem (RFC 9457), and the same as OpenAI's API says it.
REFUSED: dict[int, tuple[str, Json, Json]] = {
    400: _refused(
        400,
        "Not as described",
        "malformed",
        "The request is not valid",
        "n: Input should be 1",
        "invalid_request_error",
    ),
    401: _refused(
        401,
        "No valid credentials, whatever the cause; for a visit: the page's origin is not on the site's list",
        "access-denied",
        "Access denied",
        "a valid API key is needed: send it as Authorization: Bearer fn_…",
        "authentication_error",
    ),
    403: _refused(
        403,
        "The credentials lack the scope; or a server without keys is called by another site or through a proxy",
        "scope-missing",
        "The key does not allow this",
        "this needs the scope 'ask': use a key that was made with it",
        "permission_error",
    ),
    404: _refused(
        404,
        "There is none, or none of the caller's",
        "not-found",
        "Not found",
        "no such answer",
        "invalid_request_error",
    ),
    409: _refused(
        409,
        "The first request with this Idempotency-Key is still being answered",
        "conflict",
        "The request is in conflict with another",
        "the first request with this Idempotency-Key is still being answered: wait",
        "invalid_request_error",
    ),
    413: _refused(
        413,
        "More than 1 MB",
        "http-413",
        "Too large",
        "a request holds at most 1,000,000 bytes",
        "invalid_request_error",
    ),
    422: _refused(
        422,
        "Not as described, a question that is empty or too long, or an Idempotency-Key of another request",
        "invalid-question",
        "The question cannot be answered as it stands",
        "the question is empty: ask it in words",
        "invalid_request_error",
    ),
    429: _refused(
        429,
        "More questions than allowed; `Retry-After` says how many seconds to wait",
        "too-many-requests",
        "Too many requests",
        "at most 600 questions a minute: wait 1 s",
        "rate_limit_error",
    ),
}
