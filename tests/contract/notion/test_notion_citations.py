"""Every citation of a Notion page opens the block that holds its quote."""

import re

import pytest

from app.answering.answerer import Answerer
from app.answering.citing import FootnoteList
from app.answering.evidence import EvidenceFinder
from app.answering.retrieval import HybridRetriever
from app.answering.types import Citation, Passage, Question
from app.answering.units import units_of
from app.chat_models.scripted import Config, build
from app.settings import AnsweringTable
from kb.access import Principal
from kb.catalogue.records import StoredSection
from kb.http import HttpClients
from tests.contract.notion.synced import SyncedNotion, plain
from tests.factories import TENANT
from tests.fakes.notion_json import block, heading, paragraph, run, table, value
from tests.fakes.notion_workspace import Workspace
from tests.unit.notion_goldens import BLOCKS

pytestmark = pytest.mark.integration

WORD = re.compile(r"\w+")


def furnish(space: Workspace) -> None:
    """A page of every kind of block, and a handbook."""
    for kind, (blocks, _) in BLOCKS.items():
        space.add_page(f"All about {kind}", paragraph(f"What follows is {kind}."), *blocks)
    steps = [block("numbered_list_item", f"Step {number}: turn valve {number}.") for number in range(1, 6)]
    space.add_page(
        "Pump manual",
        heading("Start"),
        paragraph([run("Open the inlet valve. "), run("Wait for the green lamp.", bold=True)]),
        heading("Stop", level=2),
        *steps,
        block(
            "callout", "Never stop it above 40 °C.", paragraph("It would seize."), icon={"type": "emoji", "emoji": "⚠️"}
        ),
        table(["Lamp", "Meaning"], ["red", "stop at once"], ["green", "ready to pump"]),
        block("code", "pump --stop\npump --status", language="bash"),
        block("to_do", "Write it down in the log.", checked=False),
    )
    source = space.source_of(space.add_database("Pumps", ("Pumps", {})))
    row = {"Status": value("status", {"name": "In repair"}), "Depth": value("number", 12)}
    space.add_page("Pump nine", paragraph("Its seal is worn."), parent=source, properties=row)


def passage_of(section: StoredSection) -> Passage:
    return Passage(
        tenant=TENANT,
        document_id=section.document_id,
        revision=section.revision,
        section_ordinal=section.ordinal,
        title=section.title,
        heading_path=section.heading_path,
        url=section.url,
        text=section.text,
        source=section.source_id,
        space=section.space,
        updated_at=section.updated_at,
        is_outdated=False,
        score=1,
        dense=1,
        anchors=section.anchors,
    )


def said_by(space: Workspace, native_id: str) -> str:
    """All that a block and what is inside it hold, as the API gives it."""
    thing = next(each for each in space.things.values() if plain(each.id) == native_id)
    inside = " ".join(said_by(space, plain(each)) for each in thing.children)
    original = thing.body.get("synced_block", {}).get("synced_from")
    copied = said_by(space, plain(original["block_id"])) if original and original["block_id"] in space.things else ""
    # A row's page shows which database it is in.
    around = (
        space.things[thing.parent["database_id"]].body if thing.kind == "page" and "database_id" in thing.parent else ""
    )
    columns = [space.things[source["id"]].body for source in thing.body.get("data_sources", [])]
    return f"{thing.body} {inside} {copied} {around} {columns}"


def holds(space: Workspace, citation: Citation) -> bool:
    """Does the block that a citation opens hold every word of its quote?"""
    page, _, fragment = citation.url.partition("#")
    assert page.startswith("https://www.notion.so/")
    page_id = citation.document_id.partition(":")[2]
    assert page.endswith(page_id)
    said = said_by(space, fragment or page_id)
    # Words that stand for what a block is, not for what it says.
    added = {"Page", "Database", "Image", "Video", "Audio", "PDF", "File", "yes", "no"}
    return all(word in said or word in added for word in WORD.findall(citation.quote))


async def test_every_quote_of_every_block_opens_the_block_that_holds_it(synced: SyncedNotion) -> None:
    furnish(synced.notion.workspace)
    report = await synced.sync()
    assert report.complete
    checked = 0
    for native_id in await synced.ids():
        for section in await synced.sections(native_id):
            passage = passage_of(section)
            for unit in units_of(passage.text):
                footnotes = FootnoteList()
                footnotes.cite("", passage, unit)
                (citation,) = footnotes.citations
                assert holds(synced.notion.workspace, citation), citation
                assert "#" in citation.url or unit.quote.startswith(("Status", "Depth", "Database", "- ", "Name")), (
                    citation
                )
                checked += 1
    assert checked > 100


async def test_an_answers_citations_open_their_blocks(synced: SyncedNotion) -> None:
    space = synced.notion.workspace
    furnish(space)
    await synced.sync()
    answerer = Answerer(
        HybridRetriever(synced.base.catalogue, synced.base.index, synced.base.embedder, link_base=""),
        EvidenceFinder(synced.base.embedder),
        build(Config(), data_dir=synced.base.settings.data_dir, http=HttpClients()),
        settings=AnsweringTable(mode="strict", answerable_above=0),
        max_question_bytes=1000,
    )
    principal = Principal(tenant=TENANT, email=None)
    opened = {}
    for question in (
        "How do I stop the pump, step by step?",
        "What does the green lamp mean?",
        "What is the status of pump nine?",
    ):
        answer = await answerer.answer(Question(text=question), principal)
        assert answer.citations
        assert [citation for citation in answer.citations if not holds(space, citation)] == []
        opened |= {citation.quote: citation.url.partition("#")[2] for citation in answer.citations}
    steps = {plain(each) for each in space.things if "Step 3" in str(space.things[each].body)}
    assert {opened[quote] for quote in opened if quote.startswith("Step 3")} <= steps


async def test_every_section_opens_its_heading_or_first_block(synced: SyncedNotion) -> None:
    furnish(synced.notion.workspace)
    await synced.sync()
    ids = {plain(each) for each, thing in synced.notion.workspace.things.items() if thing.kind == "block"}
    for native_id in await synced.ids():
        for section in await synced.sections(native_id):
            fragment = section.url.partition("#")[2]
            assert fragment in ids or (
                not section.heading_path and section.text.startswith(("Database: ", "- Name"))
            ), section.url
