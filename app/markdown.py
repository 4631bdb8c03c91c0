"""Answers as Markdown for other people's programs, which make of Markdown what they will: links are ours alone."""

import re
from collections.abc import Sequence

from app.answering.types import Citation, ClosestPage, Notice, Sentence
from app.blocks import Block, Span, blocks_of, sentence_blocks

# What begins something in Markdown or HTML: links, images, tags, emphasis, headings, tables.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#!&])")
# Programs make links of these by themselves; in code they do not.
_ADDRESS = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.|mailto:)[^\s`]+")


def safe_markdown(text: str) -> str:
    """Light Markdown with its emphasis and code, and nothing in it that could become a link, an image or a tag."""
    return "\n\n".join(_block(block) for block in blocks_of(text))


def sentence_markdown(sentence: Sentence) -> str:
    """A sentence of an answer; code as a fenced block in its language."""
    return "\n\n".join(_block(block) for block in sentence_blocks(sentence))


def citation_links(citations: Sequence[Citation], *, has_links: bool) -> str:
    """`[[1]](url)` for each, or `[1]`."""
    if not has_links:
        return "".join(f"[{each.number}]" for each in citations)
    return " ".join(f"[[{each.number}]]({link_address(each.url)})" for each in citations)


def closest_list(pages: Sequence[ClosestPage]) -> str:
    """The closest pages as a list; nothing if there are none."""
    lines = [f"- [{_escape(page.title)}]({link_address(page.url)})" for page in pages]
    return "\n\nThe closest pages:\n\n" + "\n".join(lines) if lines else ""


def notice_lines(notices: Sequence[Notice]) -> str:
    """The warnings, each a paragraph of its own; nothing if there are none."""
    return "".join(f"\n\n*Note:* {_text(notice.text)}" for notice in notices)


def link_address(url: str) -> str:
    """An address that cannot end its Markdown link early."""
    for char in "()<>[] \\\n":
        url = url.replace(char, f"%{ord(char):02X}")
    return url


def _block(block: Block) -> str:
    if block.kind == "code":
        text = "".join(span.text for span in block.spans)
        fence = "`" * max(3, _longest_run(text) + 1)
        return f"{fence}{block.language}\n{text}\n{fence}"
    if block.kind == "list":
        return "\n".join(f"- {_spans(row[0] if row else ())}" for row in block.rows)
    if block.kind == "table":
        lines = ["| " + " | ".join(_spans(cell).replace("\n", " ") for cell in row) + " |" for row in block.rows]
        return "\n".join([*lines[:1], "|" + " --- |" * len(block.rows[0]), *lines[1:]])
    return _spans(block.spans)


def _spans(spans: Sequence[Span]) -> str:
    marks = {"strong": "**", "emphasis": "*", "text": ""}
    return "".join(
        _code(span.text) if span.kind == "code" else f"{marks[span.kind]}{_text(span.text)}{marks[span.kind]}"
        for span in spans
    )


def _text(text: str) -> str:
    parts: list[str] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        parts += [_escape(text[end : found.start()]), _code(found.group())]
        end = found.end()
    return "".join([*parts, _escape(text[end:])])


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _code(text: str) -> str:
    fence = "`" * (_longest_run(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
