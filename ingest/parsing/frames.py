"""The open containers of a page while it is read: each collects blocks and hands its result to the one around it."""

import re
from typing import Protocol

from ingest.parsing.blocks import ListItem, cell_text, code_block, list_block, paragraphs, quote_block, table_block
from ingest.parsing.hygiene import clean_text, collapse_spaces, one_line
from ingest.parsing.sections import SectionBuilder
from ingest.parsing.tables import Cell, Grid, expand_spans, flat_table, pipe_table
from kb.documents import Block

_ANY_SPACE = re.compile(r"\s+")


class Frame(Protocol):
    """An open container."""

    pieces: list[str]

    def take_text(self, text: str) -> None:
        """Text as the source wrote it."""

    def break_line(self) -> None:
        """A line ends here, and the paragraph goes on."""

    def end_paragraph(self) -> None:
        """What was written since the last paragraph is one."""

    def add(self, block: Block) -> None:
        """A finished block."""

    def add_table(self, grid: Grid) -> None:
        """A finished table."""

    def close(self, around: "Frame") -> None:
        """Nothing more will come: hand the result to the container around."""


class BlockFrame:
    """A container of paragraphs and other blocks, without a shape of its own."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.blocks: list[Block] = []

    def take_text(self, text: str) -> None:
        """White space of any kind and length is one space."""
        self.pieces.append(_ANY_SPACE.sub(" ", text))

    def break_line(self) -> None:
        """Two in a row separate paragraphs, as readers see it."""
        self.pieces.append("\n")

    def end_paragraph(self) -> None:
        """Empty paragraphs are dropped."""
        if self.pieces:
            text = collapse_spaces(clean_text("".join(self.pieces)))
            self.pieces = []
            for block in paragraphs(text):
                self.add(block)

    def add(self, block: Block) -> None:
        """In reading order."""
        self.blocks.append(block)

    def add_table(self, grid: Grid) -> None:
        """A table block."""
        if table := table_block(grid):
            self.add(table)

    def close(self, around: Frame) -> None:
        """The blocks join those around."""
        self.end_paragraph()
        for block in self.blocks:
            around.add(block)


class PageFrame(BlockFrame):
    """The page itself: its blocks go to the section they stand in."""

    def __init__(self, builder: SectionBuilder) -> None:
        super().__init__()
        self.builder = builder

    def add(self, block: Block) -> None:
        """Into the current section."""
        self.builder.add(block)


class HeadingFrame(BlockFrame):
    """A heading of the page."""

    def __init__(self, builder: SectionBuilder, *, level: int, anchor: str | None) -> None:
        super().__init__()
        self.anchor = anchor
        self.fragment = ""
        self._builder = builder
        self._level = level

    def close(self, around: Frame) -> None:
        """A new section begins."""
        self.end_paragraph()
        text = " ".join(block.text for block in self.blocks)
        self._builder.heading(text, level=self._level, anchor=self.anchor, fragment=self.fragment)


class QuoteFrame(BlockFrame):
    """A block quote."""

    def close(self, around: Frame) -> None:
        """One quote block."""
        self.end_paragraph()
        if block := quote_block(self.blocks):
            around.add(block)


class InlineFrame(BlockFrame):
    """What stands inside a sentence, though it may hold paragraphs: it continues the text around.

    `before` and `after` go around it, such as brackets; several blocks are blocks of the container around.
    """

    def __init__(self, *, before: str = "", after: str = "") -> None:
        super().__init__()
        self._before = before
        self._after = after

    def close(self, around: Frame) -> None:
        """One paragraph joins the text around."""
        self.end_paragraph()
        if len(self.blocks) == 1 and self.blocks[0].kind == "paragraph":
            around.take_text(f"{self._before}{self.blocks[0].text}{self._after}")
        elif self.blocks:
            around.end_paragraph()
            for block in self.blocks:
                around.add(block)


class ListFrame(BlockFrame):
    """A list. `number`: that of the next item, None if it is not ordered."""

    def __init__(self, *, number: int | None = None) -> None:
        super().__init__()
        self.number = number
        self.items: list[ListItem] = []

    def add(self, block: Block) -> None:
        """What stands between items belongs to the one before."""
        if not self.items:
            self.items.append(ListItem(number=self.number))
        self.items[-1].blocks.append(block)

    def close(self, around: Frame) -> None:
        """One list block."""
        self.end_paragraph()
        if block := list_block(self.items):
            around.add(block)


class ItemFrame(BlockFrame):
    """An item of a list. `is_done`: None if it is no task."""

    def __init__(self, *, number: int | None = None) -> None:
        super().__init__()
        self.number = number
        self.is_done: bool | None = None

    def close(self, around: Frame) -> None:
        """An item of the list around; without one, its blocks alone."""
        self.end_paragraph()
        if not isinstance(around, ListFrame):
            super().close(around)
            return
        around.items.append(ListItem(blocks=self.blocks, number=self.number, is_done=self.is_done))
        if self.number is not None:
            around.number = self.number + 1


class DefinitionFrame(BlockFrame):
    """What a term of a definition list means: it continues the term's item as `term: meaning`."""

    def close(self, around: Frame) -> None:
        """The first paragraph on the term's line, the rest below it."""
        self.end_paragraph()
        if isinstance(around, ListFrame) and around.items and around.items[-1].blocks and self.blocks:
            term, first = around.items[-1].blocks[-1], self.blocks[0]
            if term.kind == first.kind == "paragraph":
                joined = f"{term.text}{'; ' if ': ' in term.text else ': '}{first.text}"
                around.items[-1].blocks[-1] = Block(kind="paragraph", text=joined)
                del self.blocks[0]
        super().close(around)


class CodeFrame:
    """Preformatted text: every character counts."""

    def __init__(self, *, language: str) -> None:
        self.pieces: list[str] = []
        self.language = language
        self.has_begun = False

    def take_text(self, text: str) -> None:
        """As it is, but for a newline right after the opening tag: HTML says that it is not there."""
        self.pieces.append(text if self.has_begun else text.removeprefix("\n"))
        self.has_begun = True

    def break_line(self) -> None:
        """A newline."""
        self.pieces.append("\n")

    def end_paragraph(self) -> None:
        """A block inside preformatted text is a line of it."""
        if self.pieces and not self.pieces[-1].endswith("\n"):
            self.pieces.append("\n")

    def add(self, block: Block) -> None:
        """What cannot be inside preformatted text joins it as text."""
        self.pieces.append(block.text + "\n")

    def add_table(self, grid: Grid) -> None:
        """Its rows as text."""
        self.pieces.append(pipe_table(grid) + "\n")

    def block(self) -> Block | None:
        """The code block; None if there is nothing but space in it."""
        return code_block("".join(self.pieces), language=self.language)

    def close(self, around: Frame) -> None:
        """One code block."""
        if block := self.block():
            around.add(block)


class TableFrame(BlockFrame):
    """A table. Blocks that are in no cell, such as its caption, come before it.

    A cell is one line, so code of several lines in any cell stands below the table, and `[code 1]` in its place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[Cell]] = []
        self.is_in_head = False
        self.last_cell: list[Block] = []
        self.around: TableFrame | None = None
        self._code: list[Block] = []

    def leave_head(self) -> None:
        """The header rows end."""
        self.is_in_head = False

    def put_below(self, code: Block) -> Block:
        """Code of several lines in one of the cells; gives what stands in its place."""
        if self.around:
            return self.around.put_below(code)
        self._code.append(code)
        return Block(kind="paragraph", text=f"[code {len(self._code)}]")

    def close(self, around: Frame) -> None:
        """A table; one line inside another table's cell; a single cell is only a frame around its blocks."""
        super().close(around)
        rows = [row for row in self.rows if row]
        code = {f"[code {number}]": block for number, block in enumerate(self._code, 1)}
        if len(rows) == 1 and len(rows[0]) == 1:
            for block in self.last_cell:
                around.add(code.pop(block.text, block))
        else:
            around.add_table(expand_spans(rows))
        for place, block in code.items():
            around.add(Block(kind="paragraph", text=place))
            around.add(block)


class CellFrame(BlockFrame):
    """A cell of a table."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self._cell = cell

    def add_table(self, grid: Grid) -> None:
        """A table in the cell is one line of it."""
        self.add(Block(kind="paragraph", text=flat_table(grid)))

    def close(self, around: Frame) -> None:
        """One line of text in the table's last row; without a table, its blocks alone."""
        self.end_paragraph()
        if not isinstance(around, TableFrame):
            super().close(around)
            return
        self._cell.text = one_line(cell_text(self.blocks))
        around.last_cell = self.blocks
        if not around.rows:
            around.rows.append([])
        around.rows[-1].append(self._cell)
