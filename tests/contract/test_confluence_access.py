"""Nobody is shown a page of Confluence that they may not read there, however the permission came about."""

from itertools import combinations

import pytest

from kb.errors import SourceError
from tests.factories import search
from tests.fakes.confluence import SyncedWiki
from tests.fakes.confluence_cloud import CloudSite
from tests.fakes.confluence_wiki import FakeSpace, FakeUser

pytestmark = pytest.mark.integration


@pytest.fixture
def crew(wiki: SyncedWiki) -> tuple[FakeUser, FakeUser]:
    return wiki.people.user("ann"), wiki.people.user("bob")


@pytest.fixture
def space(wiki: SyncedWiki, crew: tuple[FakeUser, FakeUser]) -> FakeSpace:
    return wiki.people.space("ENG", wiki.people.group("crew", *crew))


async def test_every_layer_counts_however_it_names_a_reader(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    """By name in one place and through a group in another: both are the same person."""
    ann, bob = crew
    night = wiki.people.group("night", ann)
    top = wiki.people.page(space, "Top", "<p>zebra top</p>")
    bottom = wiki.people.page(space, "Bottom", "<p>zebra bottom</p>", below=top)
    wiki.people.restrict(top, ann, bob)
    wiki.people.restrict(bottom, night)
    await wiki.sync()
    assert await wiki.found("zebra", ann) == {"Top", "Bottom"}
    assert await wiki.found("zebra", bob) == {"Top"}
    assert await wiki.found("zebra", None) == set()


async def test_a_restriction_on_a_folder_reaches_the_pages_in_it(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    folder = wiki.people.page(space, "Folder", kind="folder")
    wiki.people.page(space, "Inside", "<p>zebra Inside</p>", below=folder)
    await wiki.sync()
    assert await wiki.found("zebra", crew[1]) == {"Inside"}
    wiki.people.restrict(folder, crew[0])
    await wiki.sync()
    assert await wiki.found("zebra", crew[1]) == set()


async def test_a_member_who_leaves_a_group_finds_its_pages_no_more(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    wiki.people.page(space, "Page", "<p>zebra Page</p>")
    await wiki.sync()
    next(iter(wiki.people.groups.values())).users.remove(crew[1].key)
    report = await wiki.sync()
    assert (report.fetched, report.embedded_chunks) == (0, 0)
    assert await wiki.found("zebra", crew[1]) == set()
    assert await wiki.found("zebra", crew[0]) == {"Page"}


async def test_a_restriction_that_names_only_a_deleted_account_admits_nobody_and_is_reported(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    page = wiki.people.page(space, "Page", "<p>zebra Page</p>")
    page.restriction = (["key-of-nobody"], [])
    report = await wiki.sync()
    assert await wiki.found("zebra", crew[0]) == set()
    assert [(each.title, "nobody" in each.reason) for each in report.missing] == [("Page", True)]


async def test_a_hidden_address_admits_nobody_until_the_settings_tell_it(wiki: SyncedWiki) -> None:
    ann = wiki.people.user("ann", is_email_hidden=True)
    space = wiki.people.space("ENG", ann)
    wiki.people.page(space, "Page", "<p>zebra Page</p>")
    report = await wiki.sync()
    assert await wiki.found("zebra", ann) == set()
    assert [each.title for each in report.missing] == ["Page"]
    report = await wiki.sync(users={ann.key if wiki.site.is_cloud else ann.username: ann.email})
    assert await wiki.found("zebra", ann) == {"Page"}
    assert (report.fetched, list(report.missing)) == (0, [])


async def test_one_restriction_that_cannot_be_read_closes_its_page_and_is_reported(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    folder = wiki.people.page(space, "Folder", kind="folder")
    wiki.people.page(space, "Inside", "<p>zebra Inside</p>", below=folder)
    wiki.people.page(space, "Outside", "<p>zebra Outside</p>")
    wiki.site.faults.add(f"/content/{folder.id}/restriction", status=403)
    report = await wiki.sync()
    assert await wiki.found("zebra", crew[0]) == {"Outside"}
    assert [(each.title, "restriction" in each.reason) for each in report.missing] == [("Inside", True)]
    wiki.site.faults.clear()
    await wiki.sync()
    assert await wiki.found("zebra", crew[0]) == {"Inside", "Outside"}


async def test_a_source_whose_restrictions_cannot_be_read_is_refused_until_words_say_who_may_read_it(
    wiki: SyncedWiki, space: FakeSpace
) -> None:
    wiki.people.page(space, "Page", "<p>zebra Page</p>")
    wiki.site.site.may_read_restrictions = False
    report = await wiki.sync()
    assert "audience" in (report.reason or "")
    assert [each.title for each in report.missing] == ["Page"]
    assert await wiki.found("zebra", None) == set()
    report = await wiki.sync(audience=("everyone",))
    assert report.complete
    assert await wiki.found("zebra", None) == {"Page"}


async def test_a_right_to_read_restrictions_that_is_lost_opens_nothing(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    page = wiki.people.page(space, "Page", "<p>zebra Page</p>")
    wiki.people.restrict(page, crew[0])
    await wiki.sync(audience=("everyone",))
    assert await wiki.found("zebra", crew[1]) == set()
    wiki.site.site.may_read_restrictions = False
    report = await wiki.sync(audience=("everyone",))
    assert "--full" in (report.reason or "")
    assert await wiki.found("zebra", crew[1]) == set()
    await wiki.sync(audience=("everyone",), is_full=True)
    assert await wiki.found("zebra", crew[1]) == {"Page"}


async def test_words_stand_for_the_space_and_restrictions_still_narrow_them(
    wiki: SyncedWiki, crew: tuple[FakeUser, FakeUser]
) -> None:
    space = wiki.people.space("ENG")
    open_page = wiki.people.page(space, "Open", "<p>zebra Open</p>")
    wiki.people.restrict(wiki.people.page(space, "Closed", "<p>zebra Closed</p>", below=open_page), crew[0])
    wiki.site.site.may_read_space_permissions = False
    await wiki.sync(audience=("everyone",))
    assert await wiki.found("zebra", None) == {"Open"}
    assert await wiki.found("zebra", crew[0]) == {"Open", "Closed"}


async def test_a_space_whose_permissions_cannot_be_read_is_refused(wiki: SyncedWiki, space: FakeSpace) -> None:
    wiki.people.page(space, "Page", "<p>zebra Page</p>")
    wiki.site.site.may_read_space_permissions = False
    report = await wiki.sync()
    assert "audience" in (report.reason or "")
    assert await wiki.found("zebra", None) == set()


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_space_for_anonymous_readers_is_for_everyone_only_if_the_site_is_open(
    wiki: SyncedWiki, is_open: bool
) -> None:
    wiki.people.page(wiki.people.space("PUB", "anonymous"), "Page", "<p>zebra</p>")
    wiki.people.is_open = is_open
    await wiki.sync()
    assert await wiki.found("zebra", None) == ({"Page"} if is_open else set())


async def test_the_title_of_an_included_page_is_told_to_its_own_readers_alone(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    hidden = wiki.people.page(space, "Hidden", "<p>zebra hidden words</p>")
    wiki.people.restrict(hidden, crew[0])
    wiki.people.page(
        space,
        "Including",
        '<p>zebra</p><ac:structured-macro ac:name="include"><ac:parameter ac:name=""><ac:link>'
        '<ri:page ri:content-title="Hidden" /></ac:link></ac:parameter></ac:structured-macro>',
    )
    await wiki.sync()
    texts = [passage.text for passage in await search(wiki.base, "zebra hidden words", email=crew[1].email)]
    assert texts
    assert not any("hidden words" in text for text in texts)


async def test_a_page_edited_and_restricted_between_listing_and_reading_is_closed(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    page = wiki.people.page(space, "Page", "<p>nothing special</p>")

    def edit_and_restrict() -> None:
        wiki.people.restrict(page, crew[0])
        wiki.people.edit(page, "<p>zebra</p>")

    await wiki.sync()
    wiki.people.edit(page, "<p>still nothing</p>")
    wiki.site.faults.events[rf"/{page.id}\?"] = edit_and_restrict
    await wiki.sync()
    assert await wiki.found("zebra", crew[0]) == {"Page"}
    assert await wiki.found("zebra", crew[1]) == set()


async def test_a_token_of_another_account_is_refused_as_it_may_see_other_pages(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    wiki.people.page(space, "Page", "<p>zebra Page</p>")
    await wiki.sync()
    wiki.people.account = crew[0]
    report = await wiki.sync()
    assert "another account" in (report.reason or "")
    assert await wiki.found("zebra", crew[1]) == {"Page"}
    assert (await wiki.sync(is_full=True)).complete


async def test_no_two_people_find_the_same_when_each_has_a_page_of_their_own(wiki: SyncedWiki) -> None:
    users = [wiki.people.user(f"user{number}") for number in range(5)]
    space = wiki.people.space("ENG", wiki.people.group("all", *users))
    for user in users:
        wiki.people.restrict(wiki.people.page(space, f"Of {user.username}", f"<p>zebra {user.username}</p>"), user)
    await wiki.sync()
    found = [await wiki.found("zebra", user) for user in users]
    assert all(len(titles) == 1 for titles in found)
    assert not any(left & right for left, right in combinations(found, 2))


async def test_an_expired_token_removes_and_opens_nothing(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    page = wiki.people.page(space, "Page", "<p>zebra Page</p>")
    await wiki.sync()
    wiki.site.faults.is_token_valid = False
    if not wiki.site.is_cloud:
        wiki.site.site.has_anonymous_access = True
    report = await wiki.sync()
    assert "token" in (report.reason or "")
    assert report.removed == 0
    connector = wiki.site.connector()
    with pytest.raises(SourceError):
        assert [change async for change in connector.changes(None, known={page.id: "1"})]
    await connector.close()
    assert await wiki.found("zebra", crew[0]) == {"Page"}


async def test_access_to_a_space_by_role_counts(wiki: SyncedWiki, crew: tuple[FakeUser, FakeUser]) -> None:
    space = wiki.people.space("ENG", *crew)
    wiki.people.page(space, "Page", "<p>zebra</p>")
    if isinstance(wiki.site.site, CloudSite):
        wiki.site.site.has_roles = True
    else:
        wiki.site.site.is_old = True
    await wiki.sync()
    assert [await wiki.found("zebra", user) for user in crew] == [{"Page"}, {"Page"}]


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
async def test_all_licensed_users_are_those_whom_the_settings_name(
    wiki: SyncedWiki, crew: tuple[FakeUser, FakeUser]
) -> None:
    wiki.people.page(wiki.people.space("ENG", "ALL_LICENSED_USERS"), "Page", "<p>zebra</p>")
    report = await wiki.sync()
    assert [each.title for each in report.missing] == ["Page"]
    assert await wiki.found("zebra", crew[0]) == set()
    await wiki.sync(licensed_users=(crew[0].email,))
    assert [await wiki.found("zebra", user) for user in crew] == [{"Page"}, set()]


@pytest.mark.parametrize("wiki", ["datacenter"], indirect=True)
async def test_a_domain_for_user_names_spares_the_profiles(wiki: SyncedWiki) -> None:
    ann = wiki.people.user("ann", is_email_hidden=True)
    wiki.people.page(wiki.people.space("ENG", wiki.people.group("crew", ann)), "Page", "<p>zebra</p>")
    await wiki.sync(email_domain="example.com")
    assert await wiki.found("zebra", ann) == {"Page"}
    assert not any("profile" in path for path in wiki.site.faults.requests)


@pytest.mark.parametrize("wiki", ["datacenter"], indirect=True)
async def test_profiles_are_asked_for_once_even_if_the_sync_is_cut_short(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser]
) -> None:
    for number in range(3):
        wiki.people.page(space, f"Page {number}", f"<p>zebra {number}</p>")
    wiki.site.faults.add("body", status=503)
    assert (await wiki.sync()).reason
    wiki.site.faults.clear()
    await wiki.sync()
    assert sum("profile" in path for path in wiki.site.faults.requests) == len(crew)
    assert len(await wiki.found("zebra", crew[0])) == 3


@pytest.mark.parametrize("may_read_restrictions", [True, False])
async def test_restrictions_that_lists_leave_empty_open_nothing(
    wiki: SyncedWiki, space: FakeSpace, crew: tuple[FakeUser, FakeUser], may_read_restrictions: bool
) -> None:
    wiki.people.restrict(wiki.people.page(space, "Page", "<p>zebra</p>"), crew[0])
    wiki.site.site.hides_restrictions_in_lists = True
    if not may_read_restrictions:
        wiki.site.faults.add("/restriction/", status=403)
    await wiki.sync()
    assert await wiki.found("zebra", crew[1]) == set()
    assert await wiki.found("zebra", crew[0]) == ({"Page"} if may_read_restrictions else set())
