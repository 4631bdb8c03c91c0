"""The elements of a page's body, as containers, marks and line ends: what HTML and storage format have in common."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

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
from ingest.parsing.tables import Cell

Attributes: TypeAlias = Mapping[str, str]
Closer: TypeAlias = Callable[[], None]

_BLOCKS = frozenset(
    "address article aside body caption center details dialog div fieldset figcaption figure footer form header hr "
    "legend main p section summary tbody tfoot".split()
)
_MARKS = {"tt": "code", "samp": "code", "del": "deleted", "s": "deleted", "strike": "deleted", "sup": "raised"}
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0+(?:\D|$)", re.IGNORECASE)
_LANGUAGE_CLASS = re.compile(r"(?:^|\s)(?:language|lang|highlight-source)-(\S+)")


class ElementOpener:
    """Begins what elements stand for. `links`: the targets of links, as they are written."""

    def __init__(self, assembler: Assembler) -> None:
        self.links: list[str] = []
        self._assembler = assembler

    def open(self, tag: str, attributes: Attributes) -> Closer:
        """Begin what the tag stands for; gives what ends it. A tag that is not known stands for nothing."""
        if isinstance(frame := self._assembler.innermost, CodeFrame):
            frame.has_begun = True
        if opener := _OPENERS.get(tag):
            return opener(self, attributes)
        if kind := _MARKS.get(tag):
            return self._open_mark(kind)
        return self.open_block() if tag in _BLOCKS else nothing

    def open_frame(self, frame: Frame) -> Closer:
        """Begin a container; where it would be nested too deep, a paragraph."""
        return self._assembler.close if self._assembler.open(frame) else self._assembler.end_paragraph

    def open_block(self) -> Closer:
        """Part what is inside from what is around."""
        self._assembler.end_paragraph()
        return self._assembler.end_paragraph

    def _open_heading(self, attributes: Attributes, *, level: int) -> Closer:
        if self._assembler.open_heading(level=level, anchor=attributes.get("id")):
            return self._assembler.close
        return self.open_block()

    def _open_list(self, attributes: Attributes, *, is_ordered: bool) -> Closer:
        return self.open_frame(ListFrame(number=_integer(attributes.get("start"), default=1) if is_ordered else None))

    def _open_item(self, attributes: Attributes) -> Closer:
        around = self._assembler.innermost
        if not isinstance(around, ListFrame):
            return self.open_block()
        number = None if around.number is None else _integer(attributes.get("value"), default=around.number)
        return self.open_frame(ItemFrame(number=number))

    def _open_definition(self, _: Attributes) -> Closer:
        if isinstance(self._assembler.innermost, ListFrame):
            return self.open_frame(DefinitionFrame())
        return self.open_block()

    def _open_table(self, attributes: Attributes) -> Closer:
        is_for_layout = attributes.get("role") in {"presentation", "none"}
        return self.open_block() if is_for_layout else self.open_frame(TableFrame())

    def _open_table_head(self, _: Attributes) -> Closer:
        table = self._assembler.innermost
        if not isinstance(table, TableFrame):
            return self.open_block()
        table.is_in_head = True
        return table.leave_head

    def _open_row(self, _: Attributes) -> Closer:
        closer = self.open_block()
        if isinstance(table := self._assembler.innermost, TableFrame):
            table.rows.append([])
        return closer

    def _open_cell(self, attributes: Attributes, *, is_header: bool) -> Closer:
        table = self._assembler.innermost
        if not isinstance(table, TableFrame):
            return self.open_block()
        cell = Cell(
            columns=_integer(attributes.get("colspan"), default=1),
            rows=_integer(attributes.get("rowspan"), default=1),
            is_header=is_header or table.is_in_head,
        )
        return self.open_frame(CellFrame(cell))

    def _open_preformatted(self, attributes: Attributes) -> Closer:
        if isinstance(self._assembler.innermost, CodeFrame):
            return nothing
        return self.open_frame(CodeFrame(language=_language(attributes)))

    def _open_code(self, attributes: Attributes) -> Closer:
        if isinstance(frame := self._assembler.innermost, CodeFrame):
            frame.language = frame.language or _language(attributes)
        return self._open_mark("code")

    def _open_quote(self, _: Attributes) -> Closer:
        return self.open_frame(QuoteFrame())

    def _break_line(self, _: Attributes) -> Closer:
        self._assembler.break_line()
        return nothing

    def _show_image(self, attributes: Attributes) -> Closer:
        self._assembler.take_text(attributes.get("alt") or "")
        return nothing

    def _tick_box(self, attributes: Attributes) -> Closer:
        if attributes.get("type") == "checkbox" and isinstance(frame := self._assembler.innermost, ItemFrame):
            frame.is_done = "checked" in attributes
        return nothing

    def _follow_link(self, attributes: Attributes) -> Closer:
        if target := attributes.get("href"):
            self.links.append(target)
        if isinstance(frame := self._assembler.innermost, HeadingFrame):
            frame.anchor = frame.anchor or attributes.get("id") or attributes.get("name")
        return nothing

    def _open_mark(self, kind: str) -> Closer:
        mark = self._assembler.open_mark(kind)
        return partial(self._assembler.close_mark, mark) if mark else nothing


_OPENERS: Mapping[str, Callable[[ElementOpener, Attributes], Closer]] = {
    **{f"h{level}": partial(ElementOpener._open_heading, level=level) for level in range(1, 7)},
    "ul": partial(ElementOpener._open_list, is_ordered=False),
    "menu": partial(ElementOpener._open_list, is_ordered=False),
    "dl": partial(ElementOpener._open_list, is_ordered=False),
    "ol": partial(ElementOpener._open_list, is_ordered=True),
    "li": ElementOpener._open_item,
    "dt": ElementOpener._open_item,
    "dd": ElementOpener._open_definition,
    "table": ElementOpener._open_table,
    "thead": ElementOpener._open_table_head,
    "tr": ElementOpener._open_row,
    "td": partial(ElementOpener._open_cell, is_header=False),
    "th": partial(ElementOpener._open_cell, is_header=True),
    "pre": ElementOpener._open_preformatted,
    "code": ElementOpener._open_code,
    "blockquote": ElementOpener._open_quote,
    "br": ElementOpener._break_line,
    "img": ElementOpener._show_image,
    "input": ElementOpener._tick_box,
    "a": ElementOpener._follow_link,
}


def is_styled_away(attributes: Attributes) -> bool:
    """Is the element's style such that no reader sees it?"""
    return bool(attributes) and bool(_HIDING_STYLE.search(attributes.get("style", "")))


def _language(attributes: Attributes) -> str:
    found = _LANGUAGE_CLASS.search(attributes.get("class", ""))
    return found[1] if found else ""


def _integer(text: str | None, *, default: int) -> int:
    found = re.match(r"\s*(\d{1,9})(?!\d)", text or "")
    return int(found[1]) if found else default


def nothing() -> None:
    """What ends an element that began nothing."""
