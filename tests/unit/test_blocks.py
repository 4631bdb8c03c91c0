"""Answers as blocks: light Markdown is parsed here, and what could be an address or markup stays text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocks import Block, blocks_of


def kinds(text: str) -> list[str]:
    return [block.kind for block in blocks_of(text)]


def words(block: Block) -> str:
    spans = [*block.spans, *(span for row in block.rows for cell in row for span in cell)]
    return "".join(span.text for span in spans)


def test_emphasis_and_code_are_spans() -> None:
    (block,) = blocks_of("**Press** `Ctrl+C` and *wait*.")
    assert [(span.kind, span.text) for span in block.spans] == [
        ("strong", "Press"),
        ("text", " "),
        ("code", "Ctrl+C"),
        ("text", " and "),
        ("emphasis", "wait"),
        ("text", "."),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Plain words.", "paragraph"),
        ("- one\n- two", "list"),
        ("1. one\n2. two", "list"),
        ("| a | b |\n| --- | --- |\n| 1 | 2 |", "table"),
        ("```sh\nmake test\n```", "code"),
        ("make setup\nmake test", "code"),
    ],
)
def test_a_text_is_what_it_looks_like(text: str, kind: str) -> None:
    assert kinds(text) == [kind]


def test_a_tables_cells_are_in_rows() -> None:
    (table,) = blocks_of("| a | b |\n| --- | --- |\n| 1 | **2** |")
    assert [[cell[0].text for cell in row] for row in table.rows] == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize(
    "text",
    [
        "[x](http://evil.test)",
        "![x](http://evil.test/p)",
        "<http://evil.test>",
        "<b onclick=x>y</b>",
        "[a]: http://e.test",
    ],
)
def test_links_images_and_markup_are_text(text: str) -> None:
    assert [words(block) for block in blocks_of(text)] == [text]


@given(st.text(max_size=300))
def test_any_text_has_blocks_that_show_nothing_it_does_not_say(text: str) -> None:
    shown = "".join(words(block) for block in blocks_of(text))
    # What CommonMark puts for NUL.
    assert not set(re.sub(r"\s", "", shown)) - set(text) - {"\ufffd"}
    assert bool(shown.strip()) or not re.search(r"[^\W\d_]{2}", text)
