"""Pages made to be slow or huge: the work grows with their size and not with its square, and their text is kept."""

import sys
from collections.abc import Callable
from itertools import zip_longest
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunking import chunk_document
from ingest.parsing.html import parse_html
from ingest.parsing.markdown import parse_markdown
from kb.embedders.hashing import Config, HashingEmbedder
from tests.factories import make_page

# A page twice as long may take this many times the function calls; work that grows with the square takes four times.
MOST_GROWTH = 2.8
SIZE = 2000
# Spans are filled in up to 200,000 cells; nothing else writes much more than was read.
MOST_CHARACTERS = 1_000_000

MARKDOWN: dict[str, Callable[[int], str]] = {
    "brackets": lambda size: "[" * size,
    "links never closed": lambda size: "[a](" * (size // 4),
    "emphasis never closed": lambda size: "*a _b " * (size // 6),
    "code marks": lambda size: "`x` " * (size // 4),
    "struck words": lambda size: "~~a~~ " * (size // 6),
    "back ticks of all lengths": lambda size: "".join("`" * (number % 50 + 1) + " " for number in range(size // 26)),
    "tags never closed": lambda size: "<b> x " * (size // 6),
    "comments never closed": lambda size: "x <!-- " * (size // 7),
    "quotes in quotes": lambda size: "> " * (size // 2) + "x\n",
    "a list in a list": lambda size: "".join(
        f"{'  ' * (depth % 100)}- level {depth}\n" for depth in range(size // 100)
    ),
    "a wide table": lambda size: "|" + "a|" * (size // 6) + "\n|" + "-|" * (size // 6) + "\n|" + "b|" * (size // 6),
    "a long table": lambda size: "| a | b |\n| - | - |\n" + "| x | y |\n" * (size // 10),
    "headings": lambda size: "## h\n\nx\n\n" * (size // 9),
    "one word": lambda size: "x" * size,
    "definitions": lambda size: "[a]: /x\n\n" * (size // 9) + "x",
}
HTML: dict[str, Callable[[int], str]] = {
    "blocks in blocks": lambda size: "<div>" * (size // 5) + "x",
    "tables in tables": lambda size: "<table><tr><td>" * (size // 15) + "x",
    "lists in lists": lambda size: "<ul><li>x" * (size // 9),
    "marks": lambda size: "<code>x</code> " * (size // 15),
    "spans": lambda size: "<table>" + "<tr><td rowspan=60000 colspan=1000>x" * (size // 36),
    "attributes": lambda size: "<p " + " ".join(f"a{number}=1" for number in range(size // 8)) + ">x",
    "anchors that are all the same": lambda size: "<h2 id=a>x</h2><p>y</p>" * (size // 23),
    "entities": lambda size: "&amp;" * (size // 5),
    "terms": lambda size: "<dl>" + "<dt>a<dd>b" * (size // 10),
    "breaks": lambda size: "x<br>" * (size // 5),
}


@pytest.mark.parametrize("make", MARKDOWN.values(), ids=MARKDOWN)
def test_the_work_for_a_markdown_page_grows_with_its_size(make: Callable[[int], str]) -> None:
    short, long = (work(parse_markdown, make(size)) for size in (SIZE, 2 * SIZE))
    assert long < MOST_GROWTH * short


@pytest.mark.parametrize("make", HTML.values(), ids=HTML)
def test_the_work_for_an_html_page_grows_with_its_size(make: Callable[[int], str]) -> None:
    short, long = (work(parse_html, make(size)) for size in (SIZE, 2 * SIZE))
    assert long < MOST_GROWTH * short


@pytest.mark.parametrize("make", [*MARKDOWN.values(), *HTML.values()], ids=[*MARKDOWN, *HTML])
def test_no_page_grows_out_of_all_proportion(make: Callable[[int], str]) -> None:
    text = make(SIZE)
    for page in (parse_markdown(text, url="/x").page, parse_html(text, url="/x")):
        assert sum(len(section.text) for section in page.sections) < MOST_CHARACTERS
        assert len({section.id for section in page.sections}) == len(page.sections)


def test_brackets_beyond_the_limit_keep_their_text() -> None:
    (section,) = parse_markdown("[word] " * 2000, url="/x").page.sections
    assert section.text == ("[word] " * 2000).strip()


@pytest.mark.parametrize("text", ["word " * 40_000, "x" * 200_000, "Yes. " * 40_000, "a\n" * 40_000])
def test_a_section_as_long_as_a_book_is_cut_into_chunks_that_hold_it_all(text: str) -> None:
    embedder = HashingEmbedder(Config())
    chunks = chunk_document(make_page("a", text.strip()), embedder)
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "".join(text.split())
    assert max(chunk.token_count for chunk in chunks) <= embedder.max_tokens


HEADING = st.sampled_from(["A", "a", "A-1", "A 1", "", "!", "É", "a b", "A--b", "x" * 400, "section"])
ANCHOR = st.sampled_from(["", "a", "a-1", "A", "section"])


@given(headings=st.lists(HEADING, max_size=12), anchors=st.lists(ANCHOR, max_size=12))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_no_two_sections_of_a_page_share_an_id_or_address(headings: list[str], anchors: list[str]) -> None:
    markdown = "".join(f"## {heading}\n\ntext\n\n" for heading in headings)
    pairs = zip_longest(headings, anchors, fillvalue="")
    html = "".join(f"<h2 id='{anchor}'>{heading}</h2><p>text</p>" for heading, anchor in pairs)
    for page in (parse_markdown(markdown, url="/x").page, parse_html(html, url="/x")):
        for names in ([section.id for section in page.sections], [section.url for section in page.sections]):
            assert len(set(names)) == len(names)


def work(parse: Callable[..., object], text: str) -> int:
    """Function calls, of Python and of C: what a page costs on any machine."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        parse(text, url="/x")
    finally:
        sys.setprofile(None)
    return count
