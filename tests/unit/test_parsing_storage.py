"""Storage format: every element, links, tables and layouts as sections of light Markdown."""

import pytest

from ingest.parsing.link_names import LinkedPage, LinkNames, PageRef
from ingest.parsing.storage_format import ParsedStorage, parse_storage, references_of

RATES = PageRef(title="Rates", space="FIN")
NAMES = LinkNames(
    users={"abc": "Ada Lovelace", "8a16": "Grace Hopper"},
    pages={
        RATES: LinkedPage(title="Rates 2026", url="https://wiki.example/rates"),
        PageRef(content_id="77"): LinkedPage(title="By id"),
    },
)


def parse(text: str) -> ParsedStorage:
    return parse_storage(text, url="https://wiki.example/1", title="Page", deployment="cloud", names=NAMES)


def texts_of(text: str) -> list[str]:
    return [block.text for section in parse(text).page.sections for block in section.blocks]


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ("<strong>a</strong> <em>b</em> <u>c</u> <span style='color: red'>d</span>", "a b c d"),
        ("was <s>25</s> <del>26</del> 27", "was ~~25~~ ~~26~~ 27"),
        ("run <code>make test</code>", "run `make test`"),
        ("10<sup>6</sup> H<sub>2</sub>O", "10^6 H2O"),
        ("a<br/>b", "a\nb"),
        ("a&nbsp;&nbsp;b &eacute;&rarr;&hellip;&lt;&amp;", "a b é→…<&"),
        ("w<ac:inline-comment-marker ac:ref='1f'>or</ac:inline-comment-marker>d", "word"),
        ("x <ac:placeholder ac:type='mention'>Type a name</ac:placeholder>", "x"),
        ("due <time datetime='2026-05-01'/>", "due 2026-05-01"),
        ("due<time datetime='2026-05-01'>1 May</time>.", "due 2026-05-01."),
        ("<time>soon</time>", "soon"),
        ("<a href='https://x.example'>here</a>", "here"),
        ("<a data-card-appearance='inline' href='https://x.example'>https://x.example</a>", "https://x.example"),
        ("<ac:emoticon ac:name='tick'/> <ac:emoticon ac:name='cross'/>", "✔ ✘"),
        ("<ac:emoticon ac:name='x' ac:emoji-shortname=':x:' ac:emoji-fallback='🥳'/>", "🥳"),
        ("<ac:emoticon ac:name='cross' ac:emoji-id='atlassian-cross_mark' ac:emoji-fallback=':cross_mark:'/>", "✘"),
        ("<ac:emoticon ac:emoji-id='1f4cb'/> <ac:emoticon ac:emoji-id='ffffff' ac:emoji-shortname=':a:'/>", "📋 :a:"),
        ("<img class='emoticon emoticon-warning' alt='(warning)' src='w.svg'/>", "⚠"),
        ("<img src='a.png' alt='Wiring'/><img src='b.png'/>", "[Image: Wiring]"),
        ("<ac:image ac:alt='Wiring'><ri:attachment ri:filename='a.png'/></ac:image>", "[Image: Wiring]"),
        ("<ac:image ac:width='10'><ri:attachment ri:filename='a.png'/></ac:image>", "[Image: a.png]"),
        ("<ac:image><ri:url ri:value='https://x.example/p/b.png'/></ac:image>", "[Image: b.png]"),
        ("<ac:image ac:alt='A'><ac:caption><p>Fig. <b>1</b></p></ac:caption></ac:image>", "[Image: A] Fig. 1"),
        ("<at:var at:name='customer'/>", "[customer]"),
        ("<math><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></math>", "$x^2$"),
    ],
)
def test_an_element_in_a_sentence_becomes_its_stated_text(element: str, text: str) -> None:
    assert texts_of(f"<p>{element}</p>") == [text]


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ("<p class='auto-cursor-target'><br/></p><p/><p local-id='7'>a</p>", ["a"]),
        ("<hr/><p>a</p>", ["a"]),
        ("<blockquote><p>a</p><p>b</p></blockquote>", ["> a\n>\n> b"]),
        ("<pre>a\n  b</pre>", ["```\na\n  b\n```"]),
        ("<ol start='3'><li>a</li><li><p>b</p><ul><li>c</li></ul></li></ol>", ["3. a\n4. b\n   - c"]),
        ("<style>p {}</style><script>x()</script><p>a</p>", ["a"]),
        ("<p style='display: none'>secret</p><p>a</p>", ["a"]),
        ("<at:declarations><at:string at:name='v'/></at:declarations><p>a</p>", ["a"]),
        ("<ac:confluence><p>a</p></ac:confluence>", ["a"]),
        ("<!-- secret --><p>a</p><?php secret ?>", ["a"]),
    ],
)
def test_an_element_of_the_page_becomes_its_stated_blocks(element: str, text: list[str]) -> None:
    assert texts_of(element) == text


def test_tasks_keep_their_state_and_nest_and_their_ids_are_not_shown() -> None:
    user = "<ac:link><ri:user ri:account-id='abc'/></ac:link>"
    call = f"Call {user}<time datetime='2026-01-02'/> {task_list(task('7', 'complete', 'Inner'))}"
    text = task_list(task("6", "incomplete", call) + task("8", "complete", "Done"))
    assert texts_of(text) == ["- [ ] Call @Ada Lovelace 2026-01-02\n  - [x] Inner\n- [x] Done"]


def task_list(text: str) -> str:
    return f"<ac:task-list>{text}</ac:task-list>"


def task(number: str, status: str, body: str) -> str:
    return (
        f"<ac:task><ac:task-id>{number}</ac:task-id><ac:task-uuid>u-{number}</ac:task-uuid>"
        f"<ac:task-status>{status}</ac:task-status><ac:task-body><span>{body}</span></ac:task-body></ac:task>"
    )


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (
            "<ri:page ri:content-title='Rates' ri:space-key='FIN'/><ac:link-body>the <b>rates</b></ac:link-body>",
            "the rates",
        ),
        (
            "<ac:plain-text-link-body><![CDATA[a < b]]></ac:plain-text-link-body><ri:page ri:content-title='R'/>",
            "a < b",
        ),
        ("<ri:page ri:content-title='Rates' ri:space-key='FIN'/>", "Rates 2026"),
        ("<ri:page ri:content-title='Old &amp; gone'/>", "Old & gone"),
        ("<ri:page ri:content-title='Rates' ri:space-key='FIN'/><ac:link-body></ac:link-body>", "Rates 2026"),
        ("<ri:blog-post ri:content-title='News' ri:posting-day='2026/05/01'/>", "News"),
        ("<ri:content-entity ri:content-id='77'/>", "By id"),
        ("<ri:content-entity ri:content-id='78'/>", "linked page"),
        ("<ri:attachment ri:filename='plan.pdf'><ri:page ri:content-title='Other'/></ri:attachment>", "plan.pdf"),
        ("<ri:user ri:account-id='abc'/>", "@Ada Lovelace"),
        ("<ri:user ri:userkey='8a16'/>", "@Grace Hopper"),
        ("<ri:user ri:userkey='ff80808145'/>", "@user"),
        ("<ri:space ri:space-key='FIN'/>", "FIN"),
        ("<ri:space ri:space-key='@self'/>", "this space"),
        ("<ri:shortcut ri:key='jira' ri:parameter='OPS-1'/>", "jira:OPS-1"),
        ("<ri:url ri:value='https://x.example'/>", "https://x.example"),
    ],
)
def test_a_link_shows_its_words_or_else_what_it_leads_to(inside: str, text: str) -> None:
    assert texts_of(f"<p>(<ac:link ac:card-appearance='inline'>{inside}</ac:link>)</p>") == [f"({text})"]


def test_a_link_that_leads_nowhere_shows_nothing_and_one_to_an_anchor_its_name() -> None:
    assert texts_of("<p>a<ac:link/> <ac:link ac:anchor='top'/></p>") == ["a #top"]


def test_a_link_around_an_image_shows_the_image() -> None:
    image = "<ac:image ac:alt='Map'><ri:attachment ri:filename='m.png'/></ac:image>"
    text = f"<p><ac:link><ri:page ri:content-title='R'/><ac:link-body>{image}</ac:link-body></ac:link></p>"
    assert texts_of(text) == ["[Image: Map]"]


@pytest.mark.parametrize(
    ("address", "said", "text"),
    [
        ("https://wiki.example/wiki/spaces/X/pages/77/Old+title", "", "By id"),
        ("https://wiki.example/wiki/spaces/X/pages/78/Release+%26+Notes?x=1", "", "Release & Notes"),
        ("https://wiki.example/wiki/spaces/X/pages/78", "", None),
        ("https://other.example/wiki/spaces/X/pages/77/Old", "", None),
        ("https://wiki.example/wiki/spaces/X/pages/77/Old", "as it was said", "as it was said"),
        ("https://[broken/pages/77/x", "", None),
    ],
)
def test_a_card_shows_the_title_of_its_page_and_the_address_of_other_sites(
    address: str, said: str, text: str | None
) -> None:
    parsed = parse(
        f"<p><a href='{address.replace('&', '&amp;')}' data-card-appearance='inline'>{said or address}</a></p>"
    )
    assert [section.text for section in parsed.page.sections] == [text or address]
    assert parsed.page.links == (address,)


def test_links_are_addresses_and_references_name_pages_and_users_once() -> None:
    page = "<ac:link><ri:page ri:content-title='Rates' ri:space-key='FIN'/></ac:link>"
    user = "<ac:link><ri:user ri:account-id='abc'/></ac:link>"
    parsed = parse(f"<p>{page}{page}{user}<a href='https://x.example/?a=1&amp;b=2'>x</a></p>")
    assert parsed.page.links == ("https://wiki.example/rates", "https://x.example/?a=1&b=2")
    assert (parsed.references.pages, parsed.references.users) == ((RATES,), ("abc",))


def test_names_to_ask_for_are_found_without_parsing_and_not_in_code() -> None:
    text = (
        "<ri:user ri:account-id='abc'/><ri:user ri:username='@authenticated'/><ri:page ri:content-title='A &amp; B' />"
        "<![CDATA[<ri:page ri:content-title='shown'/>]]><ri:content-entity\nri:content-id=\"77\"/>"
        "<a data-card-appearance='inline' href='https://wiki.example/wiki/spaces/X/pages/9/T'>x</a>"
    )
    found = references_of(text)
    assert found.users == ("abc",)
    assert found.pages == (PageRef(title="A & B"), PageRef(content_id="77"), PageRef(content_id="9"))


def test_a_table_keeps_its_columns_through_spans() -> None:
    text = (
        "<table class='wrapped'><colgroup><col/><col/><col/></colgroup><tbody>"
        "<tr><th rowspan='2'>Plan</th><th colspan='2'>Price</th></tr><tr><th>net</th><th>gross</th></tr>"
        "<tr><td><p>Basic</p></td><td rowspan='2'>10</td><td>12</td></tr><tr><td>Plus</td><td>13</td></tr>"
        "<tr><td colspan='3'>All per month</td></tr></tbody></table>"
    )
    assert texts_of(text) == [
        "| Plan | Price / net | Price / gross |\n| --- | --- | --- |\n| Basic | 10 | 12 |\n| Plus | 10 | 13 |\n"
        "| All per month | All per month | All per month |"
    ]


def test_a_table_in_a_cell_keeps_what_its_columns_are_called() -> None:
    inner = "<table><tr><th>Port</th><th>Use</th></tr><tr><td>22</td><td>ssh</td></tr><tr><td>80</td><td/></tr></table>"
    text = f"<table><tr><th>Host</th><th>Ports</th></tr><tr><td>a</td><td>{inner}</td></tr></table>"
    assert texts_of(text) == ["| Host | Ports |\n| --- | --- |\n| a | Port: 22, Use: ssh; Port: 80 |"]


def test_a_cell_holds_lists_paragraphs_states_and_ticks_on_one_line() -> None:
    status = (
        "<ac:structured-macro ac:name='status'><ac:parameter ac:name='title'>OK</ac:parameter></ac:structured-macro>"
    )
    cell = f"<p>one</p><p>two</p><ul><li>x</li><li>y</li></ul>{status}<ac:emoticon ac:name='tick'/>"
    text = f"<table><tr><th>a</th><th>b</th></tr><tr><td>{cell}</td><td>2</td></tr></table>"
    assert texts_of(text) == ["| a | b |\n| --- | --- |\n| one / two / x; y / [OK]✔ | 2 |"]


def test_code_in_a_cell_keeps_its_lines_below_the_table() -> None:
    body = "<ac:plain-text-body><![CDATA[a\n  b]]></ac:plain-text-body>"
    cell = f"<ac:structured-macro ac:name='code'>{body}</ac:structured-macro>"
    text = f"<table><tr><th>k</th><th>v</th></tr><tr><td>x</td><td>{cell}</td></tr></table>"
    assert texts_of(text) == ["| k | v |\n| --- | --- |\n| x | [code 1] |", "[code 1]", "```\na\n  b\n```"]


def test_cells_that_only_number_the_rows_are_left_out() -> None:
    header = "<tr><th class='numberingColumn'/><th>a</th></tr>"
    text = f"<table>{header}<tr><td class='numberingColumn'>1</td><td>b</td></tr></table>"
    assert texts_of(text) == ["| a |\n| --- |\n| b |"]


@pytest.mark.parametrize("span", ["0", "-3", "x", "", "999999999999"])
def test_a_broken_span_loses_no_cell(span: str) -> None:
    (table,) = texts_of(
        f"<table><tr><td colspan='{span}' rowspan='{span}'>a</td><td>b</td></tr><tr><td>c</td></tr></table>"
    )
    assert all(letter in table for letter in "abc")


def test_columns_of_a_layout_are_read_one_after_the_other_and_end_each_others_headings() -> None:
    layout = (
        "<h2>Top</h2><p>t</p><ac:layout><ac:layout-section ac:type='two_equal'><ac:layout-cell><h3>Left</h3><p>l</p>"
        "</ac:layout-cell><ac:layout-cell><p>right</p></ac:layout-cell></ac:layout-section></ac:layout>"
    )
    assert [(section.heading_path, section.text) for section in parse(layout).page.sections] == [
        (("Top",), "t\n\nright"),
        (("Top", "Left"), "l"),
    ]


def test_headings_in_a_layout_with_one_column_go_on_after_it() -> None:
    row = "<ac:layout-section ac:type='single'><ac:layout-cell>{}</ac:layout-cell></ac:layout-section>"
    layout = f"<ac:layout>{row.format('<h2>A</h2>')}{row.format('<p>text</p>')}</ac:layout>"
    assert parse(layout).page.sections[0].heading_path == ("A",)


def test_an_extension_shows_its_content_or_its_fallback_and_not_both() -> None:
    panel = (
        "<ac:adf-node type='panel'><ac:adf-attribute key='panel-type'>note</ac:adf-attribute>"
        "<ac:adf-content><p>Once</p></ac:adf-content></ac:adf-node>"
    )
    fallback = "<ac:adf-fallback><div class='panel'><p>Once</p></div></ac:adf-fallback>"
    assert texts_of(f"<ac:adf-extension>{panel}{fallback}</ac:adf-extension>") == ["Note: Once"]
    assert texts_of(f"<ac:adf-extension>{fallback}</ac:adf-extension>") == ["Once"]


def test_decisions_are_a_list() -> None:
    items = "".join(node("decision-item", content=text) for text in ("We ship", "We wait"))
    assert texts_of(f"<ac:adf-extension>{node('decision-list', content=items)}</ac:adf-extension>") == [
        "- We ship\n- We wait"
    ]


def node(kind: str, *, content: str) -> str:
    state = "<ac:adf-attribute key='state'>DECIDED</ac:adf-attribute>"
    return f"<ac:adf-node type='{kind}'>{state}<ac:adf-content>{content}</ac:adf-content></ac:adf-node>"
