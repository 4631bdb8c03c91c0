"""`footnote serve` with Slack, as a process: many at once, an end in order, and an end without any."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from tests.fakes.answer_sides import CONFIG, QUESTION, make_settings
from tests.fakes.command import Command
from tests.fakes.slack import MENTION, SIGNING_SECRET, FakeSlack, running_slack
from tests.fakes.slack_server import APP_TOKEN, BOT_TOKEN
from tests.fakes.slack_workspace import FakeMessage

pytestmark = pytest.mark.integration
SENTENCE = "Everyone gets 26 days of annual leave each year. [1]"
MANY = 20
Mode = Literal["http", "socket"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("acme")
    make_settings(home, config=CONFIG.replace('kind = "memory"', 'kind = "edge"'))
    assert Command(config=home / "footnote.toml")("sync").code == 0
    return home


def command(home: Path, slack: FakeSlack) -> Command:
    """The same knowledge base, with this Slack in its configuration."""
    table = f'[slack]\nmode = "{slack.mode}"\napi_base_url = "{slack.server.api_base_url}"\ndrain_seconds = 5\n'
    config = home / f"{slack.mode}.toml"
    config.write_text((home / "footnote.toml").read_text().replace("[index]", f"{table}[index]"))
    return Command(config=config)


@asynccontextmanager
async def serving(home: Path, slack: FakeSlack) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The process, once it can be asked."""
    running = command(home, slack).serving()
    process, url = await asyncio.to_thread(running.__enter__)
    slack.request_url = f"{url}/slack/events"
    try:
        if slack.mode == "socket":
            await slack.server.until(lambda: slack.server.sockets, what="a connection")
        yield process
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


@pytest.fixture(params=["http", "socket"])
async def slack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeSlack]:
    monkeypatch.setenv("SLACK_BOT_TOKEN", BOT_TOKEN)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SIGNING_SECRET)
    async with running_slack(request.param) as running:
        yield running


def answers(slack: FakeSlack) -> list[FakeMessage]:
    return [each for each in slack.space.said_by_bot() if each.words.startswith(SENTENCE) and "Sources" in each.words]


async def ask_many(slack: FakeSlack, count: int) -> None:
    maya = slack.space.user("maya", "maya@acme.test")
    channel = slack.space.channel("GENERAL", maya)
    await asyncio.gather(*(slack.say(maya, channel, f"{MENTION} {QUESTION}") for _ in range(count)))


async def test_twenty_mentions_at_once_are_all_answered_in_their_threads(home: Path, slack: FakeSlack) -> None:
    async with serving(home, slack) as process:
        await ask_many(slack, MANY)
        await slack.server.until(lambda: len(answers(slack)) == MANY, what="every answer")
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0
    assert len({each.thread_ts for each in answers(slack)}) == MANY
    assert len(slack.space.said_by_bot()) == MANY
    log = err.decode()
    assert "Traceback" not in log
    for secret in (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, "annual leave", "26 days"):
        assert secret not in log


async def test_an_end_in_order_loses_nothing_and_says_nothing_twice(home: Path, slack: FakeSlack) -> None:
    async with serving(home, slack) as process:
        await ask_many(slack, MANY)
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 60)
        assert process.returncode == 0
    async with serving(home, slack):
        await slack.server.until(lambda: len(answers(slack)) >= MANY, what="every answer")
    threads = [each.thread_ts for each in answers(slack)]
    assert len(threads) == len(set(threads)) == MANY


async def test_an_end_without_warning_loses_nothing_that_slack_was_thanked_for(home: Path, slack: FakeSlack) -> None:
    async with serving(home, slack) as process:
        await ask_many(slack, MANY)
        await slack.server.until(lambda: len(answers(slack)) >= 3, what="some answers")
        process.kill()
        await asyncio.to_thread(process.wait, 60)
    for each in slack.space.said_by_bot():
        each.stream = "dead" if each.stream == "open" else each.stream
    async with serving(home, slack):
        # What the dead process worked on is free again when its hold ends.
        await slack.server.until(
            lambda: len({each.thread_ts for each in answers(slack)}) == MANY, what="every answer", seconds=120
        )
    assert len(slack.space.said_by_bot()) == len(answers(slack)) == MANY
