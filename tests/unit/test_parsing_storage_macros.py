"""Every macro of Confluence that is known, and what becomes of those that are not."""

import re
from pathlib import Path

import pytest

from ingest.parsing.link_names import LinkNames
from ingest.parsing.storage_format import ParsedStorage, parse_storage
from ingest.parsing.storage_format_macros import RULES
from tests.unit.storage_goldens import BODY, GOLDENS, NOISE, Golden, code, parameter

DOCS = Path(__file__).resolve().parents[2] / "docs" / "confluence.md"
NAMES = LinkNames(users={"abc": "Ada Lovelace"})


def parse(text: str) -> ParsedStorage:
    return parse_storage(text, url="https://wiki.example/1", title="Page", deployment="cloud", names=NAMES)


def texts_of(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for section in parse(text).page.sections:
        found += [f"§ {heading}" for heading in section.heading_path]
        found += [block.text for block in section.blocks]
    return tuple(found)


def macro(name: str, inside: str, *, tag: str = "ac:structured-macro") -> str:
    return f'<{tag} ac:name="{name}" ac:schema-version="1" ac:macro-id="d3b0-7384">{inside}</{tag}>'


CASES = [pytest.param(name, golden, id=name) for golden in GOLDENS for name in golden.names.split()]


@pytest.mark.parametrize(("name", "golden"), CASES)
def test_a_macro_becomes_its_stated_text(name: str, golden: Golden) -> None:
    expected = tuple(text.format(name=name) if "{name}" in text else text for text in golden.text)
    assert texts_of(f"<p>A</p>{macro(name, golden.inside)}<p>Z</p>") == expected


@pytest.mark.parametrize(("name", "golden"), CASES)
def test_a_macro_of_old_versions_becomes_the_same(name: str, golden: Golden) -> None:
    old = macro(name, golden.inside, tag="ac:macro")
    assert texts_of(f"<p>A</p>{old}<p>Z</p>") == texts_of(f"<p>A</p>{macro(name, golden.inside)}<p>Z</p>")


def test_every_known_macro_has_an_example() -> None:
    assert {name for golden in GOLDENS for name in golden.names.split()} == set(RULES)


def test_every_known_macro_is_in_the_published_table() -> None:
    published = set(re.findall(r"`([^`\s]+)`", DOCS.read_text(encoding="utf-8")))
    assert set(RULES) - published == set()


def test_an_unknown_macro_keeps_its_body_and_is_counted() -> None:
    text = macro("brand-new", NOISE + BODY) + macro("brand-new", NOISE) + macro("other", code("x\ny"))
    assert texts_of(text) == ("Body", "```\nx\ny\n```")
    assert parse(text).unknown_macros == {"brand-new": 2, "other": 1}


def test_a_known_macro_is_not_counted_and_neither_is_its_case() -> None:
    assert parse(macro("info", BODY) + macro("INFO", BODY)).unknown_macros == {}


def test_a_macro_without_a_name_is_unknown_and_its_parameters_are_not_shown() -> None:
    nameless = f"<ac:structured-macro>{parameter('displayName', 'secret')}</ac:structured-macro>"
    assert (texts_of(nameless), parse(nameless).unknown_macros) == ((), {"unnamed": 1})


def test_what_only_some_readers_may_see_is_left_out_and_counted() -> None:
    text = macro("show-if", parameter("group", "board") + BODY + code("x"))
    assert (texts_of(text), parse(text).withheld_macros) == ((), {"show-if": 1})


def test_parameters_after_the_body_count_like_those_before_it() -> None:
    assert texts_of(macro("info", BODY + parameter("title", "Late"))) == ("Info: Late", "Body")


def test_the_first_of_repeated_parameters_counts() -> None:
    assert texts_of(macro("status", parameter("title", "A") + parameter("title", "B"))) == ("[A]",)


def test_a_parameter_with_markup_is_read_as_its_words() -> None:
    assert texts_of(macro("panel", parameter("title", "<strong>Two</strong> words") + BODY)) == ("Two words", "Body")


def test_macros_nest_to_any_depth_and_code_at_the_bottom_keeps_its_lines() -> None:
    text = macro("code", parameter("language", "sh") + code("a\n\n  b"))
    for name in ("info", "expand", "panel", "section", "unknown", "details", "quote", "footnote") * 25:
        text = macro(name, f"<ac:rich-text-body>{text}</ac:rich-text-body>")
    lines = [line.lstrip("> ") for line in "\n".join(texts_of(text)).split("\n")]
    start = lines.index("```sh")
    assert lines[start : start + 5] == ["```sh", "a", "", "b", "```"]


def test_an_inline_macro_with_a_body_stays_in_its_sentence() -> None:
    note = macro("footnote", "<ac:rich-text-body><p>since May</p></ac:rich-text-body>")
    marked = macro("highlight", "<ac:rich-text-body>must</ac:rich-text-body>")
    assert texts_of(f"<p>You {marked} pay 5{note} euros.</p>") == ("You must pay 5 (note: since May) euros.",)


def test_a_macro_says_itself_that_it_stands_in_a_sentence_and_others_hold_headings() -> None:
    inline = parameter("atlassian-macro-output-type", "INLINE") + "<ac:rich-text-body><p>5</p></ac:rich-text-body>"
    assert texts_of(f"<p>It costs {macro('excerpt', inline)} euros.</p>") == ("It costs 5 euros.",)
    section = macro("section", "<ac:rich-text-body><h2>Setup</h2><p>x</p></ac:rich-text-body>")
    assert texts_of(f"stray {section}") == ("stray", "§ Setup", "x")


def test_so_many_names_of_unknown_macros_are_told_apart() -> None:
    counted = parse("".join(macro(f"m{number}", "") for number in range(1000))).unknown_macros
    assert (len(counted), sum(counted.values())) == (101, 1000)


def test_markdown_in_a_cell_says_each_heading_once() -> None:
    cell = macro("markdown", code("# A\n\na\n\n## B\n\nb"))
    assert texts_of(f"<table><tr><td>x</td><td>{cell}</td></tr></table>") == ("| x | A / a / B / b |",)


def test_panels_hold_blocks_of_every_kind() -> None:
    body = "<ul><li>one</li></ul><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    text = macro("tip", f"<ac:rich-text-body>{body}{macro('note', BODY)}</ac:rich-text-body>")
    assert texts_of(text) == ("Tip:", "- one", "| a | b |\n| --- | --- |\n| 1 | 2 |", "Note: Body")


def test_code_that_shows_storage_format_is_not_read_as_such() -> None:
    shown = '<ac:structured-macro ac:name="info"><ac:parameter ac:name="title">x</ac:parameter></ac:structured-macro>'
    assert texts_of(macro("code", code(shown))) == (f"```\n{shown}\n```",)


def test_code_that_holds_the_end_of_a_cdata_section_is_whole() -> None:
    assert texts_of(macro("code", code("a]]]]><![CDATA[>b\nc"))) == ("```\na]]>b\nc\n```",)


def test_a_part_ends_where_its_macro_does() -> None:
    text = f"<h2>Setup</h2><p>A</p>{macro('expand', parameter('title', 'Linux') + BODY)}<p>B</p>"
    sections = parse(text).page.sections
    assert [(section.heading_path, section.text) for section in sections] == [
        (("Setup",), "A\n\nB"),
        (("Setup", "Linux"), "Body"),
    ]
    assert {section.url for section in sections} == {"https://wiki.example/1#Setup"}
    assert len({section.id for section in sections}) == len(sections)


def test_headings_in_a_part_are_below_its_title_and_have_their_own_links() -> None:
    inner = "<ac:rich-text-body><h2>Install</h2><p>x</p></ac:rich-text-body>"
    text = f"<h3>Setup</h3>{macro('expand', parameter('title', 'Linux') + inner)}<p>after</p>"
    assert [(section.heading_path, section.anchor) for section in parse(text).page.sections] == [
        (("Setup",), "Setup"),
        (("Setup", "Linux", "Install"), "Install"),
    ]


def test_a_titled_part_in_a_table_cell_stays_in_the_cell() -> None:
    cell = macro("expand", parameter("title", "More") + BODY)
    assert texts_of(f"<table><tr><th>a</th><th>b</th></tr><tr><td>{cell}</td><td>2</td></tr></table>") == (
        "| a | b |\n| --- | --- |\n| More / Body | 2 |",
    )


def test_properties_in_rows_under_a_header_are_named_by_it() -> None:
    table = "<table><tr><th>Owner</th><th>Due</th></tr><tr><td>Ada</td><td>May</td></tr></table>"
    assert texts_of(macro("details", f"<ac:rich-text-body>{table}</ac:rich-text-body>")) == ("Owner: Ada\nDue: May",)


@pytest.mark.parametrize("source", ["", "%7B", "not json", "[1]", "%5B" * 5000, '{"lanes": [{"bars": 3}, 4]}'])
def test_a_broken_roadmap_is_left_out(source: str) -> None:
    assert texts_of(macro("roadmap", parameter("source", source))) == ()


def test_an_include_by_a_bare_title_refers_to_that_page() -> None:
    text = macro("include", parameter("", "FIN:Rates 2026"))
    assert texts_of(text) == ("(see: Rates 2026)",)
    assert [(page.title, page.space) for page in parse(text).references.pages] == [("Rates 2026", "FIN")]
