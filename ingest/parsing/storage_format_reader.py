"""Confluence's own elements, as text and containers. Those of HTML are read like on any page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ingest.parsing.boxes import PanelFrame
from ingest.parsing.elements import Attributes, Closer, nothing
from ingest.parsing.frames import ItemFrame, ListFrame
from ingest.parsing.hygiene import one_line
from ingest.parsing.storage_format_anchors import CARD, DATE
from ingest.parsing.storage_format_capturing import Capture, CapturingReader, Pointer
from ingest.parsing.storage_format_emoticons import emoticon_of_image, emoticon_text
from ingest.parsing.storage_format_macro_text import LONGEST_NAME, UNNAMED, Macro, Parameter
from ingest.parsing.storage_format_writer import PageWriter

PANELS = {"info": "Info", "note": "Note", "success": "Success", "warning": "Warning", "error": "Error"}


@dataclass(slots=True, kw_only=True)
class _Extension:
    """An open `ac:adf-extension`. Its fallback repeats its content, for those who cannot read that."""

    has_content: bool = False


class StorageReader(CapturingReader):
    """Writes a page from the events of its storage format."""

    def __init__(self, page: PageWriter) -> None:
        super().__init__(page)
        self._macros: list[Macro] = []
        self._bodies: list[list[Closer]] = []
        self._extensions: list[_Extension] = []
        self._panels: list[PanelFrame | None] = []

    def open_element(self, tag: str, attributes: Attributes) -> Closer:
        """Begin what a shown element stands for; gives what ends it."""
        if opener := _OPENERS.get(tag):
            return opener(self, attributes)
        if tag.startswith("ri:"):
            self.point(self.page.targets.read(tag, attributes))
            return nothing
        return super().open_element(tag, attributes)

    def _open_heading(self, _: Attributes, *, level: int) -> Closer:
        return self.page.open_heading(level)

    def _break_line(self, _: Attributes) -> Closer:
        self.page.break_line()
        return nothing

    def _open_macro(self, attributes: Attributes) -> Closer:
        macro = Macro(name=one_line(attributes.get("ac:name", ""))[:LONGEST_NAME] or UNNAMED)
        self._macros.append(macro)
        self.page.begin_macro(macro)
        self._bodies.append([self._enter_layout(macro)])
        return self._close_macro

    def _close_macro(self) -> None:
        for close_body in reversed(self._bodies.pop()):
            close_body()
        self.page.end_macro(self._macros.pop())

    def _enter_layout(self, macro: Macro) -> Closer:
        """Sections and columns of Data Center pages are layouts, too."""
        if macro.name == "section":
            return self.page.open_layout()
        return self.page.open_column() if macro.name == "column" else nothing

    def _open_parameter(self, attributes: Attributes) -> Closer:
        return self.start_capture(partial(self._set_parameter, attributes.get("ac:name", "")))

    def _set_parameter(self, name: str, capture: Capture) -> None:
        if self._macros:
            parameter = Parameter(text=one_line(capture.text), targets=tuple(capture.targets))
            self._macros[-1].parameters.setdefault(name, parameter)

    def _open_plain_body(self, _: Attributes) -> Closer:
        return self.start_capture(self._set_plain_body)

    def _set_plain_body(self, capture: Capture) -> None:
        if self._macros:
            self._macros[-1].body += capture.text

    def _open_rich_body(self, _: Attributes) -> Closer:
        if not self._macros:
            return self.page.elements.open_block()
        close_body = self.page.open_body(self._macros[-1])
        if close_body is None:
            return self.start_capture(_forget)
        # It ends with the macro, so that a title is known even if it comes after the body.
        self._bodies[-1].append(close_body)
        return nothing

    def _open_link(self, attributes: Attributes) -> Closer:
        self.pointers.append(Pointer())
        is_card = attributes.get("ac:card-appearance") == "inline"
        if is_card:
            self.page.begin_opaque(CARD)
        return partial(self._close_link, attributes, self.page.shown_count, is_card=is_card)

    def _close_link(self, attributes: Attributes, shown_before: int, *, is_card: bool) -> None:
        target = self.pointers.pop().target
        anchor = attributes.get("ac:anchor", "").strip()
        if self.page.shown_count == shown_before:
            write = self.page.write_apart if target and target.is_user else self.page.write
            write(target.text if target else f"#{anchor}" if anchor else "")
        if target:
            self.page.follow(target.url)
        if is_card:
            self.page.end_opaque()

    def _open_image(self, attributes: Attributes) -> Closer:
        self.pointers.append(Pointer())
        return partial(self._close_image, attributes)

    def _close_image(self, attributes: Attributes) -> None:
        image = self.pointers.pop()
        file_name = image.target.text.rpartition("/")[2] if image.target else ""
        label = attributes.get("ac:alt") or attributes.get("ac:title") or image.caption or file_name
        self.page.show_image(one_line(label), caption=image.caption)

    def _open_caption(self, _: Attributes) -> Closer:
        return self.start_capture(self._set_caption)

    def _set_caption(self, capture: Capture) -> None:
        if self.pointers:
            self.pointers[-1].caption = one_line(capture.text)

    def _show_emoticon(self, attributes: Attributes) -> Closer:
        short = attributes.get("ac:emoji-fallback") or attributes.get("ac:emoji-shortname")
        self.page.write(emoticon_text(attributes), in_id=short)
        return nothing

    def _show_html_image(self, attributes: Attributes) -> Closer:
        emoticon = emoticon_of_image(attributes)
        if emoticon is None:
            self.page.show_image(one_line(attributes.get("alt", "") or attributes.get("title", "")))
        else:
            self.page.write(emoticon)
        return nothing

    def _follow_link(self, attributes: Attributes) -> Closer:
        address = attributes.get("href", "").strip()
        self.page.follow(address)
        if "data-card-appearance" in attributes:
            return self.start_capture(partial(self._show_card, address))
        return nothing

    def _show_card(self, address: str, capture: Capture) -> None:
        """A link that shows the title of its page. The source has the address for its text, or the title it had."""
        said = one_line(capture.text)
        page = self.page.targets.card(address) if said in {"", address} else None
        self.page.write(page.text if page else said or address, in_id=CARD)

    def _open_time(self, attributes: Attributes) -> Closer:
        date = attributes.get("datetime", "").strip()
        self.page.write_apart(date, in_id=DATE)
        # What is inside repeats the date in words, where there is anything.
        return self.start_capture(_forget) if date else nothing

    def _open_cell(self, attributes: Attributes, *, tag: str) -> Closer:
        """The cells that number a table's rows are in the source only once it was shown with numbers."""
        if "numberingColumn" in attributes.get("class", ""):
            return self.start_capture(_forget)
        return self.page.elements.open(tag, attributes)

    def _open_task_list(self, _: Attributes) -> Closer:
        return self.page.elements.open_frame(ListFrame())

    def _open_task(self, _: Attributes) -> Closer:
        frame = ItemFrame()
        frame.is_done = False
        return self.page.elements.open_frame(frame)

    def _open_task_status(self, _: Attributes) -> Closer:
        return self.start_capture(self._set_task_status)

    def _set_task_status(self, capture: Capture) -> None:
        if isinstance(task := self.page.assembler.innermost, ItemFrame):
            task.is_done = capture.text.strip() == "complete"

    def _open_layout(self, _: Attributes) -> Closer:
        return self.page.open_layout()

    def _open_column(self, _: Attributes) -> Closer:
        return self.page.open_column()

    def _open_extension(self, _: Attributes) -> Closer:
        self._extensions.append(_Extension())
        return self._close_extension

    def _close_extension(self) -> None:
        self._extensions.pop()

    def _open_node(self, attributes: Attributes) -> Closer:
        match attributes.get("type", ""):
            case "panel" | "custom-panel":
                self._panels.append(panel := PanelFrame())
                return partial(self._close_node, self.page.elements.open_frame(panel))
            case "decision-list":
                return self.page.elements.open_frame(ListFrame())
            case "decision-item":
                return self.page.elements.open_frame(ItemFrame())
            case _:
                self._panels.append(None)
                return partial(self._close_node, self.page.elements.open_block())

    def _close_node(self, closer: Closer) -> None:
        self._panels.pop()
        closer()

    def _open_attribute(self, attributes: Attributes) -> Closer:
        return self.start_capture(partial(self._set_attribute, attributes.get("key", "")))

    def _set_attribute(self, key: str, capture: Capture) -> None:
        if key in {"panel-type", "panelType"} and self._panels and (panel := self._panels[-1]):
            panel.label = PANELS.get(capture.text.strip(), "")

    def _open_content(self, _: Attributes) -> Closer:
        if self._extensions:
            self._extensions[-1].has_content = True
        return nothing

    def _open_fallback(self, _: Attributes) -> Closer:
        is_repeated = bool(self._extensions) and self._extensions[-1].has_content
        return self.start_capture(_forget) if is_repeated else self.page.elements.open_block()

    def _open_formula(self, _: Attributes) -> Closer:
        return self.start_capture(self._write_formula)

    def _write_formula(self, capture: Capture) -> None:
        if text := one_line(capture.text):
            self.page.write(f"${text}$")

    def _show_variable(self, attributes: Attributes) -> Closer:
        self.page.write(f"[{attributes.get('at:name', '')}]")
        return nothing


def _forget(_: Capture) -> None:
    """What is not shown."""


_OPENERS: Mapping[str, Callable[[StorageReader, Attributes], Closer]] = {
    **{f"h{level}": partial(StorageReader._open_heading, level=level) for level in range(1, 7)},
    "br": StorageReader._break_line,
    "td": partial(StorageReader._open_cell, tag="td"),
    "th": partial(StorageReader._open_cell, tag="th"),
    "a": StorageReader._follow_link,
    "img": StorageReader._show_html_image,
    "time": StorageReader._open_time,
    "math": StorageReader._open_formula,
    "ac:structured-macro": StorageReader._open_macro,
    "ac:macro": StorageReader._open_macro,
    "ac:parameter": StorageReader._open_parameter,
    "ac:default-parameter": StorageReader._open_parameter,
    "ac:plain-text-body": StorageReader._open_plain_body,
    "ac:rich-text-body": StorageReader._open_rich_body,
    "ac:link": StorageReader._open_link,
    "ac:image": StorageReader._open_image,
    "ac:caption": StorageReader._open_caption,
    "ac:emoticon": StorageReader._show_emoticon,
    "ac:task-list": StorageReader._open_task_list,
    "ac:task": StorageReader._open_task,
    "ac:task-status": StorageReader._open_task_status,
    "ac:layout-section": StorageReader._open_layout,
    "ac:layout-cell": StorageReader._open_column,
    "ac:adf-extension": StorageReader._open_extension,
    "ac:adf-node": StorageReader._open_node,
    "ac:adf-attribute": StorageReader._open_attribute,
    "ac:adf-content": StorageReader._open_content,
    "ac:adf-fallback": StorageReader._open_fallback,
    "at:var": StorageReader._show_variable,
}
