"""What was answered before: whose it is, what becomes of it, feedback, and requests that are sent twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.auth import Caller
from app.conversations import AnswerBook
from app.settings import ConversationsTable, LimitsTable, SiteTable
from app.wiring import AnswerSide
from ingest.wiring import sync_sources
from tests.fakes.answer_sides import (
    OWNER,
    QUESTION,
    closed,
    make_key,
    make_settings,
    open_to_anyone,
    opened_side,
)
from tests.fakes.slow_model import EndlessModel

SHOP = "https://shop.test"


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    settings = make_settings(tmp_path)
    limits = LimitsTable(questions_per_minute=30, visitor_questions_per_minute=2, site_questions_per_minute=3)
    sites = (SiteTable(id="shop", origins=(SHOP,)),)
    async with opened_side(settings.model_copy(update={"limits": limits, "sites": sites})) as opened:
        yield opened


async def asked(client: httpx.AsyncClient, question: str = QUESTION, **others: object) -> dict[str, object]:
    response = await client.post("/api/v1/ask", json={"question": question, **others})
    assert response.status_code == 200, response.text
    answer: dict[str, object] = response.json()
    return answer


async def test_an_answer_can_be_looked_up_as_it_was(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        answer = await asked(client)
        found = (await client.get(f"/api/v1/answers/{answer['answer_id']}")).json()
    assert (found["question"], found["channel"]) == (QUESTION, "rest")
    assert found["answer"] == answer


async def test_a_streamed_answer_can_be_looked_up_too(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        stream = (await client.post("/api/v1/ask", json={"question": QUESTION, "stream": True})).text
        done = json.loads(stream.strip().rpartition("data: ")[2])
        assert (await client.get(f"/api/v1/answers/{done['answer_id']}")).json()["answer"] == done


async def test_a_conversation_is_listed_read_and_forgotten(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        await asked(client, "What stops at two metres?", conversation_id="c_1")
        await asked(client, conversation_id="c_1")
        await asked(client, conversation_id="c_2")
        listed = (await client.get("/api/v1/conversations")).json()["conversations"]
        assert [(each["conversation_id"], each["answer_count"]) for each in listed] == [("c_2", 1), ("c_1", 2)]
        assert listed[1]["first_question"] == "What stops at two metres?"
        turns = (await client.get("/api/v1/conversations/c_1")).json()["turns"]
        assert [turn["question"] for turn in turns] == ["What stops at two metres?", QUESTION]
        assert (await client.delete("/api/v1/conversations/c_1")).status_code == 204
        assert (await client.get("/api/v1/conversations/c_1")).status_code == 404
        assert (await client.delete("/api/v1/conversations/c_1")).status_code == 404


async def test_what_is_anothers_looks_as_if_it_were_not_there(side: AnswerSide) -> None:
    mine, other = await make_key(side, "ask", email=OWNER), await make_key(side, "ask", email="eve@acme.test")
    async with closed(side, mine) as owner, closed(side, other) as eve:
        answer = await asked(owner, conversation_id="c_1")
        address = f"/api/v1/answers/{answer['answer_id']}"
        there, nowhere = await eve.get(address), await eve.get("/api/v1/answers/a_0")
        rated = await eve.post(f"{address}/feedback", json={"rating": "down"})
        assert {there.status_code, nowhere.status_code, rated.status_code} == {404}
        assert {**there.json(), "request_id": ""} == {**nowhere.json(), "request_id": ""}
        assert (await eve.get("/api/v1/conversations/c_1")).status_code == 404
        assert (await eve.delete("/api/v1/conversations/c_1")).status_code == 404
        assert (await eve.get("/api/v1/conversations")).json() == {"conversations": []}
        assert (await owner.get(address)).status_code == 200


async def test_an_answer_is_not_shown_again_to_who_may_not_read_its_page_any_more(side: AnswerSide) -> None:
    key = await make_key(side, "ask", email=OWNER)
    async with closed(side, key) as owner:
        answer = await asked(owner, "What does level four pay?", conversation_id="c_1")
        assert "docs:pay.md" in {citation["document_id"] for citation in answer["citations"]}
        page = Path(side.settings.sources[0].plugin_values["path"]) / "pay.md"
        page.write_text(page.read_text().replace(OWNER, "boss@acme.test"))
        await sync_sources(side.knowledge_base)
        assert (await owner.get(f"/api/v1/answers/{answer['answer_id']}")).status_code == 404
        assert (await owner.get("/api/v1/conversations/c_1")).status_code == 404


async def test_nothing_is_kept_where_nothing_may_be(tmp_path: Path) -> None:
    settings = make_settings(tmp_path).model_copy(update={"conversations": ConversationsTable(keep_days=0)})
    async with opened_side(settings) as side, open_to_anyone(side) as client:
        answer = await asked(client)
        assert (await client.get(f"/api/v1/answers/{answer['answer_id']}")).status_code == 404


async def test_the_last_word_of_feedback_counts(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        address = f"/api/v1/answers/{(await asked(client))['answer_id']}/feedback"
        bodies = ({"rating": "up"}, {"rating": "down", "reasons": ["wrong", "outdated"], "comment": "27 now"})
        for body in bodies:
            assert (await client.post(address, json=body)).status_code == 204
        for bad in ({}, {"rating": "sideways"}, {"rating": "up", "reasons": ["ugly"]}, {"rating": "up", "x": 1}):
            assert (await client.post(address, json=bad)).status_code == 422
    (verdict,) = await side.knowledge_base.catalogue.feedback.of_answer("acme", address.split("/")[4])
    assert (verdict.verdict, verdict.reasons, verdict.comment) == ("down", ("wrong", "outdated"), "27 now")


async def test_a_request_sent_twice_is_answered_once(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        once = {"Idempotency-Key": "k1"}
        first = await client.post("/api/v1/ask", json={"question": QUESTION}, headers=once)
        again = await client.post("/api/v1/ask", json={"question": QUESTION}, headers=once)
        assert first.json() == again.json()
        other = await client.post("/api/v1/ask", json={"question": "What are widgets?"}, headers=once)
        assert (other.status_code, other.json()["type"]) == (422, "urn:footnote:problem:other-request")
        streamed = {"question": QUESTION, "stream": True}
        done = [await client.post("/api/v1/ask", json=streamed, headers={"Idempotency-Key": "k2"}) for _ in range(2)]
        assert len({each.text.strip().rpartition("data: ")[2] for each in done}) == 1
        for bad in ("", "k" * 201):
            refused = await client.post("/api/v1/ask", json=streamed, headers={"Idempotency-Key": bad})
            assert refused.status_code == 422
    assert len(await side.knowledge_base.catalogue.answers.latest("acme", status=None, count=9)) == 2


async def test_a_key_of_one_caller_means_nothing_to_another(side: AnswerSide) -> None:
    keys = [await make_key(side, "ask", email=f"{name}@acme.test") for name in ("ada", "bob")]
    answers = []
    for key in keys:
        async with closed(side, key | {"Idempotency-Key": "k1"}) as client:
            answers.append(await asked(client))
    assert answers[0]["answer_id"] != answers[1]["answer_id"]


async def test_while_the_first_is_being_answered_the_second_is_told_to_wait(tmp_path: Path) -> None:
    endless = EndlessModel()
    once = {"Idempotency-Key": "k1"}
    async with (
        opened_side(make_settings(tmp_path), chat_model=endless) as side,
        open_to_anyone(side) as client,
    ):
        first = asyncio.create_task(client.post("/api/v1/ask", json={"question": QUESTION}, headers=once))
        assert await asyncio.to_thread(endless.started.wait, 10)
        second = await client.post("/api/v1/ask", json={"question": QUESTION}, headers=once)
        assert (second.status_code, second.json()["type"]) == (409, "urn:footnote:problem:conflict")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_a_key_is_told_what_is_left_and_then_how_long_to_wait(side: AnswerSide) -> None:
    async with closed(side, await make_key(side, "search")) as client:
        answers = [await client.post("/api/v1/search", json={"query": "leave"}) for _ in range(31)]
    assert answers[0].headers["ratelimit"].startswith('"questions";r=29;t=')
    assert answers[0].headers["ratelimit-policy"] == '"questions";q=30;w=60'
    assert {answer.status_code for answer in answers[:30]} == {200}
    assert answers[30].status_code == 429
    assert answers[30].json()["type"] == "urn:footnote:problem:too-many-requests"
    assert 1 <= int(answers[30].headers["retry-after"]) <= 2


async def visit(client: httpx.AsyncClient, origin: str | None = SHOP, site: str = "shop") -> httpx.Response:
    headers = {"Origin": origin} if origin else {}
    return await client.post("/widget/visits", json={"site": site}, headers=headers)


async def test_a_visitor_comes_from_a_page_on_the_list_or_not_at_all(side: AnswerSide) -> None:
    refused = [
        ("https://shop.test.evil.test", "shop"),
        ("https://sub.shop.test", "shop"),
        ("http://shop.test", "shop"),
        ("https://shop.test:8443", "shop"),
        ("null", "shop"),
        (None, "shop"),
        (SHOP, "other"),
    ]
    async with closed(side) as client:
        assert (await visit(client)).status_code == 200
        for origin, name in refused:
            assert (await visit(client, origin, name)).status_code == 401, origin


async def test_a_visitors_token_is_for_its_page_and_for_what_everyone_may_read(side: AnswerSide) -> None:
    async with closed(side) as client:
        token = {"Authorization": f"Bearer {(await visit(client)).json()['token']}"}
        question = {"question": "What does level four pay?"}
        answer = await client.post("/api/v1/ask", json=question, headers=token | {"Origin": SHOP})
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
        assert "84000" not in answer.text
        for origin in ({}, {"Origin": "https://evil.test"}):
            assert (await client.post("/api/v1/ask", json=question, headers=token | origin)).status_code == 401
        forged = {"Authorization": token["Authorization"] + "0", "Origin": SHOP}
        assert (await client.post("/api/v1/ask", json=question, headers=forged)).status_code == 401
        searching = await client.post("/api/v1/search", json={"query": "pay"}, headers=token | {"Origin": SHOP})
        assert searching.status_code == 403


async def test_visitors_are_limited_each_and_together(side: AnswerSide) -> None:
    async with closed(side) as client:
        statuses = []
        for _ in range(2):
            token = {"Authorization": f"Bearer {(await visit(client)).json()['token']}", "Origin": SHOP}
            statuses += [
                (await client.post("/api/v1/ask", json={"question": QUESTION}, headers=token)).status_code
                for _ in range(2)
            ]
    assert statuses == [200, 200, 200, 429], "the second visitor meets the limit of the site"


async def test_a_key_works_from_the_pages_it_was_made_for_alone(side: AnswerSide) -> None:
    plain, shared = await make_key(side, "ask"), await make_key(side, "ask", origins=("https://app.test",))
    async with closed(side) as client:
        for key, origin, status in (
            (plain, None, 200),
            (plain, "https://app.test", 401),
            (shared, "https://app.test", 200),
            (shared, SHOP, 401),
            (shared, None, 200),
            (plain, "http://wiki.acme.test", 200),
        ):
            headers = key | ({"Origin": origin} if origin else {})
            answer = await client.post("/api/v1/ask", json={"question": QUESTION}, headers=headers)
            assert answer.status_code == status, (origin, status)


async def test_a_preflight_is_answered_for_pages_on_a_list_alone(side: AnswerSide) -> None:
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with closed(side) as client:
        allowed = await client.options("/api/v1/ask", headers=asking | {"Origin": SHOP})
        refused = await client.options("/api/v1/ask", headers=asking | {"Origin": "https://evil.test"})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, SHOP)
    assert "access-control-allow-origin" not in refused.headers


async def test_a_question_may_lean_on_those_before_it_in_its_conversation(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        pumps = await asked(client, "At how many metres does the pump stop?", mode="sources")
        said = "And why is that so?"
        follow_up = await asked(client, said, mode="sources", conversation_id=pumps["conversation_id"])
        alone = await asked(client, said, mode="sources")
    assert first_page(follow_up) == "docs:pumps.md"
    assert first_page(alone) != "docs:pumps.md"


async def test_a_question_never_leans_on_what_is_anothers_or_may_not_be_read_any_more(side: AnswerSide) -> None:
    catalogue = side.knowledge_base.catalogue
    book = AnswerBook(catalogue, tenant="acme", keep_days=30)
    key = await make_key(side, "ask", email=OWNER)
    async with closed(side, key) as client:
        await asked(client, "What does level four pay?", conversation_id="c_1")
    (stored,) = await catalogue.answers.latest("acme", status=None, count=1)
    owner = Caller(
        principal=await catalogue.access.principal("acme", OWNER), scopes=frozenset({"ask"}), name=stored.asker
    )
    eve = Caller(
        principal=await catalogue.access.principal("acme", "eve@acme.test"), scopes=frozenset({"ask"}), name="eve"
    )
    (turn,) = await book.earlier("And level five?", "c_1", owner)
    assert turn.question == "What does level four pay?"
    assert "Salary bands › Level four" in turn.headings
    assert await book.earlier("And level five?", "c_1", eve) == ()
    assert await book.earlier("How many days of leave are there?", "c_1", owner) == ()
    page = Path(side.settings.sources[0].plugin_values["path"]) / "pay.md"
    page.write_text(page.read_text().replace(OWNER, "boss@acme.test"))
    await sync_sources(side.knowledge_base)
    assert await book.earlier("And level five?", "c_1", owner) == ()


def first_page(answer: dict[str, object]) -> str | None:
    citations = answer["citations"]
    assert isinstance(citations, list)
    return citations[0]["document_id"] if citations else None
