"""Every question that Slack was thanked for is answered, and none of them twice."""

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest

from app.channels.slack_working import CHANNEL
from kb.errors import CatalogueUnavailable
from tests.fakes.answer_sides import QUESTION, opened_side
from tests.fakes.slack import MENTION, FakeSlack, running_slack, signed
from tests.fakes.slack_bot import at_work, deployed, make_settings, slack_table
from tests.fakes.slack_models import PausingModel
from tests.fakes.slack_server import Fault
from tests.fakes.slack_workspace import FakeChannel, FakeUser

# Real processes or many conversations: too slow for the quick loop.
pytestmark = pytest.mark.integration

SENTENCE = "Everyone gets 26 days of annual leave each year. [1]"


def people(slack: FakeSlack) -> tuple[FakeUser, FakeChannel]:
    maya = slack.space.user("maya", "maya@acme.test")
    return maya, slack.space.channel("GENERAL", maya)


@pytest.mark.parametrize("mode", ["http", pytest.param("socket", marks=pytest.mark.integration)])
async def test_a_storm_of_copies_is_one_question(tmp_path: Path, mode: str) -> None:
    async with deployed(tmp_path, mode=mode) as made:  # type: ignore[arg-type]  # one of the two
        maya, channel = people(made.slack)
        asked = await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        copies = made.slack.events_of(asked, channel)
        await asyncio.gather(*(made.slack.deliver("event", body) for body in copies * 10))
        await made.idle()
        assert len(made.slack.space.said_by_bot(channel)) == 1
        assert made.slack.server.count("chat.startStream") == 1


async def test_a_question_is_stored_before_slack_is_thanked(tmp_path: Path) -> None:
    model = PausingModel()
    async with deployed(tmp_path, chat_model=model, drain_seconds=0, workers=1) as made:
        maya, channel = people(made.slack)
        inbox, tenant = made.side.knowledge_base.catalogue.inbox, made.side.settings.tenant
        for number in range(1, 4):
            await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
            assert await inbox.unfinished_count(tenant, CHANNEL) == number
        assert set(made.slack.statuses) == {200}


async def test_slack_is_not_thanked_for_what_could_not_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployed(tmp_path) as made:
        maya, channel = people(made.slack)
        made.slack.most_retries = 0

        async def full(*_: object, **__: object) -> int:
            raise CatalogueUnavailable("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(made.side.knowledge_base.catalogue.inbox, "accept", full)
            asked = await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        assert made.slack.statuses[0] == 500
        await made.slack.deliver("event", made.slack.events_of(asked, channel)[0])
        assert len(await made.slack.answers(channel)) == 1


async def test_what_was_taken_in_is_answered_after_a_restart(tmp_path: Path) -> None:
    async with running_slack("http") as slack:
        maya, channel = people(slack)
        settings = make_settings(tmp_path).model_copy(update={"slack": slack_table(slack, drain_seconds=0, workers=1)})
        model = PausingModel()
        async with opened_side(settings, chat_model=model) as side, at_work(slack, side):
            for _ in range(3):
                await slack.say(maya, channel, f"{MENTION} {QUESTION}")
        assert not any(each.words.startswith(SENTENCE) and each.stream is None for each in slack.space.messages)
        async with opened_side(settings) as side, at_work(slack, side):
            inbox = side.knowledge_base.catalogue.inbox
            while await inbox.unfinished_count(side.settings.tenant, CHANNEL):
                await slack.server.news()
        threads = [each.thread_ts for each in slack.space.said_by_bot(channel) if each.words.startswith(SENTENCE)]
        assert len(threads) == len(set(threads)) == 3


async def test_a_half_said_answer_is_marked_at_the_end_and_finished_in_place_after_it(tmp_path: Path) -> None:
    async with running_slack("http") as slack:
        maya, channel = people(slack)
        settings = make_settings(tmp_path).model_copy(update={"slack": slack_table(slack, drain_seconds=0)})
        async with opened_side(settings, chat_model=PausingModel()) as side, at_work(slack, side):
            await slack.say(maya, channel, f"{MENTION} {QUESTION}")
            await slack.server.until(lambda: slack.space.said_by_bot(channel), what="a first sentence")
        (half,) = slack.space.said_by_bot(channel)
        assert half.stream == "closed"
        assert half.words.endswith("I will finish this answer when I am back.")
        async with opened_side(settings) as side, at_work(slack, side):
            await slack.server.until(lambda: half.edits, what="the rest")
        (whole,) = slack.space.said_by_bot(channel)
        assert whole.words.startswith(SENTENCE)
        assert "when I am back" not in whole.words


@pytest.mark.parametrize("how", ["cut after", "cut", 503, "internal_error"])
async def test_an_answer_whose_arrival_is_unknown_is_not_said_twice(tmp_path: Path, how: str | int) -> None:
    async with deployed(tmp_path, streaming=False) as made:
        maya, channel = people(made.slack)
        made.slack.server.faults.append(Fault("chat.postMessage", how))
        await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.idle()
        (answer,) = made.slack.space.said_by_bot(channel)
        assert answer.words.startswith(SENTENCE)


async def test_slacks_wish_to_wait_is_heeded(tmp_path: Path) -> None:
    async with deployed(tmp_path, streaming=False) as made:
        maya, channel = people(made.slack)
        made.slack.server.faults.append(Fault("chat.postMessage", 429, times=1))
        await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.idle()
        assert len(made.slack.space.said_by_bot(channel)) == 1
        assert made.slack.server.count("chat.postMessage") == 2


async def test_what_slack_never_takes_is_given_up(tmp_path: Path) -> None:
    async with deployed(tmp_path, streaming=False) as made:
        maya, channel = people(made.slack)
        channel.is_archived = True
        await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.idle()
        assert made.slack.server.count("chat.postMessage") == 1


async def test_more_than_can_wait_is_refused_and_told_so(tmp_path: Path) -> None:
    async with deployed(tmp_path, chat_model=PausingModel(), drain_seconds=0, workers=1, most_waiting=2) as made:
        maya, channel = people(made.slack)
        for _ in range(3):
            await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.slack.server.until(lambda: made.slack.server.count("chat.postEphemeral"), what="a refusal")
        (late,) = [each for each in made.slack.space.said_by_bot(channel) if each.seen_by]
        assert late.words.startswith("Too many questions are waiting")


async def test_whoever_waits_is_told_how_many_are_before(tmp_path: Path) -> None:
    async with deployed(tmp_path, chat_model=PausingModel(), drain_seconds=0, workers=1) as made:
        maya, channel = people(made.slack)
        for _ in range(3):
            await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.slack.server.until(lambda: len(made.slack.space.statuses) == 3, what="three signs")
        assert {words for _, _, words in made.slack.space.statuses} == {
            "is reading the pages…",
            "will answer after 1 other question…",
            "will answer after 2 other questions…",
        }


async def test_slacks_stop_button_ends_an_answer(tmp_path: Path) -> None:
    model = PausingModel()
    async with deployed(tmp_path, chat_model=model) as made:
        maya, channel = people(made.slack)
        asked = await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.slack.server.until(lambda: made.slack.space.said_by_bot(channel), what="a first sentence")
        await made.slack.press_stop(asked)
        await made.idle()
        (answer,) = made.slack.space.said_by_bot(channel)
        assert answer.words.endswith("Stopped.")
        assert model.stopped.is_set()
        assert [status for *_, status in made.slack.space.sessions] == ["processing", "active"]


async def test_what_slack_did_not_sign_just_now_is_refused(tmp_path: Path) -> None:
    now = int(time.time())
    stamps = [str(now - 1000), str(now + 1000), "yesterday", "1e9", "١٢٣", "-1", "9" * 400, ""]
    async with deployed(tmp_path) as made, httpx.AsyncClient() as client:
        maya, channel = people(made.slack)
        message = await made.slack.say(maya, channel, "hello")
        content = json.dumps(made.slack.events_of(message, channel)[0])
        forged = [signed(content, secret="another secret"), *(signed(content, stamp=stamp) for stamp in stamps), {}]
        for headers in forged:
            raw = {name.encode(): value.encode() for name, value in headers.items()}
            answer = await client.post(made.slack.request_url, content=content, headers=raw)
            assert answer.status_code == 401, headers
        unreadable = await client.post(made.slack.request_url, content=b"\xff\xfe", headers=signed(content))
        assert unreadable.status_code == 401
        assert made.slack.space.said_by_bot() == []


async def test_slacks_challenge_is_answered_when_it_is_signed(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        content = json.dumps({"type": "url_verification", "challenge": "c4a11e"})
        async with httpx.AsyncClient(headers={"Content-Type": "application/json"}) as client:
            answer = await client.post(made.slack.request_url, content=content, headers=signed(content))
            forged = await client.post(made.slack.request_url, content=content, headers=signed(content, secret="x"))
        assert answer.status_code == 200
        assert "c4a11e" in answer.text
        assert forged.status_code == 401
