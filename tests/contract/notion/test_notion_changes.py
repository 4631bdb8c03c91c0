"""A Notion source over its life: what changes, what goes, what comes back, and what it costs."""

import pytest

from tests.contract.notion.synced import SyncedNotion
from tests.fakes.notion_json import block, paragraph, run

pytestmark = pytest.mark.integration


async def test_an_edit_embeds_its_own_section_only(synced: SyncedNotion) -> None:
    page = synced.notion.workspace.add_page(
        "Pump",
        block("heading_1", "Start"),
        paragraph("Open the valve."),
        block("heading_1", "Stop"),
        paragraph("Close."),
    )
    await synced.sync()
    before = synced.embedded_count
    synced.notion.workspace.edit_block(synced.notion.workspace.blocks_of(page)[3], "Close it slowly.")
    await synced.sync()
    assert synced.embedded_count - before == 1
    assert "Close it slowly." in await synced.text(page)


async def test_a_second_edit_in_the_same_minute_is_seen(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page("Pump", paragraph("First."))
    await synced.sync(minutes=0)
    space.wait(seconds=5)
    space.write(page, paragraph("Second."))
    await synced.sync(minutes=0)
    assert await synced.text(page) == "Second."


async def test_a_page_read_in_the_minute_of_its_edit_is_read_again_later(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    space.add_page("Pump", paragraph("First."))
    await synced.sync(minutes=0)
    reports = [await synced.sync(minutes=2), await synced.sync(minutes=2)]
    assert [report.fetched for report in reports] == [1, 0]


async def test_an_edit_that_moves_no_time_is_seen_by_the_periodic_reading(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page("Pump", paragraph("First."))
    await synced.sync()
    space.things[space.blocks_of(page)[0]].body["paragraph"]["rich_text"] = [run("Second.")]
    assert (await synced.sync()).fetched == 0
    await synced.sync(minutes=7 * 24 * 60)
    assert await synced.text(page) == "Second."


async def test_a_page_in_the_trash_disappears_and_comes_back_when_restored(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page("Pump", paragraph("Open the valve."))
    space.add_page("Other", paragraph("Something else."))
    await synced.sync()
    space.trash(page)
    await synced.sync()
    assert await synced.titles() == {"Other"}
    space.restore(page)
    await synced.sync()
    assert await synced.titles() == {"Other", "Pump"}


async def test_what_stands_below_the_trash_disappears_too(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    parent = space.add_page("Parent", paragraph("Top."))
    toggle = space.add_page("Other", block("toggle", "More"))
    child = space.add_page("Child", paragraph("Below."), parent=parent)
    deep = space.add_page("Deep", paragraph("Deeper."), parent=space.blocks_of(toggle)[0])
    await synced.sync()
    space.unsearchable |= {child, deep}
    space.trash(parent)
    space.trash(space.blocks_of(toggle)[0])
    await synced.sync()
    assert await synced.titles() == {"Other"}


async def test_a_page_that_is_no_longer_shared_disappears(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page("Salaries", paragraph("Confidential."))
    space.add_page("Other", paragraph("Something else."))
    await synced.sync()
    space.set_shared(page, is_shared=False)
    report = await synced.sync()
    assert (await synced.titles(), report.removed, report.complete) == ({"Other"}, 1, True)


async def test_a_page_that_search_leaves_out_for_once_stays(synced: SyncedNotion) -> None:
    page = synced.notion.workspace.add_page("Pump", paragraph("Open the valve."))
    await synced.sync()
    synced.notion.workspace.unsearchable.add(page)
    report = await synced.sync()
    assert (await synced.titles(), report.removed, report.complete, report.fetched) == ({"Pump"}, 0, True, 0)


async def test_a_move_is_seen_although_no_time_moves(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    first = space.add_page("First", paragraph("One."))
    second = space.add_page("Second", paragraph("Two."))
    page = space.add_page("Pump", paragraph("Open."), parent=first)
    below = space.add_page("Valve", paragraph("Turn."), parent=page)
    await synced.sync()
    before = synced.embedded_count
    space.move(page, second)
    await synced.sync()
    assert {(await synced.sections(each))[0].space for each in (page, below)} == {"Second"}
    assert synced.embedded_count == before


async def test_many_pages_gone_at_once_are_kept_until_someone_says_so(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    pages = [space.add_page(f"Page {number}", paragraph("Text.")) for number in range(30)]
    await synced.sync()
    for page in pages:
        space.set_shared(page, is_shared=False)
    report = await synced.sync()
    assert (len(await synced.ids()), report.removed) == (30, 0)
    assert report.reason is not None
    assert "--allow-removals" in report.reason
    await synced.sync(may_remove_many=True)
    assert await synced.ids() == set()


async def test_a_full_sync_reads_everything_and_removes_nothing_that_is_there(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    home = space.add_page("Home", paragraph("Welcome."))
    child = space.add_page("Child", paragraph("Below."), parent=home)
    space.unsearchable.add(child)
    await synced.sync()
    before = synced.embedded_count
    report = await synced.sync(is_full=True)
    assert (report.fetched, report.removed, synced.embedded_count - before) == (2, 0, 0)


async def test_another_audience_closes_pages_before_anything_is_read(synced: SyncedNotion) -> None:
    synced.notion.workspace.add_page("Pump", paragraph("Open the valve."))
    await synced.sync()
    assert await synced.found("valve", email="stranger@b.example")
    synced.notion.break_down("/search", 401)
    before = synced.embedded_count
    await synced.sync(audience=("reader@a.example",))
    assert await synced.found("valve", email="stranger@b.example") == set()
    assert await synced.found("valve", email="reader@a.example")
    assert synced.embedded_count == before
