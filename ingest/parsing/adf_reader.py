"""The nodes of the Atlassian Document Format, as text and containers."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from ingest.parsing.boxes import PanelFrame
from ingest.parsing.elements import nothing
from ingest.parsing.frames import CellFrame, CodeFrame, ItemFrame, ListFrame, QuoteFrame, TableFrame
from ingest.parsing.hygiene import one_line
from ingest.parsing.link_names import UNKNOWN_FILE
from ingest.parsing.storage_format_anchors import CARD, DATE
from ingest.parsing.storage_format_macro_text import LONGEST_NAME, UNNAMED, Macro, Parameter
from ingest.parsing.storage_format_reader import PANELS
from ingest.parsing.storage_format_writer import Closer, PageWriter
from ingest.parsing.tables import Cell

Node = Mapping[str, object]

MOST_LEVELS = 6

_MARKS = {"code": "code", "strike": "deleted"}


class AdfReader:
    """Opens nodes; each gives what closes it, or None if nothing inside it is shown."""

    def __init__(self, page: PageWriter) -> None:
        self.page = page

    def open(self, node: Node) -> Closer | None:
        """Begin a node. One that is not known is as if it were not there, and counted."""
        kind = _text(node, "type")
        if opener := _OPENERS.get(kind):
            return opener(self, node)
        self.page.count_unknown(f"node {one_line(kind)[:LONGEST_NAME]}")
        return self.page.elements.open_block()

    def _open_page(self, _: Node) -> Closer:
        return nothing

    def _open_block(self, _: Node) -> Closer:
        return self.page.elements.open_block()

    def _open_heading(self, node: Node) -> Closer:
        return self.page.open_heading(max(1, min(_number(node, "level"), MOST_LEVELS)))

    def _write_text(self, node: Node) -> None:
        marks = node.get("marks")
        kinds = []
        for mark in marks if isinstance(marks, list) else ():
            if isinstance(mark, dict):
                kinds.append("raised" if _attribute(mark, "type") == "sup" else _MARKS.get(_text(mark, "type"), ""))
                self.page.follow(_attribute(mark, "href"))
        opened = [self.page.assembler.open_mark(kind) for kind in kinds if kind]
        self.page.take_text(_text(node, "text"))
        for open_mark in reversed(opened):
            if open_mark:
                self.page.assembler.close_mark(open_mark)

    def _break_line(self, _: Node) -> None:
        self.page.break_line()

    def _open_list(self, _: Node) -> Closer:
        return self.page.elements.open_frame(ListFrame())

    def _open_numbered_list(self, node: Node) -> Closer:
        return self.page.elements.open_frame(ListFrame(number=_number(node, "order")))

    def _open_item(self, _: Node) -> Closer:
        around = self.page.assembler.innermost
        return self.page.elements.open_frame(ItemFrame(number=around.number if isinstance(around, ListFrame) else None))

    def _open_task(self, node: Node) -> Closer:
        frame = ItemFrame()
        frame.is_done = _attribute(node, "state") == "DONE"
        return self.page.elements.open_frame(frame)

    def _open_code(self, node: Node) -> Closer:
        frame = CodeFrame(language=_attribute(node, "language"))
        frame.has_begun = True
        return self.page.elements.open_frame(frame)

    def _open_panel(self, node: Node) -> Closer:
        return self.page.elements.open_frame(PanelFrame(label=PANELS.get(_attribute(node, "panelType"), "")))

    def _open_quote(self, _: Node) -> Closer:
        return self.page.elements.open_frame(QuoteFrame())

    def _open_expand(self, node: Node) -> Closer | None:
        title = one_line(_attribute(node, "title"))
        return self.page.open_body(Macro(name="expand", parameters={"title": Parameter(text=title)}))

    def _open_layout(self, _: Node) -> Closer:
        return self.page.open_layout()

    def _open_column(self, _: Node) -> Closer:
        return self.page.open_column()

    def _open_table(self, _: Node) -> Closer:
        return self.page.elements.open_frame(TableFrame())

    def _open_row(self, _: Node) -> Closer:
        if isinstance(table := self.page.assembler.innermost, TableFrame):
            table.rows.append([])
        return self.page.elements.open_block()

    def _open_cell(self, node: Node) -> Closer:
        if not isinstance(self.page.assembler.innermost, TableFrame):
            return self.page.elements.open_block()
        cell = Cell(columns=_number(node, "colspan"), rows=_number(node, "rowspan"))
        cell.is_header = _text(node, "type") == "tableHeader"
        return self.page.elements.open_frame(CellFrame(cell))

    def _show_mention(self, node: Node) -> None:
        target = self.page.targets.user(_attribute(node, "id"))
        said = one_line(_attribute(node, "text")).lstrip("@")
        is_known = target.text != self.page.targets.unknown_user
        self.page.write_apart(target.text if is_known or not said else f"@{said}")

    def _show_emoji(self, node: Node) -> None:
        self.page.write(_attribute(node, "text") or _attribute(node, "shortName"))

    def _show_date(self, node: Node) -> None:
        try:
            day = datetime.fromtimestamp(int(_attribute(node, "timestamp")) / 1000, UTC).date().isoformat()
        except (ValueError, OverflowError, OSError):
            return
        self.page.write_apart(day, in_id=DATE)

    def _show_status(self, node: Node) -> None:
        if text := one_line(_attribute(node, "text")) or _attribute(node, "color"):
            self.page.write(f"[{text}]", in_id=text)

    def _show_card(self, node: Node) -> None:
        """A link shows the title of its page, and the address of other sites."""
        address = _attribute(node, "url")
        page = self.page.targets.card(address)
        self.page.write(page.text if page else address, in_id=CARD)
        self.page.follow(address)

    def _show_block_card(self, node: Node) -> None:
        self.page.assembler.end_paragraph()
        self._show_card(node)
        self.page.assembler.end_paragraph()

    def _show_image(self, node: Node) -> None:
        self.page.show_image(one_line(_attribute(node, "alt")) or self._file_name(node))

    def _show_file(self, node: Node) -> None:
        if name := self._file_name(node) or one_line(_attribute(node, "alt")):
            self.page.write(f"[File: {name}]")

    def _file_name(self, node: Node) -> str:
        key = _attribute(node, "id")
        name = self.page.targets.file(key).text if key else UNKNOWN_FILE
        return "" if name == UNKNOWN_FILE else name

    def _show_media(self, node: Node) -> None:
        is_image = _attribute(node, "type") in {"image", "external", "link"} or bool(_attribute(node, "width"))
        show = self._show_image if is_image or _attribute(node, "alt") else self._show_file
        show(node)

    def _open_extension(self, node: Node) -> Closer | None:
        """A macro. One without a body has its text from its parameters alone."""
        macro = _macro(node)
        self.page.begin_macro(macro)
        if _text(node, "type") in {"extension", "inlineExtension"}:
            self.page.end_macro(macro)
            return None
        close_body = self.page.open_body(macro)
        if close_body is None:
            self.page.end_macro(macro)
            return None
        return partial(self._close_extension, macro, close_body)

    def _close_extension(self, macro: Macro, close_body: Closer) -> None:
        close_body()
        self.page.end_macro(macro)

    def _leave_out(self, _: Node) -> None:
        """A hint of a template."""


_OPENERS: Mapping[str, Callable[[AdfReader, Node], Closer | None]] = {
    "doc": AdfReader._open_page,
    "paragraph": AdfReader._open_block,
    "heading": AdfReader._open_heading,
    "text": AdfReader._write_text,
    "hardBreak": AdfReader._break_line,
    "rule": AdfReader._open_block,
    "bulletList": AdfReader._open_list,
    "orderedList": AdfReader._open_numbered_list,
    "listItem": AdfReader._open_item,
    "taskList": AdfReader._open_list,
    "taskItem": AdfReader._open_task,
    "blockTaskItem": AdfReader._open_task,
    "decisionList": AdfReader._open_list,
    "decisionItem": AdfReader._open_item,
    "codeBlock": AdfReader._open_code,
    "panel": AdfReader._open_panel,
    "blockquote": AdfReader._open_quote,
    "expand": AdfReader._open_expand,
    "nestedExpand": AdfReader._open_expand,
    "layoutSection": AdfReader._open_layout,
    "layoutColumn": AdfReader._open_column,
    "table": AdfReader._open_table,
    "tableRow": AdfReader._open_row,
    "tableHeader": AdfReader._open_cell,
    "tableCell": AdfReader._open_cell,
    "mediaSingle": AdfReader._open_block,
    "mediaGroup": AdfReader._open_block,
    "media": AdfReader._show_media,
    "mediaInline": AdfReader._show_media,
    "caption": AdfReader._open_block,
    "mention": AdfReader._show_mention,
    "emoji": AdfReader._show_emoji,
    "date": AdfReader._show_date,
    "status": AdfReader._show_status,
    "inlineCard": AdfReader._show_card,
    "blockCard": AdfReader._show_block_card,
    "embedCard": AdfReader._show_block_card,
    "placeholder": AdfReader._leave_out,
    "extension": AdfReader._open_extension,
    "inlineExtension": AdfReader._open_extension,
    "bodiedExtension": AdfReader._open_extension,
    "multiBodiedExtension": AdfReader._open_extension,
    "extensionFrame": AdfReader._open_block,
    "syncBlock": AdfReader._leave_out,
    "bodiedSyncBlock": AdfReader._open_block,
}


def _macro(node: Node) -> Macro:
    name = one_line(_attribute(node, "extensionKey")).rpartition("/")[2][:LONGEST_NAME] or UNNAMED
    attributes = node.get("attrs")
    given = attributes.get("parameters") if isinstance(attributes, dict) else None
    parameters = given.get("macroParams") if isinstance(given, dict) else None
    values = {
        str(key): str(value.get("value", ""))
        for key, value in (parameters.items() if isinstance(parameters, dict) else ())
        if isinstance(value, dict)
    }
    body = values.pop("__bodyContent", "")
    return Macro(name=name, body=body, parameters={key: Parameter(text=one_line(text)) for key, text in values.items()})


def _text(node: Node, name: str) -> str:
    value = node.get(name)
    return value if isinstance(value, str) else ""


def _attribute(node: Node, name: str) -> str:
    attributes = node.get("attrs")
    value = attributes.get(name) if isinstance(attributes, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def _number(node: Node, name: str) -> int:
    """At least 1, which is also what a missing or broken number counts as; spans of 0 are as invalid here."""
    text = _attribute(node, name)
    return max(1, int(text)) if re.fullmatch(r"\d{1,6}", text) else 1
