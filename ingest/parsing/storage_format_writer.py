"""A Confluence page while it is written: sections, links, macros and the ids of headings. Both body formats use it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ingest.parsing.assembling import Assembler
from ingest.parsing.boxes import PanelFrame, PropertiesFrame
from ingest.parsing.elements import ElementOpener, nothing
from ingest.parsing.frames import HeadingFrame, InlineFrame, QuoteFrame
from ingest.parsing.link_names import LinkNames
from ingest.parsing.sections import Bookmark, ParsedPage, SectionBuilder
from ingest.parsing.storage_format_anchors import IMAGE, MACRO, Deployment, HeadingIds
from ingest.parsing.storage_format_macro_text import Macro
from ingest.parsing.storage_format_macros import UNKNOWN, Body, MacroRule, rule_of
from ingest.parsing.storage_format_targets import Targets, site_of
from kb.documents import Block

STATUS = "status"
# The parameter by which Confluence itself says that a macro stands in a sentence.
OUTPUT = "atlassian-macro-output-type"
MOST_NAMES = 100

Closer = Callable[[], None]


@dataclass(slots=True, kw_only=True)
class _Heading:
    """An open heading. `written`: what its id is made of; `images`: those in it, which are no part of its text.

    `opaque_depth`: how many things are open in it whose text is no part of its id, such as macros.
    """

    written: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    opaque_depth: int = 0


class PageWriter:
    """Takes what a reader finds. `shown_count` tells whether something was shown since it was last asked."""

    def __init__(self, *, url: str, title: str, names: LinkNames, deployment: Deployment) -> None:
        self.targets = Targets(names, site=site_of(url))
        self.unknown: Counter[str] = Counter()
        self.withheld: Counter[str] = Counter()
        self.shown_count = 0
        self.builder = SectionBuilder(url=url, title=title)
        self.assembler = Assembler(self.builder)
        self.elements = ElementOpener(self.assembler)
        self._ids = HeadingIds(deployment, title=title)
        self._heading: _Heading | None = None
        self._layouts: list[Bookmark] = []

    def take_text(self, text: str) -> None:
        """Text as the source wrote it."""
        self.assembler.take_text(text)
        self.shown_count += not text.isspace()
        if self._heading and (not self._ids.is_cloud or not self._heading.opaque_depth):
            self._heading.written.append(text)

    def take_hidden(self, text: str) -> None:
        """Text of the source that readers do not see. In Data Center it counts in the id of a heading all the same."""
        if self._heading and not self._ids.is_cloud:
            self._heading.written.append(text)

    def write(self, text: str, *, in_id: str | None = None) -> None:
        """Text that stands for something. `in_id`: what Cloud writes for it in the id of a heading, if not the text."""
        if not text:
            return
        self.assembler.take_text(text)
        self.shown_count += 1
        if self._heading and self._ids.is_cloud and not self._heading.opaque_depth:
            self._heading.written.append(text if in_id is None else in_id)

    def write_apart(self, text: str, *, in_id: str | None = None) -> None:
        """Text that its source shows as a box, which a word before it does not run into."""
        pieces = self.assembler.innermost.pieces
        is_after_word = bool(pieces) and pieces[-1][-1:].isalnum()
        self.write(f" {text}" if text and is_after_word else text, in_id=text if in_id is None else in_id)

    def break_line(self) -> None:
        """A line ends."""
        self.assembler.break_line()
        if self._heading and self._ids.is_cloud:
            self._heading.written.append("\n")

    def show_image(self, label: str, *, caption: str = "") -> None:
        """`[Image: label] caption`; those in a heading stand below it."""
        shown = f"[Image: {label}]" if label else ""
        if caption and caption != label:
            shown = f"{shown} {caption}".strip()
        if self._heading:
            self._heading.images.append(shown)
            if self._ids.is_cloud:
                self._heading.written.append(IMAGE)
        else:
            self.write(shown)

    def add(self, block: Block) -> None:
        """A finished block."""
        self.shown_count += 1
        self.assembler.add(block)

    def follow(self, url: str) -> None:
        """The page links to it; an empty address is none."""
        if url:
            self.elements.links.append(url)

    def add_page(self, page: ParsedPage) -> None:
        """The sections of what was a page of its own, as parts of this one."""
        around = self.assembler.bookmark()
        before: list[str] = []
        for section in page.sections:
            path = [*filter(None, [page.title]), *section.heading_path]
            for depth, title in enumerate(path, 1):
                if not self.assembler.open_part(title) and path[:depth] != before[:depth]:
                    self.add(Block(kind="paragraph", text=title))
            for block in section.blocks:
                self.add(block)
            self.assembler.resume(around)
            before = path
        self.elements.links += page.links

    def open_layout(self) -> Closer:
        """Begin a row of columns."""
        self._layouts.append(self.assembler.bookmark())
        return self._close_layout

    def _close_layout(self) -> None:
        self._layouts.pop()

    def open_column(self) -> Closer:
        """Begin a column: it goes on where its row began, not below the last heading of the column before."""
        if self._layouts:
            self.assembler.resume(self._layouts[-1])
        return self.elements.open_block()

    def open_heading(self, level: int) -> Closer:
        """Begin a heading; inside a container it is a paragraph, but has an id like others."""
        if self._heading:
            return self.elements.open_block()
        self._heading = _Heading()
        is_section = self.assembler.open_heading(level=level, anchor=None)
        if not is_section:
            self.assembler.end_paragraph()
        return partial(self._close_heading, self._heading, is_section=is_section)

    def _close_heading(self, heading: _Heading, *, is_section: bool) -> None:
        self._heading = None
        fragment = self._ids.next("".join(heading.written))
        if not is_section:
            self.assembler.end_paragraph()
        else:
            if isinstance(frame := self.assembler.innermost, HeadingFrame):
                frame.fragment = fragment
            self.assembler.close()
        for shown in filter(None, heading.images):
            self.add(Block(kind="paragraph", text=shown))

    def begin_opaque(self, in_id: str) -> None:
        """Until its end, what is written counts as this in the ids that Cloud gives headings."""
        if self._heading:
            if self._ids.is_cloud and not self._heading.opaque_depth:
                self._heading.written.append(in_id)
            self._heading.opaque_depth += 1

    def end_opaque(self) -> None:
        """What was begun so ends."""
        if self._heading and self._heading.opaque_depth:
            self._heading.opaque_depth -= 1

    def begin_macro(self, macro: Macro) -> None:
        """A macro begins."""
        if macro.name != STATUS:
            self.begin_opaque(MACRO)

    def end_macro(self, macro: Macro) -> None:
        """A macro ends: its own text is written."""
        rule = rule_of(macro)
        if rule is UNKNOWN:
            self.count_unknown(macro.name)
        if rule.is_withheld:
            self.withheld[macro.name] += 1
        if rule.write:
            rule.write(macro, self)
        if macro.name != STATUS:
            self.end_opaque()

    def count_unknown(self, name: str) -> None:
        """One more of what has no stated text. Only so many names are told apart."""
        self.unknown[name if name in self.unknown or len(self.unknown) < MOST_NAMES else "others"] += 1

    def open_body(self, macro: Macro) -> Closer | None:
        """Begin the rich body of a macro; None if nothing of it is shown."""
        rule = rule_of(macro)
        match rule.body:
            case Body.LEFT_OUT:
                return None
            case Body.PANEL:
                return self._open_panel(macro, rule)
            case Body.PART:
                return self._open_part(macro, rule)
            case Body.PROPERTIES:
                return self.elements.open_frame(PropertiesFrame())
            case Body.QUOTE:
                return self.elements.open_frame(QuoteFrame())
            case Body.NOTE:
                return self._open_inline(InlineFrame(before=" (note: ", after=")"))
            case _ if self._is_inline(macro, rule):
                return self._open_inline(InlineFrame())
            case _:
                return self.elements.open_block()

    def _open_panel(self, macro: Macro, rule: MacroRule) -> Closer:
        frame = PanelFrame(label=rule.label)
        closer = self.elements.open_frame(frame)
        return partial(self._close_panel, macro, frame, closer)

    def _close_panel(self, macro: Macro, frame: PanelFrame, closer: Closer) -> None:
        frame.title = macro.text("title")
        closer()

    def _open_part(self, macro: Macro, rule: MacroRule) -> Closer:
        title = macro.text("language") or macro.name if rule.label else macro.title
        title = f"{rule.label}: {title}" if rule.label else title
        if bookmark := self.assembler.open_part(title):
            return partial(self.assembler.resume, bookmark)
        if title and not self.assembler.is_at_page_level:
            return self.elements.open_frame(PanelFrame(title=title))
        if title:
            self.add(Block(kind="paragraph", text=title))
        return self.elements.open_block()

    def _open_inline(self, frame: InlineFrame) -> Closer:
        return self.assembler.close if self.assembler.open_inline(frame) else nothing

    def _is_inline(self, macro: Macro, rule: MacroRule) -> bool:
        """May it stand in a sentence, and has one begun? Then its body continues it."""
        may_be = rule.body is Body.INLINE or macro.text(OUTPUT) == "INLINE"
        return may_be and any(not piece.isspace() for piece in reversed(self.assembler.innermost.pieces))
