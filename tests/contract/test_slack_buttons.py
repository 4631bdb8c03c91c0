"""What the buttons below an answer do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.answer_sides import QUESTION
from tests.fakes.slack import MENTION
from tests.fakes.slack_bot import Deployment, deployed
from tests.fakes.slack_workspace import TEAM, FakeChannel, FakeMessage, FakeUser

pytestmark = pytest.mark.integration


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path, rules={"escalate_to": "U0BEN"}) as deployment:
        yield deployment


async def answered(made: Deployment) -> tuple[FakeUser, FakeChannel, FakeMessage]:
    maya = made.slack.space.user("maya", "maya@acme.test")
    channel = made.slack.space.channel("GENERAL", maya, made.slack.space.user("ben", "ben@acme.test"))
    await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
    await made.idle()
    (answer,) = made.slack.space.said_by_bot(channel)
    return maya, channel, answer


def answer_id(answer: FakeMessage) -> str:
    (block,) = [block for block in answer.blocks if block["type"] == "context_actions"]
    return str(block["elements"][0]["positive_button"]["value"]).partition(":")[2]


async def test_the_last_verdict_of_a_person_holds_and_is_thanked_for(made: Deployment) -> None:
    maya, channel, answer = await answered(made)
    for label in ("Helpful", "Not helpful", "Helpful"):
        await made.slack.press(maya, answer, label)
    await made.slack.settled()
    (verdict,) = await made.side.knowledge_base.catalogue.feedback.of_answer("acme", answer_id(answer))
    assert (verdict.verdict, verdict.rater, verdict.channel) == ("up", f"slack:{TEAM}:{maya.id}", "slack")
    assert made.slack.space.said_by_bot(channel)[-1].words == "Thank you, noted."
    assert made.slack.space.said_by_bot(channel)[-1].seen_by == maya.id


async def test_not_helpful_asks_for_the_reason(made: Deployment) -> None:
    maya, channel, answer = await answered(made)
    await made.slack.press(maya, answer, "Not helpful")
    await made.slack.server.until(lambda: made.slack.space.views, what="a dialogue")
    await made.slack.submit(maya, reasons=["outdated", "invented"], comment="It is 27 days now.")
    await made.slack.settled()
    (verdict,) = await made.side.knowledge_base.catalogue.feedback.of_answer("acme", answer_id(answer))
    assert (verdict.verdict, verdict.reasons, verdict.comment) == ("down", ("outdated",), "It is 27 days now.")
    assert made.slack.space.said_by_bot(channel)[-1].thread_ts == answer.thread_ts


async def test_ask_a_person_calls_one_once(made: Deployment) -> None:
    maya, channel, answer = await answered(made)
    for _ in range(3):
        await made.slack.press(maya, answer, "Ask a person")
    await made.slack.settled()
    calls = [each for each in made.slack.space.said_by_bot(channel) if "@U0BEN" in each.words]
    assert [(each.thread_ts, each.words) for each in calls] == [
        (answer.thread_ts, f"@U0BEN @{maya.id} asks for a person: {QUESTION} ")
    ]


async def test_ask_a_person_may_lead_to_a_channel_with_a_link_back(tmp_path: Path) -> None:
    async with deployed(tmp_path, rules={"escalate_to": "C0HELPDESK"}) as made:
        desk = made.slack.space.channel("HELPDESK")
        maya, channel, answer = await answered(made)
        await made.slack.press(maya, answer, "Ask a person")
        (call,) = await made.slack.answers(desk)
        assert f"Show the conversation<https://acme.slack.test/archives/{channel.id}/p{answer.thread_ts}>" in call.words
        await made.slack.settled()
        assert made.slack.space.said_by_bot(channel)[-1].words == "A person was asked, and sees your question."


async def test_a_private_wish_pressed_twice_is_two_wishes_and_delivered_twice_is_one(made: Deployment) -> None:
    maya, channel, answer = await answered(made)
    before = len(made.slack.space.said_by_bot(channel))
    for _ in range(2):
        await made.slack.press(maya, answer, "Answer privately with all I can see")
    await made.idle()
    private = made.slack.space.said_by_bot(channel)[before:]
    assert [(each.seen_by, each.thread_ts) for each in private] == [(maya.id, answer.thread_ts)] * 2


async def test_an_answer_without_escalation_offers_none(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        _, _, answer = await answered(made)
        assert "Ask a person" not in answer.words
