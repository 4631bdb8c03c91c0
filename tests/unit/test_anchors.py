"""Links lead to the very block that holds a quote, through lists, quotes and sections."""

from dataclasses import replace
from datetime import UTC, datetime

from app.answering.citing import FootnoteList, link_to_quote
from app.answering.types import Passage
from app.answering.units import units_of
from ingest.parsing.blocks import ListItem, list_block, quote_block
from ingest.parsing.sections import SectionBuilder
from kb.access import Audience
from kb.documents import Block, Document, Section

URL = "https://wiki.example/page"


def paragraph(text: str, native_id: str = "") -> Block:
    return Block(kind="paragraph", text=text, native_id=native_id)


def make_section(*blocks: Block | None) -> Section:
    builder = SectionBuilder(url=URL, title="Page")
    for block in blocks:
        assert block is not None
        builder.add(block)
    (section,) = builder.build().sections
    return section


def make_passage(section: Section) -> Passage:
    return Passage(
        tenant="acme",
        document_id="wiki:page",
        revision=1,
        section_ordinal=0,
        title="Page",
        heading_path=section.heading_path,
        url=section.url,
        text=section.text,
        source="wiki",
        space="wiki",
        updated_at=datetime(2026, 4, 14, tzinfo=UTC),
        is_outdated=False,
        score=1,
        dense=1,
        anchors=section.anchors,
    )


def make_document(section: Section) -> Document:
    return Document(
        tenant="acme",
        source_id="wiki",
        native_id="page",
        space="wiki",
        title="Page",
        url=URL,
        version="1",
        updated_at=datetime(2026, 4, 14, tzinfo=UTC),
        audience=Audience.of(["everyone"]),
        sections=(section,),
    )


def nested_list() -> Block | None:
    inner = list_block([ListItem(blocks=[paragraph("Spare key\nin the safe", "b1")], number=1)])
    assert inner is not None
    return list_block(
        [
            ListItem(blocks=[paragraph("Front door\nwest side", "a"), inner]),
            ListItem(),
            ListItem(blocks=[paragraph("Back door", "c")]),
        ]
    )


def test_every_item_of_a_nested_list_has_its_own_anchor() -> None:
    section = make_section(paragraph("Where the keys are:", "lead"), nested_list())
    starts = {native_id: section.text[offset:].split("\n")[0] for offset, native_id in section.anchors}
    assert starts == {
        "lead": "Where the keys are:",
        "a": "- Front door",
        "b1": "  1. Spare key",
        "c": "- Back door",
    }


def test_a_quote_of_an_item_opens_that_item() -> None:
    passage = make_passage(make_section(nested_list()))
    (unit,) = [unit for unit in units_of(passage.text) if unit.quote.startswith("Spare key")]
    footnotes = FootnoteList()
    footnotes.cite("The key is in the safe.", passage, unit)
    assert footnotes.citations[0].url == f"{URL}#b1"


def test_blocks_inside_a_quote_keep_their_anchors() -> None:
    section = make_section(quote_block([paragraph("Beware", "q1"), paragraph("of the dog", "q2")]))
    assert section.text == "> Beware\n>\n> of the dog"
    assert section.anchors == ((0, "q1"), (11, "q2"))


def test_a_block_without_an_id_among_others_means_the_page() -> None:
    passage = make_passage(make_section(paragraph("Status: Done"), paragraph("It works.", "p")))
    assert [link_to_quote(passage, quote) for quote in ("Status: Done", "It works.")] == [URL, f"{URL}#p"]


def test_without_block_ids_a_citation_opens_its_section() -> None:
    passage = replace(make_passage(make_section(paragraph("It works."))), url=f"{URL}#heading")
    assert link_to_quote(passage, "It works.") == f"{URL}#heading"


def test_another_block_id_is_another_document_with_the_same_text_to_embed() -> None:
    before, after = (make_section(paragraph("It works.", native_id)) for native_id in ("old", "new"))
    assert make_document(before).fingerprint != make_document(after).fingerprint
    assert before.fingerprint == after.fingerprint
