"""The Atlassian Document Format: every node, through the same sections as storage format."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsing.adf import parse_adf, references_of_adf
from ingest.parsing.link_names import LinkedPage, LinkNames, PageRef
from ingest.parsing.storage_format import ParsedStorage, parse_storage

URL = "https://acme.example/wiki/spaces/ENG/pages/1/Page"
NAMES = LinkNames(
    users={"abc": "Ada Lovelace"},
    pages={PageRef(content_id="77"): LinkedPage(title="Rates 2026", url="https://acme.example/wiki/rates")},
    files={"f-1": "plan.pdf"},
)

Json = dict[str, Any]  # the nodes are JSON


def node(kind: str, *content: Json, **attributes: object) -> Json:
    return {"type": kind, "attrs": attributes, "content": list(content)}


def text(written: str, *marks: Json) -> Json:
    return {"type": "text", "text": written, "marks": list(marks)}


def paragraph(*content: Json | str) -> Json:
    return node("paragraph", *(text(each) if isinstance(each, str) else each for each in content))


def parse(*content: Json) -> ParsedStorage:
    return parse_adf({"type": "doc", "version": 1, "content": list(content)}, url=URL, title="Page", names=NAMES)


def texts_of(*content: Json) -> list[str]:
    return [block.text for section in parse(*content).page.sections for block in section.blocks]


@pytest.mark.parametrize(
    ("inline", "written"),
    [
        ([text("a", {"type": "strong"}), text(" b", {"type": "em"})], "a b"),
        ([text("was "), text("25", {"type": "strike"})], "was ~~25~~"),
        ([text("run "), text("make", {"type": "code"}, {"type": "strong"})], "run `make`"),
        ([text("10"), text("6", {"type": "subsup", "attrs": {"type": "sup"}})], "10^6"),
        ([text("here", {"type": "link", "attrs": {"href": "https://x.example"}})], "here"),
        ([text("a"), node("hardBreak"), text("b")], "a\nb"),
        ([text("ask"), node("mention", id="abc", text="@ada")], "ask @Ada Lovelace"),
        ([node("mention", id="zzz", text="@Bo")], "@Bo"),
        ([node("mention", id="zzz")], "@user"),
        ([node("emoji", shortName=":tick:", text="✔"), node("emoji", shortName=":x:")], "✔:x:"),
        ([text("due"), node("date", timestamp="1777593600000")], "due 2026-05-01"),
        ([text("a"), node("date", timestamp="soon"), node("date", timestamp="9" * 40)], "a"),
        ([node("status", text="DONE", color="green", localId="7f")], "[DONE]"),
        ([node("inlineCard", url="https://x.example/a")], "https://x.example/a"),
        ([node("inlineCard", url="https://acme.example/wiki/spaces/ENG/pages/77/Old")], "Rates 2026"),
        ([node("inlineCard", url="https://other.example/wiki/spaces/ENG/pages/77/Old")] * 1, None),
        ([text("a"), node("placeholder", text="Type here")], "a"),
        ([node("mediaInline", id="f-1", type="file", collection="c-9")], "[File: plan.pdf]"),
    ],
)
def test_an_inline_node_becomes_its_stated_text(inline: list[Json], written: str | None) -> None:
    expected = inline[0]["attrs"]["url"] if written is None else written
    assert texts_of(node("paragraph", *inline)) == [expected]


@pytest.mark.parametrize(
    ("block", "written"),
    [
        (
            node("bulletList", node("listItem", paragraph("a"), node("bulletList", node("listItem", paragraph("b"))))),
            ["- a\n  - b"],
        ),
        (
            node("orderedList", node("listItem", paragraph("a")), node("listItem", paragraph("b")), order=3),
            ["3. a\n4. b"],
        ),
        (
            node("taskList", node("taskItem", text("a"), state="DONE"), node("taskItem", text("b"))),
            ["- [x] a\n- [ ] b"],
        ),
        (node("decisionList", node("decisionItem", text("We ship"), state="DECIDED")), ["- We ship"]),
        (node("codeBlock", text("\na\n\n  b"), language="python"), ["```python\n\na\n\n  b\n```"]),
        (node("panel", paragraph("a"), panelType="warning"), ["Warning: a"]),
        (node("panel", paragraph("a"), panelType="custom", panelIcon=":x:", panelColor="#fff"), ["a"]),
        (node("blockquote", paragraph("a"), paragraph("b")), ["> a\n>\n> b"]),
        (node("rule"), []),
        (
            node("mediaSingle", node("media", id="x", type="file", alt="Map"), node("caption", text("Fig. 1"))),
            ["[Image: Map]", "Fig. 1"],
        ),
        (node("mediaSingle", node("media", id="unknown", type="file", width=10)), []),
        (node("mediaGroup", node("media", id="f-1", type="file")), ["[File: plan.pdf]"]),
        (node("blockCard", url="https://x.example"), ["https://x.example"]),
        (node("embedCard", url="https://x.example", layout="wide"), ["https://x.example"]),
        (node("syncBlock", resourceId="r-1"), []),
    ],
)
def test_a_block_node_becomes_its_stated_blocks(block: Json, written: list[str]) -> None:
    assert texts_of(paragraph("A"), block, paragraph("Z")) == ["A", *written, "Z"]


def test_a_table_keeps_its_columns_through_spans_and_nesting() -> None:
    def cell(kind: str, *content: Json, **attributes: object) -> Json:
        return node(kind, *content, **attributes)

    inner = node(
        "table",
        node("tableRow", cell("tableHeader", paragraph("Port")), cell("tableHeader", paragraph("Use"))),
        node("tableRow", cell("tableCell", paragraph("22")), cell("tableCell", paragraph("ssh"))),
    )
    table = node(
        "table",
        node("tableRow", cell("tableHeader", paragraph("Plan")), cell("tableHeader", paragraph("Price"), colspan=2)),
        node(
            "tableRow",
            cell("tableCell", paragraph("Basic"), rowspan=2),
            cell("tableCell", paragraph("10")),
            cell("tableCell", inner),
        ),
        node(
            "tableRow",
            cell(
                "tableCell",
                node("bulletList", node("listItem", paragraph("x")), node("listItem", paragraph("y"))),
                colspan=2,
            ),
        ),
    )
    assert texts_of(table) == [
        "| Plan | Price | Price |\n| --- | --- | --- |\n| Basic | 10 | Port: 22, Use: ssh |\n| Basic | x; y | x; y |"
    ]


def test_headings_have_the_ids_that_cloud_gives_them() -> None:
    headings = [
        node("heading", text("What's "), text("next?", {"type": "strong"}), level=2),
        node("heading", text("Due "), node("date", timestamp="1777593600000"), node("status", text="OK"), level=3),
        node(
            "heading", node("mention", id="abc", text="@ada"), node("inlineExtension", extensionKey="anchor"), level=2
        ),
        node("heading", text("What's next?"), level=2),
    ]
    content = [each for heading in headings for each in (heading, paragraph("x"))]
    assert [section.anchor for section in parse(*content).page.sections] == [
        "What's-next?",
        "Due-[date]OK",
        "@Ada-Lovelace[inlineExtension]",
        "What's-next?.1",
    ]


def test_an_expand_is_a_part_and_a_layout_is_read_column_by_column() -> None:
    layout = node(
        "layoutSection",
        node("layoutColumn", node("heading", text("L"), level=3), paragraph("l")),
        node("layoutColumn", paragraph("r")),
    )
    page = parse(node("heading", text("Top"), level=2), node("expand", paragraph("b"), title="More"), layout).page
    assert [(section.heading_path, section.text) for section in page.sections] == [
        (("Top",), "r"),
        (("Top", "More"), "b"),
        (("Top", "L"), "l"),
    ]


def test_macros_become_what_they_are_in_storage_format() -> None:
    jira = {"": {"value": "x"}, "key": {"value": "OPS-7"}, "serverId": {"value": "5e1f"}}
    assert texts_of(extension("inlineExtension", "jira", jira)) == ["OPS-7"]
    assert texts_of(extension("extension", "toc", {"maxLevel": {"value": "3"}})) == []
    assert texts_of(extension("bodiedExtension", "info", {"title": {"value": "T"}}, paragraph("b"))) == ["Info: T", "b"]
    assert texts_of(extension("extension", "excerpt-include", {"": {"value": "FIN:Rates"}})) == ["(see: Rates)"]


def extension(kind: str, key: str, parameters: Json, *content: Json) -> Json:
    return node(kind, *content, extensionKey=key, extensionType="com.example", parameters={"macroParams": parameters})


def test_what_is_unknown_keeps_its_body_and_is_counted() -> None:
    parsed = parse(
        node("hologram", paragraph("a")), extension("bodiedExtension", "ari:app/static/poll", {}, paragraph("b"))
    )
    assert [block.text for block in parsed.page.sections[0].blocks] == ["a", "b"]
    assert parsed.unknown_macros == {"node hologram": 1, "poll": 1}


def test_what_only_some_readers_may_see_is_left_out_and_counted() -> None:
    parsed = parse(extension("bodiedExtension", "show-if", {}, paragraph("secret")))
    assert (parsed.page.sections, parsed.withheld_macros) == ((), {"show-if": 1})


def test_names_to_ask_for_are_found_before_parsing() -> None:
    document = {
        "type": "doc",
        "content": [
            paragraph(
                node("mention", id="abc"), node("inlineCard", url="https://acme.example/wiki/spaces/X/pages/9/T")
            ),
            node("mediaGroup", node("media", id="f-1", type="file")),
        ],
    }
    found = references_of_adf(document, url=URL)
    assert (found.users, found.pages, found.files) == (("abc",), (PageRef(content_id="9"),), ("f-1",))


def test_the_same_page_in_both_formats_has_the_same_sections() -> None:
    storage = (
        "<p>Intro</p><h2>Setup</h2><ul><li><p>one</p></li></ul>"
        "<table><tbody><tr><th><p>a</p></th><th><p>b</p></th></tr><tr><td><p>1</p></td><td><p>2</p></td></tr></tbody></table>"
    )
    table = node(
        "table",
        node("tableRow", node("tableHeader", paragraph("a")), node("tableHeader", paragraph("b"))),
        node("tableRow", node("tableCell", paragraph("1")), node("tableCell", paragraph("2"))),
    )
    items = node("bulletList", node("listItem", paragraph("one")))
    in_adf = parse(paragraph("Intro"), node("heading", text("Setup"), level=2), items, table)
    in_storage = parse_storage(storage, url=URL, title="Page", deployment="cloud", names=NAMES)
    assert in_adf.page.sections == in_storage.page.sections


@pytest.mark.parametrize(
    "kind", ["panel", "bulletList", "expand", "blockquote", "layoutSection", "hologram", "heading", "tableCell"]
)
def test_nesting_of_any_depth_keeps_its_text(kind: str) -> None:
    inner = paragraph("bottom")
    for _ in range(5000):
        inner = node(kind, inner)
    assert "bottom" in str(parse(inner, paragraph("after")).page.sections)


BROKEN = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {
                "type": st.sampled_from(
                    ["doc", "text", "table", "tableRow", "tableCell", "heading", "media", "extension", "date"]
                ),
                "attrs": inner | st.fixed_dictionaries({"level": inner, "extensionKey": inner, "parameters": inner}),
                "content": inner,
                "marks": inner,
                "text": inner,
            }
        )
    ),
    max_leaves=12,
)


@given(document=BROKEN)
@settings(max_examples=150, derandomize=True, deadline=None)
def test_whatever_is_in_a_document_it_parses(document: object) -> None:
    for section in parse(*([document] if isinstance(document, dict) else [])).page.sections:
        assert section.text.strip()


def test_characters_that_no_reader_sees_are_not_stored() -> None:
    assert texts_of(paragraph("Pay\u200bday\u202e \ud83d is"), node("codeBlock", text("a\u202eb"))) == [
        "Payday is",
        "```\nab\n```",
    ]
