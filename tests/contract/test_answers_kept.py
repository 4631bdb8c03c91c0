"""Answers of Slack are kept like those of REST, and made again with rights that fit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.replaying import replay
from kb.catalogue.records import StoredAnswer
from tests.fakes.answer_sides import QUESTION
from tests.fakes.slack import MENTION
from tests.fakes.slack_bot import STRICT, Deployment, deployed
from tests.fakes.slack_workspace import TEAM, FakeUser

NONSENSE = "Zebra xylophone quartz?"


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path, config=STRICT) as made:
        yield made


@pytest.fixture
def maya(deployment: Deployment) -> FakeUser:
    return deployment.slack.space.user("maya", "maya@acme.test")


async def kept(deployment: Deployment) -> list[StoredAnswer]:
    side = deployment.side
    return list(await side.knowledge_base.catalogue.answers.latest(side.settings.tenant, status=None, count=10))


async def test_an_answer_in_slack_is_kept_with_how_it_was_made_and_can_be_made_again(
    deployment: Deployment, maya: FakeUser
) -> None:
    await deployment.slack.say(maya, deployment.slack.space.direct(maya), QUESTION)
    await deployment.idle()
    (stored,) = await kept(deployment)
    assert (stored.channel, stored.question, stored.status) == ("slack", QUESTION, "answered")
    assert stored.asker == f"slack:{TEAM}:{maya.id}"
    assert stored.record["email"] == "maya@acme.test"
    assert stored.record["retrieved"][0]["document_id"] == "docs:leave.md"
    assert (await replay(deployment.side, stored.answer_id, email=None)).is_same


async def test_what_is_asked_in_a_channel_is_made_again_as_nobody_in_particular(
    deployment: Deployment, maya: FakeUser
) -> None:
    channel = deployment.slack.space.channel("GENERAL", maya)
    await deployment.slack.say(maya, channel, f"{MENTION} {QUESTION}")
    await deployment.idle()
    (stored,) = await kept(deployment)
    assert (stored.record["email"], stored.record["groups"]) == (None, [])


async def test_what_people_ask_each_other_and_nobody_answers_is_not_kept(tmp_path: Path) -> None:
    async with deployed(tmp_path, config=STRICT, channels={"C0HELP": {"answers": "auto"}}) as made:
        maya = made.slack.space.user("maya", "maya@acme.test")
        help_ = made.slack.space.channel("HELP", maya)
        await made.slack.say(maya, help_, NONSENSE)
        await made.slack.say(maya, help_, QUESTION)
        await made.idle()
        assert [stored.question for stored in await kept(made)] == [QUESTION]
