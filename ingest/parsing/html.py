"""HTML pages: what a reader sees, as sections. Streamed through lxml, so a page of any size or depth stays bounded."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import TypeAlias

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.parsing.assembling import Assembler
from ingest.parsing.frames import (
    CellFrame,
    CodeFrame,
    DefinitionFrame,
    Frame,
    HeadingFrame,
    ItemFrame,
    ListFrame,
    QuoteFrame,
    TableFrame,
)
from ingest.parsing.hygiene import one_line
from ingest.parsing.sections import ParsedPage, SectionBuilder
from ingest.parsing.tables import Cell

Attributes: TypeAlias = Mapping[str, str]
Closer: TypeAlias = Callable[[], None]

_NEVER_SHOWN = frozenset(
    "script style template noscript svg iframe object embed canvas audio video select textarea button nav".split()
)
_BLOCKS = frozenset(
    "address article aside body caption center details dialog div fieldset figcaption figure footer form header hr "
    "legend main p section summary tbody tfoot".split()
)
_MARKS = {"tt": "code", "samp": "code", "del": "deleted", "s": "deleted", "strike": "deleted", "sup": "raised"}
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0+(?:\D|$)", re.IGNORECASE)
_LANGUAGE_CLASS = re.compile(r"(?:^|\s)(?:language|lang|highlight-source)-(\S+)")
_SCOPES = (
    ("main", re.compile(r"<main\b|role\s*=\s*[\"']?main\b", re.IGNORECASE)),
    ("article", re.compile(r"<article\b", re.IGNORECASE)),
)


def parse_html(text: str, *, url: str, title: str | None = None) -> ParsedPage:
    """The page's title, sections and links. `<main>` or `<article>` alone is read where there is one with text in it.

    `url`: the page's own address, to which anchors are added; `title`: the title if it is known from elsewhere.
    """
    for scope, mentioned in _SCOPES:
        if mentioned.search(text):
            page = _read(text, scope=scope, builder=SectionBuilder(url=url, title=title))
            if page.sections:
                return page
    return _read(text, scope=None, builder=SectionBuilder(url=url, title=title))


def _read(text: str, *, scope: str | None, builder: SectionBuilder) -> ParsedPage:
    reader = _HtmlReader(builder, scope=scope)
    target = SimpleNamespace(start=reader.start, end=reader.end, data=reader.take_text, close=reader.close)
    parser = etree.HTMLParser(target=target, recover=True, huge_tree=True, encoding="utf-8")
    parser.feed(text.encode("utf-8", "replace"))
    parser.close()
    builder.title = builder.title or one_line("".join(reader.page_title)) or None
    return builder.build(links=reader.links)


class _HtmlReader:
    """Receives lxml's events, which are balanced: every start has its end."""

    def __init__(self, builder: SectionBuilder, *, scope: str | None) -> None:
        self.page_title: list[str] = []
        self.links: list[str] = []
        self._assembler = Assembler(builder)
        self._scope = scope
        self._scope_depth = 0 if scope else 1
        self._skipped_depth = 0
        self._is_in_title = False
        self._closers: list[Closer] = []

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""
        if self._skipped_depth or _is_hidden(tag, attributes):
            self._skipped_depth += 1
            return
        if tag == "title":
            self._is_in_title = True
            self._closers.append(self._leave_title)
        elif self._scope and _is_scope(self._scope, tag, attributes):
            self._scope_depth += 1
            self._closers.append(self._leave_scope)
        elif self._scope_depth:
            self._closers.append(self._open(tag, attributes))
        else:
            self._closers.append(_nothing)

    def end(self, tag: str) -> None:
        """An element ends."""
        if self._skipped_depth:
            self._skipped_depth -= 1
        elif self._closers:
            self._closers.pop()()

    def take_text(self, text: str) -> None:
        """Text between tags."""
        if self._skipped_depth:
            return
        if self._is_in_title:
            self.page_title.append(text)
        elif self._scope_depth:
            self._assembler.take_text(text)

    def close(self) -> None:
        """The page ends."""
        self._assembler.finish()

    def _open(self, tag: str, attributes: Attributes) -> Closer:
        """Begin what the tag stands for; gives what ends it."""
        if isinstance(frame := self._assembler.innermost, CodeFrame):
            frame.has_begun = True
        if opener := _OPENERS.get(tag):
            return opener(self, attributes)
        if kind := _MARKS.get(tag):
            return self._open_mark(kind)
        return self._open_block() if tag in _BLOCKS else _nothing

    def _leave_title(self) -> None:
        self._is_in_title = False

    def _leave_scope(self) -> None:
        self._assembler.end_paragraph()
        self._scope_depth -= 1

    def _open_heading(self, attributes: Attributes, *, level: int) -> Closer:
        if self._assembler.open_heading(level=level, anchor=attributes.get("id")):
            return self._assembler.close
        return self._open_block()

    def _open_list(self, attributes: Attributes, *, is_ordered: bool) -> Closer:
        return self._open_frame(ListFrame(number=_integer(attributes.get("start"), default=1) if is_ordered else None))

    def _open_item(self, attributes: Attributes) -> Closer:
        around = self._assembler.innermost
        if not isinstance(around, ListFrame):
            return self._open_block()
        number = None if around.number is None else _integer(attributes.get("value"), default=around.number)
        return self._open_frame(ItemFrame(number=number))

    def _open_definition(self, _: Attributes) -> Closer:
        if isinstance(self._assembler.innermost, ListFrame):
            return self._open_frame(DefinitionFrame())
        return self._open_block()

    def _open_table(self, attributes: Attributes) -> Closer:
        is_for_layout = attributes.get("role") in {"presentation", "none"}
        return self._open_block() if is_for_layout else self._open_frame(TableFrame())

    def _open_table_head(self, _: Attributes) -> Closer:
        table = self._assembler.innermost
        if not isinstance(table, TableFrame):
            return self._open_block()
        table.is_in_head = True
        return table.leave_head

    def _open_row(self, _: Attributes) -> Closer:
        closer = self._open_block()
        if isinstance(table := self._assembler.innermost, TableFrame):
            table.rows.append([])
        return closer

    def _open_cell(self, attributes: Attributes, *, is_header: bool) -> Closer:
        table = self._assembler.innermost
        if not isinstance(table, TableFrame):
            return self._open_block()
        cell = Cell(
            columns=_integer(attributes.get("colspan"), default=1),
            rows=_integer(attributes.get("rowspan"), default=1),
            is_header=is_header or table.is_in_head,
        )
        return self._open_frame(CellFrame(cell))

    def _open_preformatted(self, attributes: Attributes) -> Closer:
        if isinstance(self._assembler.innermost, CodeFrame):
            return _nothing
        return self._open_frame(CodeFrame(language=_language(attributes)))

    def _open_code(self, attributes: Attributes) -> Closer:
        if isinstance(frame := self._assembler.innermost, CodeFrame):
            frame.language = frame.language or _language(attributes)
        return self._open_mark("code")

    def _open_quote(self, _: Attributes) -> Closer:
        return self._open_frame(QuoteFrame())

    def _break_line(self, _: Attributes) -> Closer:
        self._assembler.break_line()
        return _nothing

    def _show_image(self, attributes: Attributes) -> Closer:
        self._assembler.take_text(attributes.get("alt") or "")
        return _nothing

    def _tick_box(self, attributes: Attributes) -> Closer:
        if attributes.get("type") == "checkbox" and isinstance(frame := self._assembler.innermost, ItemFrame):
            frame.is_done = "checked" in attributes
        return _nothing

    def _follow_link(self, attributes: Attributes) -> Closer:
        if target := attributes.get("href"):
            self.links.append(target)
        if isinstance(frame := self._assembler.innermost, HeadingFrame):
            frame.anchor = frame.anchor or attributes.get("id") or attributes.get("name")
        return _nothing

    def _open_mark(self, kind: str) -> Closer:
        mark = self._assembler.open_mark(kind)
        return partial(self._assembler.close_mark, mark) if mark else _nothing

    def _open_frame(self, frame: Frame) -> Closer:
        return self._assembler.close if self._assembler.open(frame) else self._assembler.end_paragraph

    def _open_block(self) -> Closer:
        self._assembler.end_paragraph()
        return self._assembler.end_paragraph


_OPENERS: Mapping[str, Callable[[_HtmlReader, Attributes], Closer]] = {
    **{f"h{level}": partial(_HtmlReader._open_heading, level=level) for level in range(1, 7)},
    "ul": partial(_HtmlReader._open_list, is_ordered=False),
    "menu": partial(_HtmlReader._open_list, is_ordered=False),
    "dl": partial(_HtmlReader._open_list, is_ordered=False),
    "ol": partial(_HtmlReader._open_list, is_ordered=True),
    "li": _HtmlReader._open_item,
    "dt": _HtmlReader._open_item,
    "dd": _HtmlReader._open_definition,
    "table": _HtmlReader._open_table,
    "thead": _HtmlReader._open_table_head,
    "tr": _HtmlReader._open_row,
    "td": partial(_HtmlReader._open_cell, is_header=False),
    "th": partial(_HtmlReader._open_cell, is_header=True),
    "pre": _HtmlReader._open_preformatted,
    "code": _HtmlReader._open_code,
    "blockquote": _HtmlReader._open_quote,
    "br": _HtmlReader._break_line,
    "img": _HtmlReader._show_image,
    "input": _HtmlReader._tick_box,
    "a": _HtmlReader._follow_link,
}


def _is_hidden(tag: str, attributes: Attributes) -> bool:
    if tag in _NEVER_SHOWN:
        return True
    if not attributes or tag in {"html", "body"}:
        # Pages hide their whole body until a script has run; a reader sees it.
        return False
    is_decoration = "headerlink" in attributes.get("class", "").split() or attributes.get("aria-hidden") == "true"
    return "hidden" in attributes or is_decoration or bool(_HIDING_STYLE.search(attributes.get("style", "")))


def _is_scope(scope: str, tag: str, attributes: Attributes) -> bool:
    return tag == scope or attributes.get("role") == scope


def _language(attributes: Attributes) -> str:
    found = _LANGUAGE_CLASS.search(attributes.get("class", ""))
    return found[1] if found else ""


def _integer(text: str | None, *, default: int) -> int:
    found = re.match(r"\s*(\d{1,9})(?!\d)", text or "")
    return int(found[1]) if found else default


def _nothing() -> None:
    """What ends an element that began nothing."""
