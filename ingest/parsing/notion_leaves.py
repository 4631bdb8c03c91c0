"""Notion blocks without a body of blocks: what each says as one piece of light Markdown."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ingest.parsing.blocks import code_block, table_block
from ingest.parsing.hygiene import one_line
from ingest.parsing.notion_json import Json, object_at, objects_at, plain_id, text_at
from ingest.parsing.notion_rich_text import NotionNames, line, prose, verbatim
from ingest.parsing.tables import Cell, expand_spans
from kb.documents import Block

MEDIA = {"image": "Image", "video": "Video", "audio": "Audio", "pdf": "PDF", "file": "File"}
LINKS = frozenset({"bookmark", "embed", "link_preview"})
# What these say is that something is there; a reader sees no words.
SILENT = frozenset({"divider", "breadcrumb", "table_of_contents"})
_UNTITLED = frozenset({"", "Untitled"})


@dataclass(slots=True, kw_only=True)
class NotionBlock:
    """One block with the blocks inside it. `payload`: the object that the API keeps under the block's type.

    `is_unread`: what is inside may not be read, as of a copy whose original is not shared.
    """

    id: str
    kind: str
    payload: Json
    children: list["NotionBlock"] = field(default_factory=list)
    is_unread: bool = False


def leaf_blocks(block: NotionBlock, names: NotionNames) -> list[Block] | None:
    """What a leaf says, in order; empty if a reader sees no words; None if the block is of another kind."""
    if block.kind in SILENT:
        return []
    if block.kind in MEDIA:
        return _paragraphs(_media(block, names))
    if block.kind in LINKS:
        return _paragraphs(_link(line(objects_at(block.payload, "caption"), names), text_at(block.payload, "url")))
    make = _LEAVES.get(block.kind)
    return None if make is None else make(block, names)


def table_of(block: NotionBlock, names: NotionNames) -> Block | None:
    """A table with its rows; None if no cell has text. Its first row is a header only if Notion shows it as one."""
    rows = []
    for number, row in enumerate(each for each in block.children if each.kind == "table_row"):
        is_header = number == 0 and block.payload.get("has_column_header") is True
        rows.append([Cell(text=text, is_header=is_header) for text in cell_texts(row.payload, names)])
    return table_block(expand_spans(rows))


def cell_texts(payload: Json, names: NotionNames) -> list[str]:
    """The cells of a table row, one line each; empty cells keep their place."""
    cells = payload.get("cells")
    lists = cells if isinstance(cells, list) else []
    return [line(objects_at({"cell": cell}, "cell"), names) for cell in lists]


def fallback_text(payload: Json, names: NotionNames) -> str:
    """What a block of an unknown kind seems to say, by the fields that known kinds use."""
    texts = [prose(objects_at(payload, "rich_text"), names), line(objects_at(payload, "caption"), names)]
    texts += cell_texts(payload, names)
    titles = text_at(payload, "title") or line(objects_at(payload, "title"), names) or text_at(payload, "name")
    return "\n".join(filter(None, [one_line(titles), *texts, one_line(text_at(payload, "url"))]))


def _media(block: NotionBlock, names: NotionNames) -> str:
    """`[File: caption (name)]`, with a link only to what others host: Notion's own addresses last an hour."""
    kind = text_at(block.payload, "type")
    caption = line(objects_at(block.payload, "caption"), names)
    address = text_at(block.payload, kind, "url")
    name = one_line(text_at(block.payload, "name")) or _file_name(address)
    if not (caption or name or address):
        return ""
    # The name of a picture says less than what its author wrote below it; a document's name is what people ask for.
    has_both = caption and name and caption != name and block.kind in {"pdf", "file"}
    described = f"{caption} ({name})" if has_both else caption or name
    text = f"{MEDIA[block.kind]}: {described}" if described else MEDIA[block.kind]
    return _link(text, address) if kind == "external" and block.kind != "image" else f"[{text}]"


def _file_name(address: str) -> str:
    """The last part of an address's path, if it looks like a file's name."""
    try:
        name = one_line(unquote(posixpath.basename(urlsplit(address).path)))
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return ""
    return name if "." in name.strip(".") else ""


def _link(text: str, url: str) -> str:
    url = one_line(url).replace(" ", "%20")
    return f"[{text}]({url})" if text and url else text or url


def _code(block: NotionBlock, names: NotionNames) -> list[Block]:
    language = text_at(block.payload, "language")
    code = code_block(verbatim(objects_at(block.payload, "rich_text")), language=language)
    caption = line(objects_at(block.payload, "caption"), names)
    return ([code] if code else []) + _paragraphs(caption)


def _equation(block: NotionBlock, names: NotionNames) -> list[Block]:
    expression = one_line(text_at(block.payload, "expression"))
    return _paragraphs(f"$$ {expression} $$" if expression else "")


def _child_page(block: NotionBlock, names: NotionNames) -> list[Block]:
    return _paragraphs(f"Page: {one_line(text_at(block.payload, 'title')) or 'Untitled'}")


def _child_database(block: NotionBlock, names: NotionNames) -> list[Block]:
    """Nothing if it is nameless: then it is a view of a database that stands elsewhere, or one that is not shared."""
    title = one_line(text_at(block.payload, "title"))
    title = names.titles.get(block.id, "") if title in _UNTITLED else title
    return _paragraphs(f"Database: {title}" if title not in _UNTITLED else "")


def _link_to_page(block: NotionBlock, names: NotionNames) -> list[Block]:
    kind = text_at(block.payload, "type")
    title = names.titles.get(plain_id(block.payload.get(kind)), "")
    return _paragraphs(f"{'Database' if kind == 'database_id' else 'Page'}: {title}" if title else "")


def _table_row(block: NotionBlock, names: NotionNames) -> list[Block]:
    """A row that came without its table."""
    row = [Cell(text=text) for text in cell_texts(block.payload, names)]
    table = table_block(expand_spans([row]))
    return [table] if table else []


def _paragraphs(text: str) -> list[Block]:
    return [Block(kind="paragraph", text=text)] if text.strip() else []


_LEAVES: dict[str, Callable[[NotionBlock, NotionNames], list[Block]]] = {
    "code": _code,
    "equation": _equation,
    "child_page": _child_page,
    "child_database": _child_database,
    "link_to_page": _link_to_page,
    "table_row": _table_row,
}


def icon_of(payload: Json) -> str:
    """The emoji before a callout; other icons are pictures."""
    return one_line(text_at(object_at(payload, "icon"), "emoji"))
