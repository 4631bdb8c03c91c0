"""Syncs of a Notion workspace of 5,000 pages: what each costs in requests, reading and embedding."""

import asyncio
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest.report import SyncReport
from kb.wiring import KnowledgeBase
from tests.contract.notion.synced import SyncedNotion
from tests.factories import opened_base
from tests.fakes.notion import FakeNotion, notion_served
from tests.fakes.notion_json import block, heading, paragraph, value
from tests.fakes.notion_workspace import Workspace

TOP_PAGES = 500
PAGES_IN_EACH = 6
DATABASES = 15
ROWS_IN_EACH = 100
# One page in so many is left out by search.
OMITTED = 50


async def main() -> None:
    """Print the table."""
    with notion_served() as notion, tempfile.TemporaryDirectory() as directory:
        furnish(notion.workspace)
        async with opened_base(Path(directory)) as base:
            table = await measure(notion, base)
    Console().print(table)


def furnish(space: Workspace) -> None:
    """4,985 pages and rows in 15 databases."""
    for number in range(TOP_PAGES):
        top = space.add_page(f"Team {number}", *body(number))
        for inner in range(PAGES_IN_EACH):
            page = space.add_page(f"Page {number}-{inner}", *body(number * PAGES_IN_EACH + inner), parent=top)
            if (number * PAGES_IN_EACH + inner) % OMITTED == 0:
                space.unsearchable.add(page)
    for number in range(DATABASES):
        source = space.source_of(space.add_database(f"Log {number}", (f"Log {number}", {})))
        for row in range(ROWS_IN_EACH):
            status = {"Status": value("status", {"name": "Open" if row % 3 else "Done"})}
            space.add_page(f"Entry {number}-{row}", *body(number * row), parent=source, properties=status)


def body(number: int) -> list[dict[str, object]]:
    """Some sections with something nested."""
    return [
        paragraph(f"Pump {number} stands in hall {number % 7}."),
        heading("Start"),
        paragraph(f"Open valve {number} and wait for {number % 60} seconds."),
        heading("Stop"),
        block("toggle", "When it is hot", paragraph(f"Wait until it is below {20 + number % 50} degrees.")),
    ]


async def measure(notion: FakeNotion, base: KnowledgeBase) -> Table:
    """One row a sync. The last column: how long the requests take at the default pace, by the client's own clock."""
    synced = SyncedNotion(notion, base)
    space = notion.workspace
    pages = [each for each in space.things.values() if each.kind == "page" and each.parent["type"] == "page_id"]
    edited, trashed, unshared, moved = (pages[place].id for place in (10, 20, 30, 40))
    table = Table("sync", "requests", "read", "embedded", "removed", "indexed", "minutes at 2.5/s")
    first = await add_row(table, "from empty", synced)
    if not first.complete or first.missing:
        raise AssertionError("the first sync is not complete")
    unchanged = await add_row(table, "unchanged", synced)
    if unchanged.embedded_chunks or unchanged.fetched:
        raise AssertionError("an unchanged workspace was read again")
    space.edit_block(space.blocks_of(edited)[0], "The pump was moved.")
    await add_row(table, "one paragraph edited", synced)
    space.trash(trashed)
    await add_row(table, "one page trashed", synced)
    space.restore(trashed)
    await add_row(table, "… and restored", synced)
    space.set_shared(unshared, is_shared=False)
    await add_row(table, "one page no longer shared", synced)
    space.move(moved, pages[-1].id)
    await add_row(table, "one page moved", synced)
    await add_row(table, "another audience", synced, audience=("group:staff",))
    table.title = f"{first.indexed} pages, rows and databases, {len(space.unsearchable)} of them omitted by search"
    return table


async def add_row(table: Table, name: str, synced: SyncedNotion, **keys: object) -> SyncReport:
    """Sync, and say what it took."""
    started = synced.notion.time.now
    report = await synced.sync(**keys)
    minutes = (synced.notion.time.now - started) / 60
    counts = (report.requests, report.fetched, report.embedded_chunks, report.removed, report.indexed)
    table.add_row(name, *map(str, counts), f"{minutes:.1f}")
    return report


if __name__ == "__main__":
    asyncio.run(main())
