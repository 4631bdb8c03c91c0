"""A section's text as quotable units."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answering.units import split_sentences, units_of

TABLE = """Leave by office:

| Office | Days | Carry-over |
| --- | --- | --- |
| Gdańsk | 26 | 5 days |
| Porto | 24 | none |"""


def test_a_paragraph_becomes_its_sentences() -> None:
    quotes = [unit.quote for unit in units_of("Staff get 26 days. Ask Saoirse Byrne! Why not?")]
    assert quotes == ["Staff get 26 days.", "Ask Saoirse Byrne!", "Why not?"]


@pytest.mark.parametrize(
    "text", ["See e.g. Teal for this.", "Dr. Byrne knows.", "It costs 4.50 euros.", "At 3 p.m. we go"]
)
def test_abbreviations_and_decimals_end_no_sentence(text: str) -> None:
    assert split_sentences(text) == [text]


def test_a_table_row_reads_with_its_header_and_is_quoted_as_it_stands() -> None:
    first = units_of(TABLE)[1]
    assert (first.quote, first.text) == ("| Gdańsk | 26 | 5 days |", "Gdańsk — Days: 26; Carry-over: 5 days")


def test_a_table_row_knows_the_line_before_the_table() -> None:
    assert units_of(TABLE)[1].context.startswith("Leave by office:")


def test_a_list_item_reads_after_the_line_that_introduces_it() -> None:
    units = units_of("To reset it:\n\n1. Hold the button\n2. Wait 10 s")
    assert [unit.text for unit in units[1:]] == ["To reset it: Hold the button", "To reset it: Wait 10 s"]


def test_a_nested_item_keeps_its_parent_as_context() -> None:
    assert units_of("- Open Teal\n  - choose Leave")[1].context == "Open Teal"


def test_code_is_quoted_byte_for_byte() -> None:
    code = "for x in y:\n    print(x)  # | not a table"
    assert [unit.quote for unit in units_of(f"Run:\n\n```python\n{code}\n```") if unit.kind == "code"] == [code]


def test_an_unclosed_fence_does_not_swallow_its_last_line() -> None:
    assert "last" in " ".join(unit.quote for unit in units_of("```\nfirst\nlast"))


def test_an_empty_section_has_no_units() -> None:
    assert units_of("") == []


_LINES = st.lists(
    st.sampled_from(
        ["A b. C d", "- one", "  - two", "1. three", "| a | b |", "| --- | --- |", "```", "> q. R", "", "x:"]
    ),
    max_size=14,
)


@given(_LINES)
@settings(max_examples=200, derandomize=True, deadline=None)
def test_every_quote_is_a_substring_of_the_section(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert all(unit.quote and unit.quote in text for unit in units_of(text))


def test_a_row_names_its_header_and_an_item_its_list_word_for_word() -> None:
    assert units_of(TABLE)[1].above == ("Leave by office:", "| Office | Days | Carry-over |")
    assert units_of("To reset it:\n\n1. Hold\n   - the red one")[2].above == ("To reset it:", "Hold")


def test_code_names_its_language() -> None:
    assert [unit.language for unit in units_of("```bash\nls\n```\n\n~~~\nls\n~~~")] == ["bash", ""]


@given(_LINES)
def test_what_a_quote_hangs_on_stands_in_the_section(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert all(each in text for unit in units_of(text) for each in unit.above)
