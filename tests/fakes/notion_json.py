"""Notion's JSON as the API writes it: runs of rich text, blocks, property values."""

from typing import Any

Json = dict[str, Any]

PLAIN = {
    "bold": False,
    "italic": False,
    "strikethrough": False,
    "underline": False,
    "code": False,
    "color": "default",
}


def run(content: str, *, href: str | None = None, **marks: bool) -> Json:
    """A run of text. Marks such as `code=True`."""
    link = {"url": href} if href else None
    return {
        "type": "text",
        "text": {"content": content, "link": link},
        "annotations": PLAIN | marks,
        "plain_text": content,
        "href": href,
    }


def equation(expression: str) -> Json:
    """An inline equation. It has no `text`."""
    return {
        "type": "equation",
        "equation": {"expression": expression},
        "annotations": dict(PLAIN),
        "plain_text": expression,
        "href": None,
    }


def mention(kind: str, value: Any, *, plain_text: str, href: str | None = None) -> Json:
    """A mention. It has no `text` either."""
    return {
        "type": "mention",
        "mention": {"type": kind, kind: value},
        "annotations": dict(PLAIN),
        "plain_text": plain_text,
        "href": href,
    }


def runs(content: str | list[Json]) -> list[Json]:
    """Rich text from a plain string or from runs."""
    if isinstance(content, list):
        return content
    return [run(content)] if content else []


def block(kind: str, content: str | list[Json] | None = None, *children: Json, **payload: Any) -> Json:
    """A block as a test writes it: `content` is its rich text, `children` are what is inside."""
    text = {} if content is None else {"rich_text": runs(content)}
    return {"type": kind, kind: text | payload, "children": list(children)}


def paragraph(content: str | list[Json], *children: Json) -> Json:
    """A paragraph."""
    return block("paragraph", content, *children)


def heading(content: str, *children: Json, level: int = 1) -> Json:
    """A heading; a toggle heading if there is something inside."""
    return block(f"heading_{level}", content, *children, is_toggleable=bool(children), color="default")


def table(*rows: list[str], has_header: bool = True) -> Json:
    """A table of plain cells."""
    inside = [block("table_row", cells=[runs(cell) for cell in row]) for row in rows]
    width = max(map(len, rows), default=1)
    return block("table", None, *inside, table_width=width, has_column_header=has_header, has_row_header=False)


def hosted_file(name: str, *, signature: str = "1") -> Json:
    """A file that Notion hosts: its address changes with every read."""
    url = f"https://files.example/secure/{name}?X-Amz-Signature={signature}"
    return {"type": "file", "file": {"url": url, "expiry_time": "2026-01-01T00:00:00.000Z"}}


def title_property(title: str) -> Json:
    """The property that holds a page's title."""
    return {"id": "title", "type": "title", "title": runs(title)}


def value(kind: str, content: Any, *, property_id: str = "abcd") -> Json:
    """A property value."""
    return {"id": property_id, "type": kind, kind: content}
