"""Whoever lost the right to read a page is told nothing of it again: over HTTP, by every way to an earlier answer."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.replaying import WITHHELD, Replay, replay
from app.settings import Settings
from ingest.wiring import sync_sources
from tests.fakes.answer_sides import CONFIG, OWNER, PAGES, make_key, make_settings
from tests.fakes.web_sides import Served, served

PAY = {"question": "What does level four pay?", "conversation_id": "c_1"}
MISSED = {"question": "Salary zebra xylophone quartz?"}
WORDS = ("84000", "Salary bands", "pay.md")
# Everybody's at first, so that history is about the right that was lost and not about whose answer it is.
OPEN = {**PAGES, "pay.md": PAGES["pay.md"].replace(f"[{OWNER}]", "[everyone]")}


@pytest.fixture(params=["lenient"])
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    config = CONFIG if request.param == "lenient" else CONFIG.replace("answerable_above = 0.0\n", "")
    return make_settings(tmp_path, pages=OPEN, config=config)


@pytest.fixture
def server(settings: Settings) -> Iterator[Served]:
    with served(settings, is_open=False) as running:
        yield running


@pytest.fixture
def owner(server: Served) -> Iterator[httpx.Client]:
    headers = server.run(lambda side: make_key(side, "ask", email=OWNER))
    with httpx.Client(base_url=server.url, headers=headers) as client:
        yield client


def close_the_page(server: Served) -> None:
    page = Path(server.side.settings.sources[0].plugin_values["path"]) / "pay.md"
    page.write_text(page.read_text().replace("everyone", "boss@acme.test"))
    server.run(lambda side: sync_sources(side.knowledge_base))


def sent(client: httpx.Client, key: str, body: dict[str, str], **others: object) -> httpx.Response:
    return client.post("/api/v1/ask", json=body | others, headers={"Idempotency-Key": key})


def test_an_answer_is_told_by_no_way_again(server: Served, owner: httpx.Client) -> None:
    """Sent twice (whole and streamed), looked up, in its conversation, rated, and leant on by another question."""
    first, streamed = sent(owner, "k1", PAY), sent(owner, "k2", PAY, stream=True)
    assert "84000" in first.text
    assert "84000" in streamed.text
    assert sent(owner, "k1", PAY).json() == first.json()
    close_the_page(server)
    address = f"/api/v1/answers/{first.json()['answer_id']}"
    again, again_streamed = sent(owner, "k1", PAY), sent(owner, "k2", PAY, stream=True)
    later = [
        owner.get(address),
        owner.post(f"{address}/feedback", json={"rating": "up"}),
        owner.get("/api/v1/conversations"),
        owner.get("/api/v1/conversations/c_1"),
        owner.post("/api/v1/ask", json={"question": "And why is that so?", "conversation_id": "c_1"}),
    ]
    for answer in (again, again_streamed, *later):
        assert not [word for word in WORDS if word in answer.text], answer.text
    assert (again.status_code, again_streamed.status_code) == (200, 200)
    assert again.json()["answer_id"] != first.json()["answer_id"]
    assert sent(owner, "k1", PAY).json() == again.json()
    assert [answer.status_code for answer in later[:2]] == [404, 404]


@pytest.mark.parametrize("settings", ["strict"], indirect=True)
def test_a_refusal_sent_twice_names_no_page_that_was_closed_meanwhile(server: Served, owner: httpx.Client) -> None:
    first = sent(owner, "k1", MISSED).json()
    assert first["status"] == "not_found"
    assert "Salary bands" in {page["title"] for page in first["closest"]}
    assert sent(owner, "k1", MISSED).json() == first
    close_the_page(server)
    assert not [word for word in WORDS if word in sent(owner, "k1", MISSED).text]


def test_making_an_answer_again_shows_no_sentence_of_a_page_that_was_closed(
    server: Served, owner: httpx.Client
) -> None:
    answer_id = sent(owner, "k1", PAY).json()["answer_id"]

    def replayed(email: str | None = None) -> Replay:
        return server.run(lambda side: replay(side, answer_id, email=email))

    assert "84000" in str(replayed().to_json())
    close_the_page(server)
    assert "84000" not in str(replayed().to_json())
    assert ("gone", WITHHELD) in replayed().lines
    assert "84000" in str(replayed("boss@acme.test").to_json())
