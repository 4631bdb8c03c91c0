"""Whatever a Confluence does wrong: every page it lists is indexed or named with a reason, and nothing good is lost."""

import pytest

from tests.factories import versions, watched
from tests.fakes.confluence import SyncedWiki
from tests.fakes.confluence_wiki import FakeContent, FakeUser

pytestmark = pytest.mark.integration

PAGES = 12


@pytest.fixture
def ann(wiki: SyncedWiki) -> FakeUser:
    return wiki.people.user("ann")


@pytest.fixture
def pages(wiki: SyncedWiki, ann: FakeUser) -> list[FakeContent]:
    space = wiki.people.space("ENG", wiki.people.group("crew", ann))
    return [wiki.people.page(space, f"Page {number}", f"<p>zebra {number}</p>") for number in range(PAGES)]


def body_of(wiki: SyncedWiki, page: FakeContent) -> str:
    """Matches every request for the text of a page, alone or among others."""
    alone = rf"/pages/{page.id}\?body" if wiki.site.is_cloud else rf"/content/{page.id}\?expand=body"
    among = rf"/pages\?.*\bid=[0-9,]*{page.id}" if wiki.site.is_cloud else rf"cql=id.*{page.id}.*body"
    return f"{alone}|{among}"


LISTING = r"/pages\?|/content\?"
FAULTS = {
    "429 with Retry-After": [{"path": LISTING, "status": 429, "headers": {"Retry-After": "37"}, "times": 1}],
    "429 without Retry-After": [{"path": LISTING, "status": 429, "times": 2}],
    "429 with Retry-After: 0": [{"path": LISTING, "status": 429, "headers": {"Retry-After": "0"}, "times": 2}],
    "503": [{"path": "", "status": 503, "times": 2, "skip": 1}],
    "502 and 504": [{"path": LISTING, "status": 502, "times": 1}, {"path": "body", "status": 504, "times": 1}],
    "500 once": [{"path": LISTING, "status": 500, "times": 1}],
    "cut bodies": [{"path": "", "body": "cut", "times": 2, "skip": 2}],
    "a login page": [{"path": LISTING, "body": "login", "times": 1}],
    "a login page in the middle": [{"path": "body", "body": "login", "times": 1}],
    "search is refused": [{"path": r"/search\?", "status": 403}],
    "an outage in the middle": [{"path": "body", "status": 503}],
    "an outage from the listing on": [{"path": "", "status": 503, "skip": 3}],
    "a wait of a day": [{"path": "body", "status": 429, "headers": {"Retry-After": "86400"}, "times": 1}],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_every_listed_page_is_indexed_or_named_and_no_request_comes_too_early(
    wiki: SyncedWiki, pages: list[FakeContent], faults: list[dict[str, object]]
) -> None:
    for fault in faults:
        wiki.site.faults.add(**fault)
    report = await wiki.sync()
    stored = await versions(wiki.base)
    named = {each.document_id.partition(":")[2] for each in report.missing if each.reason}
    if report.listed:
        assert {page.id for page in pages} <= stored.keys() | named
    else:
        assert report.reason
    assert wiki.site.faults.early_count == 0
    wiki.site.faults.clear()
    wiki.site.faults.clock.seconds += 100_000
    healthy = await wiki.sync()
    assert healthy.complete
    assert (await versions(wiki.base)).keys() == {page.id for page in pages}


async def test_one_page_that_cannot_be_read_is_named_and_the_others_are_indexed(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.site.faults.add(body_of(wiki, pages[4]), status=500)
    report = await wiki.sync()
    assert report.complete
    assert [(each.title, "500" in each.reason) for each in report.missing] == [("Page 4", True)]
    assert len(await versions(wiki.base)) == PAGES - 1


async def test_a_failed_read_keeps_the_good_copy(wiki: SyncedWiki, pages: list[FakeContent], ann: FakeUser) -> None:
    await wiki.sync()
    wiki.people.edit(pages[4], "<p>zebra edited</p>")
    wiki.site.faults.add(body_of(wiki, pages[4]), status=500)
    report = await wiki.sync()
    assert [each.title for each in report.missing] == ["Page 4"]
    assert "Page 4" in await wiki.found("zebra 4", ann)


async def test_a_site_that_is_away_still_counts_as_what_it_was(wiki: SyncedWiki, pages: list[FakeContent]) -> None:
    await wiki.sync()
    wiki.site.faults.add("", status=503)
    report = await wiki.sync()
    assert (report.complete, report.listed, report.indexed, report.removed) == (False, PAGES, PAGES, 0)


async def test_a_listing_that_ends_too_early_loses_and_removes_nothing(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.site.faults.silent_cap = 5
    assert (await wiki.sync()).complete
    assert len(await versions(wiki.base)) == PAGES
    report = await wiki.sync()
    assert report.removed == 0
    assert len(await versions(wiki.base)) == PAGES


async def test_a_listing_that_goes_round_in_circles_ends_and_removes_nothing(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    await wiki.sync()
    wiki.site.faults.goes_in_circles = True
    wiki.site.faults.requests.clear()
    report = await wiki.sync()
    assert not report.complete
    assert report.removed == 0
    assert len(wiki.site.faults.requests) < 100


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
async def test_a_cursor_that_goes_stale_begins_the_listing_again(wiki: SyncedWiki, pages: list[FakeContent]) -> None:
    wiki.site.faults.most_rows = 5
    wiki.site.faults.stale_cursors = 1
    report = await wiki.sync()
    assert (report.complete, report.indexed) == (True, PAGES)
    wiki.site.faults.stale_cursors = 1_000
    report = await wiki.sync()
    assert (report.complete, report.removed) == (False, 0)


async def test_an_answer_with_fewer_rows_than_asked_for_is_not_the_last(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.site.faults.most_rows = 5
    report = await wiki.sync()
    assert (report.complete, report.indexed) == (True, PAGES)


@pytest.mark.parametrize("wiki", ["datacenter"], indirect=True)
async def test_a_row_that_the_server_cannot_list_hides_none_behind_it(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.site.faults.refused_offset = 7
    report = await wiki.sync()
    assert not report.complete
    assert len(await versions(wiki.base)) == PAGES - 1
    wiki.site.faults.clear()
    assert (await wiki.sync()).complete
    assert len(await versions(wiki.base)) == PAGES


async def test_a_body_that_never_ends_is_given_up(wiki: SyncedWiki, pages: list[FakeContent]) -> None:
    wiki.site.faults.add(LISTING, body="slow", times=1)
    connector = wiki.site.connector(request_seconds=0.1)
    changes = [change async for change in connector.changes(None, known={})]
    await connector.close()
    assert changes


async def test_after_a_long_wait_was_asked_for_the_next_sync_makes_no_request_before_its_end(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.site.faults.add("body", status=429, headers={"Retry-After": "7200"}, times=1)
    await wiki.sync()
    wiki.site.faults.requests.clear()
    wiki.site.faults.clock.seconds += 7000
    report = await wiki.sync()
    assert "wait" in (report.reason or "")
    assert wiki.site.faults.requests == []
    wiki.site.faults.clock.seconds += 300
    assert (await wiki.sync()).complete
    assert wiki.site.faults.early_count == 0


async def test_a_run_cut_off_by_an_outage_goes_on_and_embeds_nothing_twice(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.site.faults.add(r"\bid=|cql=id", status=503)
    wiki.site.faults.add("body", status=503, skip=4)
    report = await wiki.sync()
    assert report.reason
    assert 0 < len(await versions(wiki.base)) < PAGES
    wiki.site.faults.clear()
    await wiki.sync()
    assert set(watched(wiki.base).embedded.values()) == {1}
    assert len(await versions(wiki.base)) == PAGES


async def test_pages_edited_and_added_while_they_are_listed_come_with_this_sync_or_the_next(
    wiki: SyncedWiki, pages: list[FakeContent], ann: FakeUser
) -> None:
    space = next(iter(wiki.people.spaces.values()))

    def meanwhile() -> None:
        wiki.people.edit(pages[3], "<p>zebra edited</p>")
        wiki.people.trash(pages[5])
        wiki.people.page(space, "Late", "<p>zebra late</p>")

    wiki.site.faults.events[r"/search\?"] = meanwhile
    await wiki.sync()
    assert "Late" in await wiki.found("zebra late", ann)
    report = await wiki.sync()
    assert report.complete
    assert await wiki.found("zebra", ann) >= {"Late", "Page 3"}
    assert pages[5].id not in await versions(wiki.base)


async def test_what_search_does_not_know_yet_is_indexed_with_its_restriction(
    wiki: SyncedWiki, pages: list[FakeContent], ann: FakeUser
) -> None:
    wiki.people.unindexed = {pages[0].id, pages[1].id}
    wiki.people.restrict(pages[1], wiki.people.user("bob"))
    assert (await wiki.sync()).complete
    found = await wiki.found("zebra", ann)
    assert "Page 0" in found
    assert "Page 1" not in found


async def test_many_pages_gone_at_once_are_kept_until_somebody_says_so(wiki: SyncedWiki, ann: FakeUser) -> None:
    space = wiki.people.space("ENG", ann)
    many = [wiki.people.page(space, f"Page {number}", f"<p>zebra {number}</p>") for number in range(30)]
    await wiki.sync()
    for page in many[:25]:
        wiki.people.trash(page)
    report = await wiki.sync()
    assert "--allow-removals" in (report.reason or "")
    assert len(await versions(wiki.base)) == 30
    await wiki.sync(may_remove_many=True)
    assert len(await versions(wiki.base)) == 5


async def test_search_that_is_away_for_a_moment_reads_no_page_again_and_keeps_attachments(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.people.attach(pages[0], "notes.txt", b"zebra notes")
    wiki.people.comment(pages[1], "<p>zebra?</p>", wiki.people.account)
    await wiki.sync()
    stored = await versions(wiki.base)
    wiki.site.faults.add(r"/search\?", status=403)
    report = await wiki.sync()
    assert (report.complete, report.fetched, report.removed) == (True, 0, 0)
    wiki.site.faults.clear()
    assert (await wiki.sync()).fetched == 0
    assert await versions(wiki.base) == stored


async def test_a_token_that_expires_during_a_sync_ends_it_and_loses_nothing(
    wiki: SyncedWiki, pages: list[FakeContent], ann: FakeUser
) -> None:
    await wiki.sync()
    for page in pages:
        wiki.people.edit(page, page.storage.replace("zebra", "zebra again"))

    def expire() -> None:
        wiki.site.faults.is_token_valid = False
        if not wiki.site.is_cloud:
            wiki.site.site.has_anonymous_access = True

    wiki.site.faults.events["body"] = expire
    report = await wiki.sync()
    assert "token" in (report.reason or "")
    assert {each.title for each in report.missing} == set()
    assert report.removed == 0
    assert len(await wiki.found("zebra", ann)) == PAGES


async def test_requests_keep_the_pace_that_the_settings_allow(wiki: SyncedWiki, pages: list[FakeContent]) -> None:
    clock = wiki.site.faults.clock
    began = clock.seconds
    report = await wiki.sync(requests_per_second=0.5)
    assert clock.seconds - began >= (report.requests - 1) * 2


async def test_without_search_attachments_come_with_their_page_and_close_with_it(
    wiki: SyncedWiki, pages: list[FakeContent], ann: FakeUser
) -> None:
    wiki.people.attach(pages[0], "notes.txt", b"zebra notes")
    wiki.people.attach(pages[0], "sketch.png", b"png", media_type="image/png")
    wiki.site.faults.add(r"/search\?", status=403)
    report = await wiki.sync()
    assert (report.complete, report.listed, report.indexed) == (True, PAGES + 2, PAGES + 1)
    assert "notes.txt" in await wiki.found("zebra notes", ann)
    wiki.people.restrict(pages[0], wiki.people.user("bob"))
    report = await wiki.sync()
    assert (report.fetched, report.removed) == (0, 0)
    assert "notes.txt" not in await wiki.found("zebra notes", ann)


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
async def test_a_token_that_may_not_say_whose_it_is_still_reads_and_removes(
    wiki: SyncedWiki, pages: list[FakeContent]
) -> None:
    wiki.site.faults.add("/user/current", status=403)
    await wiki.sync()
    wiki.people.trash(pages[0])
    wiki.people.purge(pages[1])
    report = await wiki.sync()
    assert (report.complete, report.removed) == (True, 2)
