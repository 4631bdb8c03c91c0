"""What each Notion block, run of rich text and property becomes: the rows of docs/notion.md, each with its text."""

from tests.fakes.notion_json import Json, block, equation, heading, hosted_file, mention, paragraph, run, runs, table

EXTERNAL = {"type": "external", "external": {"url": "https://media.example/a.mp4"}}
KNOWN = "c" * 32
UNKNOWN = "d" * 32
TITLES = {KNOWN: "Known page"}
PEOPLE = {"e" * 32: "Ana Silva"}
DATE = {"start": "2026-03-02", "end": None, "time_zone": None}

# Row → (blocks, the sections' texts; a heading path before its text).
BLOCKS: dict[str, tuple[list[Json], str]] = {
    "paragraph": (
        [paragraph("One.\nStill one.", paragraph("Indented.")), paragraph("")],
        "One.\nStill one.\n\nIndented.",
    ),
    "heading_1": ([heading("A", paragraph("Inside.")), paragraph("After.")], "[A]\nInside.\n\nAfter."),
    "heading_2": ([heading("A"), heading("B", level=2), paragraph("x")], "[A › B]\nx"),
    "heading_3": ([heading("A", level=2), heading("B", level=3), paragraph("x")], "[A › B]\nx"),
    "heading_4": ([heading("Line\nbreak", level=4), paragraph("x")], "[Line break]\nx"),
    "bulleted_list_item": (
        [block("bulleted_list_item", "a", block("bulleted_list_item", "b")), block("bulleted_list_item", "c")],
        "- a\n  - b\n- c",
    ),
    "numbered_list_item": (
        [
            block("numbered_list_item", "a", list_start_index=3),
            block("numbered_list_item", "b", paragraph("more")),
            paragraph("between"),
            block("numbered_list_item", "c"),
        ],
        "3. a\n4. b\n   more\n\nbetween\n\n1. c",
    ),
    "to_do": (
        [
            block("to_do", "open", checked=False),
            block("to_do", "done", block("to_do", "part", checked=True), checked=True),
        ],
        "- [ ] open\n- [x] done\n  - [x] part",
    ),
    "toggle": (
        [block("toggle", "How?", paragraph("So."), table(["a", "b"], ["1", "2"]))],
        "How?\n\nSo.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
    ),
    "quote": ([block("quote", "Said\nso", paragraph("and more"))], "> Said\n> so\n>\n> and more"),
    "callout": (
        [block("callout", "Mind the step", paragraph("It is high."), icon={"type": "emoji", "emoji": "⚠️"})],
        "> ⚠️ Mind the step\n>\n> It is high.",
    ),
    "code": (
        [block("code", [run("a = '```'\n"), run("  b")], language="python", caption=runs("Try it"))],
        "```python\na = '```'\n  b\n```\n\nTry it",
    ),
    "equation": ([block("equation", expression="e = mc^2")], "$$ e = mc^2 $$"),
    "divider": ([paragraph("a"), block("divider"), paragraph("b")], "a\n\nb"),
    "table": (
        [table(["Plan", "Price"], ["Basic | old", ""]), table(["x", "y"], ["1", "2"], has_header=False), table()],
        "| Plan | Price |\n| --- | --- |\n| Basic \\| old |  |\n\n| x | y |\n| 1 | 2 |",
    ),
    "table_row": ([block("table_row", cells=[runs("a"), [equation("b")]])], "| a | $b$ |"),
    "column_list": (
        [
            block(
                "column_list", None, block("column", None, paragraph("left")), block("column", None, paragraph("right"))
            )
        ],
        "left\n\nright",
    ),
    "column": ([block("column", None, heading("In a column"), paragraph("x"))], "[In a column]\nx"),
    "tab": ([block("tab", None, paragraph("Overview", paragraph("Text of it.")))], "Overview\n\nText of it."),
    "synced_block": (
        [block("synced_block", None, paragraph("shown"), synced_from={"type": "block_id", "block_id": "x"})],
        "shown",
    ),
    "child_page": ([block("child_page", title="Below")], "Page: Below"),
    "child_database": (
        [block("child_database", title="Tasks"), block("child_database", title="Untitled")],
        "Database: Tasks",
    ),
    "link_to_page": (
        [block("link_to_page", type="page_id", page_id=KNOWN), block("link_to_page", type="page_id", page_id=UNKNOWN)],
        "Page: Known page",
    ),
    "bookmark": ([block("bookmark", url="https://a.example", caption=runs("A site"))], "[A site](https://a.example)"),
    "embed": ([block("embed", url="https://a.example", caption=[])], "https://a.example"),
    "link_preview": (
        [block("link_preview", url="https://a.example"), block("link_preview", url="")],
        "https://a.example",
    ),
    "image": ([block("image", caption=runs("The pump"), **hosted_file("p.png"))], "[Image: The pump]"),
    "video": ([block("video", caption=[], **EXTERNAL)], "[Video: a.mp4](https://media.example/a.mp4)"),
    "audio": ([block("audio", caption=[], **hosted_file("talk%20one.mp3"))], "[Audio: talk one.mp3]"),
    "pdf": ([block("pdf", caption=runs("Terms"), **hosted_file("t.pdf"))], "[PDF: Terms (t.pdf)]"),
    "file": ([block("file", caption=[], name="plan.xlsx", **hosted_file("x"))], "[File: plan.xlsx]"),
    "meeting_notes": (
        [block("meeting_notes", None, paragraph("We agreed."), title=runs("Weekly"), status="done")],
        "[Weekly]\nWe agreed.",
    ),
    "transcription": (
        [block("transcription", None, paragraph("We agreed."), title=runs("Weekly"))],
        "[Weekly]\nWe agreed.",
    ),
    "template": ([block("template", "New entry", paragraph("not yet there"))], "New entry"),
    "breadcrumb": ([block("breadcrumb")], ""),
    "table_of_contents": ([block("table_of_contents", color="gray")], ""),
    "unsupported": ([block("unsupported", None, paragraph("x"), block_type="button")], ""),
    "anything else": (
        [block("hologram", "Seen", paragraph("inside"), url="https://h.example")],
        "Seen\nhttps://h.example\n\ninside",
    ),
}
# Row → (runs, text).
RUNS: dict[str, tuple[list[Json], str]] = {
    "text": ([run("bo", bold=True), run("ld "), run("words")], "bold words"),
    "code": ([run("Run "), run(" x = 1 ", code=True), run("now")], "Run `x = 1` now"),
    "strikethrough": ([run("old", strikethrough=True), run(" new")], "~~old~~ new"),
    "link": ([run("See "), run("the page", href="/" + KNOWN)], "See the page"),
    "equation": ([run("Area "), equation("a^2")], "Area $a^2$"),
    "mention of a person": (
        [
            mention("user", {"object": "user", "id": "1", "name": "Bo"}, plain_text="@Bo"),
            run(", "),
            mention("user", {"object": "user", "id": "e" * 32}, plain_text="@Anonymous"),
            run(", "),
            mention("user", {"object": "user", "id": "f" * 32}, plain_text="@Anonymous"),
        ],
        "@Bo, @Ana Silva, @Anonymous",
    ),
    "mention of a page": (
        [
            mention("page", {"id": KNOWN}, plain_text="Untitled"),
            run(", "),
            mention("page", {"id": "1"}, plain_text="Other"),
        ],
        "Known page, Other",
    ),
    "mention of a database": (
        [
            mention("database", {"id": UNKNOWN}, plain_text=f"Database {UNKNOWN}"),
            run(", "),
            mention("database", {"id": "1"}, plain_text="Tasks"),
        ],
        "Database, Tasks",
    ),
    "mention of a date": (
        [
            mention("date", DATE, plain_text="2026-03-02 → "),
            run("; "),
            mention("date", DATE | {"end": "2026-03-05", "time_zone": "Europe/Lisbon"}, plain_text="?"),
            run("; "),
            mention("date", DATE | {"start": "2026-03-02T09:00:00.000-05:00"}, plain_text="?"),
        ],
        "2026-03-02; 2026-03-02 – 2026-03-05 (Europe/Lisbon); 2026-03-02 09:00 (-05:00)",
    ),
    "link preview": (
        [mention("link_preview", {"url": "https://a.example"}, plain_text="https://a.example")],
        "https://a.example",
    ),
    "link mention": (
        [
            mention(
                "link_mention",
                {"href": "https://a.example", "title": "Flat", "link_provider": "Airbnb"},
                plain_text="https://a.example",
            )
        ],
        "Flat (Airbnb)",
    ),
    "template mention": (
        [run("On "), mention("template_mention", {"type": "template_mention_date"}, plain_text="@Today")],
        "On",
    ),
    "custom emoji": ([mention("custom_emoji", {"id": "1", "name": "logo"}, plain_text=":logo:"), run(" ours")], "ours"),
    "anything else": ([mention("hologram", {"id": "1"}, plain_text="seen")], "seen"),
}

# Row → (value, text).
PROPERTIES: dict[str, tuple[Json, str]] = {
    "title": ({"type": "title", "title": runs("Not here")}, ""),
    "rich_text": ({"type": "rich_text", "rich_text": runs("a\nb")}, "a b"),
    "number": ({"type": "number", "number": 0}, "0"),
    "checkbox": ({"type": "checkbox", "checkbox": False}, "no"),
    "select": ({"type": "select", "select": {"name": "High"}}, "High"),
    "status": ({"type": "status", "status": {"name": "Done"}}, "Done"),
    "multi_select": ({"type": "multi_select", "multi_select": [{"name": "a"}, {"name": "b"}]}, "a, b"),
    "date": ({"type": "date", "date": DATE | {"end": "2026-03-05"}}, "2026-03-02 – 2026-03-05"),
    "people": (
        {"type": "people", "people": [{"id": "1", "name": "Bo"}, {"id": "e" * 32}, {"id": "f" * 32}]},
        "Bo, Ana Silva",
    ),
    "created_by": ({"type": "created_by", "created_by": {"object": "user", "id": "e" * 32}}, "Ana Silva"),
    "last_edited_by": ({"type": "last_edited_by", "last_edited_by": {"object": "user", "id": "1"}}, ""),
    "created_time": ({"type": "created_time", "created_time": "2026-03-02T09:00:00.000Z"}, ""),
    "last_edited_time": ({"type": "last_edited_time", "last_edited_time": "2026-03-02T09:00:00.000Z"}, ""),
    "email": ({"type": "email", "email": "a@b.example"}, "a@b.example"),
    "phone_number": ({"type": "phone_number", "phone_number": "+351 1"}, "+351 1"),
    "url": ({"type": "url", "url": None}, ""),
    "files": ({"type": "files", "files": [{"name": "a.pdf"} | hosted_file("a.pdf")]}, "a.pdf"),
    "relation": ({"type": "relation", "relation": [{"id": KNOWN}, {"id": UNKNOWN}]}, "Known page"),
    "formula": ({"type": "formula", "formula": {"type": "boolean", "boolean": True}}, "yes"),
    "rollup": (
        {
            "type": "rollup",
            "rollup": {
                "type": "array",
                "array": [
                    {"type": "title", "title": runs("A")},
                    {"type": "number", "number": 2.5},
                    {"type": "date", "date": DATE},
                ],
            },
        },
        "A; 2.5; 2026-03-02",
    ),
    "unique_id": ({"type": "unique_id", "unique_id": {"prefix": "ST", "number": 2}}, "ST-2"),
    "verification": (
        {
            "type": "verification",
            "verification": {"state": "verified", "date": DATE | {"end": "2026-09-01T00:00:00.000Z"}},
        },
        "verified until 2026-09-01",
    ),
    "place": ({"type": "place", "place": {"lat": 1, "lon": 2, "name": "Porto"}}, "Porto"),
    "button": ({"type": "button", "button": {}}, ""),
    "anything else": ({"type": "hologram", "hologram": {}}, ""),
}
