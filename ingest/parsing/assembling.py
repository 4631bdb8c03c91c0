"""A stream of openings, text and closings becomes sections; nesting is a list of frames, so depth cannot overflow."""

import re
from dataclasses import dataclass

from ingest.parsing.frames import BlockFrame, CodeFrame, Frame, HeadingFrame, InlineFrame, PageFrame, TableFrame
from ingest.parsing.sections import Bookmark, SectionBuilder
from kb.documents import Block

# Each level of nesting indents everything inside once more; deeper containers are read as if they were not there.
MOST_NESTED = 24
# The newlines around a single line of code.
FENCES = 2

_POWER_BASE = re.compile(r"(?:\d|\b[A-Za-zµ]{1,2})$")
_POWER = re.compile(r"[-−+]?\d{1,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where an inline element began."""

    kind: str
    frame: Frame
    place: int


class Assembler:
    """Keeps the open containers. Callers close what they opened, in order."""

    def __init__(self, builder: SectionBuilder) -> None:
        self._builder = builder
        self._frames: list[Frame] = [PageFrame(builder)]
        self._open_marks: set[str] = set()

    @property
    def innermost(self) -> Frame:
        """The container that text goes to."""
        return self._frames[-1]

    @property
    def is_at_page_level(self) -> bool:
        """Is no container open? Only there does a heading begin a section."""
        return len(self._frames) == 1

    def take_text(self, text: str) -> None:
        """Text as the source wrote it."""
        self._frames[-1].take_text(text)

    def break_line(self) -> None:
        """A line ends."""
        self._frames[-1].break_line()

    def end_paragraph(self) -> None:
        """A paragraph ends."""
        self._frames[-1].end_paragraph()

    def add(self, block: Block) -> None:
        """A finished block; code of several lines in a table goes below the table."""
        self.end_paragraph()
        if block.kind == "code" and block.text.count("\n") > FENCES and (table := self._table):
            block = table.put_below(block)
        self.innermost.add(block)

    def open(self, frame: Frame) -> bool:
        """Begin a container; False if it is nested too deep to be one of its own. Code, which holds none, never is."""
        self.end_paragraph()
        if len(self._frames) > MOST_NESTED and not isinstance(frame, CodeFrame):
            return False
        if isinstance(frame, TableFrame):
            frame.around = self._table
        self._frames.append(frame)
        return True

    def open_inline(self, frame: InlineFrame) -> bool:
        """Begin a container inside the paragraph that is being written; False if it is nested too deep."""
        if len(self._frames) > MOST_NESTED:
            return False
        self._frames.append(frame)
        return True

    def open_heading(self, *, level: int, anchor: str | None) -> bool:
        """Begin a heading; False inside a container, where it is a paragraph like others."""
        return self.is_at_page_level and self.open(HeadingFrame(self._builder, level=level, anchor=anchor))

    def open_part(self, title: str) -> Bookmark | None:
        """Begin a titled part of the page; None inside a container, or if it can be no section of its own."""
        self.end_paragraph()
        return self._builder.open_part(title) if self.is_at_page_level else None

    def bookmark(self) -> Bookmark:
        """The section that is being read."""
        self.end_paragraph()
        return self._builder.bookmark()

    def resume(self, bookmark: Bookmark) -> None:
        """Go on in an earlier section; inside a container, which belongs to one section, nothing changes."""
        self.end_paragraph()
        if self.is_at_page_level:
            self._builder.resume(bookmark)

    def close(self) -> None:
        """End the innermost container."""
        frame = self._frames.pop()
        if isinstance(frame, CodeFrame):
            if block := frame.block():
                self.add(block)
        else:
            frame.close(self._frames[-1])

    def finish(self) -> None:
        """End everything that is still open."""
        while len(self._frames) > 1:
            self.close()
        self.end_paragraph()

    def open_mark(self, kind: str) -> Mark | None:
        """Begin an inline element; None if one of its kind is open already, or if its marks have no meaning here."""
        if kind in self._open_marks or isinstance(self.innermost, CodeFrame):
            return None
        self._open_marks.add(kind)
        return Mark(kind=kind, frame=self.innermost, place=len(self.innermost.pieces))

    def close_mark(self, mark: Mark) -> None:
        """Write what was inside with its marks. If a paragraph ended meanwhile, only the rest is marked."""
        self._open_marks.discard(mark.kind)
        if mark.frame is not self.innermost or not isinstance(mark.frame, BlockFrame):
            return
        before = "".join(mark.frame.pieces[max(0, mark.place - 1) : mark.place])
        inside = "".join(mark.frame.pieces[mark.place :])
        del mark.frame.pieces[mark.place :]
        core = inside.strip()
        marked = _with_marks(mark.kind, core, before=before) if core else ""
        if isinstance(mark.frame, HeadingFrame) and mark.kind == "code":
            marked = core
        mark.frame.pieces.append(inside.replace(core, marked, 1) if core else inside)

    @property
    def _table(self) -> TableFrame | None:
        """The innermost table around."""
        return next((frame for frame in reversed(self._frames) if isinstance(frame, TableFrame)), None)


def _with_marks(kind: str, text: str, *, before: str) -> str:
    if kind == "deleted":
        return f"~~{text}~~"
    if kind == "raised":
        return f"^{text}" if _POWER.fullmatch(text) and _POWER_BASE.search(before) else text
    if "`" in text:
        return text if text[0] == text[-1] == "`" else f"`` {text} ``"
    return f"`{text}`"
