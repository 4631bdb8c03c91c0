"""Who is told what in Slack: a channel hears what everybody in it may read, a person what that person may read."""

import random
from pathlib import Path
from typing import Any

import pytest

from bench.slack_interference import Findings
from bench.slack_interference import run as run_interference
from tests.fakes.answer_sides import OWNER, PAGES, QUESTION
from tests.fakes.slack import MENTION
from tests.fakes.slack_bot import Deployment, deployed
from tests.fakes.slack_workspace import FakeChannel, FakeUser

# Real processes or many conversations: too slow for the quick loop.
pytestmark = pytest.mark.integration

SECRET = "84000 euros"
SECRET_QUESTION = "How many euros does level four pay? Salary bands, level four pays euros."
REFUSALS = ("I answer people of this workspace", "I do not answer guests", "This channel is shared", "Guests are in",
            "Somebody of another", "I cannot see who")  # fmt: skip
GROUPED = {
    **PAGES,
    "plan.md": "---\naudience: [group:board]\n---\n# Plan\n\n## Takeover\n\nThe takeover costs nine million kroner.\n",
}
GROUPS = {"board": [OWNER, "ben@acme.test"]}
RANDOM_QUESTIONS = 12
PLAN = "nine million kroner"
PLAN_QUESTION = "How many million kroner does the takeover cost? The takeover costs million kroner."


async def told(made: Deployment, user: FakeUser, channel: FakeChannel, question: str) -> str:
    """What is said to a question, to everybody and to the asker."""
    before = len(made.slack.space.said_by_bot(channel))
    mention = "" if channel.kind == "im" else f"{MENTION} "
    await made.slack.say(user, channel, mention + question)
    await made.idle()
    return "\n".join(each.words for each in made.slack.space.said_by_bot(channel)[before:])


async def test_a_direct_message_is_answered_from_what_the_asker_may_read(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        owner = made.slack.space.user("owner", OWNER)
        ben = made.slack.space.user("ben", "ben@acme.test")
        assert SECRET in await told(made, owner, made.slack.space.direct(owner), SECRET_QUESTION)
        assert SECRET not in await told(made, ben, made.slack.space.direct(ben), SECRET_QUESTION)


async def test_a_channel_is_not_told_what_only_the_asker_may_read(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        owner = made.slack.space.user("owner", OWNER)
        for kind in ("public", "private"):
            channel = made.slack.space.channel(kind, owner, kind=kind)
            said = await told(made, owner, channel, SECRET_QUESTION)
            assert said
            assert SECRET not in said


async def test_a_private_channel_is_told_what_a_group_of_all_its_members_may_read(tmp_path: Path) -> None:
    async with deployed(tmp_path, pages=GROUPED) as made:
        await made.side.knowledge_base.catalogue.access.set_groups("acme", "test", GROUPS)
        space = made.slack.space
        owner, ben, eve = (space.user(name, f"{name}@acme.test") for name in ("maya", "ben", "eve"))
        board = space.channel("BOARD", owner, ben, kind="private")
        mixed = space.channel("MIXED", owner, ben, eve, kind="private")
        public = space.channel("PUBLIC", owner, ben)
        assert PLAN in await told(made, owner, board, PLAN_QUESTION)
        assert PLAN not in await told(made, owner, mixed, PLAN_QUESTION)
        assert PLAN not in await told(made, owner, public, PLAN_QUESTION)


async def test_a_private_channel_too_large_to_be_looked_through_is_told_what_everyone_may_read(tmp_path: Path) -> None:
    async with deployed(tmp_path, pages=GROUPED, members_checked=1) as made:
        await made.side.knowledge_base.catalogue.access.set_groups("acme", "test", GROUPS)
        owner, ben = (made.slack.space.user(name, f"{name}@acme.test") for name in ("maya", "ben"))
        board = made.slack.space.channel("BOARD", owner, ben, kind="private")
        assert PLAN not in await told(made, owner, board, PLAN_QUESTION)
        assert "26 days" in await told(made, owner, board, QUESTION)


@pytest.mark.parametrize(
    "about",
    [
        {"is_guest": True},
        {"is_stranger": True},
        {"team": "T0OTHER"},
        {"is_bot": True},
        {"is_deleted": True},
        {"is_stranger": True, "is_guest": True, "team": "T0OTHER"},
    ],
    ids=str,
)
async def test_guests_strangers_and_bots_are_refused_even_with_the_owners_address(
    tmp_path: Path, about: dict[str, Any]
) -> None:
    async with deployed(tmp_path) as made:
        other = made.slack.space.user("other", OWNER, **about)
        for question in (QUESTION, SECRET_QUESTION):
            said = await told(made, other, made.slack.space.direct(other), question)
            assert said.startswith(REFUSALS)
            assert "26 days" not in said


async def test_a_person_without_an_address_is_told_what_everyone_may_read(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        hidden = made.slack.space.user("hidden")
        direct = made.slack.space.direct(hidden)
        assert "26 days" in await told(made, hidden, direct, QUESTION)
        assert SECRET not in await told(made, hidden, direct, SECRET_QUESTION)


async def test_a_channel_shared_with_others_is_not_answered(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        space = made.slack.space
        owner, stranger = space.user("owner", OWNER), space.user("x", OWNER, is_stranger=True, team="T0OTHER")
        guest = space.user("guest", "guest@acme.test", is_guest=True)
        for channel in (
            space.channel("SHARED", owner, is_ext_shared=True),
            space.channel("STRANGER", owner, stranger),
            space.channel("GUEST", owner, guest),
        ):
            assert (await told(made, owner, channel, QUESTION)).startswith(REFUSALS), channel.id


async def test_guests_may_be_let_in_to_what_everyone_may_read(tmp_path: Path) -> None:
    async with deployed(tmp_path, guests=True, pages=GROUPED) as made:
        await made.side.knowledge_base.catalogue.access.set_groups("acme", "test", {"board": [OWNER, "g@acme.test"]})
        owner = made.slack.space.user("owner", OWNER)
        guest = made.slack.space.user("guest", "g@acme.test", is_guest=True)
        both = made.slack.space.channel("BOTH", owner, guest, kind="private")
        assert "26 days" in await told(made, guest, made.slack.space.direct(guest), QUESTION)
        assert "26 days" in await told(made, owner, both, QUESTION)
        for channel in (made.slack.space.direct(guest), both):
            assert PLAN not in await told(made, guest, channel, PLAN_QUESTION)


async def test_a_channel_whose_members_cannot_be_seen_is_not_answered(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        owner = made.slack.space.user("owner", OWNER)
        channel = made.slack.space.channel("GENERAL", owner)
        made.slack.server.scopes.discard("channels:read")
        assert (await told(made, owner, channel, QUESTION)).startswith("I cannot see who is in this channel")


async def test_a_large_channel_is_looked_through_with_few_calls(tmp_path: Path) -> None:
    async with deployed(tmp_path) as made:
        crowd = [made.slack.space.user(f"p{number}", f"p{number}@acme.test") for number in range(150)]
        channel = made.slack.space.channel("CROWD", *crowd)
        assert "26 days" in await told(made, crowd[0], channel, QUESTION)
        assert made.slack.server.count("users.info") == 1
        assert made.slack.server.count("users.list") == 2


async def test_ask_and_private_answers_follow_the_askers_rights_and_sharing_follows_the_channels(
    tmp_path: Path,
) -> None:
    async with deployed(tmp_path) as made:
        slack = made.slack
        owner, ben = slack.space.user("owner", OWNER), slack.space.user("ben", "ben@acme.test")
        channel = slack.space.channel("GENERAL", owner, ben)
        await told(made, owner, channel, SECRET_QUESTION)
        public = slack.space.said_by_bot(channel)[0]
        for user, may in ((owner, True), (ben, False)):
            await slack.press(user, public, "Answer privately with all I can see")
            await made.idle()
            private = slack.space.said_by_bot(channel)[-1]
            assert private.seen_by == user.id
            assert (SECRET in private.words) == may
            await slack.press(user, private, "Answer in the channel")
            await made.idle()
            shared = slack.space.said_by_bot(channel)[-1]
            assert shared.seen_by is None
            assert SECRET not in shared.words
            assert shared.words.startswith(f"@{user.id} asked: ")


@pytest.mark.parametrize("seed", range(3))
async def test_no_reply_of_a_random_workspace_holds_what_a_reader_of_it_may_not_read(tmp_path: Path, seed: int) -> None:
    """Whoever can see a message of the bot may read everything that is in it; and the askers' own are not withheld."""
    leaks, told_to_owners = await leaks_of_a_random_workspace(tmp_path, seed)
    assert leaks == []
    assert told_to_owners


async def test_no_reply_depends_on_pages_that_not_all_of_its_readers_may_see(tmp_path: Path) -> None:
    """The short version of `bench.slack_interference`."""
    findings = Findings()
    await run_interference(tmp_path, findings, seed=0, questions=2)
    assert (findings.differences, findings.pairs, findings.in_channels) == ([], 20, 8)
    assert findings.answered
    assert findings.withheld


async def leaks_of_a_random_workspace(home: Path, seed: int) -> tuple[list[str], int]:
    """(what somebody was shown and may not read, answers that hold their page). `bench.slack_rights` makes many."""
    chance = random.Random(seed)
    names = [f"user{number}" for number in range(6)]
    groups = {f"group{number}": [f"{name}@acme.test" for name in chance.sample(names, k=3)] for number in range(3)}
    readers: dict[str, set[str]] = {}
    pages: dict[str, str] = {}
    for number in range(12):
        word = f"codename{number}x"
        grantees = [chance.choice(["everyone", f"group:group{number % 3}", f"{chance.choice(names)}@acme.test"])]
        listed = {name for name in names if _admits(grantees[0], name, groups)}
        readers[word] = listed
        pages[f"{word}.md"] = (
            f"---\naudience: [{grantees[0]!r}]\n---\n# Page {number}\n\n"
            f"## Plan\n\nThe plan of topic {number} is {word}.\n"
        )
    async with deployed(home, pages=pages, rules={"questions_per_minute": 1000}) as made:
        await made.side.knowledge_base.catalogue.access.set_groups("acme", "test", groups)
        space = made.slack.space
        users = {name: space.user(name, f"{name}@acme.test") for name in names}
        channels = [space.channel(f"R{number}", *(users[name] for name in chance.sample(names, k=3)),
                                  kind=chance.choice(["public", "private"])) for number in range(4)]  # fmt: skip
        told_to_owners = 0
        for number in range(RANDOM_QUESTIONS):
            channel = chance.choice([*channels, *(space.direct(user) for user in users.values())])
            asker = chance.choice([user for user in users.values() if user.id in channel.members])
            said = await told(made, asker, channel, f"What is the plan of topic {number}?")
            told_to_owners += f"codename{number}x" in said
        leaks: list[str] = []
        by_id = {user.id: name for name, user in users.items()}
        for message in space.said_by_bot():
            where = space.channels[message.channel]
            everybody = (
                set(names) if where.kind == "public" else {by_id[each] for each in where.members if each in by_id}
            )
            audience = {by_id[message.seen_by]} if message.seen_by else everybody
            for word, allowed in readers.items():
                if word in message.words and not audience <= allowed:
                    leaks.append(f"{word} in {where.kind} {where.id}: {sorted(audience - allowed)}")
        return leaks, told_to_owners


def _admits(word: str, name: str, groups: dict[str, list[str]]) -> bool:
    email = f"{name}@acme.test"
    return word in {"everyone", email} or email in groups.get(word.removeprefix("group:"), [])
