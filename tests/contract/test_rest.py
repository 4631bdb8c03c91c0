"""What callers of the REST endpoint rely on: shapes, statuses, the order of events, and what a bad request gets."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.chat_models.scripted import Config, ScriptedModel
from app.wiring import AnswerSide
from kb.errors import IndexUnavailable
from tests.fakes.answer_sides import OWNER, closed, make_key, make_settings, open_to_anyone, opened_side

LEAVE = "How many days of annual leave does everyone get each year?"
ANSWER_KEYS = {
    "answer_id",
    "conversation_id",
    "status",
    "mode",
    "reason",
    "text",
    "sentences",
    "citations",
    "notices",
    "closest",
    "model",
    "timings_ms",
}
CITATION_KEYS = {
    "number",
    "document_id",
    "title",
    "heading_path",
    "url",
    "quote",
    "above",
    "space",
    "source",
    "updated_at",
    "age",
    "is_outdated",
}
PASSAGE_KEYS = {"document_id", "title", "heading_path", "url", "text", "score", "source", "updated_at"}


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def client(side: AnswerSide) -> AsyncIterator[httpx.AsyncClient]:
    async with open_to_anyone(side) as calls:
        yield calls


async def ask(client: httpx.AsyncClient, question: str = LEAVE, **others: object) -> dict[str, object]:
    response = await client.post("/api/v1/ask", json={"question": question, **others})
    assert response.status_code == 200, response.text
    answer: dict[str, object] = response.json()
    return answer


def events_of(stream: str) -> list[tuple[str, dict[str, object]]]:
    """(name, object) of each server-sent event."""
    frames = [dict(line.split(": ", 1) for line in frame.split("\n")) for frame in stream.strip().split("\n\n")]
    return [(frame["event"], json.loads(frame["data"])) for frame in frames]


async def stored_text(side: AnswerSide, document_id: str, *, email: str | None = None) -> str:
    catalogue = side.knowledge_base.catalogue
    reader = await catalogue.access.readable(await catalogue.access.principal("acme", email))
    sections = await catalogue.documents.live_sections("acme", document_id, audience_ids=reader)
    return "\n".join(section.text for section in sections)


async def test_an_answer_has_the_promised_shape(client: httpx.AsyncClient) -> None:
    answer = await ask(client)
    assert set(answer) == ANSWER_KEYS
    assert answer["status"] == "answered"
    assert all(set(citation) == CITATION_KEYS for citation in answer["citations"])
    assert set(answer["timings_ms"]) == {"retrieve", "first_sentence", "total"}
    assert str(answer["answer_id"]).startswith("a_")


async def test_the_numbers_in_the_text_are_exactly_the_citations(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "What stops at two metres and what sounds at three metres?")
    in_text = {int(part.split("]")[0]) for part in str(answer["text"]).split("[")[1:]}
    in_sentences = {number for sentence in answer["sentences"] for number in sentence["citations"]}
    numbers = [citation["number"] for citation in answer["citations"]]
    assert in_text == in_sentences == set(numbers)
    assert numbers == list(range(1, len(numbers) + 1))


async def test_every_quote_stands_in_the_stored_section(client: httpx.AsyncClient, side: AnswerSide) -> None:
    answer = await ask(client)
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation["quote"] in await stored_text(side, citation["document_id"])


async def test_every_link_of_an_answer_opens(client: httpx.AsyncClient) -> None:
    answer = await ask(client)
    assert answer["citations"]
    for citation in answer["citations"]:
        page, _, anchor = citation["url"].partition("#")
        response = await client.get(httpx.URL(page).raw_path.decode())
        assert response.status_code == 200
        assert f'id="{anchor}"' in response.text


async def test_a_conversation_keeps_its_id(client: httpx.AsyncClient) -> None:
    assert (await ask(client, conversation_id="c_mine"))["conversation_id"] == "c_mine"
    fresh = {(await ask(client))["conversation_id"] for _ in range(2)}
    assert len(fresh) == 2


async def test_a_question_nobody_answers_is_not_found_with_reason_and_without_citations(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    picky = settings.model_copy(update={"answering": settings.answering.model_copy(update={"answerable_above": 1.0})})
    async with opened_side(picky) as side, open_to_anyone(side) as client:
        answer = await ask(client)
    assert (answer["status"], answer["citations"], answer["sentences"], answer["text"]) == ("not_found", [], [], "")
    assert answer["reason"]
    assert {"title", "url"} == set(answer["closest"][0])


@pytest.mark.parametrize("mode", ["grounded", "strict", "sources"])
async def test_a_mode_may_be_asked_for(client: httpx.AsyncClient, mode: str) -> None:
    answer = await ask(client, mode=mode)
    assert answer["status"] == "answered"
    assert answer["citations"]
    assert answer["mode"] in {mode, "strict"}


async def test_a_failing_chat_model_still_leaves_an_answer_and_says_so(tmp_path: Path) -> None:
    broken = ScriptedModel(Config(fails=True))
    async with opened_side(make_settings(tmp_path), chat_model=broken) as side, open_to_anyone(side) as client:
        answer = await ask(client)
    assert (answer["status"], answer["mode"], answer["model"]) == ("answered", "strict", None)
    assert "chat model" in str(answer["reason"])


async def test_filters_narrow(client: httpx.AsyncClient) -> None:
    found = await client.post("/api/v1/search", json={"query": "annual leave", "filters": {"source": "other"}})
    assert found.json() == {"passages": []}


async def test_a_search_gives_passages_best_first(client: httpx.AsyncClient) -> None:
    found = (await client.post("/api/v1/search", json={"query": "annual leave days", "k": 2})).json()["passages"]
    assert len(found) == 2
    assert all(set(passage) == PASSAGE_KEYS for passage in found)
    assert found[0]["document_id"] == "docs:leave.md"
    assert found[0]["score"] >= found[1]["score"]


async def test_a_stream_gives_sources_sentences_and_then_the_whole_answer(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/ask", json={"question": LEAVE, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    names = [name for name, _ in events]
    assert (names[0], names[-1]) == ("sources", "done")
    assert set(names[1:-1]) == {"sentence"}
    done = events[-1][1]
    assert set(done) == ANSWER_KEYS
    assert [event["sentence"] for name, event in events if name == "sentence"] == done["sentences"]
    introduced = [citation for name, event in events if name == "sentence" for citation in event["citations"]]
    assert introduced == done["citations"]
    assert all(set(passage) == PASSAGE_KEYS for passage in events[0][1]["passages"])


async def test_after_the_first_byte_a_failure_is_an_event(side: AnswerSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*args: object, **others: object) -> AsyncIterator[object]:
        raise IndexUnavailable("/srv/secret/place is gone")
        yield

    monkeypatch.setattr(side.answerer, "stream", failing)
    async with open_to_anyone(side) as client:
        response = await client.post("/api/v1/ask", json={"question": LEAVE, "stream": True})
    assert response.status_code == 200
    ((name, problem),) = events_of(response.text)
    assert (name, problem["type"]) == ("error", "urn:footnote:problem:index-unavailable")
    assert "secret" not in response.text


async def test_a_bug_in_a_stream_is_an_event_without_words(side: AnswerSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*args: object, **others: object) -> AsyncIterator[object]:
        raise TypeError("page text")
        yield

    monkeypatch.setattr(side.answerer, "stream", failing)
    async with open_to_anyone(side) as client:
        response = await client.post("/api/v1/ask", json={"question": LEAVE, "stream": True})
    ((name, problem),) = events_of(response.text)
    assert (name, problem["status"]) == ("error", 500)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "page text" not in response.text


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_question_that_is_none_is_refused_in_words(client: httpx.AsyncClient, is_streamed: bool) -> None:
    for question in ("", "   ", "\n\t", "\x00\x01\x1b", "\u200b\u202e", "?!…", "a" * 100_000, "ą" * 5000):
        response = await client.post("/api/v1/ask", json={"question": question, "stream": is_streamed})
        assert response.status_code == 422, ascii(question[:9])
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["type"] == "urn:footnote:problem:invalid-question"
        assert len(response.text) < 500


async def test_control_characters_in_a_question_are_passed_over(client: httpx.AsyncClient) -> None:
    answer = await ask(client, LEAVE.replace(" ", " \x00\x1b\u202e"))
    assert answer["status"] == "answered"


BAD_BODIES = [
    (b"", "JSON object"),
    (b"{", "not valid JSON"),
    (b'{"question": NaN', "not valid JSON"),
    (b"[]", "JSON object"),
    (b'"words"', "JSON object"),
    (b"{}", "question"),
    (b'{"question": 7}', "question"),
    (b'{"question": "x", "mode": "bold"}', "mode"),
    (b'{"question": "x", "tenant": "globex"}', "unknown key 'tenant'"),
    (b'{"question": "x", "filters": {"audience": "everyone"}}', "unknown key 'filters.audience'"),
    (b'{"question": "x", "conversation_id": "' + b"c" * 200 + b'"}', "conversation_id"),
    (b'{"question": "\\ud800", "conversation_id": "\\ud800"}', ""),
    (b"\xff\xfe", ""),
    (b"[" * 100_000, ""),
]


async def test_a_body_that_is_not_as_described_is_refused_in_words(client: httpx.AsyncClient) -> None:
    for body, said in BAD_BODIES:
        response = await client.post("/api/v1/ask", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code in {400, 422}, body[:60]
        assert response.headers["content-type"] == "application/problem+json"
        assert said in response.json()["detail"]
        assert len(response.content) < 600


async def test_only_json_is_read(client: httpx.AsyncClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        body = json.dumps({"question": LEAVE})
        response = await client.post("/api/v1/ask", content=body, headers={"Content-Type": content_type})
        assert response.status_code == 422, content_type


async def test_a_count_of_passages_out_of_bounds_is_refused(client: httpx.AsyncClient) -> None:
    for k in (0, 51, -1, "many", 1.5):
        response = await client.post("/api/v1/search", json={"query": "leave", "k": k})
        assert response.status_code == 422, k
        assert "k" in response.json()["detail"]


async def test_an_unknown_route_and_a_wrong_method_are_problems(client: httpx.AsyncClient) -> None:
    missing, wrong = await client.get("/api/v1/nope"), await client.get("/api/v1/ask")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["allow"] == "POST"
    assert missing.headers["content-type"] == wrong.headers["content-type"] == "application/problem+json"


async def test_the_description_names_the_routes(client: httpx.AsyncClient) -> None:
    described = (await client.get("/api/v1/openapi.json")).json()
    assert {"/api/v1/ask", "/api/v1/search"} <= set(described["paths"])
    assert set(described["components"]["schemas"]["AnswerBody"]["properties"]) == ANSWER_KEYS


async def test_a_restricted_page_is_found_by_those_who_may_read_it_alone(side: AnswerSide) -> None:
    asked = {"query": "What does level four pay?", "k": 50}
    owner = await make_key(side, "search", email=OWNER)
    other = await make_key(side, "search", email="eve@acme.test")
    nobody = await make_key(side, "search")
    async with closed(side) as client:
        found = {
            name: {
                passage["document_id"]
                for passage in (await client.post("/api/v1/search", json=asked, headers=key)).json()["passages"]
            }
            for name, key in {"owner": owner, "other": other, "nobody": nobody}.items()
        }
    assert "docs:pay.md" in found["owner"]
    assert "docs:pay.md" not in found["other"] | found["nobody"]
