"""HTML pages as sections of light Markdown."""

import pytest

from ingest.parsing.html import parse_html
from ingest.parsing.sections import ParsedPage
from kb.documents import Block


def page_of(text: str) -> ParsedPage:
    return parse_html(text, url="https://wiki.example/page")


def blocks_of(text: str) -> list[Block]:
    return [block for section in page_of(text).sections for block in section.blocks]


def texts_of(text: str) -> list[str]:
    return [block.text for block in blocks_of(text)]


def test_headings_make_sections_and_their_ids_are_the_anchors() -> None:
    page = page_of(
        "<h1>Leave</h1><p>Intro</p><h2 id='co'>Carry-over</h2><p>5 days</p><h3><a name=x></a>More</h3><p>z</p>"
    )
    assert page.title == "Leave"
    assert [(section.heading_path, section.anchor) for section in page.sections] == [
        ((), ""),
        (("Carry-over",), "co"),
        (("Carry-over", "More"), "x"),
    ]


def test_the_title_element_stands_in_where_no_heading_is_the_title() -> None:
    assert page_of("<title>Old &amp; new</title><h2>A</h2><p>x</p>").title == "Old & new"


def test_main_is_read_alone_where_there_is_one() -> None:
    text = "<nav>menu</nav><header>top</header><main><p>content</p></main><aside>ad</aside><footer>foot</footer>"
    assert texts_of(text) == ["content"]


def test_a_main_without_text_is_not_preferred() -> None:
    assert texts_of("<main id=app></main><p>content</p>") == ["content"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>s</script>",
        "<style>s</style>",
        "<template><p>s</p></template>",
        "<noscript>s</noscript>",
        "<p hidden>s</p>",
        "<div style='color:red; DISPLAY : none'><p>s</p></div>",
        "<span style='font-size:0'>s</span>",
        "<nav><p>s</p></nav>",
        "<!-- s -->",
        "<a class=headerlink href='#x'>s</a>",
    ],
)
def test_what_no_reader_sees_is_dropped(hidden: str) -> None:
    assert texts_of(f"<p>before</p>{hidden}<p>after</p>") == ["before", "after"]


def test_a_body_hidden_until_a_script_runs_is_read() -> None:
    assert texts_of("<body style='display:none'><p>text</p></body>") == ["text"]


def test_a_table_with_spans_is_a_full_grid() -> None:
    text = (
        "<table><thead><tr><th rowspan=2>Plan<th colspan=2>Price</tr><tr><th>net<th>gross</tr></thead>"
        "<tr><td>Basic<td rowspan=2>10<td>12</tr><tr><td>Plus<td>13</tr></table>"
    )
    assert texts_of(text) == [
        "| Plan | Price / net | Price / gross |\n| --- | --- | --- |\n| Basic | 10 | 12 |\n| Plus | 10 | 13 |"
    ]


def test_a_table_without_header_cells_gets_no_header() -> None:
    assert texts_of("<table><tr><td>a<td>b<tr><td>c|d<td></table>") == ["| a | b |\n| c\\|d |  |"]


def test_lists_paragraphs_code_and_tables_in_a_cell_become_one_line() -> None:
    cell = "<p>one<p>two<ul><li>x<li>y</ul><pre>a b</pre><table><tr><td>n<td>m</table>"
    assert texts_of(f"<table><tr><th>A<th>B<tr><td>{cell}<td>z</table>") == [
        "| A | B |\n| --- | --- |\n| one / two / x; y / `a b` / n, m | z |"
    ]


def test_code_of_several_lines_in_a_cell_stands_below_the_table_with_its_lines() -> None:
    text = "<table><tr><th>Call<th>Answer<tr><td>get<td><ul><li>so:<pre>a\n  b</pre></ul></table>"
    assert texts_of(text) == [
        "| Call | Answer |\n| --- | --- |\n| get | so:; [code 1] |",
        "[code 1]",
        "```\na\n  b\n```",
    ]


def test_code_in_a_table_that_is_only_a_frame_stays_in_its_place() -> None:
    assert texts_of("<table><tr><td><p>a</p><pre>b\nc</pre><p>d</p></table>") == ["a", "```\nb\nc\n```", "d"]


def test_a_table_in_a_cell_keeps_what_its_header_names() -> None:
    inner = "<table><tr><th>Plan<th>Price<tr><td>Basic<td>10<tr><td>Plus<td></table>"
    assert texts_of(f"<table><tr><th>A<th>B<tr><td>{inner}<td>z</table>") == [
        "| A | B |\n| --- | --- |\n| Plan: Basic, Price: 10; Plan: Plus | z |"
    ]


def test_a_caption_stands_before_its_table() -> None:
    blocks = blocks_of("<table><caption>Rates</caption><tr><th>a<th>b<tr><td>1<td>2</table>")
    assert [block.kind for block in blocks] == ["paragraph", "table"]


def test_a_table_of_one_cell_is_only_a_frame() -> None:
    assert texts_of("<table><tr><td><p>a</p><ul><li>b</ul></table>") == ["a", "- b"]


def test_definitions_are_items_of_a_list() -> None:
    assert texts_of("<dl><dt>Kestrel<dd>a buoy<dd>grey<dt>Heron<dd><p>a gateway</p><ul><li>LoRa</ul></dl>") == [
        "- Kestrel: a buoy\n  grey\n- Heron: a gateway\n  - LoRa"
    ]


def test_lists_that_are_badly_nested_keep_their_order() -> None:
    assert texts_of("<ul>t<li>a<ul><li>b</ul><ul><li>c</ul></ul><li>stray") == ["- t\n- a\n  - b\n  - c", "stray"]


def test_numbers_of_items_are_kept() -> None:
    assert texts_of("<ol start=3><li>a<li value=7>b<li>c</ol>") == ["3. a\n7. b\n8. c"]


def test_preformatted_text_keeps_its_lines_and_language() -> None:
    text = "<pre>\n  a\n\n\tb</pre><pre class=x><code class='hl language-py'>\nx = '&lt;'\n</code></pre>"
    assert texts_of(text) == ["```\n  a\n\n\tb\n```", "```py\n\nx = '<'\n```"]


def test_line_breaks_stay_and_two_of_them_part_paragraphs() -> None:
    assert texts_of("<p>a<br>b<br><br>c</p>") == ["a\nb", "c"]


def test_checkboxes_make_tasks() -> None:
    blocks = blocks_of("<ul><li><input type=checkbox checked> a<li><input type=checkbox> b</ul>")
    assert [(block.kind, block.text) for block in blocks] == [("task", "- [x] a\n- [ ] b")]


def test_a_heading_inside_a_container_starts_no_section() -> None:
    (section,) = page_of("<blockquote><h2>Said</h2><p>so</p></blockquote>").sections
    assert (section.heading_path, section.text) == ((), "> Said\n>\n> so")


@pytest.mark.parametrize(
    "tag", ["div", "ul><li", "ol><li", "blockquote", "table><tr><td", "dl><dd", "code", "pre", "span", "del"]
)
def test_nesting_of_any_depth_keeps_its_text(tag: str) -> None:
    assert "bottom" in page_of(f"<{tag}>" * 500 + "bottom").sections[0].text


def test_spans_of_any_size_stay_bounded() -> None:
    row = "<tr>" + "<td colspan=1000 rowspan=60000>x</td>" * 3 + "</tr>"
    (section,) = page_of(f"<table>{row * 60}</table>").sections
    assert len(section.text) < 2_000_000


def test_an_empty_page_has_no_sections() -> None:
    for text in ("", "  ", "<p></p>", "<!-- c -->", "<img src=x>", "<html><head><title>t</title></head></html>"):
        assert page_of(text).sections == ()
