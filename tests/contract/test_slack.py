"""What the Slack bot promises, over HTTP and over Socket Mode: who asks is answered, with footnotes, in the thread."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.answer_sides import QUESTION
from tests.fakes.slack import MENTION
from tests.fakes.slack_bot import STRICT, Deployment, deployed
from tests.fakes.slack_workspace import BOT_USER, FakeChannel, FakeUser

SENTENCE = "Everyone gets 26 days of annual leave each year. [1]"
NOT_FOUND = "I did not find this in the pages that I may use here."
NONSENSE = "Zebra xylophone quartz?"


@pytest.fixture(params=["http", pytest.param("socket", marks=pytest.mark.integration)])
async def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path, mode=request.param, config=STRICT) as made:
        yield made


@pytest.fixture
def maya(deployment: Deployment) -> FakeUser:
    return deployment.slack.space.user("maya", "maya@acme.test")


@pytest.fixture
def channel(deployment: Deployment, maya: FakeUser) -> FakeChannel:
    return deployment.slack.space.channel("GENERAL", maya)


async def test_a_mention_is_answered_in_its_thread_with_footnotes(
    deployment: Deployment, maya: FakeUser, channel: FakeChannel
) -> None:
    asked = await deployment.slack.say(maya, channel, f"{MENTION} {QUESTION}")
    await deployment.idle()
    (answer,) = await deployment.slack.answers(channel)
    assert answer.thread_ts == asked.ts
    first, head, source, _ = answer.words.splitlines()
    assert first.startswith(SENTENCE)
    assert head == "Sources"
    assert source.startswith("[1] Annual leave › Entitlement<http://")
    assert source.endswith("· docs · updated today")


async def test_a_direct_message_is_answered_without_a_mention(deployment: Deployment, maya: FakeUser) -> None:
    direct = deployment.slack.space.direct(maya)
    await deployment.slack.say(maya, direct, QUESTION)
    (answer,) = await deployment.slack.answers(direct)
    assert answer.words.startswith(SENTENCE)


async def test_a_thread_goes_on_without_a_new_mention(
    deployment: Deployment, maya: FakeUser, channel: FakeChannel
) -> None:
    asked = await deployment.slack.say(maya, channel, f"{MENTION} {QUESTION}")
    await deployment.slack.answers(channel)
    await deployment.slack.say(maya, channel, QUESTION, thread=asked.ts)
    answers = await deployment.slack.answers(channel, count=2)
    assert answers[1].words.startswith(SENTENCE)
    assert answers[1].thread_ts == asked.ts


async def test_a_thread_is_left_alone_where_the_bot_was_not_asked_or_somebody_else_is(
    deployment: Deployment, maya: FakeUser, channel: FakeChannel
) -> None:
    slack = deployment.slack
    stranger = await slack.say(maya, channel, "Has anybody seen the pump?")
    await slack.say(maya, channel, QUESTION, thread=stranger.ts)
    asked = await slack.say(maya, channel, f"{MENTION} {QUESTION}")
    await slack.say(maya, channel, f"<@{maya.id}> {QUESTION}", thread=asked.ts)
    await slack.say(maya, channel, NONSENSE, thread=asked.ts)
    await deployment.idle()
    assert len(slack.space.said_by_bot(channel)) == 1


async def test_what_is_not_found_is_said_with_the_closest_pages(
    deployment: Deployment, maya: FakeUser, channel: FakeChannel
) -> None:
    await deployment.slack.say(maya, channel, f"{MENTION} {NONSENSE}")
    (answer,) = await deployment.slack.answers(channel)
    first, second, *pages = answer.words.splitlines()
    assert (first, second) == (NOT_FOUND, "The closest pages:")
    assert pages[0].startswith("• ")
    assert "[1]" not in answer.words


async def test_ask_is_answered_to_the_asker_alone(deployment: Deployment, maya: FakeUser, channel: FakeChannel) -> None:
    channel.members.remove(BOT_USER)  # a command works where the bot is not
    response = await deployment.slack.command(maya, channel, QUESTION)
    await deployment.slack.server.until(lambda: deployment.slack.server.responses, what="a response")
    ((where, said),) = deployment.slack.server.responses
    assert (where, said["response_type"]) == (response, "ephemeral")
    assert said["text"].startswith(SENTENCE)
    assert deployment.slack.space.said_by_bot() == []


async def test_messages_of_bots_edits_and_what_is_no_question_are_let_be(
    deployment: Deployment, maya: FakeUser, channel: FakeChannel
) -> None:
    slack = deployment.slack
    direct = slack.space.direct(maya)
    await slack.say(maya, channel, f"{MENTION} {QUESTION}", bot_id="B0OTHER")
    await slack.say(maya, direct, QUESTION, subtype="message_changed")
    await slack.say(maya, direct, QUESTION, subtype="bot_message")
    await slack.say(maya, channel, MENTION)
    await slack.say(maya, channel, QUESTION)
    await deployment.idle()
    assert slack.space.said_by_bot() == []


async def test_the_first_sign_comes_before_the_answer_and_is_taken_back(
    deployment: Deployment, maya: FakeUser, channel: FakeChannel
) -> None:
    asked = await deployment.slack.say(maya, channel, f"{MENTION} {QUESTION}")
    await deployment.slack.answers(channel)
    await deployment.idle()
    names = [name for name, _ in deployment.slack.server.calls]
    assert names.index("assistant.threads.setStatus") < names.index("chat.startStream")
    words = [status for _, thread, status in deployment.slack.space.statuses if thread == asked.ts]
    assert words == ["is reading the pages…", ""]


async def test_without_statuses_a_reaction_is_the_sign(
    deployment: Deployment, maya: FakeUser, channel: FakeChannel
) -> None:
    deployment.slack.space.has_statuses = False
    await deployment.slack.say(maya, channel, f"{MENTION} {QUESTION}")
    await deployment.slack.answers(channel)
    await deployment.idle()
    names = [name for name, _ in deployment.slack.server.calls]
    assert names.index("reactions.add") < names.index("chat.startStream")
    assert deployment.slack.space.reactions == []


async def test_suggested_prompts_greet_whoever_opens_the_messages(tmp_path: Path) -> None:
    async with deployed(tmp_path, suggested_prompts=(QUESTION,)) as made:
        maya = made.slack.space.user("maya", "maya@acme.test")
        await made.slack.open_messages(maya)
        await made.slack.server.until(lambda: made.slack.space.prompts, what="prompts")
        ((channel, prompts),) = made.slack.space.prompts
    assert channel == made.slack.space.direct(maya).id
    assert prompts == [{"title": QUESTION[:75], "message": QUESTION}]


async def test_a_connection_that_slack_renews_loses_nothing(tmp_path: Path) -> None:
    async with deployed(tmp_path, mode="socket") as made:
        maya = made.slack.space.user("maya", "maya@acme.test")
        direct = made.slack.space.direct(maya)
        await made.slack.say(maya, direct, QUESTION)
        await made.slack.server.disconnect()
        await made.slack.say(maya, direct, QUESTION)
        await made.slack.answers(direct, count=2)
        assert made.slack.server.opened == 2


async def test_rules_of_a_channel_hold_in_it(tmp_path: Path) -> None:
    rules = {"C0HELP": {"answers": "auto"}, "C0QUIET": {"answers": "never"}, "C0MINE": {"ephemeral": True}}
    async with deployed(tmp_path, config=STRICT, channels=rules) as made:
        slack = made.slack
        maya = slack.space.user("maya", "maya@acme.test")
        help_, quiet, mine = (slack.space.channel(name, maya) for name in ("HELP", "QUIET", "MINE"))
        await slack.say(maya, help_, QUESTION)
        await slack.say(maya, help_, NONSENSE)
        await slack.say(maya, quiet, f"{MENTION} {QUESTION}")
        await slack.say(maya, mine, f"{MENTION} {QUESTION}")
        await made.idle()
        assert [answer.words.splitlines()[0][:52] for answer in slack.space.said_by_bot(help_)] == [SENTENCE]
        assert slack.space.said_by_bot(quiet) == []
        assert [answer.seen_by for answer in slack.space.said_by_bot(mine)] == [maya.id]


async def test_a_channel_that_asks_too_much_is_politely_put_off(tmp_path: Path) -> None:
    async with deployed(tmp_path, rules={"questions_per_minute": 2}) as made:
        maya = made.slack.space.user("maya", "maya@acme.test")
        channel = made.slack.space.channel("GENERAL", maya)
        for _ in range(3):
            await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.idle()
        said = made.slack.space.said_by_bot(channel)
    assert len([each for each in said if each.words.startswith(SENTENCE)]) == 2
    (late,) = [each for each in said if each.seen_by == maya.id]
    assert "ask again in a minute" in late.words
