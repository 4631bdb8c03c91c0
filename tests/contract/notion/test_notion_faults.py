"""Whatever Notion answers: a sync ends complete, or says which pages are missing and why, and no good copy is lost."""

import pytest

from ingest.connectors import notion_tree
from ingest.reporting import MOST_ATTEMPTS
from tests.contract.notion.synced import Follower, SyncedNotion, missing, plain
from tests.fakes.notion import FakeNotion
from tests.fakes.notion_json import block, paragraph

pytestmark = pytest.mark.integration

EVERYWHERE = (".", "POST /search", "/query", "/children", "GET /users/me", "GET /data_sources")


def furnish(notion: FakeNotion) -> str:
    """A page with a toggle, a row and some more pages. Returns the page's id."""
    space = notion.workspace
    page = space.add_page("Pump", paragraph("Open the valve."), block("toggle", "More", paragraph("Turn left.")))
    space.add_page("Row", paragraph("A row."), parent=space.source_of(space.add_database("Tasks", ("Tasks", {}))))
    for number in range(5):
        space.unsearchable.add(space.add_page(f"Child {number}", paragraph("Text."), parent=page))
    return page


EVERYTHING = {"Pump", "Row", "Tasks", *(f"Child {number}" for number in range(5))}


@pytest.mark.parametrize("seconds", ["1", "0.5", "300", "86400"])
@pytest.mark.parametrize("status", [429, 529])
async def test_nothing_is_asked_before_the_time_that_notion_names(
    notion: FakeNotion, status: int, seconds: str
) -> None:
    furnish(notion)
    for where in EVERYWHERE:
        notion.break_down(where, status, times=2, retry_after=seconds)
    follower = Follower(notion)
    listing = await follower.sync()
    assert notion.server.early == []
    assert (listing.is_complete, follower.titles) == (True, EVERYTHING)


async def test_told_to_wait_until_a_date_it_waits(notion: FakeNotion) -> None:
    furnish(notion)
    notion.break_down("POST /search", 429, retry_after="Fri, 31 Dec 2100 23:59:59 GMT")
    assert (await Follower(notion).sync()).is_complete
    assert max(notion.time.waits) > 365 * 86_400


PASSING = [409, 429, 500, 502, 503, 504, 529, "html", "blocked", "html with 200", "cut"]
# Every failure where all requests meet it and where a page is read; two of them at each other place.
FAILURES = [(where, how) for where in (".", "/children") for how in PASSING]
FAILURES += [(where, how) for where in EVERYWHERE[1:] for how in (503, "cut") if where != "/children"]


@pytest.mark.parametrize(("where", "how"), FAILURES)
async def test_what_passes_is_tried_again_until_it_does(notion: FakeNotion, where: str, how: int | str) -> None:
    furnish(notion)
    notion.break_down(where, how, times=2)
    follower = Follower(notion)
    listing = await follower.sync()
    assert (listing.is_complete, follower.titles) == (True, EVERYTHING)


async def test_an_answer_that_does_not_come_is_asked_for_again(notion: FakeNotion) -> None:
    furnish(notion)
    notion.break_down("/children", "late")
    follower = Follower(notion)
    listing = await follower.sync(timeout_seconds=0.2)
    assert (listing.is_complete, follower.titles) == (True, EVERYTHING)


async def test_a_query_that_is_too_heavy_is_asked_for_less(notion: FakeNotion) -> None:
    furnish(notion)
    notion.break_down("/query", 503, times=3)
    await Follower(notion).sync()
    assert notion.server.sizes["/query"] == [100, 50, 25, 12]


async def test_lists_of_any_page_size_are_read_to_their_end(notion: FakeNotion) -> None:
    notion.server.most_per_page = 7
    page = notion.workspace.add_page("Long", *(paragraph(f"Line {number}.") for number in range(101)))
    follower = Follower(notion)
    await follower.sync()
    (section,) = follower.documents[plain(page)].sections
    assert section.text.split("\n\n") == [f"Line {number}." for number in range(101)]


async def test_a_list_whose_cursor_went_stale_is_read_again(notion: FakeNotion) -> None:
    furnish(notion)
    notion.server.most_per_page = 1
    notion.server.stale_cursors = 2
    follower = Follower(notion)
    listing = await follower.sync()
    assert (listing.is_complete, follower.titles) == (True, EVERYTHING)


async def test_a_list_that_never_ends_fails_its_page_alone(synced: SyncedNotion) -> None:
    page = furnish(synced.notion)
    synced.notion.break_down(f"/blocks/{plain(page)}/children", "endless", times=100)
    report = await synced.sync()
    assert "a list that does not end" in missing(report)[plain(page)]
    assert await synced.titles() == {"Row", "Tasks"}


async def test_a_page_that_cannot_be_read_whole_keeps_its_good_copy(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = furnish(synced.notion)
    await synced.sync()
    toggle = space.blocks_of(page)[1]
    space.edit_block(space.blocks_of(page)[0], "Close the valve.")
    synced.notion.break_down(f"/blocks/{plain(toggle)}/children", 404, times=100)
    report = await synced.sync()
    assert await synced.text(page) == "Open the valve.\n\nMore\n\nTurn left." + "".join(
        f"\n\nPage: Child {number}" for number in range(5)
    )
    assert f"toggle block {plain(toggle)}" in missing(report)[plain(page)]
    synced.notion.server.faults.clear()
    assert (await synced.sync()).missing == ()
    assert "Close the valve." in await synced.text(page)


async def test_a_page_that_changes_while_it_is_read_is_read_once_more(synced: SyncedNotion) -> None:
    page = furnish(synced.notion)
    toggle = synced.notion.workspace.blocks_of(page)[1]
    synced.notion.break_down(f"/blocks/{plain(toggle)}/children", 404)
    assert (await synced.sync()).missing == ()


async def test_one_page_that_notion_fails_on_stops_nothing(synced: SyncedNotion) -> None:
    page = furnish(synced.notion)
    synced.notion.break_down(f"/blocks/{plain(page)}/children", 500, times=100)
    report = await synced.sync()
    assert missing(report) == {plain(page): "Notion answered 500; an earlier copy stays"}
    synced.notion.server.faults.clear()
    assert (await synced.sync()).missing == ()
    assert await synced.titles() == EVERYTHING


async def test_a_page_that_is_itself_the_cause_is_tried_five_times_and_then_not_before_its_next_reading(
    synced: SyncedNotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = furnish(synced.notion)
    monkeypatch.setattr(notion_tree, "MOST_BLOCKS", 1)
    for _ in range(MOST_ATTEMPTS):
        report = await synced.sync()
    assert missing(report)[plain(page)].startswith("it has more than 1 blocks")
    synced.requests()

    def was_read() -> bool:
        return any(f"/blocks/{plain(page)}/children" in each.replace("-", "") for each in synced.requests())

    assert plain(page) in missing(await synced.sync())
    assert not was_read()
    await synced.sync(minutes=8 * 24 * 60)
    assert was_read()
    for _ in range(MOST_ATTEMPTS):
        await synced.sync()
    monkeypatch.undo()
    synced.notion.workspace.edit_block(synced.notion.workspace.blocks_of(page)[0], "Close the valve.")
    assert plain(page) not in missing(await synced.sync())
    assert "Close the valve." in await synced.text(page)


async def test_what_notion_refuses_is_tried_at_every_sync(synced: SyncedNotion) -> None:
    page = furnish(synced.notion)
    synced.notion.break_down(f"/blocks/{plain(page)}/children", 500, times=1000)
    for _ in range(MOST_ATTEMPTS + 1):
        await synced.sync()
    synced.notion.server.faults.clear()
    assert (await synced.sync()).missing == ()


async def test_rows_of_a_database_that_cannot_be_listed_stay(synced: SyncedNotion) -> None:
    furnish(synced.notion)
    await synced.sync()
    synced.notion.break_down("/query", 500, times=100)
    report = await synced.sync()
    assert (await synced.titles(), report.complete) == (EVERYTHING, False)
    assert report.reason is not None
    assert "'Tasks'" in report.reason


@pytest.mark.parametrize("after", [0, 3, 6, 9, 12])
async def test_an_outage_in_the_middle_loses_nothing_and_is_made_up_for(synced: SyncedNotion, after: int) -> None:
    furnish(synced.notion)
    synced.notion.server.breaks_after = after
    report = await synced.sync()
    assert not report.complete
    assert report.reason is not None
    synced.notion.server.breaks_after = None
    assert (await synced.sync()).complete
    assert await synced.titles() == EVERYTHING


async def test_pages_found_before_an_outage_are_remembered_although_their_parent_is_stored(
    synced: SyncedNotion,
) -> None:
    furnish(synced.notion)
    # Greeting, two searches, a query, then reading: the parent's blocks, and its children one by one.
    for number in range(5):
        child = next(
            each
            for each in synced.notion.workspace.things.values()
            if each.body.get("url", "").startswith(f"https://www.notion.so/Child-{number}")
        )
        synced.notion.break_down(f"/blocks/{plain(child.id)}/children", 500, times=6)
    first = await synced.sync()
    assert len(first.missing) == 5
    second = await synced.sync()
    assert (second.missing, await synced.titles()) == ((), EVERYTHING)


async def test_a_page_that_could_not_be_asked_for_is_remembered_although_its_parent_is_stored(
    synced: SyncedNotion,
) -> None:
    page = furnish(synced.notion)
    synced.notion.break_down("GET /pages/", 500, times=6)
    first = await synced.sync()
    assert plain(page) in await synced.ids()
    assert (first.complete, len(EVERYTHING - await synced.titles())) == (False, 1)
    second = await synced.sync()
    assert (second.complete, await synced.titles()) == (True, EVERYTHING)


async def test_one_database_that_cannot_be_read_stops_nothing(synced: SyncedNotion) -> None:
    furnish(synced.notion)
    await synced.sync()
    synced.notion.break_down("GET /databases/", 400, times=100)
    assert (await synced.sync(minutes=60 * 24 * 14)).fetched > 5
    assert await synced.titles() == EVERYTHING


async def test_a_source_that_stays_away_is_said_to_be_away(synced: SyncedNotion) -> None:
    furnish(synced.notion)
    await synced.sync()
    synced.notion.break_down(".", 503, times=10_000)
    report = await synced.sync()
    assert (report.complete, report.reason) == (False, "Notion answered 503")
    assert await synced.titles() == EVERYTHING


async def test_a_revoked_token_keeps_the_index(synced: SyncedNotion) -> None:
    furnish(synced.notion)
    await synced.sync()
    synced.notion.break_down(".", 401, times=10_000)
    report = await synced.sync()
    assert report.reason is not None
    assert "FOOTNOTE_" in report.reason
    assert await synced.titles() == EVERYTHING


async def test_a_missing_right_is_no_deletion(synced: SyncedNotion) -> None:
    page = furnish(synced.notion)
    await synced.sync()
    synced.notion.workspace.touch(page)
    synced.notion.break_down("/children", 403, times=10_000)
    report = await synced.sync()
    assert (await synced.titles(), set(missing(report))) == (EVERYTHING, {plain(page)})


async def test_a_page_that_vanishes_while_it_is_read_is_gone_without_a_fuss(synced: SyncedNotion) -> None:
    page = furnish(synced.notion)
    await synced.sync()
    synced.notion.workspace.touch(page)
    synced.notion.break_down(f"(pages/{plain(page)}$|blocks/{plain(page)}/children)", 404, times=10_000)
    report = await synced.sync()
    assert "Pump" not in await synced.titles()
    assert report.missing == ()


async def test_a_single_not_found_takes_nothing_away(synced: SyncedNotion) -> None:
    page = furnish(synced.notion)
    await synced.sync()
    synced.notion.workspace.unsearchable.add(page)
    synced.notion.break_down(f"pages/{plain(page)}$", 404)
    await synced.sync()
    assert await synced.titles() == EVERYTHING


async def test_blocks_that_the_api_does_not_serve_are_left_out_and_the_rest_is_read(synced: SyncedNotion) -> None:
    page = synced.notion.workspace.add_page(
        "Mixed", paragraph("Before."), block("ai_block", None, paragraph("?")), paragraph("After.")
    )
    report = await synced.sync()
    assert (await synced.text(page), report.complete) == ("Before.\n\nAfter.", True)
