"""Questions go before ingestion: how long a search and an answer take while a full sync embeds, against a quiet server.

`footnote serve` over a folder of Markdown pages. Quiet and busy stretches take turns: for each busy one a copy of the
demo wiki in other words is put into the folder, so that all of it is read, cut and embedded while somebody asks, at
a person's pace. `python -m bench.yielding [--rounds 3] [--asks 40]`. Exit code 1 if half the questions of busy
stretches take more than twice as long as half of those of quiet ones.
"""

import argparse
import asyncio
import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from app.measures import percentile
from bench.wiki import DEMO
from kb.catalogue import Catalogue
from tests.fakes.command import Command

SOURCE, TENANT = "wiki", "default"
# Pause between an answer and the next question.
PAUSE_SECONDS = (0.05, 0.6)
MOST_RATIO = 2.0
CONFIG = """\
data_dir = "data"
[server]
port = {port}
[answering]
mode = "strict"
[limits]
questions_per_minute = 6000
[[sources]]
id = "wiki"
kind = "folder"
path = "pages"
audience = ["everyone"]
interval_seconds = 1
"""


@dataclass(slots=True)
class Stretch:
    """Seconds of what was asked in a stretch, by route."""

    searches: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)


class Wiki:
    """The folder that grows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts = [path.read_text(encoding="utf-8") for path in sorted((DEMO / "wiki").rglob("*.md"))]
        self._copies = 0

    def grow(self, *, pages: int) -> None:
        """Pages that nobody has seen before."""
        for start in range(0, pages, len(self._texts)):
            self._copies += 1
            for number, text in enumerate(self._texts[: pages - start]):
                said = text.replace(". ", f" in part {self._copies}. ")
                (self._folder / f"{self._copies}-{number}.md").write_text(said, encoding="utf-8")


async def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--asks", type=int, default=40, help="questions in each stretch")
    parser.add_argument("--pages", type=int, default=400, help="put there for each busy stretch")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        (home / "pages").mkdir()
        wiki = Wiki(home / "pages")
        wiki.grow(pages=40)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = home / "footnote.toml"
        config.write_text(CONFIG.format(port=port))
        command = Command(config=config, data_dir=home / "data")
        serving = command.serving()
        _, url = await asyncio.to_thread(serving.__enter__)
        try:
            async with await Catalogue.open(f"sqlite+aiosqlite:///{home / 'data' / 'catalogue.db'}") as catalogue:
                quiet, busy, pace = await measure(url, wiki, catalogue, given)
        finally:
            await asyncio.to_thread(serving.__exit__, None, None, None)
    return report(quiet, busy, pace)


async def measure(
    url: str, wiki: Wiki, catalogue: Catalogue, given: argparse.Namespace
) -> tuple[list[Stretch], list[Stretch], list[float]]:
    """Quiet and busy stretches, and documents a second that the busy ones stored."""
    questions = [json.loads(line)["question"] for line in (DEMO / "gold.jsonl").read_text().splitlines() if line]
    chance = random.Random(5)
    quiet, busy, pace = list[Stretch](), list[Stretch](), list[float]()

    async def stored() -> int:
        return (await catalogue.sources.counts(TENANT, SOURCE)).indexed

    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        await _until_it_stands_still(stored)
        await ask(client, questions, chance, count=5)
        for _ in range(given.rounds):
            quiet.append(await ask(client, questions, chance, count=given.asks))
            wiki.grow(pages=given.pages)
            before, began = await stored(), time.monotonic()
            while await stored() == before:  # noqa: ASYNC110  # another process stores them
                await asyncio.sleep(0.1)
            busy.append(await ask(client, questions, chance, count=given.asks))
            pace.append((await stored() - before) / (time.monotonic() - began))
            await _until_it_stands_still(stored)
    return quiet, busy, pace


async def ask(client: httpx.AsyncClient, questions: list[str], chance: random.Random, *, count: int) -> Stretch:
    """One person's questions, each in words of its own: none is remembered."""
    seen = Stretch()
    for number in range(count):
        await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))
        question = f"{chance.choice(questions)} ({chance.randrange(10**6)})"
        is_search = number % 2 == 0
        path, body = ("search", {"query": question}) if is_search else ("ask", {"question": question})
        began = time.perf_counter()
        response = await client.post(f"/api/v1/{path}", json=body)
        if response.status_code != 200:
            raise SystemExit(response.text)
        (seen.searches if is_search else seen.answers).append(time.perf_counter() - began)
    return seen


async def _until_it_stands_still(stored: Callable[[], Awaitable[int]]) -> None:
    before, since = await stored(), time.monotonic()
    while time.monotonic() - since < 5:
        await asyncio.sleep(0.5)
        if (now := await stored()) != before:
            before, since = now, time.monotonic()


def report(quiet: list[Stretch], busy: list[Stretch], pace: list[float]) -> int:
    """The table; 1 if ingestion goes before questions."""
    table = Table("", "quiet p50", "busy p50", "ratio", "quiet p95", "busy p95", "ratio")
    table.title = f"milliseconds while {percentile(pace, 0.5):.1f} documents a second are stored"
    ratios = []
    for name in ("searches", "answers"):
        before = [1000 * each for stretch in quiet for each in getattr(stretch, name)]
        during = [1000 * each for stretch in busy for each in getattr(stretch, name)]
        cells = []
        for share in (0.5, 0.95):
            slow, fast = percentile(during, share), percentile(before, share)
            cells += [f"{fast:,.0f}", f"{slow:,.0f}", f"{slow / fast:.2f}"]
            if share == 0.5:
                ratios.append(slow / fast)
        table.add_row(name, *cells)
    Console().print(table)
    return int(max(ratios) > MOST_RATIO)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
