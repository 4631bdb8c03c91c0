"""What is read with a Notion page: people, references, synced copies, meeting notes; and what has no text."""

from tests.contract.notion.synced import SyncedNotion, plain
from tests.fakes.notion_json import block, hosted_file, mention, paragraph, run, value


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


async def test_what_has_no_text_is_in_the_report_by_kind(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    for title in ("One", "Two"):
        space.add_page(title, paragraph("Text."), block("unsupported", block_type="button"), block("ai_block"))
    report = await synced.sync()
    assert report.left_out == {"button": 2, "ai_block": 2}
    assert "  without text here: ai_block (2), button (2)" in report.lines()


async def test_a_copy_that_only_its_original_answers_for_is_read(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    original = space.add_page("Rules", block("synced_block", None, paragraph("Wear boots."), synced_from=None))
    source = {"type": "block_id", "block_id": space.blocks_of(original)[0]}
    copy = space.add_page("Hall", block("synced_block", None, synced_from=source))
    synced.notion.server.only_original_is_served = True
    await synced.sync()
    assert await synced.text(copy) == "Wear boots."


async def test_a_copy_of_what_is_not_shared_does_not_stop_its_page(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    original = space.add_page("Rules", block("synced_block", None, paragraph("Wear boots."), synced_from=None))
    source = {"type": "block_id", "block_id": space.blocks_of(original)[0]}
    copy = space.add_page("Hall", paragraph("Hall seven."), block("synced_block", None, synced_from=source))
    space.set_shared(original, is_shared=False)
    report = await synced.sync()
    assert (await synced.text(copy), report.complete) == ("Hall seven.", True)
    assert report.left_out == {"synced copy of what is not shared": 1}


async def test_a_copy_inside_itself_ends(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page("Loop", block("synced_block", None, paragraph("Round."), synced_from=None))
    original = space.blocks_of(page)[0]
    space.write(
        original,
        paragraph("Round."),
        block("synced_block", None, synced_from={"type": "block_id", "block_id": original}),
    )
    await synced.sync()
    assert "Round." in await synced.text(page)


async def test_meeting_notes_are_read_through_their_parts(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    page = space.add_page(
        "Weekly", block("toggle", "s", paragraph("We agreed.")), block("toggle", "t", paragraph("Er, yes."))
    )
    summary, transcript = space.blocks_of(page)
    parts = {"summary_block_id": summary, "notes_block_id": None, "transcript_block_id": transcript}
    notes = space.add_page(
        "Notes", block("meeting_notes", None, title=[run("Weekly")], children=parts, status="notes_ready")
    )
    await synced.sync()
    assert await synced.text(notes) == "We agreed."
    await synced.sync(transcripts=True)
    assert await synced.text(notes) == "We agreed.\n\nEr, yes."
