"""How an answer grows in Slack, and that it is whole however its stream ends."""

from pathlib import Path

import pytest

from app.answering.types import Answer, Citation, Sentence, SentenceReady
from app.channels.slack_api import SlackApi, opened_api
from app.channels.slack_asking import Asked
from app.channels.slack_blocks import Frame
from app.channels.slack_replies import Earlier, Reply
from kb.errors import ChannelError
from tests.contract.test_slack_blocks import make_answer
from tests.fakes.answer_sides import QUESTION
from tests.fakes.slack import MENTION, FakeSlack, running_slack
from tests.fakes.slack_bot import deployed
from tests.fakes.slack_models import PausingModel
from tests.fakes.slack_server import BOT_TOKEN, Fault
from tests.fakes.slack_workspace import STREAM_SECONDS, TEAM, FakeMessage

SENTENCE = "Everyone gets 26 days of annual leave each year. [1]"


class Stage:
    """One reply in one thread; `now` is everybody's clock."""

    def __init__(self, slack: FakeSlack, api: SlackApi) -> None:
        self.slack, self.api, self.now = slack, api, 1000.0
        slack.space.clock = api.clock = lambda: self.now
        maya = slack.space.user("maya", "maya@acme.test")
        self.channel = slack.space.channel("GENERAL", maya)
        question = FakeMessage(slack.space.next_ts(), self.channel.id, maya.id, "Why?")
        slack.space.messages.append(question)
        self.asked = Asked(
            key="k", kind="mention", team=TEAM, channel=self.channel.id, user=maya.id, text="Why?", ts=question.ts
        )
        self.notes: list[str] = []
        self.reply = Reply(api, self.asked, frame=Frame(), may_stream=True, earlier=Earlier(), note=self.note)

    async def note(self, ts: str) -> None:
        self.notes.append(ts)

    async def say(self, answer: Answer, *, seconds: float = 2.0) -> list[FakeMessage]:
        """Each sentence as it becomes ready, so many seconds apart; gives what stands there at the end."""
        for sentence, citation in zip(answer.sentences, answer.citations, strict=True):
            await self.reply.sentence(ready(sentence, citation))
            self.now += seconds
        await self.reply.finish(answer)
        return self.slack.space.said_by_bot(self.channel)

    def words(self) -> str:
        return "\n".join(each.words for each in self.slack.space.said_by_bot(self.channel))


def ready(sentence: Sentence, citation: Citation) -> SentenceReady:
    return SentenceReady(sentence=sentence, new_citations=(citation,))


@pytest.fixture
async def stage():  # type: ignore[no-untyped-def]  # an async generator of stages
    async with running_slack("http") as slack, opened_api(BOT_TOKEN, slack.server.api_base_url) as api:
        yield Stage(slack, api)


TEXTS = [f"Sentence number {number} is true." for number in range(1, 7)]


def is_whole(words: str, texts: list[str] = TEXTS) -> bool:
    """Every sentence once, in order, then every source once."""
    places = [words.find(text) for text in texts] + [words.find(f"\n[{n}] Annual") for n in range(1, len(texts) + 1)]
    return places == sorted(places) and places[0] >= 0 and all(words.count(text) == 1 for text in texts)


async def test_sentences_are_shown_before_the_answer_is_whole(tmp_path: Path) -> None:
    model = PausingModel()
    async with deployed(tmp_path, chat_model=model) as made:
        maya = made.slack.space.user("maya", "maya@acme.test")
        channel = made.slack.space.channel("GENERAL", maya)
        await made.slack.say(maya, channel, f"{MENTION} {QUESTION}")
        await made.slack.server.until(lambda: made.slack.space.said_by_bot(channel), what="a first sentence")
        (growing,) = made.slack.space.said_by_bot(channel)
        assert growing.stream == "open"
        assert growing.words.startswith(SENTENCE)
        assert "Sources" not in growing.words
        model.go_on.set()
        (whole,) = await made.slack.answers(channel)
        assert "\nSources\n[1] Annual leave" in whole.words


async def test_a_stream_grows_sentence_by_sentence(stage: Stage) -> None:
    (message,) = await stage.say(make_answer(*TEXTS))
    assert is_whole(message.words)
    assert stage.slack.server.count("chat.appendStream") == 5
    assert stage.notes == [message.ts]


async def test_sentences_that_come_fast_are_appended_together(stage: Stage) -> None:
    (message,) = await stage.say(make_answer(*TEXTS), seconds=0.3)
    assert is_whole(message.words)
    assert stage.slack.server.count("chat.appendStream") == 1


async def test_a_stream_that_slack_ended_is_mended_in_place(stage: Stage) -> None:
    (message,) = await stage.say(make_answer(*TEXTS), seconds=STREAM_SECONDS / 3)
    assert (message.stream, message.edits) == ("dead", 1)
    assert is_whole(message.words)


async def test_an_answer_too_long_for_one_stream_goes_on_in_messages(stage: Stage) -> None:
    texts = [f"Sentence number {number} " + "is true " * 250 for number in range(12)]
    messages = await stage.say(make_answer(*texts))
    assert len(messages) > 2
    assert is_whole("\n".join(each.words for each in messages), [text.strip()[:22] for text in texts])


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize("how", ["not_allowed", "msg_too_long", "message_not_in_streaming_state", 503, "cut"])
async def test_an_answer_is_whole_wherever_its_stream_breaks(stage: Stage, method: str, how: str | int) -> None:
    stage.slack.server.faults.append(Fault(method, how, times=9))
    if method == "chat.stopStream":
        stage.slack.space.clock = lambda: stage.now + STREAM_SECONDS * (stage.slack.server.count(method) > 0)
    messages = await stage.say(make_answer(*TEXTS))
    assert len(messages) == 1
    assert is_whole(stage.words())


async def test_an_answer_is_whole_even_if_its_stream_can_neither_end_nor_be_mended(stage: Stage) -> None:
    stage.slack.server.faults.append(Fault("chat.stopStream", "not_allowed", times=9))
    await stage.say(make_answer(*TEXTS))
    assert is_whole(stage.slack.space.said_by_bot(stage.channel)[-1].words)


async def test_a_stream_that_may_not_end_yet_is_finished_later_and_never_said_beside_itself(stage: Stage) -> None:
    answer = make_answer(*TEXTS)
    for sentence, citation in zip(answer.sentences, answer.citations, strict=True):
        await stage.reply.sentence(ready(sentence, citation))
    stage.slack.server.faults.append(Fault("chat.stopStream", 429, times=10, retry_after=0))
    with pytest.raises(ChannelError, match="ratelimited"):
        await stage.reply.finish(answer)
    again = Earlier(is_again=True, begun=stage.reply.begun)
    await Reply(stage.api, stage.asked, frame=Frame(), may_stream=True, earlier=again, note=stage.note).finish(answer)
    (message,) = stage.slack.space.said_by_bot(stage.channel)
    assert is_whole(message.words)


async def test_a_workspace_without_streams_gets_whole_messages(stage: Stage) -> None:
    stage.slack.space.can_stream = False
    (message,) = await stage.say(make_answer(*TEXTS))
    assert message.stream is None
    assert is_whole(message.words)


async def test_a_workspace_without_feedback_buttons_gets_plain_ones(stage: Stage) -> None:
    stage.slack.space.has_feedback_buttons = False
    for can_stream in (True, False):
        stage.slack.space.can_stream = can_stream
        stage.reply = Reply(stage.api, stage.asked, frame=Frame(), may_stream=True, earlier=Earlier(), note=stage.note)
        message = (await stage.say(make_answer(*TEXTS)))[-1]
        assert message.words.endswith("(Helpful) (Not helpful)")


async def test_more_streams_than_slack_allows_a_minute_become_messages(stage: Stage) -> None:
    for _ in range(25):
        stage.reply = Reply(stage.api, stage.asked, frame=Frame(), may_stream=True, earlier=Earlier(), note=stage.note)
        await stage.say(make_answer("True."), seconds=0)
    kinds = [each.stream for each in stage.slack.space.said_by_bot(stage.channel)]
    assert kinds == ["closed"] * 18 + [None] * 7
    assert stage.slack.server.refused == {}


async def test_the_next_attempt_finishes_a_stream_in_its_place(stage: Stage) -> None:
    answer = make_answer(*TEXTS)
    await stage.reply.sentence(ready(answer.sentences[0], answer.citations[0]))
    again = Earlier(is_again=True, begun=stage.notes[0])
    await Reply(stage.api, stage.asked, frame=Frame(), may_stream=True, earlier=again, note=stage.note).finish(answer)
    (message,) = stage.slack.space.said_by_bot(stage.channel)
    assert is_whole(message.words)


async def test_a_stream_that_nobody_could_note_is_finished_in_its_place_too(stage: Stage) -> None:
    answer = make_answer(*TEXTS)
    await stage.reply.sentence(ready(answer.sentences[0], answer.citations[0]))
    again = Earlier(is_again=True)
    await Reply(stage.api, stage.asked, frame=Frame(), may_stream=True, earlier=again, note=stage.note).finish(answer)
    (message,) = stage.slack.space.said_by_bot(stage.channel)
    assert is_whole(message.words)


async def test_a_stream_that_ended_well_is_not_said_again(stage: Stage) -> None:
    answer = make_answer(*TEXTS)
    await stage.say(answer)
    again = Earlier(is_again=True)
    await Reply(stage.api, stage.asked, frame=Frame(), may_stream=True, earlier=again, note=stage.note).finish(answer)
    (message,) = stage.slack.space.said_by_bot(stage.channel)
    assert (message.edits, is_whole(message.words)) == (0, True)


async def test_the_next_attempt_says_only_the_messages_that_did_not_arrive(stage: Stage) -> None:
    texts = [f"Sentence number {number} " + "is true " * 250 for number in range(12)]
    answer = make_answer(*texts)
    stage.slack.space.can_stream = False
    stage.slack.server.faults.append(Fault("chat.postMessage", "cut after"))
    with pytest.raises(ChannelError):
        await stage.reply.finish(answer)
    again = Reply(
        stage.api, stage.asked, frame=Frame(), may_stream=True, earlier=Earlier(is_again=True), note=stage.note
    )
    await again.finish(answer)
    assert is_whole(stage.words(), [text.strip()[:22] for text in texts])
