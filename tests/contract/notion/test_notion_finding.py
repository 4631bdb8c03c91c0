"""What a Notion source finds: pages that search omits, rows, databases, roots; and what it takes to be set up."""

import pytest

from ingest.connectors import notion
from kb.errors import ConfigError, SourceError
from kb.plugins import configure
from tests.contract.notion.synced import SyncedNotion, missing, plain
from tests.fakes.notion_json import block, paragraph, value

pytestmark = pytest.mark.integration


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


async def test_rows_are_found_through_one_of_them_that_search_lists(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    database = space.add_database("Company", ("People", {}))
    source = space.source_of(database)
    space.unsearchable |= {source, space.add_page("Ana", parent=source)}
    space.add_page("Bo", parent=source)
    await synced.sync()
    assert await synced.titles() == {"Company", "Ana", "Bo"}


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


async def test_pages_beyond_those_whose_properties_are_kept_are_asked_for_again(
    synced: SyncedNotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.connectors.notion_discovery.MOST_KEPT", 1)
    source = synced.notion.workspace.source_of(synced.notion.workspace.add_database("Tasks", ("Tasks", {})))
    rows = [
        synced.notion.workspace.add_page(title, parent=source, properties={"Effort": value("number", 3)})
        for title in ("One", "Two", "Three")
    ]
    await synced.sync()
    assert {await synced.text(row) for row in rows} == {"Database: Tasks\nEffort: 3"}


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


async def test_the_doctor_is_told_whose_connection_it_is(synced: SyncedNotion) -> None:
    connector = synced.notion.connector()
    assert (
        await connector.verify()
        == "signed in to Acme as Footnote; search lists no page: share some with the connection"
    )
    synced.notion.workspace.add_page("Pump", paragraph("Text."))
    assert (await connector.verify()).endswith("pages are shared with it")
    await connector.close()


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"token": "ntn_x"}, "audience"),
        ({"token": "ntn_x", "audience": []}, "audience"),
        ({"token": "  ", "audience": ["everyone"]}, "FOOTNOTE_<ID>_TOKEN"),
        ({"audience": ["everyone"]}, "FOOTNOTE_<ID>_TOKEN"),
        ({"token": "ntn_x", "audience": ["everyone"], "base_url": "ftp://x"}, "base_url"),
    ],
)
def test_a_source_that_is_not_set_up_says_what_to_do(keys: dict[str, object], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        configure(notion, keys, where="[[sources]] handbook")
