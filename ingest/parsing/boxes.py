"""Containers that stand out on a page: panels with their label and title, and tables of page properties."""

from ingest.parsing.frames import BlockFrame, Frame
from ingest.parsing.tables import Grid, properties
from kb.documents import Block


class PanelFrame(BlockFrame):
    """A box that stands out, such as a warning: its label and title lead in. Both may become known while it is read."""

    def __init__(self, *, label: str = "", title: str = "") -> None:
        super().__init__()
        self.label = label
        self.title = title

    def close(self, around: Frame) -> None:
        """`Warning: text`; a title stands before the blocks as `Warning: title`."""
        self.end_paragraph()
        label = f"{self.label}:" if self.label else ""
        if self.blocks and self.title:
            around.add(Block(kind="paragraph", text=f"{label} {self.title}".strip()))
        elif self.blocks and label:
            first = self.blocks[0] if self.blocks[0].kind == "paragraph" else None
            around.add(Block(kind="paragraph", text=f"{label} {first.text}" if first else label))
            del self.blocks[: 1 if first else 0]
        super().close(around)


class PropertiesFrame(BlockFrame):
    """Page properties: what its tables name, each on a line of its own."""

    def add_table(self, grid: Grid) -> None:
        """`name: value` lines."""
        if lines := properties(grid):
            self.add(Block(kind="paragraph", text="\n".join(lines)))
