"""Nobody finds, is answered from, or is told of a page of Confluence that they may not read; and nothing is withheld.

Random wikis: people in groups within groups, pages below restricted pages and folders, pages that include others.
What the fake's own model says is the truth.
"""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.answering.types import Question
from app.chat_models.scripted import Config as ScriptedConfig
from app.chat_models.scripted import ScriptedModel
from app.settings import Settings
from app.wiring import assemble
from tests.factories import opened_base, search, watched
from tests.fakes.confluence import DEPLOYMENTS, SyncedWiki, running_confluence
from tests.fakes.confluence_wiki import FakeContent, FakeGroup, FakeUser

pytestmark = pytest.mark.integration

SECRET = "<h2>Plan</h2><p>The zebra password of {title} is {number}.</p>"
USERS = 10
PAGES = 60


@pytest.fixture(params=DEPLOYMENTS)
async def wiki(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SyncedWiki]:
    with running_confluence(request.param) as site:
        async with opened_base(tmp_path) as base:
            yield SyncedWiki(site, base)


async def leaks(wiki: SyncedWiki, users: list[FakeUser]) -> tuple[list[str], list[str]]:
    """(leaked, withheld): what somebody finds although they may not, and what they may but do not find."""
    leaked, withheld = [], []
    for user in users:
        passages = await search(wiki.base, "zebra password plan", email=user.email, count=500)
        found = {passage.document_id.partition(":")[2] for passage in passages}
        for page in wiki.people.content.values():
            if page.kind in {"page", "blogpost"}:
                may = wiki.people.may_read(user, page)
                if (page.id in found) != may:
                    (withheld if may else leaked).append(f"{user.username}: {page.title}")
        # No word of what is found tells the title of a page that may not be read.
        hidden = [page.title for page in wiki.people.content.values() if not wiki.people.may_read(user, page)]
        for passage in passages:
            leaked += [f"{user.username}: {title} told" for title in hidden if title in passage.text + passage.title]
    return leaked, withheld


def grow(wiki: SyncedWiki, *, seed: int) -> list[FakeUser]:
    """People in groups within groups, two spaces, pages below restricted pages, folders and each other."""
    chance, people = random.Random(seed), wiki.people
    users = [people.user(f"user{number}") for number in range(USERS)]
    groups: list[FakeGroup] = []
    for number in range(6):
        inner = chance.sample(groups, k=min(len(groups), chance.randrange(3)))
        groups.append(people.group(f"group{number}", *chance.sample(users, k=chance.randrange(4)), groups=inner))
    everybody = people.group("everybody", *users)
    spaces = [people.space("ENG", everybody), people.space("HR", groups[4], users[0])]
    pages: list[FakeContent] = []
    for number in range(PAGES):
        space = chance.choice(spaces)
        above = [page for page in pages if page.space_id == space.id]
        parent = chance.choice(above) if above and chance.random() < 0.7 else None
        kind = "folder" if chance.random() < 0.15 else "page"
        title = f"Codename{number}x"
        text = SECRET.format(title=title, number=number * 7919)
        page = people.page(space, title, text, below=parent, kind=kind)
        pages.append(page)
        if number > 2 and chance.random() < 0.3:
            included = chance.choice(pages)
            page.storage += (
                '<ac:structured-macro ac:name="include"><ac:parameter ac:name=""><ac:link>'
                f'<ri:content-entity ri:content-id="{included.id}" /></ac:link></ac:parameter></ac:structured-macro>'
            )
    shuffle_restrictions(wiki, chance, users, groups)
    return users


def shuffle_restrictions(
    wiki: SyncedWiki, chance: random.Random, users: list[FakeUser], groups: list[FakeGroup]
) -> None:
    for page in wiki.people.content.values():
        wiki.people.unrestrict(page)
        if chance.random() < 0.3:
            readers = [*chance.sample(users, k=chance.randrange(1, 4)), *chance.sample(groups, k=chance.randrange(3))]
            wiki.people.restrict(page, *readers)


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_leaks_and_nothing_is_withheld_through_restrictions_that_come_and_go(
    wiki: SyncedWiki, seed: int
) -> None:
    users = grow(wiki, seed=seed)
    chance = random.Random(seed)
    await wiki.sync()
    before = watched(wiki.base).embedded.total()
    for _ in range(3):
        assert await leaks(wiki, users) == ([], [])
        shuffle_restrictions(wiki, chance, users, [*wiki.people.groups.values()])
        for group in chance.sample([*wiki.people.groups.values()], k=2):
            group.users = [user.key for user in chance.sample(users, k=3)]
        await wiki.sync()
    assert await leaks(wiki, users) == ([], [])
    assert watched(wiki.base).embedded.total() == before


@pytest.mark.parametrize("seed", [3, 4])
async def test_no_answer_is_made_of_a_page_that_the_asker_may_not_read(wiki: SyncedWiki, seed: int) -> None:
    users = grow(wiki, seed=seed)
    await wiki.sync()
    model = ScriptedModel(ScriptedConfig(context_tokens=100_000))
    settings = Settings(**wiki.base.settings.model_dump())
    answerer = assemble(wiki.base, model, settings).answerer
    answered_count = 0
    for user in users:
        principal = await wiki.base.catalogue.access.principal("acme", user.email)
        pages = [page for page in wiki.people.content.values() if page.kind == "page"]
        hidden = [page for page in pages if not wiki.people.may_read(user, page)]
        for page in random.Random(seed).sample(pages, k=8):
            question = Question(text=f"What is the zebra password of {page.title}?")
            answer = await answerer.answer(question, principal)
            told = f"{answer.text} {answer.citations} {answer.closest} {model.prompts[-1:] if answer.sentences else ''}"
            told = told.replace(question.text, "")
            assert [each.title for each in hidden if f"{each.title} " in told or f"/{each.id}" in told] == []
            answered_count += answer.status == "answered"
    assert answered_count
