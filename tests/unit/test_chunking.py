"""Sections become chunks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunking import chunk_document, says_something
from ingest.parsing.markdown import parse_markdown
from kb.access import Audience
from kb.documents import Chunk, Document
from kb.embedders.base import Vectors

SPECIAL_TOKENS = 2


@dataclass
class CountingEmbedder:
    """A word or a sign is a token; embeds nothing."""

    max_tokens: int = 64
    calls: int = 0
    identity: str = "counting"
    name: str = "counting"
    dimension: int = 1

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.calls += 1
        return [SPECIAL_TOKENS + len(re.findall(r"\w{1,12}|[^\w\s]", text)) for text in texts]

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError("chunking embeds nothing")

    async def embed_query(self, text: str) -> Vectors:
        raise AssertionError("chunking embeds nothing")

    async def close(self) -> None:
        """Nothing is open."""


def make_document(text: str, *, title: str | None = None) -> Document:
    page = parse_markdown(text, url="/page").page
    return Document(
        tenant="acme",
        source_id="wiki",
        native_id="page.md",
        space="wiki",
        title=title or page.title or "Page",
        url="/page",
        version="1",
        updated_at=datetime(2026, 4, 14, tzinfo=UTC),
        audience=Audience.of(["everyone"]),
        sections=page.sections,
    )


def chunks_of(text: str, *, max_tokens: int = 64, title: str | None = None) -> list[Chunk]:
    return chunk_document(make_document(text, title=title), CountingEmbedder(max_tokens))


def test_a_short_section_is_one_chunk_embedded_with_title_and_headings() -> None:
    (chunk,) = chunks_of("# Leave\n\n## Carry-over\n\n### Limits\n\nFive days.\n")
    assert (chunk.text, chunk.embedded_text) == ("Five days.", "Leave\nCarry-over › Limits\n\nFive days.")


def test_small_blocks_of_a_section_are_packed_and_sections_stay_apart() -> None:
    chunks = chunks_of("# T\n\nOne.\n\n- two\n- three\n\n## A\n\nFour.\n")
    assert [(chunk.section_ordinal, chunk.text) for chunk in chunks] == [(0, "One.\n\n- two\n- three"), (1, "Four.")]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentence = "The buoy reports its readings every ten minutes to the gateway."
    chunks = chunks_of(" ".join([sentence] * 12), max_tokens=40)
    assert len(chunks) > 3
    assert all(chunk.text.endswith("gateway.") for chunk in chunks)


def test_a_long_table_repeats_its_header_in_what_is_embedded_alone() -> None:
    rows = "".join(f"| item {number} | {number} euros |\n" for number in range(40))
    chunks = chunks_of(f"| Name | Price |\n| --- | --- |\n{rows}")
    assert len(chunks) > 3
    assert all("| Name | Price |\n| --- | --- |\n| item" in chunk.embedded_text for chunk in chunks)
    assert [chunk.text.startswith("| Name") for chunk in chunks] == [True] + [False] * (len(chunks) - 1)


def test_long_code_is_cut_between_lines_and_fenced_again_where_it_is_embedded() -> None:
    lines = "\n".join(f"value_{number} = compute({number})" for number in range(40))
    chunks = chunks_of(f"```py\n{lines}\n```\n")
    assert len(chunks) > 3
    for chunk in chunks:
        body = chunk.embedded_text.partition("\n\n")[2].split("\n")
        assert (body[0], body[-1]) == ("```py", "```")
        assert all(line.startswith("value_") for line in body[1:-1])


def test_a_long_list_is_cut_between_items() -> None:
    chunks = chunks_of("".join(f"- item {number} with a few words\n" for number in range(40)))
    assert len(chunks) > 3
    assert all(chunk.text.startswith("- item") for chunk in chunks)


def test_a_line_that_ends_with_a_colon_stays_with_what_it_introduces() -> None:
    chunks = chunks_of("word " * 30 + ".\n\nYou need:\n\n" + "- a thing or two\n" * 5, max_tokens=60)
    assert [chunk.text.startswith("You need:") for chunk in chunks] == [False, True]


def test_a_rename_changes_no_fingerprint_and_a_moved_heading_does() -> None:
    text = "## A\n\n" + "Some words here. " * 60
    before = chunks_of(text, title="Short")
    renamed = chunks_of(text, title="A much longer title than the one that the page had before it was renamed today")
    moved = chunks_of(text.replace("## A", "## B"), title="Short")
    assert [chunk.fingerprint for chunk in renamed] == [chunk.fingerprint for chunk in before]
    assert not {chunk.fingerprint for chunk in moved} & {chunk.fingerprint for chunk in before}


def test_a_changed_section_leaves_the_fingerprints_of_the_others_alone() -> None:
    before = chunks_of("# T\n\n## A\n\nOne.\n\n## B\n\nTwo.\n")
    after = chunks_of("# T\n\n## A\n\nOne and a half.\n\n## B\n\nTwo.\n")
    assert [old.fingerprint == new.fingerprint for old, new in zip(before, after, strict=True)] == [False, True]


def test_a_title_and_headings_longer_than_the_embedder_reads_leave_room_for_the_text() -> None:
    document = make_document("## " + "heading " * 30 + "\n\nThe answer is 42.\n", title="title " * 500)
    (chunk,) = chunk_document(document, CountingEmbedder(64))
    assert chunk.text == "The answer is 42."
    assert chunk.embedded_text.endswith("\n\nThe answer is 42.")
    assert chunk.token_count <= 64


def test_tokens_are_counted_in_few_calls_however_long_the_document() -> None:
    embedder = CountingEmbedder(64)
    document = make_document("".join(f"## H{number}\n\n{'A few words. ' * 60}\n\n" for number in range(200)))
    assert len(chunk_document(document, embedder)) > 1000
    assert embedder.calls < 12


def test_ordinals_count_through_the_document() -> None:
    chunks = chunks_of("# T\n\na\n\n## B\n\n" + "word " * 300)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))


LINE = st.text(alphabet="ab12 .!?:|-*#`>_[]x\té", max_size=60)
PAGE = st.lists(
    st.one_of(
        LINE,
        st.sampled_from(
            ["", "## Head", "- item", "1. one", "| a | b |\n| --- | --- |\n| c | d |", "```\ncode\n\nmore\n```", "> q"]
        ),
        st.builds(
            lambda word, times: word * times,
            st.sampled_from(["word ", "longword", "Yes. ", "x y\n"]),
            st.integers(1, 80),
        ),
    ),
    max_size=25,
).map("\n".join)


@given(text=PAGE, max_tokens=st.integers(12, 80))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_chunks_hold_every_word_once_within_the_limit_and_the_same_each_time(text: str, max_tokens: int) -> None:
    document = make_document(text, title="A title")
    embedder = CountingEmbedder(max_tokens)
    chunks = chunk_document(document, embedder)
    assert chunk_document(replace(document), embedder) == chunks
    for number, section in enumerate(document.sections):
        own = [chunk for chunk in chunks if chunk.section_ordinal == number]
        assert all(chunk.text in section.text for chunk in own)
        assert "".join("".join(chunk.text.split()) for chunk in own) == "".join(section.text.split())
    assert embedder.count_tokens([chunk.embedded_text for chunk in chunks]) == [chunk.token_count for chunk in chunks]
    assert all(chunk.token_count <= max_tokens for chunk in chunks)
    assert all(chunk.text.strip() for chunk in chunks)


@pytest.mark.parametrize("title", ["1e21072f0c08", "000123", "9f1c2a7e-0b44-4f0e-9d55-66a0c6a2f001", "2024_11_03", ""])
def test_a_title_that_is_a_number_says_nothing(title: str) -> None:
    assert not says_something(title)


@pytest.mark.parametrize("title", ["Kestrel K3", "Q3 2026", "Deadbeef", "404 errors", "年假"])
def test_a_title_with_a_word_says_something(title: str) -> None:
    assert says_something(title)
