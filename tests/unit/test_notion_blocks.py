"""Notion's blocks, rich text and properties as light Markdown."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsing.notion_blocks import ParsedBlocks, parse_blocks
from ingest.parsing.notion_json import id_in_link
from ingest.parsing.notion_leaves import NotionBlock
from ingest.parsing.notion_properties import number_text, property_labels, property_lines, property_text, title_of
from ingest.parsing.notion_rich_text import NotionNames, prose
from tests.fakes.notion_json import Json, block, heading, paragraph, run, runs, table, value
from tests.unit.notion_goldens import BLOCKS, PEOPLE, PROPERTIES, RUNS, TITLES

URL = "https://www.notion.so/Page-aaaa"
NAMES = NotionNames(titles=TITLES, people=PEOPLE)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "notion.md"
# The block types of the API, version 2026-03-11, and one that an older version names otherwise.
KINDS = set(
    "paragraph heading_1 heading_2 heading_3 heading_4 bulleted_list_item numbered_list_item to_do toggle quote "
    "callout code equation divider table table_row column_list column tab synced_block child_page child_database "
    "link_to_page bookmark embed link_preview image video audio pdf file meeting_notes transcription template "
    "breadcrumb table_of_contents unsupported".split()
)


def tree(blocks: list[Json], *, start: int = 1) -> list[NotionBlock]:
    """Blocks with ids counted in reading order, from 1."""
    made = []
    for each in blocks:
        node = NotionBlock(id=f"{start:032x}", kind=each["type"], payload=each[each["type"]])
        node.children = tree(each["children"], start=start + 1)
        start += 1 + count(each["children"])
        made.append(node)
    return made


def count(blocks: list[Json]) -> int:
    return sum(1 + count(each["children"]) for each in blocks)


def parse(*blocks: Json, facts: tuple[str, ...] = ()) -> ParsedBlocks:
    return parse_blocks(tree(list(blocks)), url=URL, title="Page", names=NAMES, facts=facts)


def written(parsed: ParsedBlocks) -> str:
    sections = (
        f"[{' › '.join(section.heading_path)}]\n{section.text}" if section.heading_path else section.text
        for section in parsed.page.sections
    )
    return "\n\n".join(sections)


def rows_of(heading_text: str) -> set[str]:
    """The first column of the table under a heading of the page."""
    part = DOCS.read_text(encoding="utf-8").partition(f"### {heading_text}\n")[2].partition("\n#")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return {name for cell in cells[1:] for name in re.findall(r"`([^`]+)`", cell) or [cell.strip()]}


@pytest.mark.parametrize("kind", BLOCKS)
def test_a_block_becomes_what_its_row_says(kind: str) -> None:
    blocks, text = BLOCKS[kind]
    assert written(parse(*blocks)) == text


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_becomes_what_its_row_says(kind: str) -> None:
    given_runs, text = RUNS[kind]
    assert prose(given_runs, NAMES) == text


@pytest.mark.parametrize("kind", PROPERTIES)
def test_a_property_becomes_what_its_row_says(kind: str) -> None:
    given_value, text = PROPERTIES[kind]
    assert property_text(given_value, NAMES) == text


@pytest.mark.parametrize(
    ("table_name", "goldens"), [("Blocks", BLOCKS), ("Rich text", RUNS), ("Properties", PROPERTIES)]
)
def test_every_row_of_the_documentation_has_its_golden(table_name: str, goldens: dict[str, object]) -> None:
    assert rows_of(table_name) == set(goldens)


def test_every_block_type_of_the_api_has_a_row() -> None:
    assert set(BLOCKS) - {"anything else"} == KINDS


def test_what_has_no_text_is_counted_by_type() -> None:
    parsed = parse(
        block("unsupported", block_type="button"),
        block("unsupported", block_type="button"),
        block("unsupported"),
        block("hologram"),
        block("link_to_page", type="page_id", page_id="d" * 32),
    )
    assert parsed.left_out == {"button": 2, "unsupported": 1, "hologram": 1, "link_to_page without a title": 1}


def test_a_copy_of_what_is_not_shared_is_counted() -> None:
    node = NotionBlock(id="1", kind="synced_block", payload={"synced_from": {"block_id": "x"}}, is_unread=True)
    parsed = parse_blocks([node], url=URL, title="Page", names=NAMES)
    assert (parsed.page.sections, parsed.left_out) == ((), {"synced copy of what is not shared": 1})


def test_a_section_links_to_its_headings_block() -> None:
    (section,) = parse(heading("A"), paragraph("x")).page.sections
    assert section.url == f"{URL}#{1:032x}"


def test_the_part_before_any_heading_links_to_its_first_block() -> None:
    assert parse(paragraph("x")).page.sections[0].url == f"{URL}#{1:032x}"


def test_properties_stand_before_the_blocks_and_link_to_the_page() -> None:
    (section,) = parse(paragraph("x"), facts=("Status: Done", "Owner: Ana")).page.sections
    assert (section.text, section.url) == ("Status: Done\nOwner: Ana\n\nx", URL)
    assert section.anchors == ((0, ""), (25, f"{1:032x}"))


def test_every_block_of_a_section_has_an_anchor_where_it_begins() -> None:
    parsed = parse(
        paragraph("one"),
        block("bulleted_list_item", "two", block("numbered_list_item", "three", paragraph("four"))),
        block("quote", "five", block("to_do", "six", checked=True)),
        table(["seven", "eight"]),
    )
    (section,) = parsed.page.sections
    starts = [section.text[offset:].split("\n")[0] for offset, _ in section.anchors]
    ids = [int(native_id, 16) for _, native_id in section.anchors]
    assert starts == ["one", "- two", "  1. three", "     four", "> five", "> - [x] six", "| seven | eight |"]
    # The table's own id: its rows cannot be linked to.
    assert ids == [1, 2, 3, 4, 5, 6, 7]


def test_what_a_synced_copy_shows_links_to_the_copy() -> None:
    copied = block(
        "synced_block", None, heading("A"), paragraph("x"), heading("B"), paragraph("y"), synced_from={"block_id": "z"}
    )
    parsed = parse(copied)
    assert {section.url for section in parsed.page.sections} == {f"{URL}#{1:032x}"}
    assert {native_id for section in parsed.page.sections for _, native_id in section.anchors} == {f"{1:032x}"}
    assert len({section.id for section in parsed.page.sections}) == 2


def test_a_heading_in_a_list_or_quote_is_text() -> None:
    assert written(parse(block("quote", "", heading("A"), paragraph("x")))) == "> A\n>\n> x"


def test_a_parents_text_comes_before_what_is_inside() -> None:
    inside = [
        block(kind, kind, paragraph(f"in {kind}")) for kind in ("toggle", "quote", "callout", "bulleted_list_item")
    ]
    text = written(parse(*inside))
    for each in inside:
        assert text.index(each["type"]) < text.index(f"in {each['type']}")


def test_a_table_of_any_length_keeps_its_rows() -> None:
    rows = [["n", "square"], *([str(number), str(number**2)] for number in range(101))]
    assert len(written(parse(table(*rows))).split("\n")) == 103


def test_nesting_of_any_depth_keeps_its_text() -> None:
    node = NotionBlock(id="1", kind="paragraph", payload={"rich_text": runs("bottom")})
    for kind in ("toggle", "bulleted_list_item", "quote", "column", "hologram") * 400:
        node = NotionBlock(id="1", kind=kind, payload={}, children=[node])
    assert "bottom" in written(parse_blocks([node], url=URL, title="Page", names=NAMES))


def test_invisible_characters_are_dropped_and_line_separators_are_line_ends() -> None:
    assert written(parse(paragraph("ig\u200bnore\u2028all\U000e0041"))) == "ignore\nall"


def test_an_empty_row_of_properties_makes_no_line() -> None:
    properties = {"B": value("select", None), "A": value("checkbox", True), "Name": value("title", runs("Row"))}
    assert property_lines(properties, NAMES, formats={}) == ["A: yes"]


def test_the_title_is_found_whatever_it_is_called() -> None:
    assert title_of({"ページ": value("title", runs("Row"))}, NAMES) == "Row"
    assert title_of({"Name": value("title", [])}, NAMES) == "Untitled"


@pytest.mark.parametrize(
    ("number", "number_format", "text"),
    [
        (0.25, "percent", "25 %"),
        (1200, "euro", "1200 EUR"),
        (3.5, "singapore_dollar", "3.5 singapore dollar"),
        (1e6, "number_with_commas", "1000000"),
        (None, "number", ""),
        (True, "number", ""),
    ],
)
def test_a_number_is_written_as_its_column_shows_it(number: object, number_format: str, text: str) -> None:
    assert number_text(number, number_format) == text


def test_choices_people_and_days_are_labels() -> None:
    properties = {
        "Status": value("status", {"name": "Done"}),
        "Tags": value("multi_select", [{"name": "a"}, {"name": "b"}]),
        "Owner": value("people", [{"id": "1", "name": "Bo"}]),
        "Due": value("date", {"start": "2026-03-02T09:00:00.000Z", "end": None}),
        "Effort": value("number", 3),
    }
    assert property_labels(properties, NAMES) == ("Due: 2026-03-02", "Owner: Bo", "Status: Done", "Tags: a", "Tags: b")


@pytest.mark.parametrize(
    "link",
    [
        "https://www.notion.so/acme/Title-0123456789abcdef0123456789abcdef?pvs=4#ffffffffffffffffffffffffffffffff",
        "https://app.notion.com/p/0123456789abcdef0123456789abcdef",
        "https://acme.notion.site/01234567-89ab-cdef-0123-456789abcdef",
        "https://www.notion.so/acme/ffffffffffffffffffffffffffffffff?v=eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee&p=0123456789abcdef0123456789abcdef&pm=s",
        "/0123456789abcdef0123456789abcdef",
    ],
)
def test_the_page_is_found_in_a_link_of_any_form(link: str) -> None:
    assert id_in_link(link) == "0123456789abcdef0123456789abcdef"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("rich_text type id title cells name url mention user plain_text".split()), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS | {"hologram"})), JUNK), max_size=6))
def test_no_shape_of_a_block_is_too_strange(blocks: list[tuple[str, object]]) -> None:
    nodes = [
        NotionBlock(id=f"{place:032x}", kind=kind, payload=payload if isinstance(payload, dict) else {})
        for place, (kind, payload) in enumerate(blocks)
    ]
    parsed = parse_blocks(nodes, url=URL, title="Page", names=NAMES)
    for section in parsed.page.sections:
        assert [offset for offset, _ in section.anchors] == sorted({offset for offset, _ in section.anchors})


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PROPERTIES)), JUNK)
def test_no_shape_of_a_property_is_too_strange(kind: str, junk: object) -> None:
    assert isinstance(property_text({"type": kind, kind: junk}, NAMES), str)


def test_runs_join_without_spaces_or_lines() -> None:
    assert prose([run("un"), run("believ", bold=True), run("able")], NAMES) == "unbelievable"
