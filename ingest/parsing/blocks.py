"""How containers of blocks are written as one block of light Markdown: lists, quotes, code, table cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.parsing.tables import Grid, pipe_table
from kb.documents import Block

_FENCE = re.compile(r"^\s*(`{3,})", re.MULTILINE)
_BULLET = re.compile(r"^- (?:\[[ x]\] )?")
_LANGUAGE = re.compile(r"[\w.+#-]{1,40}")


@dataclass(slots=True, kw_only=True)
class ListItem:
    """One item: its blocks, its number in an ordered list, and whether a task is done."""

    blocks: list[Block] = field(default_factory=list)
    number: int | None = None
    is_done: bool | None = None


def list_block(items: Sequence[ListItem]) -> Block | None:
    """The whole list as one block, nested blocks indented below their item; None if nothing is in it."""
    kept = [each for each in items if each.blocks]
    if not kept:
        return None
    is_task = any(each.is_done is not None for each in kept)
    nested = _ids_by_line([block for each in kept for block in each.blocks], gap=0)
    return Block(kind="task" if is_task else "list", text="\n".join(map(_item_text, kept)), inner_ids=nested)


def quote_block(blocks: Sequence[Block]) -> Block | None:
    """Every line behind a `>`."""
    text = "\n\n".join(block.text for block in blocks)
    if not text.strip():
        return None
    quoted = "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
    return Block(kind="quote", text=quoted, inner_ids=_ids_by_line(blocks, gap=1))


def code_block(code: str, *, language: str = "") -> Block | None:
    """Fenced code, its newlines as they are. The fence is longer than any inside."""
    if not code.strip():
        return None
    code = code.removesuffix("\n")
    fence = "`" * max([3, *(len(inner) + 1 for inner in _FENCE.findall(code))])
    return Block(kind="code", text=f"{fence}{language if _LANGUAGE.fullmatch(language) else ''}\n{code}\n{fence}")


def table_block(grid: Grid) -> Block | None:
    """A pipe table; None if no cell has text."""
    text = pipe_table(grid)
    return Block(kind="table", text=text) if text else None


def cell_text(blocks: Sequence[Block]) -> str:
    """The blocks of a table cell on one line."""
    return " / ".join(filter(None, map(_cell_part, blocks)))


def paragraphs(text: str) -> list[Block]:
    """Paragraph blocks of prose in which an empty line separates two of them."""
    return [Block(kind="paragraph", text=part.strip()) for part in re.split(r"\n{2,}", text) if part.strip()]


def _ids_by_line(blocks: Sequence[Block], *, gap: int) -> tuple[tuple[int, str], ...]:
    """Where the nested blocks begin, by line, as their container keeps every line. `gap`: empty lines between two."""
    found: list[tuple[int, str]] = []
    first_line = 0
    for block in blocks:
        own = [(0, block.native_id)] if block.native_id else []
        found += [(first_line + number, native_id) for number, native_id in (*own, *block.inner_ids)]
        first_line += block.text.count("\n") + 1 + gap
    return tuple(found)


def _item_text(each: ListItem) -> str:
    bullet = "- " if each.number is None else f"{each.number}. "
    box = "" if each.is_done is None else "[x] " if each.is_done else "[ ] "
    content = "\n".join(block.text for block in each.blocks)
    indented = content.replace("\n", "\n" + " " * len(bullet))
    # No spaces at the end of empty lines of code.
    return bullet + box + re.sub(r"\n +(?=\n)", "\n", indented)


def _cell_part(block: Block) -> str:
    lines = [line.strip() for line in block.text.split("\n") if line.strip()]
    match block.kind:
        case "list" | "task":
            return "; ".join(_BULLET.sub("", line) for line in lines)
        case "code":
            return f"`{' '.join(lines[1:-1])}`"
        case "quote":
            return " ".join(line.removeprefix(">").strip() for line in lines)
        case _:
            return " ".join(lines)
