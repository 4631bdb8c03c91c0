"""An earlier answer can be made again: what changed is told, and rights are those of now."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.answering.types import SearchScope
from app.conversations import scope_of
from app.replaying import Replay, replay
from app.settings import ConversationsTable
from app.wiring import AnswerSide
from ingest.wiring import sync_sources
from kb.errors import InvalidQuestion
from tests.fakes.answer_sides import OWNER, QUESTION, closed, make_key, make_settings, open_to_anyone, opened_side

PAY = "What does level four of the salary bands pay?"


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


async def answer_id(client: httpx.AsyncClient, question: str = QUESTION) -> str:
    answered = (await client.post("/api/v1/ask", json={"question": question})).json()
    assert answered["status"] == "answered"
    return str(answered["answer_id"])


async def rewritten(side: AnswerSide, home: Path, name: str, text: str | None) -> None:
    path = home / "pages" / name
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    if text is not None:
        os.utime(path, (path.stat().st_mtime - 30,) * 2)
    await sync_sources(side.knowledge_base)


def fates(made: Replay) -> dict[str, str]:
    return {f"{each.document_id}#{each.section_ordinal}": each.fate for each in made.sections}


async def test_nothing_is_different_where_nothing_has_changed(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        made = await replay(side, await answer_id(client), email=None)
    assert (made.is_same, made.question) == (True, QUESTION)
    assert {fact.name for fact in made.facts} == {"status", "mode", "chat model", "prompt", "answerable"}


async def test_a_narrowed_search_is_narrowed_again(side: AnswerSide) -> None:
    filters = {"source": "docs", "updated_since": "2020-01-01"}
    async with open_to_anyone(side) as client:
        body = {"question": QUESTION, "filters": filters}
        earlier = (await client.post("/api/v1/ask", json=body)).json()["answer_id"]
        nowhere = {"question": QUESTION, "filters": {"source": "elsewhere"}}
        unfound = (await client.post("/api/v1/ask", json=nowhere)).json()
    stored = await side.knowledge_base.catalogue.answers.get(side.settings.tenant, earlier)
    assert stored is not None
    assert scope_of(stored.record) == SearchScope(source="docs", updated_since=datetime(2020, 1, 1, tzinfo=UTC))
    assert (await replay(side, earlier, email=None)).is_same
    assert unfound["status"] == "not_found"
    assert (await replay(side, unfound["answer_id"], email=None)).is_same


async def test_a_follow_up_is_asked_again_with_what_it_left_out(side: AnswerSide) -> None:
    follow_up = "Is it paid?"
    async with open_to_anyone(side) as client:
        first = (await client.post("/api/v1/ask", json={"question": QUESTION})).json()
        body = {"question": follow_up, "conversation_id": first["conversation_id"]}
        second = (await client.post("/api/v1/ask", json=body)).json()
    stored = await side.knowledge_base.catalogue.answers.get(side.settings.tenant, second["answer_id"])
    assert stored is not None
    assert (stored.question, "leave" in stored.record["asked"]) == (follow_up, True)
    made = await replay(side, second["answer_id"], email=None)
    assert (made.question, made.is_same) == (follow_up, True)


async def test_an_edited_page_is_named_and_its_sentences_compared(side: AnswerSide, tmp_path: Path) -> None:
    async with open_to_anyone(side) as client:
        earlier = await answer_id(client)
    await rewritten(
        side, tmp_path, "leave.md",
        "# Annual leave\n\n## Entitlement\n\nEveryone gets 28 days of annual leave each year.\n",
    )  # fmt: skip
    made = await replay(side, earlier, email=None)
    assert not made.is_same
    assert "edited" in fates(made).values()
    assert {fate for fate, text in made.lines if "26 days" in text} == {"gone"}
    assert {fate for fate, text in made.lines if "28 days" in text} == {"new"}
    assert not next(fact for fact in made.facts if fact.name == "prompt").is_same


async def test_a_deleted_page_is_gone(side: AnswerSide, tmp_path: Path) -> None:
    async with open_to_anyone(side) as client:
        earlier = await answer_id(client)
    await rewritten(side, tmp_path, "leave.md", None)
    made = await replay(side, earlier, email=None)
    assert {fate for place, fate in fates(made).items() if place.startswith("docs:leave.md")} == {"gone"}


async def test_rights_are_those_that_the_asker_has_now(side: AnswerSide, tmp_path: Path) -> None:
    async with closed(side, await make_key(side, "ask", email=OWNER)) as client:
        earlier = await answer_id(client, PAY)
    assert "84000" in " ".join(text for _, text in (await replay(side, earlier, email=None)).lines)
    # Asked as somebody else, the page looks as if it were gone.
    made = await replay(side, earlier, email="ben@acme.test")
    assert {fate for place, fate in fates(made).items() if place.startswith("docs:pay.md")} == {"gone"}
    assert not [text for fate, text in made.lines if fate != "gone" and "84000" in text]


async def test_an_answer_of_another_tenant_does_not_exist(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        earlier = await answer_id(client)
    stored = await side.knowledge_base.catalogue.answers.get(side.settings.tenant, earlier)
    assert stored is not None
    await side.knowledge_base.catalogue.answers.add("globex", stored)
    with pytest.raises(InvalidQuestion, match="no answer"):
        await replay(side, "a_unknown", email=None)


async def test_without_texts_only_ids_and_numbers_are_kept(tmp_path: Path) -> None:
    settings = make_settings(tmp_path).model_copy(update={"conversations": ConversationsTable(keep_texts=False)})
    async with opened_side(settings) as side:
        async with open_to_anyone(side) as client:
            earlier = await answer_id(client)
        stored = await side.knowledge_base.catalogue.answers.get(settings.tenant, earlier)
        assert stored is not None
        assert (stored.question, stored.body["text"]) == ("", "")
        assert "26 days" not in str(stored)
        assert stored.record["retrieved"]
        assert stored.record["asked"] == ""
        with pytest.raises(InvalidQuestion, match="keep_texts"):
            await replay(side, earlier, email=None)
