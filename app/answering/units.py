"""A section's text as quotable units: sentences, list items, table rows and code blocks, each an exact substring."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

UnitKind = Literal["sentence", "item", "row", "code"]

_ITEM = re.compile(r"^(?P<indent>\s*)(?:[-*+•]|\d{1,4}[.)])\s+(?:\[[ xX]\]\s+)?(?P<words>\S.*)$")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\Wa-z])|\n")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|approx|no|nos|fig|dr|mr|mrs|ms|st|jan|feb|aug|sept?|oct|nov|dec)|\b[A-Z])\.$", re.I
)
_RULE_ROW = re.compile(r"^\|?[\s:|-]+\|?$")
_LANGUAGE = re.compile(r"[A-Za-z][\w+#.-]{0,30}")
_CELL_SPLIT = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The smallest thing quoted. `quote` is an exact substring of the section; `text` is how it reads on its own;
    `context` holds words it depends on (the line before a list, a table's header).

    `above`: exact substrings too, what the quote hangs on in reading order: a table's header row, the line before a
    list or a piece of code, the items that an item is nested in. `language`: of code, as its fence says.
    """

    kind: UnitKind
    quote: str
    text: str
    context: str = ""
    position: int = 0
    above: tuple[str, ...] = ()
    language: str = ""


def units_of(section_text: str) -> list[Unit]:
    """The units in reading order. Every character of prose is in exactly one; table headers and fences are in none."""
    units: list[Unit] = []
    lead_in = ""
    for kind, block in _blocks(section_text):
        if kind == "code":
            units += _code_units(block, lead_in)
        elif kind == "table":
            units += _row_units(block, lead_in)
        elif kind == "list":
            units += _item_units(block, lead_in)
        else:
            units += _sentence_units(block)
        lead_in = _lead_in(block) if kind == "prose" else lead_in
    return [
        replace(unit, position=position, above=tuple(each for each in unit.above if each in section_text))
        for position, unit in enumerate(units)
    ]


def split_sentences(text: str) -> list[str]:
    """Sentences of a paragraph, each an exact substring without surrounding space."""
    sentences: list[str] = []
    start = 0
    for boundary in _SENTENCE_END.finditer(text):
        if text[boundary.start()] != "\n" and _ABBREVIATION.search(text[start : boundary.start()]):
            continue
        sentences.append(text[start : boundary.end()].strip())
        start = boundary.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        kind = _kind(lines[start])
        end = start + 1
        if kind == "code":
            while end < len(lines) and not lines[end].lstrip().startswith(lines[start].lstrip()[:3]):
                end += 1
            end += 1
        elif kind != "blank":
            while end < len(lines) and _continues(kind, lines[end]):
                end += 1
        if kind != "blank":
            yield kind, "\n".join(lines[start:end])
        start = end


def _kind(line: str) -> str:
    stripped = line.lstrip()
    if not stripped:
        return "blank"
    if stripped.startswith(("```", "~~~")):
        return "code"
    if stripped.startswith("|"):
        return "table"
    return "list" if _ITEM.match(line) else "prose"


def _continues(kind: str, line: str) -> bool:
    following = _kind(line)
    if kind == "list":
        return following == "list" or (following == "prose" and line.startswith(" "))
    return following == kind


def _lead_in(block: str) -> str:
    last = split_sentences(block.replace("> ", "")) or [""]
    return last[-1] if last[-1].endswith(":") else ""


def _sentence_units(block: str) -> Iterator[Unit]:
    for sentence in split_sentences(block):
        quote = sentence.removeprefix("> ").removeprefix(">").strip()
        if quote:
            yield Unit(kind="sentence", quote=quote, text=quote)


def _item_units(block: str, lead_in: str) -> Iterator[Unit]:
    parents: list[tuple[int, str]] = []  # indentation and words, as they stand in the section
    for line in _joined_items(block):
        found = _ITEM.match(line.split("\n")[0])
        if found is None:
            continue
        indent, quote = len(found["indent"]), line[found.start("words") :].rstrip()
        parents = [parent for parent in parents if parent[0] < indent]
        above = tuple(filter(None, [lead_in, *(words for _, words in parents)]))
        context = " ".join(_one_line(words) for words in above)
        text = f"{context} {quote}" if context.endswith(":") else quote
        yield Unit(kind="item", quote=quote, text=_one_line(text), context=context, above=above)
        parents.append((indent, quote))


def _joined_items(block: str) -> list[str]:
    items: list[str] = []
    for line in block.split("\n"):
        if _ITEM.match(line) or not items:
            items.append(line)
        else:
            items[-1] += "\n" + line
    return items


def _row_units(block: str, lead_in: str) -> Iterator[Unit]:
    rows = [line.strip() for line in block.split("\n")]
    has_header = len(rows) > 1 and bool(_RULE_ROW.match(rows[1]))
    header = _cells(rows[0]) if has_header else []
    for row in rows[2 if has_header else 0 :]:
        cells = _cells(row)
        if not any(cells):
            continue
        context = " ".join([lead_in, *header]).strip()
        above = tuple(filter(None, [lead_in, rows[0] if has_header else ""]))
        yield Unit(kind="row", quote=row, text=_row_text(header, cells), context=context, above=above)


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELL_SPLIT.split(row.strip().strip("|"))]


def _row_text(header: list[str], cells: list[str]) -> str:
    if len(cells) < 2 or len(header) != len(cells):
        return " — ".join(cell for cell in cells if cell)
    named = [f"{name}: {cell}" if name else cell for name, cell in zip(header[1:], cells[1:], strict=True) if cell]
    return f"{cells[0]} — {'; '.join(named)}" if cells[0] else "; ".join(named)


def _code_units(block: str, lead_in: str) -> Iterator[Unit]:
    lines = block.split("\n")
    is_closed = len(lines) > 1 and lines[-1].lstrip().startswith(lines[0].lstrip()[:3])
    code = "\n".join(lines[1:-1] if is_closed else lines[1:])
    if code.strip():
        language = _LANGUAGE.match(lines[0].lstrip().lstrip("`~"))
        yield Unit(
            kind="code",
            quote=code,
            text=code,
            context=lead_in,
            above=(lead_in,) if lead_in else (),
            language=language.group() if language else "",
        )


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text)
