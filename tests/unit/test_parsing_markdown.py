"""Markdown pages as sections of light Markdown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsing.front_matter import BadFrontMatter
from ingest.parsing.markdown import parse_markdown
from ingest.parsing.sections import ParsedPage
from kb.documents import Block

FENCE = "```"


def page_of(text: str) -> ParsedPage:
    return parse_markdown(text, url="/page").page


def blocks_of(text: str) -> list[Block]:
    return [block for section in page_of(text).sections for block in section.blocks]


def only_block(text: str) -> tuple[str, str]:
    (block,) = blocks_of(text)
    return block.kind, block.text


def test_the_first_heading_of_level_one_is_the_title_and_no_part_of_any_path() -> None:
    page = page_of("# Annual leave\n\nYou get 26 days.\n\n## Carry-over\n\nFive days.\n")
    assert page.title == "Annual leave"
    assert [section.heading_path for section in page.sections] == [(), ("Carry-over",)]


def test_text_before_and_after_the_title_is_one_section() -> None:
    page = page_of("Draft.\n\n# Leave\n\nText.\n")
    assert [(section.id, section.text) for section in page.sections] == [("#", "Draft.\n\nText.")]


def test_a_first_heading_that_differs_from_the_front_matters_title_keeps_its_place_in_the_path() -> None:
    page = page_of("---\ntitle: Expenses\n---\n# Expenses in 2023\n\nText.\n")
    assert (page.title, page.sections[0].heading_path) == ("Expenses", ("Expenses in 2023",))


def test_a_front_matter_title_equal_to_the_first_heading_but_for_case_and_marks_is_the_same() -> None:
    assert page_of("---\ntitle: Who we are\n---\n# Who We Are?\n\nText.\n").sections[0].heading_path == ()


def test_headings_at_every_level_make_sections_with_their_whole_path() -> None:
    page = page_of("# T\n\n## A\n\na\n\n#### B\n\nb\n\n### C\n\nc\n\n## D\n\nd\n")
    assert [section.heading_path for section in page.sections] == [("A",), ("A", "B"), ("A", "C"), ("D",)]


def test_a_heading_without_text_of_its_own_stays_in_the_paths_below_it() -> None:
    assert [section.heading_path for section in page_of("## A\n\n### B\n\nb\n").sections] == [("A", "B")]


def test_anchors_are_githubs_with_numbers_for_repeats() -> None:
    page = page_of(
        "# Leave\n\n## Carry-over & *more*\n\nx\n\n## Leave\n\nx\n\n## Carry-over & more\n\nx\n\n## `a_b` Ünï\n\nx"
    )
    assert [section.anchor for section in page.sections] == [
        "carry-over--more",
        "leave-1",
        "carry-over--more-1",
        "a_b-ünï",
    ]


def test_a_section_links_to_its_anchor_and_the_part_before_any_heading_to_the_page() -> None:
    page = page_of("Intro.\n\n## Über uns\n\nText.\n")
    assert [section.url for section in page.sections] == ["/page", "/page#%C3%BCber-uns"]


def test_no_two_sections_have_one_id() -> None:
    page = page_of("x\n\n## A\n\nx\n\n## A-1\n\nx\n\n## A\n\nx\n\n## A\n\nx\n\n##  \n\nx\n\n## !\n\nx\n\n## ?\n\nx\n")
    ids = [section.id for section in page.sections]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Some *very* **bold** _words_.", "Some very bold words."),
        ("Run `make  test` now.", "Run `make test` now."),
        ("See [the guide](../guide.md#x) and <https://a.example/b>.", "See the guide and https://a.example/b."),
        ("![Wiring of the antenna](img/a.png)", "Wiring of the antenna"),
        ("One line  \nand another,\nsoftly.", "One line\nand another, softly."),
        ("Was ~~25~~ 28 days.", "Was ~~25~~ 28 days."),
        ("A <b>bold</b> word<!-- and a secret -->.", "A bold word."),
        ("10<sup>6</sup> litres", "10^6 litres"),
        (r"2 \* 3 &lt; 7 &amp; more", "2 * 3 < 7 & more"),
    ],
)
def test_inline_marks_give_way_to_the_words(source: str, text: str) -> None:
    assert only_block(source) == ("paragraph", text)


def test_a_list_is_one_block_with_its_numbers_nesting_and_indented_code() -> None:
    source = (
        "3. One\n4. Two\n   - inner\n     more\n\n     again\n\n     ```sh\n     ls\n\n     pwd\n     ```\n5. Three\n"
    )
    assert only_block(source) == (
        "list",
        f"3. One\n4. Two\n   - inner more\n     again\n     {FENCE}sh\n     ls\n\n     pwd\n     {FENCE}\n5. Three",
    )


def test_a_task_list_keeps_its_boxes() -> None:
    assert only_block("- [x] done\n- [ ] open\n") == ("task", "- [x] done\n- [ ] open")


def test_a_table_is_written_one_way_whatever_its_source_looks_like() -> None:
    kind, text = only_block("Name|Price\n:--|--:\n`a`|1 \\| 2\nb\n")
    assert (kind, text) == ("table", "| Name | Price |\n| --- | --- |\n| `a` | 1 \\| 2 |\n| b |  |")


def test_a_quote_keeps_its_marks_and_its_blocks_apart() -> None:
    assert only_block("> One\n> line.\n>\n> - item\n") == ("quote", "> One line.\n>\n> - item")


@given(code=st.text(alphabet="ab \t\n`~<>&\"'#|-*_\\é", max_size=60))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_code_comes_out_as_it_went_in(code: str) -> None:
    found = blocks_of(f"~~~~~~~~py\n{code}\n~~~~~~~~\n") if "~~~~~~~~" not in code else []
    if found:
        lines = found[0].text.split("\n")
        assert lines[0].lstrip("`") == "py"
        assert "\n".join(lines[1:-1]) == code
    else:
        assert not code.strip() or "~~~~~~~~" in code


def test_code_that_holds_a_fence_gets_a_longer_one() -> None:
    kind, text = only_block("````md\n```\nx\n```\n````\n")
    assert (kind, text) == ("code", "````md\n```\nx\n```\n````")


def test_embedded_html_is_read_like_a_page_and_hidden_parts_are_not() -> None:
    shown = "<details><summary>More</summary>\n\ninside *it*\n\n</details>\n\n"
    source = shown + "<div style='display:none'>\n\nsecret\n\n</div>\n"
    assert [block.text for block in blocks_of(source)] == ["More", "inside it"]


def test_a_placeholder_that_looks_like_a_hiding_tag_hides_nothing_after_it() -> None:
    assert [block.text for block in blocks_of("Deploy <template> now.\n\nThen rest.\n")] == [
        "Deploy now.",
        "Then rest.",
    ]


def test_characters_that_no_reader_sees_are_not_stored() -> None:
    smuggled = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore")
    assert only_block(f"Pay\u200bday\u202e is{smuggled} the 25th\u00ad.\x07") == ("paragraph", "Payday is the 25th.")


def test_text_is_nfc_and_compatibility_characters_stay() -> None:
    assert only_block("cafe\u0301 \ufb01 x²") == ("paragraph", "café \ufb01 x²")


def test_a_heading_as_long_as_a_page_is_read_as_a_paragraph() -> None:
    (section,) = page_of("# " + "word " * 200).sections
    assert (section.heading_path, section.blocks[0].kind) == ((), "paragraph")


def test_links_are_collected_as_they_are_written() -> None:
    assert page_of("[a](../b.md) [c](d.md#e) [a](../b.md)").links == ("../b.md", "d.md#e")


def test_deep_nesting_is_read_without_overflow() -> None:
    text = "".join(f"{'  ' * depth}- level {depth}\n" for depth in range(500))
    assert "level 40" in page_of(text).sections[0].text


def test_front_matter_says_what_the_page_is() -> None:
    about = parse_markdown(
        "---\ntitle: Leave\nupdated: 2026-04-14\nlabels: [policy, 2026]\nstatus: Deprecated\n"
        "superseded_by: new.md\naudience: group:people, eva@a.example\n---\nText.\n",
        url="",
    ).front_matter
    assert about.title == "Leave"
    assert about.updated is not None
    assert about.updated.isoformat() == "2026-04-14T00:00:00+00:00"
    assert (about.labels, about.status, about.superseded_by) == (("policy", "2026"), "outdated", "new.md")
    assert about.audience == ("group:people", "eva@a.example")


@pytest.mark.parametrize(
    ("block", "line", "word"),
    [
        ("title: x\nlabels: [a", 3, "expected"),
        ("title: x\nupdated: soon", 3, "date"),
        ("title: {a: b}", 2, "title"),
        ("- a", 2, "key"),
        ("title: x\naudience:", 3, "audience"),
        ("a: [" * 2000, 2, "YAML"),
        ("title: &a [*a]", 2, "title"),
    ],
)
def test_bad_front_matter_names_its_line(block: str, line: int, word: str) -> None:
    with pytest.raises(BadFrontMatter, match=word) as caught:
        parse_markdown(f"---\n{block}\n---\nText.\n", url="")
    assert caught.value.line == line


def test_an_empty_audience_is_kept_apart_from_none() -> None:
    assert parse_markdown("---\naudience: []\n---\nx", url="").front_matter.audience == ()
    assert parse_markdown("---\ntitle: x\n---\nx", url="").front_matter.audience is None


@given(text=st.text(alphabet="ab1 \n#*_`>-[]()<>!|~\\:&;\t\"'=", max_size=200))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_any_text_parses_into_sections_whose_blocks_are_their_text(text: str) -> None:
    for section in page_of(text).sections:
        assert section.text.strip()
        assert all(block.text in section.text for block in section.blocks)
