"""REST, which the widget speaks, and Slack say the same: status, sentences and citations, for everybody's rights."""

import re
from pathlib import Path

import pytest

from app.wiring import assemble
from tests.fakes.answer_sides import OWNER, QUESTION, closed, make_key
from tests.fakes.slack_bot import STRICT, deployed
from tests.fakes.slack_workspace import FakeMessage

# Real processes or many conversations: too slow for the quick loop.
pytestmark = pytest.mark.integration

QUESTIONS = [
    QUESTION,
    "How many days of leave can be carried over until 31 March?",
    "When does the pump stop, at how many metres?",
    "How many euros does level four pay?",
    "What are widgets?",
    "Zebra xylophone quartz?",
]
_FOOTNOTE = re.compile(r"\[(\d+)\]<([^>]*)>")


def read_back(message: FakeMessage) -> tuple[str, list[tuple[str, tuple[int, ...]]], dict[int, str]]:
    """Status, sentences with their numbers, and addresses, as they stand in Slack."""
    words = message.words
    if words.startswith("I did not find this"):
        return "not_found", [], {}
    body, _, sources = words.partition("\nSources\n")
    sentences = []
    for line in body.splitlines():
        if numbers := tuple(int(number) for number, _ in _FOOTNOTE.findall(line)):
            sentences.append((_FOOTNOTE.sub("", line).strip(), numbers))
    found = re.findall(r"^\[(\d+)\] .*?<([^>]*)>", sources, re.MULTILINE)
    return "answered", sentences, {int(number): url for number, url in found}


@pytest.mark.parametrize("email", [OWNER, "ben@acme.test"])
@pytest.mark.parametrize("config", [STRICT], ids=["strict gate"])
async def test_both_say_the_same(tmp_path: Path, email: str, config: str) -> None:
    async with deployed(tmp_path, config=config) as made:
        user = made.slack.space.user("someone", email)
        direct = made.slack.space.direct(user)
        key = await make_key(made.side, "ask", email=email)
        statuses = set()
        for question in QUESTIONS:
            async with closed(made.side, key) as client:
                rest = (await client.post("/api/v1/ask", json={"question": question})).json()
            before = len(made.slack.space.said_by_bot(direct))
            await made.slack.say(user, direct, question)
            await made.idle()
            status, sentences, urls = read_back(made.slack.space.said_by_bot(direct)[before])
            expected = [(" ".join(each["text"].split()), tuple(each["citations"])) for each in rest["sentences"]]
            assert status == rest["status"], question
            assert sentences == expected, question
            assert urls == {each["number"]: each["url"] for each in rest["citations"]}, question
            statuses.add(status)
        assert statuses == {"answered", "not_found"}


async def test_the_bot_follows_an_answerer_that_takes_over(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        base, settings = made.side.knowledge_base, made.side.settings
        later = settings.model_copy(update={"answering": settings.answering.model_copy(update={"mode": "sources"})})
        direct = made.slack.space.direct(made.slack.space.user("maya", "maya@acme.test"))
        maya = made.slack.space.users[direct.members[1]]
        await made.slack.say(maya, direct, QUESTION)
        await made.idle()
        made.side.answerer = assemble(base, made.side.chat_model, later).answerer
        await made.slack.say(maya, direct, QUESTION)
        before, after = await made.slack.answers(direct, count=2)
    assert before.words.startswith("Everyone gets 26 days")
    assert after.words.startswith("Sources")
