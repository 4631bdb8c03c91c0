"""A Notion source over its life: what is found, what changes, what goes, and what it costs."""

import pytest

from kb.errors import SourceError
from tests.contract.notion.synced import SyncedNotion, missing, plain
from tests.fakes.notion_json import block, hosted_file, mention, paragraph, run, value


async def test_pages_that_search_omits_are_found_where_they_stand(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    home = space.add_page("Home", paragraph("Welcome."))
    child = space.add_page("Rota", paragraph("Who is on call."), parent=home)
    grandchild = space.add_page("March", paragraph("Ana, then Bo."), parent=child)
    space.unsearchable |= {child, grandchild}
    report = await synced.sync()
    assert await synced.titles() == {"Home", "Rota", "March"}
    assert report.complete


async def test_pages_that_search_omits_stay_and_stay_current(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    home = space.add_page("Home", paragraph("Welcome."))
    child = space.add_page("Rota", paragraph("Ana is on call."), parent=home)
    space.unsearchable.add(child)
    await synced.sync()
    space.write(child, paragraph("Bo is on call."))
    report = await synced.sync()
    assert (await synced.text(child), report.fetched, report.removed) == ("Bo is on call.", 1, 0)


async def test_a_page_in_a_column_belongs_to_the_page_around_it(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    home = space.add_page("Home", block("column_list", None, block("column", None, paragraph("Left."))))
    column = space.blocks_of(space.blocks_of(home)[0])[0]
    space.add_page("In a column", paragraph("Here."), parent=column)
    await synced.sync()
    spaces = {section.space for each in await synced.ids() for section in await synced.sections(each)}
    assert spaces == {"Home"}


async def test_rows_are_documents_of_their_own_with_properties_and_text(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    tasks = space.add_database("Tasks", ("Tasks", {"Status": {"type": "status", "status": {"options": []}}}))
    status = {"Status": value("status", {"name": "Blocked"}), "Effort": value("number", 0)}
    row = space.add_page("Fix the pump", paragraph("Seal is worn."), parent=space.source_of(tasks), properties=status)
    await synced.sync()
    (section,) = await synced.sections(row)
    assert section.text == "Database: Tasks\nEffort: 0\nStatus: Blocked\n\nSeal is worn."
    assert section.labels == ("Status: Blocked",)


async def test_a_row_without_text_is_found_by_its_properties(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    source = space.source_of(space.add_database("Plants", ("Plants", {})))
    space.add_page("Fern", parent=source, properties={"Light": value("select", {"name": "shade"})})
    await synced.sync()
    assert await synced.found("Which plant likes shade?") >= {"Database: Plants\nLight: shade"}


async def test_a_database_is_a_small_document(synced: SyncedNotion) -> None:
    options = {"options": [{"name": "Open"}, {"name": "Done"}]}
    columns = {"Status": {"type": "status", "status": options}, "Due": {"type": "date", "date": {}}}
    database = synced.notion.workspace.add_database("Tasks", ("Tasks", columns), description="What we do.")
    await synced.sync()
    assert await synced.text(database) == "What we do.\n\n- Due (date)\n- Name (title)\n- Status (status): Open, Done"


async def test_every_data_source_of_a_database_is_read(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    database = space.add_database("Company", ("People", {}), ("Offices", {}))
    first, second = (each["id"] for each in space.things[database].body["data_sources"])
    space.add_page("Ana", parent=first)
    space.add_page("Porto", parent=second)
    await synced.sync()
    assert await synced.titles() == {"Company", "Ana", "Porto"}
    assert [section.heading_path for section in await synced.sections(database)] == [("People",), ("Offices",)]


async def test_a_data_source_that_search_omits_is_found_through_its_database(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    database = space.add_database("Company", ("People", {}), ("Offices", {}))
    first, second = (each["id"] for each in space.things[database].body["data_sources"])
    space.add_page("Ana", parent=first)
    space.unsearchable |= {second, space.add_page("Porto", parent=second)}
    await synced.sync()
    again = await synced.sync()
    assert (await synced.titles(), again.embedded_chunks) == ({"Company", "Ana", "Porto"}, 0)
    assert (await synced.sync()).fetched == 0


async def test_a_linked_view_is_no_document_and_no_problem(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    home = space.add_page("Home", paragraph("Welcome."))
    space.add_database("Untitled", parent=home)
    report = await synced.sync()
    assert (await synced.titles(), report.missing, report.complete) == ({"Home"}, (), True)


async def test_rows_beyond_the_limit_of_a_query_are_read(synced: SyncedNotion) -> None:
    space, server = synced.notion.workspace, synced.notion.server
    source = space.source_of(space.add_database("Log", ("Log", {})))
    for number in range(25):
        space.add_page(f"Entry {number}", parent=source)
        space.wait(minutes=1)
    server.most_per_query, server.most_per_search, server.most_per_page = 10, 1, 4
    report = await synced.sync()
    assert report.indexed == 26
    assert len({title for title in await synced.titles() if title.startswith("Entry")}) == 25


async def test_rows_that_no_query_can_list_are_said_to_be_missing(synced: SyncedNotion) -> None:
    space, server = synced.notion.workspace, synced.notion.server
    source = space.source_of(space.add_database("Import", ("Import", {})))
    for number in range(25):
        space.unsearchable.add(space.add_page(f"Entry {number}", parent=source))
    server.most_per_query = 10
    report = await synced.sync()
    assert not report.complete
    assert report.reason is not None
    assert "'Import'" in report.reason


async def test_templates_are_left_out_by_name(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    source = space.source_of(space.add_database("Tasks", ("Tasks", {})))
    template = space.add_page("New task", paragraph("Fill me in."), parent=source)
    space.rows[source].remove(template)
    space.templates[source] = [template]
    report = await synced.sync()
    assert await synced.titles() == {"Tasks"}
    assert missing(report) == {plain(template): "a template of its database"}


async def test_a_configured_root_is_read_with_all_that_stands_in_it(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    root = space.add_page("Root", paragraph("Top."))
    child = space.add_page("Child", paragraph("Below."), parent=root)
    space.unsearchable |= {root, child}
    await synced.sync(roots=(f"https://www.notion.so/acme/Root-{plain(root)}?pvs=4",))
    assert await synced.titles() == {"Root", "Child"}


async def test_a_root_that_is_not_shared_is_named(synced: SyncedNotion) -> None:
    report = await synced.sync(roots=("b" * 32,))
    assert "share it with the connection" in missing(report)["b" * 32]


async def test_an_empty_page_is_skipped_by_name_and_not_read_twice(synced: SyncedNotion) -> None:
    page = synced.notion.workspace.add_page("Blank")
    first = await synced.sync()
    synced.requests()
    second = await synced.sync()
    assert missing(first) == missing(second) == {plain(page): "there is no text in it"}
    assert not any("/blocks/" in request for request in synced.requests())


async def test_an_unchanged_workspace_costs_lists_only_and_no_embedding(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    source = space.source_of(space.add_database("Tasks", ("Tasks", {})))
    for number in range(30):
        space.add_page(f"Row {number}", paragraph(f"Text {number}."), parent=source)
        space.add_page(f"Page {number}", paragraph(f"Words {number}."))
    await synced.sync()
    synced.requests()
    before = synced.embedded_count
    report = await synced.sync()
    assert (report.fetched, report.embedded_chunks, synced.embedded_count) == (0, 0, before)
    assert [request.split("/")[1] for request in synced.requests()] == ["users", "search", "search", "data_sources"]


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


async def test_a_new_address_of_the_same_file_changes_nothing(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page("Plan", block("image", None, caption=[run("The plan")], **hosted_file("plan.png")))
    await synced.sync()
    before = synced.embedded_count
    space.things[space.blocks_of(page)[0]].body["image"] |= hosted_file("plan.png", signature="2")
    space.touch(page)
    report = await synced.sync()
    assert (report.fetched, synced.embedded_count - before) == (1, 0)
    assert "Signature" not in await synced.text(page)


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


async def test_a_token_for_another_workspace_is_refused_before_anything_is_removed(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page("Pump", paragraph("Open the valve."))
    await synced.sync()
    space.set_shared(page, is_shared=False)
    space.workspace_id = "0" * 32
    report = await synced.sync()
    assert report.reason is not None
    assert "another Notion workspace" in report.reason
    assert await synced.titles() == {"Pump"}


async def test_people_known_by_id_only_are_looked_up_once(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    person = "0a0a0a0a-0000-4000-8000-000000000007"
    space.users[person] = {"object": "user", "id": person, "name": "Ana Silva", "type": "person"}
    source = space.source_of(space.add_database("Tasks", ("Tasks", {})))
    for title in ("One", "Two"):
        owner = {"Owner": value("people", [{"object": "user", "id": person}])}
        row = space.add_page(title, parent=source, properties=owner)
    await synced.sync()
    assert "Owner: Ana Silva" in await synced.text(row)
    assert sum(request.startswith("GET /users/0a0a") for request in synced.requests()) == 1


async def test_without_the_right_to_see_people_rows_are_read_without_their_names(synced: SyncedNotion) -> None:
    space, server = synced.notion.workspace, synced.notion.server
    server.hides_people = True
    source = space.source_of(space.add_database("Tasks", ("Tasks", {})))
    owner = {"Owner": value("people", [{"object": "user", "id": "0a0a0a0a-0000-4000-8000-000000000007"}])}
    row = space.add_page("One", parent=source, properties=owner)
    report = await synced.sync()
    assert (await synced.text(row), report.complete) == ("Database: Tasks", True)


async def test_more_references_than_a_page_holds_are_all_read(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    source = space.source_of(space.add_database("Tasks", ("Tasks", {})))
    others = [space.add_page(f"Part {number:02}", paragraph("Text.")) for number in range(30)]
    parts = {"Parts": value("relation", [{"id": each} for each in others], property_id="%3DMZV")}
    row = space.add_page("Assemble", parent=source, properties=parts)
    await synced.sync()
    assert await synced.text(row) == "Database: Tasks\nParts: " + ", ".join(f"Part {number:02}" for number in range(30))


async def test_mentioned_pages_are_links_between_documents(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    other = space.add_page("Other", paragraph("Text."))
    runs = [
        run("See "),
        mention("page", {"id": other}, plain_text="Other", href=f"https://www.notion.so/{plain(other)}"),
    ]
    page = space.add_page("Pump", paragraph(runs))
    connector = synced.notion.connector()
    given = {each.native_id: each async for each in connector.changes(None, known={}) if hasattr(each, "links")}
    await connector.close()
    assert given[plain(page)].links == (f"wiki:{plain(other)}",)


async def test_a_wrong_checkpoint_is_forgotten(synced: SyncedNotion) -> None:
    page = synced.notion.workspace.add_page("Pump", paragraph("Text."))
    await synced.sync()
    await synced.base.catalogue.sources.save_checkpoint("acme", "wiki", '{"waiting": 7, "databases": []}')
    report = await synced.sync()
    assert (report.fetched, await synced.ids()) == (0, {plain(page)})


async def test_a_refused_token_stops_the_source_and_keeps_the_index(synced: SyncedNotion) -> None:
    synced.notion.workspace.add_page("Pump", paragraph("Open the valve."))
    await synced.sync()
    synced.notion.server.token = "another"
    connector = synced.notion.connector(token="ntn_revoked")
    with pytest.raises(SourceError, match="FOOTNOTE_"):
        await anext(connector.changes(None, known={}))
    await connector.close()
    assert await synced.titles() == {"Pump"}
