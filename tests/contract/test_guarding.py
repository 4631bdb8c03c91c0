"""What every request meets first: who may call an open server, how large a request is, what every answer carries."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.wiring import AnswerSide
from tests.fakes.answer_sides import PUBLIC, ROUTES, call, closed, make_key, make_settings, open_to_anyone, opened_side


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


async def test_an_open_server_answers_loopback_names_alone(side: AnswerSide) -> None:
    hosts = ("evil.test", "127.0.0.1.nip.io", "localhost.evil.test:8080", "192.168.1.4:8080", "0.0.0.0:8080", "[::")
    async with open_to_anyone(side) as client:
        for host in hosts:
            for path in ("/", "/livez", "/api/v1/openapi.json", "/documents/docs:leave.md"):
                response = await client.get(path, headers={"Host": host})
                assert response.status_code == 421, (host, path)
                assert response.headers["content-type"] == "application/problem+json"


async def test_every_loopback_name_will_do(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        for host in ("localhost:8080", "LOCALHOST", "127.0.0.1", "127.1.2.3:99", "[::1]:8080"):
            assert (await client.get("/livez", headers={"Host": host})).status_code == 200, host


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
async def test_pages_of_other_sites_cannot_make_an_open_server_work(side: AnswerSide, headers: dict[str, str]) -> None:
    async with open_to_anyone(side) as client:
        response = await call(client, "ask", headers)
    assert response.status_code == 403
    assert response.json()["type"] == "urn:footnote:problem:other-site"


async def test_its_own_page_and_links_from_elsewhere_still_work(side: AnswerSide) -> None:
    own = {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with open_to_anyone(side) as client:
        assert (await call(client, "ask", own)).status_code == 200
        assert (await client.get("/", headers=link)).status_code == 200


async def test_an_open_server_does_not_answer_through_a_proxy(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP", "Via"):
            response = await call(client, "search", {name: "203.0.113.9"})
            assert response.status_code == 403, name
            assert "footnote keys create" in response.json()["detail"]


async def test_with_a_key_a_proxy_is_fine(side: AnswerSide) -> None:
    key = await make_key(side, "search")
    async with closed(side, key) as client:
        assert (await call(client, "search", {"X-Forwarded-For": "203.0.113.9"})).status_code == 200


async def test_the_first_key_lets_callers_from_elsewhere_in_at_once(side: AnswerSide) -> None:
    page = "https://app.acme.test"
    async with open_to_anyone(side) as client:
        assert (await call(client, "search", {"Origin": page})).status_code == 403
        key = await make_key(side, "search", origins=(page,))
        assert (await call(client, "search", key | {"Origin": page})).status_code == 200
        assert (
            await call(client, "search", key | {"X-Forwarded-For": "203.0.113.9", "Host": "wiki.acme.test"})
        ).is_success
        for headers in ({"Origin": page}, {"Host": "wiki.acme.test"}, {}):
            assert (await call(client, "search", headers)).status_code == 401, headers


async def test_a_body_that_says_it_is_too_large_is_not_read(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        for length in ("1000001", "9" * 30, "-1", "many", "²"):
            headers = {"Content-Length": length.encode("utf-8"), "Content-Type": "application/json"}
            response = await client.post("/api/v1/ask", content=b"{}", headers=headers)
            assert response.status_code == 413, length


async def test_a_body_without_a_length_is_counted_as_it_comes(side: AnswerSide) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < 50_000_000:
            taken += 10_000
            yield b"a" * 10_000

    async with open_to_anyone(side) as client:
        response = await client.post("/api/v1/ask", content=endless(), headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert taken <= 1_100_000


async def test_every_answer_has_an_id_and_the_headers_that_protect_readers(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        answers = [await call(client, route) for route in ROUTES] + [await client.get(path) for path in PUBLIC]
        answers += [await client.get("/nope"), await client.get("/", headers={"Host": "evil.test"})]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        # The widget is for pages of other sites.
        is_shared = answer.request.url.path == "/widget.js"
        assert answer.headers["cross-origin-resource-policy"] == ("cross-origin" if is_shared else "same-origin")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


async def test_a_bug_is_a_500_with_the_requests_id_and_no_words(
    side: AnswerSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object, **others: object) -> None:
        raise TypeError("the page says: salaries")

    monkeypatch.setattr(side.answerer, "search", broken)
    async with open_to_anyone(side) as client:
        response = await call(client, "search")
    assert response.status_code == 500
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "salaries" not in response.text
