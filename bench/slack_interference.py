"""Non-interference through Slack: does any reply depend on pages that not all of its readers may see?

Random pages for random audiences, as in `bench.interference`, behind the real bot. Everybody asks in a direct message,
and somebody in a public channel and in private ones; each question is asked once over all pages, and once over those
alone that the readers of the reply may see. The two replies must be equal word for word: sentences, footnotes, titles,
links, closest pages. `python -m bench.slack_interference [--rounds 8] [--questions 8]`.
"""

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.answering.ports import QuestionAnswerer
from bench.interference import PEOPLE, TENANT, World, opened, sync
from kb.access import Principal
from kb.documents import Document
from tests.fakes.slack import MENTION, FakeSlack, running_slack
from tests.fakes.slack_bot import Deployment, at_work, slack_table
from tests.fakes.slack_workspace import FakeChannel, FakeUser

PRIVATE_CHANNELS = 3


@dataclass(slots=True)
class Findings:
    """Pairs of a place and a question that were compared: how many replies were answers, and what was wrong."""

    pairs: int = 0
    in_channels: int = 0
    answered: int = 0
    withheld: int = 0
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody asks, and whose rights the reply has to keep to."""

    name: str
    asker: FakeUser
    channel: FakeChannel
    reader: Principal
    members: tuple[Principal, ...]


async def main() -> int:
    """Print the table. Returns how many replies differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--pages", type=int, default=30)
    given = parser.parse_args()
    findings = Findings()
    for seed in range(given.seed, given.seed + given.rounds):
        with tempfile.TemporaryDirectory() as directory:
            await run(Path(directory), findings, seed=seed, questions=given.questions, pages=given.pages)
    table = Table("what unseen pages change in Slack", "")
    table.add_row("(place, question) pairs", f"{findings.pairs:,}")
    table.add_row("of them in channels", f"{findings.in_channels:,}")
    table.add_row("answered", f"{findings.answered:,}")
    table.add_row("pages withheld from a place's readers, all in all", f"{findings.withheld:,}")
    table.add_row("replies that differ, or are another's", f"{len(findings.differences)}")
    Console().print(table)
    for difference in findings.differences[:10]:
        print(difference)
    return len(findings.differences)


async def run(home: Path, findings: Findings, *, seed: int, questions: int, pages: int = 30) -> None:
    """One workspace over one random corpus."""
    chance = random.Random(seed)
    world = World(chance, pages=pages)
    async with running_slack("http") as slack, opened(home / "all", tenant=TENANT, index="memory") as side:
        await sync(side, world.pages)
        # Each call a minute after the one before: what is measured here is not how Slack slows callers down.
        slack.server.clock = map(float, itertools.count(step=60)).__next__
        table = slack_table(slack, rules={"questions_per_minute": 1000})
        side.settings = side.settings.model_copy(update={"slack": table})
        async with at_work(slack, side):
            made = Deployment(slack, side)
            asked = [world.question() for _ in range(questions)]
            for number, place in enumerate(await places(made, chance)):
                visible = seen_by(world, place)
                findings.withheld += len(world.pages) - len(visible)
                async with opened(home / f"shadow-{number}", tenant=TENANT, index="memory") as shadow:
                    await sync(shadow, visible)
                    await compare(made, place, shadow.answerer, asked, findings)


async def places(made: Deployment, chance: random.Random) -> list[Place]:
    """A direct message of everybody, a public channel, and private ones."""
    space, access = made.slack.space, made.side.knowledge_base.catalogue.access
    users = {email: space.user(email.partition("@")[0], email) for email in PEOPLE}
    people = {email: await access.principal(TENANT, email) for email in PEOPLE}
    found = [
        Place(name=email, asker=user, channel=space.direct(user), reader=people[email], members=(people[email],))
        for email, user in users.items()
    ]
    for number in range(PRIVATE_CHANNELS + 1):
        chosen = chance.sample(PEOPLE, k=chance.randint(2, 3)) if number else list(PEOPLE)
        kind = "private" if number else "public"
        channel = space.channel(f"{kind}{number}", *(users[email] for email in chosen), kind=kind)
        members = tuple(people[email] for email in chosen)
        # Anybody may look into a public channel; a private one is told what a group of all its members may read.
        groups = frozenset.intersection(*(each.groups for each in members)) if number else frozenset()
        reader = Principal(tenant=TENANT, email=None, groups=groups)
        found.append(
            Place(name=f"{kind} channel of {chosen}", asker=users[chosen[0]], channel=channel, reader=reader,
                  members=members)
        )  # fmt: skip
    return found


def seen_by(world: World, place: Place) -> Mapping[str, Document]:
    """The pages that a reply there may hold. Raises AssertionError if one of its readers may not read one of them."""
    visible = {name: page for name, page in world.pages.items() if page.audience.admits(place.reader)}
    for page in visible.values():
        if not all(page.audience.admits(member) for member in place.members):
            raise AssertionError(f"{place.name}: {page.native_id} is not for all of them")
    return visible


async def compare(
    made: Deployment, place: Place, over_visible: QuestionAnswerer, asked: list[str], findings: Findings
) -> None:
    """Ask each question over all pages, and over those that the readers may see."""
    for question in asked:
        told = await reply_to(made, place, question)
        with answered_by(made, over_visible):
            expected = await reply_to(made, place, question)
        findings.pairs += 1
        findings.in_channels += place.channel.kind != "im"
        findings.answered += "\nSources\n" in told
        if told != expected:
            findings.differences.append(f"{place.name}: {question}:\n{told}\n— without the others —\n{expected}")


async def reply_to(made: Deployment, place: Place, question: str) -> str:
    """All that is said to a question, there."""
    slack: FakeSlack = made.slack
    before = len(slack.space.said_by_bot(place.channel))
    mention = "" if place.channel.kind == "im" else f"{MENTION} "
    await slack.say(place.asker, place.channel, mention + question)
    await made.idle()
    said = slack.space.said_by_bot(place.channel)[before:]
    if not said:
        raise AssertionError(f"{place.name}: no reply to {question!r}")
    return "\n".join(each.words for each in said)


@contextmanager
def answered_by(made: Deployment, answerer: QuestionAnswerer) -> Iterator[None]:
    """The bot asks this one instead."""
    before, made.side.answerer = made.side.answerer, answerer
    try:
        yield
    finally:
        made.side.answerer = before


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main()) else 0)
