"""Real answers of Notion's API: nothing in them stops the parser, and everything has a text or is counted."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote

import pytest

from app.answering.units import units_of
from ingest.connectors.notion_records import found_database, found_page
from ingest.parsing.notion_blocks import parse_blocks
from ingest.parsing.notion_databases import column_lines
from ingest.parsing.notion_json import plain_id, text_at
from ingest.parsing.notion_leaves import SILENT, NotionBlock
from ingest.parsing.notion_properties import property_labels, property_lines, property_text
from ingest.parsing.notion_rich_text import NotionNames, prose

CAPTURES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "notion"
FILES = sorted(CAPTURES.glob("*.json"))
NAMES = NotionNames()
DATES = re.compile(r"\d{4}")

pytestmark = pytest.mark.skipif(not FILES, reason="the captures are not here")


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object of a capture, outermost first."""
    waiting = [value]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, dict):
            yield each
            waiting += list(each.values())
        elif isinstance(each, list):
            waiting += each


def answers(file: Path) -> Iterator[dict[str, Any]]:
    """Every JSON object of a capture's answers; what was sent is left out."""
    capture = json.loads(file.read_text(encoding="utf-8"))
    exchanges = capture if isinstance(capture, list) else [capture]
    for exchange in exchanges:
        response = exchange.get("response") if isinstance(exchange, dict) else None
        yield from objects(response["body"] if response else exchange)


def node_of(block: dict[str, Any]) -> NotionBlock:
    """A block with the children that some captures hold inside it."""
    payload = block.get(block["type"]) or {}
    places = (payload.get("children"), payload.get("columns"), block.get("children"))
    inside = next((each for each in places if isinstance(each, list)), [])
    children = [node_of(each) for each in inside if isinstance(each, dict) and "type" in each]
    return NotionBlock(id=plain_id(block.get("id")), kind=block["type"], payload=payload, children=children)


def blocks_of(file: Path) -> list[dict[str, Any]]:
    return [each for each in answers(file) if each.get("object") == "block" and isinstance(each.get("type"), str)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_block_is_read_or_counted(file: Path) -> None:
    for block in blocks_of(file):
        parsed = parse_blocks([node_of(block)], url="https://www.notion.so/x", title="Page", names=NAMES)
        # One exporter copies the original into the copy's payload, which the API does not.
        payload = {name: value for name, value in (block.get(block["type"]) or {}).items() if name != "synced_from"}
        words = [
            run.get("plain_text", "")
            for each in objects(payload)
            for run in each.get("rich_text", []) or []
            if isinstance(run, dict) and run.get("type") == "text"
        ]
        said = " ".join([" ".join((*section.heading_path, section.text)) for section in parsed.page.sections])
        has_words = any(word.strip() for word in words)
        assert said.strip() or parsed.left_out or not has_words or block["type"] in SILENT
        assert not any(letter in said for letter in ("X-Amz-", "\u2028"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_rich_text_joins_as_notion_shows_it(file: Path) -> None:
    for each in answers(file):
        given = each.get("rich_text")
        if not isinstance(given, list) or not all(isinstance(run, dict) and "plain_text" in run for run in given):
            continue
        if all(run["type"] == "text" and not marked(run) for run in given):
            shown = "".join(run["plain_text"] for run in given)
            assert prose(given, NAMES).split() == shown.replace("\u200b", "").split()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_page_row_and_database_is_read(file: Path) -> None:
    for each in answers(file):
        if each.get("object") == "page" and "url" in each:
            found = found_page(each)
            assert found is not None
            assert found.title
            assert found.edited
            lines = property_lines(each["properties"], NAMES, formats={})
            assert not any("None" in line or "{'" in line for line in lines)
            property_labels(each["properties"], NAMES)
        if each.get("object") == "data_source" and "properties" in each:
            assert found_database("a" * 32, {"b" * 32: each}).title
            assert len(column_lines(each)) == len(each["properties"])


def test_every_property_value_that_says_something_becomes_a_line() -> None:
    silent: Counter[str] = Counter()
    for file in FILES:
        for page in (each for each in answers(file) if each.get("object") == "page" and "url" in each):
            for value in page["properties"].values():
                kind = value.get("type")
                said = value.get(kind)
                if said not in (None, [], {}, "") and not property_text(value, NAMES):
                    silent[kind] += 1
    # Titles are the document's own, times its metadata, relations need the other pages, nested values may be empty.
    assert set(silent) <= set(
        "title created_time last_edited_time relation button formula rollup people created_by last_edited_by "
        "verification rich_text".split()
    )


def test_the_captures_hold_nearly_every_block_type() -> None:
    kinds = Counter(block["type"] for file in FILES for block in blocks_of(file))
    assert len(kinds) >= 33
    assert sum(kinds.values()) > 600


def test_every_quote_of_a_real_page_opens_the_block_that_holds_it() -> None:
    checked = 0
    for file in FILES:
        blocks = {plain_id(each.get("id")): each for each in blocks_of(file)}
        top = [each for each in blocks.values() if text_at(each, "parent", "type") in {"page_id", ""}]
        parsed = parse_blocks([node_of(each) for each in top], url="https://www.notion.so/x", title="Page", names=NAMES)
        for section in parsed.page.sections:
            for unit in units_of(section.text):
                start = section.text.index(unit.quote)
                opened = [native_id for offset, native_id in section.anchors if offset <= start][-1]
                words = re.findall(r"\w{4,}", unit.quote.split("](")[0])
                said = normalize("NFC", unquote(json.dumps(blocks[opened], ensure_ascii=False)))
                added = {"Page", "Database", "Image", "Video", "Audio", "File", *DATES.findall(unit.quote)}
                assert [word for word in words if word not in said and word not in added] == []
                checked += 1
    assert checked > 300


def marked(run: dict[str, Any]) -> bool:
    marks = run.get("annotations", {})
    return bool(marks.get("code") or marks.get("strikethrough"))
