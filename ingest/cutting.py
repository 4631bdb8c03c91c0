"""Where a block may be cut: between table rows, list items, lines of code, sentences; between words at last."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from kb.documents import BlockKind, Section

_RULE_ROW = re.compile(r"\|(?: --- \|)+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n")
_ITEM_START = re.compile(r"\s*(?:- |\d+\. )")
_LINE_START = re.compile(r"^", re.MULTILINE)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of one block of a section's text. `opening` and `closing` are the block's, such as a table's header."""

    section: int
    kind: BlockKind
    block_start: int
    block_end: int
    start: int
    end: int
    cut_count: int = 0
    opening: str = ""
    closing: str = ""

    @property
    def before(self) -> str:
        """What has to be repeated before a text that starts here."""
        return self.opening if self.start > self.block_start else ""

    @property
    def after(self) -> str:
        """What has to be repeated after a text that ends here."""
        return self.closing if self.end < self.block_end else ""


def block_spans(section: Section, *, number: int) -> Iterator[Span]:
    """One span for each block. `number`: the section's place in its document."""
    start = 0
    for block in section.blocks:
        end = start + len(block.text)
        opening, closing = _frame(block.kind, block.text)
        yield Span(
            section=number,
            kind=block.kind,
            block_start=start,
            block_end=end,
            start=start,
            end=end,
            opening=opening,
            closing=closing,
        )
        start = end + len("\n\n")


def cut(span: Span, text: str, *, into: int) -> list[Span]:
    """The span in smaller ones that hold all its words. `into`: how many are needed at least. `text`: the section's."""
    inside = text[span.start : span.end]
    starts = [start for start in _starts(span, inside, into=into) if 0 < start < len(inside)]
    edges = [0, *starts, len(inside)]
    parts = [_trimmed(span, inside, start, end) for start, end in pairwise(edges)]
    return [part for part in parts if part.start < part.end]


def _frame(kind: BlockKind, text: str) -> tuple[str, str]:
    """A table's header and a code's fences: what a piece from the middle needs to make sense."""
    lines = text.split("\n")
    if kind == "code" and len(lines) > 2:
        return f"{lines[0]}\n", f"\n{lines[-1]}"
    if kind == "table" and len(lines) > 2 and _RULE_ROW.fullmatch(lines[1]):
        return f"{lines[0]}\n{lines[1]}\n", ""
    return "", ""


def _starts(span: Span, inside: str, *, into: int) -> Iterator[int]:
    is_prose = span.kind not in {"table", "code"}
    if span.cut_count == 0 and span.kind != "paragraph":
        return _line_starts(span, inside)
    if is_prose and span.cut_count <= (span.kind != "paragraph"):
        return (found.end() for found in _SENTENCE_END.finditer(inside))
    return _even_starts(inside, into=max(2, into))


def _line_starts(span: Span, inside: str) -> Iterator[int]:
    """Where rows, items or lines begin. What opens and closes the block stays with the first and last of them."""
    body_start, body_end = len(span.opening), len(inside) - len(span.closing)
    for found in _LINE_START.finditer(inside):
        if body_start < found.start() < body_end:
            is_item = span.kind not in {"list", "task"} or _ITEM_START.match(inside, found.start())
            if is_item:
                yield found.start()


def _even_starts(inside: str, *, into: int) -> Iterator[int]:
    """Cuts at even distances, each moved to the next space before the cut after it."""
    step = max(1, -(-len(inside) // into))
    for wanted in range(step, len(inside), step):
        space = _SPACE.search(inside, wanted, min(wanted + step, len(inside)))
        yield space.end() if space else wanted


def _trimmed(span: Span, inside: str, start: int, end: int) -> Span:
    """Without space at its ends; the indentation of code stays."""
    part = inside[start:end]
    leading = len(part) - len(part.lstrip("\n" if span.kind == "code" else None))
    return replace(
        span,
        start=span.start + start + leading,
        end=span.start + start + max(leading, len(part.rstrip())),
        cut_count=span.cut_count + 1,
    )
