"""A page's tree of Notion blocks becomes sections of light Markdown. Every kind of block has a text or is counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from ingest.parsing.assembling import Assembler
from ingest.parsing.blocks import paragraphs
from ingest.parsing.frames import ItemFrame, ListFrame, QuoteFrame
from ingest.parsing.notion_json import objects_at, text_at
from ingest.parsing.notion_leaves import NotionBlock, fallback_text, icon_of, leaf_blocks, table_of
from ingest.parsing.notion_rich_text import NotionNames, line, linked_ids, prose
from ingest.parsing.sections import LONGEST_HEADING, ParsedPage, SectionBuilder
from kb.documents import Block, Section

HEADINGS = {f"heading_{level}": level for level in range(1, 7)}
LISTS = frozenset({"bulleted_list_item", "numbered_list_item", "to_do"})
# Their blocks stand where they are, as if they were not in a container.
TRANSPARENT = frozenset({"column_list", "column", "tab", "synced_block"})
# Blocks whose own text comes first and what is inside them after it.
TEXTS = frozenset({"paragraph", "toggle"})
MEETINGS = frozenset({"meeting_notes", "transcription"})
MEETING_LEVEL = 4
# The kinds that are not asked for what is inside them: documents of their own, or refused by the API.
CLOSED = frozenset({"child_page", "child_database", "link_to_page", "unsupported", "template"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedBlocks:
    """A page as sections. `left_out`: what of it has no text here, by kind of block, and how often."""

    page: ParsedPage
    left_out: Mapping[str, int]


def parse_blocks(
    blocks: Sequence[NotionBlock], *, url: str, title: str, names: NotionNames, facts: Sequence[str] = ()
) -> ParsedBlocks:
    """The page's sections; a section's link, and that of each block in it, is `url#BLOCK`. Never raises for content.

    `facts`: lines that stand before the blocks, such as a row's properties; a link to them opens the page itself.
    """
    builder = SectionBuilder(url=url, title=title)
    if facts:
        builder.add(Block(kind="paragraph", text="\n".join(facts)))
    reader = _BlockReader(builder, names)
    reader.read(blocks)
    page = builder.build(links=reader.links)
    sections = tuple(_linked(section, url=url) for section in page.sections)
    shown = {heading for section in sections for heading in section.heading_path}
    if lost := sum(heading not in shown for heading in reader.headings):
        reader.left_out["heading without text below it"] += lost
    return ParsedBlocks(page=replace(page, title=title, sections=sections), left_out=dict(reader.left_out))


class _BlockReader:
    """Walks the tree with a stack of steps, so that no depth is too deep."""

    def __init__(self, builder: SectionBuilder, names: NotionNames) -> None:
        self.links: list[str] = []
        self.left_out: Counter[str] = Counter()
        self.headings: list[str] = []
        self._builder = builder
        self._names = names
        self._assembler = Assembler(builder)
        self._steps: list[Callable[[], object]] = []
        self._opened: list[bool] = []
        # What is inside a synced copy belongs to another page: on this one, the copy is what can be linked to.
        self._shown_as = ""

    def read(self, blocks: Sequence[NotionBlock]) -> None:
        """All blocks in reading order: a parent before what is inside it."""
        self._push(self._siblings(blocks))
        while self._steps:
            self._steps.pop()()
        self._assembler.finish()

    def _push(self, steps: Iterable[Callable[[], object]]) -> None:
        self._steps.extend(reversed(list(steps)))

    def _siblings(self, blocks: Sequence[NotionBlock]) -> Iterable[Callable[[], object]]:
        """Steps for blocks side by side; neighbours of one kind of list are one list."""
        for kind, group in groupby(blocks, key=lambda block: block.kind):
            members = list(group)
            if kind not in LISTS:
                yield from (partial(self._block, block) for block in members)
                continue
            yield partial(self._open, ListFrame(number=_first_number(members[0])))
            for number, block in enumerate(members, start=_first_number(members[0]) or 0):
                yield partial(self._item, block, number)
            yield self._close

    def _block(self, block: NotionBlock) -> None:
        self._note_links(block)
        leaves = leaf_blocks(block, self._names)
        if leaves is not None:
            self._leaf(block, leaves)
        elif block.kind in HEADINGS:
            self._heading(block, level=HEADINGS[block.kind])
        elif block.kind in {"quote", "callout"}:
            self._quote(block)
        elif block.kind == "table":
            self._table(block)
        elif block.kind in MEETINGS:
            self._meeting(block)
        elif block.kind in TRANSPARENT:
            self._container(block)
        else:
            self._text(block)

    def _leaf(self, block: NotionBlock, leaves: Sequence[Block]) -> None:
        if not leaves and block.kind in {"child_database", "link_to_page"}:
            self.left_out[f"{block.kind} without a title"] += 1
        for leaf in leaves:
            self._add(block, leaf)

    def _text(self, block: NotionBlock) -> None:
        """A paragraph, a toggle, or a kind that nobody has told us about."""
        if block.kind in TEXTS | {"template"}:
            self._say(block, self._prose_of(block))
        elif block.kind == "unsupported":
            self.left_out[text_at(block.payload, "block_type") or "unsupported"] += 1
        else:
            self.left_out[block.kind] += 1
            self._say(block, fallback_text(block.payload, self._names))
        if block.kind not in CLOSED:
            self._push(self._siblings(block.children))

    def _heading(self, block: NotionBlock, *, level: int) -> None:
        text = line(objects_at(block.payload, "rich_text"), self._names)
        self._start_section(block, text, level=level)
        self._push(self._siblings(block.children))

    def _start_section(self, block: NotionBlock, text: str, *, level: int) -> None:
        """A section under this heading; inside a container, and where it is too long for one, a paragraph."""
        if not text:
            return
        if self._assembler.is_at_page_level and len(text) <= LONGEST_HEADING:
            self._builder.heading(text, level=level, fragment=self._shown_as or block.id)
            self.headings.append(text)
        else:
            self._say(block, text)

    def _item(self, block: NotionBlock, number: int) -> None:
        self._note_links(block)
        frame = ItemFrame(number=number if block.kind == "numbered_list_item" else None)
        if block.kind == "to_do":
            frame.is_done = block.payload.get("checked") is True
        self._open(frame)
        self._say(block, self._prose_of(block))
        self._push([*self._siblings(block.children), self._close])

    def _quote(self, block: NotionBlock) -> None:
        self._open(QuoteFrame())
        icon = icon_of(block.payload) if block.kind == "callout" else ""
        text = self._prose_of(block)
        self._say(block, f"{icon} {text}".strip() if text else "")
        self._push([*self._siblings(block.children), self._close])

    def _table(self, block: NotionBlock) -> None:
        for row in block.children:
            self._note_links(row)
        table = table_of(block, self._names)
        if table:
            self._add(block, table)
        self._push(self._siblings([each for each in block.children if each.kind != "table_row"]))

    def _meeting(self, block: NotionBlock) -> None:
        title = line(objects_at(block.payload, "title"), self._names)
        self._start_section(block, title, level=MEETING_LEVEL)
        self._push(self._siblings(block.children))

    def _container(self, block: NotionBlock) -> None:
        if block.is_unread:
            self.left_out["synced copy of what is not shared"] += 1
        before = self._shown_as
        if text_at(block.payload, "synced_from", "block_id"):
            self._shown_as = before or block.id
        self._push([*self._siblings(block.children), partial(setattr, self, "_shown_as", before)])

    def _prose_of(self, block: NotionBlock) -> str:
        return prose(objects_at(block.payload, "rich_text"), self._names)

    def _say(self, block: NotionBlock, text: str) -> None:
        for paragraph in paragraphs(text):
            self._add(block, paragraph)

    def _add(self, block: NotionBlock, said: Block) -> None:
        self._assembler.innermost.add(replace(said, native_id=self._shown_as or block.id))

    def _open(self, frame: ListFrame | ItemFrame | QuoteFrame) -> None:
        self._opened.append(self._assembler.open(frame))

    def _close(self) -> None:
        if self._opened.pop():
            self._assembler.close()

    def _note_links(self, block: NotionBlock) -> None:
        runs = [*objects_at(block.payload, "rich_text"), *objects_at(block.payload, "caption")]
        cells = block.payload.get("cells")
        for cell in cells if isinstance(cells, list) else []:
            runs += objects_at({"cell": cell}, "cell")
        kind = text_at(block.payload, "type")
        target = text_at(block.payload, kind) if block.kind == "link_to_page" else ""
        self.links += [*linked_ids(runs), *([target.replace("-", "")] if target else [])]


def _first_number(block: NotionBlock) -> int | None:
    """Where a numbered list starts; None for other lists. Letters and Roman numerals are written as numbers."""
    if block.kind != "numbered_list_item":
        return None
    start = block.payload.get("list_start_index")
    return start if isinstance(start, int) and not isinstance(start, bool) else 1


def _linked(section: Section, *, url: str) -> Section:
    """The section with a link to its heading's block, or to its first block where it has no heading."""
    first = next((native_id for _, native_id in section.anchors[:1]), "")
    return section if section.anchor or not first else replace(section, url=f"{url}#{first}")
