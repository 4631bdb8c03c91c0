"""Twenty mentions at once, and ten one after the other while those are answered: acknowledgement, first sign, answer.

With the demo wiki and the starter models.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from app.gold import read_gold
from app.measures import percentile
from bench.wiki import DEMO
from tests.fakes.command import Command
from tests.fakes.slack import MENTION, SIGNING_SECRET, FakeSlack, running_slack
from tests.fakes.slack_server import APP_TOKEN, BOT_TOKEN

ANSWER_SECONDS = 600.0
LATER = 10
LATER_EVERY_SECONDS = 0.3
Mode = Literal["http", "socket"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Milliseconds, one for each delivery or question. `later`: deliveries while the model is busy with the others."""

    acks: Sequence[float]
    later: Sequence[float]
    signs: Sequence[float]
    answers: Sequence[float]


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mentions", type=int, default=20)
    arguments = parser.parse_args()
    gold = [each.question for each in read_gold(DEMO / "gold.jsonl") if each.is_answerable and each.email is None]
    os.environ |= {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN, "SLACK_SIGNING_SECRET": SIGNING_SECRET}
    times: dict[str, Times] = {}
    with tempfile.TemporaryDirectory() as directory:
        for mode in ("http", "socket"):
            times[mode] = await measure(Path(directory), mode, gold[: arguments.mentions])
    print_table(times)


async def measure(home: Path, mode: Mode, questions: Sequence[str]) -> Times:
    """One server before one workspace; everybody asks at once."""
    async with running_slack(mode) as slack:
        table = f'[slack]\nmode = "{mode}"\napi_base_url = "{slack.server.api_base_url}"\n'
        config = home / f"{mode}.toml"
        wiki = (DEMO / "footnote.toml").read_text().replace('"./wiki"', f'"{DEMO / "wiki"}"')
        config.write_text(f"{wiki}\n{table}[slack.rules]\nquestions_per_minute = 1000\n")
        command = Command(config=config, data_dir=home / "data")
        synced = await asyncio.to_thread(command, "sync")
        if synced.code:
            raise SystemExit(synced.err)
        running = command.serving()
        _, url = await asyncio.to_thread(running.__enter__)
        slack.request_url = f"{url}/slack/events"
        try:
            return await _ask_all(slack, questions)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


async def _ask_all(slack: FakeSlack, questions: Sequence[str]) -> Times:
    maya = slack.space.user("maya", "maya@acme.test")
    channel = slack.space.channel("GENERAL", maya)
    if slack.mode == "socket":
        await slack.server.until(lambda: slack.server.sockets, what="a connection")
    # One before all others, while the models load.
    await slack.say(maya, slack.space.direct(maya), questions[0])
    await slack.server.until(lambda: slack.space.said_by_bot(), what="a first answer", seconds=ANSWER_SECONDS)
    await slack.settled()
    slack.acks.clear()
    started = time.monotonic()
    asked = await asyncio.gather(*(slack.say(maya, channel, f"{MENTION} {text}") for text in questions))
    threads = {message.ts for message in asked}
    at_once = list(slack.acks)
    for text in questions[:LATER]:
        await asyncio.sleep(LATER_EVERY_SECONDS)
        await slack.say(maya, channel, f"{MENTION} {text}")
    later = slack.acks[len(at_once) :]
    done: dict[str, float] = {}

    def are_answered() -> bool:
        for each in slack.space.said_by_bot(channel):
            if each.stream != "open" and each.thread_ts in threads:
                done.setdefault(each.thread_ts or "", time.monotonic() - started)
        return len(done) == len(threads)

    await slack.server.until(are_answered, what="every answer", seconds=ANSWER_SECONDS)
    signs: dict[str, float] = {}
    for (name, arguments), moment in zip(slack.server.calls, slack.server.moments, strict=True):
        if name == "assistant.threads.setStatus" and arguments["thread_ts"] in threads:
            signs.setdefault(arguments["thread_ts"], moment - started)
    return Times(acks=_ms(at_once), later=_ms(later), signs=_ms(list(signs.values())), answers=_ms(list(done.values())))


def print_table(times: dict[str, Times]) -> None:
    """Milliseconds, by mode."""
    table = Table(title="Mentions; milliseconds")
    for name in ("mode", "", "count", "p50", "p95", "slowest"):
        table.add_column(name, justify="left" if name in {"mode", ""} else "right")
    for mode, each in times.items():
        rows = {
            "acknowledged, at once": each.acks,
            "acknowledged, later": each.later,
            "first sign": each.signs,
            "whole answer": each.answers,
        }
        for label, values in rows.items():
            figures = (percentile(values, 0.5), percentile(values, 0.95), max(values))
            table.add_row(mode, label, str(len(values)), *(f"{figure:,.0f}" for figure in figures))
    Console().print(table)


def _ms(seconds: Sequence[float]) -> list[float]:
    return [1000 * each for each in seconds]


if __name__ == "__main__":
    asyncio.run(main())
