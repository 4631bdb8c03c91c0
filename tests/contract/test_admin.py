"""What the administration's buttons do, for whom, and that no other page's form presses them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.admin_forms import proof_of
from app.wiring import AnswerSide
from ingest.wiring import sync_sources
from tests.fakes.answer_sides import OWNER, QUESTION, closed, make_key, make_settings, open_to_anyone, opened_side

BROKEN = b"\x00\xff\xfe" * 30
ACTIONS = {
    "sync": {"source": "docs"},
    "retry": {"source": "docs"},
    "keys": {"name": "made", "scope": "ask"},
    "keys/revoke": {"key": "abc"},
}


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def browser(side: AnswerSide) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which somebody has given a key that may administer."""
    key = (await make_key(side, "admin", email="root@acme.test"))["Authorization"]
    async with closed(side) as client:
        given = await client.post("/admin/session", data={"key": key.removeprefix("Bearer ")})
        assert given.status_code == 303
        yield client


async def proof_in(browser: httpx.AsyncClient) -> str:
    page = await browser.get("/admin")
    found = re.search(r'name="proof" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]


async def press(browser: httpx.AsyncClient, action: str, **fields: str) -> httpx.Response:
    return await browser.post(f"/admin/{action}", data={"proof": await proof_in(browser), **fields})


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_button_needs_the_pages_own_proof_and_origin(
    browser: httpx.AsyncClient, side: AnswerSide, action: str
) -> None:
    fields, proof = ACTIONS[action], await proof_in(browser)
    before = await side.knowledge_base.catalogue.keys.list("acme")
    for sent in (fields, fields | {"proof": ""}, fields | {"proof": "0" * 64}, fields | {"proof": proof_of("another")}):
        assert (await browser.post(f"/admin/{action}", data=sent)).status_code == 401
    for origin in ("https://evil.test", "null", "http://sub.wiki.acme.test"):
        sent = fields | {"proof": proof}
        assert (await browser.post(f"/admin/{action}", data=sent, headers={"Origin": origin})).status_code == 401
    many = "&".join(f"a{number}=1" for number in range(1000)) + f"&proof={proof}"
    assert (await browser.post(f"/admin/{action}", content=many)).status_code == 401
    assert await side.knowledge_base.catalogue.keys.list("acme") == before


@pytest.mark.parametrize("action", ACTIONS)
async def test_nobody_else_can_press_it(side: AnswerSide, action: str) -> None:
    asker = await make_key(side, "ask", "search", "metrics", "ingest")
    async with closed(side) as client:
        for headers in ({}, asker):
            sent = ACTIONS[action] | {"proof": proof_of(headers.get("Authorization", ""))}
            assert (await client.post(f"/admin/{action}", data=sent, headers=headers)).status_code == 401


async def test_a_server_without_keys_shows_no_buttons_and_has_none(tmp_path: Path) -> None:
    async with opened_side(make_settings(tmp_path)) as side, open_to_anyone(side) as client:
        page = await client.get("/admin")
        assert (page.status_code, "<form" in page.text) == (200, False)
        for action, fields in ACTIONS.items():
            sent = {"proof": proof_of(""), **fields}
            assert (await client.post(f"/admin/{action}", data=sent)).status_code == 401


async def test_a_source_is_asked_for_at_once(browser: httpx.AsyncClient, side: AnswerSide) -> None:
    done = await press(browser, "sync", source="docs")
    assert (done.status_code, done.headers["location"]) == (303, "/admin?done=sync")
    job = (await side.knowledge_base.catalogue.jobs.all("acme"))["docs"]
    assert (job.is_hinted, job.due_at is not None) == (True, True)
    assert (await press(browser, "sync", source="nothing")).status_code == 422
    assert "as soon as it is free" in (await browser.get("/admin?done=sync")).text
    assert "sneaked" not in (await browser.get("/admin?done=<b>sneaked")).text


async def test_quarantined_pages_are_read_again(browser: httpx.AsyncClient, side: AnswerSide, tmp_path: Path) -> None:
    (tmp_path / "pages" / "broken.md").write_bytes(BROKEN)
    await sync_sources(side.knowledge_base)
    catalogue = side.knowledge_base.catalogue
    assert "Read again" in (await browser.get("/admin")).text
    (problem,) = [each for each in await catalogue.sources.problems("acme", "docs") if each.kind == "failed"]
    assert problem.attempts > 0
    done = await press(browser, "retry", source="docs", document=f"docs:{problem.native_id}")
    assert done.headers["location"] == "/admin?done=retry"
    (problem,) = [each for each in await catalogue.sources.problems("acme", "docs") if each.kind == "failed"]
    assert problem.attempts == 0
    nothing = await press(browser, "retry", source="docs", document="docs:other.md")
    assert nothing.headers["location"] == "/admin?done=nothing"


async def test_a_key_is_made_shown_once_and_revoked(browser: httpx.AsyncClient) -> None:
    made = await press(browser, "keys", name="<b>app</b>", scope="search", days="3", origin="https://app.acme.test/")
    text = re.search(r"fn_[a-z0-9]{12}_[A-Za-z0-9_-]{43}", made.text)
    assert text is not None
    page = (await browser.get("/admin")).text
    assert (text[0] in page, "&lt;b&gt;app&lt;/b&gt;" in page, "https://app.acme.test" in page) == (False, True, True)
    headers = {"Authorization": f"Bearer {text[0]}"}
    assert (await browser.post("/api/v1/search", json={"query": "leave"}, headers=headers)).status_code == 200
    key_id = text[0].split("_")[1]
    assert (await press(browser, "keys/revoke", key=key_id)).headers["location"] == "/admin?done=revoked"
    assert (await browser.post("/api/v1/search", json={"query": "leave"}, headers=headers)).status_code == 401
    assert (await press(browser, "keys/revoke", key=key_id)).status_code == 422


async def test_a_key_made_here_reads_as_nobody_or_as_its_maker(browser: httpx.AsyncClient, side: AnswerSide) -> None:
    await press(browser, "keys", name="plain", scope="ask", email=OWNER)
    await press(browser, "keys", name="own", scope="ask", own="yes", email=OWNER)
    emails = {key.name: key.email for key in await side.knowledge_base.catalogue.keys.list("acme")}
    assert (emails["plain"], emails["own"]) == (None, "root@acme.test")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "scope": "ask"},
        {"name": "x" * 101, "scope": "ask"},
        {"name": "x"},
        {"name": "x", "scope": "everything"},
        {"name": "x", "scope": "ask", "days": "0"},
        {"name": "x", "scope": "ask", "days": "-1"},
        {"name": "x", "scope": "ask", "days": "٣"},
        {"name": "x", "scope": "ask", "days": "99999"},
        {"name": "x", "scope": "ask", "origin": "https://a.test/path"},
        {"name": "x", "scope": "ask", "origin": "*"},
    ],
)
async def test_a_key_that_makes_no_sense_is_refused_in_words(
    browser: httpx.AsyncClient, side: AnswerSide, fields: dict[str, str]
) -> None:
    refused = await press(browser, "keys", **fields)
    assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    assert len(await side.knowledge_base.catalogue.keys.list("acme")) == 1


async def test_an_answers_record_shows_what_made_it_but_no_page_its_reader_may_not_read(
    browser: httpx.AsyncClient, side: AnswerSide
) -> None:
    owner = await make_key(side, "ask", email=OWNER)
    async with closed(side, owner) as client:
        open_answer = (await client.post("/api/v1/ask", json={"question": QUESTION})).json()
        pay = (await client.post("/api/v1/ask", json={"question": "What does level four pay?"})).json()
        await client.post(f"/api/v1/answers/{pay['answer_id']}/feedback", json={"rating": "up"})
    assert "84000" in pay["text"]
    shown = (await browser.get(f"/admin/answers/{open_answer['answer_id']}")).text
    assert ("26 days" in shown, "Annual leave" in shown, "scripted" in shown.lower() or "none" in shown) == (True,) * 3
    hidden = await browser.get(f"/admin/answers/{pay['answer_id']}")
    assert (hidden.status_code, "84000" in hidden.text, "Salary bands" in hidden.text) == (200, False, False)
    assert "What does level four pay?" in hidden.text
    overview = (await browser.get("/admin")).text
    assert ("Salary bands" in overview, "a page you may not read" in overview) == (False, True)


async def test_a_record_that_is_not_there_and_one_for_nobody(browser: httpx.AsyncClient, side: AnswerSide) -> None:
    assert (await browser.get("/admin/answers/nothing")).status_code == 404
    async with closed(side) as stranger:
        assert (await stranger.get("/admin/answers/nothing")).status_code == 401
